package exchange

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/townline/townline/channels"
)

// aCall is one of several calls of a resident's, whose turns may be handed in at any time.
type aCall struct {
	w          *town
	number, id string
	out        bool
	turns      int
}

func (w *town) aCall(number string) *aCall {
	w.ids++
	return &aCall{w: w, number: number, id: fmt.Sprint("CA", w.ids)}
}

func (c *aCall) turn(kind channels.EventKind, keys string) channels.Event {
	c.turns++
	return channels.Event{Channel: "voice", ID: fmt.Sprint(c.id, "/", c.turns), From: channels.Address{Kind: "tel", ID: c.number}, To: "+15550000", Kind: kind, Words: keys,
		Out: c.out, Call: c.id, At: c.w.clock.Now()}
}

func (c *aCall) dials() string { c.w.t.Helper(); return c.w.hear(c.turn(channels.Dialed, "")) }

func (c *aCall) keys(all ...string) (last string) {
	c.w.t.Helper()
	for _, one := range all {
		last = c.w.hear(c.turn(channels.Message, one))
	}
	return last
}

// chooses presses what an option has, on whichever page it is.
func (c *aCall) chooses(option string) string {
	c.w.t.Helper()
	for kind, key := channels.Quiet, ""; ; kind, key = channels.Message, "8" {
		r, err := c.w.x.Receive(c.w.t.Context(), c.turn(kind, key))
		if err != nil || len(r.Pages) == 0 || c.turns > 20 {
			c.w.t.Fatal(r, err)
		}
		for _, o := range r.Pages[len(r.Pages)-1].Options {
			if o.ID == option {
				return c.keys(o.Digit)
			}
		}
	}
}

const (
	mayWeCount = "May the town count this vote"
	isItRight  = "If that is right, press 1"
	goOn       = "For going on, press 1"
)

// atReadingBack brings a call to where an answer is read back.
func (c *aCall) atReadingBack() {
	c.w.t.Helper()
	c.dials()
	c.w.expect(c.chooses("open-vote"), "Which day")
	c.w.expect(c.keys("2"), "Monday", isItRight)
}

// TestAKeyOfAnOldCallAnswersNothing: a server stood still with it in its hands, the call was given up, and they rang again. They
// aren't taken to consent to what they hadn't heard of.
func TestAKeyOfAnOldCallAnswersNothing(t *testing.T) {
	for _, out := range []bool{false, true} {
		onEachStore(t, func(t *testing.T, on setting) {
			w, p := landline(t, on)
			old := w.aCall(ann)
			old.out = out
			old.atReadingBack()
			held, gone, quiet := old.turn(channels.Message, "1"), old.turn(channels.HungUp, ""), old.turn(channels.Quiet, "")

			c := w.aCall(ann)
			w.expect(c.dials(), goOn)
			w.expect(w.hear(held), goOn) // which is no answer to that either
			w.expect(w.hear(quiet), goOn)
			w.expect(c.keys("1"), goOn) // it isn't known which of the two they heard last
			w.expect(c.keys("1"), "Which day", "press 8")
			w.expect(c.keys("8"), mayWeCount)
			held2 := old.turn(channels.Message, "1")
			first := w.hear(held2)
			w.expect(first, mayWeCount)
			if got := w.hear(held2); got != first {
				t.Fatalf("%q, and when it came again %q", first, got)
			}
			if got := w.hear(gone); got != "" { // nobody is gone
				t.Fatal(got)
			}
			w.passes(time.Minute)
			p.expect(t)
			if got := w.polled("open-vote"); len(got) > 0 {
				t.Fatalf("recorded: %q", got)
			}
			w.expect(c.keys("1", "1"), "Your receipt is")
			if got := w.polled("open-vote"); !slices.Equal(got, []string{"plan=monday agree=yes"}) {
				t.Fatal(got)
			}
		})
	}
}

// TestWhoIsCutOffTwice is offered a call when the last one dropped, whatever of the first one still comes.
func TestWhoIsCutOffTwice(t *testing.T) {
	w, p := landline(t)
	w.says(ann, "PARK", "1")
	old := w.aCall(ann)
	old.dials()
	old.keys("1")
	held, gone := old.turn(channels.Message, "1"), old.turn(channels.HungUp, "")
	c := w.aCall(ann)
	c.dials()
	c.keys("1")
	w.hear(c.turn(channels.HungUp, ""))
	w.hear(held)
	w.hear(gone)
	w.passes(time.Minute)
	p.expect(t, ann)
}

// TestTwoCallsAtOnce are from one number: an office, or a forger. None answers what the other was asked, and who is still on the line when
// the other rings off is not rung.
func TestTwoCallsAtOnce(t *testing.T) {
	for _, first := range []string{"the older one", "the newer one"} {
		w, p := landline(t)
		one, two := w.aCall(ann), w.aCall(ann)
		one.atReadingBack()
		two.dials()
		for range 3 {
			w.expect(one.keys("1"), goOn)
			w.expect(two.keys("1"), goOn)
		}
		w.expect(two.keys("1"), "Which day")
		w.expect(one.keys("8"), "Which day")
		w.expect(one.keys("8"), mayWeCount)
		goes, stays := one, two
		if first == "the newer one" {
			goes, stays = two, one
		}
		w.hear(goes.turn(channels.HungUp, ""))
		w.expect(stays.keys("7"), mayWeCount)
		w.expect(stays.keys("7"), mayWeCount)
		w.passes(time.Minute)
		p.expect(t)
		w.expect(stays.keys("1"), "Your receipt is")
	}
}

// TestTheLastOfTwoCallsDrops: then nobody is on the line any more.
func TestTheLastOfTwoCallsDrops(t *testing.T) {
	for _, older := range []bool{false, true} {
		w, p := landline(t)
		w.says(ann, "PARK", "1")
		calls := []*aCall{w.aCall(ann), w.aCall(ann)}
		for _, c := range calls {
			c.dials()
			c.keys("1")
		}
		if older {
			slices.Reverse(calls)
		}
		w.hear(calls[0].turn(channels.HungUp, ""))
		w.hear(calls[1].turn(channels.HungUp, ""))
		w.passes(time.Minute)
		p.expect(t, ann)
	}
}

// TestAKeyOnACallOfOurs answers the page that the call began with, unless somebody is on the line already.
func TestAKeyOnACallOfOurs(t *testing.T) {
	for _, over := range []bool{true, false} {
		w, _ := landline(t)
		old := w.aCall(ann)
		old.atReadingBack()
		w.expect(old.keys("1"), mayWeCount)
		held := old.turn(channels.Message, "1")
		if over {
			w.hear(old.turn(channels.HungUp, ""))
		}
		ours := w.aCall(ann)
		ours.out = true
		if !over {
			w.expect(ours.keys("1"), mayWeCount)
		}
		w.expect(ours.keys("7"), mayWeCount)
		w.expect(w.hear(held), mayWeCount)
		w.expect(ours.keys("1"), mayWeCount)
		w.expect(ours.keys("1"), "Your receipt is")
	}
}

// TestWhoTextsDuringACall is told there where they are, before a key is taken as an answer to it.
func TestWhoTextsDuringACall(t *testing.T) {
	for _, late := range []bool{false, true} {
		w, _ := landline(t)
		c := w.aCall(ann)
		c.atReadingBack()
		held := c.turn(channels.Message, "1")
		if late {
			w.hear(c.turn(channels.HungUp, ""))
		}
		w.expect(w.says(ann, "1"), "Welcome back")
		w.expect(w.says(ann, "1"), "Which day")
		w.expect(w.hear(held), "Which day")
		if !late {
			w.expect(c.keys("8"), mayWeCount)
		}
		if got := w.polled("open-vote"); len(got) > 0 {
			t.Fatal(got)
		}
	}
}

// TestCallsOfTwoWhoAreOne: whoever is on the line when two are put together is asked again before a key of theirs counts.
func TestCallsOfTwoWhoAreOne(t *testing.T) {
	const a, b = 11, 12
	for _, c := range []struct {
		name         string
		mine, theirs row
		inCall       uint64
		older        uint64
		left         bool
	}{
		{"nobody calls", row{}, row{}, 0, 0, false},
		{"theirs is over", row{}, row{more: more{InCall: b}, left: true}, 0, 0, false},
		{"theirs is over, and mine", row{more: more{InCall: a}, left: true}, row{more: more{InCall: b}, left: true}, a, 0, true},
		{"theirs goes on, and mine is over", row{more: more{InCall: a}, left: true}, row{more: more{InCall: b, Older: a}}, b, a, false},
		{"both go on", row{more: more{InCall: a}}, row{more: more{InCall: b}}, a, b, false},
	} {
		tr := turn{attempt: attempt{more: c.mine.more, left: c.mine.left}}
		tr.callsOfBoth(&c.theirs)
		if m := tr.more; m.InCall != c.inCall || m.Older != c.older || tr.left != c.left {
			t.Errorf("%s: %+v, %v", c.name, m, tr.left)
		}
	}
}

// TestTheThirdCallIsTheirs, whoever of the calls before it was told something last.
func TestTheThirdCallIsTheirs(t *testing.T) {
	w, _ := landline(t)
	one, two, three := w.aCall(ann), w.aCall(ann), w.aCall(ann)
	one.atReadingBack()
	two.dials()
	w.expect(one.keys("1"), goOn)
	w.expect(three.dials(), goOn)
	w.expect(three.keys("1"), "Which day")
}

// TestCallsOfWhoIsBehindAPIN: theirs is the call in which the PIN was given, though it was not they who were rung for.
func TestCallsOfWhoIsBehindAPIN(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, _ := landline(t, on)
		w.says(ann, "PARK", "1")
		w.chooses(ann, "4821", "2")
		w.says(ann, "LOCK PIN")
		for range 2 {
			w.picks(ann, w.picks(ann, w.on(ann, "0"), "pin"), "@pin.have")
			w.expect(textOf(w.key(ann, "4821#")), "Your PIN is open")
			gone := w.call(ann, channels.HungUp, "")
			who, known, err := w.store.Find(t.Context(), pinAddress(w.x.keys, ann, "4821"))
			if err != nil || !known {
				t.Fatal(known, err)
			}
			if _, row, _, err := w.x.remembered(t.Context(), who); err != nil || row.more.InCall != callName(&gone) {
				t.Fatalf("%x, %v", row.more.InCall, err)
			}
			w.hear(gone)
		}
	})
}
