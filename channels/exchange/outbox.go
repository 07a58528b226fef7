package exchange

import (
	"context"
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
	inFlight     = 8                // messages that are being sent on one channel at the same time, where no pace is set
	mostInFlight = 256              // and where a fast one is
	siftAtOnce   = 64               // messages that are looked through at once for those that may leave
	sendPatience = 30 * time.Second // how long a provider may take to accept one
	sendLease    = 2 * time.Minute  // how long a claim holds; longer than sendPatience and a commit
	settleTime   = 5 * time.Second  // of it that is left for settling
	vainSleep    = 100 * time.Millisecond
)

// Run sends what is in the outbox, rings the timers, closes the rolls of consultations that are over, and destroys what is past
// its time. It returns
// when ctx ends or Drain is called, once what it was doing is settled. One Run at a time.
func (x *Exchange) Run(ctx context.Context) {
	var both sync.WaitGroup
	both.Go(func() {
		x.giveBack(ctx)
		for {
			x.send(ctx, nil)
			if !x.outbox.sleep(ctx, x.clock, x.nextLeave(ctx), x.work.stop) {
				return
			}
		}
	})
	both.Go(func() {
		ctx, end := context.WithCancel(ctx)
		defer end()
		go func() {
			select {
			case <-x.work.stop:
				end()
			case <-ctx.Done():
			}
		}()
		x.While(ctx, timersDuty, timersTerm, x.keepTime)
	})
	if len(x.limits.purses) > 0 {
		both.Go(func() {
			for x.owing.sleep(ctx, x.clock, time.Time{}, x.work.stop) {
				x.enterOwed(ctx, false)
			}
		})
	}
	if x.nodes.poll > 0 {
		both.Go(func() { x.lives(ctx) })
		both.Go(func() { x.joins(ctx) })
	}
	both.Wait()
	x.fetching.Wait()
	x.enterOwed(context.WithoutCancel(ctx), false)
}

// keepTime does what one node does for all, while it has that duty: it rings the timers, closes rolls, and sweeps.
func (x *Exchange) keepTime(ctx context.Context) {
	for {
		x.ring(ctx)
		x.sweep(ctx)
		next := earlier(x.closeRolls(ctx), x.nextTimer(ctx))
		if !x.timers.sleep(ctx, x.clock, next, x.work.stop) {
			return
		}
	}
}

// Tick does once what Run does all the time: it rings the timers that are due, sends what is due, and returns when that
// is settled. The simulator and the tests use it instead of Run, with a clock that they move.
func (x *Exchange) Tick(ctx context.Context) {
	x.ring(ctx)
	x.fetching.Wait()
	x.sweep(ctx)
	x.closeRolls(ctx)
	x.enterOwed(ctx, false)
	var sending sync.WaitGroup
	for x.send(ctx, &sending) {
		sending.Wait()
	}
	sending.Wait()
}

// earlier is the earlier of two times; zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (x *Exchange) nextTimer(ctx context.Context) time.Time {
	next, err := x.store.NextTimer(ctx)
	return x.unlessAway(ctx, next, err)
}

func (x *Exchange) unlessAway(ctx context.Context, next time.Time, err error) time.Time {
	if err != nil {
		if ctx.Err() == nil {
			x.log.LogAttrs(ctx, slog.LevelError, "the next due time can't be read", slog.Any("error", err))
		}
		return x.clock.Now().Add(longestSleep)
	}
	return next
}

// nextLeave is when something may leave again: it is due, and nothing holds it back. A line that has all the messages on their
// way that it can have isn't counted: the first that ends rings the bell.
func (x *Exchange) nextLeave(ctx context.Context) (next time.Time) {
	now := x.clock.Now()
	for _, name := range x.order {
		l := x.channels[name]
		if _, _, lives := x.claims(l); x.elsewhere(l) || !lives {
			continue
		}
		weight, free := x.limits.room(l, now)
		replies, others := l.slots()
		if weight == 0 && free.IsZero() || replies == 0 {
			l.short.Store(true)
			continue
		}
		free = later(free, l.rests)
		due, err := x.store.NextMessage(ctx, name, classReply)
		if due = x.unlessAway(ctx, due, err); !due.IsZero() {
			if l.vain { // another node's claim looks over by this one's clock: no reason to ask all the time
				due = later(due, now.Add(vainSleep))
			}
			next = earlier(next, later(due, later(free, l.stopped[0])))
		}
		if others == 0 {
			l.short.Store(true)
			continue
		}
		if due, err = x.store.NextMessage(ctx, name, classBroadcast); err != nil {
			continue // it was told
		}
		if !due.IsZero() {
			if l.vain {
				due = later(due, now.Add(vainSleep))
			}
			next = earlier(next, later(due, later(later(free, l.stopped[1]), x.limits.waits(l, now))))
		}
	}
	return next
}

// slots is how many more messages may be on their way, replies and others. Some are kept for replies.
func (l *line) slots() (replies, others int) {
	replies = cap(l.flight) - len(l.flight)
	return replies, max(replies-max(cap(l.flight)/4, 1), 0)
}

// send claims what may leave now and begins to send it; it says whether it claimed anything. sending, when
// given, is waited on by the caller for the deliveries that were begun.
func (x *Exchange) send(ctx context.Context, sending *sync.WaitGroup) bool {
	any := false
	for _, name := range x.order {
		l := x.channels[name]
		if x.sendOn(ctx, name, l, classReply, sending) {
			any = true
		}
		if x.sendOn(ctx, name, l, classBroadcast, sending) {
			any = true
		}
	}
	return any
}

// sendOn claims and begins to send what may leave now on a line, in a class or a more urgent one. No more is claimed than can
// leave, but where what is in front may not leave for its own reasons: then it is looked further, and what is behind put back.
func (x *Exchange) sendOn(ctx context.Context, name string, l *line, class uint8, sending *sync.WaitGroup) bool {
	c, node, lives := x.claims(l)
	if x.elsewhere(l) || !lives {
		return false
	}
	now := x.clock.Now()
	want := store.Want{Channels: []string{name}, Class: class, Node: node}
	replies, others := l.slots()
	want.N = replies
	stopped := l.stopped[0]
	if class > classReply {
		want.N = others
		stopped = later(l.stopped[1], x.limits.waits(l, now))
	}
	var free time.Time
	if want.Weight, free = x.limits.room(l, now); want.Weight == 0 || free.After(now) || want.N == 0 || stopped.After(now) || l.rests.After(now) {
		l.short.Store(l.short.Load() || want.N == 0)
		return false
	}
	if ctx.Err() != nil {
		return false
	}
	if l.sharing() {
		if want.Weight = min(want.Weight, x.grant(ctx, l, name, class, now)); want.Weight == 0 {
			return false
		}
	}
	if !x.work.enter() {
		return false
	}
	defer x.work.leave()
	if len(l.flight) > 0 { // what is behind one of those isn't claimed now, and is due when it has gone
		l.short.Store(true)
	}
	room, slots := want.Weight, want.N
	if l.sift > 0 {
		want.N, want.Weight = max(want.N, l.sift), 0
	}
	claimed, err := x.store.Claim(ctx, want, now, sendLease)
	if err != nil {
		if ctx.Err() == nil {
			x.log.LogAttrs(ctx, slog.LevelError, "the outbox can't be read", slog.String("channel", name), slog.Any("error", err))
		}
		l.rests = now.Add(shortestSleep)
		return false
	}
	if l.vain = len(claimed) == 0; l.vain {
		return false
	}
	leaves, back := x.choose(ctx, l, claimed, now, room, slots)
	if len(leaves) > 0 {
		l.sift = 0
	} else {
		l.sift = min(max(2*l.sift, inFlight), siftAtOnce)
	}
	if len(back) > 0 && !c.over() {
		x.settle(name, back...)
	}
	if len(leaves) == slots {
		l.short.Store(true)
	}
	for _, group := range together(leaves) {
		x.work.join()
		for range group {
			l.flight <- struct{}{}
		}
		if sending != nil {
			sending.Add(1)
		}
		go func() {
			defer func() {
				x.work.leave()
				if sending != nil {
					sending.Done()
				}
			}()
			for i := range group {
				x.deliver(name, l, &group[i], &c)
				<-l.flight
			}
			if l.short.Swap(false) {
				x.outbox.ring() // more may be waiting
			}
		}()
	}
	return len(leaves) > 0 || len(back) > 0
}

// together keeps the messages of one resident together, in the order of the claim: they are sent one after the other. What is
// looked up needn't wait.
func together(all []store.Message) [][]store.Message {
	var groups [][]store.Message
	for _, m := range all {
		i := slices.IndexFunc(groups, func(g []store.Message) bool { return g[0].Resident == m.Resident })
		if i < 0 || m.Unsure {
			groups = append(groups, []store.Message{m})
			continue
		}
		groups[i] = append(groups[i], m)
	}
	return groups
}

// choose says which of the claimed messages leave now, and what becomes of the others.
func (x *Exchange) choose(ctx context.Context, l *line, claimed []store.Message, now time.Time, room, slots int) (leaves []store.Message, back []store.Settled) {
	var anew []store.Resident // those behind wait: of what is sent again the order is kept
	for i := range claimed {
		m := &claimed[i]
		if m.Unsure && l.resend && !asks(l) {
			s := x.anew(l, m)
			s.ID, s.From = m.ID, store.Unsure
			back, anew = append(back, s), append(anew, m.Resident)
			continue
		}
		if m.Unsure { // it is looked up, not sent
			if len(leaves) < slots {
				leaves = append(leaves, *m)
			} else {
				back = append(back, store.Settled{ID: m.ID, State: store.Unsure, Retry: now.Add(shortestSleep)})
			}
			continue
		}
		if len(leaves) >= slots || room <= 0 || slices.Contains(anew, m.Resident) {
			back = append(back, store.Settled{ID: m.ID, State: store.Queued, Retry: m.Due, Forgive: 1})
			continue
		}
		instead, err := x.mayLeave(ctx, l, m, now)
		switch {
		case err != nil:
			x.log.LogAttrs(ctx, slog.LevelError, "whether a message may leave could not be looked up", slog.String("channel", m.Channel), slog.Any("error", err))
			l.rests = now.Add(shortestSleep)
			back = append(back, store.Settled{ID: m.ID, State: store.Queued, Retry: now.Add(shortestSleep), Forgive: 1})
		case instead.State != 0:
			instead.ID = m.ID
			back = append(back, instead)
		default:
			room -= m.Weight
			leaves = append(leaves, *m)
		}
	}
	return leaves, back
}

// deliver sends one claimed message, or looks it up when it may have been sent, and settles it. It doesn't end with the
// worker's context: what was begun is brought to its end, or broken off by Drain, or when others may claim it.
func (x *Exchange) deliver(name string, l *line, m *store.Message, c *claim) {
	patience := sendPatience
	if l.rings() {
		patience = callPatience
	}
	if patience = min(patience, leftUntil(c.until)-settleTime); patience <= 0 || c.over() {
		x.outlived(name)
		return
	}
	ctx, cancel := context.WithTimeout(x.work.cut, patience)
	defer cancel()
	if c.life != nil {
		defer context.AfterFunc(c.life, cancel)()
	}
	way := x.follow(ctx, "push", name)
	s := store.Settled{}
	var page render.Page
	switch err := engine.Decode(m.Body, &page); {
	case err != nil:
		s = store.Settled{State: store.Dead, Code: codeUnreadable}
	case m.Unsure:
		way.stage(stageLook)
		s = x.look(ctx, l, m, &page)
	default:
		way.stage(stageMay)
		if ok, instead := x.mayReply(ctx, m); !ok {
			s = instead
			break
		}
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
		way.stage(stageDeliver)
		began := x.clock.Now()
		receipt, err := l.Deliver(ctx, reached(m), page, hex.EncodeToString(m.ID[:]))
		x.metrics.flow.sent(name, x.clock.Now().Sub(began), err)
		way.stage(stageSettle)
		s = x.judge(l, m, receipt, err)
		x.noted(ctx, l, m, err)
		if err != nil && l.rings() {
			x.notRung(ctx, m, err)
		}
		if errors.Is(err, channels.ErrOptedOut) {
			if err := x.optedOut(context.WithoutCancel(ctx), m.Resident, name); err != nil {
				x.log.LogAttrs(ctx, slog.LevelError, "an opt-out was not kept", slog.String("channel", name), slog.Any("error", err))
			}
		}
	}
	if s.State != store.Sent && c.over() {
		x.outlived(name)
		way.end(stateName(store.Claimed))
		return
	}
	if s.State == store.Dead && l.rings() {
		if err := x.inVain(context.WithoutCancel(ctx), m); err != nil {
			x.log.LogAttrs(ctx, slog.LevelError, "a reminder that nobody answered is not sent as a text", slog.Any("error", err))
		}
	}
	s.ID = m.ID
	if m.Unsure && s.State <= store.Unsure { // whoever has decided meanwhile had better reasons
		s.From = store.Unsure
	}
	way.stage(stageSettle)
	x.settle(name, s)
	way.end(stateName(s.State))
}

// leftUntil is how much is left until a moment, by the clock that nobody sets and by the other: a machine that slept knows it by one of
// them only.
func leftUntil(t time.Time) time.Duration {
	return min(time.Until(t), t.Round(0).Sub(time.Now().Round(0)))
}

// outlived says that a claim is over before its message is settled, as where the machine stood still: other nodes may have looked it up
// meanwhile, or sent it. It is left to whoever claims it next.
func (x *Exchange) outlived(name string) {
	x.log.LogAttrs(context.Background(), slog.LevelWarn, "a message is left to the next who claims it: its claim was over", slog.String("channel", name))
}

// settle records what came of claimed messages. It must not be lost with the worker: without it they would be doubtful for
// nothing.
func (x *Exchange) settle(name string, all ...store.Settled) {
	ctx := context.Background()
	if err := x.store.Settle(ctx, x.clock.Now(), all); err != nil {
		x.log.LogAttrs(ctx, slog.LevelError, "a message was not settled", slog.String("channel", name), slog.Any("error", err))
		return
	}
	for i := range all {
		s := &all[i]
		if s.Forgive > 0 {
			continue // nothing was tried
		}
		x.metrics.settled(name, s.State)
		if s.State == store.Dead && !Dropped(s.Code) || s.State == store.Unsure && s.Retry.IsZero() {
			x.log.LogAttrs(ctx, slog.LevelWarn, "a message waits for a person", slog.String("channel", name), slog.String("state", stateName(s.State)), slog.String("code", s.Code))
		}
	}
}
