// Package redis is what the nodes of one town share and may lose at any moment: whose turn it is, how fast things leave, who
// is there, and a bell. No record lives here. Without the server every method still answers at once, as one node alone would.
package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

const (
	patience = 250 * time.Millisecond // how long the server may take to answer
	beat     = time.Second            // between two signs of life of a node
	gone     = 4 * time.Second        // a node that gave none for so long is not there
	mostLate = 3                      // round trips in a row that take long, however much went out in each: then nobody waits for more of them
)

// Nodes is one node's view of all of them. It is safe for concurrent use.
type Nodes struct {
	client goredis.UniversalClient
	prefix string
	shards bool // the server is a cluster: what is told goes to one shard, not to all
	self   string
	log    *slog.Logger

	patience time.Duration

	count atomic.Int64 // nodes, as known last
	away  atomic.Bool  // the server failed; until it answers a sign of life, nobody else waits for it
	late  atomic.Int32 // answers in a row that came late
	slow  atomic.Bool  // too many did; until a sign of life is answered soon, no turn and no message waits for it
	alone atomic.Bool  // there has been no other node for so long that one would have shown
	since time.Time    // there was none whenever live looked; zero: there was, or nobody knows

	lanes  []*lane
	leases sync.Pool     // of nobody
	tokens atomic.Uint64 // of leases, so far
	odd    sync.Map      // kinds of keys that something else was found at

	beside atomic.Pointer[census] // counts the nodes while the server is away

	stop, cut  context.CancelFunc // of the signs of life; of the lanes
	done, sent sync.WaitGroup
}

// hush keeps the library from writing to the standard error output each time that it can't connect: fell says it once.
var hush = sync.OnceFunc(logging.Disable)

// Open joins the nodes of a town, whose keys begin with the name that it has there. A server that isn't there is no error: it is asked again by and by.
func Open(address, town string, log *slog.Logger) (*Nodes, error) {
	return open(address, town, patience, log)
}

func open(address, town string, patience time.Duration, log *slog.Logger) (*Nodes, error) {
	o, err := parse(address)
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = patience, patience, patience, patience
	hush()
	ctx, stop := context.WithCancel(context.Background())
	lanes, cut := context.WithCancel(context.Background())
	n := &Nodes{client: goredis.NewUniversalClient(o), prefix: "townline:" + town + ":", shards: o.IsClusterMode, self: rand.Text(), log: log, patience: patience, stop: stop, cut: cut}
	n.leases.New = func() any { return n.newLease() }
	n.count.Store(1)
	n.lanes = make([]*lane, 1)
	if n.shards {
		n.lanes = make([]*lane, lanesOfMany)
	}
	for i := range n.lanes {
		a := &lane{nodes: n, wake: make(chan struct{}, 1)}
		n.lanes[i] = a
		n.sent.Go(func() { a.run(lanes) })
	}
	n.live(ctx)
	n.done.Go(func() {
		t := time.NewTicker(beat)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				n.live(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
	return n, nil
}

// Close gives back the leases that were to be, and takes the node off the list. What is still held then runs out by itself.
func (n *Nodes) Close() error {
	n.stop()
	n.done.Wait()
	for _, a := range n.lanes {
		a.end()
	}
	enough := time.AfterFunc(n.patience, n.cut)
	n.sent.Wait()
	enough.Stop()
	n.cut()
	if !n.Away() {
		ctx, cancel := context.WithTimeout(context.Background(), n.patience)
		defer cancel()
		_ = n.client.ZRem(ctx, n.prefix+"nodes", n.self).Err() // it would be forgotten anyway
	}
	if err := n.client.Close(); err != nil {
		return fmt.Errorf("redis: close: %w", err)
	}
	return nil
}

// Count is how many nodes there are, as known last: 1 at least.
func (n *Nodes) Count() int { return int(n.count.Load()) }

// CountBy tells who counts the nodes while the server is away, so that they divide their rates among as many as there are also where one
// of them began without it. This node itself isn't among those yet.
func (n *Nodes) CountBy(ctx context.Context, elsewhere func(context.Context) (int, error)) {
	if n.Away() {
		n.ask(ctx, elsewhere, 1)
	}
	n.beside.Store(&census{count: elsewhere, asked: time.Now()})
}

// census counts the nodes without the server.
type census struct {
	count func(context.Context) (int, error)
	asked time.Time // last
}

// ask takes over how many nodes there are by another's count, and so many more.
func (n *Nodes) ask(ctx context.Context, elsewhere func(context.Context) (int, error), more int) {
	ctx, cancel := context.WithTimeout(ctx, beat)
	defer cancel()
	count, err := elsewhere(ctx)
	if err == nil {
		n.count.Store(int64(max(count+more, 1)))
	}
}

// Away says that the server doesn't answer.
func (n *Nodes) Away() bool { return n.away.Load() }

// alive notes this node, forgets those that gave no sign, and counts the rest.
var alive = goredis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])`)

func (n *Nodes) live(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, n.patience)
	defer cancel()
	began := time.Now()
	count, err := alive.Run(within, n.client, []string{n.prefix + "nodes"}, n.self, gone.Milliseconds()).Int64()
	n.sees(began, count, err == nil)
	if err != nil && !n.failed(ctx, "nodes", err) {
		if c := n.beside.Load(); c != nil && n.Away() && began.Sub(c.asked) >= gone {
			c.asked = began
			n.ask(ctx, c.count, 0)
		}
		return
	}
	if time.Since(began) < n.patience/6 {
		n.late.Store(0)
		if n.slow.Swap(false) {
			n.log.Info("redis answers soon again")
		}
	}
	if n.away.Swap(false) {
		n.log.Info("redis answers")
		for _, a := range n.lanes {
			a.look()
		}
	}
}

// sees notes how many nodes there are, and whether this one is alone: only after as long as any other takes to give a sign, of which
// none was missed, for a server that begins empty has forgotten the others. Who can't be counted may be there.
func (n *Nodes) sees(now time.Time, count int64, known bool) {
	switch {
	case !known || count > 1:
		n.since = time.Time{}
	case n.since.IsZero():
		n.since = now
	}
	n.alone.Store(!n.since.IsZero() && now.Sub(n.since) >= gone)
	if known {
		n.count.Store(max(count, 1))
	}
}

// failed notes what a command about that kind of key came to. true: something else lies there that isn't ours, and the server is well.
func (n *Nodes) failed(ctx context.Context, kind string, err error) (odd bool) {
	if !strings.Contains(err.Error(), "WRONGTYPE") { // within a script's own error, of an older server
		n.fell(ctx, err)
		return false
	}
	if _, told := n.odd.LoadOrStore(kind, true); !told {
		n.log.Warn("redis has something else where this town keeps its own: what these keys are for, each node does by itself", "keys", n.prefix+kind)
	}
	return true
}

// fell notes that the server failed, unless it is who asked that gave up.
func (n *Nodes) fell(ctx context.Context, err error) {
	deadline, ends := ctx.Deadline() // a connection sees that it has passed before ctx says so
	if ctx.Err() != nil || ends && !time.Now().Before(deadline) {
		return
	}
	if !n.away.Swap(true) {
		n.log.Warn("redis doesn't answer: each node goes on by itself", "error", err)
	}
}

// took notes how long a round trip took.
func (n *Nodes) took(long time.Duration) {
	switch {
	case long < n.patience/3:
		n.late.Store(0)
	case n.late.Add(1) >= mostLate && !n.slow.Swap(true):
		n.log.Warn("redis answers late: each node goes on by itself")
	}
}

var errAway = errors.New("redis: away")

// tell asks for what no turn waits for, however long it takes; not where the server is away.
func (n *Nodes) tell(ctx context.Context, kind string, do func(context.Context) error) error {
	if n.Away() {
		return errAway
	}
	within, cancel := context.WithTimeout(ctx, n.patience)
	defer cancel()
	err := do(within)
	if err != nil && !errors.Is(err, goredis.Nil) {
		n.failed(ctx, kind, err)
	}
	return err
}

// run asks a script about a key of that kind, unless the server is away, or so slow that whoever waits for it loses more than it saves.
func (n *Nodes) run(ctx context.Context, s *goredis.Script, kind, name string, args ...any) (v any, err error) {
	if n.slow.Load() {
		return nil, errAway
	}
	began := time.Now()
	err = n.tell(ctx, kind, func(ctx context.Context) error {
		v, err = s.Run(ctx, n.client, []string{n.prefix + kind + ":" + name}, args...).Result()
		return err
	})
	n.took(time.Since(began))
	return v, err
}
