package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// The first number of our advisory locks, and what they are for.
const (
	locksOurs     = 0x746f776e // "town"
	lockMigration = 1
	locksClaim    = locksOurs + 1 // with a channel's hash
)

// migrate brings the schema up to date, each migration in a transaction of its own. One node does it, others wait for it.
func (s *Store) migrate(ctx context.Context) error { return s.migrateWith(ctx, migrations) }

func (s *Store) migrateWith(ctx context.Context, scripts fs.ReadFileFS) error {
	names, err := fs.Glob(scripts, "migrations/*.sql") // sorted: 001_, 002_, …
	if err != nil {
		return err
	}
	for n := range names {
		b, err := scripts.ReadFile(names[n])
		if err != nil {
			return err
		}
		if err := s.migrateTo(ctx, n+1, len(names), string(b)); err != nil {
			return fmt.Errorf("migration %s: %w", names[n], err)
		}
	}
	return nil
}

func (s *Store) migrateTo(ctx context.Context, version, newest int, script string) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, $2)", int32(locksOurs), int32(lockMigration)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil { // an index on millions of rows
			return err
		}
		if _, err := tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS townline_schema(version integer NOT NULL)"); err != nil {
			return err
		}
		at, err := number(ctx, tx, "SELECT version FROM townline_schema")
		if err != nil {
			return err
		}
		if int(at) > newest {
			return fmt.Errorf("%w: its schema is number %d, this one knows %d", store.ErrNewer, at, newest)
		}
		if int(at) >= version {
			return nil
		}
		if _, err := tx.Exec(ctx, script, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM townline_schema"); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO townline_schema VALUES($1)", version)
		return err
	})
}
