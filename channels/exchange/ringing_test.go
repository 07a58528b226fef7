package exchange

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// answers is a call that the town made and somebody took, with the keys pressed then.
func (w *town) answers(number string, keys ...string) (last string) {
	w.t.Helper()
	e := w.call(number, channels.Dialed, "")
	e.Out = true
	last = w.hear(e)
	for _, k := range keys {
		e = w.call(number, channels.Message, k)
		e.Out = true
		last = w.hear(e)
	}
	return last
}

// wantsCalls brings a caller to a question of the survey, and lets them go on later and be reminded by a call.
func (w *town) wantsCalls(number string) {
	w.t.Helper()
	w.on(number)
	w.presses(number, "", "survey")
	w.expect(w.hear(w.call(number, channels.Message, "1")), "How many days")
	w.expect(w.presses(number, "*", "later"), "How shall we remind you?")
	w.expect(w.hear(w.call(number, channels.Message, "1")), "We call you, in the daytime")
	w.ringsOff(number)
}

func (w *town) texts() (out []string) {
	for _, l := range w.sms.letters() {
		out = append(out, l.text)
	}
	return out
}

func TestWhoWantsItIsRemindedByACall(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, p := landline(t, on, func(_ *town, s *Settings) { s.Callbacks.On = false })
		w.x.callbacks.On = false // it was asked for
		w.wantsCalls(ann)
		w.passes(time.Hour)
		p.expect(t)
		w.clock.pass(23 * time.Hour)
		w.passes(time.Minute)
		p.expect(t, ann)
		w.expect(w.answers(ann), "You have a survey to finish")
		w.ringsOff(ann)
		w.clock.pass(3 * 24 * time.Hour)
		w.passes(time.Minute)
		p.expect(t, ann) // once
		if got := w.texts(); len(got) != 0 {
			t.Fatal(got)
		}
	})
}

// TestAReminderThatNobodyTakes: three calls, and then a text message, for who can get one.
func TestAReminderThatNobodyTakes(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, p := landline(t, on)
		p.post.fail = func(string, int) error { return channels.Retry(errors.New("486"), 0) }
		w.says(ann, "PARK", "1")
		w.on(ann, "1")
		w.presses(ann, "*", "later")
		w.hear(w.call(ann, channels.Message, "1"))
		w.ringsOff(ann)
		w.wantsCalls(ben) // a landline
		w.clock.pass(24 * time.Hour)
		w.passes(2 * time.Hour)
		if n := len(p.rang()); n != 6 {
			t.Fatalf("rung %d times", n)
		}
		if got := w.texts(); len(got) != 1 || !strings.Contains(got[0], "to finish") {
			t.Fatal(got)
		}
		w.clock.pass(2 * 24 * time.Hour)
		w.passes(time.Hour)
		if got := w.texts(); len(got) != 1 || len(p.rang()) != 6 {
			t.Fatal(got, p.rang())
		}
	})
}

func TestWhenAReminderByCallIsNotMade(t *testing.T) {
	remind := func(t *testing.T, before, meanwhile func(w *town)) (*town, *phone) {
		w, p := landline(t)
		w.clock.pass(8*time.Hour + 59*time.Minute) // 20:59
		w.says(ann, "PARK", "1")
		w.on(ann, "1")
		w.presses(ann, "*", "later")
		w.expect(w.hear(w.call(ann, channels.Message, "1")), "We call you, in the daytime")
		w.ringsOff(ann)
		before(w)
		w.clock.pass(24*time.Hour + 2*time.Minute) // it waits for the morning
		w.x.Tick(t.Context())
		p.expect(t)
		meanwhile(w)
		w.clock.pass(11 * time.Hour)
		w.passes(5 * time.Minute)
		return w, p
	}
	nothing := func(*town) {}
	_, p := remind(t, nothing, nothing)
	p.expect(t, ann)
	for name, meanwhile := range map[string]func(w *town){
		"they wrote":     func(w *town) { w.says(ann, "help") },
		"they rang":      func(w *town) { w.on(ann) },
		"they said STOP": func(w *town) { w.says(ann, "STOP") },
		"they are gone":  func(w *town) { w.says(ann, "ERASE", "1") },
	} {
		t.Run(name, func(t *testing.T) {
			_, p := remind(t, nothing, meanwhile)
			p.expect(t)
		})
	}
	for name, before := range map[string]func(w *town){ // then a text message does it
		"their number may not be rung": func(w *town) { w.x.callbacks.Reachable = func(string) bool { return false } },
		"the town's line is gone":      func(w *town) { delete(w.x.channels, "voice"); w.x.order = w.x.order[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			w, p := remind(t, before, nothing)
			p.expect(t)
			if got := w.texts(); len(got) != 1 || !strings.Contains(got[0], "to finish") {
				t.Fatal(got)
			}
		})
	}
}

// TestACallThatWaitsIsTakenBack: a call that was asked for waits in the outbox, as the number was rung a moment ago; and then
// they ring themselves.
func TestACallThatWaitsIsTakenBack(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, p := landline(t, on)
		w.asksBack(ann)
		w.ringsOff(ann)
		w.clock.pass(58 * time.Minute)
		w.hear(w.missed(ann))
		w.passes(30 * time.Second)
		p.expect(t, ann)
		w.ringsOff(ann)
		w.passes(3 * time.Minute) // the call that was asked for is due by now, and waits
		w.on(ann)
		w.ringsOff(ann)
		w.passes(30 * time.Minute)
		p.expect(t, ann)
	})
}

// TestACallThatWasAskedForIsPatient where one that was missed is of no use to anybody after a while.
func TestACallThatWasAskedForIsPatient(t *testing.T) {
	w, p := landline(t)
	p.post.fail = func(string, int) error { return channels.Retry(channels.ErrNotRung, 10*time.Minute) }
	w.asksBack(ann)
	w.ringsOff(ann)
	w.clock.pass(50 * time.Minute)
	w.hear(w.missed(ben))
	w.passes(time.Hour)
	p.post.fail = nil
	w.passes(90 * time.Minute)
	p.expect(t, ann)
	p.post.fail = func(string, int) error { return channels.Retry(channels.ErrNotRung, time.Hour) }
	w.asksBack(ben)
	w.ringsOff(ben)
	w.clock.pass(26 * time.Hour)
	w.passes(time.Minute)
	p.post.fail = nil
	w.clock.pass(8 * time.Hour)
	w.passes(time.Minute)
	p.expect(t, ann)
}

func TestNobodyIsOfferedACallThatTheTownMayNotMake(t *testing.T) {
	w, _ := landline(t, func(_ *town, s *Settings) { s.Callbacks.Reachable = func(n string) bool { return n != ann } })
	w.says(ann, "PARK", "1")
	w.on(ann, "1")
	for range 4 {
		if got := w.hear(w.call(ann, channels.Quiet, "")); strings.Contains(got, "call back") {
			t.Fatal(got)
		}
	}
	w.asksBack(ben)
}

// TestAKeyThatComesAfterTheCall: the provider says that they rang off, and only then hands over what they pressed.
func TestAKeyThatComesAfterTheCall(t *testing.T) {
	w, p := landline(t)
	w.on(ann)
	w.presses(ann, "", "survey")
	key := w.call(ann, channels.Message, "1")
	w.ringsOff(ann)
	w.hear(key) // the first answer: they were in the midst of it
	w.passes(time.Minute)
	p.expect(t, ann)

	w.atQuestion(ben) // they are offered again; the key that comes then takes nothing back
	key = w.call(ben, channels.Message, "7")
	w.ringsOff(ben)
	w.hear(key)
	w.passes(time.Minute)
	p.expect(t, ann, ben)
}

func TestACallErasesNothingByItself(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, p := landline(t, on)
		w.says(ann, "PARK", "1")
		w.on(ann)
		w.expect(w.presses(ann, "0", "erase"), "Shall we erase all")
		w.expect(w.hear(w.call(ann, channels.Message, "1")), "We send you a text message now")
		w.ringsOff(ann)
		w.passes(time.Minute)
		if got := w.texts(); len(got) != 1 || !strings.Contains(got[0], "answer ERASE") {
			t.Fatal(got)
		}
		p.expect(t)
		known := func(number string) bool {
			_, known, err := w.store.Find(t.Context(), w.x.keys.Address("tel", number))
			if err != nil {
				t.Fatal(err)
			}
			return known
		}
		if !known(ann) {
			t.Fatal("erased on the word of a call")
		}
		if w.says(ann, "ERASE", "1"); known(ann) {
			t.Fatal("not erased on their own word")
		}

		// A landline gets a call back.
		w.on(ben)
		w.presses(ben, "0", "erase")
		w.expect(w.hear(w.call(ben, channels.Message, "1")), "We call you back in a few minutes")
		w.ringsOff(ben)
		p.expect(t)
		w.passes(4 * time.Minute)
		p.expect(t, ben)
		w.expect(w.answers(ben), "You asked us to erase all", "Shall we erase all")
		again := w.again() // the process died; the call goes on
		w.x = again
		e := w.call(ben, channels.Message, "1")
		e.Out = true
		w.expect(w.hear(e), "It is done.")
		if known(ben) {
			t.Fatal("not erased")
		}

		// Somebody else who shows that number meanwhile erases nothing.
		w.on(ben)
		w.presses(ben, "0", "erase")
		w.hear(w.call(ben, channels.Message, "1"))
		w.ringsOff(ben)
		if r := textOf(w.on(ben, "1", "1")); strings.Contains(r, "It is done") || !known(ben) {
			t.Fatal(r)
		}
	})
}

func TestStopOnACallIsTold(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, p := landline(t, on)
		w.says(ann, "PARK", "1")
		w.on(ann)
		w.expect(w.presses(ann, "0", "stop"), "one last text message")
		w.ringsOff(ann)
		w.passes(time.Minute)
		if got := w.texts(); len(got) != 1 || !strings.Contains(got[0], "answer START") {
			t.Fatal(got)
		}
		w.x = w.again()
		w.passes(6 * time.Minute)
		if out, err := w.store.OptedOut(t.Context(), w.x.keys.Address("tel", ann)); err != nil || !out {
			t.Fatal("the ledger has no line", err)
		}
		w.clock.pass(3 * 24 * time.Hour)
		w.passes(time.Minute)
		w.hear(w.missed(ann))
		w.passes(time.Minute)
		p.expect(t)
		if got := w.texts(); len(got) != 1 {
			t.Fatal(got)
		}
		w.expect(w.says(ann, "START"), "Elmwood")
		if out, _ := w.store.OptedOut(t.Context(), w.x.keys.Address("tel", ann)); out {
			t.Fatal("START doesn't count")
		}

		// START within the minutes that the text has.
		w.on(ann)
		w.presses(ann, "0", "stop")
		w.ringsOff(ann)
		w.passes(time.Minute)
		w.says(ann, "START")
		w.passes(10 * time.Minute)
		if out, _ := w.store.OptedOut(t.Context(), w.x.keys.Address("tel", ann)); out {
			t.Fatal("STOP came after START")
		}

		// A landline gets no text, and the ledger its line at once.
		w.on(ben)
		w.presses(ben, "0", "stop")
		if out, _ := w.store.OptedOut(t.Context(), w.x.keys.Address("tel", ben)); !out {
			t.Fatal("not stopped")
		}
	})
}

// Results by call take as many days as the town's budget of calls makes them.
func TestResultsByCallAreNeverTooLate(t *testing.T) {
	w, _ := landline(t)
	m := store.Message{ID: [16]byte{1}, Kind: "tel", Address: ann, Class: classBroadcast, Due: w.clock.Now().Add(-100 * time.Hour)}
	for _, c := range []struct {
		page render.Page
		want bool
	}{{render.Page{Spoken: []render.Spoken{{Words: "The trees won."}}}, true}, {render.Page{}, false}} {
		ok, s, err := w.x.mayRing(t.Context(), &m, &c.page)
		if err != nil || ok != c.want {
			t.Errorf("rings: %v, %+v, %v", ok, s, err)
		}
	}
}
