package postgres

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

// errPickedUp says that what is being laid down was picked up meanwhile, since its resident was erased.
var errPickedUp = errors.New("store: the resident was erased meanwhile")

// cut finds places for the parts of a change's media.
func cut(c *store.Change) (places []int64, err error) {
	for i := range c.Media {
		if n := len(c.Media[i].Bytes); n == 0 || n > store.MostMedia {
			return nil, fmt.Errorf("store: a recording or a picture of %d bytes: 1 to %d can be kept", n, store.MostMedia)
		}
		places = append(places, somewhere())
	}
	return places, nil
}

// somewhere is a place for the parts of a media.
func somewhere() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:]))
}

// places are where parts were laid down for a turn.
func (t *turn) places() []int64 {
	all := t.media
	if t.merge != nil {
		for _, m := range t.merge.media {
			all = append(all, m.first)
		}
	}
	return all
}

// layDown seals the parts of a change's media, and those of who is merged anew, and writes each in a transaction of its own. They
// belong to nobody, and nothing finds them, until the change is committed.
func (s *Store) layDown(ctx context.Context, t *turn) error {
	c := t.change
	for i := range c.Media {
		m := &c.Media[i]
		parts := sealing.PartsOf(len(m.Bytes))
		for n := range parts {
			plain := m.Bytes[n*sealing.PartSize : min((n+1)*sealing.PartSize, len(m.Bytes))]
			if err := s.layPart(ctx, c, t.media[i], n, t.key.Seal(nil, plain, sealing.UsePart(m.ID, n, parts))); err != nil {
				return err
			}
		}
	}
	if t.merge == nil || t.merge.theirs == nil {
		return nil
	}
	var all []moved
	if err := each(ctx, s.pool, func(r pgx.Rows) error {
		m := moved{first: somewhere()}
		if err := r.Scan(&m.id, &m.size, &m.was); err != nil {
			return err
		}
		all = append(all, m)
		return nil
	}, "SELECT id, size, first FROM media WHERE resident = $1 ORDER BY id", [16]byte(c.Merged.Resident)); err != nil {
		return fmt.Errorf("store: find what is to be merged: %w", err)
	}
	for _, m := range all {
		t.merge.media = append(t.merge.media, m)
		parts := sealing.PartsOf(m.size)
		for n := range parts {
			var b []byte
			if err := each(ctx, s.pool, func(r pgx.Rows) error { return r.Scan(&b) }, "SELECT body FROM media_part WHERE first = $1 AND n = $2", m.was, n); err != nil {
				return fmt.Errorf("store: read what is to be merged: %w", err)
			}
			if b == nil { // it was swept since, or they changed: the writer will see
				break
			}
			plain, err := t.merge.theirs.Open(b, sealing.UsePart(m.id, n, parts))
			if err != nil {
				return fmt.Errorf("store: open a merged resident's recording or picture: %w", err)
			}
			if err := s.layPart(ctx, c, m.first, n, t.key.Seal(nil, plain, sealing.UsePart(m.id, n, parts))); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) layPart(ctx context.Context, c *store.Change, first int64, n int, sealed []byte) error {
	err := s.write(ctx, func(tx pgx.Tx) error {
		if n == 0 {
			if _, err := tx.Exec(ctx, "INSERT INTO media_loose(first, resident, at) VALUES($1, $2, $3)", first, [16]byte(c.Resident), max(sealing.Stamp(c.At), 1)); err != nil {
				return err
			}
		} else if waits, err := there(ctx, tx, "SELECT 1 FROM media_loose WHERE first = $1 FOR UPDATE", first); err != nil {
			return err
		} else if !waits {
			return errPickedUp
		}
		_, err := tx.Exec(ctx, "INSERT INTO media_part(first, n, body) VALUES($1, $2, $3)", first, n, sealed)
		return err
	})
	if err != nil && !errors.Is(err, errPickedUp) {
		err = fmt.Errorf("store: lay down a recording or a picture: %w", err)
	}
	return err
}

// pickUp destroys parts whose turn wasn't applied. What fails here is done by a sweep.
func (s *Store) pickUp(ctx context.Context, places []int64) {
	if len(places) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx)
	s.write(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, dropLoose+"first = ANY($1))"+dropLooseEnd, places)
		return err
	})
}

// dropLoose destroys parts that wait for their turn still.
const (
	dropLoose    = "WITH gone AS (DELETE FROM media_loose WHERE first IN (SELECT first FROM media_loose WHERE "
	dropLooseEnd = " RETURNING first) DELETE FROM media_part p USING gone WHERE p.first = gone.first"
)

// keepMedia gives the parts at first to a media. An id counts once.
func (w *page) keepMedia(c *store.Change, m *store.Media, first int64) {
	w.Queue(`WITH made AS (INSERT INTO media(id, resident, type, at, until, size, first) VALUES($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING size)
		INSERT INTO counter(name, slot, n) SELECT 'media', $8::integer, count(*) FROM made HAVING count(*) > 0
			UNION ALL SELECT 'media_bytes', $8::integer, sum(size) FROM made HAVING count(*) > 0
		ON CONFLICT(name, slot) DO UPDATE SET n = counter.n + excluded.n`,
		m.ID, [16]byte(c.Resident), words(m.Type), sealing.Stamp(m.At), sealing.Stamp(m.Until), len(m.Bytes), first, w.slot)
	w.Queue("DELETE FROM media_loose WHERE first = $1", first)
	w.Queue("DELETE FROM media_part WHERE first = $1 AND NOT EXISTS (SELECT 1 FROM media WHERE first = $1 AND id = $2)", first, m.ID)
}

// Media that go, with their parts: $1 is where they are counted.
const (
	drop    = "WITH gone AS (DELETE FROM media WHERE "
	dropEnd = ` RETURNING first, size), parts AS (DELETE FROM media_part p USING gone WHERE p.first = gone.first)
		INSERT INTO counter(name, slot, n) SELECT 'media', $1::integer, -count(*) FROM gone HAVING count(*) > 0
			UNION ALL SELECT 'media_bytes', $1::integer, -sum(size) FROM gone HAVING count(*) > 0
		ON CONFLICT(name, slot) DO UPDATE SET n = counter.n + excluded.n`
	dropOne     = drop + "resident = $2 AND id = $3" + dropEnd
	dropAll     = drop + "resident = $2" + dropEnd
	dropOverdue = drop + "until <> 0 AND until <= $2" + dropEnd
)

// Media: see store.Store.
func (s *Store) Media(ctx context.Context, id [16]byte) (store.Media, error) {
	var m store.Media
	err := s.snapshot(ctx, func(tx pgx.Tx) error {
		m = store.Media{ID: id}
		var at, until, first int64
		var size int
		var key *held
		found := false
		if err := each(ctx, tx, func(r pgx.Rows) error {
			var n *int64
			var wrapped []byte
			var who [16]byte
			if err := r.Scan(&who, &m.Type, &at, &until, &size, &first, &n, &wrapped); err != nil {
				return err
			}
			m.Resident, m.At, m.Until, found = who, sealing.Moment(at), sealing.Moment(until), true
			var err error
			key, err = s.open(m.Resident, n, wrapped)
			return err
		}, `SELECT m.resident, m.type, m.at, m.until, m.size, m.first, d.id, d.wrapped FROM media m LEFT JOIN resident_key d USING(resident) WHERE m.id = $1`, id); err != nil {
			return err
		}
		if !found || key == nil {
			return store.ErrNotFound
		}
		m.Bytes = make([]byte, 0, size)
		n := 0
		if err := each(ctx, tx, func(r pgx.Rows) error {
			var b []byte
			if err := r.Scan(&b); err != nil {
				return err
			}
			plain, err := key.Open(b, sealing.UsePart(id, n, sealing.PartsOf(size)))
			if err != nil {
				return fmt.Errorf("open a recording or a picture: %w", err)
			}
			m.Bytes = append(m.Bytes, plain...)
			n++
			return nil
		}, "SELECT body FROM media_part WHERE first = $1 ORDER BY n", first); err != nil {
			return err
		}
		if len(m.Bytes) != size {
			return errors.New("parts of a recording or a picture are missing")
		}
		return nil
	})
	if err != nil {
		return store.Media{}, fmt.Errorf("store: media: %w", err)
	}
	return m, nil
}

// Sweep: see store.Store.
func (s *Store) Sweep(ctx context.Context, now time.Time) error {
	err := s.write(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, dropOverdue, int32(0), sealing.Stamp(now)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropLoose+"at < $1 FOR UPDATE SKIP LOCKED)"+dropLooseEnd, sealing.Stamp(now.Add(-sealing.KeepLoose))); err != nil {
			return err
		}
		return unpart(ctx, tx, now)
	})
	if err == nil {
		err = s.forgetDuties(ctx)
	}
	if err != nil {
		return fmt.Errorf("store: sweep: %w", err)
	}
	return s.agree(ctx, false)
}
