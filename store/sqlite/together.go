package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/townline/townline/store"
)

// together reads rows that are asked for at the same time in one transaction: after each commit of the writer's a reader's page
// cache begins empty, so the first row pays for the pages that lead to all. Whoever finds too few reading reads, for
// itself and for all who wait by then; who comes meanwhile waits for the next. Nobody waits for a timer.
type together struct {
	mu      sync.Mutex
	waiting []*wanted
	reading int
	spare   []*wanted
}

// mostReading leaves connections for what isn't a turn.
const mostReading = readerCount / 2

// wanted is a resident's row that somebody waits for, or whose an address is, or both.
type wanted struct {
	address         *store.AddressKey // nil: the row is wanted
	both            bool              // the row of whose the address is, too
	resident        store.Resident
	keyed           bool // the key is known: it needn't be read
	found           bool
	version         uint64
	answered, state []byte // sealed
	wrapped         []byte
	after           uint64 // the batch that has to be on disk before this may be given away; 0: none
	err             error
	turn            chan bool // true: read for all who wait; false: it was read
}

// fetch reads what is wanted. It is on disk then.
func (s *Store) fetch(ctx context.Context, w *wanted) error {
	if err := s.look(ctx, w); err != nil {
		return err
	}
	return s.unsynced.upTo(w.after)
}

func (s *Store) look(ctx context.Context, w *wanted) error {
	g := &s.together
	g.mu.Lock()
	if g.reading >= mostReading {
		w.turn = make(chan bool, 1)
		g.waiting = append(g.waiting, w)
		g.mu.Unlock()
		select {
		case read := <-w.turn:
			if !read {
				return w.err
			}
		case <-ctx.Done():
			if !g.leave(w) && <-w.turn {
				g.pass()
			}
			return ctx.Err()
		}
	} else {
		g.reading++
		g.mu.Unlock()
	}
	runtime.Gosched() // those who are about to ask do it now
	t, err := s.reader(ctx)
	if err != nil {
		g.pass()
		return err
	}
	batch := append(g.take(), w)
	t.rows(batch)
	s.giveBack(t)
	s.unsynced.note(batch)
	g.pass()
	for _, other := range batch[:len(batch)-1] {
		other.turn <- false
	}
	clear(batch)
	g.mu.Lock()
	g.spare = batch[:0]
	g.mu.Unlock()
	return w.err
}

// take returns all who wait, whose rows are then read.
func (g *together) take() []*wanted {
	g.mu.Lock()
	defer g.mu.Unlock()
	batch := g.waiting
	g.waiting, g.spare = g.spare, nil
	return batch
}

// pass lets the next who waits read.
func (g *together) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.reading--
		return
	}
	g.waiting[0].turn <- true
	g.waiting = append(g.waiting[:0], g.waiting[1:]...)
}

// leave says whether w was still waiting.
func (g *together) leave(w *wanted) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, w)
	if i < 0 {
		return false
	}
	g.waiting = slices.Delete(g.waiting, i, i+1)
	return true
}

// rows reads the rows of a batch, in the order in which they lie.
func (t *tables) rows(batch []*wanted) {
	if len(batch) == 1 && !batch[0].both {
		batch[0].err = t.want(batch[0])
		return
	}
	order := slices.Clone(batch)
	slices.SortFunc(order, inPlace)
	if err := t.snapshot(func() error {
		for _, w := range order {
			w.err = t.want(w)
		}
		return nil
	}); err != nil {
		for _, w := range batch {
			w.err = cmp.Or(w.err, err)
		}
	}
}

// inPlace compares by the tables and where in them the rows lie.
func inPlace(a, b *wanted) int {
	switch {
	case a.address == nil && b.address == nil:
		return cmp.Compare(rowOf(a.resident), rowOf(b.resident))
	case a.address != nil && b.address != nil:
		return bytes.Compare(a.address[:], b.address[:])
	case a.address != nil:
		return -1
	}
	return 1
}

func (t *tables) want(w *wanted) error {
	if w.address == nil {
		return t.row(w)
	}
	if err := t.whose(w); err != nil || !w.found || !w.both {
		return err
	}
	return t.row(w)
}

const (
	selectWhose = "SELECT resident FROM address WHERE key = ?"
	selectState = "SELECT resident, version, answered, state FROM conversation WHERE k = ?"
	selectBoth  = `SELECT c.resident, c.version, c.answered, c.state, d.wrapped FROM conversation c JOIN resident_key d ON d.k = c.k
		WHERE c.k = ? AND d.resident = c.resident`
)

func (t *tables) whose(w *wanted) error {
	q, err := t.prepare(selectWhose)
	if err != nil {
		return err
	}
	q.BindBytes(1, w.address[:])
	w.found, err = q.Step()
	if w.found {
		w.resident = column16(q, 0)
	}
	if e := q.Reset(); err == nil {
		err = e
	}
	return err
}

func (t *tables) row(w *wanted) error {
	query := selectBoth
	if w.keyed {
		query = selectState
	}
	q, err := t.prepare(query)
	if err != nil {
		return err
	}
	q.BindInt64(1, rowOf(w.resident))
	there, err := q.Step()
	if err == nil && there && q.ColumnLen(0) == len(w.resident) && column16(q, 0) == w.resident {
		w.found, w.version = true, uint64(q.ColumnInt64(1))
		w.answered, w.state = column(q, 2), column(q, 3)
		if !w.keyed {
			w.wrapped = column(q, 4)
		}
	}
	if e := q.Reset(); err == nil {
		err = e
	}
	return err
}
