package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// Find: see store.Store.
func (s *Store) Find(ctx context.Context, a store.AddressKey) (r store.Resident, known bool, err error) {
	err = each(ctx, s.pool, func(row pgx.Rows) error {
		var who [16]byte
		err := row.Scan(&who)
		r, known = who, true
		return err
	}, "SELECT resident FROM address WHERE key = $1", [16]byte(a))
	return r, known, wrapped("find", err)
}

// Addresses: see store.Store.
func (s *Store) Addresses(ctx context.Context, r store.Resident) (all []store.Address, err error) {
	err = each(ctx, s.pool, func(row pgx.Rows) error {
		var a store.Address
		var key [16]byte
		var sealed, wrapped []byte
		var id *int64
		if err := row.Scan(&key, &a.Kind, &sealed, &id, &wrapped); err != nil {
			return err
		}
		k, err := s.open(r, id, wrapped)
		if err != nil {
			return err
		}
		b, err := k.Open(sealed, sealing.UseAddress)
		a.Key, a.Address = key, string(b)
		all = append(all, a)
		return err
	}, "SELECT a.key, a.kind, a.sealed, d.id, d.wrapped FROM address a JOIN resident_key d USING(resident) WHERE a.resident = $1 ORDER BY a.at DESC, a.key", [16]byte(r))
	if err != nil {
		return nil, wrapped("addresses", err)
	}
	return all, nil
}

// OptedOut: see store.Store.
func (s *Store) OptedOut(ctx context.Context, a store.AddressKey) (out bool, err error) {
	err = each(ctx, s.pool, func(r pgx.Rows) error { return r.Scan(&out) }, "SELECT stopped FROM optout WHERE address = $1 ORDER BY seq DESC LIMIT 1", [16]byte(a))
	return out, wrapped("opt-outs", err)
}

// Consents: see store.Store.
func (s *Store) Consents(ctx context.Context, r store.Resident) (all []store.Consent, err error) {
	err = each(ctx, s.pool, func(row pgx.Rows) error {
		c := store.Consent{Resident: r}
		var at int64
		err := row.Scan(&c.ID, &c.Poll, &c.Version, &c.Step, &c.Words, &c.Lang, &c.Yes, &c.Channel, &at)
		c.At = sealing.Moment(at)
		all = append(all, c)
		return err
	}, "SELECT id, poll, version, step, words, lang, yes, channel, at FROM consent WHERE resident = $1 ORDER BY seq", [16]byte(r))
	return all, wrapped("consents", err)
}

// Erase: see store.Store. The row is locked before the key, as turns do.
func (s *Store) Erase(ctx context.Context, r store.Resident, now time.Time, last ...store.Parting) error {
	if err := s.ledger.erase(r, now); err != nil {
		return fmt.Errorf("store: note an erasure: %w", err)
	}
	return s.eraseNow(ctx, r, now, last...)
}

func (s *Store) eraseNow(ctx context.Context, r store.Resident, now time.Time, last ...store.Parting) error {
	err := s.write(ctx, func(tx pgx.Tx) error {
		if err := eraseIn(ctx, tx, r, now); err != nil {
			return err
		}
		return part(ctx, tx, now, last)
	})
	s.keys.drop(r)
	return wrapped("erase", err)
}

func eraseIn(ctx context.Context, tx pgx.Tx, r store.Resident, now time.Time) error {
	who := [16]byte(r)
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", beginning(r)); err != nil {
		return err
	}
	var known []byte
	if err := each(ctx, tx, func(r pgx.Rows) error { return r.Scan(&known) }, "SELECT known FROM conversation WHERE resident = $1 FOR UPDATE", who); err != nil {
		return err
	}
	if _, err := there(ctx, tx, "SELECT 1 FROM resident_key WHERE resident = $1 FOR UPDATE", who); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, lockUnlinked, int32(locksMix), []string{}, [][16]byte{who}); err != nil {
		return err
	}
	var b pgx.Batch
	dropReplies(&b, known)
	const slot = int32(0)
	lose := func(name string, query string) {
		b.Queue("WITH gone AS ("+query+" RETURNING 1) INSERT INTO counter(name, slot, n) SELECT $2, $3::integer, -count(*) FROM gone HAVING count(*) > 0 "+
			"ON CONFLICT(name, slot) DO UPDATE SET n = counter.n + excluded.n", who, name, slot)
	}
	lose("conversations", "DELETE FROM conversation WHERE resident = $1")
	lose("responses", "DELETE FROM response WHERE resident = $1")
	b.Queue(dropAll, slot, who)
	b.Queue(dropLoose+"resident = $1)"+dropLooseEnd, who) // of a turn that is under way
	for _, query := range []string{
		"DELETE FROM resident_key WHERE resident = $1",
		"DELETE FROM address WHERE resident = $1",
		"DELETE FROM consent WHERE resident = $1",
		"DELETE FROM outbox WHERE resident = $1",
		"DELETE FROM timer WHERE resident = $1",
		"DELETE FROM letter WHERE resident = $1",
		"DELETE FROM desk_case WHERE resident = $1",
		"DELETE FROM joiner WHERE resident = $1",
		// Staff's own notes about the person hang on the request that the person opened.
		"UPDATE request_event SET personal = NULL WHERE request IN (SELECT seq FROM request WHERE resident = $1) AND resident IS NULL",
		"UPDATE request SET resident = NULL, personal = NULL WHERE resident = $1",
		"UPDATE request_event SET resident = NULL, personal = NULL WHERE resident = $1",
		"UPDATE ballot SET linked = false WHERE (poll, id) IN (SELECT poll, ballot FROM roll WHERE resident = $1)",
		"UPDATE roll SET ballot = NULL, resident = NULL WHERE resident = $1",
	} {
		b.Queue(query, who)
	}
	b.Queue("INSERT INTO erased(resident, at) VALUES($1, $2) ON CONFLICT(resident) DO UPDATE SET at = excluded.at", who, sealing.Stamp(now))
	return tx.SendBatch(ctx, &b).Close()
}
