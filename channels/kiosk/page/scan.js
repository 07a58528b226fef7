// One switch (html[data-scan], seconds): a mark moves over the groups of the page, and after a press over what is in the
// group; the next press chooses. While something is being said it waits.
let group, where = -1, part = -1, mark, beats;
const box = x => x.closest("dialog,[role=group],fieldset,.row,.keys>*,.tools,nav,header,main,body");
const groups = () => [...Map.groupBy(list(), box).values()];
function beat() {
  clearTimeout(beats);
  beats = setTimeout(beat, conf.scan * 1e3);
  if (au || pending) return;
  mark?.classList.remove("playing");
  // after two rounds without a press, or when a dialog opened, the groups again
  if (group && list().includes(group[0]) && ++part < 2 * group.length) return meet(group[part % group.length]);
  group = 0;
  const g = groups(), l = g[where = (where + 1) % g.length];
  if (l.length < 2) return meet(l[0]);
  mark = box(l[0]);
  mark.classList.add("playing");
  mark.scrollIntoView({ block: "nearest" });
  d.activeElement.blur();
  if (S) say(name(l[0]).map(([k]) => [k]));
}
function enter(l) {
  group = l;
  part = -1;
  beat();
}
const choose = pick;
pick = () => {
  const a = d.activeElement, l = groups()[where];
  if (!group && (!l || l.length > 1)) return l ? enter(l) : beat();
  choose();
  // after a choice of one, going on comes first
  if (a.type === "radio" && $("next")) enter([$("next"), ...l.filter(x => x !== a)]);
  else if (group) enter(group);
};
beats = setTimeout(beat, conf.scan * 1e3);
