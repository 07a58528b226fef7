package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/moving"
)

// After lets Restore take a copy from before the keys were changed: written with one of these.
func After(earlier ...*store.Keys) Option { return func(s *Store) { s.earlier = earlier } }

// rekeyed takes a copy that was written with earlier keys.
func (s *Store) rekeyed(ctx context.Context, tx pgx.Tx, known []byte) error {
	for _, k := range s.earlier {
		if k.Fits(known) && s.secrets.Follows(k) == nil {
			return rekey(ctx, tx, k, s.secrets)
		}
	}
	return store.ErrKeys
}

// Rotate writes all that a database has stored under keys anew, under the keys that come next: whole or not at all. Done once more it
// finishes what was cut short. Nobody may be at work on the database. file is what erasures and STOPs are noted by (see Noting): who said
// STOP is noted anew when a node opens the store; every other node's FILE.stops has to go as well.
func Rotate(ctx context.Context, address string, keys, next *store.Keys, file string) error {
	return wrapped("change the keys", rotate(ctx, address, keys, next, file))
}

func rotate(ctx context.Context, address string, keys, next *store.Keys, file string) error {
	if err := next.Follows(keys); err != nil {
		return err
	}
	e, err := OpenEnd(ctx, address, keys)
	if errors.Is(err, store.ErrKeys) {
		e, err = OpenEnd(ctx, address, next)
	}
	if err != nil {
		return err
	}
	defer e.Close()
	if err := e.s.here(ctx); err != nil {
		return err
	}
	if e.s.secrets == keys {
		if err := e.hear(ctx, file); err != nil {
			return err
		}
		if err := pgx.BeginFunc(ctx, e.alone, func(tx pgx.Tx) error { return rekey(ctx, tx, keys, next) }); err != nil {
			return err
		}
	}
	for _, table := range []string{"resident_key", "address", "optout", "roll"} { // what was stored before is overwritten
		if _, err := e.s.pool.Exec(ctx, "VACUUM "+table); err != nil {
			return err
		}
	}
	if err := os.Remove(file + ".stops"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// hear does to the database what a node's files know and it doesn't, where there are such files: they can't be read under other keys.
func (e *End) hear(ctx context.Context, file string) error {
	for _, ending := range []string{".stops", ".erased"} {
		if _, err := os.Stat(file + ending); err == nil {
			e.s.ledger.file = file
		}
	}
	return e.s.agree(ctx, true)
}

// rekey writes anew what is stored under keys.
func rekey(ctx context.Context, tx pgx.Tx, keys, next *store.Keys) error {
	for _, c := range []struct{ table, column string }{{"address", "key"}, {"optout", "address"}, {"roll", "voter"}} {
		if err := anew(ctx, tx, "SELECT DISTINCT "+c.column+", NULL::bytea FROM "+c.table, "uuid", func(stored [16]byte, _ []byte) ([]byte, error) {
			b := keys.Anew(next, stored)
			return b[:], nil
		}, fmt.Sprintf("UPDATE %s t SET %s = a.new FROM anew a WHERE a.old = t.%s", c.table, c.column, c.column)); err != nil {
			return err
		}
	}
	if err := anew(ctx, tx, "SELECT resident, wrapped FROM resident_key", "bytea", func(r [16]byte, sealed []byte) ([]byte, error) {
		return keys.Rewrap(next, r, sealed)
	}, "UPDATE resident_key t SET wrapped = a.new FROM anew a WHERE a.old = t.resident"); err != nil {
		return err
	}
	check := next.Check()
	_, err := tx.Exec(ctx, "UPDATE meta SET value = $1 WHERE name = 'keys'", check[:])
	return err
}

// anew computes for each row of a query what is stored in its place, and updates.
func anew(ctx context.Context, tx pgx.Tx, query, kind string, f func(stored [16]byte, with []byte) ([]byte, error), update string) error {
	if _, err := tx.Exec(ctx, "CREATE TEMP TABLE anew(old uuid NOT NULL, new "+kind+" NOT NULL) ON COMMIT DROP"); err != nil {
		return err
	}
	w := newCopying(2950, map[string]uint32{"uuid": 2950, "bytea": 17}[kind])
	if err := each(ctx, tx, func(r pgx.Rows) error {
		raw := r.RawValues()
		if len(raw[0]) != 16 {
			return errors.New("a stored hash is too short")
		}
		b, err := f([16]byte(raw[0]), raw[1])
		if err != nil {
			return err
		}
		return w.row(moving.Value{Bytes: raw[0]}, moving.Value{Bytes: b})
	}, query); err != nil {
		return err
	}
	if err := w.send(ctx, tx, "anew"); err != nil {
		return err
	}
	for _, query := range []string{"ANALYZE anew", update, "DROP TABLE anew"} {
		if _, err := tx.Exec(ctx, query); err != nil {
			return err
		}
	}
	return nil
}
