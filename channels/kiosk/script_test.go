package kiosk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
)

const (
	focused = `(a=>a.id||a.value||a.tagName)(document.activeElement)`
	ticked  = `[...document.querySelectorAll("[name=o]:checked")].map(x=>x.value).join()`
	inField = `document.querySelector("[name=t]").value`
)

// The script writes nothing down: no presses on the console, nothing in the browser's stores, nothing by way of a string as code.
func TestScriptKeepsNothing(t *testing.T) {
	files, err := filepath.Glob("page/*.js")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	never := regexp.MustCompile(`console|localStorage|sessionStorage|indexedDB|caches\b|\bcookie\b|\beval\b|new Function|sendBeacon|innerHTML|XMLHttpRequest|WebSocket`)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(b), "\n") {
			if found := never.FindString(line); found != "" && !strings.HasPrefix(strings.TrimSpace(line), "//") {
				t.Errorf("%s:%d uses %s", f, i+1, found)
			}
		}
	}
}

// One press is one action (EN 301 549, 5.8; VVSG 2.0, 7.2-H and M).
func TestOnePressOneAction(t *testing.T) {
	t.Run("three taps in a row", func(t *testing.T) {
		c := newScene(t, threeBody, `data-press="2500"`) // long enough for three taps on a busy machine
		s := c.visit(t, look{touch: true})
		hold(s)                          // and so is the time for which a new page takes no press
		x, y := s.find("#next").middle() // a finger doesn't look whether the button is still there
		for range 3 {
			s.touch(x, y)
		}
		s.until(`document.title==="Page 2"&&"opens" in globalThis`)
		s.run(`opens()`)
		s.at(2)
		c.wants(t, "do=next")
	})
	t.Run("and on a card that can be let go of", func(t *testing.T) {
		c := newScene(t, manyBody, `data-press="2500"`) // long enough for two taps on a busy machine
		s := c.visit(t, look{touch: true})
		x, y := s.find(".opt:nth-child(2)").middle()
		s.touch(x, y)
		s.touch(x, y)
		expect(t, s, ticked, "2")
		s.wait(2600 * time.Millisecond)
		s.tap(".opt:nth-child(2)")
		expect(t, s, ticked, "")
		s.tap(".opt:nth-child(1)")
		s.tap(".opt:nth-child(3) input")
		expect(t, s, ticked, "1,3")
	})
	t.Run("the town sets a longer time", func(t *testing.T) {
		c := newScene(t, manyBody, `data-press="2000"`)
		s := c.visit(t, look{touch: true})
		s.tap(".opt:nth-child(2)")
		s.wait(600 * time.Millisecond)
		s.tap(".opt:nth-child(2)")
		expect(t, s, ticked, "2")
	})
	t.Run("a key that bounces, and one that is held", func(t *testing.T) {
		c := newScene(t, threeBody, "")
		s := c.visit(t, look{})
		s.key("ArrowDown")
		for range 3 {
			s.key("Enter")
		}
		expect(t, s, ticked, "1")
		s.wait(600 * time.Millisecond)
		s.down("Enter", false)
		s.at(2)
		for range 5 {
			s.down("Enter", true)
		}
		s.wait(100 * time.Millisecond)
		c.wants(t, "do=next o=1")
	})
	t.Run("a tap meant for the page before", func(t *testing.T) {
		c := newScene(t, threeBody, "")
		s := newScreen(t, look{touch: true})
		hold(s)
		s.open(c.URL + "/kiosk")
		s.tap(".opt:nth-child(2)")
		s.tap("#next")
		s.key("1")
		expect(t, s, ticked, "")
		s.run(`opens()`)
		s.wait(600 * time.Millisecond)
		s.tap(".opt:nth-child(2)")
		expect(t, s, ticked, "2")
		c.wants(t)
	})
	t.Run("the finger is lifted somewhere else", func(t *testing.T) {
		c := newScene(t, threeBody, "")
		s := c.visit(t, look{touch: true})
		a, b := s.find(".opt:nth-child(1)"), s.find(".opt:nth-child(2)")
		x, y := a.middle()
		_, to := b.middle()
		s.slide(x, y, x, to)
		expect(t, s, ticked, "")
		s.slide(x, a.Y+a.H-4, x, b.Y+8) // over the edge
		expect(t, s, ticked, "")
		s.slide(x, y, x+200, y) // a swipe within one card
		expect(t, s, ticked, "")
		s.slide(x, y, x+15, y+18) // a hand that shakes
		expect(t, s, ticked, "1")
	})
	t.Run("it stays as long as it likes", func(t *testing.T) {
		c := newScene(t, threeBody, `data-press="2500"`) // long enough for three taps on a busy machine
		s := c.visit(t, look{touch: true})
		hold(s) // and so is the time for which a new page takes no press
		x, y := s.find(".opt:nth-child(3)").middle()
		command(s, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{{X: x, Y: y}}})
		s.wait(1200 * time.Millisecond)
		command(s, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: []*input.TouchPoint{}})
		expect(t, s, ticked, "3")
	})
	t.Run("two fingers are no press", func(t *testing.T) {
		c := newScene(t, threeBody, `data-press="2500"`) // long enough for three taps on a busy machine
		s := c.visit(t, look{touch: true})
		hold(s) // and so is the time for which a new page takes no press
		x, y := s.find(".opt:nth-child(1)").middle()
		x2, y2 := s.find(".opt:nth-child(3)").middle()
		one, two := &input.TouchPoint{X: x, Y: y, ID: ptr(1.0)}, &input.TouchPoint{X: x2, Y: y2, ID: ptr(2.0)}
		command(s, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{one}})
		command(s, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{one, two}})
		command(s, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: []*input.TouchPoint{}})
		expect(t, s, ticked, "")
	})
	t.Run("by mouse", func(t *testing.T) {
		c := newScene(t, threeBody, "")
		s := c.visit(t, look{})
		s.click(".opt:nth-child(2)")
		expect(t, s, ticked, "2")
		s.click("#next")
		s.at(2)
		c.wants(t, "do=next o=2")
	})
}

func ptr[T any](v T) *T { return &v }

// hold keeps a page from taking presses until opens() is called.
func hold(s *screen) {
	s.before(`{const st=setTimeout;globalThis.setTimeout=(f,ms,...a)=>ms===400?(globalThis.opens=f,0):st(f,ms,...a)}`)
}

// Five keys: up and down move and choose nothing.
func TestFiveKeys(t *testing.T) {
	t.Run("a question", func(t *testing.T) {
		c := newScene(t, threeBody, "")
		s := c.visit(t, look{})
		s.keys("ArrowDown", "ArrowUp", "ArrowDown", "Tab")
		expect(t, s, ticked, "")
		expect(t, s, focused, "2")
		s.keys("Enter", "Enter")
		s.at(2)
		s.keys("ArrowDown", "Enter", "ArrowRight")
		s.at(3)
		s.key("ArrowLeft")
		s.at(4)
		s.key("F1")
		s.at(5)
		c.wants(t, "do=next o=2", "do=next o=1", "do=back", "do=help")
	})
	t.Run("all round", func(t *testing.T) {
		c := newScene(t, threeBody, "")
		s := c.visit(t, look{})
		seen := map[string]bool{}
		for range 7 {
			s.key("ArrowDown")
			s.wait(110 * time.Millisecond)
			seen[eval[string](s, focused)] = true
		}
		if len(seen) != 7 { // three cards, Continue, Back, Listen, Help
			t.Errorf("seven moves led to %v", seen)
		}
		s.key("ArrowDown")
		expect(t, s, focused, "o1")
	})
	t.Run("a choice that was made is kept until another is", func(t *testing.T) {
		c := newScene(t, threeBody, "")
		s := c.visit(t, look{})
		s.keys("ArrowDown", "Enter", "ArrowDown")
		expect(t, s, ticked, "1")
		s.keys("ArrowRight")
		s.at(2)
		c.wants(t, "do=next o=1")
	})
	t.Run("written from the right", func(t *testing.T) {
		c := newScene(t, threeBody, `dir="rtl"`)
		s := c.visit(t, look{})
		expect(t, s, `document.dir`, "rtl")
		s.key("ArrowLeft")
		s.at(2)
		s.key("ArrowRight")
		s.at(3)
		c.wants(t, "do=next", "do=back")
	})
	t.Run("several, ticked and let go of", func(t *testing.T) {
		c := newScene(t, manyBody, "")
		s := c.visit(t, look{})
		s.keys("ArrowDown", "Enter", "ArrowDown", " ", "ArrowDown", "Enter", "Enter", "ArrowRight")
		s.at(2)
		c.wants(t, "do=next o=1,2")
	})
	t.Run("words by the keys of the screen", func(t *testing.T) {
		c := newScene(t, wordsBody, "")
		s := c.visit(t, look{})
		s.run(`document.querySelector("[value='key.A']").focus()`)
		s.keys("Enter", "ArrowDown", "Enter", "ArrowRight")
		s.at(2)
		c.wants(t, "do=next t=Aé pad=en")
	})
}

// Digits, as on a number pad alone: at most three presses a question.
func TestDigits(t *testing.T) {
	t.Run("the same digit once more goes on", func(t *testing.T) {
		c := newScene(t, threeBody, "")
		s := c.visit(t, look{})
		s.key("2")
		expect(t, s, ticked, "2")
		s.wait(520 * time.Millisecond)
		s.key("2")
		s.at(2)
		s.key("3")
		s.numpad("Enter", "NumpadEnter")
		s.at(3)
		s.key("1")
		s.wait(520 * time.Millisecond)
		s.key("2")
		s.key("#")
		s.at(4)
		c.wants(t, "do=next o=2", "do=next o=3", "do=next o=2")
	})
	t.Run("one that was chosen before is chosen again first", func(t *testing.T) {
		c := newScene(t, strings.Replace(threeBody, `value="2"`, `value="2" checked`, 1), "")
		s := c.visit(t, look{})
		s.keys("2")
		s.wait(100 * time.Millisecond)
		c.wants(t)
		s.keys("#")
		s.at(2)
		c.wants(t, "do=next o=2")
	})
	t.Run("several", func(t *testing.T) {
		c := newScene(t, manyBody, "")
		s := c.visit(t, look{})
		s.keys("1", "3", "2", "2", "Enter")
		s.at(2)
		c.wants(t, "do=next o=1,3")
	})
	t.Run("help, back, more, and buttons with digits", func(t *testing.T) {
		c := newScene(t, threeBody+`<button name="do" value="more" data-digit="8">More</button><button name="do" value="change.place" data-digit="5">Change</button>`, "")
		s := c.visit(t, look{})
		for i, k := range []string{"0", "*", "8", "5", "/"} {
			s.key(k)
			s.at(i + 2)
		}
		c.wants(t, "do=help", "do=back", "do=more", "do=change.place", "do=help")
	})
	t.Run("an amount", func(t *testing.T) {
		c := newScene(t, amountBody, "")
		s := c.visit(t, look{})
		s.keys("1", "8", "0", "9")
		expect(t, s, inField, "1809")
		s.numpad("+", "NumpadAdd")
		expect(t, s, inField, "1810")
		s.numpad("-", "NumpadSubtract")
		s.wait(520 * time.Millisecond)
		s.numpad("-", "NumpadSubtract")
		expect(t, s, inField, "1808")
		s.numpad("Enter", "NumpadEnter")
		s.at(2)
		s.keys("7")
		s.numpad("*", "NumpadMultiply")
		s.at(3)
		c.wants(t, "do=next t=1808", "do=back t=7")
	})
	t.Run("a day", func(t *testing.T) {
		c := newScene(t, dayBody, "")
		s := c.visit(t, look{})
		s.keys("1", "5", "Enter", "3")
		expect(t, s, `document.getElementById("month-name").textContent`, "March")
		s.wait(520 * time.Millisecond)
		s.keys("Enter", "2", "0", "2", "7")
		s.wait(520 * time.Millisecond)
		s.keys("Enter")
		s.at(2)
		c.wants(t, "do=next day=15 month=3 year=2027")
	})
	t.Run("shares", func(t *testing.T) {
		c := newScene(t, budgetBody, "")
		s := c.visit(t, look{})
		s.keys("7", "Enter", "3")
		expect(t, s, `document.getElementById("rest").textContent`, "0")
		s.wait(520 * time.Millisecond)
		s.keys("Enter")
		s.at(2)
		c.wants(t, "do=next v=7,3")
	})
	t.Run("words on a keyboard", func(t *testing.T) {
		c := newScene(t, wordsBody, "")
		s := c.visit(t, look{})
		s.run(`document.getElementById("t").focus()`)
		s.keys("h", "0", "z", "8", "-")
		s.key("ArrowLeft")
		s.key("x")
		expect(t, s, inField, "h0z8x-")
		s.numpad("*", "NumpadMultiply")
		s.at(2)
		c.wants(t, "do=back t=h0z8x- pad=en-caps")
	})
}

// On the web the browser's own keys stay as they are.
func TestKeysOnTheWeb(t *testing.T) {
	c := newWebScene(t, threeBody, "")
	s := c.visit(t, look{})
	s.key("2")
	expect(t, s, ticked, "")
	s.run(`document.getElementById("o1").focus()`)
	s.keys("ArrowDown")
	expect(t, s, ticked, "2")
	s.key("Enter")
	s.at(2)
	c.wants(t, "do=next o=2")
}

// Two switches: one moves, one chooses. One switch: a mark moves by itself.
func TestSwitches(t *testing.T) {
	t.Run("two", func(t *testing.T) {
		c := newScene(t, threeBody, "")
		s := c.visit(t, look{})
		s.keys("Tab")
		s.wait(110 * time.Millisecond)
		s.keys("Tab", " ", " ")
		s.at(2)
		c.wants(t, "do=next o=2")
	})
	t.Run("two of the town's choosing", func(t *testing.T) {
		c := newScene(t, threeBody, `data-move="1" data-choose="F4"`)
		s := c.visit(t, look{})
		s.key("F3")
		s.keys("F4") // nothing is marked yet: it goes on, and the server says what is missing
		s.at(2)
		c.wants(t, "do=next")
	})
	t.Run("one", func(t *testing.T) {
		c := newScene(t, threeBody, `data-scan="0.4"`)
		s := c.visit(t, look{})
		const marked = `[...document.querySelectorAll(".playing")].map(x=>x.textContent.trim()).join("|")`
		s.until(marked + `==="1Bus|2Trees|3Benches"`)
		expect(t, s, ticked, "")
		s.key(" ")
		s.until(focused + `==="2"`)
		s.key("Enter")
		expect(t, s, ticked, "2")
		s.until(focused + `==="next"`)
		s.wait(520 * time.Millisecond)
		s.until(focused + `==="next"`)
		s.key(" ")
		s.at(2)
		c.wants(t, "do=next o=2")
		s.until(marked + `==="Continue|Back"`) // it goes round
		s.until(marked + `==="1Bus|2Trees|3Benches"`)
	})
	t.Run("one, on the keys of the screen", func(t *testing.T) {
		c := newScene(t, wordsBody, `data-scan="0.4"`)
		s := c.visit(t, look{})
		s.until(`document.querySelector(".keys .playing")`)
		s.key(" ")
		s.until(focused + `==="key.É"||` + focused + `==="key.A"`)
		s.key("Enter")
		s.until(inField + `.length===1`)
		c.wants(t)
	})
}

// What is heard, and when it is quiet.
func TestSound(t *testing.T) {
	t.Run("the page reads itself, in order, with a mark", func(t *testing.T) {
		c := newScene(t, threeBody, "data-sound")
		s := c.visit(t, look{})
		s.until(`heard.join()==="q,bus,tree,bench,next,back"&&!document.querySelector(".playing")`)
		expect(t, s, `marks.join()`, "H1,LABEL,LABEL,LABEL,BUTTON,BUTTON")
		s.key("9")
		s.until(`heard.slice(6).join()==="title,way,q,bus,tree,bench,next,back,listen,help"`)
	})
	t.Run("any press stops it at once", func(t *testing.T) {
		for _, press := range []func(s *screen){
			func(s *screen) { s.key("x") },
			func(s *screen) { s.touch(5, 5) },
			func(s *screen) { s.key("ArrowUp") },
			func(s *screen) { s.run(`globalThis.at=performance.now();document.getElementById("f").requestSubmit()`) },
		} {
			c := newScene(t, threeBody, "data-sound")
			s := c.visit(t, look{touch: true}, `for(const w of["keydown","pointerdown"])addEventListener(w,()=>globalThis.at=performance.now(),true)`)
			s.until(`heard.length&&!sounding.paused`)
			s.run(`globalThis.was=sounding`)
			press(s)
			if late := eval[float64](s, `typeof hushed==="undefined"||!hushed.length?0:hushed[0]-at`); late > 100 || late < 0 {
				t.Errorf("it went on for %v ms", late)
			}
			if eval[bool](s, `typeof was!=="undefined"&&!was.paused`) {
				t.Error("it goes on")
			}
		}
	})
	t.Run("Listen, and Listen again to be quiet", func(t *testing.T) {
		c := newScene(t, threeBody, "")
		s := c.visit(t, look{touch: true})
		s.wait(300 * time.Millisecond)
		expect(t, s, `heard.join()`, "")
		s.tap("#say")
		s.until(`heard.length>=2`)
		s.wait(550 * time.Millisecond)
		s.tap("#say")
		n := eval[int](s, `heard.length`)
		s.wait(600 * time.Millisecond)
		expect(t, s, `heard.length`, n)
		s.tap("#next")
		s.at(2)
		s.wait(200 * time.Millisecond)
		expect(t, s, `heard.length`, 0)
		s.key("9")
		s.until(`heard.length>0`)
		s.tap("#next")
		s.at(3)
		s.until(`heard[0]==="q"`) // and so on every page
	})
	t.Run("where the focus is, and what is chosen", func(t *testing.T) {
		c := newScene(t, manyBody, "data-sound")
		s := c.visit(t, look{})
		s.key("ArrowDown")
		s.until(`heard.at(-1)==="bus"`)
		s.key("Enter")
		s.until(`heard.slice(-2).join()==="bus,p.en.chosen"`)
		s.wait(520 * time.Millisecond)
		s.key("Enter")
		s.until(`heard.slice(-2).join()==="bus,p.en.unchosen"`)
		s.key("3")
		s.until(`heard.slice(-2).join()==="bench,p.en.chosen"`)
		s.key("ArrowUp")
		s.wait(120 * time.Millisecond)
		s.key("ArrowDown")
		s.until(`heard.slice(-3).join()==="tree,bench,p.en.chosen"`)
	})
	t.Run("seven speeds, one pitch", func(t *testing.T) {
		for rate, want := range map[int]string{1: "0.5", 2: "0.63", 3: "0.79", 4: "1", 5: "1.26", 6: "1.59", 7: "2"} {
			c := newScene(t, threeBody, fmt.Sprintf(`data-sound data-rate="%d" data-volume="40"`, rate))
			s := c.visit(t, look{})
			s.until(`rates.length>1`)
			expect(t, s, `rates.map(([r,p,v])=>Math.round(r*100)/100+" "+p+" "+v).slice(0,2).join()`, want+" true 0.4,"+want+" true 0.4")
		}
	})
	t.Run("a clip that is missing", func(t *testing.T) {
		c := newScene(t, threeBody, "data-sound")
		c.gaps = []string{"bus"}
		s := c.visit(t, look{})
		s.until(`heard.slice(0,4).join()==="q,bus,gap,tree"`)
		expect(t, s, `tones`, 0)
		c.mu.Lock()
		c.gaps = []string{"tree", "gap"}
		c.mu.Unlock()
		s.key("9")
		s.until(`heard.slice(-3).join()==="tree,gap,bench"`)
		expect(t, s, `tones`, 1)
	})
	t.Run("the next clip is there before it is needed", func(t *testing.T) {
		c := newScene(t, threeBody, "data-sound")
		s := c.visit(t, look{})
		s.run(`globalThis.slow=HTMLMediaElement.prototype.play;HTMLMediaElement.prototype.play=function(){if(heard.length<2)return slow.call(this)}`)
		s.until(`heard.length===2`)
		s.wait(200 * time.Millisecond)
		c.mu.Lock()
		got := strings.Join(slices.Sorted(slices.Values(c.asked)), " ")
		c.mu.Unlock()
		if got != "away bus q tree" && got != "away bus bus q tree" {
			t.Errorf("asked for %s", got)
		}
	})
	t.Run("no voice, no sound", func(t *testing.T) {
		c := newScene(t, threeBody, "data-sound data-mute")
		s := c.visit(t, look{})
		s.keys("ArrowDown", "Enter")
		s.wait(300 * time.Millisecond)
		expect(t, s, `heard.join()`, "")
	})
	t.Run("what is typed and stepped", func(t *testing.T) {
		c := newScene(t, amountBody, "data-sound")
		s := c.visit(t, look{touch: true})
		s.key("4")
		s.until(`heard.at(-1)==="k.en.34"`)
		s.tap(`[value="more.t"]`)
		s.until(`heard.at(-1)==="told-5"`)
		s.tap(`[value="key.2"]`)
		s.until(`heard.at(-1)==="k.en.32"`)
		s.run(`document.getElementById("next").focus()`)
		s.key("ArrowUp")
		s.wait(120 * time.Millisecond)
		s.key("ArrowUp")
		s.until(`heard.slice(-2).join()==="number,told-52"`)
		c.mu.Lock()
		c.hoarse = true
		c.mu.Unlock()
		s.tap(`[value="more.t"]`)
		s.until(`heard.at(-1)==="gap"`) // never silence without a word
	})
	t.Run("what changed on the page", func(t *testing.T) {
		c := newScene(t, budgetBody, "")
		s := c.visit(t, look{})
		s.keys("3")
		s.key("Tab")
		s.run(`document.activeElement.blur()`)
		s.key("F2")
		s.until(`heard.join().includes("bus,told-3,")&&heard.join().includes("left,told-7")`)
	})
	t.Run("only to headphones", func(t *testing.T) {
		const devices = `globalThis.there=[];globalThis.sinks=[];navigator.mediaDevices.enumerateDevices=async()=>there;HTMLMediaElement.prototype.setSinkId=async function(id){sinks.push(id)}`
		c := newScene(t, threeBody+`<p id="plug" hidden>Plug in</p>`, `data-sound data-phones="1" data-sink="USB Headset"`)
		s := c.visit(t, look{}, devices)
		s.wait(200 * time.Millisecond)
		s.key("9")
		s.wait(300 * time.Millisecond)
		expect(t, s, `heard.join()+document.getElementById("plug").hidden`, "false")
		s.run(`there=[{kind:"audiooutput",deviceId:"a",label:"Speakers"},{kind:"audioinput",deviceId:"b",label:"USB Headset"},{kind:"audiooutput",deviceId:"c",label:"My USB Headset"}]`)
		s.wait(300 * time.Millisecond)
		s.key("9")
		s.until(`heard.length>0`)
		expect(t, s, `sinks[0]`, "c")
		s.run(`there=[];navigator.mediaDevices.ondevicechange()`)
		s.until(`!document.querySelector(".playing")&&!document.getElementById("plug").hidden`)
		expect(t, s, `sounding.paused`, true)
	})
}
