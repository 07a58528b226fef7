"use strict";
// Walking from one device to another. Nothing here is known to the town: each step is one that a resident takes by hand, and the
// page takes it slowly enough to be read.
const names = { texts: "Text", call: "Call", ussd: "USSD", chat: "Chat", booth: "Kiosk" };
const phone = (d) => d === "texts" || d === "call" || d === "ussd"; // on one number
const still = matchMedia("(prefers-reduced-motion: reduce)");
const slowly = (ms) => pause(still.matches ? 0 : ms);
let inHand = "";
let going = false;
let crossing = false;

// uses notes which device is in hand.
function uses(d) {
  if (crossing || inHand === d) return; // on the way, the one that it goes to is taken in hand at the end
  inHand = d;
  const last = $("path").lastElementChild?.dataset.device;
  if (last !== d) {
    const item = make("li", names[d]);
    item.dataset.device = d;
    $("path").append(item);
    while ($("path").children.length > 7) $("path").firstElementChild.remove();
  }
  marks();
}

// goes notes whether there is a conversation to go on with.
function goes(yes) {
  if (going === yes) return;
  going = yes;
  marks();
}

function marks() {
  for (const s of document.querySelectorAll(".device")) {
    const b = s.querySelector(".here"), here = s.id === inHand;
    s.classList.toggle("in-hand", here);
    b.textContent = here ? "In hand" : going && inHand ? "Go on here" : "Start here";
    b.setAttribute("aria-label", `${b.textContent}: ${s.querySelector("h3").textContent}`);
    b.setAttribute("aria-disabled", String(crossing || here && going));
  }
  for (const a of document.querySelectorAll(".tabs a")) a.classList.toggle("in-hand", a.hash === "#" + inHand);
}

function takeCrossing() {
  inHand = "";
  going = false;
  $("path").replaceChildren();
  $("steps").replaceChildren(make("li", "What a resident does to walk from one device to another is shown here, step by step.", "hint"));
  marks();
}

function step(words, code) {
  $("steps").querySelector(".hint")?.remove();
  const item = make("li", words);
  if (code) item.append(" ", make("code", code));
  $("steps").append(item);
  $("did").scrollLeft = $("did").scrollWidth;
  return slowly(500);
}

// types puts words into a field as fingers do.
async function types(field, words) {
  field.value = "";
  for (const c of words) {
    field.value += c;
    await slowly(45);
  }
  await slowly(200);
  field.value = "";
}

// digits of a code in what the town says, in any of its languages' digits.
function codeIn(words) {
  const plain = words.replace(/[٠-٩]/g, (c) => c.charCodeAt(0) - 0x660).replace(/[۰-۹]/g, (c) => c.charCodeAt(0) - 0x6f0);
  return plain.match(/(?<!\d)\d{3}[\s\u00a0-]?\d{3}[\s\u00a0-]?\d{3}(?!\d)/)?.[0].replace(/\D+/g, " ") || "";
}

const stuck = (words) => { throw new Error(words); };

// leaves puts a device down, as one rings off.
async function leaves(d) {
  if (d === "call" && line.id) {
    await step("Ring off");
    dial();
  }
  if (d === "ussd" && menu.id) {
    await step("Close the menu");
    cancels();
  }
}

async function texts(words, why) {
  reveal("texts");
  await step(why, words);
  await types($("text"), words);
  return await send(words) || stuck("The text did not get through.");
}

async function writes(words, why) {
  reveal("chat");
  await step(why, words);
  await types($("message"), words);
  return await says({ words }) || stuck("The message did not get through.");
}

// codeFrom asks where the conversation is for a code to go on with elsewhere.
async function codeFrom(d) {
  let words = "";
  if (d === "booth") {
    reveal("booth");
    await step("Press “Take it along” on the kiosk");
    let page = await onGlass(() => true);
    (page.querySelector('[name=do][value="carry"]') || stuck("There is nothing to take along yet.")).click();
    page = await onGlass((p, kind) => kind === "carry");
    words = page.querySelector(".ref")?.textContent || "";
  } else {
    const answers = await (d === "chat" ? writes : texts)("KIOSK", d === "chat" ? "Write in the chat" : "Text");
    words = answers.map((t) => t.words).join("\n");
  }
  const code = codeIn(words) || stuck("There is nothing to take along yet.");
  await step("A code comes", code);
  return code;
}

// leavesMachine ends the visit, so that whoever comes next finds nothing.
async function leavesMachine() {
  const done = (await onGlass(() => true)).querySelector('[name=do][value="over.yes"]');
  if (!done) return;
  await step("Leave the kiosk");
  done.click();
  await onGlass((p, kind) => kind.startsWith("welcome"));
}

async function keyIn(code) {
  reveal("booth");
  await step("Type it at the kiosk", code);
  const f = machine.frame, old = inside();
  f.src = f.src.replace(/\?.*/, "") + "?code";
  let page = await onGlass((p, kind) => p !== old && kind === "code" && p.getElementById("t"));
  const field = page.getElementById("t");
  for (const c of code) {
    field.value += c;
    await slowly(60);
  }
  await slowly(300);
  page.querySelector("#next").click();
  await onGlass((p, kind) => kind !== "code" || p.getElementById("wrong"));
  if (inside().getElementById("wrong")) stuck("The kiosk does not know this code.");
}

// offers says whether the town asks first whether to go on.
const offers = (t) => t?.keys?.map((k) => k.id).join() === "on,other";

// comes takes up another device of the number that the conversation is with.
async function comes(d, code) {
  switch (d) {
    case "texts": {
      const answers = await (code ? texts(code, "Text the code") : texts("REPEAT", "Text"));
      if (offers(answers.at(-1))) await texts("1", "Go on: text");
      return;
    }
    case "ussd": {
      const dialled = code ? codeOf(code.replaceAll(" ", "")) : codeOf("1");
      reveal("ussd");
      await step("Dial", dialled);
      dialler(false);
      await types($("code"), dialled);
      $("code").value = dialled;
      await dials(dialled);
      return;
    }
    case "call":
      if (code) {
        await texts(code, "Text the code, so that the town knows the phone");
      }
      reveal("call");
      if (line.id) dial(); // one that nobody has rung off from
      await step("Call the town");
      await dial();
      if (!line.id) stuck("The call did not get through.");
      await waitsFor(() => line.offered || !line.id, 60);
      if (!line.id) return;
      await step("Go on: press", "1");
      await pause(700); // a key that comes with the page is left alone, as on every line
      press("1");
  }
}

async function waitsFor(holds, seconds) {
  for (let n = 0; n < seconds * 20 && !holds(); n++) await pause(50);
}

async function startsOn(d) {
  reveal(d);
  if (d === "texts") await send("MENU");
  else if (d === "chat") await says({ words: "MENU" });
  else if (d === "ussd") await dials(code);
  else if (d === "call") {
    if (!line.id) await dial();
  } else {
    const page = await onGlass(() => true);
    page.querySelector('[name=do][value="begin"], .door, #next')?.click();
  }
}

// goOnHere walks to a device, with the conversation.
async function goOnHere(d) {
  if (crossing || d === inHand && going) return;
  crossing = true;
  marks();
  $("steps").replaceChildren();
  try {
    if (!going || !inHand) {
      await startsOn(d);
      crossing = false;
      uses(d);
      return;
    }
    const was = inHand;
    await leaves(was);
    if (phone(was) && phone(d)) await comes(d, "");
    else {
      const code = await codeFrom(phone(was) ? "texts" : was);
      if (d === "booth") await keyIn(code);
      else if (d === "chat") await writes(code, "Send the code in the chat");
      else await comes(d, code);
      if (was === "booth") await leavesMachine();
    }
    crossing = false;
    uses(d);
    await step(`On it goes: ${names[d]}`);
    $("steps").lastElementChild.className = "done";
  } catch (err) {
    await step(err.message);
    $("steps").lastElementChild.className = "stuck";
  } finally {
    crossing = false;
    marks();
  }
}

// reveal brings a device into sight, where not all are.
function reveal(d, at) {
  const s = $(d), row = $("devices");
  if (row.scrollWidth > row.clientWidth + 1) row.scrollTo({ left: row.scrollLeft + s.getBoundingClientRect().left - row.getBoundingClientRect().left - 12, behavior: at || still.matches ? "instant" : "smooth" });
}
new ResizeObserver(() => { if (inHand) reveal(inHand, true); }).observe($("devices")); // a phone that is turned shows what is in hand

function tabs() {
  document.querySelector(".tabs").replaceChildren(...[...document.querySelectorAll(".device:not([hidden])")].map((s) => {
    const a = make("a", s.dataset.name);
    a.href = "#" + s.id;
    a.onclick = (e) => { e.preventDefault(); reveal(s.id); s.querySelector(".here").focus({ preventScroll: true }); };
    return a;
  }));
  const seen = new IntersectionObserver((all) => {
    for (const one of all) document.querySelector(`.tabs a[href="#${one.target.id}"]`)?.toggleAttribute("data-seen", one.intersectionRatio > 0.6);
  }, { root: $("devices"), threshold: [0, 0.6, 1] });
  document.querySelectorAll(".device").forEach((s) => seen.observe(s));
}

for (const s of document.querySelectorAll(".device")) s.querySelector(".here").onclick = () => goOnHere(s.id);
