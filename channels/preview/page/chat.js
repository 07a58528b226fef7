"use strict";
// The chat is an app like Telegram: buttons stand under a message, and are gone once something was answered.
const talk = { after: 0, day: "", chain: Promise.resolve(), recorder: null, opened: false };

function takeTalk(messages) {
  const log = $("talk");
  for (const t of messages) {
    if (t.number <= talk.after) continue;
    talk.after = t.number;
    log.querySelector(".empty")?.remove();
    log.querySelectorAll(".buttons").forEach((b) => b.remove());
    if (t.day !== talk.day) {
      talk.day = t.day;
      log.append(make("div", t.day, "day"));
    }
    const b = bubble(t);
    if (t.carried) b.replaceChildren(make("span", "You: ", "unseen"), carried(t));
    b.append(make("span", t.at, "at"));
    log.append(b);
    if (t.by === "town") {
      goes(!t.over);
      if (t.keys?.length) log.append(buttons(t));
      more(!!t.share || talk.opened);
    }
  }
  if (messages.length) log.scrollTop = log.scrollHeight;
}

function carried(t) {
  const kind = { voice: "▶ Voice note", picture: "▣ Picture", place: "⌖ Place" }[t.carried] || "";
  return kind + (t.carried === "voice" && t.words ? ": " + t.words : "");
}

// buttons stand side by side where they are short.
function buttons(t) {
  const box = make("div", "", "buttons");
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Answers in the chat");
  if (t.lang) box.lang = t.lang;
  for (const k of t.keys) {
    const label = (k.chosen ? "✓ " : "") + (k.digit ? k.digit + " " : "") + k.label;
    const b = make("button", label, label.length > 14 ? "wide" : "");
    b.type = "button";
    b.dir = "auto";
    b.onclick = () => says({ choice: k.choice, mark: t.mark, label });
    box.append(b);
  }
  return box;
}

// says gives what the town answered, or nothing where the message did not get through.
function says(message) {
  const mine = round, id = fresh();
  uses("chat");
  return talk.chain = talk.chain.then(async () => {
    if (mine !== round) return null;
    $("chat-trouble").textContent = "";
    const since = talk.after;
    for (let tries = 0; ; tries++) {
      try {
        const state = await call("chat/send", { from, id, talk: since, ...message });
        if (mine !== round) return null;
        show(state, mine);
        return (state.talk || []).filter((t) => t.by === "town");
      } catch (err) {
        if (tries >= 3 || /can't be opened/.test(err.message)) {
          $("chat-trouble").textContent = /opened/.test(err.message) ? "This can’t be opened. Please send another." : "That did not get through. Please send it again.";
          return null;
        }
        await pause(400 * 2 ** tries);
      }
    }
  });
}

function more(open) {
  $("chat-more").hidden = !open;
  $("chat-plus").setAttribute("aria-expanded", String(open));
  $("talk").scrollTop = $("talk").scrollHeight;
}

function takeChat() {
  Object.assign(talk, { after: 0, day: "", opened: false });
  $("chat-trouble").textContent = "";
  $("talk").replaceChildren(make("p", "Say hello, or press a dialog above.", "empty"));
  more(false);
}

const inBase64 = (blob) => new Promise((ok, no) => {
  const r = new FileReader();
  r.onload = () => ok(r.result.slice(r.result.indexOf(",") + 1));
  r.onerror = no;
  r.readAsDataURL(blob);
});

// A voice note is recorded where there is a microphone; else what stands in the field is said by the machine's voice.
async function voice() {
  const b = $("chat-voice");
  if (talk.recorder) {
    talk.recorder.stop();
    return;
  }
  const words = $("message").value.trim();
  if (words) {
    $("message").value = "";
    says({ as: "voice", words });
    return;
  }
  let stream = null;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (err) {
    $("chat-trouble").textContent = "There is no microphone. Type what you would say, and press “A voice note”.";
    $("message").focus();
    return;
  }
  const recorder = talk.recorder = new MediaRecorder(stream), pieces = [];
  b.textContent = "Stop and send";
  recorder.ondataavailable = (e) => pieces.push(e.data);
  recorder.onstop = async () => {
    talk.recorder = null;
    b.textContent = "A voice note";
    stream.getTracks().forEach((t) => t.stop());
    says({ as: "voice", bytes: await inBase64(new Blob(pieces)) });
  };
  recorder.start();
}

$("chat-form").onsubmit = (e) => {
  e.preventDefault();
  const words = $("message").value.trim();
  if (!words) return;
  $("message").value = "";
  says({ words });
};
$("chat-plus").onclick = () => more(talk.opened = $("chat-more").hidden);
$("chat-place").onclick = () => says({ as: "place", words: "geo:44.977800,-93.265000" });
$("chat-picture").onclick = () => $("chat-file").click();
$("chat-voice").onclick = voice;
$("chat-file").onchange = async () => {
  const file = $("chat-file").files[0];
  $("chat-file").value = "";
  if (!file) return;
  if (file.size > 8 << 20) $("chat-trouble").textContent = "This picture is too large. Please send a smaller one.";
  else says({ as: "picture", bytes: await inBase64(file) });
};
