package postgres

import (
	"context"
	"fmt"
	"time"
)

// Hold: see store.Store. One that lies further ahead than any term is of a time before the server's clock was set back.
func (s *Store) Hold(ctx context.Context, duty string, node [16]byte, term time.Duration) (bool, error) {
	if s.closed.Load() {
		return false, errClosed
	}
	if term <= 0 {
		_, err := s.pool.Exec(ctx, "DELETE FROM duty WHERE name = $1 AND node = $2", duty, node)
		return false, wrapDuty(err)
	}
	held, err := there(ctx, s.pool, `INSERT INTO duty(name, node, until) VALUES($1, $2, clock_timestamp() + $3)
		ON CONFLICT(name) DO UPDATE SET node = excluded.node, until = excluded.until
		WHERE duty.node = excluded.node OR duty.until <= clock_timestamp() OR duty.until > clock_timestamp() + 2 * $3::interval
		RETURNING 1`, duty, node, term)
	s.noticed(err)
	return held, wrapDuty(err)
}

// Nodes: see store.Store.
func (s *Store) Nodes(ctx context.Context) (int, error) {
	n, err := number(ctx, s.pool, "SELECT count(DISTINCT node) FROM duty WHERE until > clock_timestamp()")
	return int(n), wrapped("nodes", err)
}

// Clock is the time at the database as it answers: the one clock that all servers of a town have in common.
func (s *Store) Clock(ctx context.Context) (at time.Time, err error) {
	err = s.pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&at)
	return at, wrapped("ask for the time", err)
}

// forgetDuties drops those that nobody has had for long: each start of a server has one that only it ever has.
func (s *Store) forgetDuties(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, "DELETE FROM duty WHERE until < clock_timestamp() - interval '1 day'")
	return err
}

func wrapDuty(err error) error {
	if err != nil {
		return fmt.Errorf("store: hold a duty: %w", err)
	}
	return nil
}
