package kiosk_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

var journeys = flag.Int("journeys", 6, "random visits that TestJourneysInTrouble makes in the browser")

// come opens the first page with a hand.
func come(t testing.TB, h *house, url string, way hand) *visit {
	t.Helper()
	v := &visit{screen: newScreen(t, way.look), hand: way, url: url}
	v.open(url + way.base)
	return v
}

// handNamed is one of hands.
func handNamed(t testing.TB, name string) hand {
	t.Helper()
	for _, w := range hands {
		if w.name == name {
			return w
		}
	}
	t.Fatalf("nobody uses it by %s", name)
	return hand{}
}

// to follows a plan until a page with this heading.
func (v *visit) to(p plan, heading string) *sheet {
	v.t.Helper()
	s := v.arrive("")
	for range 20 {
		if strings.Contains(s.heading, heading) {
			return s
		}
		d, err := p.on(s)
		if err != nil {
			v.t.Fatal(err)
		}
		old := v.page()
		v.carryOut(s, d)
		s = v.arrive(old)
	}
	v.t.Fatalf("no page is headed %q", heading)
	return nil
}

// TestTrembling: three taps, a key that bounces and a key that is held are one press each.
func TestTrembling(t *testing.T) {
	h := newHouse(t)
	url := h.serve()
	const question, after = "What is your link", "What should the city improve"
	t.Run("three taps", func(t *testing.T) {
		v := come(t, h, url, handNamed(t, "touch"))
		v.to(mainStreet, question)
		v.tap(touchable(`input[name=o][value="1"]`))
		before, old := h.posts.Load(), v.page()
		x, y := v.find("#next").middle()
		for range 3 {
			v.touch(x, y)
			v.wait(90 * time.Millisecond)
		}
		if s := v.arrive(old); !strings.Contains(s.heading, after) {
			t.Errorf("the page is %q", s.heading)
		}
		v.wait(700 * time.Millisecond)
		if n := h.posts.Load() - before; n != 1 || !strings.Contains(v.sheet().heading, after) {
			t.Errorf("%d forms were sent, and the page is %q", n, v.sheet().heading)
		}
	})
	t.Run("taps meant for the page before", func(t *testing.T) {
		v := come(t, h, url, handNamed(t, "touch"))
		v.to(mainStreet, question)
		v.tap(touchable(`input[name=o][value="1"]`))
		old := v.page()
		v.tap("#next")
		v.until(fmt.Sprintf(`document.querySelector("#f [name=token]")&&document.readyState==="complete"&&document.querySelector("h1")&&%s!==%q`, pageToken, old))
		x, y := v.find(touchable(`input[name=o][value="1"]`)).middle()
		v.touch(x, y)
		if eval[bool](v.screen, `!("ready" in document.documentElement.dataset)&&!!document.querySelector("[name=o]:checked")`) {
			t.Error("a tap in the first moment of a page chose something")
		}
	})
	t.Run("a finger that slides off", func(t *testing.T) {
		v := come(t, h, url, handNamed(t, "touch"))
		v.to(mainStreet, question)
		x, y := v.find(touchable(`input[name=o][value="1"]`)).middle()
		v.slide(x, y, x, y+200)
		if eval[bool](v.screen, `!!document.querySelector("[name=o]:checked")`) {
			t.Error("what was touched and left was chosen")
		}
	})
	t.Run("a key that bounces", func(t *testing.T) {
		v := come(t, h, url, handNamed(t, "digits"))
		v.to(mainStreet, question)
		for range 4 { // the same digit once more would go on
			v.key("2")
			v.wait(25 * time.Millisecond)
		}
		v.wait(300 * time.Millisecond)
		if got := eval[string](v.screen, `document.querySelector("[name=o]:checked")?.value||""`); got != "2" || !strings.Contains(v.sheet().heading, question) {
			t.Errorf("%q is chosen, at %q", got, v.sheet().heading)
		}
	})
	t.Run("a key that is held", func(t *testing.T) {
		v := come(t, h, url, handNamed(t, "five keys"))
		v.to(mainStreet, question)
		v.walkTo(`input[name=o][value="1"]`, "ArrowDown")
		before := h.posts.Load()
		v.down("Enter", false)
		for range 40 {
			v.down("Enter", true)
			v.wait(20 * time.Millisecond)
		}
		v.up("Enter")
		if got := eval[string](v.screen, `document.querySelector("[name=o]:checked")?.value||""`); got != "1" || h.posts.Load() != before {
			t.Errorf("%q is chosen, %d forms were sent", got, h.posts.Load()-before)
		}
	})
}

const pageToken = `((document.querySelector("#f [name=token]")||{}).value||"")+location.pathname+document.title`

// TestTwoWindows: of two windows of one person the one that is late changes nothing, and is told so.
func TestTwoWindows(t *testing.T) {
	h := newHouse(t)
	web := handNamed(t, "library's keyboard")
	v := come(t, h, h.serve(), web)
	v.to(mainStreet, "What is your link")
	other := &visit{screen: v.window(), hand: web, url: v.url}
	other.open(v.url + web.base)
	s := other.arrive("")
	old := v.page()
	v.carryOut(v.sheet(), deed{digits: []string{"1"}, do: "next"})
	v.arrive(old)
	late := other.page()
	other.carryOut(s, deed{digits: []string{"3"}, do: "next"}) // "none of these" would end it
	if p := other.arrive(late); !strings.Contains(p.heading, "What should the city improve") {
		t.Errorf("the late window shows %q", p.heading)
	}
	v.open(v.url + web.base)
	v.follow(mainStreet)
	if words := h.recorded("main-street"); len(words) != 1 || words[0] != mainStreetRecord {
		t.Errorf("recorded %q", words)
	}
}

// window is another window of the same person's browser.
func (s *screen) window() *screen {
	s.t.Helper()
	root, err := chromium()
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, closeIt := chromedp.NewContext(root, chromedp.WithExistingBrowserContext(chromedp.FromContext(s.ctx).BrowserContextID))
	s.t.Cleanup(closeIt)
	w := &screen{s.t, ctx}
	w.do(chromedp.EmulateViewport(kioskWide, kioskHigh))
	return w
}

// back presses the browser's own button. A page that it kept is there at once and loads nothing, so nothing can be waited for.
func (s *screen) back() {
	s.t.Helper()
	l := command(s, page.GetNavigationHistory, struct{}{})
	command(s, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: l.Entries[l.CurrentIndex-1].ID})
	s.wait(400 * time.Millisecond)
}

// TestOldPage: who goes back by the browser's own button and answers the old page anew changes nothing, and sees where they are.
func TestOldPage(t *testing.T) {
	for _, name := range []string{"library's keyboard", "phone without script"} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			v := come(t, h, h.serve(), handNamed(t, name))
			v.to(mainStreet, "You have 10 coins")
			v.back()
			v.until(`document.readyState==="complete"&&!!document.body`) // empty, where there was none before
			if s := v.sheet(); s.digit("I live here") != "" || len(s.cards) > 0 && !strings.Contains(s.heading, "You have 10 coins") {
				old := v.page()
				v.carryOut(s, deed{digits: []string{s.cards[len(s.cards)-1].digit}, do: "next"})
				v.arrive(old)
			}
			v.open(v.url + v.base)
			if s := v.sheet(); !strings.Contains(s.heading, "You have 10 coins") {
				t.Fatalf("it went to %q", s.heading)
			}
			v.follow(mainStreet)
			if words := h.recorded("main-street"); len(words) != 1 || words[0] != mainStreetRecord {
				t.Errorf("recorded %q", words)
			}
		})
	}
}

// cuts are what a line and a server do to a form, in turn.
const (
	smooth     = iota
	killed     // the server dies before the form comes, and is started again
	unanswered // the form is taken and the answer lost
	cuts
)

// TestServerDiesAtEachStep: the server is killed, or its answer lost, at each page of the consultation. Nobody does anything
// about it: the answer stays on the screen, the page says so, and in the end there is one record.
func TestServerDiesAtEachStep(t *testing.T) {
	h := newHouse(t)
	v := come(t, h, h.serve(), handNamed(t, "touch"))
	s := v.arrive("")
	for n := 0; !over(s); n++ {
		if n > 30 {
			t.Fatal("thirty pages and no end")
		}
		d, err := mainStreet.on(s)
		if err != nil {
			t.Fatal(err)
		}
		s = v.cut(h, s, d, 1+n%(cuts-1))
	}
	if words := h.recorded("main-street"); len(words) != 1 || words[0] != mainStreetRecord {
		t.Errorf("recorded %q", words)
	}
}

// cut answers a page while something goes wrong.
func (v *visit) cut(h *house, s *sheet, d deed, how int) *sheet {
	v.t.Helper()
	old := v.page()
	switch how {
	case killed:
		v.fillIn(s, d)
		h.close()
		v.press(v, button(d.do))
		v.until(`document.querySelector("#net").textContent.length>10`)
		if now := v.sheet(); now.heading != s.heading {
			v.t.Errorf("the answer to %q is not on the screen any more: %q", s.heading, now.heading)
		}
		for _, g := range d.digits {
			if !eval[bool](v.screen, fmt.Sprintf(`!!document.querySelector('[name=o][value="%s"]').checked`, g)) {
				v.t.Errorf("%q: what was chosen is not on the screen any more", s.heading)
			}
		}
		h.open()
	case unanswered:
		v.fillIn(s, d)
		h.lose.Store(1)
		v.press(v, button(d.do))
	default:
		v.carryOut(s, d)
	}
	return v.arrive(old)
}

// TestJourneysInTrouble holds random visits in the browser, by any hand, with cuts, trembling, old pages and second windows:
// nothing is lost, doubled or skipped.
func TestJourneysInTrouble(t *testing.T) {
	ways := []hand{handNamed(t, "touch"), handNamed(t, "five keys"), handNamed(t, "digits"), handNamed(t, "phone"), handNamed(t, "no script")}
	var next atomic.Int64
	var crew sync.WaitGroup
	for range 2 {
		crew.Go(func() {
			for {
				n := int(next.Add(1) - 1)
				if n >= *journeys {
					return
				}
				t.Run(strconv.Itoa(n), func(t *testing.T) { troubled(t, n, ways[n%len(ways)]) })
			}
		})
	}
	crew.Wait()
}

// troubled is one random visit.
func troubled(t *testing.T, n int, way hand) {
	h := newHouse(t)
	chance := rand.New(rand.NewPCG(11, uint64(n)))
	v := come(t, h, h.serve(), way)
	w := &wanderer{caller: &caller{}, chance: chance, who: n, given: map[string][]string{}, tell: t.Logf}
	s := v.arrive("")
	for k := 0; !over(s); k++ {
		if k > 80 {
			t.Fatal("eighty pages and no end")
		}
		if s.has("begin") {
			old := v.page()
			v.press(v, button("begin"))
			s = v.arrive(old)
			continue
		}
		step := stepOf(s)
		if step == "" {
			t.Fatalf("nobody knows %q", s.heading)
		}
		if k < 40 && chance.IntN(6) == 0 && step != "menu" && s.has("back") {
			old := v.page()
			t.Logf("%s: back", step)
			v.press(v, button("back"))
			s = v.arrive(old)
			continue
		}
		if chance.IntN(8) == 0 {
			t.Logf("%s: loaded again", step)
			v.open(v.url + way.base)
			if p := v.arrive(""); p.heading != s.heading {
				t.Fatalf("loading %q again shows %q", s.heading, p.heading)
			}
		}
		w.at = s
		do, values, recorded := w.deed(step)
		d := deed{do: do, digits: values["o"], typed: map[int]string{}}
		for i, f := range s.fields {
			l := values[f.name]
			if f.name == "v" {
				d.typed[i] = l[slices.IndexFunc(s.fields, func(o field) bool { return o.id == f.id })]
			} else if len(l) > 0 {
				d.typed[i] = l[0]
			}
		}
		if step == "ideas" || step == "first_other" { // few keys: each of them is a press
			recorded = fmt.Sprint("n", n, "x", chance.IntN(10))
			d.typed[0] = recorded
		}
		how := chance.IntN(cuts)
		if way.look.noScript || step == "menu" {
			how = smooth
		}
		t.Logf("%s: %v %v, cut %d", step, d, recorded, how)
		before := s
		s = v.cut(h, s, d, how)
		w.note(before, step, do, recorded)
	}
	records := h.recorded("main-street")
	if len(records) != 1 {
		t.Fatalf("%d records", len(records))
	}
	if what := w.wrong(records[0]); what != "" {
		t.Error(what)
	}
}
