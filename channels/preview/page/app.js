"use strict";
// The page keeps nothing: what stands in a thread, and whose words they are, the server says.
const $ = (id) => document.getElementById(id);
const make = (tag, text, name) => {
  const e = document.createElement(tag);
  if (text) e.textContent = text;
  if (name) e.className = name;
  return e;
};

let from = "";
let after = 0;
let round = 0; // counts up when another phone is chosen, so that late answers for the last one are dropped
let day = "";

async function call(path, body) {
  const answer = await fetch("preview/" + path, body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

function show(state, mine) {
  if (mine !== round) return;
  const thread = $("thread");
  for (const t of state.texts) {
    if (t.number <= after) continue;
    after = t.number;
    thread.querySelector(".empty")?.remove();
    if (t.day !== day) {
      day = t.day;
      thread.append(make("div", day, "day"));
    }
    const bubble = make("div", "", "text " + t.by);
    bubble.dir = "auto";
    if (t.lang) bubble.lang = t.lang;
    bubble.append(make("span", t.by === "town" ? "The town: " : "You: ", "unseen"), t.words);
    const cost = t.segments > 1 ? ` · counts as ${t.segments} texts` : "";
    thread.append(bubble, make("div", t.at + cost, "meta " + t.by));
    keys(t.by === "town" ? t.keys || [] : []);
  }
  if (state.texts.length) thread.scrollTop = thread.scrollHeight;
  if (state.now) $("now").textContent = state.now;
  keep(state.kept);
}

function keys(offered) {
  $("keys").replaceChildren(...offered.map((k) => {
    const b = make("button", k.digit);
    b.type = "button";
    b.title = k.label;
    b.setAttribute("aria-label", k.digit + ": " + k.label);
    b.onclick = () => send(k.digit);
    return b;
  }));
}

function keep(records) {
  if (!records) return;
  if (!records.length) {
    $("kept").replaceChildren(make("p", "Nothing yet. When a dialog has run to its end, its record stands here as it stands on disk.", "hint"));
    return;
  }
  $("kept").replaceChildren(...records.map((r) => {
    const card = make("div", "", "card");
    const list = make("dl");
    for (const l of r.lines) {
      const value = make("dd", l.value);
      value.dir = "auto";
      const pair = make("div");
      pair.append(make("dt", l.name), value);
      list.append(pair);
    }
    card.append(make("h3", r.title), list);
    if (r.note) card.append(make("p", r.note));
    return card;
  }));
}

let sending = Promise.resolve();
function send(words) {
  const mine = round;
  const id = crypto.getRandomValues(new Uint32Array(4)).join("-"); // the same when the same text is tried again
  sending = sending.then(async () => {
    if (mine !== round) return;
    $("trouble").textContent = "";
    for (let tries = 0; ; tries++) {
      try {
        show(await call("send", { from, words, id, after }), mine);
        return;
      } catch (err) {
        if (tries >= 3) {
          $("trouble").textContent = "That did not get through. Please send it again.";
          if (!$("text").value) $("text").value = words;
          return;
        }
        await new Promise((ok) => setTimeout(ok, 400 * 2 ** tries));
      }
    }
  });
}

async function listen(mine) {
  let wait = "";
  while (mine === round) {
    try {
      show(await call(`thread?from=${encodeURIComponent(from)}&after=${after}${wait}`), mine);
      wait = "&wait=1";
    } catch (err) {
      await new Promise((ok) => setTimeout(ok, 2000));
    }
  }
}

function choose(number) {
  from = number;
  after = 0;
  day = "";
  round++;
  $("trouble").textContent = "";
  $("thread").replaceChildren(make("p", "No messages yet. Text a word to begin.", "empty"));
  keys([]);
  listen(round);
  takeHandset();
  takeMenu();
}

$("form").onsubmit = (e) => {
  e.preventDefault();
  const words = $("text").value.trim();
  if (!words) return;
  $("text").value = "";
  send(words);
};
$("handset").onchange = (e) => choose(e.target.value);
for (const b of document.querySelectorAll("[data-hours]")) {
  b.onclick = async () => {
    try {
      $("now").textContent = (await call("forward", { hours: Number(b.dataset.hours) })).now;
    } catch (err) {
      $("trouble").textContent = "The clock could not be moved.";
    }
  };
}

addEventListener("DOMContentLoaded", () => call("town").then((town) => {
  $("town").textContent = town.name;
  $("telephone").hidden = !town.calls;
  opens(town.code);
  $("by").textContent = "by " + ["text message", town.calls && "telephone", town.code && "menu"].filter(Boolean).join(", ").replace(/, ([^,]*)$/, " and $1");
  document.title = `${town.name} ${$("by").textContent} – Townline preview`;
  $("handset").replaceChildren(...town.handsets.map((h) => {
    const o = make("option", `${h.name} · ${h.number}`);
    o.value = h.number;
    return o;
  }));
  $("words").replaceChildren(...town.words.map((w) => {
    const b = make("button");
    b.type = "button";
    b.title = w.about;
    b.append(make("b", w.word), make("span", w.title), make("small", w.about));
    b.onclick = () => { send(w.word); $("text").focus({ preventScroll: true }); };
    const item = make("li");
    item.append(b);
    return item;
  }));
  $("clock").hidden = !town.forward;
  choose(town.handsets[0].number);
}).catch(() => { $("trouble").textContent = "The town does not answer. Is it still running?"; }));
