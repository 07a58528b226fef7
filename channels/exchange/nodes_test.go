package exchange

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
)

// board is what two nodes see of each other's turns.
type board struct {
	mu    sync.Mutex
	turns map[[16]byte]*sync.Mutex
	taken int
	gone  bool
	tells bool // what was free: what was read before may be a turn old then, and is stepped again
}

func (b *board) Lease(_ context.Context, r [16]byte) (give func(), free bool) {
	b.mu.Lock()
	b.taken++
	if b.gone {
		b.mu.Unlock()
		return func() {}, true
	}
	if b.turns[r] == nil {
		b.turns[r] = &sync.Mutex{}
	}
	turn := b.turns[r]
	b.mu.Unlock()
	if turn.TryLock() {
		return turn.Unlock, b.tells
	}
	turn.Lock()
	return turn.Unlock, false
}

// Two nodes over one store take the turns of one resident one after the other; when what they share goes away in the middle,
// everybody still gets a reply, and the same one again.
func TestTwoNodesTakeTurns(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		b := &board{turns: map[[16]byte]*sync.Mutex{}}
		testTwoNodesTakeTurns(t, on, b)
	})
}

func TestTwoNodesTakeTurnsThatAreFree(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		b := &board{turns: map[[16]byte]*sync.Mutex{}}
		b.tells = true
		testTwoNodesTakeTurns(t, on, b)
	})
}

func testTwoNodesTakeTurns(t *testing.T, on setting, b *board) {
	one := settle(t, on, func(_ *town, s *Settings) { s.Leases = b })
	two := settle(t, func(w *town, s *Settings) { w.store, s.Leases = one.store, b })
	nodes := []*town{one, two}
	say := func(node int, words string) channels.Reply {
		r, err := nodes[node].x.Receive(t.Context(), channels.Event{Channel: "sms", ID: words, From: channels.Address{Kind: "tel", ID: ann}, Words: words})
		if err != nil {
			t.Error(err)
		}
		return r
	}
	say(0, "PARK")
	for round := range 2 {
		first := make([]channels.Reply, 8)
		var all sync.WaitGroup
		for i := range first {
			all.Go(func() { first[i] = say(i%2, fmt.Sprint("help ", round, i)) })
		}
		all.Wait()
		for i := range first {
			if again := say(1-i%2, fmt.Sprint("help ", round, i)); fmt.Sprint(again) != fmt.Sprint(first[i]) {
				t.Errorf("%v the first time, %v the second", first[i], again)
			}
		}
		if round == 0 && !b.tells {
			for _, w := range nodes {
				reg := prometheus.NewRegistry()
				reg.MustRegister(w.x.metrics.conflicts)
				if n := must(reg.Gather())[0].GetMetric()[0].GetCounter().GetValue(); n != 0 {
					t.Errorf("%v turns were stepped again", n)
				}
			}
		}
		b.mu.Lock()
		b.gone = true
		b.mu.Unlock()
	}
	if b.taken < 33 {
		t.Errorf("%d turns were leased", b.taken)
	}
	for _, turn := range b.turns {
		if !turn.TryLock() {
			t.Error("a turn was never given back")
		}
	}
}
