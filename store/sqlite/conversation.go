package sqlite

import (
	"bytes"
	"context"
	"fmt"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// Load: see store.Store.
func (s *Store) Load(ctx context.Context, r store.Resident) (store.Conversation, error) {
	c := store.Conversation{Resident: r}
	key, _ := s.keys.get(r)
	if row := s.recent.get(r); row != nil && key != nil && !s.closed.Load() {
		if err := row.fill(&c, key); err == nil {
			return c, nil
		}
	}
	if key != nil {
		w := &wanted{resident: r, keyed: true}
		if err := s.fetch(ctx, w); err != nil {
			return store.Conversation{}, fmt.Errorf("store: load: %w", err)
		}
		if !w.found || openRow(&c, w.version, w.answered, w.state, key) == nil {
			s.noteRead(w)
			return c, nil
		}
		c = store.Conversation{Resident: r} // erased and begun again under another key: look for that
	}
	epoch := s.keys.now()
	w := &wanted{resident: r}
	err := s.fetch(ctx, w)
	if err == nil && w.found {
		if key, err = s.secrets.Unwrap(r, w.wrapped); err == nil {
			s.keys.put(r, key, epoch)
			err = openRow(&c, w.version, w.answered, w.state, key)
			s.noteRead(w)
		}
	}
	if err != nil {
		return store.Conversation{}, fmt.Errorf("store: load: %w", err)
	}
	return c, nil
}

func (s *Store) noteRead(w *wanted) {
	if w.found {
		s.recent.noteRead(w.resident, w.version, w.answered)
	}
}

func (row *recentRow) fill(c *store.Conversation, key *store.Key) error {
	return openRow(c, row.version, row.answered, bytes.Clone(row.state), key)
}

// openRow opens sealed in place.
func openRow(c *store.Conversation, version uint64, answered, sealed []byte, key *store.Key) error {
	state, err := key.Open(sealed, sealing.UseState)
	if err != nil {
		return err
	}
	c.Version, c.State = version, state
	c.Answered = make([]store.Inbound, len(answered)/answeredSize)
	for i := range c.Answered {
		copy(c.Answered[i][:], answered[i*answeredSize:])
	}
	return nil
}

// Reply: see store.Store.
func (s *Store) Reply(ctx context.Context, r store.Resident, in store.Inbound) ([]byte, bool, error) {
	key, err := s.key(ctx, r)
	if err != nil || key == nil {
		return nil, false, err
	}
	var b []byte
	err = s.read(ctx, func(t *tables) error {
		return t.snapshot(func() error {
			var seq int64
			ok := false
			if _, err := t.one(func(q statement) error {
				if bytes.Equal(column(q, 0), r[:]) {
					seq, ok = replyOf(column(q, 2), in)
				}
				return nil
			}, selectRow, rowOf(r)); err != nil || !ok {
				return err
			}
			b, err = t.reply(seq)
			return err
		})
	})
	if err != nil || b == nil {
		return nil, false, err
	}
	if b, err = key.Open(b, sealing.UseReply); err != nil {
		return nil, false, fmt.Errorf("store: open a reply: %w", err)
	}
	return b, true, nil
}

// key returns the key of a resident, nil when there is none.
func (s *Store) key(ctx context.Context, r store.Resident) (*store.Key, error) {
	key, epoch := s.keys.get(r)
	if key != nil {
		return key, nil
	}
	t, err := s.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer s.giveBack(t)
	_, err = t.one(func(q statement) (err error) {
		key, err = s.secrets.Unwrap(r, column(q, 0))
		return err
	}, "SELECT wrapped FROM resident_key WHERE k = ? AND resident = ?", rowOf(r), r)
	if err != nil {
		return nil, fmt.Errorf("store: load a key: %w", err)
	}
	if key != nil {
		s.keys.put(r, key, epoch)
	}
	return key, nil
}
