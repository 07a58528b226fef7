// What the Go tests measure in a page. Each function returns a list of findings in plain words; an empty list is a pass.
// Nothing here is shipped: it is injected into a page under test.
const J = (() => {
  const all = (css, from = document) => [...from.querySelectorAll(css)];
  const shown = e => e.checkVisibility({ checkVisibilityCSS: true }) && !hiddenAway(e);
  // text for screen readers only is one pixel wide, clipped
  const hiddenAway = e => { for (; e; e = e.parentElement) { const r = e.getBoundingClientRect(); if (r.width <= 1 && r.height <= 1 && getComputedStyle(e).position === "absolute") return true; } return false; };
  const name = e => (e.id ? "#" + e.id : e.outerHTML.slice(0, 70).replace(/\s+/g, " "));
  const texts = function* (root = document.body) {
    const w = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let n; (n = w.nextNode());) {
      const p = n.parentElement;
      if (n.data.trim() && p && !p.closest("script,style,noscript,template,textarea") && shown(p)) yield n;
    }
  };
  const colour = c => {
    const m = c.match(/[\d.]+/g).map(Number);
    if (c.startsWith("color(srgb")) return [m[0] * 255, m[1] * 255, m[2] * 255, m[3] ?? 1];
    return [m[0], m[1], m[2], m[3] ?? 1];
  };
  const luminance = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ratio = (a, b) => { const x = luminance(a), y = luminance(b); return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); };
  const over = (c, under) => [0, 1, 2].map(i => c[i] * c[3] + under[i] * (1 - c[3]));
  const ground = e => {
    const layers = [];
    for (let x = e; x; x = x.parentElement) {
      const c = colour(getComputedStyle(x).backgroundColor);
      if (c[3] > 0) layers.push(c);
      if (c[3] === 1) break;
    }
    return layers.reverse().reduce((u, c) => over(c, u), [255, 255, 255]);
  };
  const round = x => Math.round(x * 100) / 100;
  // what can be pressed: a card counts as one target, not the radio in it
  const targets = (root = document) => all("button,a[href],input:not([type=hidden]),textarea,select,summary,[role=button]", root)
    .filter(e => shown(e)).map(e => (e.matches("input[type=radio],input[type=checkbox]") && e.closest("label")) || e)
    .filter((e, i, l) => l.indexOf(e) === i && !e.disabled);
  const scripts = { ar: /\p{Script=Arabic}/u, zh: /\p{Script=Han}/u };

  return {
    ratio, luminance, colour, ground, shown, targets, texts, all,

    // structure: what the page is made of. lang is the language that the page should be in.
    structure(lang) {
      const out = [], html = document.documentElement;
      if (html.lang !== lang) out.push(`lang is "${html.lang}", not "${lang}"`);
      const dir = lang === "ar" ? "rtl" : "ltr";
      if (getComputedStyle(html).direction !== dir) out.push(`${lang} is written ${dir}, not ${getComputedStyle(html).direction}`);
      const h1 = all("h1").filter(shown);
      if (h1.length !== 1) out.push(`${h1.length} headings of the first level`);
      if (scripts[lang] && h1[0] && !scripts[lang].test(h1[0].textContent)) out.push(`the heading is not in ${lang}: ${h1[0].textContent}`);
      if (!document.title.trim()) out.push("no title");
      const groups = all("form input[type=radio],form input[type=checkbox]").filter(shown);
      for (const i of groups) {
        const f = i.closest("fieldset");
        if (!f || !f.querySelector(":scope>legend h1, :scope>legend h2")) { out.push("answers without a legend that is a heading: " + name(i)); break; }
      }
      for (const e of all("*")) {
        for (const a of e.getAttributeNames()) if (/^on/i.test(a)) out.push(`inline handler ${a} on ${name(e)}`);
        if (e.hasAttribute("style")) out.push("inline style on " + name(e));
        if (e.tabIndex > 0) out.push("tabindex above 0 on " + name(e));
        if (e.matches("div,span,p,li,td") && (e.tabIndex >= 0 && e.hasAttribute("tabindex") || /^(button|link|radio|checkbox|menuitem|tab|switch)$/.test(e.getAttribute("role") || ""))) out.push("made to look like a control: " + name(e));
      }
      for (const e of all("svg,img")) {
        if (e.getAttribute("aria-hidden") === "true" || e.closest("[aria-hidden=true]")) continue;
        if (e.matches("img") ? !e.hasAttribute("alt") : !(e.getAttribute("role") === "img" && (e.getAttribute("aria-label") || e.querySelector("title")?.textContent))) out.push("a picture without words: " + name(e));
      }
      for (const e of all("audio,video")) if (e.autoplay) out.push("plays by itself: " + name(e));
      if (document.querySelector("meta[http-equiv=refresh i]")) out.push("the page leaves by itself");
      if (/user-scalable\s*=\s*(no|0)|maximum-scale\s*=\s*[0-4](\.|,|$)/.test(document.querySelector("meta[name=viewport]")?.content || "")) out.push("the page can't be enlarged");
      const ids = all("[id]").map(e => e.id);
      for (const i of new Set(ids)) if (ids.filter(x => x === i).length > 1) out.push("two of #" + i);
      for (const f of all("form")) if (f.autocomplete !== "off") out.push("the browser may remember what is typed: " + name(f));
      const first = document.querySelector("#f button[name=do],#f input[type=submit]");
      if (document.querySelector("#f #next") && first?.value !== document.querySelector("#next").value) out.push("Enter presses " + (first ? name(first) : "nothing") + ", not Continue");
      return out;
    },

    // spoken: words that can be seen but not heard. What is on the page for the eye alone (aria-hidden) has its words elsewhere.
    spoken() {
      const out = [];
      for (const n of texts()) {
        const e = n.parentElement;
        // a card's number is its place: it is heard by coming there
        if (e.closest("[aria-hidden=true],.num") || !/[\p{L}\p{N}]/u.test(n.data)) continue;
        if (!e.closest("[data-a]")) out.push("can't be heard: " + n.data.trim().slice(0, 60));
      }
      for (const e of all("[data-a]")) if (!e.dataset.a.trim()) out.push("no sound is named for " + name(e));
      for (const e of all("input:not([type=hidden]),textarea,select").filter(shown)) {
        const l = e.labels && e.labels[0];
        if (!(l && (l.closest("[data-a]") || l.querySelector("[data-a]"))) && !e.closest("[data-a]")) out.push("a field whose purpose can't be heard: " + name(e));
      }
      return out;
    },

    // targets: smaller than min pixels, or nearer than gap to the next one.
    reach(min, gap) {
      const out = [], root = document.querySelector("dialog[open]") || document;
      const l = targets(root).map(e => ({ e, r: e.getBoundingClientRect() })).filter(t => t.r.width > 0);
      for (const { e, r } of l) if (r.width < min - 0.5 || r.height < min - 0.5) out.push(`${round(r.width)} × ${round(r.height)} px, less than ${min}: ${name(e)}`);
      for (let i = 0; i < l.length; i++) for (let k = i + 1; k < l.length; k++) {
        const a = l[i].r, b = l[k].r;
        if (l[i].e.contains(l[k].e) || l[k].e.contains(l[i].e)) continue;
        const d = Math.hypot(Math.max(0, b.left - a.right, a.left - b.right), Math.max(0, b.top - a.bottom, a.top - b.bottom));
        if (d < gap - 0.5) out.push(`${round(d)} px between ${name(l[i].e)} and ${name(l[k].e)}, less than ${gap}`);
      }
      return out;
    },

    // contrast: every piece of text as it is on the page, against what is behind it; and every border and sign that tells something.
    contrast(least, most) {
      const out = [], seen = new Set();
      const check = (e, fg, bg, what, lo, hi) => {
        const r = ratio(over(fg, bg), bg);
        if (r < lo - 0.005 || r > hi + 0.005) { const s = `${round(r)}:1 is not between ${lo} and ${hi}: ${what} of ${name(e)}`; if (!seen.has(s)) { seen.add(s); out.push(s); } }
      };
      for (const n of texts()) {
        const e = n.parentElement, s = getComputedStyle(e);
        if (s.opacity !== "1") out.push("half transparent: " + name(e));
        check(e, colour(s.color), ground(e), "text", least, most);
      }
      for (const e of targets()) {
        const s = getComputedStyle(e), around = ground(e.parentElement);
        const border = parseFloat(s.borderTopWidth) > 0 && s.borderTopStyle !== "none" ? colour(s.borderTopColor) : null;
        const own = ground(e);
        const best = Math.max(ratio(own, around), border ? ratio(over(border, around), around) : 1);
        if (e.matches("button,.opt,input,textarea,select,.btn") && best < 3) out.push(`the edge of ${name(e)} is ${round(best)}:1, less than 3`);
      }
      for (const e of all("svg").filter(shown)) check(e, colour(getComputedStyle(e).color), ground(e), "picture", 3, 22);
      return out;
    },

    // motion: what moves or changes colour by itself.
    motion() {
      const out = [];
      for (const e of all("*")) for (const p of [null, "::before", "::after"]) {
        const s = getComputedStyle(e, p);
        if (s.transitionDuration.split(",").some(d => parseFloat(d) > 0)) out.push(`changes slowly (${s.transitionProperty}): ${name(e)}`);
        if (s.animationName !== "none") out.push("moves: " + name(e));
      }
      if (document.getAnimations().length) out.push(document.getAnimations().length + " animations run");
      return out;
    },

    // wide: what sticks out at the side, or is cut off.
    wide() {
      const out = [], w = document.documentElement.clientWidth;
      if (document.scrollingElement.scrollWidth > w) out.push(`the page is ${document.scrollingElement.scrollWidth} px wide in a window of ${w}`);
      for (const e of all("body *")) {
        if (!shown(e) || e.closest("svg")) continue;
        const r = e.getBoundingClientRect(), s = getComputedStyle(e);
        if (r.width && (r.right > w + 1 || r.left < -1)) out.push(`sticks out (${round(r.left)} to ${round(r.right)} of ${w}): ${name(e)}`);
        if (e.matches("input,textarea")) continue;
        if (s.overflowX !== "visible" || e.matches("button,label,legend,h1,h2,p,a,dt,dd,span")) {
          if (e.clientWidth && e.scrollWidth > e.clientWidth + 1) out.push(`cut off, ${e.scrollWidth} px in ${e.clientWidth}: ${name(e)}`);
        }
        if ((s.overflowY === "hidden" || s.overflowY === "clip") && e.clientHeight && e.scrollHeight > e.clientHeight + 2) out.push(`cut off, ${e.scrollHeight} px in ${e.clientHeight} high: ${name(e)}`);
      }
      return [...new Set(out)];
    },

    // broken: a word that goes on in the next line, though a line of its card or paragraph would hold it.
    broken() {
      const out = [], px = v => parseFloat(v) || 0;
      for (const n of texts()) {
        const e = n.parentElement, box = e.closest("button,label,a,p,h1,h2,dt,dd,legend");
        if (!box || hiddenAway(e) || e.closest("[lang|=zh]")) continue;
        const s = getComputedStyle(box);
        let room = box.clientWidth - px(s.paddingLeft) - px(s.paddingRight);
        for (const c of s.display.includes("flex") ? box.querySelectorAll(":scope>input,:scope>.num,:scope>svg,:scope>i") : []) room -= c.getBoundingClientRect().width + px(s.columnGap);
        for (const m of n.data.matchAll(/[\p{L}\p{M}\p{N}]{2,}/gu)) {
          const r = document.createRange();
          r.setStart(n, m.index);
          r.setEnd(n, m.index + m[0].length);
          const l = [...r.getClientRects()].filter(b => b.width > 0), wide = l.reduce((sum, b) => sum + b.width, 0);
          if (l.length > 1 && l.at(-1).top - l[0].top > l[0].height / 2 && wide <= room) out.push(`breaks within "${m[0]}", ${round(wide)} px in ${round(room)}: ${name(box)}`);
        }
      }
      return [...new Set(out)];
    },

    // overlap: text that lies on other text.
    overlap() {
      const out = [], l = [];
      for (const n of texts(document.querySelector("dialog[open]") || document.body)) { // what is behind it is out of use
        const r = document.createRange();
        r.selectNodeContents(n);
        for (const b of r.getClientRects()) if (b.width > 1) l.push({ n, left: b.left, right: b.right, top: b.top + b.height * 0.25, bottom: b.bottom - b.height * 0.25 });
      }
      for (let i = 0; i < l.length; i++) for (let k = i + 1; k < l.length; k++) {
        const a = l[i], b = l[k];
        if (a.n !== b.n && a.left < b.right - 2 && b.left < a.right - 2 && a.top < b.bottom - 2 && b.top < a.bottom - 2) out.push(`"${a.n.data.trim().slice(0, 30)}" lies on "${b.n.data.trim().slice(0, 30)}"`);
      }
      return out;
    },

    // lines: more characters on a line than can be read with ease (WCAG 1.4.8: 80, or 40 where a sign is a word), or lines too near.
    lines(most) {
      const out = [];
      for (const n of texts()) {
        const r = document.createRange(), per = new Map();
        if (n.data.trim().length <= most) continue;
        for (let i = 0; i < n.data.length; i++) {
          r.setStart(n, i); r.setEnd(n, i + 1);
          const b = r.getBoundingClientRect();
          if (b.width) per.set(Math.round(b.top), (per.get(Math.round(b.top)) || 0) + 1);
        }
        const worst = Math.max(0, ...per.values());
        if (worst > most) out.push(`${worst} characters on a line: ${n.data.trim().slice(0, 60)}`);
      }
      for (const e of all("p,dd,dt").filter(shown)) {
        const s = getComputedStyle(e);
        if (s.textAlign === "justify") out.push("justified: " + name(e));
        if (e.textContent.trim() && parseFloat(s.lineHeight) / parseFloat(s.fontSize) < 1.49) out.push(`lines ${round(parseFloat(s.lineHeight) / parseFloat(s.fontSize))} apart, less than 1.5: ${name(e)}`);
      }
      return out;
    },

    // letters: heights in pixels of a capital H and a small x, of the question and of the smallest text.
    letters() {
      const c = document.createElement("canvas").getContext("2d");
      // measured forty times as large: a canvas counts whole pixels
      const of = e => { const s = getComputedStyle(e), size = parseFloat(s.fontSize); c.font = `${s.fontWeight} ${size * 40}px ${s.fontFamily}`; return { H: c.measureText("H").actualBoundingBoxAscent / 40, x: c.measureText("x").actualBoundingBoxAscent / 40, size }; };
      let least = null, who = "", body = null;
      for (const n of texts()) {
        const m = of(n.parentElement);
        if (!least || m.H < least.H) { least = m; who = n.data.trim().slice(0, 30); }
      }
      const t = document.querySelector(".opt .txt") || document.querySelector("main p");
      if (t) body = of(t);
      return { least, who, body };
    },

    // spacing: applies the text spacing of WCAG 1.4.12 and says whether it took.
    spacing() {
      const s = document.createElement("style");
      s.textContent = "*{line-height:1.5!important;letter-spacing:.12em!important;word-spacing:.16em!important}p{margin-block-end:2em!important}";
      document.head.append(s);
      const e = document.querySelector("h1") || document.body, c = getComputedStyle(e);
      return Math.abs(parseFloat(c.letterSpacing) - 0.12 * parseFloat(c.fontSize)) < 0.1;
    },

    // at: whether what is focused can be seen where it is, and its box; the card of a radio, not the radio.
    at() {
      const a = document.activeElement;
      if (!a || a === document.body) return null;
      const t = (a.matches("input[type=radio],input[type=checkbox]") && a.closest("label")) || a;
      const r = t.getBoundingClientRect();
      const inside = r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth;
      const x = Math.min(Math.max((r.left + r.right) / 2, 1), innerWidth - 1), y = Math.min(Math.max((r.top + r.bottom) / 2, 1), innerHeight - 1);
      const hit = document.elementFromPoint(x, y);
      const whole = r.top >= -1 && r.bottom <= innerHeight + 1 || r.height > innerHeight;
      const c = getComputedStyle(t), way = [];
      for (let e = t; e; e = e.parentElement) way.push(e.tagName + "." + e.className);
      const looks = [document.documentElement.dataset.theme, a.type, a.checked, c.outline, c.outlineOffset, c.boxShadow, c.border, c.backgroundColor, ground(t.parentElement), r.width, r.height, ...way].join(" ");
      return { Name: name(t) + "@" + all("*").indexOf(t), Looks: looks, Box: { X: r.x, Y: r.y, W: r.width, H: r.height }, Seen: inside && whole && !!hit && (t === hit || t.contains(hit)) };
    },
  };
})();
