package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// Publish: see store.Store.
func (s *Store) Publish(ctx context.Context, p store.Published) error {
	err := s.write(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO published(id, version, hash, at, source) VALUES($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
			words(p.ID), p.Version, words(p.Hash), sealing.Stamp(p.At), some(p.Source)); err != nil {
			return err
		}
		same, err := there(ctx, tx, "SELECT 1 FROM published WHERE id = $1 AND version = $2 AND hash = $3", words(p.ID), p.Version, words(p.Hash))
		if err == nil && !same {
			err = fmt.Errorf("%w: %s version %d", store.ErrPublished, p.ID, p.Version)
		}
		return err
	})
	if errors.Is(err, store.ErrPublished) {
		return err
	}
	return wrapped("publish", err)
}

// Dialog: see store.Store.
func (s *Store) Dialog(ctx context.Context, id string, version int, hash string) (store.Published, error) {
	p := store.Published{ID: id, Version: version, Hash: hash}
	found := false
	if err := each(ctx, s.pool, func(r pgx.Rows) error {
		var at int64
		err := r.Scan(&at, &p.Source)
		p.At, found = sealing.Moment(at), true
		return err
	}, "SELECT at, source FROM published WHERE id = $1 AND version = $2 AND hash = $3", words(id), version, words(hash)); err != nil {
		return store.Published{}, wrapped("dialog", err)
	}
	if !found {
		return store.Published{}, fmt.Errorf("%w: dialog %s version %d", store.ErrNotFound, id, version)
	}
	return p, nil
}

// Dialogs: see store.Store.
func (s *Store) Dialogs(ctx context.Context) (all []store.Published, err error) {
	err = each(ctx, s.pool, func(r pgx.Rows) error {
		var p store.Published
		var at int64
		err := r.Scan(&p.ID, &p.Version, &p.Hash, &at)
		p.At = sealing.Moment(at)
		all = append(all, p)
		return err
	}, "SELECT id, version, hash, at FROM published ORDER BY id, version")
	return all, wrapped("dialogs", err)
}
