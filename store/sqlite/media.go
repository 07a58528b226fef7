package sqlite

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
)

const (
	partSize = sealing.PartSize
	// partRoom is how far the first parts of two media lie apart at least.
	partRoom = 256
)

// errPickedUp says that what is being laid down was picked up meanwhile, since its resident was erased.
var errPickedUp = errors.New("store: the resident was erased meanwhile")

// cut finds places for the parts of a change's media.
func (t *sealedTurn) cut() error {
	for i := range t.change.Media {
		if n := len(t.change.Media[i].Bytes); n == 0 || n > store.MostMedia {
			return fmt.Errorf("store: a recording or a picture of %d bytes: 1 to %d can be kept", n, store.MostMedia)
		}
		t.media = append(t.media, somewhere())
	}
	return nil
}

// somewhere is a place for the parts of a media.
func somewhere() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:])>>1) / partRoom * partRoom
}

// layDown seals the parts of a change's media and has each written in a transaction of its own. They belong to nobody, and
// nothing finds them, until the change is committed.
func (t *sealedTurn) layDown(key *store.Key, write func(func(*tables) error) error) error {
	for i := range t.change.Media {
		m := &t.change.Media[i]
		parts := sealing.PartsOf(len(m.Bytes))
		for n := range parts {
			sealed := key.Seal(nil, m.Bytes[n*partSize:min((n+1)*partSize, len(m.Bytes))], sealing.UsePart(m.ID, n, parts))
			if err := write(func(w *tables) error { return w.layPart(t.change, t.media[i], n, sealed) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tables) layPart(c *store.Change, first int64, n int, sealed []byte) error {
	if n == 0 {
		if err := t.exec("INSERT INTO media_loose(first, resident, at) VALUES(?, ?, ?)", first, c.Resident, max(sealing.Stamp(c.At), 1)); err != nil {
			return err
		}
	} else if there, err := t.loose(first); err != nil {
		return err
	} else if !there {
		return errPickedUp
	}
	return t.exec("INSERT INTO media_part(seq, body) VALUES(?, ?)", first+int64(n), sealed)
}

// loose says whether the parts at first still wait for their turn.
func (t *tables) loose(first int64) (bool, error) {
	return t.one(nil, "SELECT 1 FROM media_loose WHERE first = ? AND at <> 0", first)
}

// pickUp sees to it that parts whose turn wasn't applied are destroyed. What fails here is done by a sweep.
func (s *Store) pickUp(ctx context.Context, media []int64) {
	ctx = context.WithoutCancel(ctx)
	if err := s.write(ctx, func(t *tables) error {
		for _, first := range media {
			if err := t.exec("UPDATE media_loose SET at = 0 WHERE first = ?", first); err != nil {
				return err
			}
		}
		return nil
	}); err == nil {
		s.dropLoose(ctx, 1)
	}
}

// keepMedia gives the parts at first to a media. An id counts once.
func (t *tables) keepMedia(c *store.Change, m *store.Media, first int64) error {
	if err := t.exec(`INSERT INTO media(id, resident, type, at, until, size, first) VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		m.ID, c.Resident, m.Type, m.At, m.Until, len(m.Bytes), first); err != nil {
		return err
	}
	if t.Changes() == 0 {
		return t.exec("UPDATE media_loose SET at = 0 WHERE first = ?", first)
	}
	t.counts.media++
	t.counts.mediaBytes += int64(len(m.Bytes))
	return t.exec("DELETE FROM media_loose WHERE first = ?", first)
}

// What loosen takes from media: a resident's all, one of them, those whose time is over.
const (
	allOf   = "WHERE resident = ?1"
	oneOf   = "WHERE resident = ?1 AND id = ?2"
	overdue = "WHERE until <> 0 AND until <= ?1"
)

// loosen takes media away; which must be a constant. Their parts are destroyed by dropPart, one after the other.
func (t *tables) loosen(which string, args ...any) error {
	if _, err := t.one(func(q statement) error {
		t.counts.media -= q.ColumnInt64(0)
		t.counts.mediaBytes -= q.ColumnInt64(1)
		return nil
	}, "SELECT count(*), coalesce(sum(size), 0) FROM media "+which, args...); err != nil {
		return err
	}
	if err := t.exec("INSERT INTO media_loose(first, resident, at) SELECT first, resident, 0 FROM media "+which, args...); err != nil {
		return err
	}
	return t.exec("DELETE FROM media "+which, args...)
}

// dropLoose destroys parts that were laid down before then, and those that nobody has any more, which are from before 1.
func (s *Store) dropLoose(ctx context.Context, before int64) error {
	for {
		// Mostly there are none, and looking needn't disturb the writer.
		more := false
		if err := s.read(ctx, func(t *tables) (err error) {
			more, err = t.one(nil, "SELECT 1 FROM media_loose WHERE at < ?", before)
			return err
		}); err != nil || !more {
			return err
		}
		for more {
			if err := s.write(ctx, func(t *tables) (err error) {
				more, err = t.dropPart(before)
				return err
			}); err != nil {
				return err
			}
		}
	}
}

// dropPart destroys one part, and says whether there may be more.
func (t *tables) dropPart(before int64) (more bool, err error) {
	var first int64
	if more, err = t.one(func(q statement) error { first = q.ColumnInt64(0); return nil },
		"SELECT first FROM media_loose WHERE at < ? LIMIT 1", before); err != nil || !more {
		return false, err
	}
	if err := t.exec("UPDATE media_loose SET at = 0 WHERE first = ? AND at <> 0", first); err != nil {
		return false, err
	}
	if err := t.exec("DELETE FROM media_part WHERE seq = (SELECT min(seq) FROM media_part WHERE seq BETWEEN ? AND ?)", first, first+partRoom-1); err != nil {
		return false, err
	}
	if t.Changes() > 0 {
		return true, nil
	}
	return true, t.exec("DELETE FROM media_loose WHERE first = ?", first)
}

// Media: see store.Store.
func (s *Store) Media(ctx context.Context, id [16]byte) (m store.Media, err error) {
	err = s.steady(func() error {
		m, err = s.mediaNow(ctx, id)
		return err
	})
	return m, err
}

func (s *Store) mediaNow(ctx context.Context, id [16]byte) (store.Media, error) {
	m := store.Media{ID: id}
	var sealed [][]byte
	size := 0
	if err := s.read(ctx, func(t *tables) error {
		return t.snapshot(func() error {
			var first int64
			there, err := t.one(func(q statement) error {
				m.Resident, m.Type, m.At, m.Until = column16(q, 0), q.ColumnText(1), sealing.Moment(q.ColumnInt64(2)), sealing.Moment(q.ColumnInt64(3))
				size, first = int(q.ColumnInt64(4)), q.ColumnInt64(5)
				return nil
			}, "SELECT resident, type, at, until, size, first FROM media WHERE id = ?", id)
			if err != nil {
				return err
			}
			if !there {
				return store.ErrNotFound
			}
			return t.each(func(q statement) error { sealed = append(sealed, column(q, 0)); return nil },
				"SELECT body FROM media_part WHERE seq BETWEEN ? AND ? ORDER BY seq", first, first+int64(sealing.PartsOf(size))-1)
		})
	}); err != nil {
		return store.Media{}, fmt.Errorf("store: media: %w", err)
	}
	key, err := s.key(ctx, m.Resident)
	if err != nil {
		return store.Media{}, err
	}
	if key == nil {
		return store.Media{}, fmt.Errorf("store: media: %w", store.ErrNotFound)
	}
	m.Bytes = make([]byte, 0, size)
	for n, b := range sealed {
		plain, err := key.Open(b, sealing.UsePart(id, n, sealing.PartsOf(size)))
		if err != nil {
			return store.Media{}, fmt.Errorf("store: open a recording or a picture: %w", err)
		}
		m.Bytes = append(m.Bytes, plain...)
	}
	if len(m.Bytes) != size {
		return store.Media{}, errors.New("store: parts of a recording or a picture are missing")
	}
	return m, nil
}

// Sweep: see store.Store.
func (s *Store) Sweep(ctx context.Context, now time.Time) error {
	var due, loose, parted bool
	if err := s.read(ctx, func(t *tables) (err error) {
		if due, err = t.one(nil, "SELECT 1 FROM media "+overdue, now); err == nil {
			loose, err = t.one(nil, "SELECT 1 FROM media_loose WHERE at < ?", now.Add(-sealing.KeepLoose))
		}
		if err == nil {
			parted, err = t.one(nil, "SELECT 1 FROM erased_reply WHERE at < ?", now.Add(-sealing.KeepParting))
		}
		return err
	}); err != nil {
		return fmt.Errorf("store: sweep: %w", err)
	}
	if parted {
		if err := s.write(ctx, func(t *tables) error { return t.unpart(now) }); err != nil {
			return fmt.Errorf("store: sweep: %w", err)
		}
	}
	if !due && !loose {
		return nil
	}
	if err := s.write(ctx, func(t *tables) error { return t.loosen(overdue, now) }); err != nil {
		return fmt.Errorf("store: sweep: %w", err)
	}
	if err := s.dropLoose(ctx, sealing.Stamp(now.Add(-sealing.KeepLoose))); err != nil {
		return fmt.Errorf("store: sweep: %w", err)
	}
	s.forget(ctx)
	return nil
}
