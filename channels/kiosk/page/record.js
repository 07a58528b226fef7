// A recording of the voice: start, stop, listen, again. It leaves with Continue, not before.
const R = $("record");
let recorder, sound, heard;
// what can be pressed now; the focus goes with it
function offer(...now) {
  const was = R.contains(d.activeElement);
  for (const b of all("button,#rec-no", R)) b.hidden = !now.includes(b.id.slice(4));
  if (was) $("rec-" + now[0]).focus({ focusVisible: true });
}
const ended = () => new Promise(done => {
  if (recorder?.state !== "recording") return done();
  recorder.addEventListener("stop", done);
  recorder.stop();
});
async function record() {
  let stream;
  stop();
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    offer("start", "no");
    if (S) say(name($("rec-no")));
    return;
  }
  const parts = [], r = recorder = new MediaRecorder(stream, { audioBitsPerSecond: 24e3 });
  r.ondataavailable = e => parts.push(e.data);
  const end = setTimeout(ended, R.dataset.records * 1e3);
  r.onstop = () => {
    clearTimeout(end);
    for (const t of stream.getTracks()) t.stop();
    sound = new Blob(parts, { type: r.mimeType });
    offer("play", "again");
    tone();
  };
  sound = 0;
  r.start();
  tone();
  offer("stop");
}
if (R && navigator.mediaDevices && window.MediaRecorder) {
  R.hidden = false;
  offer("start");
  busy = () => recorder?.state === "recording";
  attach = async b => {
    await ended();
    if (sound) b.set("sound", sound, /mp4/.test(sound.type) ? "sound.m4a" : "sound.webm");
    return b;
  };
  R.addEventListener("click", e => {
    const b = e.target.closest("button")?.id;
    if (b === "rec-start" || b === "rec-again") record();
    if (b === "rec-stop") ended();
    if (b === "rec-play") {
      URL.revokeObjectURL(heard);
      stop();
      au = new Audio(heard = URL.createObjectURL(sound));
      au.onended = stop;
      au.play();
    }
  });
}
