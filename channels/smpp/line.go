package smpp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linxGnu/gosmpp/pdu"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/menu"
)

// line is what texts and menus of one phone company share: its binds, its window, and what waits to be whole.
type line struct {
	cfg     Config
	gate    *gate
	metrics *metrics
	turns   turns // what came in and is being held
	shelf   *shelf
	poison  *quarantine
	screens *menu.Menu // nil: none
	fresh   recent     // receipts that were given a moment ago
	early   early      // receipts that may have come too soon

	reference atomic.Uint32 // of long messages

	mu       sync.Mutex
	in       channels.Inbox // once the line listens
	sender   *bind          // that sends; nil: none
	binds    int
	changed  chan struct{} // closed when sender or closing changes
	closing  bool
	overdue  sync.WaitGroup // menus that went on without whoever looked at them
	shutdown chan struct{}  // closed when the line is to end
}

func newLine(c Config) (*line, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.usual()
	kept := 0
	if c.Menus != nil && !c.NoTexts {
		kept = max(1, c.Window/4)
	} else if c.Menus != nil {
		kept = c.Window
	}
	if kept == c.Window && !c.NoTexts {
		return nil, fmt.Errorf("smpp: %s: menus and texts need a window of 2 or more", c.Operator)
	}
	l := &line{cfg: c, gate: newGate(c.Window, kept, c.PerSecond), changed: make(chan struct{}), shutdown: make(chan struct{})}
	l.screens = c.newMenu()
	l.reference.Store(rand.Uint32())
	var err error
	if l.metrics, err = newMetrics(c.Metrics, l); err != nil {
		return nil, err
	}
	if l.poison, err = openQuarantine(&c); err != nil {
		return nil, err
	}
	if l.shelf, err = openShelf(&c); err != nil {
		return nil, err
	}
	return l, nil
}

// Pauses before a bind that broke, or was refused, is tried again; the last one where trying soon makes it worse.
const (
	shortPause   = time.Second
	longPause    = time.Minute
	unluckyPause = 5 * time.Minute
	// stood is how long a bind must have stood for the pauses to be short again.
	stood = 30 * time.Second
)

// listen holds the binds until ctx ends, and may be called again once it has returned. When ctx ends, what was sent is waited for, what
// came in is brought to its end, and the phone company is told goodbye.
func (l *line) listen(ctx context.Context, in channels.Inbox) error {
	if err := l.again(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		l.closing = true
		close(l.changed)
		l.changed = make(chan struct{})
		close(l.shutdown)
		l.mu.Unlock()
	})
	defer stop()
	l.mu.Lock()
	l.in = in
	l.mu.Unlock()
	if l.screens != nil {
		l.screens.Resume(in)
	}
	var all sync.WaitGroup
	all.Go(func() { l.tidy(ctx, in) })
	roles := []role{transceiver}
	if l.cfg.Separate {
		roles = []role{transmitter, receiver}
	}
	for _, r := range roles {
		all.Go(func() { l.hold(ctx, r, in) })
	}
	all.Wait()
	var err error
	if l.screens != nil {
		err = l.screens.Close()
	}
	l.overdue.Wait()
	return errors.Join(err, l.shelf.close())
}

// again makes a line that was closed ready to listen once more: another server may have had it meanwhile.
func (l *line) again() (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closing {
		return nil
	}
	if l.cfg.Dir != "" {
		if l.shelf, err = openShelf(&l.cfg); err != nil {
			return err
		}
	}
	l.closing, l.shutdown = false, make(chan struct{})
	return nil
}

// ending is closed when the line is to end.
func (l *line) ending() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shutdown
}

// hold keeps one bind open until ctx ends.
func (l *line) hold(ctx context.Context, r role, in channels.Inbox) {
	times := l.cfg.times
	for pause := times.again; ctx.Err() == nil; pause = min(2*pause, times.longest) {
		began := time.Now()
		b, err := l.connect(ctx, r)
		if err == nil {
			l.cfg.Log.Info("bound", "channel", l.name(), "to", roleNames[r])
			err = l.serve(ctx, b, in)
			if time.Since(began) > stood {
				pause = times.again
			}
		}
		if ctx.Err() != nil {
			return
		}
		wait := jittered(pause)
		if refused := (bindError{}); errors.As(err, &refused) && unlucky(refused.status) {
			wait = max(wait, min(pause*8, unluckyPause))
		}
		l.cfg.Log.Error("the bind broke and is opened again", "channel", l.name(), "to", roleNames[r], "in", wait, "error", err)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

var roleNames = [...]string{transceiver: "send and receive", transmitter: "send", receiver: "receive"}

// name is under which the line is logged.
func (l *line) name() string { return "smpp." + l.cfg.Operator }

func (l *line) connect(ctx context.Context, r role) (*bind, error) {
	conn, err := l.cfg.dial(ctx, l.cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", bare(err))
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	return open(conn, r, login{systemID: l.cfg.SystemID, password: l.cfg.Password, systemType: l.cfg.SystemType, addressRange: l.cfg.Range}, l.cfg.times)
}

// serve serves a bind until it breaks, or ctx ends and it was ended in good order.
func (l *line) serve(ctx context.Context, b *bind, in channels.Inbox) error {
	var all sync.WaitGroup
	all.Go(b.write)
	all.Go(func() { b.enquire(ctx) })
	if l.cfg.Receipts {
		b.told = func(id string) { l.fresh.add(l.cfg.IDs.answered(id), time.Now()) }
	}
	if b.role.sends() {
		l.bound(b)
		all.Go(func() { l.watch(b) })
	}
	l.count(1)
	all.Go(func() {
		select {
		case <-b.gone:
		case <-ctx.Done():
			l.settle(b)
			b.unbind()
		}
	})
	err := b.read(func(f frame, long bool) { l.heard(ctx, b, f, long, in) }, l.late)
	b.end(err)
	l.count(-1)
	if b.role.sends() {
		l.unbound(b)
	}
	all.Wait()
	return b.cause
}

func (l *line) bound(b *bind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sender = b
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *line) unbound(b *bind) {
	l.gate.stall(false)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sender == b {
		l.sender = nil
	}
}

func (l *line) count(n int) {
	l.mu.Lock()
	l.binds += n
	l.mu.Unlock()
}

// up is how many binds there are.
func (l *line) up() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.binds
}

// sending is the bind to send by. Where there is none it is waited for until ctx ends, but not when the line is closing.
func (l *line) sending(ctx context.Context) (*bind, error) {
	for {
		l.mu.Lock()
		b, changed, closing := l.sender, l.changed, l.closing
		l.mu.Unlock()
		switch {
		case closing:
			return nil, errClosing
		case b != nil:
			return b, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, errBindGone
		}
	}
}

// watch looks once a second whether the phone company still answers to what is sent. Where it doesn't, nothing more is sent
// until it does: what was sent to somebody who went deaf is in doubt, each message of it.
func (l *line) watch(b *bind) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-b.gone:
			return
		case <-tick.C:
		}
		if at := b.oldest(); !at.IsZero() && time.Since(at) > b.times.stall {
			l.gate.stall(true)
			if err := b.ask(context.Background(), pdu.NewEnquireLink()); err != nil {
				b.end(err)
			}
		} else {
			l.gate.stall(false)
		}
	}
}

// settle waits a little for what was sent, and for the turns of what came in.
func (l *line) settle(b *bind) {
	wait := time.NewTimer(b.times.answer)
	defer wait.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !b.oldest().IsZero() || !l.turns.idle() {
		select {
		case <-tick.C:
		case <-b.gone:
			return
		case <-wait.C:
			return
		}
	}
}

// late is an answer that nobody waits for any more.
func (l *line) late(f frame) {
	if f.answers(submitSM) {
		l.metrics.late.Inc()
		l.cfg.Log.LogAttrs(context.Background(), slog.LevelWarn, "an answer came too late: a message that is in doubt was answered", slog.String("channel", l.name()), slog.String("status", f.status().String()))
	}
}
