package sqlite

import (
	"context"
	"fmt"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// Publish: see store.Store.
func (s *Store) Publish(ctx context.Context, p store.Published) error {
	return s.write(ctx, func(t *tables) error {
		other := false
		found, err := t.one(func(q statement) error { other = q.ColumnText(0) != p.Hash; return nil },
			"SELECT hash FROM published WHERE id = ? AND version = ?", p.ID, p.Version)
		if err != nil {
			return err
		}
		if other {
			return fmt.Errorf("%w: %s version %d", store.ErrPublished, p.ID, p.Version)
		}
		if found {
			return nil
		}
		return t.exec("INSERT INTO published(id, version, hash, at, source) VALUES(?, ?, ?, ?, ?)", p.ID, p.Version, p.Hash, p.At, p.Source)
	})
}

// Dialog: see store.Store.
func (s *Store) Dialog(ctx context.Context, id string, version int, hash string) (store.Published, error) {
	p := store.Published{ID: id, Version: version, Hash: hash}
	found := false
	err := s.read(ctx, func(t *tables) (err error) {
		found, err = t.one(func(q statement) error { p.At, p.Source = sealing.Moment(q.ColumnInt64(0)), column(q, 1); return nil },
			"SELECT at, source FROM published WHERE id = ? AND version = ? AND hash = ?", id, version, hash)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: dialog %s version %d", store.ErrNotFound, id, version)
	}
	if err != nil {
		return store.Published{}, err
	}
	return p, nil
}

// Dialogs: see store.Store.
func (s *Store) Dialogs(ctx context.Context) (all []store.Published, err error) {
	err = s.read(ctx, func(t *tables) error {
		return t.each(func(q statement) error {
			all = append(all, store.Published{ID: q.ColumnText(0), Version: int(q.ColumnInt64(1)), Hash: q.ColumnText(2), At: sealing.Moment(q.ColumnInt64(3))})
			return nil
		}, "SELECT id, version, hash, at FROM published ORDER BY id, version")
	})
	return all, err
}
