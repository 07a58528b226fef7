// The kiosk's and the web page's script. Every page is complete without it; it makes presses sure, keys few, words heard,
// and answers safe when the server is away. It keeps nothing, and what is pressed is written down nowhere.
//
// This part and fields.js are on all; script.go puts kiosk.js, record.js and scan.js beside them where they are needed, all in
// one function.
//
// What it relies on stands at the head of page.html. Beside that, on html: data-press (ms for which the same control isn't
// taken again), data-volume (percent), data-phones, data-sink (speech only to headphones, to that device), data-move and
// data-choose (keys of two switches), data-click (the keys of the screen sound). data-ready appears when presses count.
const d = document, h = d.documentElement, conf = h.dataset, K = "kiosk" in conf, base = conf.base || location.pathname;
const $ = id => d.getElementById(id), all = (css, from = d) => [...from.querySelectorAll(css)];
const on = (what, act, how) => d.addEventListener(what, act, how);
const near = (x, css) => { for (; x; x = x.parentElement) { const y = x.querySelector(css); if (y) return y; } };
const typed = "textarea,input:not([type=hidden],[type=radio],[type=checkbox],[type=file])";
const slow = +conf.press;
setTimeout(() => { conf.ready = ""; }, K ? 400 : 0);

// A page that comes back from the browser's memory is another person's, or stale.
addEventListener("pageshow", e => { if (e.persisted) { h.hidden = true; location.replace(location.href); } });

// One press is one action. The same key or control is not taken again for half a second (EN 301 549, 5.8; keys of the
// on-screen keyboard and steppers: 120 ms), counted from its last press, so that a shaking hand presses once. What counts is
// when it was pressed, not when a slow machine comes to it.
const last = {};
function twice(kind, what, now, ms) {
  const [before, at] = last[kind] || [];
  last[kind] = [what, now];
  return before === what && now - at < (slow || ms);
}
const control = x => x.closest?.("button,a[href],label.opt,summary");
let inside;
on("click", e => {
  const c = control(e.target), box = e.target.type, passed = box && c === inside;
  inside = 0;
  // a card's click is passed on to the radio in it
  if (!c || passed) return;
  const early = K && !("ready" in conf), wait = /^(key|less|more)\./.test(c.value) ? 120 : 500;
  if (early || (K || c.type === "submit") && twice("control", c, e.timeStamp, wait)) {
    e.preventDefault();
    e.stopImmediatePropagation();
  } else if (!box && c.matches("label")) inside = c;
}, true);

// What is heard: clips one after the other, each with a mark on what it says. Anything that is done stops it at once.
const ending = new Audio().canPlayType("audio/ogg; codecs=opus") ? ".opus" : ".mp3";
let au, ahead, kept, queue = [], lit, turn = 0, S = "sound" in conf && !("mute" in conf);
function light(x) {
  lit?.classList.remove("playing");
  lit = x && (x.closest(".opt") || x);
  lit?.classList.add("playing");
  lit?.scrollIntoView({ block: "nearest" });
}
function stop() {
  turn++;
  queue = [];
  au?.pause();
  au = null;
  light();
}
function tone() {
  const c = new AudioContext(), o = c.createOscillator(), g = c.createGain();
  g.gain.value = 0.1;
  o.connect(g).connect(c.destination);
  o.start();
  o.stop(c.currentTime + 0.08);
  o.onended = () => c.close();
}
const load = key => Object.assign(new Audio(`${base}/audio/${key}${ending}`), { key });
let loud = async () => true, out, arm = () => {}, busy = () => false, idle, tick, gone;
async function next() {
  const mine = turn, [key, x] = queue.shift() || [];
  light(x);
  if (!key) { au = null; return; }
  au ||= new Audio();
  arm();
  const k = key.call ? await key() : key, may = await loud();
  if (mine !== turn) return;
  if (!may) stop();
  else if (k) play(k, mine);
  else next();
}
function play(key, mine) {
  au = [ahead, kept].find(x => x?.key === key) || load(key);
  au.volume = (conf.volume || 100) / 100;
  au.preservesPitch = true;
  au.defaultPlaybackRate = au.playbackRate = 2 ** (((conf.rate || 4) - 4) / 3);
  au.onended = () => mine === turn && next();
  // never silence without a word: the sentence for what can't be read aloud, and a tone where even that is away
  let failed;
  const fail = () => {
    if (failed || mine !== turn) return;
    failed = true;
    if (key !== "gap") return play("gap", mine);
    tone();
    next();
  };
  au.onerror = fail;
  if (out) au.setSinkId(out.deviceId);
  au.play().catch(e => {
    if (mine !== turn) return;
    // a browser that wants a press before anything may sound
    if (e.name === "NotAllowedError") stop();
    else fail();
  });
  ahead = queue[0]?.[0].at && load(queue[0][0]);
}
function say(list) {
  stop();
  queue = list;
  next();
}
// a sign has a clip by its name; for other words the server is asked, in a body, and answers with their clip's key
const sign = c => `k.${h.lang}.${c.codePointAt().toString(16)}`;
const tell = words => [[async () => {
  try {
    const r = await fetch(base + "/say", { method: "POST", body: words });
    if (r.ok) return r.text();
  } catch {}
  return "gap";
}]];
const chosen = yes => [[`p.${h.lang}.${yes ? "" : "un"}chosen`]];
// an element's own clip is followed by whether it is chosen, and by what was typed into it
const also = x => (x = x.control || x, [
  ...x.checked || x.ariaPressed === "true" ? chosen(true) : [],
  ...x.matches(typed) && x.value ? tell(x.value) : [],
]);
const clips = css => all(css).filter(x => x.dataset.a && x.dataset.a !== "none" && !x.closest("dialog:not([open]),#net,#record [hidden],[hidden]>*"))
  // what changed on the page has no clip of its own any more
  .flatMap(x => [...x.dataset.a === "tell" ? tell(x.textContent) : [[x.dataset.a, x]], ...also(x)]);
const read = () => say(clips(d.querySelector("dialog[open]") ? "dialog[open] [data-a]" : "[data-a]"));
function name(x) {
  const l = x.labels?.[0] || x;
  const a = [x, l, l.querySelector("[data-a]"), x.closest("[data-a]")].find(y => y?.dataset.a);
  return [...a ? [[a.dataset.a, x]] : [], ...also(x)];
}
on("change", e => {
  const x = e.target;
  if (S && x.name === "o") say([...name(x), ...x.checked ? [] : chosen()]);
});
on("click", e => {
  if (!e.target.closest("#say")) return;
  e.preventDefault();
  if (was) lasting(false);
  else listen();
});
let lasting = () => {};
function listen() {
  S = !("mute" in conf);
  lasting(S);
  if (S) read();
}
// "Listen" once more, while it speaks, is "be quiet"
let was;
for (const what of ["pointerdown", "keydown", "input"]) on(what, () => {
  if (what !== "input") was = !!au && what !== "keydown";
  stop();
  arm();
}, { capture: true, passive: true });

// Sending: tried until the server has it, always with the same token, and never twice from one page.
let pending, attach = async b => b;
async function ask(url, how) {
  for (let wait = 1e3; ; wait = Math.min(2 * wait, 8e3)) {
    try {
      const r = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(how.body instanceof FormData ? 3e5 : 2e4), ...how });
      if (r.type === "opaqueredirect") return;
      if (r.status < 500 && r.status !== 429) return { html: /html/.test(r.headers.get("Content-Type")) && await r.text() };
    } catch {}
    const n = d.querySelector("#net [hidden]");
    if (n) {
      n.hidden = false;
      if (S) say([[n.dataset.a]]);
    }
    await new Promise(go => setTimeout(go, wait));
  }
}
async function send(f, by) {
  let b = new FormData(f, by);
  stop();
  b = await attach(b);
  if (![...b.values()].some(x => x instanceof Blob)) b = new URLSearchParams(b);
  const r = await ask(f.action, { method: "POST", body: b });
  return async () => {
    if (r?.html) {
      clearTimeout(idle);
      clearInterval(tick);
      d.open();
      d.write(r.html);
      d.close();
    } else {
      // the kiosk has no button to load a page again: the next one is looked for before this one is left
      if (K) await ask(base, { method: "HEAD" });
      location.replace(base + (conf.page === "welcome" ? "?begun" : ""));
    }
  };
}
on("submit", async e => {
  const f = e.target;
  if (f.method !== "post") return;
  e.preventDefault();
  if (pending) return;
  pending = send(f, e.submitter);
  const go = await pending;
  if (!gone) go();
});

// once the other parts are known
queueMicrotask(() => {
  d.querySelector("[autofocus]")?.focus({ focusVisible: true });
  arm();
  if (!S) return;
  say(clips("main [data-a]:not(.tools *,.keys *,.pad *)"));
  // what is said when the server is away must be here before
  const n = d.querySelector("#net [data-a]");
  if (n) kept = load(n.dataset.a);
});
