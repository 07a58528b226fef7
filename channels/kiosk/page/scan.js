// One switch (html[data-scan], seconds): a mark moves over the groups of the page, and after a press over what is in the
// group; the next press chooses. While something is being said it waits.
let group, where = -1, part = -1, marked = [], beats;
const box = x => x.closest("dialog,[role=group],.opts,.field,.keys,.pad,.nav,.tools,dd,header,main,body");
// the keys of the screen go row by row
const groups = () => {
  const boxes = [];
  return [...Map.groupBy(list(), x => {
    const b = box(x), i = boxes.indexOf(b);
    return (i < 0 ? boxes.push(b) - 1 : i) + (b.matches(".keys,.pad") ? "," + x.offsetTop : "");
  }).values()];
};
function beat() {
  clearTimeout(beats);
  beats = setTimeout(beat, conf.scan * 1e3);
  if (au || pending) return;
  for (const x of marked) x.classList.remove("playing");
  // after two rounds without a press, or when a dialog opened, the groups again
  if (group && list().includes(group[0]) && ++part < 2 * group.length) return meet(group[part % group.length]);
  group = 0;
  const g = groups(), l = g[where = (where + 1) % g.length];
  if (l.length < 2) return meet(l[0]);
  marked = l.map(x => x.closest(".opt") || x);
  for (const x of marked) x.classList.add("playing");
  marked[0].scrollIntoView({ block: "nearest" });
  d.activeElement.blur();
  if (S) say(name(l[0]).map(([k]) => [k]));
}
function enter(l) {
  group = l;
  part = -1;
  beat();
}
const choose = pick;
if (conf.scan) {
  pick = () => {
    const a = d.activeElement, l = groups()[where];
    if (!group && (!l || l.length > 1)) return l ? enter(l) : beat();
    choose();
    // after a choice of one, going on comes first
    if (a.type === "radio" && $("next")) enter([$("next"), ...l.filter(x => x !== a)]);
    else if (group) enter(group);
  };
  beats = setTimeout(beat, conf.scan * 1e3);
}
