package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	turn turn
	err  error
	done chan struct{}
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
	case s.queue <- j:
		s.closing.RUnlock()
	case <-ctx.Done():
		s.closing.RUnlock()
		return ctx.Err()
	}
	<-j.done
	return j.err
}

// writes takes whatever queued during its last commit: a batch grows with the load and nobody waits for a timer. What is about the
// same rows as a turn of the batch is put off to the next, so that all that a batch depends on can be looked at at once.
func (s *Store) writes() {
	slot := int32(rand.IntN(counterSlots))
	var off []*job
	for {
		var batch []*job
		taken := touched{}
		waiting := off
		off = nil
		for _, j := range waiting {
			if taken.take(&j.turn) {
				batch = append(batch, j)
			} else {
				off = append(off, j)
			}
		}
		if len(batch) == 0 {
			j, ok := <-s.queue
			if !ok {
				return
			}
			taken.take(&j.turn)
			batch = append(batch, j)
		}
	fill:
		for len(batch)+len(off) < maxBatch {
			select {
			case j, ok := <-s.queue:
				if !ok {
					break fill
				}
				if taken.take(&j.turn) {
					batch = append(batch, j)
				} else {
					off = append(off, j)
				}
			default:
				break fill
			}
		}
		s.batch(batch, slot)
		s.cast(batch)
		for _, j := range batch {
			j.done <- struct{}{}
		}
	}
}

// touched is what the turns of a batch are about: no two of them have anything in common.
type touched map[any]bool

type (
	touchedVoter   struct{ poll, voter string }
	touchedBallot  struct{ poll, id string }
	touchedRequest string
)

// take adds a turn, unless it touches what another does.
func (t touched) take(turn *turn) bool {
	if t[alone{}] {
		return false
	}
	c := turn.change
	if c.Merged != nil { // it reads on before it writes
		if len(t) > 0 {
			return false
		}
		t[alone{}] = true
		return true
	}
	var all []any
	all = append(all, c.Resident)
	for i := range c.Link {
		all = append(all, c.Link[i].Key)
	}
	for _, k := range c.Unlink {
		all = append(all, k)
	}
	if n := c.Newcomer; n != nil {
		all = append(all, n.Resident)
		for i := range n.Link {
			all = append(all, n.Link[i].Key)
		}
	}
	for i := range c.Ballots {
		b := &c.Ballots[i]
		all = append(all, touchedVoter{b.Poll, string(b.Voter[:])}, touchedBallot{b.Poll, string(b.ID[:])})
	}
	for i := range c.Marks {
		all = append(all, touchedVoter{c.Marks[i].Poll, string(c.Marks[i].Voter[:])})
	}
	for i := range c.Requests {
		all = append(all, touchedRequest(c.Requests[i].Reference))
	}
	for i := range c.Timers {
		if r := c.Timers[i].Resident; r != c.Resident {
			all = append(all, r)
		}
	}
	for _, k := range all {
		if t[k] {
			return false
		}
	}
	for _, k := range all {
		t[k] = true
	}
	return true
}

// alone marks a batch that nothing may join.
type alone struct{}

// batch commits a batch, or where that can't be, each of its turns by itself: one of them broke a rule that isn't checked first.
func (s *Store) batch(batch []*job, slot int32) {
	ctx, cancel := context.WithTimeout(context.Background(), batchMost)
	defer cancel()
	err := s.persist(ctx, batch, slot)
	if err != nil && len(batch) > 1 && ctx.Err() == nil && !lost(err) && !errors.Is(err, errAway) {
		for i := range batch {
			one := batch[i : i+1]
			if err := s.persist(ctx, one, slot); err != nil {
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
// is a Duplicate then, or a Conflict.
func (s *Store) persist(ctx context.Context, batch []*job, slot int32) error {
	for n := 1; ; n++ {
		err := s.attempt(ctx, batch, slot)
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

func (s *Store) attempt(ctx context.Context, batch []*job, slot int32) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // one with a transaction under way is closed
	err = s.transact(ctx, conn, batch, slot)
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

// transact looks at what the batch depends on, decides, and writes, in one round trip each.
func (s *Store) transact(ctx context.Context, conn *pgxpool.Conn, batch []*job, slot int32) error {
	var v view
	if err := v.look(ctx, conn, batch); err != nil {
		return err
	}
	w := newPage(slot)
	for _, j := range batch {
		t := &j.turn
		j.err = nil
		t.outcome, j.err = v.decide(t)
		if j.err != nil {
			continue
		}
		switch t.outcome.Kind {
		case duplicate:
			t.repeat(w)
		case applied:
			if t.merge != nil {
				if err := t.merge.read(ctx, conn, t.change); err != nil {
					return err
				}
			}
			t.write(w, &v)
		}
	}
	return w.commit(ctx, conn)
}

// send runs a batch of statements and hands each of their results to whoever queued it.
func send(ctx context.Context, conn *pgxpool.Conn, b *pgx.Batch) error {
	return conn.SendBatch(ctx, b).Close()
}
