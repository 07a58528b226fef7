package sqlite

import (
	"fmt"
	"testing"

	"github.com/townline/townline/store"
	"zombiezen.com/go/sqlite"
)

// TestSweep: replies that nobody remembers any more are removed, the last 16 of everybody stay.
func TestSweep(tt *testing.T) {
	t := newTown(tt)
	const residents, messages = 9, 60
	in := func(r, m int) store.Inbound { return store.Inbound{1, byte(r), byte(m)} }
	for m := range messages {
		for r := range residents {
			if r == 0 && m > 20 {
				continue // falls silent
			}
			if o, err := t.Commit(t.Context(), &store.Change{Resident: number(r), Read: uint64(m), At: noon, Inbound: in(r, m), Reply: fmt.Append(nil, r, m)}); err != nil || o.Kind != store.Applied {
				t.Fatal(o, err)
			}
		}
	}
	t.must(t.Erase(t.Context(), number(8), noon))
	count := func() int64 {
		n := int64(0)
		t.must(t.read(t.Context(), func(q *tables) (err error) { n, err = q.number("SELECT count(*) FROM reply"); return err }))
		return n
	}
	before := count()
	c, err := connect(t.path("town.db"), sqlite.OpenReadWrite, pragmas(readerCache))
	t.must(err)
	defer c.Close()
	w := newTables(c)
	sweeping := newSweep(before)
	sweeping.page(t.Context(), w, t.Store, true)
	if sweeping.under {
		t.Error("a sweep began among turns, with so little to sweep")
	}
	for range before/sweepPage + 2 {
		sweeping.page(t.Context(), w, t.Store, false)
	}
	if n := count(); n != 8*16 || before <= n {
		t.Errorf("%d replies are left of %d, want %d", n, before, 8*16)
	}
	for r := range 8 {
		last := messages
		if r == 0 {
			last = 21
		}
		for m := last - 16; m < last; m++ {
			if b, ok, err := t.Reply(t.Context(), number(r), in(r, m)); !ok || err != nil || string(b) != fmt.Sprint(r, m) {
				t.Fatalf("resident %d, message %d: %q, %v, %v", r, m, b, ok, err)
			}
		}
	}
	// The next one begins only when as many were added.
	again := newSweep(residents)
	t.speak(1)
	again.page(t.Context(), w, t.Store, false)
	if again.under {
		t.Error("a sweep began with nothing to sweep")
	}
}
