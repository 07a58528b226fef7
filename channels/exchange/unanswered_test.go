package exchange

import (
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

// opened is an event without a word of somebody at the kiosk.
func (w *town) opened(visitor string, kind channels.EventKind) channels.Event {
	e := w.at(visitor, "")
	e.Kind = kind
	return e
}

func TestAPageThatNobodyAnsweredIsForgotten(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w := settle(t, on)
		for _, visitor := range []string{"gone", "left", "again", "stays"} {
			w.hear(w.opened(visitor, channels.Dialed))
		}
		w.hear(w.opened("left", channels.HungUp))
		w.hear(w.at("stays", "PARK"))
		w.clock.pass(24 * time.Hour)
		w.hear(w.opened("again", channels.Dialed))
		w.x.Tick(t.Context())
		w.residents(4)
		w.clock.pass(2 * time.Hour)
		w.x.Tick(t.Context())
		w.residents(2)
		w.clock.pass(24 * time.Hour)
		w.x.Tick(t.Context())
		w.residents(1)

		// A timer that comes late, by another node's clock, erases nobody who has answered.
		r, known, err := w.store.Find(t.Context(), w.x.keys.Address("kiosk", "stays"))
		if err != nil || !known {
			t.Fatal(known, err)
		}
		if err := w.x.rang(t.Context(), store.Timer{Resident: r, Name: unansweredTimer}); err != nil {
			t.Fatal(err)
		}
		w.expect(w.hear(w.press("stays", "1")), "How many days")
		// Who was forgotten begins anew.
		w.expect(w.hear(w.at("gone", "PARK")), "What should come first?")
	})
}

// TestAPageIsForgottenByTheNextProcess: the process dies, or the store fails, as the timer rings.
func TestAPageIsForgottenByTheNextProcess(t *testing.T) {
	for at := range 2 {
		w := settle(t)
		w.hear(w.opened("gone", channels.Dialed))
		w.x.store = &breaks{Store: w.store, after: at == 1}
		w.clock.pass(26 * time.Hour)
		w.x.Tick(t.Context())
		w.x.store = w.store
		w.clock.pass(ringPause + time.Second)
		w.x.Tick(t.Context())
		w.residents(0)
		if s, _ := w.store.Stats(t.Context()); s.Timers != 0 {
			t.Fatalf("%d timers are left", s.Timers)
		}
	}
}
