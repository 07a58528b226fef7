package exchange

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
)

// on holds a call: keys pressed, one event each, after it came in.
func (w *town) on(number string, keys ...string) (last channels.Reply) {
	w.t.Helper()
	give := func(e channels.Event) {
		r, err := w.x.Receive(w.t.Context(), e)
		if err != nil {
			w.t.Fatal(err)
		}
		last = r
	}
	give(w.call(number, channels.Dialed, ""))
	for _, k := range keys {
		give(w.call(number, channels.Message, k))
	}
	return last
}

func (w *town) ringsOff(number string) { w.t.Helper(); w.hear(w.call(number, channels.HungUp, "")) }

// atQuestion brings a caller to a question of the survey, with one answer given: by text, where a word is enough, and then by
// telephone.
func (w *town) atQuestion(number string) {
	w.t.Helper()
	w.says(number, "PARK", "1")
	r := w.on(number, "1")
	if len(r.Pages) == 0 || r.Over {
		w.t.Fatalf("%+v", r)
	}
}

func TestACallThatDropsIsOfferedAgainOnce(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, p := landline(t, on)
		w.atQuestion(ann)
		w.ringsOff(ann)
		dropped := w.clock.Now()
		w.x.Tick(t.Context())
		p.expect(t)
		w.passes(time.Minute)
		p.expect(t, ann)
		if d := p.rang()[0].at.Sub(dropped); d > time.Minute {
			t.Fatalf("offered after %v", d)
		}
		// They answer, and it drops again: that was enough.
		w.on(ann, "1")
		w.ringsOff(ann)
		w.passes(30 * time.Minute)
		p.expect(t, ann)
	})
}

func TestWhenADroppedCallIsNotOffered(t *testing.T) {
	cases := map[string]func(w *town){
		"nothing was answered": func(w *town) { w.on(ann, "1"); w.ringsOff(ann) },
		"it was over":          func(w *town) { w.says(ann, "PARK", "1", "12", "1", "yes"); w.on(ann); w.ringsOff(ann) },
		"later, they said":     func(w *town) { w.atQuestion(ann); w.presses(ann, "0", "later"); w.ringsOff(ann) },
		"a person had them":    func(w *town) { w.atQuestion(ann); w.hear(w.call(ann, channels.Message, "person")); w.ringsOff(ann) },
		"they texted":          func(w *town) { w.atQuestion(ann); w.ringsOff(ann); w.passes(5 * time.Second); w.says(ann, "help") },
		"they rang themselves": func(w *town) { w.atQuestion(ann); w.ringsOff(ann); w.passes(5 * time.Second); w.on(ann) },
		"they said STOP":       func(w *town) { w.atQuestion(ann); w.ringsOff(ann); w.says(ann, "STOP") },
		"it is night":          func(w *town) { w.clock.pass(9 * time.Hour); w.atQuestion(ann); w.ringsOff(ann) },
		"the town rings nobody": func(w *town) {
			w.x.callbacks.On = false
			w.atQuestion(ann)
			w.ringsOff(ann)
		},
	}
	for name, do := range cases {
		t.Run(name, func(t *testing.T) {
			w, p := landline(t)
			do(w)
			w.passes(2 * time.Minute)
			p.expect(t)
		})
	}
}

// Of several numbers the one rings whose call dropped: another may be somebody's at work by now.
func TestACallThatDropsIsOfferedWhereItWas(t *testing.T) {
	for _, caller := range []string{ann, ben} {
		w, p := landline(t)
		w.says(ben, "LINK "+w.linkCode(ann))
		w.expect(w.says(ben, "yes"), "We know you on both now")
		w.passes(time.Minute)
		w.atQuestion(caller)
		w.ringsOff(caller)
		w.passes(time.Minute)
		p.expect(t, caller)
	}
}

// TestADroppedCallThatTheTownMade is offered again when ten minutes are over: nobody is rung more often.
func TestADroppedCallThatTheTownMade(t *testing.T) {
	w, p := landline(t)
	w.says(ann, "PARK", "1")
	w.hear(w.missed(ann))
	w.passes(30 * time.Second)
	p.expect(t, ann)
	w.on(ann, "1")
	w.ringsOff(ann)
	w.passes(9 * time.Minute)
	p.expect(t, ann)
	w.passes(3 * time.Minute)
	p.expect(t, ann, ann)
}

// TestWhoGetsThroughIsNotRungAgain: the town rang while they rang the town, and they have talked since.
func TestWhoGetsThroughIsNotRungAgain(t *testing.T) {
	w, p := landline(t)
	p.post.fail = func(_ string, try int) error {
		if try == 1 {
			return channels.Retry(errors.New("486"), 0)
		}
		return nil
	}
	w.hear(w.missed(ann))
	w.passes(30 * time.Second)
	p.expect(t, ann)
	w.on(ann, "1")
	w.passes(20 * time.Minute)
	p.expect(t, ann)

	// A call that the town made drops: its offer waits for the ten minutes, and they come by themselves before.
	w.says(ben, "PARK", "1")
	w.hear(w.missed(ben))
	w.passes(30 * time.Second)
	p.expect(t, ann, ben)
	w.on(ben, "1")
	w.ringsOff(ben)
	w.passes(2 * time.Minute)
	w.on(ben, "1")
	w.passes(20 * time.Minute)
	p.expect(t, ann, ben)
}

// TestACallThatIsTakenBackCostsNothing: another gets it.
func TestACallThatIsTakenBackCostsNothing(t *testing.T) {
	w, p := landline(t, func(_ *town, s *Settings) { s.Callbacks.PerDay = 1 })
	w.clock.pass(11 * time.Hour) // 23:00
	w.hear(w.missed(ann))
	w.clock.pass(9*time.Hour - 2*time.Minute)
	w.on(ann)
	if r, err := w.x.Receive(t.Context(), w.missed(ben)); err != nil || !r.Back {
		t.Fatal(r, err)
	}
	w.passes(40 * time.Minute)
	p.expect(t, ben)
}

// asksBack asks to be called back: nothing is understood three times, and then that is on offer.
func (w *town) asksBack(number string) {
	w.t.Helper()
	w.says(number, "PARK", "1")
	w.on(number, "1")
	w.expect(w.presses(number, "", "ring"), "call you back")
}

// presses goes from what a key, or a silence, leads to on to an option, and takes it.
func (w *town) presses(number, first, option string) string {
	w.t.Helper()
	key := first
	for range 8 {
		kind := channels.Message
		if key == "" {
			kind = channels.Quiet
		}
		r, err := w.x.Receive(w.t.Context(), w.call(number, kind, key))
		if err != nil || len(r.Pages) == 0 {
			w.t.Fatal(r, err)
		}
		page := r.Pages[len(r.Pages)-1]
		for _, o := range page.Options {
			if o.ID == option {
				return w.hear(w.call(number, channels.Message, o.Digit))
			}
		}
		if page.Of > 1 {
			key = "8"
		} else {
			key = first
		}
	}
	w.t.Fatalf("%q is never on offer", option)
	return ""
}

func TestACallThatWasAskedFor(t *testing.T) {
	w, p := landline(t, func(_ *town, s *Settings) {})
	w.x.callbacks.On = false // it was asked for
	w.asksBack(ann)
	w.ringsOff(ann)
	asked := w.clock.Now()
	w.says(ann, "help") // a text in between changes nothing
	w.clock.pass(58 * time.Minute)
	w.x.Tick(t.Context())
	p.expect(t)
	w.passes(4 * time.Minute)
	p.expect(t, ann)
	if d := p.rang()[0].at.Sub(asked); d > time.Hour+time.Minute {
		t.Fatalf("rung after %v", d)
	}
	// Who calls in between is not rung.
	w.clock.pass(time.Hour)
	w.asksBack(ben)
	w.ringsOff(ben)
	w.clock.pass(30 * time.Minute)
	w.on(ben)
	w.clock.pass(time.Hour)
	w.passes(time.Minute)
	p.expect(t, ann)
	// In the evening it waits for the morning.
	w.clock.pass(5*time.Hour + 50*time.Minute)
	w.asksBack("+15550144")
	w.clock.pass(2 * time.Hour)
	w.passes(time.Minute)
	p.expect(t, ann)
	w.clock.pass(12 * time.Hour)
	w.passes(time.Minute)
	p.expect(t, ann, "+15550144")
}

func TestACallIsPassedOn(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, _ := landline(t, on)
		w.says(ann, "PARK", "1")
		w.on(ann, "1")
		e := w.call(ann, channels.Message, "person")
		r, err := w.x.Receive(t.Context(), e)
		if err != nil || r.Pass == nil || r.Over {
			t.Fatalf("%+v %v", r, err)
		}
		again, err := w.x.Receive(t.Context(), e)
		if err != nil || again.Pass == nil || *again.Pass != *r.Pass || textOf(again) != textOf(r) {
			t.Fatalf("again %+v %v", again, err)
		}
		if got := w.requests(); len(got) != 1 {
			t.Fatalf("%d requests", len(got))
		}
		back := w.call(ann, channels.Returned, "")
		got, err := w.x.Receive(t.Context(), back)
		if err != nil || len(got.Pages) == 0 || got.Pass != nil || got.Over {
			t.Fatalf("%+v %v", got, err)
		}
	})
}

// withheld is an event of a call that doesn't say who it is from.
func (w *town) withheld(id string, kind channels.EventKind, words string) channels.Event {
	e := w.call(id, kind, words)
	e.Withheld = true // the line may call it a telephone number all the same
	return e
}

func TestWhoWithholdsTheirNumber(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, p := landline(t, on)
		w.says("+15550177", "PARK", "1") // the one whose number was made up by chance
		w.hear(w.withheld("+15550177", channels.Dialed, ""))
		if got := w.hear(w.withheld("+15550177", channels.Message, "1")); strings.Contains(got, "go on") {
			t.Fatalf("somebody else's conversation: %q", got)
		}
		w.residents(2)
		w.hear(w.withheld("+15550177", channels.HungUp, ""))
		w.hear(w.withheld("+15550177", channels.HungUp, ""))
		w.passes(20 * time.Minute)
		w.residents(1)
		p.expect(t)

		// What they reported stays, and nobody can be reached for it.
		w.hear(w.withheld("x", channels.Dialed, ""))
		w.hear(w.withheld("x", channels.Message, "person"))
		w.hear(w.withheld("x", channels.HungUp, ""))
		all := w.requests()
		if len(all) != 1 {
			t.Fatalf("%d requests", len(all))
		}
		if of, err := ParsePersonal(all[0].Personal); err != nil || of != (Personal{}) {
			t.Fatal(of, err)
		}
		if s, _ := w.store.Stats(t.Context()); s.Requests != 1 || s.Conversations != 2 {
			t.Fatalf("%+v", s)
		}
	})
}

func TestANumberIsNoVoterWhenItIsWithheld(t *testing.T) {
	w, _ := landline(t)
	w.hear(w.withheld("+15550177", channels.Dialed, ""))
	if _, ok, _ := w.store.Find(t.Context(), w.x.keys.Address("tel", "+15550177")); ok {
		t.Fatal("a made-up number is kept as a telephone's")
	}
	if _, ok, _ := w.store.Find(t.Context(), w.x.keys.Address(withheldKind, "+15550177")); !ok {
		t.Fatal("nobody is there")
	}
}
