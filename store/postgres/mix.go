package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
)

// A row of PostgreSQL tells which transaction wrote it, and beside which others it lies: a mark on a roll and the ballot that was cast
// with it could be found by that. So a poll's marks and ballots are written anew together, all in one transaction and in the order
// of their random ids, soon after they were cast and once more when the roll is closed.
const (
	// mixEvery is how long it is until then at most, and mixLarge for a poll with more ballots than mixMost.
	mixEvery = time.Minute
	mixLarge = 10 * time.Minute
	mixMost  = 20_000
	// mixTime is how long one may take.
	mixTime = 2 * time.Minute
)

// While a poll is mixed its rows are others: whoever waited for one of the old finds it gone, and doesn't see the new. A vote that does
// is looked at again, since its voter is marked. But who unlinks, recalls, erases or merges would leave the link behind, so these
// share a lock with each other that mixing has alone: of polls by name, or of all in which residents are linked.
const (
	lockMixing   = "SELECT pg_advisory_xact_lock($1, hashtext($2))"
	lockUnlinked = `SELECT pg_advisory_xact_lock_shared($1, h) FROM (SELECT hashtext(p) AS h FROM unnest($2::text[]) AS p
		UNION SELECT hashtext(poll) FROM roll WHERE resident = ANY($3) ORDER BY 1) every`
)

var mixes = []string{
	`WITH gone AS (DELETE FROM ballot WHERE poll = $1 RETURNING poll, id, version, channel, day, linked, apart, record)
		INSERT INTO ballot(poll, id, version, channel, day, linked, apart, record) SELECT * FROM gone ORDER BY id`,
	`WITH gone AS (DELETE FROM roll WHERE poll = $1 AND used RETURNING poll, voter, used, ballot, resident)
		INSERT INTO roll(poll, voter, used, ballot, resident) SELECT * FROM gone ORDER BY voter`,
}

// mix writes a poll's marks and ballots anew, and has what they were before overwritten.
func (s *Store) mix(ctx context.Context, poll string) error {
	ctx, cancel := context.WithTimeout(ctx, mixTime)
	defer cancel()
	if err := s.writeLast(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, lockMixing, int32(locksMix), words(poll)); err != nil {
			return err
		}
		for _, query := range mixes {
			if _, err := tx.Exec(ctx, query, words(poll)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	for _, query := range []string{"VACUUM ballot", "VACUUM roll"} {
		s.pool.Exec(ctx, query) // what fails here PostgreSQL does by itself, later
	}
	return nil
}

// cast remembers which polls a batch cast ballots in.
func (s *Store) cast(batch []*job) {
	for _, j := range batch {
		if k := j.turn.outcome.Kind; j.err == nil && (k == store.Applied || k == store.Duplicate) { // whose first answer may have been lost
			for i := range j.turn.change.Ballots {
				s.unmixed.Store(j.turn.change.Ballots[i].Poll, true)
			}
		}
	}
}

// mixing mixes what was cast by this node. What can't be mixed now is tried again.
func (s *Store) mixing() {
	tick := time.NewTicker(mixEvery)
	defer tick.Stop()
	last := map[string]time.Time{}
	looked := false
	for {
		select {
		case <-s.stop:
			s.mixAll(func(string) bool { return true })
			return
		case now := <-tick.C:
			looked = looked || s.leftUnmixed(context.Background()) == nil
			s.mixAll(func(poll string) bool {
				n, err := number(context.Background(), s.pool, "SELECT count(*) FROM (SELECT 1 FROM ballot WHERE poll = $1 LIMIT $2) some", words(poll), mixMost)
				if err != nil || n == mixMost && now.Sub(last[poll]) < mixLarge {
					return false
				}
				last[poll] = now
				return true
			})
		}
	}
}

// leftUnmixed finds the polls of these days: whoever died may have left some of them.
func (s *Store) leftUnmixed(ctx context.Context) error {
	return each(ctx, s.pool, func(r pgx.Rows) error {
		var poll string
		err := r.Scan(&poll)
		s.unmixed.Store(poll, true)
		return err
	}, "SELECT DISTINCT poll FROM ballot WHERE day >= to_char(now() - interval '2 days', 'YYYY-MM-DD')")
}

func (s *Store) mixAll(due func(poll string) bool) {
	s.unmixed.Range(func(poll, _ any) bool {
		if due(poll.(string)) {
			s.unmixed.Delete(poll)
			if err := s.mix(context.Background(), poll.(string)); err != nil && !errors.Is(err, errClosed) {
				s.unmixed.Store(poll, true)
				return false
			}
		}
		return true
	})
}
