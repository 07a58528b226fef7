package exchange

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
)

// guest holds turns at a machine that is cut off, as an outpost does.
type guest struct {
	w      *town
	from   channels.Address
	number uint64
	memory []byte
	turns  []channels.Turn
	refs   int
	last   string
	put    []string // why turns were put aside
}

func (w *town) guest(id string) *guest {
	return &guest{w: w, from: channels.Address{Kind: "kiosk", ID: id}}
}

// says holds turns; nothing goes to the centre yet.
func (g *guest) says(words ...string) *guest {
	g.w.t.Helper()
	for _, said := range words {
		m, err := talk.Decode(g.memory)
		if err != nil {
			g.w.t.Fatal(err)
		}
		turn := channels.Turn{Channel: "kiosk", From: g.from, Number: g.number + 1, At: g.w.clock.Now()}
		if g.memory != nil {
			turn.Base = channels.Stamp(g.memory)
		}
		ask := func(e talk.Effect) (engine.Input, error) {
			done := channels.Done{Effect: e.Effect, Order: e.Order}
			if e.Dialog != nil {
				done.Pin = e.Dialog.Pin
			}
			switch e.Kind {
			case engine.Keep:
				g.refs++
				done.Reference, done.Due = fmt.Sprintf("%03d-%03d-900-1", len(g.from.ID), g.refs), "2026-12-24"
				done.Ballot = hashed(g.from.ID, fmt.Sprint(g.refs))
				turn.Done = append(turn.Done, done)
				return engine.Input{Result: map[string]string{"reference": done.Reference, "due": done.Due}}, nil
			case engine.PassOn:
				done.Reference = "900-900-900-1"
				turn.Done = append(turn.Done, done)
				return engine.Input{Result: map[string]string{"open": "no"}}, nil
			case engine.CheckCode:
				return engine.Input{Result: map[string]string{"code": "good"}}, nil
			case engine.Redeem:
				turn.Done = append(turn.Done, done)
				return g.w.x.Ask(g.w.t.Context(), channels.Question{Channel: "kiosk", From: g.from, Effect: e.Effect})
			}
			return engine.Input{}, nil
		}
		s, err := g.w.x.town.Hear(m, talk.Heard{At: g.w.clock.Now(), Traits: render.Kiosk, Words: said}, ask)
		if err != nil {
			g.w.t.Fatal(err)
		}
		for _, e := range s.Effects {
			d := channels.Done{Effect: e.Effect}
			if e.Dialog != nil {
				d.Pin = e.Dialog.Pin
			}
			turn.Done = append(turn.Done, d)
		}
		if turn.Memory, err = talk.Encode(&s.Memory); err != nil {
			g.w.t.Fatal(err)
		}
		g.memory, g.last = turn.Memory, textOf(channels.Reply{Pages: s.Pages})
		g.number++
		g.turns = append(g.turns, turn)
	}
	return g
}

// adopt gives the turns to the centre and returns the verdicts.
func (g *guest) adopt(turns ...channels.Turn) (out []channels.Verdict) {
	g.w.t.Helper()
	for _, t := range turns {
		v, err := g.w.x.Adopt(g.w.t.Context(), t, func(why string) error { g.put = append(g.put, why); return nil })
		if err != nil {
			g.w.t.Fatalf("turn %d: %v", t.Number, err)
		}
		out = append(out, v)
	}
	return out
}

func (g *guest) all(want channels.Verdict, got []channels.Verdict) {
	g.w.t.Helper()
	for i, v := range got {
		if v != want {
			g.w.t.Fatalf("turn %d of %d: verdict %d, not %d; put aside: %v", i+1, len(got), v, want, g.put)
		}
	}
}

func TestWhatWasAnsweredAwayIsTheSameRecord(t *testing.T) {
	onEachStore(t, func(t *testing.T, s setting) {
		words := []string{"MEND", "light", "12 Elm Street", "skip"}
		w := settle(t, s)
		g := w.guest("visitor")
		g.says(words...)
		w.expect(g.last, "Your number is 007-001-900-1", "24 December")
		w.says("+15550100", words...)
		w.clock.pass(48 * time.Hour) // the line was down for two days
		g.all(channels.Entered, g.adopt(g.turns...))
		g.all(channels.Twice, g.adopt(g.turns...)) // the acknowledgement was lost
		all := w.requests()
		if len(all) != 2 {
			t.Fatalf("%d requests", len(all))
		}
		away, here := all[0], all[1]
		if away.Channel != "kiosk" {
			away, here = here, away
		}
		if away.Reference != "007-001-900-1" || away.Due != "2026-12-24" || !away.Opened.Equal(noon) {
			t.Errorf("the resident was told another number, day or time: %+v", away)
		}
		if string(away.Record) != string(here.Record) || away.Label != here.Label || away.Place != here.Place {
			t.Errorf("%q %q %q is not %q %q %q", away.Record, away.Label, away.Place, here.Record, here.Label, here.Place)
		}
	})
}

func TestBallotsFromAway(t *testing.T) {
	onEachStore(t, func(t *testing.T, s setting) {
		w := settle(t, s)
		if err := w.store.Reserve(t.Context(), "roll-vote", [][16]byte{CodeVoter(w.x.keys, "roll-vote", "ABC234")}); err != nil {
			t.Fatal(err)
		}
		vote := []string{"ROLLV", "ABC234", "monday", "yes"}
		first, second, stranger := w.guest("a"), w.guest("b"), w.guest("c")
		first.says(vote...)
		w.expect(first.last, "Your receipt is")
		second.says(vote...)
		stranger.says("ROLLV", "XYZ999", "sunday", "yes").says("MEND", "light", "12 Elm Street", "skip")
		first.all(channels.Entered, first.adopt(first.turns...))
		got := second.adopt(second.turns...)
		if last := len(got) - 1; got[last] != channels.Before || got[0] != channels.Entered {
			t.Errorf("the same code again: %v", got)
		}
		got = stranger.adopt(stranger.turns...)
		if !slices.Equal(got, []channels.Verdict{1, 1, 1, channels.NotCounted, 1, 1, 1, 1}) || !slices.Contains(stranger.put, whyCode) {
			t.Errorf("a code that nobody was given: %v, put aside for %v", got, stranger.put)
		}
		stranger.all(channels.Twice, stranger.adopt(stranger.turns...))
		if got := w.polled("roll-vote"); len(got) != 1 || !strings.Contains(got[0], "monday") {
			t.Errorf("in the box: %v", got)
		}
		if all := w.requests(); len(all) != 1 {
			t.Errorf("what came after the code that is not on the roll: %d requests", len(all))
		}
	})
}

// A visitor is erased, and the outpost, which never heard that its turns arrived, sends them all again much later.
func TestErasedAwayAndSentAgain(t *testing.T) {
	onEachStore(t, func(t *testing.T, s setting) {
		w := settle(t, s)
		g := w.guest("visitor")
		g.says("SECR", "monday", "yes").says("MEND", "light", "12 Elm Street", "skip").says("person").says("erase", "yes")
		w.expect(g.last, "We keep nothing")
		erased := func() {
			t.Helper()
			r, known, err := w.store.Find(t.Context(), w.x.keys.Address("kiosk", "visitor"))
			if err != nil {
				t.Fatal(err)
			}
			if kept, _ := w.store.Load(t.Context(), r); known && len(kept.State) > 40 {
				t.Errorf("%d bytes are kept of the visitor", len(kept.State))
			}
			if all, _ := w.store.Consents(t.Context(), r); len(all) > 0 {
				t.Error("a consent is kept")
			}
		}
		g.all(channels.Entered, g.adopt(g.turns...))
		erased()
		for range 2 {
			g.all(channels.Twice, g.adopt(g.turns[3:]...))
			w.clock.pass(24 * time.Hour)
			w.x.Tick(t.Context())
		}
		w.clock.pass(61 * 24 * time.Hour)
		w.x.Tick(t.Context())
		if _, known, _ := w.store.Find(t.Context(), w.x.keys.Address("kiosk", "visitor")); known {
			t.Error("the visit is remembered for ever")
		}
		g.adopt(g.turns...) // nothing is known of it any more
		erased()
		if got := w.polled("secret-vote"); len(got) != 1 {
			t.Errorf("%d ballots", len(got))
		}
		if got := w.requests(); len(got) != 2 { // one of them for a person
			t.Errorf("%d requests", len(got))
		}
		if len(g.put) > 0 {
			t.Error("put aside:", g.put)
		}
	})
}

func TestTurnsThatCannotBeEntered(t *testing.T) {
	w := settle(t)
	g := w.guest("visitor").says("MEND", "light", "12 Elm Street", "skip")
	spoil := func(n int, change func(*channels.Turn)) channels.Turn {
		turn := g.turns[n]
		turn.Done = slices.Clone(turn.Done)
		change(&turn)
		return turn
	}
	last := len(g.turns) - 1
	for _, c := range []struct {
		why  string
		turn channels.Turn
	}{
		{whyMalformed, spoil(0, func(t *channels.Turn) { t.Number = 0 })},
		{whyMalformed, spoil(0, func(t *channels.Turn) { t.From.ID = "" })},
		{whyMalformed, spoil(0, func(t *channels.Turn) { t.Memory = []byte("?") })},
		{whyMalformed, spoil(0, func(t *channels.Turn) { t.Memory = nil })},
		{whyMoved, spoil(0, func(t *channels.Turn) { t.Base = channels.Stamp([]byte("another")) })},
		{whyGap, g.turns[1]},
		{whyMalformed, spoil(0, func(t *channels.Turn) { t.Done = []channels.Done{{Effect: engine.Effect{Kind: engine.Keep}}} })},
		{whyDialog, spoil(0, func(t *channels.Turn) {
			t.Done = []channels.Done{{Effect: engine.Effect{Kind: engine.Keep}, Pin: dialogs.Pin{ID: "never", Version: 1, Hash: "0"}}}
		})},
	} {
		g.put = nil
		if got := g.adopt(c.turn); got[0] != channels.Refused || !slices.Equal(g.put, []string{c.why}) {
			t.Errorf("verdict %v, put aside for %v, not %s", got, g.put, c.why)
		}
	}
	g.all(channels.Entered, g.adopt(g.turns[:last]...))
	g.put = nil
	for _, turn := range []channels.Turn{
		spoil(last, func(t *channels.Turn) { t.Base = channels.Stamp([]byte("another")) }),
		spoil(last, func(t *channels.Turn) {
			for i := range t.Done {
				t.Done[i].Reference = ""
			}
		}),
	} {
		if got := g.adopt(turn); got[0] != channels.Refused {
			t.Errorf("verdict %v", got)
		}
	}
	if !slices.Equal(g.put, []string{whyMoved, whyMalformed}) || len(w.requests()) != 0 {
		t.Errorf("put aside for %v; %d requests", g.put, len(w.requests()))
	}
	g.all(channels.Entered, g.adopt(g.turns[last]))
	if _, err := w.x.Adopt(t.Context(), channels.Turn{Channel: "pigeon"}, nil); err == nil {
		t.Error("by a channel that the town is not on")
	}
	failing := errors.New("the disk is full")
	if _, err := w.x.Adopt(t.Context(), channels.Turn{Channel: "kiosk"}, func(string) error { return failing }); !errors.Is(err, failing) {
		t.Error("what can't be put aside was taken:", err)
	}
}

func TestAReferenceThatIsAnothers(t *testing.T) {
	w := settle(t)
	g, h := w.guest("visitor"), w.guest("another") // both ids have seven letters: the same references
	g.says("MEND", "light", "12 Elm Street", "skip")
	h.says("MEND", "hole", "3 Oak Street", "skip")
	g.all(channels.Entered, g.adopt(g.turns...))
	got := h.adopt(h.turns...)
	if got[len(got)-1] != channels.Refused || !slices.Equal(h.put, []string{whyReference}) {
		t.Errorf("%v %v", got, h.put)
	}
	if all := w.requests(); len(all) != 1 || !strings.Contains(all[0].Label, "Elm") {
		t.Errorf("%+v", all)
	}
}

// A conversation's timer may ring between two turns that wait at an outpost; an answer given elsewhere may not.
func TestWhatHappensBetweenTwoTurns(t *testing.T) {
	w := settle(t)
	g := w.guest("visitor").says("MEND", "light", "12 Elm Street", "skip")
	g.all(channels.Entered, g.adopt(g.turns[:2]...))
	w.clock.pass(72 * time.Hour)
	w.x.Tick(t.Context()) // "expire_after: 2 days"
	g.all(channels.Entered, g.adopt(g.turns[2:]...))
	if len(w.requests()) != 1 {
		t.Error("what came after the timer is lost")
	}
	w.clock.pass(time.Minute)
	w.x.Tick(t.Context())
	timers, err := w.store.Timers(t.Context(), w.clock.Now(), 10)
	if err != nil || len(timers) > 0 {
		t.Errorf("a timer that fell due on the way: %v %v", timers, err)
	}

	h := w.guest("second").says("MEND", "light", "1 Oak Street", "skip")
	h.all(channels.Entered, h.adopt(h.turns[:2]...))
	if _, err := w.x.Receive(t.Context(), channels.Event{Channel: "kiosk", ID: "x", From: h.from, Words: "hole"}); err != nil {
		t.Fatal(err)
	}
	got := h.adopt(h.turns[2:]...)
	if got[0] != channels.Refused || h.put[0] != whyMoved {
		t.Errorf("%v %v", got, h.put)
	}
}

func TestQuestionsFromAway(t *testing.T) {
	w := settle(t)
	w.says("+15550100", "MEND", "light", "12 Elm Street", "skip")
	ref := w.requests()[0].Reference
	var report *dialogs.Dialog
	for _, d := range w.dialogs.Current() {
		if d.ID == "report" {
			report = d
		}
	}
	ask := func(e engine.Effect) (engine.Input, error) {
		return w.x.Ask(t.Context(), channels.Question{Channel: "kiosk", From: channels.Address{Kind: "kiosk", ID: "v"}, Pin: report.Pin, Effect: e})
	}
	in, err := ask(engine.Effect{Kind: engine.FindStatus, Values: []string{ref}})
	if err != nil || len(in.Found) != 1 || in.Found[0].Ref != ref {
		t.Error(in, err)
	}
	if in, err = ask(engine.Effect{Kind: engine.FindStatus}); err != nil || len(in.Found) != 0 {
		t.Error("somebody else's requests:", in, err)
	}
	in, err = ask(engine.Effect{Kind: engine.FindSimilar, Step: "same", Values: []string{"light", "12 Elm Street"}})
	if err != nil || len(in.Found) != 1 {
		t.Error(in, err)
	}
	if in, err = ask(engine.Effect{Kind: engine.CheckCode, Values: []string{"ABC"}}); err != nil || in.Result["code"] != "unknown" {
		t.Error(in, err)
	}
	if in, err = ask(engine.Effect{Kind: engine.CheckVoted}); err != nil || in.Result["voted"] != "no" {
		t.Error(in, err)
	}
	if in, err = ask(engine.Effect{Kind: engine.PassOn}); err != nil || in.Result["open"] != "yes" {
		t.Error(in, err)
	}
	for _, kind := range []engine.EffectKind{engine.Keep, engine.EraseAll, engine.OptOut} {
		if _, err := ask(engine.Effect{Kind: kind}); err == nil {
			t.Errorf("%s was answered", kind)
		}
	}
	if n := len(w.requests()); n != 1 {
		t.Errorf("a question left %d requests", n-1)
	}
}

// flaking fails as a store on a bad day does; whatever comes of it, a turn is entered once.
func TestAdoptOnABadDay(t *testing.T) {
	for seed := range uint64(20) {
		w := settle(t)
		g := w.guest(fmt.Sprint("visitor", seed)).says("SECR", "monday", "yes").says("MEND", "light", "12 Elm Street", "skip")
		bad := &flaky{Store: w.store, chance: rand.New(rand.NewPCG(seed, 1))}
		w.x.store = bad
		for _, turn := range g.turns {
			for try := 0; ; try++ {
				v, err := w.x.Adopt(context.Background(), turn, func(string) error { return errFlaky })
				if err == nil && (v == channels.Entered || v == channels.Twice) {
					break
				}
				if _, retry := channels.Retrying(err); !retry || try > 100 {
					t.Fatal(v, err)
				}
			}
		}
		w.x.store = w.store
		if a, b := len(w.polled("secret-vote")), len(w.requests()); a != 1 || b != 1 {
			t.Fatalf("seed %d: %d ballots, %d requests", seed, a, b)
		}
	}
}
