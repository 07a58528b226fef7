package sqlite

import (
	"fmt"
	"sync"

	"github.com/townline/townline/store"
	"zombiezen.com/go/sqlite"
)

// unsynced counts the batches that are committed, so that readers see them, and aren't on disk yet: the writer goes on with the next
// while the disk works. Nobody is told of such a batch, and nobody is given what they read of it, until it is on disk. They have
// numbers, from 1 on.
type unsynced struct {
	mu     sync.Mutex
	moved  sync.Cond // onDisk, or lost
	begun  uint64    // the last whose commit was begun
	onDisk uint64    // all up to this one are
	lost   bool      // what comes after onDisk won't be: its sync failed
	of     map[store.Resident]uint64
	failed error // since a write or a sync failed: what is on disk isn't known
}

// committed is a batch on its way to the disk.
type committed struct {
	number uint64
	batch  []*job
	owed   bool // it wrote something
	moving bool // it is on disk already, and what it changed is known
}

// begin is called before a batch is committed.
func (u *unsynced) begin(batch []*job) uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.begun++
	for _, j := range batch {
		if j.do == nil {
			u.of[j.turn.change.Resident] = u.begun
		}
	}
	return u.begun
}

// end is called when batches are on disk, or their sync failed, in their order. It returns why they may not be acknowledged.
func (u *unsynced) end(all []committed, sync error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if sync != nil {
		u.lost = true
		if u.failed == nil {
			u.failed = brokenBy(sync)
		}
	}
	if !u.lost {
		for _, c := range all {
			u.onDisk = c.number
			for _, j := range c.batch {
				if j.do == nil && u.of[j.turn.change.Resident] <= c.number {
					delete(u.of, j.turn.change.Resident)
				}
			}
		}
	}
	u.moved.Broadcast()
	return u.failed
}

// broken returns why nothing is acknowledged any more.
func (u *unsynced) broken() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.failed
}

// fail: from now on nothing is acknowledged, until a restart reads anew what is on disk.
func (u *unsynced) fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.failed == nil {
		u.failed = brokenBy(err)
	}
}

// lose: if it was a sync that failed beside those of the batches, what isn't on disk by now may never be, whatever the next sync says.
func (u *unsynced) lose(err error) {
	if sqlite.ErrCode(err) != sqlite.ResultIOErrFsync {
		return
	}
	u.fail(err)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lost = true
	u.moved.Broadcast()
}

// gone returns why what isn't on disk by now never will be.
func (u *unsynced) gone() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.lost {
		return u.failed
	}
	return nil
}

func brokenBy(err error) error {
	return fmt.Errorf("store: the disk failed, restart townline: %w", err)
}

// note says of rows that were read which batch they have to wait for.
func (u *unsynced) note(rows []*wanted) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.of) == 0 {
		return
	}
	for _, w := range rows {
		if w.found {
			w.after = u.of[w.resident]
		}
	}
}

// all waits until everything that could be read by now is on disk.
func (u *unsynced) all() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.wait(u.begun)
}

// upTo waits until a batch is on disk.
func (u *unsynced) upTo(number uint64) error {
	if number == 0 {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.wait(number)
}

func (u *unsynced) wait(number uint64) error {
	for u.onDisk < number && !u.lost {
		u.moved.Wait()
	}
	if u.onDisk < number {
		return u.failed
	}
	return nil
}

// syncs brings batches to the disk, as many at a time as are committed, and tells those who wait for them.
func (s *Store) syncs() {
	defer close(s.written)
	var all []committed
	for c := range s.toSync {
		all = append(all[:0], c)
		for more := true; more; {
			select {
			case c, more = <-s.toSync:
				if more {
					all = append(all, c)
				}
			default:
				more = false
			}
		}
		s.sync(all)
	}
}

func (s *Store) sync(all []committed) {
	var failed error
	for _, c := range all {
		if c.owed {
			failed = s.writer.SyncLog()
			break
		}
	}
	if failed == nil {
		failed = s.unsynced.gone()
	}
	if failed == nil {
		for _, c := range all {
			if !c.moving {
				s.recent.put(c.batch) // before anybody who waits can ask
			}
		}
	}
	err := s.unsynced.end(all, failed)
	for _, c := range all {
		for _, j := range c.batch {
			if err != nil && j.err == nil {
				j.err = err
			}
			j.done <- struct{}{}
		}
		select {
		case s.spare <- c.batch:
		default:
		}
	}
}
