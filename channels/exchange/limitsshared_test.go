package exchange

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// bucket is what several nodes share a rate by, as store/redis does: by when there is room again.
type bucket struct {
	mu   sync.Mutex
	free time.Time
	asks int
}

// drawn is one node's view of a bucket.
type drawn struct {
	*bucket
	perSecond float64
	left      float64
}

func (d *drawn) Room(context.Context) (int, time.Duration) {
	time.Sleep(time.Millisecond) // there and back
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left >= 1 {
		return int(d.left), 0
	}
	d.asks++
	now := time.Now()
	each := time.Duration(float64(time.Second) / d.perSecond)
	if oldest := now.Add(-lateness); d.free.Before(oldest) {
		d.free = oldest
	}
	d.free = d.free.Add(time.Duration(-min(d.left, 0)) * each)
	d.left = 0
	if d.free.After(now) {
		return 0, d.free.Sub(now)
	}
	d.left = min(max(math.Ceil(d.perSecond*.05), 1), 1+float64(now.Sub(d.free)/each))
	d.free = d.free.Add(time.Duration(d.left) * each)
	return int(d.left), 0
}

func (d *drawn) Take(weight int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left -= float64(weight)
}

// stamps is a post that notes when what it delivers left.
type stamps struct {
	*post
	mu sync.Mutex
	at []time.Time
}

func (s *stamps) Deliver(context.Context, channels.Address, render.Page, string) (string, error) {
	s.mu.Lock()
	s.at = append(s.at, time.Now())
	s.mu.Unlock()
	time.Sleep(30 * time.Millisecond)
	return "", nil
}

func (s *stamps) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.at)
}

// Three nodes on one store keep to a rate together within 2 %, and ask for nothing where nothing is due.
func TestNodesKeepARate(t *testing.T) {
	for _, rate := range []float64{5, 60} {
		synctest.Test(t, func(t *testing.T) {
			shared := newMemory()
			all := &bucket{}
			sent := &stamps{post: &post{name: "sms", traits: render.SMS}}
			var nodes []*town
			for range 3 {
				nodes = append(nodes, settle(t, func(w *town, s *Settings) {
					w.store, s.Clock, s.Nodes.Poll = shared, SystemClock{}, 2*time.Second
					s.Channels = append(s.Channels, sent)
					s.Limits.Rates = []Rate{{Channels: []string{"sms"}, PerSecond: rate}}
					s.Nodes.Pace = func(_ string, perSecond float64) Pace { return &drawn{bucket: all, perSecond: perSecond} }
				}))
			}
			ctx, stop := context.WithCancel(t.Context())
			var ran sync.WaitGroup
			for _, w := range nodes {
				ran.Go(func() { w.x.Run(ctx) })
			}
			time.Sleep(10 * time.Second)
			all.mu.Lock()
			if all.asks > 0 {
				t.Errorf("asked %d times for nothing", all.asks)
			}
			all.mu.Unlock()
			n := int(rate * 10)
			body := must(engine.Encode(&render.Page{Text: "The library is open."}))
			for i := range n {
				r := store.Resident(hashed("resident", string(rune(i))))
				number := "+1555" + string(rune('0'+i/10000%10)) + string(rune('0'+i/1000%10)) + string(rune('0'+i/100%10)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10))
				c := store.Change{Resident: r, At: time.Now(), Link: []store.Address{{Key: seals{}.Address("tel", number), Kind: "tel", Address: number}}, Outbox: []store.Message{
					{ID: hashed("message", string(rune(i))), Resident: r, Body: body, Channel: "sms", Kind: "tel", Due: time.Now(), Weight: 1},
				}}
				if out, err := shared.Commit(t.Context(), &c); err != nil || out.Kind != store.Applied {
					t.Fatal(out, err)
				}
			}
			begun := time.Now()
			for time.Sleep(time.Second); sent.count() < n && time.Since(begun) < 10*time.Minute; time.Sleep(time.Second) {
			}
			stop()
			ran.Wait()
			synctest.Wait()
			if sent.count() != n {
				t.Fatalf("%d of %d left", sent.count(), n)
			}
			got := float64(n-1) / sent.at[n-1].Sub(sent.at[0]).Seconds()
			t.Logf("%.2f a second, want %v; asked %.1f times a second", got, rate, float64(all.asks)/time.Since(begun).Seconds())
			if got > 1.02*rate || got < .98*rate {
				t.Error("the rate isn't kept within 2 %")
			}
		})
	}
}
