package postgres

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
)

// held is a resident's key with the number that the database knows it by. Another node may have erased the resident, and begun anew
// with them, since it was read: what is sealed under a key is written only while the database has that number.
type held struct {
	*store.Key
	id  int64
	row atomic.Uint64 // where the resident's row was when it was last read: see lies
}

// keyring holds residents' keys that were opened lately: opening one costs more than using it. Two halves of a map: when
// the newer is full, the older is dropped.
type keyring struct {
	mu           sync.Mutex
	newer, older map[store.Resident]*held
}

// 2 × 2,048 keys of about 1.2 KB.
const keyringHalf = 2048

// open returns the key that a row holds, nil where there is none.
func (s *Store) open(r store.Resident, id *int64, wrapped []byte) (*held, error) {
	if id == nil {
		return nil, nil
	}
	if h := s.keys.get(r); h != nil && h.id == *id {
		return h, nil
	}
	key, err := s.secrets.Unwrap(r, wrapped)
	if err != nil {
		return nil, err
	}
	h := &held{Key: key, id: *id}
	s.keys.put(r, h)
	return h, nil
}

func (k *keyring) get(r store.Resident) *held {
	k.mu.Lock()
	defer k.mu.Unlock()
	if h := k.newer[r]; h != nil {
		return h
	}
	h := k.older[r]
	if h != nil {
		k.add(r, h)
	}
	return h
}

func (k *keyring) put(r store.Resident, h *held) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.add(r, h)
}

func (k *keyring) add(r store.Resident, h *held) {
	if k.newer == nil || len(k.newer) >= keyringHalf {
		k.older, k.newer = k.newer, make(map[store.Resident]*held, keyringHalf)
	}
	k.newer[r] = h
}

func (k *keyring) drop(r store.Resident) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.newer, r)
	delete(k.older, r)
}

// newKey makes a key for a resident who has none.
func (s *Store) newKey(r store.Resident) (*held, []byte, error) {
	key, wrapped, err := s.secrets.NewKey(r)
	if err != nil {
		return nil, nil, err
	}
	var b [8]byte
	rand.Read(b[:])
	return &held{Key: key, id: int64(binary.BigEndian.Uint64(b[:]))}, wrapped, nil
}

// key returns the key of a resident for sealing, nil when there is none. One that was read before is good: the writer compares.
func (s *Store) key(ctx context.Context, r store.Resident) (*held, error) {
	if h := s.keys.get(r); h != nil {
		return h, nil
	}
	return s.keyNow(ctx, s.pool, r)
}

// keyNow reads the key.
func (s *Store) keyNow(ctx context.Context, q querier, r store.Resident) (h *held, err error) {
	err = each(ctx, q, func(row pgx.Rows) error {
		var id int64
		var wrapped []byte
		if err := row.Scan(&id, &wrapped); err != nil {
			return err
		}
		h, err = s.open(r, &id, wrapped)
		return err
	}, "SELECT id, wrapped FROM resident_key WHERE resident = $1", [16]byte(r))
	if err != nil {
		return nil, fmt.Errorf("store: load a key: %w", err)
	}
	return h, nil
}
