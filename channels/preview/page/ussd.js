"use strict";
// The phone for menus shows one screen at a time and forgets it, as phones do. The page is the phone company, too: it counts
// what is sent, asks again where an answer was lost, and cuts off who is slow.
const menu = { id: "", from: "", number: 0, turn: 0, over: false, shown: 0, slow: 60, whole: 180, until: 0, end: 0, warned: false };
let code = "";

// opens takes the code that the town has, if any.
function opens(dialled) {
  code = dialled;
  $("ussd").hidden = !code;
  $("go-on").textContent = "Go on at once: " + onward();
}

// onward is what is dialled to go on without being asked.
const onward = () => codeOf("1");

// codeOf is the town's code with more behind it.
const codeOf = (more) => code.replace(/#$/, `*${more}#`);

// asks sends one request of the menu's, and again until it is answered: the town knows a request by its number.
let asking = Promise.resolve();
function asks(path, more) {
  const body = { from: menu.from, session: menu.id, number: ++menu.number, ...more };
  return asking = asking.catch(() => {}).then(async () => {
    for (let tries = 0; ; tries++) {
      try {
        return await call("ussd/" + path, body);
      } catch (err) {
        if (tries >= 3) throw err;
      }
      await pause(400 * 2 ** tries);
    }
  });
}

// overlay is what stands over the phone's dialler: words, and an input where the town waits for one.
function overlay(words, lang, input, ok) {
  $("dialler").hidden = true;
  $("menu").hidden = false;
  $("menu-text").textContent = words;
  $("menu-text").lang = lang || "en";
  $("reply").hidden = $("menu-send").hidden = !input;
  $("reply").readOnly = false;
  $("menu-cancel").textContent = ok || "Cancel";
  (input ? $("reply") : $("menu-cancel")).focus({ preventScroll: true });
}

function onScreen(s) {
  menu.shown++;
  menu.over = s.over;
  goes(!s.over);
  $("reply").value = "";
  overlay(s.words, s.lang, !s.over, s.over && "OK");
  const long = s.units > s.most;
  $("menu-counts").textContent = `Screen ${menu.shown} · ${s.units} of ${s.most} characters${s.gsm ? "" : ", not in the GSM alphabet"}${long ? ": too long" : ""}`;
  $("menu-counts").classList.toggle("long", long);
  $("ussd-line").textContent = s.over ? "The menu is over." : "A menu is open.";
  menu.until = Date.now() + menu.slow * 1000;
  menu.warned = false;
  clock(!s.over);
  if (s.over) menu.id = "";
}

// clock shows how long the phone company waits: for this answer, and for the whole menu.
function clock(runs) {
  const seconds = runs && $("menu-clock").checked ? Math.min(menu.slow, (menu.end - Date.now()) / 1000) : 0;
  clearInterval(menu.clock);
  ringFor($("menu-waiting"), $("menu-ring"), seconds);
  $("menu-waits").textContent = "";
  if (!seconds) return;
  const tick = () => {
    const now = Date.now(), left = Math.ceil((menu.until - now) / 1000), all = Math.ceil((menu.end - now) / 1000);
    if (left <= 0 || all <= 0) {
      dropped(left <= 0 ? `Nothing was sent for ${menu.slow} seconds. The phone company has closed the menu.` : `The phone company closes a menu after ${menu.whole / 60} minutes.`);
      return;
    }
    $("menu-waits").textContent = `Answer within ${left} s · closes in ${Math.floor(all / 60)}:${String(all % 60).padStart(2, "0")}`;
    if (!menu.warned && Math.min(left, all) <= 15) {
      menu.warned = true;
      $("ussd-line").textContent = `${Math.min(left, all)} seconds left.`;
    }
  };
  tick();
  if (menu.id) menu.clock = setInterval(tick, 250);
}

// ends closes the menu on the phone. Whatever is still on its way is not shown any more.
function ends(note) {
  menu.id = "";
  menu.turn++;
  clock(false);
  $("ussd-line").textContent = note;
}

function dropped(words) {
  asks("end").catch(() => {});
  ends("The menu was closed.");
  $("menu-counts").textContent = "";
  overlay(words, "en", false, "OK");
  again(true);
}

// again offers to dial once more, where there is something to go on with.
function again(left) {
  $("code").value = code;
  $("ussd-note").textContent = left ? "Nothing is lost. Dial again, and you can go on where you were." : "";
  $("go-on").hidden = !left;
}

function dialler(focus) {
  $("menu").hidden = true;
  $("dialler").hidden = false;
  $("menu-counts").textContent = "";
  if (focus) $("ussd-dial").focus({ preventScroll: true });
}

async function requests(path, more) {
  const mine = menu.turn;
  clock(false);
  $("ussd-trouble").textContent = "";
  $("reply").readOnly = true;
  const slow = setTimeout(() => { if (mine === menu.turn) $("ussd-line").textContent = "Code running…"; }, 300);
  try {
    const answer = await asks(path, more);
    if (mine !== menu.turn) return;
    keep(answer.kept);
    if (answer.now) $("now").textContent = answer.now;
    onScreen(answer);
  } catch (err) {
    if (mine !== menu.turn) return;
    ends("No menu is open.");
    overlay(/leads nowhere/.test(err.message) ? `Connection problem or wrong code. The town’s code is ${code}` : "Connection problem. Please dial again.", "en", false, "OK");
    again(!/leads nowhere/.test(err.message));
  } finally {
    clearTimeout(slow);
  }
}

function dials(words) {
  Object.assign(menu, { id: fresh(), from, number: 0, shown: 0, over: false, turn: menu.turn + 1, end: Date.now() + menu.whole * 1000 });
  $("menu-counts").textContent = "";
  overlay("", "en", true);
  uses("ussd");
  return requests("dial", { code: words });
}

function cancels() {
  if (menu.id) {
    asks("end").catch(() => {});
    ends("You closed the menu.");
    again(true);
  } else if (menu.over) again(false);
  menu.over = false;
  $("ussd-line").textContent = "No menu is open.";
  dialler(true);
}

// takeMenu puts another resident's card into the phone.
function takeMenu() {
  if (!code) return;
  if (menu.id) asks("end").catch(() => {});
  ends("No menu is open.");
  menu.over = false;
  again(false);
  dialler(false);
}

// A key of the phone writes into whatever is on show.
pad($("menu-keys"), (key) => {
  const field = $("menu").hidden ? $("code") : $("reply");
  if (!field.readOnly && !field.hidden) field.value += key;
});

$("dialler").onsubmit = (e) => {
  e.preventDefault();
  if ($("code").value.trim()) dials($("code").value);
};
$("go-on").onclick = () => dials(onward());
$("menu").onsubmit = (e) => {
  e.preventDefault();
  if (!menu.id || $("reply").readOnly) return;
  requests("send", { words: $("reply").value });
};
$("menu-cancel").onclick = cancels;
$("ussd").onkeydown = (e) => {
  if (e.key !== "Escape" || $("menu").hidden) return;
  e.preventDefault();
  cancels();
};
$("menu-clock").onchange = () => {
  if (!menu.id || $("reply").readOnly) return;
  menu.until = Date.now() + menu.slow * 1000;
  menu.end = Math.max(menu.end, menu.until);
  clock(true);
};
addEventListener("pagehide", () => {
  if (menu.id) navigator.sendBeacon("preview/ussd/end", new Blob([JSON.stringify({ from: menu.from, session: menu.id, number: menu.number + 1 })], { type: "application/json" }));
});
