package smpp

import (
	"sync"
	"time"
)

// recent knows what was added within the last second or so.
type recent struct {
	mu       sync.Mutex
	turned   time.Time
	now, old map[string]struct{}
}

const recentSpan = time.Second

func (r *recent) add(id string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn(at)
	r.now[id] = struct{}{}
}

func (r *recent) has(id string, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn(at)
	_, now := r.now[id]
	_, old := r.old[id]
	return now || old
}

func (r *recent) turn(at time.Time) {
	switch since := at.Sub(r.turned); {
	case r.now == nil || since >= 2*recentSpan:
		r.now, r.old, r.turned = map[string]struct{}{}, nil, at
	case since >= recentSpan:
		r.now, r.old, r.turned = map[string]struct{}{}, r.now, at
	}
}
