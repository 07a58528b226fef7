package storetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

func duties(t *testing.T, open func(t *testing.T) store.Store) {
	s := begin(t, open)
	a, b := id(), id()
	const long, short = time.Hour, 50 * time.Millisecond
	hold := func(want bool, duty string, node [16]byte, term time.Duration) {
		t.Helper()
		held, err := s.Hold(t.Context(), duty, node, term)
		s.must(err)
		s.equal("held", held, want)
	}
	hold(true, "timers", a, long)
	hold(true, "timers", a, long) // kept
	hold(false, "timers", b, long)
	hold(true, "line", b, long) // another is another's
	hold(false, "timers", b, 0) // gives back what it doesn't have
	hold(false, "timers", b, long)
	hold(false, "timers", a, 0)
	hold(true, "timers", b, long)
	hold(false, "timers", a, long)
	hold(false, "timers", b, 0)
	hold(false, "none", a, 0)

	// Who doesn't keep it loses it when the term is over, and gets it back like anybody else.
	hold(true, "timers", a, short)
	begun := time.Now()
	for {
		held, err := s.Hold(t.Context(), "timers", b, short)
		s.must(err)
		if held {
			break
		}
		if time.Since(begun) > 10*time.Second {
			t.Fatal("a duty is never lost")
		}
		<-time.After(short / 10)
	}
	if took := time.Since(begun); took < short/2 {
		t.Fatalf("it was lost after %v", took)
	}
	hold(true, "timers", b, long)
	hold(false, "timers", a, long)

	nodes := func(want int) {
		t.Helper()
		n, err := s.Nodes(t.Context())
		s.must(err)
		s.equal("nodes", n, want)
	}
	nodes(1)
	hold(true, "node a", a, long)
	hold(true, "node b", b, long)
	nodes(2)
	hold(false, "node a", a, 0)
	nodes(1)
}

// Of many nodes that want a duty at once one gets it.
func dutiesAtOnce(t *testing.T, open func(t *testing.T) store.Store) {
	s := begin(t, open)
	var all sync.WaitGroup
	var got atomic.Int32
	for range 16 {
		all.Go(func() {
			held, err := s.Hold(t.Context(), "timers", id(), time.Hour)
			if err != nil {
				t.Error(err)
			}
			if held {
				got.Add(1)
			}
		})
	}
	all.Wait()
	s.equal("nodes that hold it", got.Load(), 1)
}
