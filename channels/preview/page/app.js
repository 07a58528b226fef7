"use strict";
// The page keeps nothing: what stands in a thread, and whose words they are, the server says.
const $ = (id) => document.getElementById(id);
const make = (tag, text, name) => {
  const e = document.createElement(tag);
  if (text) e.textContent = text;
  if (name) e.className = name;
  return e;
};
const pause = (ms) => new Promise((ok) => setTimeout(ok, ms));
const fresh = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

const own = fresh(); // this page's name, so that two windows can be told apart
let people = [];
let from = "";
let after = 0;
let round = 0; // counts up when another person is chosen, so that late answers for the last one are dropped
let day = "";

async function call(path, body, signal) {
  const answer = await fetch("preview/" + path, body ? {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  } : { signal });
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
    const cost = t.segments > 1 ? ` · counts as ${t.segments} texts` : "";
    thread.append(bubble(t), make("div", t.at + cost, "meta " + t.by));
    keys(t.by === "town" ? t.keys || [] : []);
    if (t.by === "town") goes(!t.over);
  }
  if (state.texts.length) thread.scrollTop = thread.scrollHeight;
  takeTalk(state.talk || []);
  if (state.now) $("now").textContent = state.now;
  $("others").textContent = state.others ? "Another window looks at this person, too. What is done there shows here." : "";
  keep(state.kept);
}

// bubble is one message.
function bubble(t) {
  const b = make("div", "", "text " + t.by);
  b.dir = "auto";
  if (t.lang) b.lang = t.lang;
  b.append(make("span", t.by === "town" ? "The town: " : "You: ", "unseen"), t.words);
  return b;
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

let shown = "";
function keep(records) {
  if (!records || shown === JSON.stringify(records)) return;
  const before = shown;
  shown = JSON.stringify(records);
  $("same").textContent = records.length ? "The same answers leave the same record, whichever device they came by." : "";
  if (!records.length) {
    $("kept").replaceChildren(make("p", "Nothing yet. When a dialog has run to its end, its record stands here: in words, and as it stands on disk.", "hint"));
    return;
  }
  if (before) $("news").textContent = "The town has kept a record: " + records[0].title;
  $("kept").replaceChildren(...records.map(card));
}

const ways = { preview: "text message", "preview.call": "telephone", "preview.ussd": "USSD menu", "preview.chat": "chat", "preview.kiosk": "kiosk" };

// card is one record, in words and as it stands on disk.
function card(r) {
  const box = make("article", "", "card"), list = make("dl");
  for (const l of r.lines) {
    const value = make("dd", ways[l.value] && l.name === "Came by" ? ways[l.value] : l.value), pair = make("div");
    value.dir = "auto";
    pair.append(make("dt", l.name), value);
    list.append(pair);
  }
  const title = make("h3", r.title), words = make("div", "", "in-words");
  words.append(title, list);
  if (r.note) words.append(make("p", r.note, "note"));
  box.append(words);
  if (r.plain) {
    const disk = make("div", "", "on-disk"), mark = make("p", "Fingerprint ", "mark");
    mark.append(make("code", r.mark));
    const plain = make("pre", r.plain);
    plain.tabIndex = 0;
    plain.setAttribute("role", "region");
    plain.setAttribute("aria-label", "The record as it stands on disk");
    disk.append(plain, mark);
    box.append(disk);
  }
  return box;
}

// send gives what the town answered, or nothing where the text did not get through.
let sending = Promise.resolve();
function send(words) {
  const mine = round;
  const id = fresh(); // the same when the same text is tried again
  uses("texts");
  return sending = sending.then(async () => {
    if (mine !== round) return null;
    $("trouble").textContent = "";
    const since = after;
    for (let tries = 0; ; tries++) {
      try {
        const state = await call("send", { from, words, id, after: since });
        show(state, mine);
        return state.texts.filter((t) => t.by === "town");
      } catch (err) {
        if (tries >= 3) {
          $("trouble").textContent = "That did not get through. Please send it again.";
          if (!$("text").value) $("text").value = words;
          return null;
        }
        await pause(400 * 2 ** tries);
      }
    }
  });
}

let heard = new AbortController(); // of the request for news that is under way
async function listen(mine) {
  heard.abort();
  heard = new AbortController();
  let wait = "";
  while (mine === round) {
    try {
      show(await call(`thread?from=${encodeURIComponent(from)}&after=${after}&talk=${talk.after}&window=${own}${wait}`, null, heard.signal), mine);
      wait = "&wait=1";
    } catch (err) {
      if (mine === round) await pause(2000);
    }
  }
}

function choose(number) {
  from = number;
  after = 0;
  day = "";
  round++;
  shown = "";
  $("trouble").textContent = "";
  $("thread").replaceChildren(make("p", "No messages yet. Text a word to begin.", "empty"));
  keys([]);
  keep([]);
  document.querySelectorAll(".number").forEach((e) => { e.textContent = number.replace(/^\+1(...)(...)(....)$/, "$1-$2-$3"); });
  history.replaceState(null, "", "#" + (people.findIndex((p) => p.number === number) + 1));
  takeChat();
  takeCrossing();
  listen(round);
  takeHandset();
  takeMenu();
  takeMachine();
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

// begins a dialog on the device that is in hand, where words can be written on it; else by text.
function begins(word) {
  const d = inHand === "chat" ? "chat" : "texts";
  reveal(d);
  if (d === "chat") says({ words: word });
  else send(word);
}

addEventListener("DOMContentLoaded", () => call("town?window=" + own).then((town) => {
  people = town.handsets;
  $("town").textContent = $("chat-town").textContent = town.name;
  $("call").hidden = !town.calls;
  $("chat").hidden = !town.chats;
  $("booth").hidden = !town.booth;
  opens(town.code);
  document.title = `${town.name}: one conversation, any device – Townline preview`;
  $("handset").replaceChildren(...people.map((h) => {
    const o = make("option", `${h.name} · ${h.about}`);
    o.value = h.number;
    return o;
  }));
  $("words").replaceChildren(...town.words.map((w) => {
    const b = make("button");
    b.type = "button";
    b.title = w.about;
    b.append(make("b", w.word), " ", make("span", w.title));
    b.onclick = () => begins(w.word);
    const item = make("li");
    item.append(b);
    return item;
  }));
  $("clock").hidden = !town.forward;
  tabs();
  // whom the address names, or who is free
  const who = people[location.hash.slice(1) - 1] || people.find((p) => !p.busy) || people[0];
  $("handset").value = who.number;
  choose(who.number);
}).catch(() => { $("trouble").textContent = "The town does not answer. Is it still running?"; }));
