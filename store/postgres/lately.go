package postgres

import (
	"sync"

	"github.com/townline/townline/store"
)

// lately remembers at which versions this node left rows, or is about to. A turn that was computed from another one would stop those
// beside it, so what is in its way is looked at first. It may be wrong: then that look was in vain, or the write itself says so. Two
// halves of a map, as the keyring.
type lately struct {
	mu           sync.Mutex
	newer, older map[store.Resident]uint64
}

const latelyHalf = 8192

// sort says of each turn whether it may be written without a look.
func (l *lately) sort(batch []*job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, j := range batch {
		c := j.turn.change
		at, known := l.newer[c.Resident]
		if !known {
			at, known = l.older[c.Resident]
		}
		if known && at > c.Read { // one further on was written by another node, and read
			j.turn.plain = false
			continue
		}
		if l.newer == nil || len(l.newer) >= latelyHalf {
			l.older, l.newer = l.newer, make(map[store.Resident]uint64, latelyHalf)
		}
		l.newer[c.Resident] = c.Read + 1
	}
}
