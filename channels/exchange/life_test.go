package exchange

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

func (c *cut) Claim(ctx context.Context, w store.Want, now time.Time, lease time.Duration) ([]store.Message, error) {
	if c.hangs.Load() {
		return nil, errors.New("away")
	}
	return c.Store.Claim(ctx, w, now, lease)
}

func (c *cut) Settle(ctx context.Context, now time.Time, all []store.Settled) error {
	if c.hangs.Load() {
		return errors.New("away")
	}
	return c.Store.Settle(ctx, now, all)
}

// What a node had claimed that died is doubtful within its term, and nobody waits for it any longer.
func TestADeadNodesClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(noon))
		nodes, ways := two(t)
		a, b := nodes[0], nodes[1]
		ctx, stop := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer stop()
		a.sms.gate = make(chan struct{}) // the provider never answers
		go a.x.Run(ctx)
		time.Sleep(5 * time.Second)
		b.queue(ann, "one", "two")
		a.x.outbox.ring()
		time.Sleep(5 * time.Second)
		if got := states(ways[0]); got[0] != store.Claimed {
			t.Fatalf("not claimed: %v", got)
		}
		ways[0].hangs.Store(true) // as of a node that isn't there any more
		go b.x.Run(ctx)
		began := time.Now()
		for len(b.sms.texts()) == 0 && time.Since(began) < 2*time.Minute {
			time.Sleep(100 * time.Millisecond)
		}
		if took, most := time.Since(began), lifeTerm+reclaimEach+3*time.Second; took > most {
			t.Errorf("what is behind it waits for %v", took)
		}
		if got := b.sms.texts(); !slices.Equal(got, []string{"two"}) {
			t.Errorf("sent: %q, and the first may have been before", got)
		}
		if got := states(ways[0]); got[0] != store.Unsure {
			t.Errorf("states: %v", got)
		}
	})
}

// states are those of all messages in the store behind a way.
func states(way *cut) (all []store.MessageState) {
	m := way.Store.(*memory)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range m.outbox {
		all = append(all, q.state)
	}
	return all
}

// A node that can't say that it lives stops sending before others take what it has, and settles none of it; what it was sending is broken off.
func TestWhoIsCutOffSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(noon))
		nodes, ways := two(t)
		a := nodes[0]
		ctx, stop := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer stop()
		var broken time.Time
		a.sms.fail = func(string, int) error {
			time.Sleep(lifeTerm - 10*time.Second)
			broken = time.Now()
			return channels.Retry(errors.New("connection reset"), 0)
		}
		go a.x.Run(ctx)
		time.Sleep(5 * time.Second)
		ways[0].refuses.Store(true)
		time.Sleep(15 * time.Second)
		a.queue(ann, "one")
		a.x.outbox.ring()
		time.Sleep(lifeTerm)
		synctest.Wait()
		if broken.IsZero() {
			t.Fatal("it isn't being sent")
		}
		if got := states(ways[0]); !slices.Equal(got, []store.MessageState{store.Claimed}) {
			t.Errorf("it settles what is another's: %v", got)
		}
		a.queue(ben, "two")
		a.x.outbox.ring()
		time.Sleep(5 * time.Second)
		if got := states(ways[0]); got[1] != store.Queued {
			t.Errorf("it claims: %v", got)
		}
		a.sms.fail = nil
		ways[0].refuses.Store(false)
		time.Sleep(lifeTerm)
		if got := a.sms.texts(); !slices.Contains(got, "two") {
			t.Errorf("back again it sends %q", got)
		}
	})
}

// A server that ends while the store hangs waits for no duty.
func TestLeavingWhileTheStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes, ways := two(t)
		a := nodes[0]
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			go a.x.Run(ctx)
			a.x.While(ctx, "line", 15*time.Second, func(ctx context.Context) { <-ctx.Done() })
			close(ended)
		}()
		time.Sleep(5 * time.Second)
		ways[0].hangs.Store(true)
		time.Sleep(2 * time.Second)
		began := time.Now()
		stop()
		<-ended
		if took := time.Since(began); took > dutyGiven+dutyBeat {
			t.Errorf("it waits for %v", took)
		}
		if err := a.x.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
