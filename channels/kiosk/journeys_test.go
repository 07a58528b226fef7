package kiosk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// hand is a way to use the machine: how a person gets a control pressed, and words into a field.
type hand struct {
	name  string
	base  string
	look  look
	most  int                                   // presses that a page of options may take; 0: any number
	press func(v *visit, css string)            // a card's radio or box, or a button
	write func(v *visit, f field, words string) // replaces what stands in a field
	steps bool                                  // it does that with what is on the screen: of a sum no more can be given than is left
}

// visit is one person's way through the pages of a browser.
type visit struct {
	*screen
	hand
	url     string
	voice   *voice // somebody listens: what is said is heard to its end; nil: nobody does
	pressed int    // keys and touches on this page
	last    map[string]time.Time
	pages   []string
}

// arrive waits until a page is whole that isn't the one with this token, and until the script takes what is pressed for
// meant for it.
func (v *visit) arrive(old string) *sheet {
	v.t.Helper()
	const token = `((document.querySelector("#f [name=token]")||{}).value||"")+location.pathname+document.title`
	if v.look.noScript {
		v.until(fmt.Sprintf(`document.readyState==="complete"&&document.querySelector("h1")&&%s!==%q`, token, old))
	} else {
		v.until(fmt.Sprintf(`document.readyState==="complete"&&document.querySelector("h1")&&%s!==%q&&"ready" in document.documentElement.dataset`, token, old))
	}
	v.pressed = 0
	if v.voice != nil {
		v.hear()
	}
	s := v.sheet()
	v.pages = append(v.pages, s.heading)
	return s
}

// page names the page on show, to know when it is another.
func (v *visit) page() string {
	v.t.Helper()
	return eval[string](v.screen, `((document.querySelector("#f [name=token]")||{}).value||"")+location.pathname+document.title`)
}

// sheet is the page as it is now.
func (s *screen) sheet() *sheet {
	s.t.Helper()
	p, err := read("", 200, strings.NewReader(eval[string](s, outer)))
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// follow holds a whole visit by a plan, until nothing is asked any more, and returns the last page.
func (v *visit) follow(p plan) *sheet {
	v.t.Helper()
	s := v.arrive("")
	for range 60 {
		if over(s) {
			return s
		}
		d, err := p.on(s)
		if err != nil {
			v.t.Fatal(err)
		}
		old := v.page()
		v.carryOut(s, d)
		if v.most > 0 && len(s.fields) == 0 && v.pressed > v.most {
			v.t.Errorf("%d presses at %q, more than %d", v.pressed, s.heading, v.most)
		}
		s = v.arrive(old)
	}
	v.t.Fatalf("sixty pages and no end:\n%s", strings.Join(v.pages, "\n"))
	return nil
}

func (v *visit) carryOut(s *sheet, d deed) {
	v.t.Helper()
	v.fillIn(s, d)
	v.press(v, button(d.do))
}

// fillIn does all but the last press.
func (v *visit) fillIn(s *sheet, d deed) {
	v.t.Helper()
	for _, g := range d.digits {
		card := fmt.Sprintf(`input[name=o][value="%s"]`, g)
		if !eval[bool](v.screen, fmt.Sprintf(`!!document.querySelector(%q)?.matches("[type=radio]:checked")`, card)) { // once more would go on
			v.press(v, card)
		}
	}
	// What becomes less comes first: of a sum that is shared out nothing is left before.
	var later []int
	for i, f := range s.fields {
		words, ok := d.typed[i]
		if ok && v.steps && amount(words) >= amount(value(v, f)) {
			later = append(later, i)
		} else if ok {
			v.write(v, f, words)
		}
	}
	for _, i := range later {
		v.write(v, s.fields[i], d.typed[i])
	}
}

// amount is words as a number; others are 0.
func amount(words string) float64 {
	n, _ := strconv.ParseFloat(words, 64)
	return n
}

// button is what selects a button. What goes on is #next: where others stand before it, an unseen one with its value is there too.
func button(do string) string {
	if do == "next" || do == "begin" {
		return "#next"
	}
	return fmt.Sprintf(`button[name=do][value="%s"]`, do)
}

// pressKey presses a key when its time has come: the same key twice within half a second is a tremor, and within a tenth
// where it only moves.
func (v *visit) pressKey(name string) {
	v.t.Helper()
	v.pause(name, slices.Contains([]string{"Tab", "ArrowDown", "ArrowUp"}, name))
	v.key(name)
	v.paused(name)
}

// pause lets a hand come back to the same control no sooner than it may.
func (v *visit) pause(what string, quick bool) {
	v.t.Helper()
	v.pressed++
	least := 520 * time.Millisecond
	if quick {
		least = 130 * time.Millisecond
	}
	if v.last == nil {
		v.last = map[string]time.Time{}
	}
	v.wait(time.Until(v.last[what].Add(least)))
}

// paused notes that what was pressed just now: from then on the time counts.
func (v *visit) paused(what string) { v.last[what] = time.Now() }

// walkTo moves the focus by a key until it is on what css selects.
func (v *visit) walkTo(css, key string) {
	v.t.Helper()
	for range 150 {
		if eval[bool](v.screen, fmt.Sprintf(`!!document.activeElement?.matches(%q)`, css)) {
			return
		}
		v.pressKey(key)
	}
	v.t.Fatalf("%s does not lead to %s\nat %s", key, css, v.where())
}

// touchable is where a finger goes for a control: the card of a radio.
func touchable(css string) string {
	if strings.HasPrefix(css, "input[name=o]") {
		return "label:has(" + css + ")"
	}
	return css
}

func value(v *visit, f field) string {
	v.t.Helper()
	for range 100 {
		if now := eval[*string](v.screen, fmt.Sprintf(`document.getElementById(%q)?.value??null`, f.id)); now != nil {
			return *now
		}
		v.wait(20 * time.Millisecond) // the page is being loaded again
	}
	v.t.Fatalf("there is no field %s", f.id)
	return ""
}

// byFinger types with what is on the screen: the steppers of a number, the keys of words.
func byFinger(press func(*visit, string)) func(v *visit, f field, words string) {
	return func(v *visit, f field, words string) {
		v.t.Helper()
		more, less := button("more."+f.id), button("less."+f.id)
		if eval[bool](v.screen, fmt.Sprintf(`!!document.querySelector(%q)`, more)) {
			for range 60 {
				now := value(v, f)
				if now == words {
					return
				}
				var a, b float64
				_, _ = fmt.Sscan(now, &a)
				_, _ = fmt.Sscan(words, &b)
				if a < b {
					press(v, more)
				} else {
					press(v, less)
				}
			}
			v.t.Fatalf("%s can't be stepped to %s: it is %s", f.id, words, value(v, f))
		}
		for range value(v, f) {
			press(v, button("key.del"))
		}
		for _, c := range words {
			key, layout := button("key."+string(c)), "key.layout.en"
			switch {
			case c == ' ':
				key = button("key.space")
			case c >= '0' && c <= '9':
				layout = "key.layout.signs"
			case c >= 'A' && c <= 'Z':
				layout = "key.layout.en-caps"
			}
			there := fmt.Sprintf(`document.querySelector(%q)?.checkVisibility()`, key)
			if !eval[bool](v.screen, "!!"+there) {
				press(v, button(layout))
				v.until(fmt.Sprintf(`%s&&(%v||"ready" in document.documentElement.dataset)`, there, v.look.noScript))
			}
			press(v, key)
		}
		if got := value(v, f); got != words {
			v.t.Fatalf("%s is %q, not %q", f.id, got, words)
		}
	}
}

func tapIt(v *visit, css string) {
	v.t.Helper()
	v.pause(css, strings.Contains(css, `value="key.`) || strings.Contains(css, `value="more.`) || strings.Contains(css, `value="less.`))
	v.tap(touchable(css))
	v.paused(css)
}

func clickIt(v *visit, css string) {
	v.t.Helper()
	v.pressed++
	if !v.look.noScript || strings.HasPrefix(css, "input") {
		v.click(touchable(css))
		return
	}
	x, y := v.find(css).middle() // without a script every button asks the server
	ctx, cancel := context.WithTimeout(v.ctx, 15*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.MouseClickXY(x, y))); err != nil {
		v.t.Fatalf("%s loads nothing: %v\nat %s", css, err, v.where())
	}
}

// typeIt goes to a field by a key and types.
func typeIt(key string) func(v *visit, f field, words string) {
	return func(v *visit, f field, words string) {
		v.t.Helper()
		v.walkTo("#"+f.id, key)
		for range value(v, f) {
			v.key("Backspace")
		}
		for range value(v, f) { // the caret may stand before it
			v.key("Delete")
		}
		for _, c := range words {
			v.pressed++
			v.key(string(c))
		}
		if got := value(v, f); got != words {
			v.t.Fatalf("%s is %q, not %q", f.id, got, words)
		}
	}
}

// byKeys moves by one key and chooses by another.
func byKeys(move, choose string) func(v *visit, css string) {
	return func(v *visit, css string) {
		v.t.Helper()
		v.walkTo(css, move)
		v.pressKey(choose)
	}
}

// fiveKeys are up, down, choose, back and help; right goes on.
func fiveKeys(v *visit, css string) {
	v.t.Helper()
	switch css {
	case "#next":
		v.pressKey("ArrowRight")
	case button("back"):
		v.pressKey("ArrowLeft")
	case button("help"):
		v.pressKey("F1")
	default:
		v.walkTo(css, "ArrowDown")
		v.pressKey("Enter")
	}
}

// digitKeys are those of a number pad.
func digitKeys(v *visit, css string) {
	v.t.Helper()
	var digit string
	if _, err := fmt.Sscanf(css, `input[name=o][value="%1s"]`, &digit); err == nil {
		v.pressKey(digit)
		return
	}
	switch css {
	case "#next", button("skip"): // nothing chosen is "leave out"
		v.pressKey("Enter")
	case button("back"):
		v.pressKey("*")
	case button("help"):
		v.pressKey("0")
	default:
		v.t.Fatalf("there is no digit for %s", css)
	}
}

// scanBeat is how long the mark stays where it is.
const scanBeat = 250 * time.Millisecond

// steadyEye is somebody whose hand is as quick as their eye, however busy this machine: from what they look for being marked (looking)
// to the press, the mark stays.
var steadyEye = fmt.Sprintf(`(()=>{
	const set=setTimeout,clear=clearTimeout,now={};
	window.setTimeout=(f,ms,...a)=>{
		if(ms!==%d)return set(f,ms,...a);
		const beat=()=>window.looking?now[id]=set(beat,20):f(...a),id=set(beat,ms);
		return id;
	};
	window.clearTimeout=id=>clear(now[id]??id);
})()`, scanBeat.Milliseconds())

// byOneSwitch waits until the machine itself comes to what is wanted, and presses the only key there is.
func byOneSwitch(v *visit, css string) {
	v.t.Helper()
	for range 12 {
		v.pause(" ", false)
		v.until(fmt.Sprintf(`window.looking=document.activeElement?.matches(%q)||[...document.querySelectorAll(".playing")].some(e=>e.matches(%q)||e.querySelector(%q))`, css, css, css))
		done := eval[bool](v.screen, fmt.Sprintf(`!!document.activeElement?.matches(%q)`, css))
		v.key(" ")
		v.run("window.looking=false")
		v.paused(" ")
		if done {
			return
		}
	}
	v.t.Fatalf("scanning does not come to %s\nat %s", css, v.where())
}

// onTheWeb are the browser's own keys: Tab comes to a group of radios, arrows choose within it.
func onTheWeb(v *visit, css string) {
	v.t.Helper()
	if !strings.HasPrefix(css, "input[name=o]") {
		v.walkTo(css, "Tab")
		v.key("Enter")
		return
	}
	v.walkTo("input[name=o]", "Tab")
	v.key(" ")
	for range 10 {
		if eval[bool](v.screen, fmt.Sprintf(`document.querySelector(%q).checked`, css)) {
			return
		}
		v.key("ArrowDown")
	}
	v.t.Fatalf("arrows do not lead to %s", css)
}

// unseen is somebody who sees nothing: what has the focus is known from the accessibility tree alone.
func unseen(v *visit, css string) {
	v.t.Helper()
	if css == "#next" {
		v.pressKey("ArrowRight")
		return
	}
	want := eval[string](v.screen, fmt.Sprintf(`(e=>(e.labels?.[0]||e).innerText.replace(/\s+/g," ").trim())(document.querySelector(%q))`, css))
	for range 60 {
		if role, name := v.focused(); strings.Contains(name, strings.TrimLeft(want, "0123456789 +−")) {
			if role == "" {
				v.t.Errorf("%q is nothing that can be pressed", name)
			}
			v.pressKey("Enter")
			return
		}
		v.pressKey("ArrowDown")
	}
	v.t.Fatalf("nothing is called %q", want)
}

// focused is what a screen reader would say has the focus.
func (s *screen) focused() (role, name string) {
	s.t.Helper()
	word := func(v *accessibility.Value) string {
		var w string
		if v != nil {
			_ = json.Unmarshal(v.Value, &w)
		}
		return w
	}
	for _, n := range command(s, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		for _, p := range n.Properties {
			if p.Name == "focused" && string(p.Value.Value) == "true" && word(n.Role) != "RootWebArea" {
				return word(n.Role), word(n.Name)
			}
		}
	}
	return "", ""
}

// hands are all the ways to use it.
var hands = []hand{
	{name: "touch", base: "/kiosk", look: look{touch: true}, press: tapIt, write: byFinger(tapIt), steps: true},
	{name: "keyboard", base: "/kiosk", press: byKeys("Tab", "Enter"), write: typeIt("Tab")},
	{name: "five keys", base: "/kiosk", press: fiveKeys, write: byFinger(fiveKeys), steps: true},
	{name: "digits", base: "/kiosk", most: 3, press: digitKeys, write: typeIt("ArrowDown")},
	{name: "two switches", base: "/kiosk", press: byKeys("Tab", " "), write: byFinger(byKeys("Tab", " ")), steps: true},
	{name: "one switch", base: "/kiosk", press: byOneSwitch, write: byFinger(byOneSwitch), steps: true},
	{name: "no script", base: "/kiosk", look: look{noScript: true}, press: clickIt, write: byFinger(clickIt), steps: true},
	{name: "screen off", base: "/kiosk", press: unseen, write: byFinger(unseen), steps: true},
	{name: "phone", base: "/web", look: look{wide: 360, high: 640, touch: true}, press: tapIt, write: typeByTouch},
	{name: "phone without script", base: "/web", look: look{wide: 360, high: 640, noScript: true}, press: clickIt, write: typeByTouch},
	{name: "library's keyboard", base: "/web", look: look{wide: 1280, high: 800}, press: onTheWeb, write: typeIt("Tab")},
}

// typeByTouch goes to a field by finger; the phone's own keyboard comes up.
func typeByTouch(v *visit, f field, words string) {
	v.t.Helper()
	if v.look.touch {
		v.tap("#" + f.id)
	} else {
		v.click("#" + f.id)
	}
	v.until(fmt.Sprintf(`document.activeElement?.id===%q`, f.id))
	v.run("document.activeElement.select()") // as a long press does; a finger made by the test leaves no caret
	typeIt("")(v, f, words)
}

// TestWaysToAnswer holds the sample consultation in every way there is: each leaves the same record, byte for byte. Hands
// are slow, so that four of them are at work at a time.
func TestWaysToAnswer(t *testing.T) {
	t.Parallel()
	records := make([]string, len(hands))
	var next atomic.Int64
	var crew sync.WaitGroup
	for range 4 {
		crew.Go(func() {
			for {
				n := int(next.Add(1) - 1)
				if n >= len(hands) {
					return
				}
				t.Run(hands[n].name, func(t *testing.T) { records[n] = recordBy(t, hands[n]) })
			}
		})
	}
	crew.Wait()
	for n, r := range records {
		if r != "" && records[0] != "" && r != records[0] {
			t.Errorf("the record by %s is %x, and by %s %x", hands[n].name, r, hands[0].name, records[0])
		}
	}
}

// recordBy is what one hand leaves behind.
func recordBy(t *testing.T, way hand) string {
	h := newHouse(t, func(h *house) {
		if way.name == "one switch" {
			h.scan = scanBeat
		}
	})
	v := &visit{screen: newScreen(t, way.look), hand: way, url: h.serve()}
	if way.name == "one switch" {
		v.before(steadyEye)
	}
	v.open(v.url + way.base)
	if way.name == "screen off" {
		v.listen()
		v.voice = h.voice
	}
	end := v.follow(mainStreet)
	if way.name == "screen off" {
		v.everythingWasSaid(h)
	}
	if words := h.recorded("main-street"); len(words) != 1 || words[0] != mainStreetRecord {
		t.Fatalf("recorded %q; the last page says %q", words, end.words)
	}
	return h.records("main-street")[0]
}

// hear waits until nothing more is said.
func (v *visit) hear() {
	v.t.Helper()
	for last, still := -1, 0; still < 8; still++ {
		v.wait(100 * time.Millisecond)
		if n := len(v.voice.heard()); n != last {
			last, still = n, 0
		}
	}
}

// listen presses "listen" once: from then on everything is said.
func (v *visit) listen() {
	v.t.Helper()
	v.until(`"ready" in document.documentElement.dataset`)
	v.pressKey("F2")
}

// everythingWasSaid: each heading that was shown was heard, in the order of the pages.
func (v *visit) everythingWasSaid(h *house) {
	v.t.Helper()
	heard := h.voice.heard()
	at := 0
	for _, heading := range v.pages {
		i := slices.IndexFunc(heard[min(at, len(heard)):], func(words string) bool {
			return strings.Contains(words, heading) || heading != "" && strings.Contains(heading, words) && words != ""
		})
		if i < 0 {
			v.t.Errorf("%q was shown and not said; said was %q", heading, heard)
			continue
		}
		at += i + 1
	}
}

// over says whether nothing is asked any more.
func over(s *sheet) bool { return !s.has("next") && !s.has("begin") }
