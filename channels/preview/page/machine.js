"use strict";
// The kiosk is the very page of the machine in the community centre, in a frame that is as wide as its glass and made small. Its
// page belongs to this server, so what a visitor would press can be pressed here, by "Go on here".
const glass = 700; // CSS pixels
const machine = { frame: null, seen: null };

function takeMachine() {
  if ($("booth").hidden) return;
  const f = machine.frame = make("iframe");
  f.title = "The kiosk’s screen";
  f.src = "preview/kiosk/" + (people.findIndex((p) => p.number === from) + 1);
  f.onload = watches;
  $("pane").replaceChildren(f);
  fits();
}

function fits() {
  const f = machine.frame, box = $("pane");
  if (!f || !box.clientWidth) return;
  const scale = box.clientWidth / glass;
  f.style.width = glass + "px";
  f.style.height = box.clientHeight / scale + "px";
  f.style.transform = `scale(${scale})`;
}
new ResizeObserver(fits).observe($("pane"));

const inside = () => machine.frame?.contentDocument;
const kind = () => inside()?.documentElement.dataset.page || "";

// watches looks at which page is on the glass: the page's own script shows one in the place of another.
function watches() {
  const w = machine.frame?.contentWindow;
  if (!w || machine.seen === w.document) return;
  machine.seen = w.document;
  // Pressed by hand: somebody stands at the machine.
  w.document.addEventListener("submit", (e) => { if (e.isTrusted && !crossing) uses("booth"); }, true);
}
setInterval(() => {
  watches();
  if (inHand === "booth" && !crossing) goes(!/^(end|welcome)/.test(kind()));
}, 700);

// page waits until something holds on the glass.
async function onGlass(holds, what) {
  for (let n = 0; n < 120; n++) {
    try {
      const d = inside();
      if (d && d.readyState !== "loading" && "ready" in d.documentElement.dataset && holds(d, d.documentElement.dataset.page || "")) return d;
    } catch (err) { /* it is on its way to another page */ }
    await pause(50);
  }
  throw new Error(what || "The kiosk does not answer.");
}
