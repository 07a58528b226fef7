package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

const (
	openRequest = `INSERT INTO request(reference, dialog, service, department, status, due, label, place, opened, updated, channel, joined, record, personal, resident)
		VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, 0, ?11, ?12, ?13)`
	addEvent = `INSERT INTO request_event(request, kind, at, by, status, channel, text, record, personal, resident)
		VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	touchRequest = "UPDATE request SET updated = max(updated, ?2), status = CASE WHEN ?3 = '' THEN status ELSE ?3 END WHERE seq = ?1"
	addJoiner    = "INSERT INTO joiner(request, resident) VALUES(?, ?) ON CONFLICT DO NOTHING"
)

// happened adds an event to a request's history, and to the request as it stands. personal is sealed, or nil.
func (t *tables) happened(e *store.RequestEvent, personal []byte) error {
	var sealed, who any
	if personal != nil {
		sealed = personal
	}
	if e.Resident != (store.Resident{}) {
		who = e.Resident
	}
	var seq int64
	if e.Kind == store.Opened {
		if err := t.exec(openRequest, e.Reference, e.Dialog, e.Service, e.Department, e.Status, e.Due, e.Label, e.Place, e.At,
			e.Channel, e.Record, sealed, who); err != nil {
			return err
		}
		seq = t.LastInsertRowID()
		t.counts.requests++
	} else {
		var err error
		if seq, err = t.number("SELECT seq FROM request WHERE reference = ?", e.Reference); err != nil {
			return err
		}
		if seq == 0 {
			return fmt.Errorf("%w: request %s", store.ErrNotFound, e.Reference)
		}
		if err := t.exec(touchRequest, seq, e.At, e.Status); err != nil {
			return err
		}
	}
	if who != nil && (e.Kind == store.Opened || e.Kind == store.Joined) {
		if err := t.exec(addJoiner, seq, who); err != nil {
			return err
		}
		if e.Kind == store.Joined && t.Changes() == 1 {
			if err := t.exec("UPDATE request SET joined = joined + 1 WHERE seq = ?", seq); err != nil {
				return err
			}
		}
	}
	return t.exec(addEvent, seq, e.Kind, e.At, e.By, e.Status, e.Channel, e.Text, e.Record, sealed, who)
}

// Append: see store.Store.
func (s *Store) Append(ctx context.Context, e store.RequestEvent) error {
	if e.Kind == store.Opened {
		return fmt.Errorf("store: a request is opened by a resident's turn")
	}
	for {
		epoch := s.keys.now()
		personal, err := s.sealPersonal(ctx, &e)
		if err != nil {
			return err
		}
		err = s.write(ctx, func(t *tables) error {
			if personal != nil && (t.moved || s.keys.now() != epoch) {
				return errKeysMoved
			}
			return t.happened(&e, personal)
		})
		if !errors.Is(err, errKeysMoved) {
			return err
		}
	}
}

// errKeysMoved says that somebody was erased or merged since something was sealed, which may have been under their key.
var errKeysMoved = errors.New("store: somebody was erased or merged meanwhile")

// sealPersonal returns nil where there is nothing, or nobody any more whose it is.
func (s *Store) sealPersonal(ctx context.Context, e *store.RequestEvent) (personal []byte, err error) {
	if len(e.Personal) > 0 {
		who := e.Resident
		if who == (store.Resident{}) {
			r, err := s.Request(ctx, e.Reference)
			if err != nil {
				return nil, err
			}
			who = r.Resident
		}
		key, err := s.key(ctx, who)
		if err != nil {
			return nil, err
		}
		if key != nil {
			personal = key.Seal(nil, e.Personal, sealing.UsePersonal)
		}
	}
	return personal, nil
}

const requestColumns = `SELECT reference, dialog, service, department, status, due, label, place, opened, updated, channel, joined, record, personal, resident, seq FROM request`

func scanRequest(q statement) (r store.Request, seq int64) {
	r = store.Request{Reference: q.ColumnText(0), Dialog: q.ColumnText(1), Service: q.ColumnText(2), Department: q.ColumnText(3),
		Status: q.ColumnText(4), Due: q.ColumnText(5), Label: q.ColumnText(6), Place: q.ColumnText(7), Opened: sealing.Moment(q.ColumnInt64(8)),
		Updated: sealing.Moment(q.ColumnInt64(9)), Channel: q.ColumnText(10), Joined: int(q.ColumnInt64(11)), Record: column(q, 12),
		Personal: optional(q, 13), Resident: column16(q, 14)}
	return r, q.ColumnInt64(15)
}

// Request: see store.Store.
func (s *Store) Request(ctx context.Context, reference string) (r store.Request, err error) {
	err = s.steady(func() error {
		r, err = s.requestNow(ctx, reference)
		return err
	})
	return r, err
}

func (s *Store) requestNow(ctx context.Context, reference string) (store.Request, error) {
	var r store.Request
	found := false
	err := s.read(ctx, func(t *tables) error {
		return t.snapshot(func() (err error) {
			var seq int64
			found, err = t.one(func(q statement) error { r, seq = scanRequest(q); return nil }, requestColumns+" WHERE reference = ?", reference)
			if err != nil || !found {
				return err
			}
			return t.each(func(q statement) error {
				r.History = append(r.History, store.RequestEvent{Reference: reference, Kind: q.ColumnText(0), At: sealing.Moment(q.ColumnInt64(1)),
					By: q.ColumnText(2), Status: q.ColumnText(3), Channel: q.ColumnText(4), Text: q.ColumnText(5), Record: column(q, 6),
					Personal: optional(q, 7), Resident: column16(q, 8)})
				return nil
			}, "SELECT kind, at, by, status, channel, text, record, personal, resident FROM request_event WHERE request = ? ORDER BY seq", seq)
		})
	})
	if err != nil {
		return store.Request{}, err
	}
	if !found {
		return store.Request{}, fmt.Errorf("%w: request %s", store.ErrNotFound, reference)
	}
	if err := s.openPersonal(ctx, r.Resident, &r.Personal); err != nil {
		return store.Request{}, err
	}
	for i := range r.History {
		e := &r.History[i]
		if e.Kind == store.Opened {
			e.Dialog, e.Service, e.Department, e.Due, e.Label, e.Place = r.Dialog, r.Service, r.Department, r.Due, r.Label, r.Place
		}
		who := e.Resident
		if who == (store.Resident{}) {
			who = r.Resident
		}
		if err := s.openPersonal(ctx, who, &e.Personal); err != nil {
			return store.Request{}, err
		}
	}
	return r, nil
}

// openPersonal opens b in place, or drops it when its person was erased.
func (s *Store) openPersonal(ctx context.Context, r store.Resident, b *[]byte) error {
	if *b == nil {
		return nil
	}
	key, err := s.key(ctx, r)
	if err != nil {
		return err
	}
	if key == nil {
		*b = nil
		return nil
	}
	if *b, err = key.Open(*b, sealing.UsePersonal); err != nil {
		return fmt.Errorf("store: open what the desk may see: %w", err)
	}
	return nil
}

// Requests: see store.Store.
func (s *Store) Requests(ctx context.Context, query store.RequestQuery) (all []store.Request, err error) {
	err = s.steady(func() error {
		all, err = s.requestsNow(ctx, query)
		return err
	})
	return all, err
}

func (s *Store) requestsNow(ctx context.Context, query store.RequestQuery) ([]store.Request, error) {
	var where []string
	var args []any
	for _, c := range []struct{ column, value string }{{"dialog", query.Dialog}, {"place", query.Place}, {"service", query.Service},
		{"department", query.Department}, {"status", query.Status}} {
		if c.value != "" {
			where, args = append(where, c.column+" = ?"), append(args, c.value)
		}
	}
	if !query.Since.IsZero() {
		where, args = append(where, "opened >= ?"), append(args, query.Since)
	}
	if query.Resident != (store.Resident{}) {
		where, args = append(where, "seq IN (SELECT request FROM joiner WHERE resident = ?)"), append(args, query.Resident)
	}
	text := requestColumns
	if where != nil {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	limit := query.Limit
	if limit <= 0 {
		limit = 100
	}
	args = append(args, limit)
	var all []store.Request
	// At most 128 different texts come of this, so that each may be kept as a prepared statement.
	err := s.read(ctx, func(t *tables) error {
		return t.each(func(q statement) error {
			r, _ := scanRequest(q)
			all = append(all, r)
			return nil
		}, text+" ORDER BY opened DESC, seq DESC LIMIT ?", args...)
	})
	if err != nil {
		return nil, err
	}
	for i := range all {
		if err := s.openPersonal(ctx, all[i].Resident, &all[i].Personal); err != nil {
			return nil, err
		}
	}
	return all, nil
}
