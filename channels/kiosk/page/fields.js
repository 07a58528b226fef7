// Pages where something is typed or counted: the same buttons as without the script, done here without asking the server.
let at;
on("focusin", e => { if (e.target.matches(typed)) at = e.target; });
for (const x of all(typed)) x.setSelectionRange(x.value.length, x.value.length);
// numbers in Arabic and Persian digits too
const amount = x => +x.value.replace(/[٠-٩۰-۹]/g, c => c.charCodeAt(0) & 15).replace(/[\s,]/g, "") || 0;
const left = s => s.dataset.total - all(typed, s).reduce((n, x) => n + amount(x), 0);
function changed(x) { x.dispatchEvent(new Event("input", { bubbles: true })); }
function step(b, by) {
  const x = near(b, typed), q = x.dataset, share = x.closest("[data-total]"), v = amount(x);
  const to = x.value ? v + by * (q.step || 1) : +(q.start ?? Math.max(0, q.min ?? 0));
  x.value = +Math.max(q.min ?? -Infinity, Math.min(q.max ?? Infinity, share ? v + Math.max(0, left(share)) : Infinity, to)).toFixed(6);
  changed(x);
  if (S) say([[() => tell(x.value)]]);
}
function type(b, c) {
  const x = at?.isConnected ? at : d.querySelector(typed);
  let s = x.selectionStart, e = x.selectionEnd;
  if (c === "del") {
    if (s === e) s -= [...x.value.slice(0, s)].pop()?.length || 0;
    c = "";
  } else if (c === "space") c = " ";
  if (c && x.maxLength > 0 && x.value.length - e + s >= x.maxLength) return tone();
  x.setRangeText(c, s, e, "end");
  changed(x);
  // a finger leaves the focus where the words go; keys need it where they are
  if (d.activeElement !== b) x.focus({ preventScroll: true });
  if (conf.click) tone();
  if (S) say(name(b));
}
on("click", e => {
  const b = e.target.closest("[name=do]"), m = /^(key|less|more)\.(.+)/s.exec(b?.value);
  if (!m) return;
  const layout = m[1] === "key" && /^layout\.(.+)/.exec(m[2]), l = layout && d.querySelector(`[data-layout="${layout[1]}"]`);
  if (layout && !l) return;
  e.preventDefault();
  if (l) {
    for (const x of all("[data-layout]")) x.hidden = x !== l;
    l.querySelector("button").focus();
  } else if (m[1] === "key") type(b, m[2]);
  else step(b, m[1] === "more" ? 1 : -1);
});
on("input", e => {
  const s = d.querySelector("[data-total]"), m = $("monthname");
  if (s && $("rest")) $("rest").textContent = left(s).toLocaleString(h.lang, { numberingSystem: "latn" });
  if (m) m.textContent = m.dataset.names.split("|")[amount(d.querySelector("[name=month]")) - 1] || "";
  if (S && e.data) say([[() => tell(e.data)]]);
});
