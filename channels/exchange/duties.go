package exchange

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// What one node does at a time, so that it isn't done twice or paid for twice. Nothing that must be right rests on it: turns of timers
// are fenced by the version in the store, messages by their claims. A node's own clock here is the one that nobody sets.

const (
	// timersDuty is ringing timers, closing rolls and sweeping.
	timersDuty = "timers"
	timersTerm = 5 * time.Second

	dutyBeat  = time.Second            // between two looks whether a duty is to be had, or is still ours
	dutySlack = 500 * time.Millisecond // a node stops so long before others may begin
	dutyGiven = 2 * time.Second        // what can't be given back in that is left to its term: a server that ends waits for no store
)

// duties are those that this node has, and until when by its own clock.
type duties struct {
	ctx   context.Context
	leave context.CancelFunc // gives all of them back
	try   alarmsOf           // wakes who waits for a duty

	mu    sync.Mutex
	until map[string]time.Time
}

// alarmsOf are bells of any number of waiters.
type alarmsOf struct {
	mu  sync.Mutex
	all chan struct{} // closed by the next ring
}

func (a *alarmsOf) next() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all == nil {
		a.all = make(chan struct{})
	}
	return a.all
}

func (a *alarmsOf) ring() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all != nil {
		close(a.all)
		a.all = nil
	}
}

func newDuties() duties {
	ctx, leave := context.WithCancel(context.Background())
	return duties{ctx: ctx, leave: leave, until: make(map[string]time.Time)}
}

// has says whether a duty is this node's now, also in a process that was frozen a moment ago, or on a machine that was asleep.
func (d *duties) has(duty string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	until, ok := d.until[duty]
	return ok && leftUntil(until) > 0
}

func (d *duties) note(duty string, until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.until[duty] = until
}

func (d *duties) drop(duty string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.until, duty)
}

// ask asks the store for a duty, and says until when it may be done. It doesn't wait longer than until patience.
func (x *Exchange) ask(ctx context.Context, duty string, term time.Duration, patience time.Time) (until time.Time, held bool, err error) {
	asked := time.Now()
	ctx, cancel := context.WithDeadline(ctx, patience)
	defer cancel()
	held, err = x.store.Hold(ctx, duty, x.nodes.id, term)
	return asked.Add(term - dutySlack), held, err
}

// While does something whenever this node has a duty, until ctx ends or Leave is called. do's context ends when the duty is lost: to
// another node, or since nobody could say in time that it isn't. The duty is given back when do has returned. Without other nodes
// it is had at once.
func (x *Exchange) While(ctx context.Context, duty string, term time.Duration, do func(context.Context)) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	defer context.AfterFunc(x.nodes.duties.ctx, end)()
	told := false // that the store can't be asked
	for ctx.Err() == nil {
		rung := x.nodes.duties.try.next()
		until, held, err := x.ask(ctx, duty, term, time.Now().Add(term))
		switch {
		case held && time.Now().Before(until): // not in a process that was frozen meanwhile
			told = false
			x.hold(ctx, duty, term, until, do)
		case err != nil && ctx.Err() == nil && !told:
			told = true
			x.log.LogAttrs(ctx, slog.LevelError, "whose duty it is can't be asked", slog.String("duty", duty), slog.Any("error", err))
		}
		wait := time.NewTimer(dutyBeat)
		select {
		case <-wait.C:
		case <-rung:
		case <-ctx.Done():
		}
		wait.Stop()
	}
}

// hold does what the node has the duty for, and keeps it meanwhile.
func (x *Exchange) hold(ctx context.Context, duty string, term time.Duration, until time.Time, do func(context.Context)) {
	d := &x.nodes.duties
	x.log.LogAttrs(ctx, slog.LevelInfo, "this node's from now on", slog.String("duty", duty))
	d.note(duty, until)
	if duty != lifeDuty(x.nodes.id) { // that one rings when there is something to send under
		x.outbox.ring() // of a line that only this node sends on
	}
	within, lose := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); do(within) }()
	lost := x.keep(ctx, duty, term, until, done)
	d.drop(duty)
	lose()
	if lost {
		x.log.LogAttrs(ctx, slog.LevelWarn, "not this node's any more", slog.String("duty", duty))
	}
	<-done
	if lost {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(term, dutyGiven))
	defer cancel()
	if _, err := x.store.Hold(ctx, duty, x.nodes.id, 0); err != nil {
		x.log.LogAttrs(ctx, slog.LevelWarn, "a duty isn't given back: others wait until its term is over", slog.String("duty", duty), slog.Any("error", err))
		return
	}
	if b := x.nodes.bell; b != nil {
		b.Ring(ctx, bellDuty)
	}
}

// keep renews a duty until what is done for it has returned. It returns early, with true, when the duty is lost. A life is lost on a machine
// that slept for too long, too: nobody else can have it, so the store would say that it is there.
func (x *Exchange) keep(ctx context.Context, duty string, term time.Duration, until time.Time, done <-chan struct{}) (lost bool) {
	d := &x.nodes.duties
	ending, leaving := ctx.Done(), false
	slept := func() bool { return duty == lifeDuty(x.nodes.id) && leftUntil(until) <= 0 }
	asking, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go func() { // a store that hangs keeps nobody who is done
		select {
		case <-done:
			stop()
		case <-asking.Done():
		}
	}()
	tick, over := time.NewTicker(dutyBeat), time.NewTimer(time.Until(until))
	defer tick.Stop()
	defer over.Stop()
	for {
		select {
		case <-done:
			return false
		case <-over.C:
			return true
		case <-ending: // nothing more is begun, and what is under way is still ours
			d.drop(duty)
			ending, leaving = nil, true
			continue
		case <-tick.C:
			select {
			case <-over.C: // of two that have come meanwhile this one counts
				return true
			default:
			}
		}
		next, held, err := x.ask(asking, duty, term, until)
		switch {
		case slept():
			return true
		case held:
			until = next
			over.Reset(time.Until(until))
			if !leaving {
				d.note(duty, until)
			}
		case err == nil:
			return true
		}
	}
}
