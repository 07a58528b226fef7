package sqlite

import (
	"context"
	"encoding/binary"
)

// sweep goes through the replies in their order and removes those that no conversation remembers any more. It begins when as
// many were added since the last as that one left, so that a reply is looked at a bounded number of times and the table
// holds at most about twice what is remembered. One goroutine's.
type sweep struct {
	least           int64
	known, under    bool
	end, left       int64 // of the last one: where it ended, how many stayed
	at, until, kept int64 // of the one under way
}

const (
	sweepLeast = 50_000
	sweepPage  = 128
	// sweepBusy is how many times as much gathers before a sweep begins while turns are committed: it reads a row for each reply.
	sweepBusy = 4
)

func newSweep(least int64) *sweep { return &sweep{least: least} }

// page does a bounded piece, if there is something to do. What goes wrong is tried again with the next.
func (w *sweep) page(ctx context.Context, t *tables, s *Store, busy bool) {
	if last, added := w.added(t); !w.under {
		enough := max(w.left, w.least)
		if busy {
			enough *= sweepBusy
		}
		if added < enough {
			return
		}
		w.under, w.at, w.until, w.kept = true, 0, last, 0
	}
	type row struct{ seq, k int64 }
	var rows []row
	var gone []int64
	// A reply that isn't remembered now never will be again; the snapshot only makes reading cheaper.
	if err := t.snapshot(func() error {
		if err := t.each(func(q statement) error {
			rows = append(rows, row{q.ColumnInt64(0), q.ColumnInt64(1)})
			return nil
		}, "SELECT seq, k FROM reply WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?", w.at, w.until, sweepPage); err != nil {
			return err
		}
		for _, r := range rows {
			remembered := false
			if _, err := t.one(func(q statement) error {
				n := q.ColumnLen(2)
				if cap(t.buf) < n {
					t.buf = make([]byte, n)
				}
				b := t.buf[:n]
				for q.ColumnBytes(2, b); len(b) >= answeredSize; b = b[answeredSize:] {
					remembered = remembered || seqOf(b) == r.seq
				}
				return nil
			}, selectRow, r.k); err != nil {
				return err
			}
			if !remembered {
				gone = append(gone, r.seq)
			}
		}
		return nil
	}); err != nil {
		return
	}
	done := len(rows) < sweepPage
	kept := w.kept + int64(len(rows)-len(gone))
	if err := s.write(ctx, func(t *tables) error {
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
	if len(rows) > 0 {
		w.at = rows[len(rows)-1].seq
	}
	if done {
		w.under, w.end, w.left = false, w.until, kept
	}
}

// added says how far one would go, and how many were added since the last.
func (w *sweep) added(t *tables) (last, n int64) {
	if !w.known {
		if _, err := t.one(func(q statement) error {
			if b := column(q, 0); len(b) == 16 {
				w.end, w.left = int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))
			}
			return nil
		}, "SELECT value FROM meta WHERE name = 'sweep'"); err != nil {
			return 0, -1
		}
		w.known = true
	}
	last, err := t.number("SELECT max(seq) FROM reply")
	if err != nil {
		return 0, -1
	}
	return last, last - w.end
}
