package exchange

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

const (
	inFlight     = 8                // messages that are being sent on one channel at the same time
	sendPatience = 30 * time.Second // how long a provider may take to accept one
	sendLease    = 2 * time.Minute  // how long a claim holds; longer than sendPatience and a commit
	firstBackOff = 10 * time.Second
	lastBackOff  = time.Hour
	maxAttempts  = 12              // then a message is dead: with the back-off above, after about six hours
	mostRings    = 3               // calls that nobody answers
	lookAgain    = 5 * time.Minute // between look-ups of a doubtful message
	firstLook    = time.Minute     // providers list a message a little after they took it
)

// Codes of messages that the exchange gives up; providers' codes stand beside them.
const (
	codeUnreadable = "unreadable"  // the page can't be read
	codeTired      = "gave-up"     // too many attempts
	codeUnknown    = "not-known"   // nobody can tell whether it was sent
	codeNoChannel  = "no-delivery" // the channel refused it without saying why
)

// Run sends what is in the outbox, rings the timers, closes the rolls of consultations that are over, and destroys what is past
// its time. It returns
// when ctx ends or Drain is called, once what it was doing is settled. One Run at a time.
func (x *Exchange) Run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() {
		for {
			x.send(ctx, nil)
			if !x.outbox.sleep(ctx, x.clock, x.nextDue(ctx), x.work.stop) {
				return
			}
		}
	})
	both.Go(func() {
		for {
			x.ring(ctx)
			x.sweep(ctx)
			next := x.closeRolls(ctx)
			if due := x.nextDue(ctx); next.IsZero() || !due.IsZero() && due.Before(next) {
				next = due
			}
			if !x.timers.sleep(ctx, x.clock, next, x.work.stop) {
				return
			}
		}
	})
	both.Wait()
	x.fetching.Wait()
}

// Tick does once what Run does all the time: it rings the timers that are due, sends what is due, and returns when that
// is settled. The simulator and the tests use it instead of Run, with a clock that they move.
func (x *Exchange) Tick(ctx context.Context) {
	x.ring(ctx)
	x.fetching.Wait()
	x.sweep(ctx)
	x.closeRolls(ctx)
	var sending sync.WaitGroup
	for x.send(ctx, &sending) {
		sending.Wait()
	}
	sending.Wait()
}

func (x *Exchange) nextDue(ctx context.Context) time.Time {
	next, err := x.store.NextDue(ctx)
	if err != nil {
		if ctx.Err() == nil {
			x.log.LogAttrs(ctx, slog.LevelError, "the next due time can't be read", slog.Any("error", err))
		}
		return x.clock.Now().Add(longestSleep)
	}
	return next
}

// send claims as much as may be in flight and begins to send it; it says whether it claimed anything. sending, when
// given, is waited on by the caller for the deliveries that were begun.
func (x *Exchange) send(ctx context.Context, sending *sync.WaitGroup) bool {
	any := false
	for _, name := range x.order {
		l := x.channels[name]
		if x.sendOn(ctx, name, l, sending) {
			any = true
		}
	}
	return any
}

func (x *Exchange) sendOn(ctx context.Context, name string, l *line, sending *sync.WaitGroup) bool {
	free := 0
	for range inFlight {
		select {
		case l.flight <- struct{}{}:
			free++
			continue
		default:
		}
		break
	}
	if free == 0 {
		return false // the next delivery that ends rings the bell
	}
	release := func(n int) {
		for range n {
			<-l.flight
		}
	}
	if ctx.Err() != nil || !x.work.enter() {
		release(free)
		return false
	}
	defer x.work.leave()
	claimed, err := x.store.Claim(ctx, []string{name}, x.clock.Now(), free, sendLease)
	if err != nil {
		release(free)
		if ctx.Err() == nil {
			x.log.LogAttrs(ctx, slog.LevelError, "the outbox can't be read", slog.String("channel", name), slog.Any("error", err))
		}
		return false
	}
	release(free - len(claimed))
	full := len(claimed) == free
	for _, group := range together(claimed) {
		x.work.join()
		if sending != nil {
			sending.Add(1)
		}
		go func() {
			defer func() {
				x.work.leave()
				if full {
					x.outbox.ring() // more may be waiting
				}
				if sending != nil {
					sending.Done()
				}
			}()
			for i := range group {
				x.deliver(name, l, &group[i])
				<-l.flight
			}
		}()
	}
	return len(claimed) > 0
}

// together keeps the messages of one resident together, in the order of the claim: they are sent one after the other.
func together(all []store.Message) [][]store.Message {
	var groups [][]store.Message
	for _, m := range all {
		i := slices.IndexFunc(groups, func(g []store.Message) bool { return g[0].Resident == m.Resident })
		if i < 0 {
			groups = append(groups, []store.Message{m})
			continue
		}
		groups[i] = append(groups[i], m)
	}
	return groups
}

// deliver sends one claimed message, or looks it up when it may have been sent, and settles it. It doesn't end with the
// worker's context: what was begun is brought to its end, or broken off by Drain.
func (x *Exchange) deliver(name string, l *line, m *store.Message) {
	patience := sendPatience
	if l.rings() {
		patience = callPatience
	}
	ctx, cancel := context.WithTimeout(x.work.cut, patience)
	defer cancel()
	var s store.Settled
	var page render.Page
	switch err := engine.Decode(m.Body, &page); {
	case err != nil:
		s = store.Settled{State: store.Dead, Code: codeUnreadable}
	case m.Unsure:
		s = x.look(ctx, l, m, &page)
	default:
		if l.rings() {
			ok, instead, err := x.mayRing(ctx, m, &page)
			if err != nil {
				x.log.LogAttrs(ctx, slog.LevelError, "whether somebody may be rung could not be looked up", slog.String("channel", name), slog.Any("error", err))
				instead = x.again(m, 0)
			}
			if err != nil || !ok {
				s = instead
				break
			}
		}
		receipt, err := l.Deliver(ctx, reached(m), page, hex.EncodeToString(m.ID[:]))
		s = x.judge(l, m, receipt, err)
		if err != nil && l.rings() {
			x.notRung(ctx, m, err)
		}
		if errors.Is(err, channels.ErrOptedOut) {
			if err := x.optedOut(context.WithoutCancel(ctx), m.Resident, name); err != nil {
				x.log.LogAttrs(ctx, slog.LevelError, "an opt-out was not kept", slog.String("channel", name), slog.Any("error", err))
			}
		}
	}
	s.ID = m.ID
	// The settlement must not be lost with the worker: without it the message would be doubtful for nothing.
	if err := x.store.Settle(context.Background(), x.clock.Now(), []store.Settled{s}); err != nil {
		x.log.LogAttrs(ctx, slog.LevelError, "a message was not settled", slog.String("channel", name), slog.Any("error", err))
		return
	}
	x.metrics.settled(name, s.State)
	if s.State == store.Dead || s.State == store.Unsure && s.Retry.IsZero() {
		x.log.LogAttrs(ctx, slog.LevelWarn, "a message waits for a person", slog.String("channel", name), slog.String("state", stateName(s.State)), slog.String("code", s.Code))
	}
}

// judge says what is to become of a message after an attempt.
func (x *Exchange) judge(l *line, m *store.Message, receipt string, err error) store.Settled {
	if err == nil {
		return store.Settled{State: store.Sent, Receipt: receipt}
	}
	if code, ok := channels.IsGone(err); ok {
		if code == "" {
			code = codeNoChannel
		}
		return store.Settled{State: store.Dead, Receipt: receipt, Code: code}
	}
	if after, ok := channels.Retrying(err); ok {
		if l.rings() && !errors.Is(err, channels.ErrNotRung) {
			if m.Attempts >= mostRings {
				return store.Settled{State: store.Dead, Code: codeTired}
			}
			after = max(after, x.callbacks.Apart)
		}
		return x.again(m, after)
	}
	// In doubt, or an error of which the adapter says nothing: the same.
	return x.doubt(l, m, receipt)
}

// again queues a message for another attempt, or gives it up after too many.
func (x *Exchange) again(m *store.Message, after time.Duration) store.Settled {
	if m.Attempts >= maxAttempts {
		return store.Settled{State: store.Dead, Code: codeTired}
	}
	return store.Settled{State: store.Queued, Retry: x.clock.Now().Add(max(after, x.backOff(m.Attempts)))}
}

// doubt settles a message that may or may not have been sent: it is looked up where the provider can be asked, sent
// again where the town chose so, and held for a person everywhere else.
func (x *Exchange) doubt(l *line, m *store.Message, receipt string) store.Settled {
	if asks(l) {
		return store.Settled{State: store.Unsure, Receipt: receipt, Retry: x.clock.Now().Add(firstLook)}
	}
	if l.resend {
		return x.anew(l, m)
	}
	return store.Settled{State: store.Unsure, Receipt: receipt, Code: codeUnknown}
}

// anew sends a message again that may have been sent; nobody is rung again at once.
func (x *Exchange) anew(l *line, m *store.Message) store.Settled {
	if l.rings() {
		return x.again(m, x.callbacks.Apart)
	}
	return x.again(m, 0)
}

// rings says whether what is delivered there makes a telephone ring.
func (l *line) rings() bool { return l.traits.Form == engine.Speech }

func asks(l *line) bool {
	switch l.Channel.(type) {
	case channels.Settler, channels.Finder:
		return true
	}
	return false
}

// look asks the provider what became of a doubtful message.
func (x *Exchange) look(ctx context.Context, l *line, m *store.Message, page *render.Page) store.Settled {
	key := hex.EncodeToString(m.ID[:])
	receipt, sent := m.Receipt, false
	var err error
	settler, settles := l.Channel.(channels.Settler)
	finder, finds := l.Channel.(channels.Finder)
	switch {
	case settles && (receipt != "" || !finds):
		sent, err = settler.Look(ctx, key, receipt)
	case finds:
		// Due stays what it was when the message was queued: it was not tried before.
		receipt, sent, err = finder.Find(ctx, reached(m), *page, key, m.Due)
	case l.resend:
		return x.anew(l, m)
	default:
		return store.Settled{State: store.Unsure, Receipt: receipt, Code: codeUnknown}
	}
	switch {
	case err == nil && sent:
		return store.Settled{State: store.Sent, Receipt: receipt}
	case err == nil:
		return x.again(m, 0)
	case m.Attempts >= maxAttempts:
		return store.Settled{State: store.Unsure, Receipt: receipt, Code: codeUnknown}
	}
	return store.Settled{State: store.Unsure, Receipt: receipt, Retry: x.clock.Now().Add(lookAgain)}
}

// backOff doubles with each attempt, and lies somewhere in the upper half of that, so that what failed together doesn't
// come back together.
func (x *Exchange) backOff(attempts int) time.Duration {
	d := lastBackOff
	if n := max(attempts, 1) - 1; n < 10 {
		d = min(firstBackOff<<n, lastBackOff)
	}
	var b [8]byte
	if err := x.random(b[:]); err != nil {
		return d
	}
	return d/2 + time.Duration(binary.BigEndian.Uint64(b[:])%uint64(d/2))
}
