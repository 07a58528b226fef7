package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/townline/townline/store"
)

// TestTogether: rows that are asked for at the same time are read together, each for whom it is; who doesn't wait
// any longer keeps nobody else from reading.
func TestTogether(tt *testing.T) {
	t := newTown(tt)
	const people = 32
	for r := range people {
		t.speak(r)
		t.recent.drop(number(r))
	}
	t.Store.keys = &keyring{}
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() {
			for i := range 40 {
				ctx, stop := context.WithCancel(t.Context())
				if n%4 == 0 {
					go stop()
				}
				who := (n + i) % (people + 1) // the last one never spoke
				c, err := t.Load(ctx, number(who))
				stop()
				if n%4 == 0 && errors.Is(err, context.Canceled) {
					continue
				}
				spoke := who < people
				if found, ok, err := t.Find(t.Context(), t.keys.Address("tel", fmt.Sprintf("+1555%07d", who))); err != nil || ok != spoke || ok && found != number(who) {
					t.Errorf("%d is %v, %v, %v", who, found, ok, err)
				}
				if err != nil || (c.Version == 1) != spoke || (len(c.Answered) == 1) != spoke || (len(c.State) > 0) != spoke {
					t.Errorf("%d has %v, %v", who, c, err)
				}
			}
		})
	}
	wg.Wait()
	g := &t.together
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reading != 0 || len(g.waiting) != 0 {
		t.Errorf("%d still read and %d still wait", g.reading, len(g.waiting))
	}
}

// TestTogetherInOne: those who wait while nobody may read are read by the first who may.
func TestTogetherInOne(tt *testing.T) {
	t := newTown(tt)
	for r := range 8 {
		t.speak(r)
		t.recent.drop(number(r))
	}
	g := &t.together
	g.mu.Lock()
	g.reading = mostReading // as if others did
	g.mu.Unlock()
	var wg sync.WaitGroup
	var rows [8]store.Conversation
	for r := range rows {
		wg.Go(func() {
			var err error
			if rows[r], err = t.Load(t.Context(), number(r)); err != nil {
				t.Error(err)
			}
		})
	}
	for {
		g.mu.Lock()
		all := len(g.waiting) == len(rows)
		g.mu.Unlock()
		if all {
			break
		}
		runtime.Gosched()
	}
	g.pass()
	wg.Wait()
	for r := range rows {
		if rows[r].Version != 1 || rows[r].Resident != number(r) {
			t.Errorf("%d: %v", r, rows[r])
		}
	}
	if g.reading != mostReading-1 {
		t.Errorf("%d read", g.reading)
	}
}
