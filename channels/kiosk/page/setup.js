// The set-up page's self-test. It keeps nothing and sends nothing.
const $ = id => document.getElementById(id), tell = (id, words) => { $(id).textContent = words; };

const ratio = Math.round(devicePixelRatio * 1000) / 1000;
tell("ratio", `This browser draws ${ratio} dots to a CSS pixel now, on a page of ${innerWidth} by ${innerHeight}.`);
if (!new URLSearchParams(location.search).has("now")) $("now").value = ratio;

// Keys: what the browser calls them. In a field keys write.
tell("key", "No key was pressed yet.");
addEventListener("keydown", e => {
  if (e.target.matches("input")) return;
  const name = e.key === " " ? "Space" : e.key;
  tell("key", `${name}${e.code && e.code !== name ? ` (${e.code})` : ""}${e.repeat ? ", held" : ""}`);
  for (const cell of document.querySelectorAll("[data-key]")) {
    const range = cell.dataset.key.match(/^(\d) to (\d)$/), names = cell.dataset.key.split(/, | /);
    if (names.includes(e.key) || range && e.key >= range[1] && e.key <= range[2] && e.key.length === 1) cell.textContent = "yes";
  }
  if (/^(Arrow|F\d|\/)/.test(e.key)) e.preventDefault();
});

// Touch: a square turns white where it was touched, and it is told how far from its middle that was.
$("spots").addEventListener("click", e => {
  const b = e.target.closest("button");
  if (!b) return;
  b.setAttribute("aria-pressed", "true");
  const r = b.getBoundingClientRect(), off = Math.hypot(e.clientX - r.x - r.width / 2, e.clientY - r.y - r.height / 2) * 25.4 / 96;
  const left = $("spots").querySelectorAll("[aria-pressed=false]").length;
  tell("touch", `Touched ${off.toFixed(1)} mm from the middle. ${left ? `${left} to go.` : "All were touched."}`);
});

// Sound: a tone on one side; and what the sound goes to.
const tone = side => {
  const c = new AudioContext(), o = c.createOscillator(), g = c.createGain(), p = c.createStereoPanner();
  p.pan.value = side;
  g.gain.value = 0.3;
  o.frequency.value = 500;
  o.connect(g).connect(p).connect(c.destination);
  o.start();
  o.stop(c.currentTime + 1);
  o.onended = () => c.close();
};
$("left").onclick = () => tone(-1);
$("right").onclick = () => tone(1);
const outlets = async () => {
  const all = await navigator.mediaDevices?.enumerateDevices() ?? [];
  const names = all.filter(x => x.kind === "audiooutput").map(x => x.label || "a device whose name the browser hides");
  tell("phones", names.length ? `Sound can go to: ${names.join("; ")}.` : "The browser sees no device for sound.");
};
if (navigator.mediaDevices) navigator.mediaDevices.ondevicechange = outlets;
outlets();

// Letters: a sign that no font has is drawn as a box; one that looks like that box is missing.
const drawn = (sign, at) => {
  const c = document.createElement("canvas");
  c.width = c.height = 48;
  const x = c.getContext("2d", { willReadFrequently: true });
  x.font = `32px ${getComputedStyle(at).fontFamily}`;
  x.fillText(sign, 6, 36);
  return x.getImageData(0, 0, 48, 48).data.join();
};
for (const item of document.querySelectorAll("#fonts [lang]")) {
  const box = drawn("\u{10fffe}", item), none = [...item.textContent].filter(s => /\p{L}/u.test(s) && drawn(s, item) === box);
  item.parentNode.querySelector(".found").textContent = none.length ? `– ${none.length} letters are missing` : "– all letters are there";
}

// Microphone: how loud the room is; nothing is recorded.
$("mic").onclick = async () => {
  let s;
  try {
    s = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (e) {
    return tell("heard", `It can't be used: ${e.name}.`);
  }
  const c = new AudioContext(), a = c.createAnalyser(), b = new Float32Array(a.fftSize), end = performance.now() + 5000;
  c.createMediaStreamSource(s).connect(a);
  let most = 0;
  const look = () => {
    a.getFloatTimeDomainData(b);
    const level = Math.min(100, Math.round(300 * Math.sqrt(b.reduce((n, v) => n + v * v, 0) / b.length)));
    most = Math.max(most, level);
    $("level").value = level;
    if (performance.now() < end) return requestAnimationFrame(look);
    s.getTracks().forEach(t => t.stop());
    c.close();
    outlets();
    tell("heard", most > 3 ? `It hears: ${most} of 100 at the loudest.` : "It hears nothing: is it switched off?");
  };
  tell("heard", "Speak now.");
  look();
};
