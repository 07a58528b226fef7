package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/store"
	"zombiezen.com/go/sqlite"
)

// TestDiskFails: after a failed write or sync nothing is acknowledged any more, since nobody knows what is on the disk.
func TestDiskFails(tt *testing.T) {
	t := newTown(tt)
	t.speak(1)
	full := func(*tables) error { return fmt.Errorf("write: %w", sqlite.ResultFull.ToError()) }
	if err := t.write(t.Context(), full); err == nil {
		t.Fatal("a full disk went unnoticed")
	}
	t.speak(2) // a full disk passes
	broken := func(*tables) error { return fmt.Errorf("sync: %w", sqlite.ResultIOErrFsync.ToError()) }
	if err := t.write(t.Context(), broken); err == nil {
		t.Fatal("a broken disk went unnoticed")
	}
	if o, err := t.Commit(t.Context(), &store.Change{Resident: number(3), At: noon}); err == nil {
		t.Fatalf("acknowledged on a broken disk: %v", o)
	}
	if err := t.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "restart") {
		t.Fatalf("ping: %v", err)
	}
	if t.said(1) == "" {
		t.Error("what was acknowledged before can't be read")
	}
}

// TestFailureConcernsItsOwn: a job that fails after it has written leaves nothing, and the others of its transaction stay.
func TestFailureConcernsItsOwn(tt *testing.T) {
	t := newTown(tt)
	insert := func(name string) func(*tables) error {
		return func(w *tables) error {
			w.counts.requests++
			return w.exec("INSERT INTO meta(name, value) VALUES(?, x'00')", name)
		}
	}
	batch := []*job{{do: insert("a")}, {do: func(w *tables) error {
		if err := insert("b")(w); err != nil {
			return err
		}
		return errors.New("half-way")
	}}, {do: insert("c")}, {do: insert("a")}, {do: insert("d")}}
	t.must(t.Close())
	c, err := connect(t.path("town.db"), sqlite.OpenReadWrite, pragmas(readerCache))
	t.must(err)
	defer c.Close()
	w := newTables(c)
	_, err = w.transaction(batch, &keyring{}, false)
	t.must(err)
	for i, fails := range []bool{false, true, false, true, false} {
		if (batch[i].err != nil) != fails {
			t.Errorf("job %d: %v", i, batch[i].err)
		}
	}
	var names []string
	t.must(w.each(func(s statement) error { names = append(names, s.ColumnText(0)); return nil },
		"SELECT name FROM meta WHERE length(name) = 1 ORDER BY name"))
	if fmt.Sprint(names) != "[a c d]" {
		t.Errorf("written: %v", names)
	}
	if n, err := w.number("SELECT n FROM counter WHERE name = 'requests'"); n != 3 || err != nil {
		t.Errorf("counted %d, %v", n, err)
	}
}

// TestLogIsBounded: however long traffic goes on without a pause, the write-ahead log stays near its bound.
func TestLogIsBounded(tt *testing.T) {
	t := newTown(tt)
	state := bytes.Repeat([]byte("x"), 60_000)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range uint64(500) { // 240 MB in all
				if o, err := t.Commit(t.Context(), &store.Change{Resident: number(n), Read: i, At: noon, State: state}); err != nil || o.Kind != store.Applied {
					t.Error(o, err)
					return
				}
			}
		})
	}
	wg.Wait()
	stat, err := os.Stat(t.path("town.db-wal"))
	t.must(err)
	if stat.Size() > 2*walBound {
		t.Errorf("the log has %d MB", stat.Size()>>20)
	}
	// And when it is quiet, all of it gets into the database.
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		st, err := t.Stats(t.Context())
		t.must(err)
		if st.WAL == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d bytes wait in the log", st.WAL)
		}
	}
}

// TestLogIsOnlyLookedAt: the keeper's way of asking how long the log is doesn't move it.
func TestLogIsOnlyLookedAt(tt *testing.T) {
	t := newTown(tt)
	t.must(t.Close())
	c, err := connect(t.path("town.db"), sqlite.OpenReadWrite, pragmas(readerCache))
	t.must(err)
	defer c.Close()
	w := newTables(c)
	t.must(w.exec("INSERT INTO meta(name, value) VALUES('x', zeroblob(10000))"))
	log, done, err := w.checkpoint("PRAGMA wal_checkpoint(NOOP)")
	if err != nil || log < 3 || done != 0 {
		t.Fatalf("%d pages, %d of them moved, %v", log, done, err)
	}
	if log, done, err = w.checkpoint("PRAGMA wal_checkpoint(PASSIVE)"); err != nil || log != done {
		t.Fatalf("%d pages, %d of them moved, %v", log, done, err)
	}
}

// TestWriterIsLeftLittle: before the writer begins the log anew, the keeper has copied most of it.
func TestWriterIsLeftLittle(tt *testing.T) {
	t := newTown(tt)
	t.must(t.Close())
	c, err := connect(t.path("town.db"), sqlite.OpenReadWrite, pragmas(readerCache))
	t.must(err)
	defer c.Close()
	w := newTables(c)
	for i, size := range []int{walLittle / 2, walLittle} {
		t.must(w.exec("INSERT INTO meta(name, value) VALUES(?, zeroblob(?))", fmt.Sprint("x", i), size))
		w.catchUp()
		log, done, err := w.checkpoint("PRAGMA wal_checkpoint(NOOP)")
		if all := log == done; err != nil || all != (i == 1) {
			t.Errorf("%d: %d pages, %d of them moved, %v", i, log, done, err)
		}
	}
}

// TestIndices: the queries that grow with the town use an index, and none sorts what it reads.
func TestIndices(tt *testing.T) {
	t := newTown(tt)
	for _, query := range []string{
		selectRow,
		strings.Replace(selectQueued, "?4", "10", 1),
		nextQueued,
		requestColumns + " ORDER BY opened DESC, seq DESC LIMIT 9",
		requestColumns + " WHERE dialog = ? AND opened >= ? ORDER BY opened DESC, seq DESC LIMIT 9",
		requestColumns + " WHERE dialog = ? AND place = ? AND opened >= ? ORDER BY opened DESC, seq DESC LIMIT 9",
		requestColumns + " WHERE status = ? ORDER BY opened DESC, seq DESC LIMIT 9",
		"SELECT resident, name, at FROM timer WHERE at <= ? ORDER BY at LIMIT ?",
		"SELECT out FROM optout WHERE address = ? ORDER BY seq DESC LIMIT 1",
		"DELETE FROM response WHERE resident = ?",
		"DELETE FROM outbox WHERE resident = ?",
		"UPDATE roll SET ballot = NULL, resident = NULL WHERE resident = ?",
	} {
		t.must(t.read(t.Context(), func(q *tables) error {
			return q.each(func(s statement) error {
				plan := s.ColumnText(3)
				if strings.HasPrefix(plan, "SCAN") && !strings.Contains(plan, "INDEX") && !strings.Contains(plan, "json_each") || strings.Contains(plan, "TEMP B-TREE") {
					t.Errorf("%s\n\t%s", query, plan)
				}
				return nil
			}, "EXPLAIN QUERY PLAN "+query)
		}))
	}
}

func FuzzTombstones(f *testing.F) {
	f.Add([]byte("000102030405060708090a0b0c0d0e0f 1000\n"))
	f.Add([]byte("00010203 1000\n\n000102030405060708090a0b0c0d0e0f -1\nzz"))
	file := filepath.Join(f.TempDir(), "erased")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := readTombstones(file)
		if err != nil || len(all) > bytes.Count(b, []byte("\n")) {
			t.Fatal(all, err)
		}
	})
}

// TestLogIsCut: soon after the last commit the log is empty, so that it doesn't keep what was written together.
func TestLogIsCut(tt *testing.T) {
	t := newTown(tt)
	t.speak(1)
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		stat, err := os.Stat(t.path("town.db-wal"))
		t.must(err)
		if stat.Size() == 0 {
			break
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the log still has %d bytes", stat.Size())
		}
	}
	t.speak(2)
	if t.said(1) == "" || t.said(2) == "" {
		t.Error("and with it what was said")
	}
}

// TestOpenBesideAWriter: a command that only reads needn't wait for a town that is busy writing.
func TestOpenBesideAWriter(tt *testing.T) {
	t := newTown(tt)
	t.speak(1)
	c, err := connect(t.path("town.db"), sqlite.OpenReadWrite, pragmas(readerCache))
	t.must(err)
	defer c.Close()
	busy := newTables(c)
	t.must(busy.exec("BEGIN IMMEDIATE"))
	s, err := Open(t.path("town.db"), t.secrets)
	t.must(err)
	t.must(s.Close())
	t.must(busy.exec("ROLLBACK"))
}
