package exchange

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/store"
)

// flaky is a store on a bad day: it says Conflict, fails before it commits, or commits and then says it failed.
type flaky struct {
	store.Store
	mu     sync.Mutex
	chance *rand.Rand
}

var errFlaky = errors.New("connection reset")

func (f *flaky) Commit(ctx context.Context, c *store.Change) (store.Outcome, error) {
	f.mu.Lock()
	luck := f.chance.IntN(20)
	f.mu.Unlock()
	switch luck {
	case 0, 1:
		return store.Outcome{Kind: store.Conflict}, nil
	case 2:
		return store.Outcome{}, errFlaky
	case 3:
		if _, err := f.Store.Commit(ctx, c); err != nil {
			return store.Outcome{}, err
		}
		return store.Outcome{}, errFlaky
	}
	return f.Store.Commit(ctx, c)
}

// walk is what one resident does, one event after the other.
func randomWalk(r *rand.Rand, who int) []channels.Event {
	common := []string{
		"PARK", "1", "1", "1", "2", "3", "12", "yes", "yes", "no", "MEND", "OPENV", "NUMB", "HIDE", "SECR", "back", "help", "skip",
		"0", "menu", "repeat", "person", "zzz", "STOP", "START", "START", "erase", "1, 12", "PARK 1",
	}
	from := channels.Address{Kind: "tel", ID: fmt.Sprint("+155501", 10+who)}
	var out []channels.Event
	for i := range 30 + r.IntN(40) {
		words := common[r.IntN(len(common))]
		if r.IntN(12) == 0 {
			words = fmt.Sprintf("%d Resident Street No%d", i, who)
		}
		e := channels.Event{Channel: "sms", ID: fmt.Sprint(who, "-", i), From: from, Words: words}
		if r.IntN(8) == 0 {
			e.Channel = "voice"
			e.Kind = []channels.EventKind{channels.Message, channels.Dialed, channels.HungUp, channels.Quiet}[r.IntN(4)]
		}
		out = append(out, e)
	}
	return out
}

// left is everything that matters afterwards, in an order of its own, without what is random: ids and references.
func (w *town) left() (out []string) {
	w.t.Helper()
	for _, poll := range []string{"survey", "open-vote", "number-vote", "hidden-vote", "secret-vote"} {
		for _, r := range w.polled(poll) {
			out = append(out, poll+": "+r)
		}
	}
	for _, r := range w.requests() {
		line := fmt.Sprintf("request %s %s %s %s %s", r.Dialog, r.Service, r.Status, r.Label, r.Place)
		for _, e := range r.History {
			line += " " + e.Kind
			var rec engine.Record
			if len(e.Record) > 0 {
				if err := engine.Decode(e.Record, &rec); err != nil {
					w.t.Fatal(err)
				}
				line += fmt.Sprint(rec.Answers)
			}
		}
		out = append(out, line)
	}
	s, err := w.store.Stats(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	out = append(out, fmt.Sprintf("conversations %d, timers %d, queued %d", s.Conversations, s.Timers, s.Queued))
	for who := range 3 {
		stopped, err := w.store.OptedOut(w.t.Context(), w.x.keys.Address("tel", fmt.Sprint("+155501", 10+who)))
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, fmt.Sprint("stopped ", who, " ", stopped))
	}
	slices.Sort(out)
	return out
}

// TestRepeatsAndRacesChangeNothing walks three residents through the town, once in peace and once with messages repeated
// at once and late, residents racing each other, and a store on a bad day; what is left must be the same.
func TestRepeatsAndRacesChangeNothing(t *testing.T) {
	plainWords := edited(t, "survey.yaml", swap("    rotate: true\n", "")) // a rotated option has another digit for each
	start := func(t *testing.T, seed uint64, change ...setting) *town {
		w := settle(t, append(change, func(_ *town, s *Settings) { s.Entropy = chance(seed) })...)
		w.dialogs.current.Store(new(plainWords.All()))
		for _, d := range plainWords.All() {
			w.dialogs.keep(d)
		}
		return w
	}
	run := func(t *testing.T, seed uint64, change setting) {
		r := rand.New(rand.NewPCG(seed, 2))
		var walks [3][]channels.Event
		for who := range walks {
			walks[who] = randomWalk(r, who)
		}
		calm := start(t, seed)
		for _, walk := range walks {
			for _, e := range walk {
				calm.hear(e)
			}
		}
		wild := start(t, seed+1, change)
		wild.x.store = &flaky{Store: wild.store, chance: rand.New(rand.NewPCG(seed, 3))}
		var all sync.WaitGroup
		for who, walk := range walks {
			luck := rand.New(rand.NewPCG(seed, uint64(10+who)))
			all.Go(func() { wild.walkWildly(walk, luck) })
		}
		all.Wait()
		wild.x.store = wild.store // a calm day: an erasure that was put off is made good by its timer
		for _, w := range []*town{calm, wild} {
			w.x.Tick(t.Context())
		}
		if got, want := wild.left(), calm.left(); !slices.Equal(got, want) {
			t.Fatalf("seed %d: with repeats and races:\n%s\nin peace:\n%s", seed, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("memory ", seed), func(t *testing.T) { run(t, seed, func(*town, *Settings) {}) })
	}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("sqlite ", seed), func(t *testing.T) {
			run(t, 100+seed, func(w *town, _ *Settings) { w.store = onDisk(t) })
		})
	}
}

// walkWildly gives one resident's events in their order, some of them several times at once, some again later, each until
// it is accepted.
func (w *town) walkWildly(walk []channels.Event, luck *rand.Rand) {
	replies := make(map[string]string)
	var mu sync.Mutex
	erasedAt, castAt, cast := -1, -1, ""
	give := func(i int) {
		e := walk[i]
		for try := 0; ; try++ {
			r, err := w.x.Receive(w.t.Context(), e)
			if _, retry := channels.Retrying(err); retry && try < 100 {
				continue
			}
			if err != nil {
				w.t.Errorf("%s: %v", e.ID, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			got := textOf(r)
			first, ok := replies[e.ID]
			// Of who was erased only the last word is told again; a ballot destroys the replies that led to it.
			if ok && first != got && (got != "" || i >= erasedAt) && (got != cast || i >= castAt) {
				w.t.Errorf("%s %q: first %q, then %q", e.ID, e.Words, first, got)
			}
			if !ok {
				replies[e.ID] = got
			}
			if strings.Contains(got, "We keep nothing about you") {
				erasedAt = max(erasedAt, i)
			}
			if strings.Contains(got, "Your receipt is") && i > castAt {
				castAt, cast = i, got
			}
			return
		}
	}
	for i := range walk {
		var at sync.WaitGroup
		for range 1 + luck.IntN(3)/2*(1+luck.IntN(2)) {
			at.Go(func() { give(i) })
		}
		at.Wait()
		if luck.IntN(4) == 0 {
			give(max(0, i-luck.IntN(12)))
		}
	}
}
