package postgres

import (
	"context"
	"embed"
	"errors"
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
	locksMix      = locksOurs + 2 // with a poll's hash
	// locksMove and locksAtWork are the next two.
)

// migrate brings the schema up to date, each migration in a transaction of its own. One node does it, others wait for it. A migration
// says in its first line which number a townline must know to go on beside it ("-- works with: 3"); without that it only adds, and
// works with what worked before. So a schema may be newer than the program, while nodes are brought up to date one by one; and whoever
// takes something away does so one release after the last that uses it.
func (s *Store) migrate(ctx context.Context) error { return s.migrateWith(ctx, migrations) }

func (s *Store) migrateWith(ctx context.Context, scripts fs.ReadFileFS) error {
	names, err := fs.Glob(scripts, "migrations/*.sql") // sorted: 001_, 002_, …
	if err != nil {
		return err
	}
	at, err := s.schema(ctx, len(names))
	if err != nil {
		return err
	}
	for n := at; n < len(names); n++ {
		b, err := scripts.ReadFile(names[n])
		if err != nil {
			return err
		}
		if err := s.migrateTo(ctx, n+1, string(b)); err != nil {
			if code(err) == "42501" {
				return fmt.Errorf("%w: %s", errNotOwner, names[n])
			}
			return fmt.Errorf("migration %s: %w", names[n], err)
		}
	}
	return nil
}

// errNotOwner refuses to go on with tables that are older than the program.
var errNotOwner = errors.New("the tables have to be brought up to date first, by the user who owns them: start townline once with that user in the address")

// schema returns which number the database's has, 0 where there is none. It fails where a townline that knows so many can't work with it.
func (s *Store) schema(ctx context.Context, known int) (at int, err error) {
	made, err := there(ctx, s.pool, "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('townline_schema') AND attname = 'oldest'")
	if err != nil || !made {
		return 0, err
	}
	oldest := 0
	if err := each(ctx, s.pool, func(r pgx.Rows) error { return r.Scan(&at, &oldest) }, "SELECT version, oldest FROM townline_schema"); err != nil {
		return 0, err
	}
	if at > known && oldest > known {
		return at, fmt.Errorf("%w: its schema is number %d and asks for one that knows %d, this one knows %d", store.ErrNewer, at, oldest, known)
	}
	return at, nil
}

// worksWith reads which number a townline must know to work with a migration; 0 where it only adds.
func worksWith(script string) (oldest int) {
	fmt.Sscanf(script, "-- works with: %d", &oldest)
	return oldest
}

func (s *Store) migrateTo(ctx context.Context, version int, script string) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, $2)", int32(locksOurs), int32(lockMigration)); err != nil {
			return err
		}
		for _, query := range []string{
			"SET LOCAL statement_timeout = 0", // an index on millions of rows
			"CREATE TABLE IF NOT EXISTS townline_schema(version integer NOT NULL)",
			"ALTER TABLE townline_schema ADD COLUMN IF NOT EXISTS oldest integer NOT NULL DEFAULT 1",
		} {
			if _, err := tx.Exec(ctx, query); err != nil {
				return err
			}
		}
		at, oldest := 0, 1
		if err := each(ctx, tx, func(r pgx.Rows) error { return r.Scan(&at, &oldest) }, "SELECT version, oldest FROM townline_schema"); err != nil {
			return err
		}
		if at >= version { // another node did it
			return nil
		}
		if _, err := tx.Exec(ctx, script, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM townline_schema"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO townline_schema(version, oldest) VALUES($1, $2)", version, max(oldest, worksWith(script)))
		return err
	})
}
