package exchange

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

const (
	ringBatch  = 64 // timers that are fetched at once
	ringAtOnce = 16 // turns of timers that are held at the same time
	ringPause  = 5 * time.Minute
)

// ring rings all timers that are due. One whose turn fails stays, and is left alone for a while.
func (x *Exchange) ring(ctx context.Context) {
	for ctx.Err() == nil {
		now := x.clock.Now()
		due, err := x.store.Timers(ctx, now, ringBatch+x.failing.count(now))
		if err != nil {
			if ctx.Err() == nil {
				x.log.LogAttrs(ctx, slog.LevelError, "timers can't be read", slog.Any("error", err))
			}
			return
		}
		begun := 0
		slots := make(chan struct{}, ringAtOnce)
		var rung sync.WaitGroup
		for _, t := range due {
			if x.failing.waits(t, now) {
				continue
			}
			if t.Name == errandTimer {
				if x.work.enter() {
					if x.beginErrands(t) {
						begun++
					}
					x.work.leave()
				}
				continue
			}
			if !x.work.enter() {
				break
			}
			begun++
			slots <- struct{}{}
			rung.Go(func() {
				defer func() { <-slots; x.work.leave() }()
				x.ringOne(ctx, t)
			})
		}
		rung.Wait()
		if begun == 0 {
			return
		}
	}
}

func (x *Exchange) ringOne(ctx context.Context, timer store.Timer) {
	// A turn that has begun is brought to its end, whatever happens to the worker.
	do := x.rang
	switch timer.Name {
	case callTimer:
		do = x.callOver
	case gateTimer:
		do = x.gateOver
	case linkTriesTimer:
		do = x.linkTriesOver
	}
	err := do(context.WithoutCancel(ctx), timer)
	if err != nil {
		x.metrics.rung.WithLabelValues(outcomeFailed).Inc()
		x.failing.note(timer, x.clock.Now().Add(ringPause))
		x.log.LogAttrs(ctx, slog.LevelError, "the turn of a timer was not held", slog.Any("error", err))
		return
	}
	x.metrics.rung.WithLabelValues(outcomeApplied).Inc()
}

// rang holds the turn of a timer. It can be held twice without harm: the turn removes the timer, and the store's version
// refuses a second one.
func (x *Exchange) rang(ctx context.Context, timer store.Timer) (err error) {
	way := x.follow(ctx, "timer", "")
	outcome := outcomeFailed
	defer func() { way.end(outcome) }()
	for range attempts {
		t := turn{x: x, timer: timer.Name, trail: way}
		_, outcome, err = t.hold(ctx, timer.Resident, false)
		if err != nil {
			return fmt.Errorf("exchange: timer %q: %w", timer.Name, err)
		}
		if outcome != outcomeConflict {
			return nil
		}
	}
	return fmt.Errorf("exchange: timer %q: %w", timer.Name, errContested)
}

// rung commits a timer's turn that only rings somebody.
func (t *turn) rung(ctx context.Context, err error) (channels.Reply, string, error) {
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	r, err := t.write(&talk.Said{Memory: t.memory})
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	return t.commit(ctx, r)
}

// failures remembers which timers were tried in vain, and until when they are let alone. It forgets the oldest first.
type failures struct {
	mu    sync.Mutex
	until map[store.Timer]time.Time
}

const mostFailures = 1000

func (f *failures) note(t store.Timer, until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.until == nil || len(f.until) >= mostFailures {
		f.until = make(map[store.Timer]time.Time)
	}
	f.until[t] = until
}

func (f *failures) forget(t store.Timer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.until, t)
}

func (f *failures) waits(t store.Timer, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	until, ok := f.until[t]
	return ok && now.Before(until)
}

// count forgets those whose time has come and says how many are left.
func (f *failures) count(now time.Time) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	for t, until := range f.until {
		if !now.Before(until) {
			delete(f.until, t)
		}
	}
	return len(f.until)
}

// closedPolls are the confidential consultations whose links were destroyed.
type closedPolls struct {
	mu   sync.Mutex
	done map[string]bool
}

func (c *closedPolls) closed(poll string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done[poll]
}

func (c *closedPolls) close(poll string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(map[string]bool)
	}
	c.done[poll] = true
}

// retirer is a catalogue that knows dialogs which are out of service: their promises hold all the same.
type retirer interface {
	Retired(ctx context.Context) ([]*dialogs.Dialog, error)
}

// closeRolls destroys the links of confidential consultations that are over, in service or not, and returns when the next
// one will be.
func (x *Exchange) closeRolls(ctx context.Context) (next time.Time) {
	now := x.clock.Now()
	all := slices.Clone(x.town.Dialogs.Current())
	if r, ok := x.town.Dialogs.(retirer); ok {
		retired, err := r.Retired(ctx)
		if err != nil && ctx.Err() == nil {
			x.log.LogAttrs(ctx, slog.LevelError, "a dialog that is out of service can't be read: does it have links to destroy?", slog.Any("error", err))
		}
		all = append(all, retired...)
	}
	for _, d := range all {
		if d.Purpose != dialogs.Consultation || d.Secrecy != dialogs.Confidential || d.Closes.IsZero() || x.polls.closed(d.ID) {
			continue
		}
		if now.Before(d.Closes) {
			if next.IsZero() || d.Closes.Before(next) {
				next = d.Closes
			}
			continue
		}
		n, err := x.store.CloseRoll(ctx, d.ID)
		if err != nil {
			if !errors.Is(err, context.Canceled) {
				x.log.LogAttrs(ctx, slog.LevelError, "the links of a consultation were not destroyed yet", slog.String("dialog", d.ID), slog.Any("error", err))
			}
			continue
		}
		x.polls.close(d.ID)
		x.log.LogAttrs(ctx, slog.LevelInfo, "links between residents and ballots destroyed", slog.String("dialog", d.ID), slog.Int("count", n))
	}
	return next
}

// erasures remembers the last messages of residents who were erased, and the town's last reply to each of them: a
// provider that repeats the last message gets the same reply, one that repeats an older one gets none. It is here for
// whoever begins anew meanwhile; the store has it for the other nodes (Store.Parted).
type erasures struct {
	mu      sync.Mutex
	replies map[store.Inbound][]byte
	order   []store.Inbound
}

const mostErasures = 4096

func (e *erasures) remember(in store.Inbound, reply []byte) {
	if in == (store.Inbound{}) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.replies == nil {
		e.replies = make(map[store.Inbound][]byte)
	}
	if _, ok := e.replies[in]; !ok {
		e.order = append(e.order, in)
	}
	e.replies[in] = reply
	if len(e.order) > mostErasures {
		delete(e.replies, e.order[0])
		e.order = e.order[1:]
	}
}

func (e *erasures) reply(in store.Inbound) ([]byte, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	b, ok := e.replies[in]
	return b, ok
}
