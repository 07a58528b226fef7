package sqlite

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/store"
	lib "modernc.org/sqlite/lib"
)

// onSlowDisk is a town whose syncs of the log can be held.
func onSlowDisk(tt *testing.T) *town {
	if _, err := installSlowDisk(); err != nil {
		tt.Fatal(err)
	}
	t := newTown(tt)
	for n := range 4 {
		t.speak(n)
		t.speak(n)
	}
	return t
}

// turn is somebody's next, told to the channel once it is acknowledged.
func (t *town) turn(n int, read uint64) <-chan error {
	done := make(chan error, 1)
	go func() {
		o, err := t.Commit(t.Context(), &store.Change{Resident: number(n), Read: read, At: noon, State: []byte("new"), Reply: []byte("new"),
			Inbound: store.Inbound{byte(n), 7, byte(read)}})
		if err == nil && o.Kind != store.Applied {
			t.Errorf("resident %d: %v", n, o)
		}
		done <- err
	}()
	return done
}

func waits[T any](c <-chan T) bool {
	select {
	case <-c:
		return false
	default:
		return true
	}
}

// TestNothingIsToldBeforeTheDiskHasIt: while the disk works nobody is told of a turn, nor given what was read of it; others are read, and the next
// are written. Then all are told.
func TestNothingIsToldBeforeTheDiskHasIt(tt *testing.T) {
	synctest.Test(tt, func(tt *testing.T) {
		t := onSlowDisk(tt)
		free := make(chan struct{})
		var held sync.Once
		holdSyncs(t, func() int32 {
			held.Do(func() { <-free })
			return lib.SQLITE_OK
		})
		first := t.turn(1, 2)
		synctest.Wait()
		next, again := t.turn(2, 2), t.turn(3, 2)
		synctest.Wait()
		t.recent.drop(number(1)) // as if it had been too long ago
		row, said, all := make(chan uint64, 1), make(chan bool, 1), make(chan error, 1)
		go func() {
			c, err := t.Load(t.Context(), number(1))
			if err != nil {
				t.Error(err)
			}
			row <- c.Version
		}()
		go func() {
			_, found, err := t.Reply(t.Context(), number(2), store.Inbound{2, 7, 2})
			if err != nil {
				t.Error(err)
			}
			said <- found
		}()
		go func() {
			_, err := t.Stats(t.Context())
			all <- err
		}()
		if c, err := t.Load(t.Context(), number(0)); err != nil || c.Version != 2 {
			t.Errorf("who said nothing: %d %v", c.Version, err)
		}
		synctest.Wait()
		version, err := t.reading("SELECT version FROM conversation WHERE k = ?", rowOf(number(3)))
		if version != 3 || err != nil {
			t.Errorf("what comes while the disk works isn't written: version %d, %v", version, err)
		}
		if !waits(first) || !waits(next) || !waits(again) || !waits(all) {
			t.Error("somebody was told before the disk had it")
		}
		if !waits(row) || !waits(said) {
			t.Error("what the disk doesn't have was read")
		}
		close(free)
		for _, c := range []<-chan error{first, next, again, all} {
			t.must(<-c)
		}
		if v, found := <-row, <-said; v != 3 || !found {
			t.Errorf("then: version %d, reply found: %v", v, found)
		}
		t.must(t.Close())
	})
}

// TestSyncFails: what the disk couldn't be brought to take is told to nobody, nor is anything after it, however the disk feels then; what was
// told before can be read.
func TestSyncFails(tt *testing.T) {
	synctest.Test(tt, func(tt *testing.T) {
		t := onSlowDisk(tt)
		var syncs atomic.Int32
		holdSyncs(t, func() int32 {
			if syncs.Add(1) == 1 {
				return lib.SQLITE_IOERR_FSYNC
			}
			return lib.SQLITE_OK
		})
		if err := <-t.turn(1, 2); err == nil || !strings.Contains(err.Error(), "restart") {
			t.Fatalf("acknowledged, though it isn't on disk: %v", err)
		}
		if err := <-t.turn(2, 2); err == nil {
			t.Error("acknowledged after what isn't on disk")
		}
		if c, err := t.Load(t.Context(), number(1)); err == nil && c.Version != 2 {
			t.Errorf("what isn't on disk was read: version %d", c.Version)
		}
		if _, _, err := t.Reply(t.Context(), number(1), store.Inbound{1, 7, 2}); err == nil {
			t.Error("a reply that isn't on disk was read")
		}
		if c, err := t.Load(t.Context(), number(3)); err != nil || c.Version != 2 {
			t.Errorf("what was told before can't be read: %d, %v", c.Version, err)
		}
		if err := t.Ping(t.Context()); err == nil {
			t.Error("it says that it is well")
		}
		t.Close()
		if !exists(t.path("town.db-wal")) {
			t.Error("what may not be on disk was moved into the database")
		}
	})
}

// TestAnyFailedSyncCounts: the system says once that the disk failed, to whoever asks first. It may be the writer as it begins the log anew,
// or the keeper: what waits for the disk then isn't told either, nor moved into the database.
func TestAnyFailedSyncCounts(tt *testing.T) {
	for who, meanwhile := range map[string]func(t *town){
		"the writer": func(t *town) {
			t.restart.Store(wrapLog)
			t.turn(3, 2)
			synctest.Wait()
		},
		"the keeper": func(*town) { time.Sleep(2 * keeperCut) },
	} {
		tt.Run(who, func(tt *testing.T) {
			synctest.Test(tt, func(tt *testing.T) {
				t := onSlowDisk(tt)
				free := make(chan struct{})
				var syncs atomic.Int32
				holdSyncs(t, func() int32 {
					switch syncs.Add(1) {
					case 1:
						<-free
					case 2:
						return lib.SQLITE_IOERR_FSYNC
					}
					return lib.SQLITE_OK
				})
				t.turn(1, 2)
				synctest.Wait()
				next := t.turn(2, 2)
				synctest.Wait()
				was, err := os.ReadFile(t.path("town.db"))
				t.must(err)
				meanwhile(t)
				is, err := os.ReadFile(t.path("town.db"))
				t.must(err)
				if !bytes.Equal(was, is) {
					t.Error("what may not be on disk was moved into the database")
				}
				close(free)
				if err := <-next; err == nil {
					t.Error("acknowledged, though a sync failed since it was written")
				}
				t.Close()
			})
		})
	}
}

// TestBackupWaitsForTheDisk: a copy has nothing that the town could still lose.
func TestBackupWaitsForTheDisk(tt *testing.T) {
	synctest.Test(tt, func(tt *testing.T) {
		t := onSlowDisk(tt)
		free := make(chan struct{})
		holdSyncs(t, func() int32 {
			<-free
			return lib.SQLITE_OK
		})
		first := t.turn(1, 2)
		synctest.Wait()
		copied := make(chan error, 1)
		go func() { copied <- t.Backup(t.Context(), t.path("copy.db")) }()
		synctest.Wait()
		if exists(t.path("copy.db")) {
			t.Error("there is a copy of what the disk doesn't have")
		}
		close(free)
		t.must(<-first)
		t.must(<-copied)
		t.must(t.Close())
	})
}

// reading is a number as another connection reads it now.
func (t *town) reading(query string, args ...any) (n int64, err error) {
	r, err := t.reader(t.Context())
	if err != nil {
		return 0, err
	}
	defer t.giveBack(r)
	return r.number(query, args...)
}
