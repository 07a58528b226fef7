package twilio

import (
	"sync"
	"time"
)

// Attempt is a push that was begun.
type Attempt struct {
	To, Text string
	Since    time.Time
	Receipt  string // once known
}

// Recent remembers the latest pushes by their keys, so that one in doubt can be looked up. It is a help, not a record:
// what it forgot, Find of the channel finds from what the outbox keeps. The zero value is ready; it is safe for concurrent use.
type Recent struct {
	mu    sync.Mutex
	by    map[string]Attempt
	order []string
	next  int
}

// mostRecent pushes are remembered, about half a megabyte of them.
const mostRecent = 2048

// Started notes that a push is tried. The time of the first try stays.
func (r *Recent) Started(key string, a Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if old, ok := r.by[key]; ok {
		a.Since, a.Receipt = old.Since, old.Receipt // the first try may have got through
	}
	r.put(key, a)
}

// Settled notes the receipt of a push.
func (r *Recent) Settled(key, receipt string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.by[key]
	a.Receipt = receipt
	r.put(key, a)
}

func (r *Recent) put(key string, a Attempt) {
	if r.by == nil {
		r.by = make(map[string]Attempt)
	}
	if _, ok := r.by[key]; !ok {
		if len(r.order) < mostRecent {
			r.order = append(r.order, key)
		} else {
			delete(r.by, r.order[r.next])
			r.order[r.next] = key
			r.next = (r.next + 1) % mostRecent
		}
	}
	r.by[key] = a
}

// Get returns what is known of a push.
func (r *Recent) Get(key string) (Attempt, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.by[key]
	return a, ok
}

// Other says whether a receipt belongs to another push than key's.
func (r *Recent) Other(key, receipt string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, a := range r.by {
		if a.Receipt == receipt && k != key {
			return true
		}
	}
	return false
}
