package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

const (
	// loaderCount is how many reads may be under way at once.
	loaderCount = 2
	// loadMost is how long one read is tried.
	loadMost = 10 * time.Second
)

const selectRows = `SELECT c.resident, c.version, c.answered, c.state, d.id, d.wrapped FROM conversation c LEFT JOIN resident_key d USING(resident)
	WHERE c.resident = ANY($1)`

// wanted is a row that somebody waits for. It is as it was read once done says so.
type wanted struct {
	resident        store.Resident
	version         uint64
	answered, state []byte
	id              *int64
	key             []byte // wrapped
	err             error
	done            chan struct{}
}

// Load: see store.Store. What is asked for while others are being read is read together.
func (s *Store) Load(ctx context.Context, r store.Resident) (store.Conversation, error) {
	c := store.Conversation{Resident: r}
	w := &wanted{resident: r, done: make(chan struct{})}
	s.closing.RLock()
	if s.closed.Load() {
		s.closing.RUnlock()
		return c, errClosed
	}
	select {
	case s.wanted <- w:
		s.closing.RUnlock()
	case <-ctx.Done():
		s.closing.RUnlock()
		return c, ctx.Err()
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		return c, ctx.Err()
	}
	err := w.err
	if err == nil && w.version > 0 {
		err = s.fill(&c, w)
	}
	if err != nil {
		return store.Conversation{}, fmt.Errorf("store: load: %w", err)
	}
	return c, nil
}

func (s *Store) fill(c *store.Conversation, w *wanted) error {
	key, err := s.open(w.resident, w.id, w.key)
	if err != nil {
		return err
	}
	if key == nil {
		return errors.New("a row has no key: were the keys of a copy put back with it?")
	}
	if c.State, err = key.Open(w.state, sealing.UseState); err != nil {
		return err
	}
	c.Version = w.version
	c.Answered = make([]store.Inbound, len(w.answered)/answeredSize)
	for i := range c.Answered {
		copy(c.Answered[i][:], w.answered[i*answeredSize:])
	}
	return nil
}

// loads reads whatever was asked for during its last read.
func (s *Store) loads() {
	for w := range s.wanted {
		all := map[[16]byte][]*wanted{w.resident: {w}}
		ids := [][16]byte{w.resident}
	fill:
		for len(ids) < maxBatch {
			select {
			case w, ok := <-s.wanted:
				if !ok {
					break fill
				}
				if all[w.resident] == nil {
					ids = append(ids, w.resident)
				}
				all[w.resident] = append(all[w.resident], w)
			default:
				break fill
			}
		}
		err := s.readRows(ids, all)
		for _, same := range all {
			for _, w := range same {
				w.err = err
				close(w.done)
			}
		}
	}
}

func (s *Store) readRows(ids [][16]byte, all map[[16]byte][]*wanted) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), loadMost)
	defer cancel()
	for n := 1; ; n++ {
		err = each(ctx, s.pool, func(r pgx.Rows) error {
			var who [16]byte
			var version uint64
			var answered, state, key []byte
			var id *int64
			if err := r.Scan(&who, &version, &answered, &state, &id, &key); err != nil {
				return err
			}
			for n, w := range all[who] {
				w.version, w.answered, w.state, w.id, w.key = version, answered, state, id, key
				if n > 0 { // they are opened in place
					w.state, w.key = bytes.Clone(state), bytes.Clone(key)
				}
			}
			return nil
		}, selectRows, ids)
		s.noticed(err)
		if err == nil || !lost(err) || pause(ctx, min(n, 9)) != nil {
			return err
		}
	}
}
