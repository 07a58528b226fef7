package sqlite

import (
	"context"
	"encoding/binary"
)

// A sweep goes through the replies in their order and removes those that no conversation remembers any more. It begins when
// as many were added since the last as that one left, so that each reply is looked at a bounded number of times and
// the table holds at most about twice what is remembered.
const (
	sweepLeast = 50_000
	sweepPage  = 128
)

// sweep does one page, at most.
func (s *Store) sweep(t *tables) {
	w := &s.sweeping
	if !w.begun {
		w.begun = true
		t.one(func(q statement) error {
			b := column(q, 0)
			if len(b) == 16 {
				w.end, w.left = int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))
			}
			return nil
		}, "SELECT value FROM meta WHERE name = 'sweep'")
	}
	last, err := t.number("SELECT max(seq) FROM reply")
	if err != nil {
		return
	}
	if !w.under {
		if last-w.end < max(w.left, s.sweepLeast) {
			return
		}
		w.under, w.at, w.until, w.kept = true, 0, last, 0
	}
	type row struct{ seq, k int64 }
	var page []row
	if err := t.each(func(q statement) error {
		page = append(page, row{q.ColumnInt64(0), q.ColumnInt64(1)})
		return nil
	}, "SELECT seq, k FROM reply WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?", w.at, w.until, sweepPage); err != nil {
		return
	}
	var gone []int64
	for _, r := range page {
		remembered := false
		if _, err := t.one(func(q statement) error {
			for b := column(q, 2); len(b) >= answeredSize; b = b[answeredSize:] {
				remembered = remembered || seqOf(b) == r.seq
			}
			return nil
		}, selectRow, r.k); err != nil {
			return
		}
		if !remembered {
			gone = append(gone, r.seq)
		}
	}
	done := len(page) < sweepPage
	kept := w.kept + int64(len(page)-len(gone))
	if err := s.write(context.Background(), func(t *tables) error {
		for _, seq := range gone {
			if err := t.exec("DELETE FROM reply WHERE seq = ?", seq); err != nil {
				return err
			}
		}
		if !done {
			return nil
		}
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], uint64(w.until))
		binary.BigEndian.PutUint64(b[8:], uint64(kept))
		return t.exec("INSERT INTO meta(name, value) VALUES('sweep', ?) ON CONFLICT DO UPDATE SET value = excluded.value", b)
	}); err != nil {
		return
	}
	w.kept = kept
	if len(page) > 0 {
		w.at = page[len(page)-1].seq
	}
	if done {
		w.under, w.end, w.left = false, w.until, kept
	}
}

// sweeping is how far a sweep came; the keeper's alone.
type sweeping struct {
	begun, under    bool
	end, left       int64 // of the last sweep
	at, until, kept int64 // of the one under way
}
