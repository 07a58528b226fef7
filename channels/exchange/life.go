package exchange

import (
	"context"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"
)

// A node that lives has a duty of its own, by which the others know. What it has claimed when it dies is doubtful once its term is over, and
// holds nobody up until the claim is. A node that can't keep it stops sending before that.

const (
	// lifeTerm is long enough for a database that fails over.
	lifeTerm    = 30 * time.Second
	reclaimEach = 5 * time.Second
	lifePrefix  = "node "
)

// life is the time for which this node is known to live.
type life struct {
	mu    sync.Mutex
	lasts context.Context // until it can't be kept; nil: this node isn't known
}

func (l *life) begin(lasts context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lasts = lasts
}

// end says that the node isn't known any more.
func (l *life) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lasts = nil
}

// claim is what messages are sent under: until it is over they are this node's.
type claim struct {
	until time.Time       // when others may claim them
	life  context.Context // ends when this node isn't known to live any more; nil: nobody asks
	lives func() bool     // also in a process that was frozen a moment ago
}

// over says whether others may have claimed what was claimed.
func (c *claim) over() bool {
	return leftUntil(c.until) <= 0 || c.life != nil && (c.life.Err() != nil || !c.lives())
}

// claims is what is claimed on a line from now on, and by whom; ok is false while this node may not. Where there are no other nodes nobody
// asks, nor who has a call: it goes on at the provider's, whatever becomes of the node.
func (x *Exchange) claims(l *line) (c claim, node [16]byte, ok bool) {
	c = claim{until: time.Now().Add(sendLease)}
	if x.nodes.poll <= 0 || l.rings() {
		return c, node, true
	}
	duty := lifeDuty(x.nodes.id)
	x.life.mu.Lock()
	c.life, c.lives = x.life.lasts, func() bool { return x.nodes.duties.has(duty) }
	x.life.mu.Unlock()
	return c, x.nodes.id, c.life != nil && c.lives()
}

// lives keeps this node's life known until ctx ends or the town closes, and nothing is being sent any more. Meanwhile it takes back what
// nodes had claimed that died, if it is the one that keeps the time.
func (x *Exchange) lives(ctx context.Context) {
	ended := make(chan struct{})
	asking, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go func() {
		defer close(ended)
		defer stop()
		select {
		case <-ctx.Done():
			x.stillSending()
		case <-x.work.idle:
		}
	}()
	duty, told := lifeDuty(x.nodes.id), false
	for {
		until, held, err := x.ask(asking, duty, lifeTerm, time.Now().Add(lifeTerm))
		switch {
		case held && time.Now().Before(until):
			told = false
			x.hold(context.WithoutCancel(ctx), duty, lifeTerm, until, func(lasts context.Context) {
				x.life.begin(lasts)
				defer x.life.end()
				x.outbox.ring()
				x.reclaims(lasts, ended)
			})
		case err != nil && asking.Err() == nil && !told:
			told = true
			x.log.LogAttrs(ctx, slog.LevelError, "this node can't say that it lives: it sends nothing until it can", slog.Any("error", err))
		}
		wait := time.NewTimer(dutyBeat)
		select {
		case <-wait.C:
		case <-ended:
			wait.Stop()
			return
		}
	}
}

// stillSending waits until nothing is being sent.
func (x *Exchange) stillSending() {
	for {
		busy := false
		for _, l := range x.channels {
			busy = busy || len(l.flight) > 0
		}
		if !busy {
			return
		}
		select {
		case <-time.After(dutyBeat):
		case <-x.work.idle:
			return
		}
	}
}

// reclaims takes back what dead nodes had claimed, now and then.
func (x *Exchange) reclaims(ctx context.Context, ended <-chan struct{}) {
	each := time.NewTicker(reclaimEach)
	defer each.Stop()
	for {
		select {
		case <-each.C:
			if x.nodes.duties.has(timersDuty) {
				x.reclaim(ctx)
			}
		case <-ctx.Done():
			return
		case <-ended:
			return
		}
	}
}

// reclaim makes doubtful what nodes had claimed that died. A provider that can be asked knows of it a little later.
func (x *Exchange) reclaim(ctx context.Context) {
	var asked, others []string
	for _, name := range x.order {
		switch l := x.channels[name]; {
		case l.rings():
		case asks(l):
			asked = append(asked, name)
		default:
			others = append(others, name)
		}
	}
	now, all := x.clock.Now(), 0
	for _, of := range []struct {
		channels []string
		from     time.Time
	}{{asked, now.Add(firstLook)}, {others, now}} {
		if len(of.channels) == 0 {
			continue
		}
		n, err := x.store.Reclaim(ctx, of.channels, of.from)
		if err != nil {
			if ctx.Err() == nil {
				x.log.LogAttrs(ctx, slog.LevelError, "what another server was sending when it died waits until its claims are over", slog.Any("error", err))
			}
			return
		}
		all += n
	}
	if all == 0 {
		return
	}
	x.log.LogAttrs(ctx, slog.LevelInfo, "what another server was sending when it died is doubtful", slog.Int("messages", all))
	x.outbox.ring()
	x.nodes.tell(bellOutbox)
}

// lifeDuty is the duty that a node has as long as it lives.
func lifeDuty(node [16]byte) string { return lifePrefix + hex.EncodeToString(node[:4]) }
