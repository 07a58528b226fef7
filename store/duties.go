package store

import (
	"sync"
	"time"
)

// Duties are who has which duty, for a store that one process has to itself: Store.Hold without a database. The zero value is ready.
type Duties struct {
	mu   sync.Mutex
	held map[string]heldDuty
}

type heldDuty struct {
	node  [16]byte
	until time.Time // by the process's own clock, which nobody sets
}

// Hold is Store.Hold.
func (d *Duties) Hold(duty string, node [16]byte, term time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	h, ok := d.held[duty]
	mine := ok && h.node == node
	switch {
	case term <= 0:
		if mine {
			delete(d.held, duty)
		}
		return false
	case ok && !mine && now.Before(h.until):
		return false
	}
	if d.held == nil {
		d.held = make(map[string]heldDuty)
	}
	d.held[duty] = heldDuty{node, now.Add(term)}
	return true
}

// Holds says whether a node has any duty.
func (d *Duties) Holds(node [16]byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.nodes(time.Now())[node]
}

// Nodes is Store.Nodes.
func (d *Duties) Nodes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.nodes(time.Now()))
}

// nodes are those that have a duty; the lock is held.
func (d *Duties) nodes(now time.Time) map[[16]byte]bool {
	all := map[[16]byte]bool{}
	for _, h := range d.held {
		if now.Before(h.until) {
			all[h.node] = true
		}
	}
	return all
}
