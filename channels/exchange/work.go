package exchange

import (
	"context"
	"sync"
	"time"
)

// work is what must be finished before the process may go: turns being held, messages being sent.
type work struct {
	mu     sync.Mutex
	busy   int
	closed bool
	idle   chan struct{} // closed once closed and not busy
	stop   chan struct{} // closed by drain
	cut    context.Context
	abort  context.CancelFunc // ends what is being sent, when draining took too long
}

func newWork() work {
	cut, abort := context.WithCancel(context.Background())
	return work{idle: make(chan struct{}), stop: make(chan struct{}), cut: cut, abort: abort}
}

// enter says whether one more may begin; who gets true must call leave.
func (w *work) enter() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.busy++
	return true
}

// join counts one more that was begun by somebody who is in.
func (w *work) join() {
	w.mu.Lock()
	w.busy++
	w.mu.Unlock()
}

func (w *work) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy--; w.busy == 0 && w.closed {
		close(w.idle)
	}
}

// drain lets nothing new begin and waits for what has begun; when ctx ends first, what is being sent is broken off and
// settled as doubtful.
func (w *work) drain(ctx context.Context) error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.stop)
		if w.busy == 0 {
			close(w.idle)
		}
	}
	w.mu.Unlock()
	select {
	case <-w.idle:
		w.abort()
		return nil
	case <-ctx.Done():
	}
	w.abort()
	<-w.idle
	return ctx.Err()
}

// Drain ends the exchange: Receive and the workers begin nothing new, and Drain returns when all turns in flight are on
// disk and all messages in flight are settled. When ctx ends first, sending is broken off; what was being sent is kept
// as doubtful and its error is ctx's.
func (x *Exchange) Drain(ctx context.Context) error {
	err := x.work.drain(ctx)
	x.enterOwed(context.WithoutCancel(ctx), true)
	return err
}

// alarm wakes one worker. Rings that come while it works count as one.
type alarm struct {
	bell  chan struct{}
	least time.Duration // that it sleeps,
	most  time.Duration // and at most

	beyond func() // tells other nodes, whose worker it may be; nil: there are none

	mu   sync.Mutex
	next time.Time // when the worker wakes by itself; zero: it is awake
}

func newAlarm(least time.Duration) alarm {
	return alarm{bell: make(chan struct{}, 1), least: least, most: longestSleep}
}

// ring wakes the worker.
func (a *alarm) ring() {
	select {
	case a.bell <- struct{}{}:
	default:
	}
}

// by wakes the worker if it would sleep longer than until t.
func (a *alarm) by(now, t time.Time) {
	if a.beyond != nil && t.Before(now.Add(a.most)) {
		a.beyond()
	}
	a.mu.Lock()
	next := a.next
	a.mu.Unlock()
	if next.IsZero() {
		next = now.Add(a.most)
	}
	if t.Before(next) {
		a.ring()
	}
}

// sleep waits for the bell or until next, at least a moment and at most its time by the clock; false: it is over.
func (a *alarm) sleep(ctx context.Context, clock Clock, next time.Time, stop <-chan struct{}) bool {
	now := clock.Now()
	wait := a.most
	if !next.IsZero() {
		wait = min(max(next.Sub(now), a.least), a.most)
	}
	a.mu.Lock()
	a.next = now.Add(wait)
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		a.next = time.Time{}
		a.mu.Unlock()
	}()
	select {
	case <-a.bell:
		return true
	case <-clock.After(wait):
		select {
		case <-a.bell: // who was rung for is looked for now
		default:
		}
		return true
	case <-ctx.Done():
	case <-stop:
	}
	return false
}

const (
	shortestSleep = time.Second          // so that what can't be done can't keep a worker spinning
	shortestPace  = 5 * time.Millisecond // of the sender, who waits for its turn more often
	longestSleep  = time.Minute          // so that a clock that was set is noticed
)
