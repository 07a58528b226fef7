package kiosk_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	notice  = `!document.querySelector("#net span").hidden`
	pages   = `history.length`
	nothing = `document.body.textContent.trim()===""`
)

// An answer is sent until it has arrived, once, and the person is told when that takes a while.
func TestAway(t *testing.T) {
	t.Run("the server is away, and comes back", func(t *testing.T) {
		for what, fail := range map[string]func(http.ResponseWriter) bool{
			"it says so": func(w http.ResponseWriter) bool {
				http.Error(w, "not now", http.StatusServiceUnavailable)
				return true
			},
			"it is busy":            func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusTooManyRequests); return true },
			"nobody is there":       hang,
			"its answer is torn":    torn,
			"it took the answer in": nil, // and the line was cut before it could say so
		} {
			t.Run(what, func(t *testing.T) {
				c := newScene(t, threeBody, "data-sound")
				kept, away, others := "", true, 0
				c.answer = func(w http.ResponseWriter, f url.Values) bool {
					if f.Get("o") != "2" {
						others++
					}
					switch {
					case !away:
						return f.Get("token") == kept && taken(w)
					case fail != nil:
						return fail(w)
					case kept == "":
						kept = f.Get("token")
						c.sent = append(c.sent, f)
					}
					return hang(w)
				}
				s := c.visit(t, look{})
				n := eval[int](s, pages)
				s.keys("2", "Enter")
				s.until(notice)
				s.until(`heard.at(-1)==="away"`)
				expect(t, s, ticked, "2")
				s.keys("3", "Enter") // what was sent is sent
				c.mu.Lock()
				away = false
				c.mu.Unlock()
				s.at(2)
				c.wants(t, "do=next o=2")
				expect(t, s, pages, n)
				if others > 0 {
					t.Errorf("%d other answers came from the same page", others)
				}
			})
		}
	})
	t.Run("the next page can't be had yet", func(t *testing.T) {
		c := newScene(t, threeBody, "")
		s := c.visit(t, look{})
		c.mu.Lock()
		c.down = true
		c.mu.Unlock()
		s.keys("2", "Enter")
		s.until(notice)
		c.mu.Lock()
		c.down = false
		c.mu.Unlock()
		s.at(2)
		c.wants(t, "do=next o=2")
	})
	t.Run("a page without a turn is shown in its place", func(t *testing.T) {
		for _, status := range []int{200, 422} {
			c := newScene(t, threeBody, "")
			c.answer = func(w http.ResponseWriter, f url.Values) bool {
				if len(f["o"]) > 0 {
					return false
				}
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, strings.Replace(c.page(), "<fieldset>", `<div id="wrong" tabindex="-1" autofocus>Choose one.</div><fieldset>`, 1))
				return true
			}
			s := c.visit(t, look{})
			n := eval[int](s, pages)
			s.key("Enter")
			s.until(`document.getElementById("wrong")&&` + ready)
			expect(t, s, focused, "wrong")
			expect(t, s, pages, n)
			s.keys("1", "Enter")
			s.at(2)
			c.wants(t, "do=next o=1")
			expect(t, s, pages, n)
		}
	})
	t.Run("words that are no page", func(t *testing.T) {
		c := newScene(t, threeBody, "")
		once := false
		c.answer = func(w http.ResponseWriter, f url.Values) bool {
			if once {
				return false
			}
			once = true
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return true
		}
		s := c.visit(t, look{})
		s.run(`globalThis.old=1`)
		s.key("Enter")
		s.until(`typeof old==="undefined"&&` + ready)
		s.keys("1", "Enter")
		s.at(2)
	})
}

// hang lets go of the line without a word.
func hang(w http.ResponseWriter) bool {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
	return true
}

// torn ends in the middle of a page.
func torn(w http.ResponseWriter) bool {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", "5000")
	_, _ = io.WriteString(w, "<!doctype html><title>half")
	return hang(w)
}

// taken tells that the same form was taken before.
func taken(w http.ResponseWriter) bool {
	w.Header().Set("Location", "/kiosk")
	w.WriteHeader(http.StatusSeeOther)
	return true
}

// A page out of the browser's memory is another person's, or stale: it is hidden and asked for again.
func TestPageFromMemory(t *testing.T) {
	for _, c := range []*scene{newScene(t, threeBody, ""), newWebScene(t, threeBody, "")} {
		s := c.visit(t, look{})
		s.key("2")
		s.run(`globalThis.old=1;const e=new PageTransitionEvent("pageshow",{persisted:true});dispatchEvent(e);if(document.documentElement.checkVisibility())throw"it is to be seen"`)
		s.until(`typeof old==="undefined"&&` + ready)
		expect(t, s, ticked, "")
	}
}

// Nobody there: a question, as much more time as is wanted, and then nothing is left.
func TestIdle(t *testing.T) {
	const open = `document.getElementById("idle").open`
	t.Run("more time, again and again, whatever is pressed", func(t *testing.T) {
		c := newScene(t, threeBody, `data-idle="1" data-warn="30"`)
		s := c.visit(t, look{touch: true})
		s.tap(".opt:nth-child(2)")
		for i, more := range []func(){func() { s.tap("#more") }, func() { s.key("Enter") }, func() { s.key("5") }, func() { s.key("ArrowRight") }, func() { s.key(" ") }, func() { s.key("Escape") }, func() { s.key("ArrowDown"); s.key("ArrowUp"); s.key("Enter") },
			func() { s.tap("#more") }, func() { s.tap("#more") }, func() { s.tap("#more") }, func() { s.tap("#more") }} { // WCAG 2.2.1: ten times at the least
			s.until(open)
			expect(t, s, focused, "more")
			more()
			if !s.within(2*time.Second, "!"+open) {
				t.Fatalf("no more time by way %d", i)
			}
		}
		expect(t, s, ticked, "2")
		c.wants(t)
	})
	t.Run("in words and sound", func(t *testing.T) {
		c := newScene(t, threeBody, `data-idle="1" data-warn="31"`)
		s := c.visit(t, look{})
		s.until(open)
		s.until(`heard.join()==="idle1,idle2,idle3,told-31,more,finish"||heard.join().startsWith("idle1,idle2,idle3,told-31")`)
		s.until(`+document.getElementById("left").textContent<30`)
		s.until(`heard.includes("told-30")||heard.includes("finish")`)
		s.key("9")
		s.until(`heard.filter(k=>k==="idle1").length===2`)
		expect(t, s, open, true)
	})
	t.Run("who does something is there", func(t *testing.T) {
		c := newScene(t, threeBody, `data-idle="2" data-warn="30"`)
		s := c.visit(t, look{})
		for range 6 {
			s.wait(700 * time.Millisecond)
			s.key("ArrowDown")
		}
		expect(t, s, open, false)
	})
	t.Run("who is being read to is there", func(t *testing.T) {
		c := newScene(t, strings.Repeat(`<p data-a="long">Words</p>`, 10)+threeBody, `data-idle="1" data-warn="30" data-sound`)
		s := c.visit(t, look{})
		s.until(`heard.at(-1)==="back"`)
		expect(t, s, open, false)
		s.until(open)
	})
	t.Run("nobody", func(t *testing.T) {
		c := newScene(t, threeBody, `data-idle="1" data-warn="2"`)
		s := c.visit(t, look{})
		n := eval[int](s, pages)
		s.key("2")
		s.at(2)
		c.wants(t, "token=end do=over.yes")
		expect(t, s, pages, n)
		expect(t, s, ticked, "")
	})
	t.Run("nobody, and the server is away: the screen is empty, and the answer that was sent arrives first", func(t *testing.T) {
		c := newScene(t, threeBody, `data-idle="1" data-warn="2"`)
		away := true
		c.answer = func(w http.ResponseWriter, _ url.Values) bool { return away && hang(w) }
		s := c.visit(t, look{})
		s.keys("2", "Enter")
		s.until(nothing)
		expect(t, s, `document.title+document.querySelectorAll("input,button").length`, "0")
		c.mu.Lock()
		away = false
		c.mu.Unlock()
		s.until(`document.title==="Page 3"`)
		c.wants(t, "do=next o=2", "token=end do=over.yes")
	})
	t.Run("not on the web", func(t *testing.T) {
		c := newWebScene(t, threeBody, `data-idle="1" data-warn="1"`)
		s := c.visit(t, look{})
		s.wait(1500 * time.Millisecond)
		expect(t, s, open, false)
	})
}

// What is typed and stepped is done in the page, with the same buttons as without the script.
func TestFields(t *testing.T) {
	const value = `document.getElementById(%q).value`
	t.Run("the keys of the screen type where the caret is", func(t *testing.T) {
		c := newScene(t, wordsBody, `data-click`)
		s := c.visit(t, look{touch: true})
		s.tap(`[value="key.A"]`)
		expect(t, s, inField, "A")
		expect(t, s, `tones+document.querySelector("[name=pad]").value`, "1en")
		expect(t, s, `[...document.querySelectorAll(".keys button")].map(b=>b.value+b.textContent+b.dataset.a).join()`,
			"key.aak.en.61,key.éék.en.e9,key.spaceSpacespace,key.delDeletedel,key.layout.en-capsABCp.en.key.caps,key.layout.signs123signs")
		s.tap(`[value="key.é"]`)
		s.tap(`[value="key.space"]`)
		s.tap(`[value="key.a"]`)
		expect(t, s, inField, "Aé a")
		expect(t, s, focused, "t")
		s.run(`document.getElementById("t").setSelectionRange(1,1)`)
		s.tap(`[value="key.é"]`)
		expect(t, s, inField, "Aéé a")
		s.tap(`[value="key.del"]`)
		s.wait(150 * time.Millisecond)
		s.tap(`[value="key.del"]`)
		expect(t, s, inField, "é a")
		s.tap(`[value="key.layout.en-caps"]`)
		s.tap(`[value="key.A"]`)
		expect(t, s, inField, "Aé a")
		s.run(`document.getElementById("t").value="twelve signs"`)
		s.wait(150 * time.Millisecond)
		s.tap(`[value="key.a"]`)
		expect(t, s, inField, "twelve signs")
		c.wants(t)
		s.tap(`[value="key.layout.signs"]`) // other letters are the server's
		s.at(2)
		c.wants(t, "do=key.layout.signs t=twelve signs pad=en")
	})
	t.Run("a sign of two parts goes at once", func(t *testing.T) {
		c := newScene(t, wordsBody, "")
		s := c.visit(t, look{touch: true})
		s.run(`document.getElementById("t").value="x😀"`)
		s.tap(`[value="key.del"]`)
		expect(t, s, inField, "x")
	})
	t.Run("one more, one less", func(t *testing.T) {
		c := newScene(t, dayBody, "")
		s := c.visit(t, look{touch: true})
		press := func(button, id, want string) {
			t.Helper()
			s.wait(150 * time.Millisecond)
			s.tap(fmt.Sprintf(`[value=%q]`, button))
			expect(t, s, fmt.Sprintf(value, id), want)
		}
		press("more.day", "day", "15")
		press("more.day", "day", "16")
		press("less.day", "day", "15")
		s.run(`document.getElementById("day").value="31"`)
		press("more.day", "day", "31")
		s.run(`document.getElementById("month").value="٢"`)
		press("more.month", "month", "3")
		expect(t, s, `document.getElementById("month-name").textContent`, "March")
		s.run(`document.getElementById("month").value="1"`)
		press("less.month", "month", "1")
		expect(t, s, `document.getElementById("month-name").textContent`, "January")
		c.wants(t)
	})
	t.Run("the digits of the screen go on to the next field", func(t *testing.T) {
		c := newScene(t, dayBody, "")
		s := c.visit(t, look{touch: true})
		for _, k := range []string{"1", "4", "4", "1", "4"} {
			s.tap(fmt.Sprintf(`[value="key.%s"]`, k))
			s.wait(150 * time.Millisecond)
		}
		expect(t, s, `["day","month","year"].map(i=>document.getElementById(i).value).join()`, "14,4,14")
	})
	t.Run("what is left", func(t *testing.T) {
		c := newScene(t, budgetBody, "")
		s := c.visit(t, look{touch: true})
		const left = `document.getElementById("rest").textContent`
		s.tap(`[value="more.v0"]`)
		expect(t, s, left, "9")
		s.run(`document.getElementById("v1").value="9";document.getElementById("v1").dispatchEvent(new Event("input",{bubbles:true}))`)
		expect(t, s, left, "0")
		s.tap(`[value="more.v1"]`)
		expect(t, s, fmt.Sprintf(value, "v1")+"+"+left, "90")
		s.wait(150 * time.Millisecond)
		s.tap(`[value="less.v0"]`)
		s.wait(150 * time.Millisecond)
		s.tap(`[value="less.v0"]`)
		expect(t, s, fmt.Sprintf(value, "v0")+"+"+left, "01")
		s.tap("#next")
		s.at(2)
		c.wants(t, "do=next v=0,9")
	})
}

// A recording leaves with Continue, and only then.
func TestRecording(t *testing.T) {
	const (
		microphone = `navigator.mediaDevices.getUserMedia=async()=>{const c=new AudioContext(),o=c.createOscillator(),d=c.createMediaStreamDestination();o.connect(d);o.start();globalThis.stream=d.stream;return d.stream}`
		shown      = `[...document.querySelectorAll("#record button,#rec-no")].filter(x=>x.checkVisibility()).map(x=>x.id).join()`
	)
	record := func(t *testing.T, on string, before ...string) (*scene, *screen) {
		t.Helper()
		c := newScene(t, voiceBody, on)
		c.record = true
		s := c.visit(t, look{touch: true}, before...)
		expect(t, s, shown, "rec-start")
		return c, s
	}
	t.Run("start, stop, listen, again, and on", func(t *testing.T) {
		c, s := record(t, "", microphone)
		s.keys("ArrowDown", "Enter")
		s.until(shown + `==="rec-stop"`)
		expect(t, s, focused, "rec-stop")
		s.wait(600 * time.Millisecond)
		s.key("Enter")
		s.until(shown + `==="rec-play,rec-again"`)
		expect(t, s, `stream.active`, false)
		s.wait(520 * time.Millisecond)
		s.key("Enter")
		s.until(`heard.at(-1)==="blob"`)
		s.tap("#rec-again")
		s.until(shown + `==="rec-stop"`)
		expect(t, s, `sounding.paused`, true)
		s.wait(600 * time.Millisecond)
		s.tap("#rec-stop")
		s.until(shown + `==="rec-play,rec-again"`)
		c.wants(t)
		s.tap("#next")
		s.at(2)
		c.wants(t, "do=next")
		if want := []string{"sound.webm audio/webm;codecs=opus true"}; !slices.Equal(c.sounds, want) {
			t.Errorf("the server got %q", c.sounds)
		}
	})
	t.Run("Continue ends it too", func(t *testing.T) {
		c, s := record(t, "", microphone)
		s.tap("#rec-start")
		s.until(shown + `==="rec-stop"`)
		s.wait(600 * time.Millisecond)
		s.tap("#next")
		s.at(2)
		if len(c.sounds) != 1 {
			t.Errorf("the server got %q", c.sounds)
		}
	})
	t.Run("two minutes are the most", func(t *testing.T) {
		_, s := record(t, "", microphone, `document.addEventListener("DOMContentLoaded",()=>document.getElementById("record").dataset.records="1",true)`)
		s.run(`document.getElementById("record").dataset.records="1"`)
		s.tap("#rec-start")
		s.until(shown + `==="rec-play,rec-again"`)
	})
	t.Run("the visit isn't over while somebody speaks", func(t *testing.T) {
		_, s := record(t, `data-idle="1" data-warn="30"`, microphone)
		s.tap("#rec-start")
		s.until(shown + `==="rec-stop"`)
		s.wait(2500 * time.Millisecond)
		expect(t, s, `document.getElementById("idle").open`, false)
	})
	t.Run("no microphone", func(t *testing.T) {
		c, s := record(t, "data-sound", `navigator.mediaDevices.getUserMedia=async()=>{throw new DOMException("no","NotAllowedError")}`)
		s.tap("#rec-start")
		s.until(shown + `==="rec-start,rec-no"`)
		s.until(`heard.at(-1)==="rn"`)
		s.tap("#next")
		s.at(2)
		c.wants(t, "do=next")
	})
}
