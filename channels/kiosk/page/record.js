// A recording of the voice: start, stop, listen, again. It leaves with Continue, not before.
const R = $("rec"), what = R && R.querySelector("[role=status]");
let recorder, sound, heard;
function offer(words, ...values) {
  what.textContent = R.dataset[words] || "";
  for (const b of all("button", R)) b.hidden = !values.includes(b.value);
  const b = R.querySelector(`[value=${values[0]}]`);
  if (R.contains(d.activeElement) || d.activeElement === d.body) b.focus({ focusVisible: true });
}
const ended = () => new Promise(done => {
  if (recorder?.state !== "recording") return done();
  recorder.addEventListener("stop", done);
  recorder.stop();
});
async function record() {
  let stream, words = "done";
  stop();
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    return offer("denied", "start");
  }
  const parts = [], r = recorder = new MediaRecorder(stream, { audioBitsPerSecond: 24e3 });
  r.ondataavailable = e => parts.push(e.data);
  const end = setTimeout(() => { words = "full"; ended(); }, (R.dataset.max || 120) * 1e3);
  r.onstop = () => {
    clearTimeout(end);
    for (const t of stream.getTracks()) t.stop();
    sound = new Blob(parts, { type: r.mimeType });
    offer(words, "hear", "again");
    tone();
  };
  sound = 0;
  r.start();
  tone();
  offer("on", "stop");
}
if (R && navigator.mediaDevices && window.MediaRecorder) {
  R.hidden = false;
  offer("", "start");
  busy = () => recorder?.state === "recording";
  attach = async b => {
    await ended();
    if (sound) b.set("sound", sound, /mp4/.test(sound.type) ? "sound.m4a" : "sound.webm");
    return b;
  };
  R.addEventListener("click", e => {
    const v = e.target.closest("button")?.value;
    if (v === "start" || v === "again") record();
    if (v === "stop") ended();
    if (v === "hear") {
      URL.revokeObjectURL(heard);
      stop();
      au = new Audio(heard = URL.createObjectURL(sound));
      au.onended = stop;
      au.play();
    }
  });
}
