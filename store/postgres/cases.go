package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

const (
	setCase = `INSERT INTO desk_case(resident, state, desk, clerk, since, last, unread, dialog, channel, lang) VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT(resident) DO UPDATE SET state = excluded.state, desk = excluded.desk, clerk = excluded.clerk, since = excluded.since,
			last = excluded.last, unread = excluded.unread, dialog = excluded.dialog, channel = excluded.channel, lang = excluded.lang`
	selectLetters = `SELECT l.id, l.at, l.sealed, d.id, d.wrapped FROM letter l JOIN resident_key d USING(resident)
		WHERE l.resident = $1 ORDER BY l.at DESC, l.seq DESC LIMIT $2`
	caseColumns = "SELECT resident, state, desk, clerk, since, last, unread, dialog, channel, lang FROM desk_case"
)

// talked queues what a change says of a talk with the desk; letters are sealed.
func (w *page) talked(c *store.Change, letters [][]byte) {
	if d := c.Case; d != nil {
		if d.State == store.Closed {
			w.Queue("DELETE FROM desk_case WHERE resident = $1", [16]byte(c.Resident))
		} else {
			w.Queue(setCase, [16]byte(c.Resident), int16(d.State), words(d.Desk), words(d.Clerk), sealing.Stamp(d.Since), sealing.Stamp(d.Last), d.Unread,
				words(d.Dialog), words(d.Channel), words(d.Lang))
		}
	}
	for i := range c.Letters {
		w.Queue("INSERT INTO letter(id, resident, at, sealed) VALUES($1, $2, $3, $4) ON CONFLICT DO NOTHING",
			c.Letters[i].ID, [16]byte(c.Resident), sealing.Stamp(c.Letters[i].At), letters[i])
	}
}

func scanCase(r pgx.Rows) (c store.Case, err error) {
	var who [16]byte
	var state int16
	var since, last int64
	err = r.Scan(&who, &state, &c.Desk, &c.Clerk, &since, &last, &c.Unread, &c.Dialog, &c.Channel, &c.Lang)
	c.Resident, c.State, c.Since, c.Last = who, store.CaseState(state), sealing.Moment(since), sealing.Moment(last)
	return c, err
}

func (s *Store) cases(ctx context.Context, query string, args ...any) (all []store.Case, err error) {
	err = each(ctx, s.pool, func(r pgx.Rows) error {
		c, err := scanCase(r)
		all = append(all, c)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("store: cases: %w", err)
	}
	return all, nil
}

// Cases: see store.Store.
func (s *Store) Cases(ctx context.Context, desk string, n int) ([]store.Case, error) {
	if desk == "" {
		return s.cases(ctx, caseColumns+" ORDER BY since, resident LIMIT $1", n)
	}
	return s.cases(ctx, caseColumns+" WHERE desk = $1 ORDER BY since, resident LIMIT $2", words(desk), n)
}

// CaseOf: see store.Store.
func (s *Store) CaseOf(ctx context.Context, r store.Resident) (store.Case, bool, error) {
	all, err := s.cases(ctx, caseColumns+" WHERE resident = $1", [16]byte(r))
	if err != nil || len(all) == 0 {
		return store.Case{}, false, err
	}
	return all[0], true, nil
}

// Letters: see store.Store.
func (s *Store) Letters(ctx context.Context, r store.Resident, n int) (all []store.Letter, err error) {
	err = each(ctx, s.pool, func(row pgx.Rows) error {
		l := store.Letter{Resident: r}
		var at int64
		var sealed, wrapped []byte
		var id *int64
		if err := row.Scan(&l.ID, &at, &sealed, &id, &wrapped); err != nil {
			return err
		}
		key, err := s.open(r, id, wrapped)
		if err != nil {
			return err
		}
		b, err := key.Open(sealed, sealing.UseLetter)
		if err == nil {
			err = sealing.ReadLetter(b, &l)
		}
		l.At = sealing.Moment(at)
		all = append(all, l)
		return err
	}, selectLetters, [16]byte(r), max(n, 0))
	if err != nil {
		return nil, fmt.Errorf("store: letters: %w", err)
	}
	slices.Reverse(all)
	return all, nil
}
