package sqlite

import (
	"context"
	"time"
)

const (
	pageSize = 4096
	// walPassive is how much of the log the keeper lets gather before it copies it into the database; pages that were
	// written often meanwhile are copied once. More of them at a time would not be less work, but where there are many conversations
	// the writer's syncs would stand behind thousands of pages (store/README.md, Figures).
	walPassive = 4 << 20
	// walBound is where the writer itself wraps the log, which the keeper has mostly copied: a passive checkpoint never
	// catches up with a busy writer. A long reader (a backup) can delay it.
	walBound = 64 << 20
	// walLittle is what the keeper leaves to the writer then: turns wait while that is copied and synced.
	walLittle = 256 << 10
	// keeperPause is how often a keeper looks while there are commits.
	keeperPause = 20 * time.Millisecond
	// keeperCut is after how much quiet the log's file is emptied: its pages tell what was written together, and so what
	// somebody wrote in the ballot box when they were marked on the roll.
	keeperCut = 50 * keeperPause
)

// What the keeper asks of the writer.
const (
	wrapNot   int32 = iota
	wrapLog         // begin the log again from its start
	forgetLog       // and cut the file, so that what was erased is nowhere in it
)

// keep moves the log into the database while the writer goes on.
func (s *Store) keep() {
	defer s.kept.Done()
	t := s.keeper
	t.exec("PRAGMA busy_timeout=0")
	tick := time.NewTicker(keeperPause)
	defer tick.Stop()
	var seen uint64
	var quiet time.Duration // how long there was no commit
	sweep := newSweep(sweepLeast)
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		if commits := s.commits.Load(); commits != seen {
			seen, quiet = commits, 0
		} else if quiet += keeperPause; quiet > keeperCut {
			continue
		}
		if s.unsynced.broken() != nil {
			continue // what the log has may not be on disk, and a sync would say that it is
		}
		lookAtPages()
		log, done, err := t.checkpoint("PRAGMA wal_checkpoint(NOOP)")
		if err != nil {
			continue
		}
		switch {
		case quiet == keeperCut:
			log, done, err = t.checkpoint("PRAGMA wal_checkpoint(TRUNCATE)")
			letGoOfPages()
		case (log-done)*pageSize >= walPassive || quiet == keeperPause:
			log, done, err = t.checkpoint("PRAGMA wal_checkpoint(PASSIVE)")
		}
		if err != nil {
			s.unsynced.lose(err)
			continue
		}
		if quiet == keeperCut && log > 0 {
			quiet -= keeperPause // a reader was in the way
		}
		s.walWaiting.Store(log - done)
		if s.owed.Load() {
			s.restart.Store(forgetLog)
		} else if log*pageSize >= walBound {
			s.unsynced.lose(t.catchUp())
			s.restart.CompareAndSwap(wrapNot, wrapLog)
		}
		sweep.page(context.Background(), t, s, quiet == 0)
	}
}

// catchUp copies what the writer has written since the last checkpoint, and what it wrote meanwhile, until little is left or it is
// as fast as the copying.
func (t *tables) catchUp() error {
	for range 4 {
		log, done, err := t.checkpoint("PRAGMA wal_checkpoint(NOOP)")
		if err != nil || (log-done)*pageSize <= walLittle {
			return err
		}
		if _, _, err := t.checkpoint("PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
			return err
		}
	}
	return nil
}

// checkpoint returns how many pages the log has, and how many of them are in the database.
func (t *tables) checkpoint(query string) (log, done int64, err error) {
	_, err = t.one(func(q statement) error {
		log, done = max(q.ColumnInt64(1), 0), max(q.ColumnInt64(2), 0)
		return nil
	}, query)
	return log, done, err
}

// makeRoom does what the keeper asked, between two batches. It waits for nobody: with a reader in the way the log grows on,
// and the keeper asks again.
func (s *Store) makeRoom() {
	want := s.restart.Swap(wrapNot)
	if want == wrapNot {
		return
	}
	// A checkpoint syncs the log, too, and the system says once that it can't: not to whoever syncs it for those who wait.
	if s.unsynced.all() != nil || s.unsynced.broken() != nil {
		return
	}
	t := s.writer
	t.exec("PRAGMA busy_timeout=0")
	if want == forgetLog {
		busy, err := t.number("PRAGMA wal_checkpoint(TRUNCATE)")
		s.owed.Store(busy != 0 || err != nil)
	} else {
		t.checkpoint("PRAGMA wal_checkpoint(RESTART)")
	}
	t.exec("PRAGMA busy_timeout=5000")
}

// forget empties the log, so that what was erased is nowhere in it. With a reader in the way the keeper tries again.
func (s *Store) forget(ctx context.Context) {
	s.restart.Store(forgetLog)
	s.write(ctx, func(*tables) error { return nil })
}
