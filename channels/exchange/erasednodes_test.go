package exchange

import (
	"slices"
	"testing"

	"github.com/townline/townline/store"
)

// Whoever was erased isn't somebody new where their provider brings a message of theirs to another node once more, or to the same one after
// it was started again.
func TestErasedOnAnotherNode(t *testing.T) { onEachStore(t, testErasedOnAnotherNode) }

func testErasedOnAnotherNode(t *testing.T, on setting) {
	a := settle(t, on)
	b := settle(t, func(w *town, s *Settings) { w.store = a.store })
	first := a.text(ann, "PARK")
	a.hear(first)
	a.says(ann, "ERASE")
	last := a.text(ann, "yes")
	reply := a.hear(last)
	nobody := func() {
		t.Helper()
		if _, known, err := a.store.Find(t.Context(), seals{}.Address("tel", ann)); known || err != nil {
			t.Fatal("her number is kept", err)
		}
	}
	nobody()
	if got := b.hear(last); got != reply {
		t.Errorf("answered %q, and on another node %q", reply, got)
	}
	if got := b.hear(first); got != "" {
		t.Errorf("an older one is answered %q", got)
	}
	nobody()
	b.ids = 100
	b.expect(b.says(ann, "PARK"), "What should come first?")
}

// Where the process died before it could erase, another node does it and knows as much.
func TestErasedByAnotherNode(t *testing.T) {
	gone := &twice{failErase: errAway}
	a := settle(t, func(w *town, _ *Settings) { gone.Store = newMemory(); w.store = gone })
	a.says(ann, "PARK", "ERASE")
	last := a.text(ann, "yes")
	reply := a.hear(last)
	gone.failErase = nil
	r, _, err := a.store.Find(t.Context(), seals{}.Address("tel", ann))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.x.rang(t.Context(), store.Timer{Resident: r, Name: eraseTimer}); err != nil {
		t.Fatal(err)
	}
	b := settle(t, func(w *town, _ *Settings) { w.store = gone.Store })
	if got := b.hear(last); got != reply {
		t.Errorf("answered %q, and on another node %q", reply, got)
	}
	var kept []store.Inbound
	for in := range gone.Store.(*memory).parted {
		kept = append(kept, in)
	}
	if slices.Contains(kept, store.Inbound{}) || len(kept) != 3 {
		t.Errorf("%d messages are known", len(kept))
	}
}
