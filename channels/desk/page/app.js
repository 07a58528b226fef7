// News come by themselves: what is new replaces what stood there, and nothing that a clerk is writing is touched. Without this
// script all works as well, by loading the page.
"use strict";
(() => {
  const news = document.getElementById("news"), told = document.getElementById("told");
  const form = document.querySelector("textarea") && document.querySelector("textarea").form;
  if (form) {
    form.elements.words.addEventListener("keydown", (e) => {
      if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
        e.preventDefault();
        form.querySelector('button[value="say"]').click();
      }
    });
  }
  if (!news) return;
  const title = document.title;
  let last = null, next = 0;
  const held = () => { const a = document.activeElement; return a && news.contains(a) && a.getAttribute("href"); };
  async function look() {
    try {
      const r = await fetch(news.dataset.from, { headers: { Accept: "text/html" } });
      if (r.status === 401 || r.status === 410) {
        if (!form || !form.elements.words.value) { location.reload(); return; }
        told.textContent = r.status === 401 // else it would be lost
          ? "Your time at the desk is over. Go on writing, and send it: you are asked for your password, and your words stay."
          : "This page is over. Copy what you wrote, and then load it again.";
        return;
      }
      if (!r.ok) throw new Error(r.status);
      const text = await r.text();
      if (text !== last) {
        const count = (t) => (t.match(/<li |<tr|class="new"/g) || []).length;
        const more = last !== null && count(text) > count(last), at = held();
        last = text;
        news.innerHTML = text; // made by the server, which escapes what residents say
        if (at) { const a = news.querySelector(`a[href="${CSS.escape(at)}"]`); if (a) a.focus(); }
        if (more) {
          told.textContent = news.dataset.new || "Somebody waits for an answer.";
          document.title = "● " + title;
        }
      } else if (told.dataset.lost) { told.textContent = ""; }
      delete told.dataset.lost;
    } catch {
      told.textContent = "No news can be had just now. This page tries again.";
      told.dataset.lost = "1";
    }
    clearTimeout(next);
    next = setTimeout(look, document.hidden ? 15000 : 4000);
  }
  addEventListener("focus", () => { document.title = title; look(); });
  look();
})();
