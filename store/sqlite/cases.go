package sqlite

import (
	"context"
	"fmt"
	"slices"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

const (
	setCase = `INSERT INTO desk_case(resident, state, desk, clerk, since, last, unread, dialog, channel, lang) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET state = excluded.state, desk = excluded.desk, clerk = excluded.clerk, since = excluded.since,
			last = excluded.last, unread = excluded.unread, dialog = excluded.dialog, channel = excluded.channel, lang = excluded.lang`
	addLetter   = "INSERT INTO letter(id, resident, at, sealed) VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING"
	caseColumns = "SELECT resident, state, desk, clerk, since, last, unread, dialog, channel, lang FROM desk_case"
)

// talked keeps what a change says of a talk with the desk; letters are sealed.
func (t *tables) talked(c *store.Change, letters [][]byte) error {
	if d := c.Case; d != nil {
		var err error
		if d.State == store.Closed {
			err = t.exec("DELETE FROM desk_case WHERE resident = ?", c.Resident)
		} else {
			err = t.exec(setCase, c.Resident, int(d.State), d.Desk, d.Clerk, d.Since, d.Last, d.Unread, d.Dialog, d.Channel, d.Lang)
		}
		if err != nil {
			return err
		}
	}
	for i := range c.Letters {
		l := &c.Letters[i]
		if err := t.exec(addLetter, l.ID, c.Resident, l.At, letters[i]); err != nil {
			return err
		}
	}
	return nil
}

func scanCase(q statement) store.Case {
	return store.Case{Resident: column16(q, 0), State: store.CaseState(q.ColumnInt64(1)), Desk: q.ColumnText(2), Clerk: q.ColumnText(3),
		Since: sealing.Moment(q.ColumnInt64(4)), Last: sealing.Moment(q.ColumnInt64(5)), Unread: int(q.ColumnInt64(6)), Dialog: q.ColumnText(7),
		Channel: q.ColumnText(8), Lang: q.ColumnText(9)}
}

// Cases: see store.Store.
func (s *Store) Cases(ctx context.Context, desk string, n int) (all []store.Case, err error) {
	query, args := caseColumns+" ORDER BY since, resident LIMIT ?", []any{n}
	if desk != "" {
		query, args = caseColumns+" WHERE desk = ? ORDER BY since, resident LIMIT ?", []any{desk, n}
	}
	err = s.read(ctx, func(t *tables) error {
		return t.each(func(q statement) error { all = append(all, scanCase(q)); return nil }, query, args...)
	})
	return all, err
}

// CaseOf: see store.Store.
func (s *Store) CaseOf(ctx context.Context, r store.Resident) (c store.Case, known bool, err error) {
	err = s.read(ctx, func(t *tables) (err error) {
		known, err = t.one(func(q statement) error { c = scanCase(q); return nil }, caseColumns+" WHERE resident = ?", r)
		return err
	})
	return c, known, err
}

// Letters: see store.Store.
func (s *Store) Letters(ctx context.Context, r store.Resident, n int) (all []store.Letter, err error) {
	key, err := s.key(ctx, r)
	if err != nil || key == nil || n <= 0 {
		return nil, err
	}
	err = s.read(ctx, func(t *tables) error {
		return t.each(func(q statement) error {
			l := store.Letter{ID: column16(q, 0), Resident: r, At: sealing.Moment(q.ColumnInt64(1))}
			b, err := key.Open(column(q, 2), sealing.UseLetter)
			if err == nil {
				err = sealing.ReadLetter(b, &l)
			}
			if err != nil {
				return fmt.Errorf("store: open a letter: %w", err)
			}
			all = append(all, l)
			return nil
		}, "SELECT id, at, sealed FROM letter WHERE resident = ? ORDER BY at DESC, seq DESC LIMIT ?", r, n)
	})
	slices.Reverse(all)
	return all, err
}
