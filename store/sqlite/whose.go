package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/townline/townline/store"
)

// whose remembers whom addresses belong to. Whoever is in the middle of a conversation is then met without a look at the disk: recent has their
// row. Nothing is remembered while an address moves, from before that is committed until it is known here, so that what is put
// together from both is of one moment. Another process's moves show as a Conflict, as its rows do. Two halves, as in keyring.
type whose struct {
	mu           sync.Mutex
	epoch        uint64
	moving       bool
	newer, older map[store.AddressKey]store.Resident
}

// 2 × 2,048 of 32 bytes.
const whoseHalf = 2048

// get returns whose an address is, if that is known, and the epoch to hand to still and put.
func (w *whose) get(a store.AddressKey) (r store.Resident, known bool, epoch uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r, known = w.newer[a]; !known {
		r, known = w.older[a]
	}
	return r, known, w.epoch
}

// still says whether no address has moved, or is about to, since epoch.
func (w *whose) still(epoch uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.moving && w.epoch == epoch
}

// put keeps what was read since epoch.
func (w *whose) put(a store.AddressKey, r store.Resident, epoch uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.moving || w.epoch != epoch {
		return
	}
	if w.newer == nil || len(w.newer) >= whoseHalf {
		w.older, w.newer = w.newer, make(map[store.AddressKey]store.Resident)
	}
	w.newer[a] = r
}

// linked keeps what a first turn linked, where nothing has moved since epoch.
func (w *whose) linked(c *store.Change, epoch uint64) {
	for i := range c.Link {
		w.put(c.Link[i].Key, c.Resident, epoch)
	}
}

// move is called before addresses move, and once it is known here that they have.
func (w *whose) move(moving bool) {
	w.forget()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.moving = moving
}

// forget is for when another process may have written.
func (w *whose) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.epoch++
	clear(w.newer)
	clear(w.older)
}

// moves says whether a batch may take an address from somebody.
func moves(batch []*job) bool {
	for _, j := range batch {
		if j.do != nil && j.then != nil { // an erasure
			return true
		}
		if c := j.turn.change; j.do == nil && c != nil && (len(c.Unlink) > 0 || c.Newcomer != nil || c.Merged != nil) {
			return true
		}
	}
	return false
}

// Meet: see store.Store.
func (s *Store) Meet(ctx context.Context, a store.AddressKey) (store.Conversation, bool, error) {
	r, known, epoch := s.whose.get(a)
	if known {
		c := store.Conversation{Resident: r}
		key, _ := s.keys.get(r)
		if row := s.recent.get(r); row != nil && key != nil && s.whose.still(epoch) && !s.closed.Load() && row.fill(&c, key) == nil {
			return c, true, nil
		}
	}
	keys := s.keys.now()
	w := &wanted{address: &a, both: true}
	err := s.fetch(ctx, w)
	c := store.Conversation{Resident: w.resident}
	if err == nil && w.version > 0 {
		err = s.openMet(&c, w, keys)
		s.recent.noteRead(w.resident, w.version, w.answered)
	}
	if err != nil {
		return store.Conversation{}, false, fmt.Errorf("store: meet: %w", err)
	}
	if w.found {
		s.whose.put(a, w.resident, epoch)
	}
	return c, w.found, nil
}

func (s *Store) openMet(c *store.Conversation, w *wanted, keys uint64) error {
	if key, _ := s.keys.get(w.resident); key != nil && openRow(c, w.version, w.answered, bytes.Clone(w.state), key) == nil {
		return nil
	}
	key, err := s.secrets.Unwrap(w.resident, w.wrapped)
	if err != nil {
		return err
	}
	s.keys.put(w.resident, key, keys)
	return openRow(c, w.version, w.answered, w.state, key)
}
