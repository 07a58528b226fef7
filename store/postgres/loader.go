package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

const (
	// loaderCount is how many reads may be under way at once.
	loaderCount = 2
	// loadMost is how long one read is tried.
	loadMost = 10 * time.Second
)

const selectRows = `SELECT c.resident, c.version, c.known, c.state, d.id, d.wrapped FROM conversation c LEFT JOIN resident_key d USING(resident)
	WHERE c.resident = ANY($1)`

// wanted is a row that somebody waits for. It is as it was read once done says so.
type wanted struct {
	resident     store.Resident
	version      uint64
	known, state []byte
	id           int64
	hasKey       bool
	key          []byte // wrapped
	err          error
	done         chan struct{}
	room         []byte // of known, state and key, used again
}

// takeWanted takes one that was used before, or a new one: see takeJob.
func (s *Store) takeWanted() *wanted {
	if w, ok := s.wants.Get().(*wanted); ok {
		return w
	}
	return &wanted{done: make(chan struct{}, 1)}
}

// Load: see store.Store. What is asked for while others are being read is read together.
func (s *Store) Load(ctx context.Context, r store.Resident) (store.Conversation, error) {
	c := store.Conversation{Resident: r}
	w := s.takeWanted()
	*w = wanted{resident: r, done: w.done, room: w.room[:0]}
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
	case <-ctx.Done(): // it is being read still, and isn't used again
		return c, ctx.Err()
	}
	err := w.err
	if err == nil && w.version > 0 {
		err = s.fill(&c, w)
	}
	if cap(w.room) <= keptRoom {
		s.wants.Put(w)
	}
	if err != nil {
		return store.Conversation{}, fmt.Errorf("store: load: %w", err)
	}
	return c, nil
}

// take copies what was read of a row.
func (w *wanted) take(values [][]byte) {
	w.version = binary.BigEndian.Uint64(values[1])
	w.room = append(append(append(w.room[:0], values[2]...), values[3]...), values[5]...)
	n, m := len(values[2]), len(values[2])+len(values[3])
	w.known, w.state, w.key = w.room[:n:n], w.room[n:m:m], w.room[m:]
	if w.hasKey = values[4] != nil; w.hasKey {
		w.id = int64(binary.BigEndian.Uint64(values[4]))
	}
}

func (s *Store) fill(c *store.Conversation, w *wanted) error {
	var id *int64
	if w.hasKey {
		id = &w.id
	}
	key, err := s.open(w.resident, id, w.key)
	if err != nil {
		return err
	}
	if key == nil {
		return errors.New("a row has no key: were the keys of a copy put back with it?")
	}
	if c.State, err = key.Open(w.state, sealing.UseState); err != nil {
		return err
	}
	c.State = bytes.Clone(c.State) // the room is used again
	c.Version = w.version
	c.Answered = make([]store.Inbound, 0, len(w.known)/entrySize)
	entries(w.known, func(in store.Inbound, _ place) bool {
		c.Answered = append(c.Answered, in)
		return true
	})
	return nil
}

// loads reads whatever was asked for during its last read.
func (s *Store) loads() {
	all := map[[16]byte][]*wanted{}
	var ids column
	ids.of = pgtype.UUIDOID
	for w := range s.wanted {
		clear(all)
		ids.empty()
		add := func(w *wanted) {
			if all[w.resident] == nil {
				ids.uuid(w.resident)
			}
			all[w.resident] = append(all[w.resident], w)
		}
		add(w)
	fill:
		for ids.n < maxBatch {
			select {
			case w, ok := <-s.wanted:
				if !ok {
					break fill
				}
				add(w)
			default:
				break fill
			}
		}
		err := s.readRows(&ids, all)
		for _, same := range all {
			for _, w := range same {
				w.err = err
				w.done <- struct{}{}
			}
		}
	}
}

// errText says that a proxy, or a setting in the address, has rows come as text.
var errText = errors.New("rows come as text: default_query_exec_mode in the address has to be cache_statement or cache_describe")

func (s *Store) readRows(ids *column, all map[[16]byte][]*wanted) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), loadMost)
	defer cancel()
	for n := 1; ; n++ {
		err = each(ctx, s.pool, func(r pgx.Rows) error {
			if r.FieldDescriptions()[0].Format != pgx.BinaryFormatCode {
				return errText
			}
			values := r.RawValues()
			for _, w := range all[[16]byte(values[0])] {
				w.take(values)
			}
			return nil
		}, selectRows, ids)
		s.noticed(err)
		if err == nil || !lost(err) || pause(ctx, min(n, 9)) != nil {
			return err
		}
	}
}
