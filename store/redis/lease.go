package redis

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	leaseLasts = 10 * time.Second // longer than a turn takes
	leaseWait  = 2 * time.Second  // then a turn goes on without
	firstLook  = 2 * time.Millisecond
	lastLook   = 50 * time.Millisecond
)

// What a lease asks for.
type errand byte

const (
	taking errand = iota
	again         // what was somebody else's when it was asked for last
	giving
)

// scripts are what goes out as a script. SET says that there is something, and not whether that is a lease: looking again fails where
// it isn't. A lease is deleted only where it is still one's own.
var scripts = [...]string{again: `
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
redis.call('GET', KEYS[1])
return 0`, giving: `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`}

var lookAgain, giveBack = goredis.NewScript(scripts[again]), goredis.NewScript(scripts[giving])

// What comes of asking for one.
type verdict byte

const (
	taken   verdict = iota
	busy            // somebody else has it
	without         // it isn't known, nor waited for
)

// Where a lease is while it is asked for.
const (
	asked    int32 = iota
	answered       // there is a verdict in done
	left           // nobody waits any more: it is its lane's
	kept
	given
)

// lease is the turn of one resident, from when it is asked for until it is given back. Its commands are made once and go out many
// times: key and token stand in them.
type lease struct {
	nodes  *Nodes
	lane   *lane
	key    []byte
	token  []byte
	errand errand
	sent   [giving + 1]goredis.Cmder
	at     time.Time // when it was asked for
	where  atomic.Int32
	done   chan verdict
	timer  *time.Timer
	give   func()
}

func (n *Nodes) newLease() *lease {
	l := &lease{nodes: n, key: make([]byte, len(n.prefix)+len("turn:")+32), token: make([]byte, len(n.self)+8), done: make(chan verdict, 1), timer: time.NewTimer(time.Hour)}
	l.timer.Stop()
	copy(l.key, n.prefix+"turn:")
	copy(l.token, n.self)
	key, token, ctx := any(l.key), any(l.token), context.Background()
	l.sent = [...]goredis.Cmder{
		taking: goredis.NewBoolCmd(ctx, "set", key, token, "px", leaseLasts.Milliseconds(), "nx"),
		again:  goredis.NewIntCmd(ctx, "evalsha", lookAgain.Hash(), 1, key, token, leaseLasts.Milliseconds()),
		giving: goredis.NewIntCmd(ctx, "evalsha", giveBack.Hash(), 1, key, token),
	}
	l.give = func() {
		if l.where.CompareAndSwap(kept, given) {
			l.errand = giving
			l.lane.add(l)
		}
	}
	return l
}

// leaseOf is a lease that nobody has.
func (n *Nodes) leaseOf(resident [16]byte) *lease {
	l := n.leases.Get().(*lease)
	hex.Encode(l.key[len(l.key)-32:], resident[:])
	binary.BigEndian.PutUint64(l.token[len(n.self):], n.tokens.Add(1))
	l.lane, l.at = n.laneOf(l.key), time.Now()
	return l
}

// over says that nobody has a lease any more.
func (l *lease) over() {
	if !l.nodes.shards { // the library remembers in a command which shard it went to
		l.nodes.leases.Put(l)
	}
}

// twin is the same lease, to be given back by somebody else.
func (l *lease) twin() *lease {
	t := l.nodes.newLease()
	copy(t.key, l.key)
	copy(t.token, l.token)
	t.lane, t.at, t.errand = l.lane, l.at, giving
	t.where.Store(given)
	return t
}

// whole is the same command with its script in it.
func (l *lease) whole() goredis.Cmder {
	args := slices.Clone(l.sent[l.errand].Args())
	args[0], args[1] = "eval", scripts[l.errand]
	return goredis.NewIntCmd(context.Background(), args...)
}

var nothing = func() {}

// Lease waits until no other node holds this resident's turn, and returns what gives it back. It saves a retry and promises
// nothing: after a while, or without the server, the turn goes on all the same, and the version in the store refuses one of two.
//
// So a node that has been alone for a while asks nobody. One that joins is known within a beat, and what both step until then costs a
// retry, as without the server.
//
// It is free where the turn was there at once: nobody is known to have had it when it was asked for.
func (n *Nodes) Lease(ctx context.Context, resident [16]byte) (give func(), free bool) {
	if n.alone.Load() || n.slow.Load() || n.Away() {
		return nothing, true
	}
	l := n.leaseOf(resident)
	began, look := l.at, firstLook
	for errand := taking; ; errand = again {
		switch v, mine := l.ask(ctx, errand); {
		case !mine:
			return nothing, false
		case v == taken:
			l.where.Store(kept)
			return l.give, errand == taking
		case v == without, time.Since(began) > leaseWait:
			l.over()
			return nothing, false
		}
		l.timer.Reset(look/2 + rand.N(look/2+1))
		select {
		case <-l.timer.C:
		case <-ctx.Done():
			l.timer.Stop()
			l.over()
			return nothing, false
		}
		look = min(2*look, lastLook)
		l.at = time.Now()
	}
}

// ask waits for the verdict, no longer than the server may take, nor than ctx. If it isn't mine any more, its lane has it.
func (l *lease) ask(ctx context.Context, e errand) (v verdict, mine bool) {
	l.errand = e
	l.where.Store(asked)
	if !l.lane.add(l) {
		return without, true
	}
	l.timer.Reset(l.nodes.patience)
	select {
	case v = <-l.done:
		l.timer.Stop()
		return v, true
	case <-l.timer.C:
	case <-ctx.Done():
		l.timer.Stop()
	}
	if l.where.CompareAndSwap(asked, left) {
		return without, false
	}
	return <-l.done, true
}

// answer tells whoever asked. What nobody waits for any more is given back.
func (l *lease) answer(v verdict) {
	switch {
	case l.where.CompareAndSwap(asked, answered):
		l.done <- v
	case v == taken:
		l.where.Store(given)
		l.errand = giving
		l.lane.add(l)
	default:
		l.over()
	}
}
