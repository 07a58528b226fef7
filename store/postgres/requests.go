package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

const (
	openRequest = `INSERT INTO request(reference, dialog, service, department, status, due, label, place, opened, updated, channel, joined, record, personal, resident)
		VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, 0, $11, $12, $13)`
	touchRequest = "UPDATE request SET updated = greatest(updated, $2), status = CASE WHEN $3 = '' THEN status ELSE $3 END WHERE reference = $1"
	addOpener    = "INSERT INTO joiner(request, resident) SELECT seq, $2 FROM request WHERE reference = $1 ON CONFLICT DO NOTHING"
	addJoiner    = `WITH made AS (INSERT INTO joiner(request, resident) SELECT seq, $2 FROM request WHERE reference = $1 ON CONFLICT DO NOTHING RETURNING request)
		UPDATE request SET joined = joined + 1 FROM made WHERE request.seq = made.request`
	addEvent = `INSERT INTO request_event(request, kind, at, author, status, channel, words, record, personal, resident)
		SELECT seq, $2, $3, $4, $5, $6, $7, $8, $9, $10 FROM request WHERE reference = $1`
)

// happened queues an event of a request's history, and of the request as it stands. personal is sealed, or nil.
func (w *page) happened(e *store.RequestEvent, personal []byte) {
	reference := words(e.Reference)
	var who *[16]byte
	if e.Resident != (store.Resident{}) {
		r := [16]byte(e.Resident)
		who = &r
	}
	at := sealing.Stamp(e.At)
	if e.Kind == store.Opened {
		w.Queue(openRequest, reference, words(e.Dialog), words(e.Service), words(e.Department), words(e.Status), words(e.Due), words(e.Label), words(e.Place), at,
			words(e.Channel), some(e.Record), personal, who)
		w.requests++
	} else {
		w.Queue(touchRequest, reference, at, words(e.Status))
	}
	switch {
	case who != nil && e.Kind == store.Opened:
		w.Queue(addOpener, reference, who)
	case who != nil && e.Kind == store.Joined:
		w.Queue(addJoiner, reference, who)
	}
	w.Queue(addEvent, reference, words(e.Kind), at, words(e.By), words(e.Status), words(e.Channel), words(e.Text), some(e.Record), personal, who)
}

// Append: see store.Store.
func (s *Store) Append(ctx context.Context, e store.RequestEvent) error {
	if e.Kind == store.Opened {
		return fmt.Errorf("store: a request is opened by a resident's turn")
	}
	err := s.write(ctx, func(tx pgx.Tx) error {
		var seq int64
		var who *[16]byte
		if err := each(ctx, tx, func(r pgx.Rows) error { return r.Scan(&seq, &who) }, "SELECT seq, resident FROM request WHERE reference = $1 FOR UPDATE", words(e.Reference)); err != nil {
			return err
		}
		if seq == 0 {
			return fmt.Errorf("%w: request %s", store.ErrNotFound, e.Reference)
		}
		var personal []byte
		if e.Resident != (store.Resident{}) {
			r := [16]byte(e.Resident)
			who = &r
		}
		if len(e.Personal) > 0 && who != nil {
			// The key is locked, so that nobody is erased or merged before this is written.
			if err := each(ctx, tx, func(r pgx.Rows) error {
				var id int64
				var wrapped []byte
				if err := r.Scan(&id, &wrapped); err != nil {
					return err
				}
				key, err := s.open(*who, &id, wrapped)
				if err == nil {
					personal = key.Seal(nil, e.Personal, sealing.UsePersonal)
				}
				return err
			}, "SELECT id, wrapped FROM resident_key WHERE resident = $1 FOR KEY SHARE", *who); err != nil {
				return err
			}
		}
		w := newPage(0)
		w.happened(&e, personal)
		return tx.SendBatch(ctx, &w.Batch).Close()
	})
	if errors.Is(err, store.ErrNotFound) {
		return err
	}
	return wrapped("request", err)
}

const requestColumns = `SELECT r.reference, r.dialog, r.service, r.department, r.status, r.due, r.label, r.place, r.opened, r.updated, r.channel, r.joined,
	r.record, r.personal, r.resident, r.seq, d.id, d.wrapped FROM request r LEFT JOIN resident_key d USING(resident)`

func (s *Store) scanRequest(row pgx.Rows) (r store.Request, seq int64, err error) {
	var opened, updated int64
	var who *[16]byte
	var id *int64
	var wrapped []byte
	if err = row.Scan(&r.Reference, &r.Dialog, &r.Service, &r.Department, &r.Status, &r.Due, &r.Label, &r.Place, &opened, &updated, &r.Channel, &r.Joined,
		&r.Record, &r.Personal, &who, &seq, &id, &wrapped); err != nil {
		return r, 0, err
	}
	r.Opened, r.Updated = sealing.Moment(opened), sealing.Moment(updated)
	if who != nil {
		r.Resident = *who
	}
	r.Personal, err = s.openPersonal(r.Resident, id, wrapped, r.Personal)
	return r, seq, err
}

// openPersonal opens b, or drops it when its person was erased.
func (s *Store) openPersonal(r store.Resident, id *int64, wrapped, b []byte) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	key, err := s.open(r, id, wrapped)
	if err != nil || key == nil {
		return nil, err
	}
	plain, err := key.Open(b, sealing.UsePersonal)
	if err != nil {
		return nil, fmt.Errorf("open what the desk may see: %w", err)
	}
	return plain, nil
}

// Request: see store.Store.
func (s *Store) Request(ctx context.Context, reference string) (store.Request, error) {
	var r store.Request
	found := false
	err := s.snapshot(ctx, func(tx pgx.Tx) error {
		r, found = store.Request{}, false
		var seq int64
		if err := each(ctx, tx, func(row pgx.Rows) (err error) {
			r, seq, err = s.scanRequest(row)
			found = true
			return err
		}, requestColumns+" WHERE r.reference = $1", words(reference)); err != nil || !found {
			return err
		}
		return each(ctx, tx, func(row pgx.Rows) error {
			e := store.RequestEvent{Reference: reference}
			var at int64
			var who *[16]byte
			var id *int64
			var wrapped []byte
			if err := row.Scan(&e.Kind, &at, &e.By, &e.Status, &e.Channel, &e.Text, &e.Record, &e.Personal, &who, &id, &wrapped); err != nil {
				return err
			}
			e.At = sealing.Moment(at)
			whose := r.Resident
			if who != nil {
				e.Resident, whose = *who, *who
			}
			if e.Kind == store.Opened {
				e.Dialog, e.Service, e.Department, e.Due, e.Label, e.Place = r.Dialog, r.Service, r.Department, r.Due, r.Label, r.Place
			}
			var err error
			e.Personal, err = s.openPersonal(whose, id, wrapped, e.Personal)
			r.History = append(r.History, e)
			return err
		}, `SELECT e.kind, e.at, e.author, e.status, e.channel, e.words, e.record, e.personal, e.resident, d.id, d.wrapped
			FROM request_event e JOIN request r ON r.seq = e.request LEFT JOIN resident_key d ON d.resident = coalesce(e.resident, r.resident)
			WHERE e.request = $1 ORDER BY e.seq`, seq)
	})
	if err == nil && !found {
		return store.Request{}, fmt.Errorf("%w: request %s", store.ErrNotFound, reference)
	}
	if err != nil {
		return store.Request{}, wrapped("request", err)
	}
	return r, nil
}

// Requests: see store.Store.
func (s *Store) Requests(ctx context.Context, query store.RequestQuery) ([]store.Request, error) {
	var where []string
	var args []any
	only := func(condition string, value any) {
		args = append(args, value)
		where = append(where, strings.ReplaceAll(condition, "?", fmt.Sprint("$", len(args))))
	}
	for _, c := range []struct{ column, value string }{{"dialog", query.Dialog}, {"place", query.Place}, {"service", query.Service},
		{"department", query.Department}, {"status", query.Status}} {
		if c.value != "" {
			only("r."+c.column+" = ?", words(c.value))
		}
	}
	if !query.Since.IsZero() {
		only("r.opened >= ?", sealing.Stamp(query.Since))
	}
	if query.Resident != (store.Resident{}) {
		only("r.seq IN (SELECT request FROM joiner WHERE resident = ?)", [16]byte(query.Resident))
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
	err := each(ctx, s.pool, func(row pgx.Rows) error {
		r, _, err := s.scanRequest(row)
		all = append(all, r)
		return err
	}, fmt.Sprintf("%s ORDER BY r.opened DESC, r.seq DESC LIMIT $%d", text, len(args)), args...)
	return all, wrapped("requests", err)
}
