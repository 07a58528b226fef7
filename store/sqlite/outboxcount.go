package sqlite

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// Contacts: see store.Store.
func (s *Store) Contacts(ctx context.Context, r store.Resident, since time.Time) (all []store.Contact, err error) {
	err = s.read(ctx, func(t *tables) error {
		return t.each(func(q statement) error {
			all = append(all, store.Contact{Due: sealing.Moment(q.ColumnInt64(0)), At: sealing.Moment(q.ColumnInt64(1))})
			return nil
		}, `SELECT due, min(CASE WHEN state IN (4, 5) THEN at WHEN state = 3 AND at IS NULL THEN due ELSE 0 END) AS went FROM outbox
			WHERE resident = ?1 AND class > 0 AND state BETWEEN 2 AND 5 GROUP BY due HAVING went = 0 OR went >= ?2`, r, since)
	})
	slices.SortFunc(all, func(a, b store.Contact) int { return cmp.Or(a.At.Compare(b.At), a.Due.Compare(b.Due)) })
	return all, err
}

// Piles: see store.Store.
func (s *Store) Piles(ctx context.Context) (all []store.Pile, err error) {
	err = s.read(ctx, func(t *tables) error {
		return t.each(func(q statement) error {
			all = append(all, store.Pile{Channel: q.ColumnText(0), Class: uint8(q.ColumnInt64(1)), State: store.MessageState(q.ColumnInt64(2)),
				Code: q.ColumnText(3), Messages: q.ColumnInt64(4), Weight: q.ColumnInt64(5), First: sealing.Moment(q.ColumnInt64(6))})
			return nil
		}, `SELECT channel, class, state, CASE WHEN state IN (3, 6) THEN code ELSE '' END AS why, count(*), sum(weight),
				min(CASE WHEN state IN (1, 3) THEN coalesce(at, 0) ELSE 0 END)
			FROM outbox WHERE state IN (1, 2, 3, 6) GROUP BY channel, class, state, why ORDER BY channel, class, state, why`)
	})
	return all, err
}

// Answered: see store.Store.
func (s *Store) Answered(ctx context.Context, poll string, yield func(store.Resident) error) error {
	var all []store.Resident
	if err := s.read(ctx, func(t *tables) error {
		return t.each(func(q statement) error { all = append(all, column16(q, 0)); return nil },
			`SELECT resident FROM response WHERE poll = ?1 UNION SELECT resident FROM roll WHERE poll = ?1 AND resident IS NOT NULL ORDER BY 1`, poll)
	}); err != nil {
		return err
	}
	for _, r := range all { // by their random ids
		if err := yield(r); err != nil {
			return err
		}
	}
	return nil
}
