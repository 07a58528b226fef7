// Where something is typed or counted: the same buttons as without the script, done here without asking the server.
let at;
on("focusin", e => { if (e.target.matches(typed)) at = e.target; });
for (const x of all(typed)) x.setSelectionRange(x.value.length, x.value.length);
// numbers in Arabic and Persian digits too
const amount = x => +x.value.replace(/[٠-٩۰-۹]/g, c => c.charCodeAt(0) & 15).replace(",", ".") || 0;
const rest = $("rest");
const left = () => rest.dataset.total - all("[name=v]").reduce((n, x) => n + amount(x), 0);
const changed = x => x.dispatchEvent(new Event("input", { bubbles: true }));
function step(id, by) {
  const x = $(id), q = x.dataset, v = amount(x);
  const to = x.value ? v + by : +(q.start || q.min || 0);
  x.value = +Math.max(q.min ?? (rest ? 0 : -1e15), Math.min(q.max || 1e15, rest && by > 0 ? Math.max(v, v + left()) : 1e15, to)).toFixed(6);
  changed(x);
  if (S) say([...tell(x.name === "month" ? $("month-name").textContent : x.value), ...rest ? [...name(rest.previousElementSibling), ...tell(left())] : []]);
}
// capitals and small letters are the same keys; after one capital small letters follow, as on the server
function shift(up) {
  for (const b of all(".keys [name=do]")) {
    const [, what, c] = /^key\.(layout\.)?(.+)/s.exec(b.value), turn = s => s["toLocale" + (up ? "Upper" : "Lower") + "Case"](h.lang);
    if (what) {
      if (!c.startsWith(h.lang)) continue;
      b.value = "key.layout." + h.lang + (up ? "" : "-caps");
      b.textContent = up ? "abc" : "ABC";
      b.dataset.a = `p.${h.lang}.key.${up ? "small" : "caps"}`;
    } else if (c.length < 2) {
      b.value = "key." + (b.textContent = turn(c));
      b.dataset.a = sign(turn(c));
    }
  }
  d.querySelector("[name=pad]").value = h.lang + (up ? "-caps" : "");
}
const upper = () => /-caps$/.test(d.querySelector("[name=pad]")?.value);
function type(b, c) {
  const x = at?.isConnected ? at : d.querySelector(typed), said = name(b);
  let s = x.selectionStart, e = x.selectionEnd;
  if (c === "del") {
    if (s === e) s -= [...x.value.slice(0, s)].pop()?.length || 0;
    c = "";
  } else if (c === "space") c = " ";
  if (c && x.maxLength > 0 && x.value.length - e + s >= x.maxLength) return tone();
  x.setRangeText(c, s, e, "end");
  changed(x);
  if (c && upper()) shift(false);
  // a day or a month that is full is followed by the next field
  const most = { day: 31, month: 12 }[x.name];
  if (most && (x.value.length > 1 || x.value * 10 > most)) at = all(typed)[all(typed).indexOf(x) + 1];
  // a finger leaves the focus where the words go; keys need it where they are
  if (d.activeElement !== b) at ? at.focus({ preventScroll: true }) : x.focus({ preventScroll: true });
  if ("click" in conf) tone();
  if (S) say(said);
}
on("click", e => {
  const b = e.target.closest("[name=do]"), [, what, arg] = /^(key|less|more)\.(.+)/s.exec(b?.value) || [];
  if (!what) return;
  const layout = what === "key" && /^layout\.(.+)/.exec(arg)?.[1];
  if (layout) {
    // other letters are the server's
    const now = d.querySelector("[name=pad]").value;
    if (layout.replace("-caps", "") !== now.replace("-caps", "")) return;
    shift(layout.endsWith("-caps"));
  } else if (what === "key") type(b, arg);
  else step(arg, what === "more" ? 1 : -1);
  e.preventDefault();
});
on("input", e => {
  const m = $("month-name");
  if (rest) {
    rest.textContent = left();
    rest.dataset.a = "tell";
  }
  if (m) {
    m.textContent = $("months").textContent.split("|")[amount($("month")) - 1] || "";
    m.dataset.a = m.textContent && "tell";
  }
  if (S && e.data) say([...e.data].map(c => [sign(c)]));
});
// a code that came in the address, behind the #: no server sees it there
const code = location.hash.slice(1);
if ($("t") && conf.page === "code" && /^[\d-]{6,20}$/.test(code)) {
  $("t").value = code;
  history.replaceState(null, "", location.pathname);
}
