package main

import (
	"context"
	"sync"
	"time"

	"github.com/townline/townline/channels/exchange"
)

type clockKey struct{}

// withClock gives a command another clock than the machine's: tests have towns whose clock is wrong.
func withClock(ctx context.Context, c exchange.Clock) context.Context {
	return context.WithValue(ctx, clockKey{}, c)
}

func clockOf(ctx context.Context) exchange.Clock {
	if c, ok := ctx.Value(clockKey{}).(exchange.Clock); ok {
		return c
	}
	return exchange.SystemClock{}
}

// movedClock is the machine's clock, moved forward by whoever tries dialogs out. The zero value is not moved.
type movedClock struct {
	mu    sync.Mutex
	by    time.Duration
	moved chan struct{} // closed, and made anew, by every move
}

// Now is the machine's time and what it was moved by.
func (c *movedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.by)
}

// Forward moves the clock and wakes all who wait on it.
func (c *movedClock) Forward(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += d
	if c.moved != nil {
		close(c.moved)
	}
	c.moved = make(chan struct{})
	return time.Now().Add(c.by)
}

// After sends one value when d has passed on this clock. A wait that is moved over ends early; whoever waits asks for the
// time again.
func (c *movedClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moved == nil {
		c.moved = make(chan struct{})
	}
	moved, out := c.moved, make(chan time.Time, 1)
	t := time.NewTimer(d)
	go func() {
		defer t.Stop()
		select {
		case <-t.C:
		case <-moved:
		}
		out <- c.Now()
	}()
	return out
}
