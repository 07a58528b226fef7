package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// Voted: see store.Store.
func (s *Store) Voted(ctx context.Context, poll string, voter [16]byte) (bool, error) {
	used, err := there(ctx, s.pool, "SELECT 1 FROM roll WHERE poll = $1 AND voter = $2 AND used", words(poll), voter)
	return used, wrapped("roll", err)
}

// Linked: see store.Store.
func (s *Store) Linked(ctx context.Context, poll string, voter [16]byte) (bool, error) {
	linked, err := there(ctx, s.pool, "SELECT 1 FROM roll WHERE poll = $1 AND voter = $2 AND ballot IS NOT NULL", words(poll), voter)
	return linked, wrapped("roll", err)
}

// Reserve: see store.Store.
func (s *Store) Reserve(ctx context.Context, poll string, voters [][16]byte) error {
	return wrapped("reserve", s.write(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO reserved(poll) VALUES($1) ON CONFLICT DO NOTHING", words(poll)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO roll(poll, voter, used) SELECT $1, v, false FROM unnest($2::uuid[]) AS v ON CONFLICT DO NOTHING", words(poll), voters)
		return err
	}))
}

// OnRoll: see store.Store.
func (s *Store) OnRoll(ctx context.Context, poll string, voter [16]byte) (bool, error) {
	listed, err := there(ctx, s.pool, "SELECT 1 FROM roll JOIN reserved USING(poll) WHERE poll = $1 AND voter = $2", words(poll), voter)
	return listed, wrapped("roll", err)
}

// CloseRoll: see store.Store.
func (s *Store) CloseRoll(ctx context.Context, poll string) (n int, err error) {
	err = s.write(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockUnlinked, int32(locksMix), []string{words(poll)}, [][16]byte{}); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, "UPDATE roll SET ballot = NULL, resident = NULL WHERE poll = $1 AND ballot IS NOT NULL", words(poll))
		if err != nil {
			return err
		}
		n = int(tag.RowsAffected())
		_, err = tx.Exec(ctx, "UPDATE ballot SET linked = false WHERE poll = $1 AND linked", words(poll))
		return err
	})
	if err == nil {
		err = s.mix(ctx, poll)
	}
	return n, wrapped("close the roll", err)
}

// pageRows is how many records are read at once, so that a slow reader holds no snapshot open.
const pageRows = 512

const nextPage = " AND id > $3"

// Responses: see store.Store.
func (s *Store) Responses(ctx context.Context, poll string, yield func(store.Response) error) error {
	return pages(ctx, s, yield, func(r store.Response) [16]byte { return r.ID }, func(row pgx.Rows) (store.Response, error) {
		r := store.Response{Poll: poll}
		var at int64
		err := row.Scan(&r.ID, &r.Version, &r.Channel, &r.Lang, &at, &r.Record, &r.Order)
		r.At = sealing.Moment(at)
		return r, err
	}, "SELECT id, version, channel, lang, at, record, shown FROM response WHERE poll = $1", poll)
}

// Ballots: see store.Store.
func (s *Store) Ballots(ctx context.Context, poll string, yield func(store.Ballot) error) error {
	return pages(ctx, s, yield, func(b store.Ballot) [16]byte { return b.ID }, func(row pgx.Rows) (store.Ballot, error) {
		b := store.Ballot{Poll: poll}
		err := row.Scan(&b.ID, &b.Version, &b.Channel, &b.Day, &b.Linked, &b.Apart, &b.Record)
		return b, err
	}, "SELECT id, version, channel, day, linked, apart, record FROM ballot WHERE poll = $1", poll)
}

func pages[T any](ctx context.Context, s *Store, yield func(T) error, id func(T) [16]byte, scan func(pgx.Rows) (T, error), query, poll string) error {
	from, args := "", []any{words(poll), pageRows}
	for {
		var page []T
		if err := each(ctx, s.pool, func(r pgx.Rows) error {
			one, err := scan(r)
			page = append(page, one)
			return err
		}, query+from+" ORDER BY id LIMIT $2", args...); err != nil {
			return wrapped("read a poll", err)
		}
		for _, r := range page {
			if err := yield(r); err != nil {
				return err
			}
		}
		if len(page) < pageRows {
			return nil
		}
		from, args = nextPage, []any{words(poll), pageRows, id(page[len(page)-1])}
	}
}

// Answered: see store.Store.
func (s *Store) Answered(ctx context.Context, poll string, yield func(store.Resident) error) error {
	var all []store.Resident
	if err := each(ctx, s.pool, func(r pgx.Rows) error {
		var who [16]byte
		err := r.Scan(&who)
		all = append(all, who)
		return err
	}, "SELECT resident FROM response WHERE poll = $1 UNION SELECT resident FROM roll WHERE poll = $1 AND resident IS NOT NULL ORDER BY 1", words(poll)); err != nil {
		return wrapped("who answered", err)
	}
	for _, r := range all { // by their random ids
		if err := yield(r); err != nil {
			return err
		}
	}
	return nil
}
