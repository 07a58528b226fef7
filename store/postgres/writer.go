package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// maxBatch bounds how many changes share a transaction, and with it how long the first of them waits.
	maxBatch = 256
	// batchMost is how long one batch is tried, through a failover too.
	batchMost = 20 * time.Second
	// counterSlots spreads the writers of all nodes over the rows that count.
	counterSlots = 1 << 20
)

// job is one turn to write. The goroutine that made it waits until a writer is done with it.
type job struct {
	turn        turn
	err         error
	done        chan struct{}
	state, said []byte // room for what is sealed, used again
}

// takeJob takes one that was used before, or a new one. They are the store's own: one whose channel was made in a test's bubble
// of time must not come back outside of it.
func (s *Store) takeJob() *job {
	if j, ok := s.jobs.Get().(*job); ok {
		return j
	}
	return &job{done: make(chan struct{}, 1)}
}

// keptRoom is how much of it is kept.
const keptRoom = 16 << 10

func (s *Store) giveJobBack(j *job) {
	j.state, j.said = j.turn.state[:0], j.turn.said[:0]
	if cap(j.state)+cap(j.said) > keptRoom {
		j.state, j.said = nil, nil
	}
	j.turn, j.err = turn{}, nil
	s.jobs.Put(j)
}

// submit waits for the turn to be on disk. ctx counts until a writer has room for it.
func (s *Store) submit(ctx context.Context, j *job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.closing.RLock()
	if s.closed.Load() {
		s.closing.RUnlock()
		return errClosed
	}
	select {
	case s.queue <- j: // as in load
		s.closing.RUnlock()
	default:
		select {
		case s.queue <- j:
			s.closing.RUnlock()
		case <-ctx.Done():
			s.closing.RUnlock()
			return ctx.Err()
		}
	}
	<-j.done
	return j.err
}

// writes takes whatever queued during its last commit: a batch grows with the load and nobody waits for a timer. What is about the
// same rows as a turn of the batch is put off to the next, so that all that a batch depends on can be looked at at once.
func (s *Store) writes() {
	w := newPage(int32(rand.IntN(counterSlots)))
	t := newTouched(&s.underWay)
	var batch, off, waiting []*job
	add := func(j *job) {
		switch t.take(j) {
		case here:
			batch = append(batch, j)
		case later:
			off = append(off, j)
		}
	}
	for {
		waiting = t.done(append(waiting[:0], off...))
		off, batch = off[:0], batch[:0]
		for _, j := range waiting {
			add(j)
		}
		for len(batch) == 0 { // and nothing is put off
			j, ok := <-s.queue
			if !ok {
				return
			}
			add(j)
		}
	fill:
		for len(batch)+len(off) < maxBatch {
			select {
			case j, ok := <-s.queue:
				if !ok {
					break fill
				}
				add(j)
			default:
				break fill
			}
		}
		s.batch(batch, w)
		s.cast(batch)
		s.ledger.stop(batch)
		for _, j := range batch {
			j.done <- struct{}{}
		}
	}
}

// batch commits a batch, or where that can't be, each of its turns by itself: one of them broke a rule that isn't checked first.
func (s *Store) batch(batch []*job, w *page) {
	ctx, cancel := context.WithTimeout(context.Background(), batchMost)
	defer cancel()
	err := s.persist(ctx, batch, w)
	if err != nil && len(batch) > 1 && ctx.Err() == nil && !lost(err) && !errors.Is(err, errAway) {
		for i := range batch {
			one := batch[i : i+1]
			if err := s.persist(ctx, one, w); err != nil {
				one[0].err = fmt.Errorf("store: commit: %w", err)
			}
		}
		return
	}
	if err != nil {
		for _, j := range batch {
			j.err = fmt.Errorf("store: commit: %w", err)
		}
	}
}

// persist tries a batch again where another transaction was in the way, or the server went away: a turn that was applied all the same
// is a Duplicate then, or a Conflict. Most batches are written without a look at what is there; one that can't be is looked at.
func (s *Store) persist(ctx context.Context, batch []*job, w *page) error {
	look := false
	s.lately.sort(batch)
	for n := 1; ; n++ {
		err := s.attempt(ctx, batch, w, look)
		if !look && err != nil {
			look = true
			if code(err) == codeBehind {
				continue
			}
		}
		s.noticed(err)
		again := lost(err) || errors.Is(err, errAway) || inTheWay(err) && n < attempts
		if err == nil || !again {
			return err
		}
		if e := pause(ctx, min(n, 9)); e != nil {
			return err
		}
	}
}

func (s *Store) attempt(ctx context.Context, batch []*job, w *page, look bool) error {
	if err := s.keepTime(ctx, &w.places); err != nil {
		return err
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // one with a transaction under way is closed
	err = s.transact(ctx, conn, batch, w, look)
	switch {
	case err == nil:
	case conn.Conn().IsClosed():
		// Whether the COMMIT came through isn't known: whoever looks again sees it.
		return errors.Join(errAway, err)
	default:
		conn.Exec(ctx, "ROLLBACK")
	}
	return err
}

// errAway says that the connection ended while a batch was under way.
var errAway = errors.New("the connection to PostgreSQL ended")

// transact writes turns that depend on nothing but the version of their row at once: the write itself compares that. What the others
// depend on, or with look all, is read and locked first, in one more round trip.
func (s *Store) transact(ctx context.Context, conn *pgxpool.Conn, batch []*job, w *page, look bool) error {
	// In one order, so that two batches wait for each other in one direction only.
	slices.SortFunc(batch, func(a, b *job) int { return bytes.Compare(a.turn.change.Resident[:], b.turn.change.Resident[:]) })
	w.empty()
	var looked []*job
	for _, j := range batch {
		j.err = nil
		if look || !j.turn.plain {
			looked = append(looked, j)
		} else {
			j.turn.take(w)
		}
	}
	if looked == nil {
		return w.commit(ctx, conn, true)
	}
	var v view
	if err := v.look(ctx, conn, looked); err != nil {
		return err
	}
	for _, j := range looked {
		t := &j.turn
		t.outcome, j.err = v.decide(t)
		if j.err != nil {
			continue
		}
		switch t.outcome.Kind {
		case duplicate:
			t.repeat(w)
		case applied:
			if t.merge != nil {
				if err := t.merge.read(ctx, conn, t.change, &v); err != nil {
					return err
				}
			}
			t.write(w, &v)
		}
	}
	return w.commit(ctx, conn, false)
}

// send runs a batch of statements and hands each of their results to whoever queued it.
func send(ctx context.Context, conn *pgxpool.Conn, b *pgx.Batch) error {
	return conn.SendBatch(ctx, b).Close()
}
