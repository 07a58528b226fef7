// Package redis is what the nodes of one town share and may lose at any moment: whose turn it is, how fast things leave, who
// is there, and a bell. No record lives here. Without the server every method still answers at once, as one node alone would.
package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
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
	mostLate = 3                      // answers in a row that come late: then nobody waits for more of them
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

	stop context.CancelFunc
	done sync.WaitGroup
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
	n := &Nodes{client: goredis.NewUniversalClient(o), prefix: "townline:" + town + ":", shards: o.IsClusterMode, self: rand.Text(), log: log, patience: patience, stop: stop}
	n.count.Store(1)
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

// Close takes the node off the list. What it had taken is given back by itself.
func (n *Nodes) Close() error {
	n.stop()
	n.done.Wait()
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
	if err != nil {
		n.fell(ctx, err)
		return
	}
	n.count.Store(max(count, 1))
	if time.Since(began) < n.patience/6 {
		n.late.Store(0)
		if n.slow.Swap(false) {
			n.log.Info("redis answers soon again")
		}
	}
	if n.away.Swap(false) {
		n.log.Info("redis answers")
	}
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

var errAway = errors.New("redis: away")

// ask asks the server, unless it is away, or so slow that whoever waits for it loses more than it saves.
func (n *Nodes) ask(ctx context.Context, do func(context.Context) error) error {
	if n.slow.Load() {
		return errAway
	}
	began := time.Now()
	err := n.tell(ctx, do)
	switch {
	case time.Since(began) < n.patience/3:
		n.late.Store(0)
	case n.late.Add(1) >= mostLate && !n.slow.Swap(true):
		n.log.Warn("redis answers late: each node goes on by itself")
	}
	return err
}

// tell asks for what no turn waits for, however long it takes; not where the server is away.
func (n *Nodes) tell(ctx context.Context, do func(context.Context) error) error {
	if n.Away() {
		return errAway
	}
	within, cancel := context.WithTimeout(ctx, n.patience)
	defer cancel()
	err := do(within)
	if err != nil && !errors.Is(err, goredis.Nil) {
		n.fell(ctx, err)
	}
	return err
}

func (n *Nodes) run(ctx context.Context, s *goredis.Script, key string, args ...any) (v any, err error) {
	err = n.ask(ctx, func(ctx context.Context) error {
		v, err = s.Run(ctx, n.client, []string{n.prefix + key}, args...).Result()
		return err
	})
	return v, err
}
