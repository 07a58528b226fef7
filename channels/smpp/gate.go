package smpp

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// gate lets out what is sent: no more at a time than the phone company answers to (its window), no faster than it takes, and
// nothing while it asked for a pause. Who must wait waits; nothing is turned away because the window is full.
type gate struct {
	places chan struct{} // holds a token for each request that waits for its answer
	kept   chan struct{} // the same, for places that only menus may take: somebody looks at a screen

	mu       sync.Mutex
	interval time.Duration // between two; 0: none
	next     time.Time     // when the next may leave
	paused   time.Time     // until when nothing may
	pause    time.Duration // the last one
	slowest  time.Duration // of pauses
	stalled  bool
	moved    chan struct{} // closed when stalled ends
	troubled atomic.Bool   // there is a pause or a stall to end
}

// Pauses after a phone company said that it was too much. Kannel's is a second.
const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
	// burst is how far the rate may be made up for when a timer came late.
	burst = 10 * time.Millisecond
)

// newGate lets window requests wait at a time, kept of them only for menus, and perSecond leave; 0: as many as may.
func newGate(window, kept int, perSecond float64) *gate {
	g := &gate{places: make(chan struct{}, window-kept), kept: make(chan struct{}, kept), slowest: lastPause}
	if perSecond > 0 {
		g.interval = time.Duration(float64(time.Second) / perSecond)
	}
	return g
}

// enter waits until one more may leave; leave is called once it was answered, or nobody waits for that any more.
func (g *gate) enter(ctx context.Context, live bool) (leave func(), err error) {
	if leave, err = g.place(ctx, live); err != nil {
		return nil, err
	}
	if err := g.turn(ctx, live); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

func (g *gate) place(ctx context.Context, live bool) (leave func(), err error) {
	if !live {
		select {
		case g.places <- struct{}{}:
			return func() { <-g.places }, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	select {
	case g.kept <- struct{}{}:
		return func() { <-g.kept }, nil
	default:
	}
	select {
	case g.kept <- struct{}{}:
		return func() { <-g.kept }, nil
	case g.places <- struct{}{}:
		return func() { <-g.places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// turn waits for a pause, a stall and the rate. Menus don't wait for the rate; they count in it.
func (g *gate) turn(ctx context.Context, live bool) error {
	due := time.Time{}
	for {
		g.mu.Lock()
		now := time.Now()
		if due.IsZero() && g.interval > 0 {
			due = latest(g.next, now.Add(-burst))
			g.next = due.Add(g.interval)
		}
		wait := g.paused.Sub(now)
		if !live {
			wait = max(wait, due.Sub(now))
		}
		moved := g.moved
		if !g.stalled {
			moved = nil
		}
		g.mu.Unlock()
		if wait <= 0 && moved == nil {
			return nil
		}
		t := time.NewTimer(max(wait, 0))
		if moved != nil {
			t.Stop()
			t.C = nil
		}
		select {
		case <-t.C:
		case <-moved:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// slow pauses all that would be sent, for longer each time until something was taken again. It says for how long.
func (g *gate) slow() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if left := g.paused.Sub(now); left > 0 {
		return left // others of the same window were told so too
	}
	g.pause = min(max(2*g.pause, firstPause), g.slowest)
	g.paused = now.Add(g.pause)
	g.troubled.Store(true)
	return g.pause
}

// taken says that the phone company takes what is sent.
func (g *gate) taken() {
	if !g.troubled.Load() {
		return
	}
	g.stall(false)
	g.mu.Lock()
	g.pause = 0
	g.troubled.Store(false)
	g.mu.Unlock()
}

// stall stops what would be sent, or lets it go on.
func (g *gate) stall(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case on && !g.stalled:
		g.stalled, g.moved = true, make(chan struct{})
		g.troubled.Store(true)
	case !on && g.stalled:
		g.stalled = false
		close(g.moved)
	}
}
