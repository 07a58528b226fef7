package exchange

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// handset is a phone that dials, by a gateway that a test describes.
type handset struct {
	w       *town
	number  string
	session channels.Session // Whole and Number say what kind of gateway it is: Number 1 counts
	all     string           // keyed so far, joined with stars
	sent    int
	last    channels.Event
}

func (h *handset) event(kind channels.EventKind, words string) channels.Event {
	s := h.session
	if s.Number > 0 {
		s.Number = h.sent
	}
	if s.Whole {
		words = h.all
	}
	return channels.Event{Channel: "ussd", From: channels.Address{Kind: "tel", ID: h.number}, Kind: kind, Words: words, Session: &s, At: h.w.clock.Now()}
}

// dials begins a session; words is what was dialled after the town's code.
func (h *handset) dials(words string) string {
	h.w.t.Helper()
	h.w.ids++
	if h.session.ID != "" {
		h.session.ID = fmt.Sprint("s", h.w.ids)
	}
	h.w.clock.pass(5 * time.Second)
	h.all, h.sent = words, 1
	h.last = h.event(channels.Dialed, words)
	if words != "" && h.session.Whole {
		h.last.Kind = channels.Message
	}
	return h.w.hear(h.last)
}

// keys answers what is on the screen.
func (h *handset) keys(words string) string {
	h.w.t.Helper()
	h.w.clock.pass(5 * time.Second)
	if h.all != "" {
		h.all += "*"
	}
	h.all += words
	h.sent++
	h.last = h.event(channels.Message, words)
	return h.w.hear(h.last)
}

// retries is the gateway's last request again.
func (h *handset) retries() string {
	h.w.t.Helper()
	e := h.last
	h.w.clock.pass(500 * time.Millisecond)
	e.At = h.w.clock.Now()
	return h.w.hear(e)
}

// gateways are the kinds of sessions there are.
var gateways = map[string]channels.Session{
	"whole with an id":       {ID: "s", Whole: true},
	"latest with an id":      {ID: "s"},
	"latest, counted":        {ID: "s", Number: 1},
	"latest without an id":   {},
	"latest, counted, no id": {Number: 1},
	"whole without an id":    {Whole: true},
}

func onEachGateway(t *testing.T, test func(*testing.T, *handset)) {
	for name, s := range gateways {
		t.Run(name, func(t *testing.T) {
			test(t, &handset{w: settle(t), number: ann, session: s})
		})
	}
}

func (w *town) rounds(number string) menu {
	w.t.Helper()
	r, _, err := w.store.Find(w.t.Context(), seals{}.Address("tel", number))
	if err != nil {
		w.t.Fatal(err)
	}
	kept, err := w.store.Load(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	row, err := decodeRow(kept.State)
	if err != nil || row.more.Menu == nil {
		w.t.Fatal(err, "no session")
	}
	return *row.more.Menu
}

func TestMenuIsHeldToItsEnd(t *testing.T) {
	onEachGateway(t, func(t *testing.T, h *handset) {
		w := h.w
		w.expect(h.dials(""), "1 ", "2 ")
		w.expect(h.keys("MEND"), "What is the problem?")
		w.expect(h.keys("2"), "Where is it?")
		w.expect(h.keys("Main and Elm"), "Your number is")
		all, err := w.store.Requests(t.Context(), store.RequestQuery{})
		if err != nil || len(all) != 1 || all[0].Place != "main and elm" {
			t.Fatal(err, all)
		}
	})
}

// Whatever a gateway sends again is answered as it was, and changes nothing.
func TestMenuRequestThatComesAgain(t *testing.T) {
	onEachGateway(t, func(t *testing.T, h *handset) {
		w := h.w
		for _, keys := range []string{"", "OPENV", "8", "2", "1"} {
			var first string
			if keys == "" {
				first = h.dials("")
			} else {
				first = h.keys(keys)
			}
			m := w.rounds(ann)
			for range 2 {
				if again := h.retries(); again != first {
					t.Fatalf("%q again: %q, first %q", keys, again, first)
				}
			}
			if after := w.rounds(ann); after.Count != m.Count || after.Said != m.Said {
				t.Fatalf("%q again: %+v, before %+v", keys, after, m)
			}
		}
		if got := w.polled("open-vote"); !slices.Equal(got, []string{"plan=monday agree=yes"}) {
			t.Fatal(got)
		}
	})
}

// A request that was on its way for long is answered as it was then.
func TestMenuRequestThatComesLate(t *testing.T) {
	for _, s := range []channels.Session{{ID: "s", Whole: true}, {ID: "s", Number: 1}} {
		h := handset{w: settle(t), number: ann, session: s}
		h.dials("")
		first := h.keys("PARK")
		old := h.last
		h.keys("8")
		h.keys("1")
		if late := h.w.hear(old); late != first {
			t.Fatalf("late: %q, first %q", late, first)
		}
		h.w.expect(h.keys("12"), "check your answers")
		h.w.expect(h.w.hear(old), "The council decides")
	}
}

// Stars that a resident keys are keys: nothing is split.
func TestMenuStarsAreKeys(t *testing.T) {
	h := handset{w: settle(t), number: ann, session: channels.Session{ID: "s", Whole: true}}
	h.dials("")
	h.keys("PARK")
	h.keys("8")
	h.w.expect(h.keys("1"), "How many days")
	h.w.expect(h.keys("*"), "help") // digits are the answer there
	h.w.expect(h.keys("*"), "How many days")
	if m := h.w.rounds(ann); m.Said != len("PARK*8*1****") || strings.Contains(fmt.Sprint(m), "PARK") {
		t.Fatalf("%+v", m)
	}
}

func TestMenuResumeString(t *testing.T) {
	onEachGateway(t, func(t *testing.T, h *handset) {
		if h.session.ID == "" && h.session.Whole {
			t.Skip("such a gateway can't say which request is the first")
		}
		w := h.w
		h.dials("")
		h.keys("PARK")
		question := h.keys("8")
		w.expect(h.dials(""), "Welcome back", "1 Go on", "2 Start again")
		if got := h.keys("1"); !strings.HasSuffix(question, got) {
			t.Fatalf("%q after an offer, before %q", got, question)
		}
		if got := h.dials("1"); !strings.HasSuffix(question, got) {
			t.Fatalf("%q dialled, before %q", got, question)
		}
		w.expect(h.dials("7"), "Welcome back")
		w.expect(h.dials("2"), "What can we do for you?")
	})
}

// A newcomer who dials a digit after the code means the menu.
func TestMenuNewcomerDialsAChoice(t *testing.T) {
	h := handset{w: settle(t), number: ann, session: channels.Session{ID: "s", Whole: true}}
	menu := h.dials("")
	h.number = ben
	got := h.dials("1")
	h.w.expect(menu, "1 ")
	if got == menu || strings.Contains(got, "What can we do") {
		t.Fatal(got)
	}
}

func TestMenuOfTwoServers(t *testing.T) {
	onEachGateway(t, func(t *testing.T, h *handset) {
		w := h.w
		one := w.x
		two := *w
		words, _ := phrases()
		var err error
		s := Settings{Store: w.store, Keys: seals{}, Clock: w.clock, Entropy: chance(9), Town: one.town, Channels: []channels.Channel{&post{name: "ussd", traits: render.USSD}, w.sms}}
		if two.x, err = New(s); err != nil || words == nil {
			t.Fatal(err)
		}
		for i, keys := range []string{"", "OPENV", "8", "2", "1"} {
			h.sent, h.all = h.sent+1, keysOf(h.all, keys)
			if i == 0 {
				h.all, h.sent = "", 1
			}
			w.clock.pass(5 * time.Second)
			kind := channels.Message
			if i == 0 {
				kind = channels.Dialed
			}
			e := h.event(kind, keys)
			replies := make([]string, 6)
			var all sync.WaitGroup
			for n := range replies {
				x := one
				if n%2 == 1 {
					x = two.x
				}
				all.Go(func() {
					r, err := x.Receive(t.Context(), e)
					if err != nil {
						t.Error(err)
					}
					replies[n] = textOf(r)
				})
			}
			all.Wait()
			for _, r := range replies {
				if r != replies[0] || r == "" {
					t.Fatalf("%q and %q", r, replies[0])
				}
			}
		}
		if got := w.polled("open-vote"); !slices.Equal(got, []string{"plan=monday agree=yes"}) {
			t.Fatal(got)
		}
	})
}

func keysOf(all, keys string) string {
	if all == "" {
		return keys
	}
	return all + "*" + keys
}

// The end of an earlier session says nothing of the one that is open.
func TestMenuLateEnd(t *testing.T) {
	h := handset{w: settle(t), number: ann, session: channels.Session{ID: "s", Whole: true}}
	h.dials("")
	h.keys("PARK")
	first := h.last
	h.dials("")
	end := first
	end.Kind = channels.HungUp
	h.w.hear(end)
	never := *end.Session
	never.ID = "never seen"
	end.Session = &never
	if got := h.w.hear(end); got != "" {
		t.Fatal(got)
	}
	if m := h.w.rounds(ann); m.Over || string(m.Session) != string(h.w.x.menuSession(&h.last)) {
		t.Fatalf("%+v", m)
	}
	h.w.expect(h.keys("1"), "The council decides")
	end = h.last
	end.Kind = channels.HungUp
	h.w.hear(end)
	if m := h.w.rounds(ann); !m.Over {
		t.Fatalf("%+v", m)
	}
	h.w.expect(h.w.hear(first), "The council decides") // of the first session, later still
	h.w.expect(h.dials(""), "Welcome back")
}

// A key is never read as an answer to what the session didn't show.
func TestMenuAfterSomethingElsewhere(t *testing.T) {
	h := handset{w: settle(t), number: ann, session: channels.Session{ID: "s", Whole: true}}
	w := h.w
	h.dials("")
	h.keys("MEND")
	w.expect(w.says(ann, "2"), "Where is it?") // a text that was long on its way
	w.expect(h.keys("2"), "Where is it?")
	w.expect(h.keys("Main and Elm"), "Your number is")

	old := h
	old.dials("")
	old.keys("PARK")
	h.dials("")
	w.expect(old.keys("1"), "Welcome back") // the town sees no more of it than that
	w.expect(h.keys("1"), "Welcome back")
	w.expect(h.keys("1"), "The council decides")
	w.expect(h.keys("8"), "What should come first?")
}

func TestMenuOfSomebodyErased(t *testing.T) {
	for name, s := range gateways {
		t.Run(name, func(t *testing.T) {
			h := handset{w: settle(t), number: ann, session: s}
			w := h.w
			h.dials("")
			h.keys("erase")
			w.expect(h.keys("1"), "We keep nothing")
			for range 2 {
				w.expect(h.retries(), "We keep nothing")
			}
			if got, _ := w.store.Stats(t.Context()); got.Conversations != 0 {
				t.Fatalf("%+v", got)
			}
			w.expect(h.dials(""), "What can we do for you?")
			w.expect(h.keys("PARK"), "The council decides")
		})
	}
}

// Whoever is cut off goes on wherever they come back.
func TestMenuDropsAndGoesOn(t *testing.T) {
	begin := func(t *testing.T) (*handset, *town) {
		h := &handset{w: settle(t), number: ann, session: channels.Session{ID: "s", Whole: true}}
		h.dials("")
		h.keys("PARK")
		h.keys("8")
		h.keys("1")
		return h, h.w
	}
	t.Run("by text", func(t *testing.T) {
		_, w := begin(t)
		w.expect(w.says(ann, "12"), "check your answers")
	})
	t.Run("by telephone", func(t *testing.T) {
		_, w := begin(t)
		call := channels.Event{Channel: "voice", ID: "c1", From: channels.Address{Kind: "tel", ID: ann}, Kind: channels.Dialed}
		w.expect(w.hear(call), "Park survey")
		call.ID, call.Kind, call.Words = "c2", channels.Message, "1"
		w.expect(w.hear(call), "How many days")
	})
	t.Run("at the kiosk", func(t *testing.T) {
		h, w := begin(t)
		code := codeIn(t, h.keys("kiosk"))
		page := channels.Event{Channel: "kiosk", ID: "k1", From: channels.Address{Kind: "kiosk", ID: "v1"}, Kind: channels.Dialed}
		w.hear(page)
		page.ID, page.Kind, page.Words = "k2", channels.Message, code
		w.expect(w.hear(page), "How many days")
	})
	t.Run("from the kiosk", func(t *testing.T) {
		_, w := begin(t)
		h := handset{w: w, number: ben, session: channels.Session{ID: "s"}}
		code := codeIn(t, w.says(ann, "kiosk"))
		w.expect(h.dials(strings.ReplaceAll(code, " ", "")), "How many days")
	})
}

func codeIn(t *testing.T, words string) string {
	t.Helper()
	for i := range words {
		if i+11 <= len(words) && strings.Count(words[i:i+11], " ") == 2 && strings.Trim(words[i:i+11], "0123456789 ") == "" && words[i] != ' ' {
			return words[i : i+11]
		}
	}
	t.Fatal("no code in", words)
	return ""
}

// An id that a gateway uses again is another session's.
func TestMenuIDThatIsUsedAgain(t *testing.T) {
	h := handset{w: settle(t), number: ann, session: channels.Session{ID: "s", Whole: true}}
	w := h.w
	h.dials("")
	first := h.last
	h.keys("PARK")
	w.clock.pass(11 * time.Minute)
	first.At = w.clock.Now()
	w.expect(w.hear(first), "Welcome back")
	h.all, h.sent = "", 1
	w.expect(h.keys("1"), "The council decides")
}

// Where sessions have no ids, who keys nothing for three minutes has begun anew, whatever they key then.
func TestMenuWithoutIDsAfterAPause(t *testing.T) {
	h := handset{w: settle(t), number: ann}
	w := h.w
	h.dials("")
	h.keys("OPENV")
	h.keys("8")
	w.clock.pass(174 * time.Second)
	w.expect(h.keys("zzz"), "Which day should it close?")
	w.clock.pass(178 * time.Second)
	w.expect(h.keys("2"), "Welcome back")
	w.expect(h.keys("1"), "Which day should it close?")
}

// A menu that a server began whose clock is ahead takes nothing away from the next one, which a server begins whose clock is right:
// what that one shows is what is answered, and what comes again gets the same answer.
func TestMenuBegunByAClockThatIsAhead(t *testing.T) {
	onEachGateway(t, func(t *testing.T, h *handset) {
		if h.session.ID == "" { // nothing but the time tells two menus apart
			return
		}
		w := h.w
		w.clock.pass(90 * time.Second)
		h.dials("")
		h.keys("MEND")
		late := *h
		w.clock.pass(-90 * time.Second)
		back := h.dials("")
		w.expect(back, "Welcome back")
		w.expect(late.keys("1"), "Welcome back") // a way on which it took longer: nobody sees what is said to it
		if again := h.retries(); again != back {
			t.Errorf("first %q, and when it came again %q", back, again)
		}
		w.expect(h.keys("1"), "Welcome back") // the late one may have been the phone's own: nothing is read as an answer to it
		w.clock.pass(2 * time.Minute)
		w.expect(h.keys("1"), "What is the problem?")
		w.expect(h.keys("2"), "Where is it?")
	})
}

// A request that came before the open session began, and was held up in the house, changes nothing.
func TestMenuRequestHeldUp(t *testing.T) {
	h := handset{w: settle(t), number: ann, session: channels.Session{ID: "s"}}
	w := h.w
	h.dials("")
	h.keys("PARK")
	h.keys("8")
	h.sent++
	held := []channels.Event{h.event(channels.Message, "1"), h.event(channels.Dialed, "")}
	other := *held[1].Session
	other.ID = "other"
	held[1].Session = &other
	h.dials("")
	before := w.rounds(ann)
	for _, e := range held {
		w.expect(w.hear(e), "Welcome back")
		if got := w.rounds(ann); !slices.Equal(got.Session, before.Session) || got.Count != before.Count {
			t.Fatalf("%+v, before %+v", got, before)
		}
	}
	w.expect(h.keys("1"), "What should come first?")
}

// Not even a hash of a ballot's choice outlives the ballot, and the last key is known as the gateway's again all the same.
func TestMenuForgetsABallot(t *testing.T) {
	h := handset{w: settle(t), number: ann}
	h.dials("")
	for _, keys := range []string{"OPENV", "8", "2"} {
		h.keys(keys)
	}
	if m := h.w.rounds(ann); len(m.Last) == 0 {
		t.Fatalf("%+v", m)
	}
	h.dials("")
	for _, keys := range []string{"2", "SECR", "8", "8", "2"} {
		h.keys(keys)
	}
	last := h.keys("1")
	h.w.expect(last, "Your receipt is")
	if m := h.w.rounds(ann); len(m.Last) > 0 {
		t.Fatalf("%+v", m)
	}
	if got := h.retries(); got != last {
		t.Fatalf("%q, first %q", got, last)
	}
}

// Nothing is kept of a session that is long over once something else is heard or said.
func TestMenuLongOver(t *testing.T) {
	for name, then := range map[string]func(*town){
		"a text":     func(w *town) { w.clock.pass(11 * time.Minute); w.says(ann, "help") },
		"a reminder": func(w *town) { w.says(ann, "help"); w.clock.pass(25 * time.Hour); w.x.Tick(t.Context()) },
	} {
		h := handset{w: settle(t), number: ann, session: channels.Session{ID: "s"}}
		h.dials("")
		h.keys("PARK")
		then(h.w)
		r, _, _ := h.w.store.Find(t.Context(), seals{}.Address("tel", ann))
		kept, _ := h.w.store.Load(t.Context(), r)
		if row, err := decodeRow(kept.State); err != nil || row.more.Menu != nil {
			t.Errorf("after %s: %v %+v", name, err, row.more.Menu)
		}
	}
}

// Even one that was done so long ago that its reply is forgotten changes nothing.
func TestMenuRequestWhoseReplyIsForgotten(t *testing.T) {
	for _, s := range []channels.Session{{ID: "s", Whole: true}, {ID: "s", Number: 1}} {
		h := handset{w: settle(t), number: ann, session: s}
		h.dials("")
		h.keys("MEND")
		h.keys("2")
		for range 17 {
			h.w.says(ann, "repeat")
		}
		before := h.w.rounds(ann)
		h.w.expect(h.retries(), "Where is it?")
		if after := h.w.rounds(ann); after.Count != before.Count || !after.Moved {
			t.Fatalf("%+v, before %+v", after, before)
		}
	}
}
