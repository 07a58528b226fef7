"use strict";
// The telephone is a keypad, an ear and a mouth. What is said next, and what a key means, the town says: it gives orders,
// and is told what was done. Sound stops at a key press without waiting for anybody.
const line = { id: "", at: 0, turn: 0, source: null, take: null, recording: null, offered: false };
const clips = new Map();
let ear = null;
let watch = 0;
let asked = new AbortController(); // of the request for orders that is under way

const loud = () => $("sound").checked && ear;

function write(text, by, lang) {
  const log = $("said");
  log.querySelector(".empty")?.remove();
  const p = make("p", "", by);
  p.dir = "auto";
  if (lang) p.lang = lang;
  p.append(by === "resident" ? make("span", "You: ", "unseen") : "", text);
  log.append(p);
  log.scrollTop = log.scrollHeight;
}

// What the page tells goes out in order, and again until it is there.
let telling = Promise.resolve();
function tell(what, more) {
  const body = { from, call: line.id, id: fresh(), what, ...more };
  telling = telling.then(async () => {
    for (let tries = 0; tries < 6; tries++) {
      try {
        const answer = await fetch("preview/call/told", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
        if (answer.status < 500) return;
      } catch (err) { /* again */ }
      await pause(300 * 2 ** tries);
    }
    $("line-trouble").textContent = "The town can’t be reached.";
  });
}

function hush() {
  line.turn++;
  line.source?.stop();
  line.source = null;
  line.take?.(null);
  $("speak").hidden = $("desk").hidden = true;
  wait(0);
}

// ringFor empties a ring within seconds; 0 hides it.
function ringFor(box, ring, seconds) {
  box.classList.toggle("on", seconds > 0);
  ring.style.animationDuration = seconds + "s";
  ring.classList.remove("runs");
  if (!seconds) return;
  ring.getBoundingClientRect(); // so that the ring begins anew
  ring.classList.add("runs");
}

function wait(seconds) {
  ringFor($("waiting"), $("ring"), seconds);
  clearInterval(line.clock);
  if (!seconds) {
    $("waits").textContent = "";
    return;
  }
  const until = Date.now() + seconds * 1000;
  const tick = () => { $("waits").textContent = `The town waits for you: ${Math.max(0, Math.ceil((until - Date.now()) / 1000))} seconds`; };
  tick();
  line.clock = setInterval(tick, 500);
}

function wake() {
  try {
    ear ??= new AudioContext();
    ear.resume();
  } catch (err) {
    ear = null;
  }
}

async function clip(name) {
  if (!clips.has(name)) {
    if (clips.size > 200) clips.clear();
    clips.set(name, fetch("preview/clip/" + name).then(async (a) => {
      if (!a.ok) throw new Error("no sound");
      return ear.decodeAudioData(await a.arrayBuffer());
    }));
    clips.get(name).catch(() => clips.delete(name));
  }
  return clips.get(name);
}

function play(buffer) {
  return new Promise((done) => {
    const s = ear.createBufferSource();
    s.buffer = buffer;
    s.connect(ear.destination);
    s.onended = done;
    line.source = s;
    s.start();
  });
}

// tones are those of a key, or the one before a recording.
function tones(hertz, seconds) {
  const level = ear.createGain();
  level.gain.value = 0.08;
  level.connect(ear.destination);
  for (const f of hertz) {
    const o = ear.createOscillator();
    o.frequency.value = f;
    o.connect(level);
    o.start();
    o.stop(ear.currentTime + seconds);
  }
  return pause(seconds * 1000);
}

async function say(order) {
  const turn = line.turn;
  if (loud()) for (const p of order.parts || []) if (p.clip) clip(p.clip).catch(() => {});
  for (const p of order.parts || []) {
    if (turn !== line.turn) return;
    if (p.own && !p.clip && !line.recording) write("(your own words)", "town");
    else if (p.own) write("(your own words are played)", "town");
    else if (p.words) write(p.words, "town", p.lang);
    if (!loud()) continue;
    if (p.silence) await pause(p.silence * 1000);
    else if (p.tone) await tones([1000], 0.25);
    else if (p.clip || p.own && line.recording) {
      let sound = null;
      try {
        sound = p.clip ? await clip(p.clip) : line.recording;
      } catch (err) { /* the words are read instead */ }
      if (turn !== line.turn) return;
      if (sound) await play(sound);
      else await pause(400 * p.words.split(/\s+/).length);
    }
  }
  if (turn === line.turn) tell("done", { order: order.number });
}

// A recording ends by a key, by silence after words, or by the button.
async function record(order) {
  const turn = line.turn;
  $("speak").hidden = false;
  $("spoken").hidden = true;
  $("words-said").value = "";
  wait(order.most);
  let stream = null;
  try {
    if (loud()) stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (err) { /* without a microphone words are typed */ }
  if (turn !== line.turn) {
    stream?.getTracks().forEach((t) => t.stop());
    return;
  }
  if (!stream) {
    $("words-said").focus();
    line.take = (key) => {
      line.take = null;
      if (key !== null) tell("recorded", { order: order.number, key });
    };
    line.words = order.number;
    return;
  }
  $("spoken").hidden = false;
  line.words = order.number;
  const recorder = new MediaRecorder(stream), pieces = [];
  const listener = ear.createAnalyser(), level = new Float32Array(listener.fftSize);
  ear.createMediaStreamSource(stream).connect(listener);
  recorder.ondataavailable = (e) => pieces.push(e.data);
  recorder.start();
  const begun = Date.now();
  let spoke = 0;
  const look = setInterval(() => {
    listener.getFloatTimeDomainData(level);
    const now = Date.now();
    if (level.reduce((sum, x) => sum + x * x, 0) / level.length > 0.0002) spoke = now;
    if (now - Math.max(spoke, begun) > order.silence * 1000 || now - begun > order.most * 1000) line.take?.("");
  }, 100);
  line.take = (key) => {
    line.take = null;
    clearInterval(look);
    recorder.onstop = async () => {
      stream.getTracks().forEach((t) => t.stop());
      if (key === null) return;
      const recording = spoke ? await wav(new Blob(pieces)).catch(() => "") : "";
      tell("recorded", { order: order.number, key, recording });
    };
    recorder.stop();
  };
}

// wav is a recording as the town takes it: 16-bit sound at 16 kHz, in base64.
async function wav(blob) {
  const whole = await ear.decodeAudioData(await blob.arrayBuffer());
  line.recording = whole;
  const rate = 16000;
  const room = new OfflineAudioContext(1, Math.max(1, Math.ceil(whole.duration * rate)), rate);
  const source = room.createBufferSource();
  source.buffer = whole;
  source.connect(room.destination);
  source.start();
  const samples = (await room.startRendering()).getChannelData(0);
  const view = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (at, s) => [...s].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + samples.length * 2, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, rate * 2, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, samples.length * 2, true);
  samples.forEach((x, i) => view.setInt16(44 + i * 2, Math.max(-1, Math.min(1, x)) * 32767, true));
  const bytes = new Uint8Array(view.buffer);
  let out = "";
  for (let i = 0; i < bytes.length; i += 0x8000) out += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(out);
}

function press(key) {
  if (!line.id) return;
  if (ear && loud()) {
    const at = "123456789*0#".indexOf(key);
    tones([[697, 770, 852, 941][Math.floor(at / 3)], [1209, 1336, 1477][at % 3]], 0.08);
  }
  const b = document.querySelector(`#keypad [data-key="${key}"]`);
  b.classList.add("down");
  setTimeout(() => b.classList.remove("down"), 150);
  write(key, "resident");
  const take = line.take;
  if (take) {
    line.take = null;
    take(key);
    hush();
    return;
  }
  hush();
  tell("key", { key });
}

function onLine(text, engaged) {
  $("line").textContent = text;
  $("dial").textContent = engaged === "ring" ? "Answer" : engaged ? "Hang up" : "Call";
  $("dial").classList.toggle("hang", engaged === true);
  $("once").textContent = engaged === "ring" ? "Don’t answer" : "Ring once";
  $("once").hidden = engaged === true;
  $("telephone").classList.toggle("rings", engaged === "ring");
}

function obey(order) {
  hush();
  switch (order.do) {
    case "ring":
      onLine("The town calls you.", "ring");
      break;
    case "say":
      say(order);
      break;
    case "listen":
      line.offered = true;
      wait(order.wait);
      break;
    case "record":
      record(order);
      break;
    case "pass":
      write(order.desk ? `You are passed on to: ${order.desk}.` : "You are passed on to a person.", "note");
      $("desk").hidden = false;
      line.passes = order.number;
      break;
    case "over":
      goes(false);
      over("The call is over.");
  }
}

function over(words) {
  if (!line.id) return;
  line.id = "";
  hush();
  write(words, "note");
  onLine("No call.", false);
}

// turns lets go of the request that waits: a browser has few lines to one server.
function turns() {
  asked.abort();
  asked = new AbortController();
  return ++watch;
}

// The page asks all the time: the town may call, too.
async function follow(mine) {
  while (mine === watch) {
    try {
      const answer = await call(`call/orders?from=${encodeURIComponent(from)}&call=${line.id}&after=${line.at}`, null, asked.signal);
      if (mine !== watch) return;
      keep(answer.kept);
      if (answer.now) $("now").textContent = answer.now;
      if (!answer.call) {
        over("The call is over.");
        continue;
      }
      if (answer.call !== line.id) {
        line.id = answer.call;
        line.at = 0;
      }
      for (const o of answer.orders) {
        if (o.number <= line.at) continue;
        line.at = o.number;
        obey(o);
      }
    } catch (err) {
      if (mine === watch) await pause(1500);
    }
  }
}

// anew asks for orders once the town knows that the last call is over: it would be taken up again.
function anew() {
  const mine = turns();
  telling.then(() => follow(mine));
}

function takeHandset() {
  if ($("call").hidden) return;
  over("You went to another phone.");
  line.at = 0;
  $("said").replaceChildren(make("p", "Call, and press keys as on any telephone. The digits of your keyboard do the same.", "empty"));
  follow(turns());
}

async function dial() {
  $("line-trouble").textContent = "";
  if (!line.id || $("telephone").classList.contains("rings")) uses("call");
  wake();
  if ($("telephone").classList.contains("rings")) {
    onLine("On the line", true);
    tell("answered", { yes: true });
    return;
  }
  if (line.id) {
    tell("hungup");
    over("You rang off.");
    anew();
    return;
  }
  const id = fresh();
  turns(); // nobody else asks for orders meanwhile
  onLine("Calling…", true);
  try {
    await telling;
    await call("call/dial", { from, call: id });
    line.id = id;
    line.at = 0;
    line.offered = false;
    goes(true);
    $("said").replaceChildren();
    onLine("On the line", true);
    follow(turns());
  } catch (err) {
    onLine("No call.", false);
    $("line-trouble").textContent = "The call did not get through. Please try again.";
    follow(turns());
  }
}

async function once() {
  wake();
  if ($("telephone").classList.contains("rings")) {
    tell("answered", { yes: false });
    over("You let it ring.");
    anew();
    return;
  }
  try {
    const answer = await fetch("preview/call/missed", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ from, id: fresh() }) });
    if (!answer.ok) throw new Error("not taken");
    write("You let it ring once. The town may call you back.", "note");
  } catch (err) {
    $("line-trouble").textContent = "The call did not get through. Please try again.";
  }
}

// The last words stay in sight.
const lower = new ResizeObserver((all) => { for (const { target } of all) target.scrollTop = target.scrollHeight; });
for (const log of ["said", "thread", "talk"]) lower.observe($(log));

// pad fills a keypad.
function pad(box, pressed) {
  for (const key of "123456789*0#") {
    const b = make("button");
    const letters = { 2: "ABC", 3: "DEF", 4: "GHI", 5: "JKL", 6: "MNO", 7: "PQRS", 8: "TUV", 9: "WXYZ" }[key] || "";
    b.type = "button";
    b.dataset.key = key;
    if (!letters) b.setAttribute("aria-label", { "*": "star", "#": "hash" }[key] || key);
    b.append(make("b", key), " ", make("small", letters));
    b.onclick = () => pressed(key);
    box.append(b);
  }
}
pad($("keypad"), press);
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.repeat || e.target.closest?.("input, select, textarea")) return;
  if (e.key.length === 1 && "123456789*0#".includes(e.key) && line.id) {
    e.preventDefault();
    press(e.key);
  }
});
$("dial").onclick = dial;
$("once").onclick = once;
$("spoken").onclick = () => { line.take?.("#"); hush(); };
$("speak").onsubmit = (e) => {
  e.preventDefault();
  const words = $("words-said").value.trim();
  if (!words) return;
  write(words, "resident");
  line.recording = null;
  const order = line.words;
  hush();
  tell("said", { order, words });
};
for (const b of document.querySelectorAll("#desk button")) {
  b.onclick = () => {
    const yes = b.dataset.yes !== "";
    $("desk").hidden = true;
    write(yes ? "Somebody at the desk has answered." : "Nobody at the desk has answered.", "note");
    tell("passed", { order: line.passes, yes });
  };
}
$("sound").onchange = () => { if (!$("sound").checked) line.source?.stop(); else wake(); };
addEventListener("pagehide", () => {
  if (line.id) navigator.sendBeacon("preview/call/told", new Blob([JSON.stringify({ from, call: line.id, id: fresh(), what: "hungup" })], { type: "application/json" }));
});
