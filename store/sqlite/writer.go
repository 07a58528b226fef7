package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/townline/townline/store"
	"zombiezen.com/go/sqlite"
)

// maxBatch bounds how many changes share a transaction, and with it how long the first of them waits.
const maxBatch = 256

// mostYields bounds how often the writer lets others go first before a batch: on a busy machine each time takes as long as all who
// can run together take once. With fewer, batches get small as soon as the disk works beside the writer.
const mostYields = 4

// job is one thing to write. The goroutine that made it waits until the writer is done with it.
type job struct {
	turn sealedTurn          // a Change; or
	do   func(*tables) error // anything else. It may run twice; it must write nothing before it returns a refusal
	then func()              // what the writer does once it is on disk, before anything else is written (moves)
	err  error
	done chan struct{}
}

// takeJob takes one that was used before, or a new one. They are the store's own: one whose channel was made in a test's bubble
// of time must not come back outside of it.
func (s *Store) takeJob() *job {
	if j, ok := s.jobs.Get().(*job); ok {
		return j
	}
	return &job{done: make(chan struct{}, 1)}
}

func (s *Store) giveJobBack(j *job) {
	state, reply, answered := j.turn.state, j.turn.reply, j.turn.answered
	j.turn = sealedTurn{state: state[:0], reply: reply[:0], answered: answered[:0]}
	j.do, j.then, j.err = nil, nil, nil
	s.jobs.Put(j)
}

// write runs do in a transaction of the writer's.
func (s *Store) write(ctx context.Context, do func(*tables) error) error {
	return s.writeThen(ctx, do, nil)
}

func (s *Store) writeThen(ctx context.Context, do func(*tables) error, then func()) error {
	j := s.takeJob()
	defer s.giveJobBack(j)
	j.do, j.then = do, then
	return s.submit(ctx, j)
}

// submit waits for the job to be on disk. ctx counts until the writer has room for it.
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

// mostUnsynced bounds how many batches wait for the disk, and with them how much is lost to nobody's knowledge when the power fails.
const mostUnsynced = 4

// writes is the only goroutine that writes. It takes whatever queued during its last commit: a batch grows with the load
// and nobody waits for a timer. While the disk has one batch it writes the next (unsynced).
func (s *Store) writes() {
	defer close(s.toSync)
	for j := range s.queue {
		batch := append(s.room(), j)
		for range mostYields {
			// Those whose turns were committed just now are awake, and their next changes come at once.
			before := len(batch)
			runtime.Gosched()
			if batch = s.queued(batch); len(batch) == before {
				break
			}
		}
		s.batch(batch)
	}
}

// room returns an empty batch.
func (s *Store) room() []*job {
	select {
	case batch := <-s.spare:
		clear(batch)
		return batch[:0]
	default:
		return make([]*job, 0, maxBatch)
	}
}

// queued adds what waits.
func (s *Store) queued(batch []*job) []*job {
	for len(batch) < maxBatch {
		select {
		case j, ok := <-s.queue:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

func (s *Store) batch(batch []*job) {
	moving := moves(batch)
	if moving {
		s.unsynced.all() // what is known here of addresses and keys changes with the disk, so nothing else may be on its way
	}
	s.makeRoom()
	err := s.unsynced.broken()
	if err != nil {
		fail(batch, err)
		s.toSync <- committed{batch: batch, number: s.unsynced.begin(nil)} // it changes no row
		return
	}
	c := committed{batch: batch, number: s.unsynced.begin(batch), moving: moving}
	if moving {
		s.whose.move(true)
	}
	c.owed, err = s.writer.transaction(batch, s.keys, !moving)
	if fatal(err) {
		// What a failed write or sync left on disk isn't known: stop acknowledging, until a restart reads it anew.
		s.unsynced.fail(err)
	}
	if moving {
		if err == nil {
			s.recent.put(batch)
		}
		for _, j := range batch {
			if j.then != nil {
				j.then()
			}
		}
		s.whose.move(false)
	}
	s.commits.Add(1)
	s.toSync <- c
}

// fatal tells errors after which nothing may be acknowledged from those that pass (a full disk) or concern one change.
func fatal(err error) bool {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultIOErr, sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return err != nil
	}
	return false
}

func fail(batch []*job, err error) {
	for _, j := range batch {
		j.err = err
	}
}

// transaction runs a batch and commits it. Each job's own refusal is in its err; what is returned befell all. Where it may be late,
// it says whether it owes the disk a sync.
func (t *tables) transaction(batch []*job, keys *keyring, late bool) (owed bool, err error) {
	t.Late(late)
	defer func() { owed = t.Late(false) }()
	err = t.attempt(batch, keys, false)
	if err != nil && len(batch) > 1 && !fatal(err) {
		// One of them broke a rule that isn't checked first: give each a savepoint, so that it fails alone.
		err = t.attempt(batch, keys, true)
	}
	if err != nil {
		fail(batch, fmt.Errorf("store: commit: %w", err))
	}
	return owed, err
}

func (t *tables) attempt(batch []*job, keys *keyring, apart bool) error {
	t.counts, t.moved = counts{}, false
	if err := t.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := t.all(batch, keys, apart)
	if err == nil {
		err = t.addUp()
	}
	if err == nil {
		err = t.exec("COMMIT")
	}
	if err != nil {
		t.exec("ROLLBACK") // fails where SQLite has rolled back by itself
	}
	return err
}

func (t *tables) all(batch []*job, keys *keyring, apart bool) error {
	for _, j := range batch {
		before := t.counts
		if apart {
			if err := t.exec("SAVEPOINT job"); err != nil {
				return err
			}
		}
		j.err = nil
		var err error
		if j.do != nil {
			err = j.do(t)
		} else {
			err = t.turn(&j.turn, keys)
		}
		if err == nil {
			if apart {
				err = t.exec("RELEASE job")
			}
			if err != nil {
				return err
			}
			continue
		}
		if !refusal(err) {
			if !apart {
				return err
			}
			if fatal(err) {
				return err
			}
		}
		j.err = err
		if apart {
			t.counts = before
			if err := t.exec("ROLLBACK TO job"); err != nil {
				return err
			}
			if err := t.exec("RELEASE job"); err != nil {
				return err
			}
		}
	}
	return nil
}

// refusal tells a decision about one job, after which nothing was written, from a failure.
func refusal(err error) bool {
	return errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrPublished) || errors.Is(err, errSharedRow) || errors.Is(err, errPickedUp) || errors.Is(err, errKeysMoved)
}

func (t *tables) addUp() error {
	for _, c := range []struct {
		name string
		n    int64
	}{{"conversations", t.counts.conversations}, {"responses", t.counts.responses}, {"ballots", t.counts.ballots}, {"requests", t.counts.requests},
		{"media", t.counts.media}, {"media_bytes", t.counts.mediaBytes}} {
		if c.n == 0 {
			continue
		}
		if err := t.exec("UPDATE counter SET n = n + ?2 WHERE name = ?1", c.name, c.n); err != nil {
			return err
		}
	}
	return nil
}
