package redis

import (
	"context"
	"errors"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	mostTogether = 128  // leases that go out together
	mostAsked    = 4096 // that wait to go out: turns beyond it go on without. What is given back always finds room
	lanesOfMany  = 16   // to a Cluster
)

// lane is the way to the server of some leases. What is asked for and given back while it waits for an answer goes out together when
// that has come, in the order in which it came: so who is next here finds given back what was given back before.
type lane struct {
	nodes *Nodes
	wake  chan struct{} // holds one token when the lane is to look

	mu    sync.Mutex
	queue []*lease
	idle  bool
	ended bool

	batch []*lease // of go alone
	sent  []goredis.Cmder
}

// laneOf is where a key's leases go out. In a Cluster slots that lie together go together, as far as a shard has them: one that is slow
// or dead holds up few of the others'.
func (n *Nodes) laneOf(key []byte) *lane {
	if len(n.lanes) == 1 {
		return n.lanes[0]
	}
	return n.lanes[slot(key)*len(n.lanes)/slots]
}

// add queues what a lease asks for; false: there is no room, or no lane any more.
func (a *lane) add(l *lease) bool {
	a.mu.Lock()
	if a.ended || l.errand != giving && len(a.queue) >= mostAsked {
		a.mu.Unlock()
		return false
	}
	a.queue = append(a.queue, l)
	idle := a.idle
	a.idle = false
	a.mu.Unlock()
	if idle {
		a.look()
	}
	return true
}

// look wakes the lane.
func (a *lane) look() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// end has the lane send what it has, and no more.
func (a *lane) end() {
	a.mu.Lock()
	a.ended = true
	a.mu.Unlock()
	a.look()
}

// run sends whatever queued during its last round trip, until the lane ends or ctx does.
func (a *lane) run(ctx context.Context) {
	for ctx.Err() == nil {
		if a.gather(); len(a.batch) > 0 {
			a.round(ctx)
			continue
		}
		a.mu.Lock()
		ended := a.ended
		a.mu.Unlock()
		if ended {
			return
		}
		select {
		case <-a.wake:
		case <-ctx.Done():
			return
		}
	}
}

// gather takes from the queue what goes out next. While the server is away nobody waits for it, and what is given back waits until it
// answers, or the lease has run out by itself.
func (a *lane) gather() {
	a.batch = a.batch[:0]
	away, now := a.nodes.Away(), time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	rest := a.queue[:0]
	for _, l := range a.queue {
		switch {
		case l.errand == giving && now.Sub(l.at) > leaseLasts, l.where.Load() == left:
			l.over()
		case away && l.errand != giving:
			l.answer(without)
		case away || len(a.batch) == mostTogether:
			rest = append(rest, l)
		default:
			a.batch = append(a.batch, l)
		}
	}
	clear(a.queue[len(rest):])
	a.queue = rest
	a.idle = len(a.batch) == 0
}

// round is a round trip of all that was gathered.
func (a *lane) round(ctx context.Context) {
	a.sent = a.sent[:0]
	for _, l := range a.batch {
		a.sent = append(a.sent, l.sent[l.errand])
	}
	a.send(ctx, a.sent)
	var news []goredis.Cmder // to a server that has forgotten the scripts, or never had them
	for i, l := range a.batch {
		if goredis.HasErrorPrefix(a.sent[i].Err(), "NOSCRIPT") {
			a.sent[i] = l.whole()
			news = append(news, a.sent[i])
		}
	}
	if len(news) > 0 {
		a.send(ctx, news)
	}
	for i, l := range a.batch {
		a.settle(ctx, l, a.sent[i])
		a.batch[i], a.sent[i] = nil, nil
	}
}

func (a *lane) send(ctx context.Context, all []goredis.Cmder) {
	within, cancel := context.WithTimeout(ctx, a.nodes.patience)
	defer cancel()
	began := time.Now()
	p := a.nodes.client.Pipeline()
	_ = p.BatchProcess(within, all...)
	_, _ = p.Exec(within) // each has an error of its own
	a.nodes.took(time.Since(began))
}

// settle says what came of a lease's command. Where nobody knows whether the server did it, or it refused to take a lease back, that is
// given back once it answers: else it would hold up the resident's next turn.
func (a *lane) settle(ctx context.Context, l *lease, sent goredis.Cmder) {
	err := sent.Err()
	v, unsure := busy, false
	switch one, _ := sent.(*goredis.IntCmd); {
	case err == nil && (one == nil && sent.(*goredis.BoolCmd).Val() || one != nil && one.Val() == 1):
		v = taken
	case err != nil:
		var refused goredis.Error
		v, unsure = without, !a.nodes.failed(ctx, "turn", err) && (l.errand == giving || !errors.As(err, &refused))
	}
	switch {
	case l.errand != giving:
		if unsure {
			a.add(l.twin())
		}
		l.answer(v)
	case unsure:
		a.add(l)
	default:
		l.over()
	}
}

const slots = 16384 // of a Cluster

// slot is where a Cluster has a key of ours: CRC-16/XMODEM.
func slot(key []byte) int {
	var sum uint16
	for _, b := range key {
		sum ^= uint16(b) << 8
		for range 8 {
			if sum&0x8000 != 0 {
				sum = sum<<1 ^ 0x1021
			} else {
				sum <<= 1
			}
		}
	}
	return int(sum) % slots
}
