package redistest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/townline/townline/store/redis"
)

// Leases are those of one node, for tests in a bubble of testing/synctest too: the node is outside of all of them, in real time. Where
// somebody in a bubble waits for it, the bubble's time stands still.
type Leases struct {
	nodes *redis.Nodes
	idle  chan hand
}

// hand does one thing at a time, outside.
type hand struct {
	do   chan func()
	done chan struct{}
}

// hands are enough for all that tests do at once.
const hands = 16

// Join has several nodes join, and returns once each knows of all: one that is alone asks for no lease. It is called outside of every
// bubble.
func (s *Server) Join(n int) (all []*Leases, err error) {
	for range n {
		l, err := s.join()
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-look.C {
		if !slices.ContainsFunc(all, func(l *Leases) bool { return l.nodes.Count() != n }) {
			return all, nil
		}
	}
	return nil, fmt.Errorf("%d nodes don't know of each other after 30 s", n)
}

func (s *Server) join() (*Leases, error) {
	n, err := redis.Open(s.Address(), "elmwood", nil)
	if err != nil {
		return nil, err
	}
	l := &Leases{n, make(chan hand, hands)}
	for range hands {
		h := hand{make(chan func()), make(chan struct{})}
		go func() {
			for f := range h.do {
				f()
				h.done <- struct{}{}
			}
		}()
		l.idle <- h
	}
	return l, nil
}

// Lease: see redis.Nodes. What is in a bubble can't be waited for outside, so the context doesn't count: it takes two seconds at most.
func (l *Leases) Lease(_ context.Context, resident [16]byte) (give func(), free bool) {
	var back func()
	l.outside(func() { back, free = l.nodes.Lease(context.Background(), resident) })
	return func() { l.outside(back) }, free
}

func (l *Leases) outside(do func()) {
	h := <-l.idle
	h.do <- do
	<-h.done
	l.idle <- h
}

// Close has the node leave. It tells where the server was away meanwhile at the end: what was tried then was tried without it.
func (l *Leases) Close() error {
	for range hands {
		close((<-l.idle).do)
	}
	away := l.nodes.Away()
	if err := l.nodes.Close(); err != nil {
		return err
	}
	if away {
		return errors.New("the Redis server went away, and the node was by itself")
	}
	return nil
}
