// What a machine in a public place needs beside: presses by shaking hands, a few keys or switches, speech for one person alone,
// and nothing left behind. Not on the web, where the browser's own ways stay as they are.
//
// The keys:
//   up, down, Tab      move without choosing            Enter, Space   choose; once more on what is chosen: go on
//   right, #           go on                            left, *        back (mirrored where one writes from the right)
//   F1, 0, /           help                             F2, 9, .       listen (again)
//   1 … 7              choose that option, the same once more: go on (8 has a button: more)
//   + -                one more, one less
// In a field digits are typed; in a field for words only the keys of a number pad and those with names keep their meaning,
// and left and right move in what is typed.

// A finger may tremble by a centimetre and stay as long as it likes: what counts is that it is lifted where it came down.
let down;
on("touchstart", e => {
  const t = e.touches[0];
  down = e.touches.length < 2 && { c: control(t.target), x: t.clientX, y: t.clientY };
});
on("touchmove", e => {
  const t = e.touches[0];
  if (down && Math.hypot(t.clientX - down.x, t.clientY - down.y) < 40) e.preventDefault();
  else down = 0;
}, { passive: false });
on("touchend", e => {
  const t = e.changedTouches[0], x = down && down.c;
  if (!x) return;
  down = 0;
  e.preventDefault();
  if (control(d.elementFromPoint(t.clientX, t.clientY) || d) === x) x.click();
}, { passive: false });
on("contextmenu", e => e.preventDefault());

// Keys.
const list = () => all(`${typed},input,textarea,button,a[href],summary`, d.querySelector("dialog[open]") || d)
  .filter(x => x.type !== "hidden" && x.tabIndex >= 0 && x.checkVisibility());
function meet(x) {
  x.focus({ focusVisible: true });
  x.scrollIntoView({ block: "nearest" });
  if (S) say(name(x));
}
function move(by) {
  const l = list(), i = l.indexOf(d.activeElement);
  meet(l[i < 0 ? by > 0 ? Math.max(0, l.findIndex(x => x.matches(`[name=o],${typed}`))) : l.length - 1 : (i + by + l.length) % l.length]);
}
function fill(x) {
  x.focus({ focusVisible: true });
  if (x.inputMode) x.select();
  else x.setSelectionRange(x.value.length, x.value.length);
  if (S) say(name(x));
}
const press = id => ($(id) || d.querySelector(`[name=do][value="${id}"]`))?.click();
// the last press was a digit: what it chose
let digit;
let pick = () => {
  const a = d.activeElement, fields = all(typed), f = a.inputMode && fields[fields.indexOf(a) + 1];
  // from one number to the next, and on from the last
  if (f) fill(f);
  else if (a === d.body || a.matches(typed) || digit || a.type === "radio" && a.checked) press("next");
  else a.click();
};
const back = h.dir === "rtl";
const keys = {
  ArrowDown: () => move(1), ArrowUp: () => move(-1), [back ? "ArrowLeft" : "ArrowRight"]: "next", [back ? "ArrowRight" : "ArrowLeft"]: "back",
  F1: "help", F2: listen, "#": "next", "*": "back", "/": "help", ".": listen, 0: "help", 9: listen,
  Enter: () => pick(), " ": () => pick(), "+": () => near(d.activeElement, "[value^='more.']")?.click(), "-": () => near(d.activeElement, "[value^='less.']")?.click(),
};
if (conf.move) keys[conf.move] = keys.ArrowDown;
if (conf.choose) keys[conf.choose] = keys.Enter;
on("keydown", e => {
  const k = e.key, a = d.activeElement, field = a.matches(typed), D = d.querySelector("dialog[open]");
  if (e.ctrlKey || e.altKey || e.metaKey) return;
  if (e.repeat) return e.preventDefault();
  if (field && (k.length < 2 ? !(/numeric|decimal|tel/.test(a.inputMode) ? /[#*/+ -]/.test(k) || a.inputMode !== "decimal" && k === "." : /^Numpad[AMS]|^NumpadDi/.test(e.code)) : a.value && /^Arrow[LR]/.test(k) || k === "Enter" && e.shiftKey)) {
    if (slow && twice("key", k, e.timeStamp)) e.preventDefault();
    return;
  }
  const o = !field && !D && /^[1-9]$/.test(k) && d.querySelector(`[name=o][value="${k}"],[data-digit="${k}"]`);
  if (!field && !D && !o && /^\d$/.test(k) && !d.querySelector("[name=o]")) {
    const f = d.querySelector(typed);
    // the digit goes into it
    if (f) return fill(f);
  }
  const act = k === "Tab" ? () => move(e.shiftKey ? -1 : 1) : keys[k];
  if (!act && !o && !D) return;
  e.preventDefault();
  const goes = /^(Tab|Arrow[UD])/.test(k) || k === conf.move;
  if (!("ready" in conf) || twice("key", k, e.timeStamp, goes ? 100 : 500)) return;
  if (D && !goes && act !== listen) return (k === "Enter" || k === " " || k === conf.choose) && D.contains(a) ? a.click() : press("more");
  if (o) {
    if (o.type === "radio" && o.checked && digit === o) return press("next");
    o.focus({ focusVisible: true });
    digit = o;
    if (o.checked && o.type === "radio") meet(o);
    else o.click();
    return;
  }
  if (typeof act === "string") press(act);
  else act();
  digit = 0;
});

// Whoever listened once hears every page from then on, until "Listen" makes it quiet.
lasting = yes => {
  if (yes === "sound" in conf || pending) return;
  S = yes;
  if (yes) conf.sound = "";
  else delete conf.sound;
  fetch(base, { method: "POST", body: new URLSearchParams({ token: $("f")?.token?.value || "", do: "sound." + (yes ? "on" : "off") }) }).catch(() => {});
};

// Speech only where one person alone hears it.
const { phones, sink } = conf;
if (phones || sink) loud = async () => {
  const l = await navigator.mediaDevices?.enumerateDevices() || [];
  out = l.find(x => x.kind === "audiooutput" && (sink ? x.label.includes(sink) : /head|ear/i.test(x.label)));
  if ($("plug")) $("plug").hidden = !!out;
  return !!out;
};
if (navigator.mediaDevices) navigator.mediaDevices.ondevicechange = async () => { if (!await loud()) stop(); };

// Nobody there: a question in words and sound, as much more time as is wanted, then nothing is left on the screen.
const D = $("idle");
arm = () => {
  clearTimeout(idle);
  if (D && !D.open && !gone) idle = setTimeout(warn, (conf.idle || 180) * 1e3);
};
function warn() {
  if (busy()) return arm();
  let n = $("left").textContent = +conf.warn || 45;
  D.showModal();
  $("more").focus({ focusVisible: true });
  // the number follows the sentence that it ends
  say(clips("#idle [data-a]").toSpliced(3, 0, ...tell(n)));
  tick = setInterval(() => {
    $("left").textContent = --n;
    if (n < 1) over();
    else if (n % 10 === 0 && !au) say(tell(n));
  }, 1e3);
}
async function over() {
  clearInterval(tick);
  stop();
  gone = true;
  const f = D.querySelector("form"), b = f.querySelector("[name=do]"), body = d.body.cloneNode();
  D.remove();
  d.title = "";
  d.body.replaceWith(body);
  // an answer that is still on its way gets there first
  await pending;
  (await send(f, b))();
}
if (D) {
  $("more").onclick = () => D.close();
  D.onclose = () => { clearInterval(tick); stop(); arm(); };
}
