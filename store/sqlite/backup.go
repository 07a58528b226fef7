package sqlite

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
	"zombiezen.com/go/sqlite"
)

// A copy is two files: FILE with everything but the residents' keys, and FILE.keys with those, wrapped. Whoever deletes an
// old FILE.keys makes the erasures since then reach that copy too: without them nobody's own words, addresses and
// messages can be opened.
func keysOf(file string) string { return file + ".keys" }

// rollbackPragmas are for a copy that nobody else has open. Nothing is lost if writing it is cut short: it has no name yet.
var rollbackPragmas = []string{"journal_mode=OFF", "synchronous=OFF", "secure_delete=ON", "temp_store=MEMORY"}

const keyTable = "CREATE TABLE away.resident_key(k INTEGER PRIMARY KEY, resident BLOB NOT NULL, wrapped BLOB NOT NULL)"

// Backup: see store.Store. It reads one state of the database while turns go on, and refuses to write over a file.
func (s *Store) Backup(ctx context.Context, file string) error {
	if err := s.backup(ctx, file); err != nil {
		return fmt.Errorf("store: backup: %w", err)
	}
	return nil
}

func (s *Store) backup(ctx context.Context, file string) error {
	part, done, err := drafts(file)
	if err != nil {
		return err
	}
	defer done()
	if err := s.vacuumInto(ctx, part); err != nil {
		return err
	}
	c, err := connect(part, sqlite.OpenReadWrite, rollbackPragmas)
	if err != nil {
		return err
	}
	t := newTables(c)
	var pair [16]byte
	rand.Read(pair[:])
	err = t.steps(
		step{"ATTACH ? AS away", []any{keysOf(part)}},
		step{"PRAGMA away.journal_mode=OFF", nil},
		step{keyTable, nil},
		step{"CREATE TABLE away.meta(name TEXT PRIMARY KEY, value BLOB NOT NULL)", nil},
		step{"INSERT INTO away.meta(name, value) VALUES('pair', ?)", []any{pair}},
		step{"INSERT INTO main.meta(name, value) VALUES('pair', ?) ON CONFLICT DO UPDATE SET value = excluded.value", []any{pair}},
		step{"INSERT INTO away.resident_key SELECT k, resident, wrapped FROM main.resident_key", nil},
		step{"DELETE FROM main.resident_key", nil},
	)
	if e := t.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return settleIn(part, file)
}

// vacuumInto copies the database as it is now.
func (s *Store) vacuumInto(ctx context.Context, file string) error {
	s.closing.RLock()
	defer s.closing.RUnlock() // Close waits for it
	if s.closed.Load() {
		return errClosed
	}
	c, err := connect(s.file, sqlite.OpenReadWrite, pragmas(readerCache))
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetInterrupt(ctx.Done())
	if err := newTables(c).exec("VACUUM INTO ?", file); err != nil {
		return err
	}
	// What was copied is on disk here, too, before anybody has the copy; another process may serve, and its log is synced here.
	if err := syncFile(s.file + "-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.unsynced.all()
}

type step struct {
	query string
	args  []any
}

func (t *tables) steps(steps ...step) error {
	for _, s := range steps {
		if err := t.exec(s.query, s.args...); err != nil {
			return fmt.Errorf("%s: %w", s.query, err)
		}
	}
	return nil
}

// drafts makes two empty files, which only their owner may read, to be named file and keysOf(file) when they are whole.
// done removes what is left of them.
func drafts(file string) (part string, done func(), err error) {
	for _, f := range []string{file, keysOf(file), file + "-wal"} {
		if exists(f) {
			return "", nil, fmt.Errorf("%s is there already: name another file, or move it away", f)
		}
	}
	part = file + ".part"
	remove := func() {
		os.Remove(part)
		os.Remove(keysOf(part))
	}
	remove() // what a crash left
	for _, f := range []string{part, keysOf(part)} {
		w, err := os.OpenFile(f, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			remove()
			return "", nil, err
		}
	}
	return part, remove, nil
}

// settleIn syncs the drafts that aren't empty and gives them their names; never over another file.
func settleIn(part, file string) error {
	for _, f := range []struct{ from, to string }{{keysOf(part), keysOf(file)}, {part, file}} {
		stat, err := os.Stat(f.from)
		if err != nil {
			return err
		}
		if stat.Size() == 0 {
			continue
		}
		if err := syncFile(f.from); err != nil {
			return err
		}
		if err := os.Link(f.from, f.to); err != nil {
			return err
		}
	}
	return syncFile(filepath.Dir(file))
}

func syncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// Restore puts a copy that Backup made in from and from.keys back as the database to, which must not be there. Whoever was
// erased since the copy was made, by the file of erasures beside to, is erased from it; what waited to be sent may
// have been sent since, so it is Unsure. The keys are those that the database was written with, or came after earlier ones that it was.
func Restore(from, to string, keys *store.Keys, earlier ...*store.Keys) error {
	if err := restore(from, to, keys, earlier); err != nil {
		return fmt.Errorf("store: restore %s: %w", filepath.Base(from), err)
	}
	return nil
}

func restore(from, to string, keys *store.Keys, earlier []*store.Keys) error {
	for _, f := range []string{from, keysOf(from)} {
		if !exists(f) {
			return fmt.Errorf("%s isn't there: a copy is two files, %s and %s", f, filepath.Base(from), filepath.Base(keysOf(from)))
		}
	}
	part, done, err := drafts(to)
	if err != nil {
		return err
	}
	defer done()
	if err := copyFile(part, from); err != nil {
		return err
	}
	if err := copyFile(keysOf(part), keysOf(from)); err != nil {
		return err
	}
	c, err := connect(part, sqlite.OpenReadWrite, rollbackPragmas)
	if err != nil {
		return err
	}
	t := newTables(c)
	err = t.revive(part, to, keys, earlier)
	if e := t.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	if err := os.Truncate(keysOf(part), 0); err != nil { // they are in the database again
		return err
	}
	return settleIn(part, to)
}

func (t *tables) revive(part, to string, keys *store.Keys, earlier []*store.Keys) error {
	var verdict string
	if _, err := t.one(func(q statement) error { verdict = q.ColumnText(0); return nil }, "PRAGMA integrity_check(1)"); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("the copy is damaged: %s", verdict)
	}
	if n, err := t.number("SELECT count(*) FROM sqlite_schema WHERE name = 'resident_key'"); err != nil {
		return err
	} else if n == 0 {
		return errors.New("this isn't a copy of a townline database")
	}
	if err := t.migrate(); err != nil {
		return err
	}
	was, err := t.writtenWith(keys, earlier)
	if err != nil {
		return err
	}
	if err := t.exec("ATTACH ? AS away", keysOf(part)); err != nil {
		return err
	}
	if pair, err := t.one(nil, "SELECT 1 FROM main.meta m JOIN away.meta k USING(name) WHERE name = 'pair' AND m.value = k.value"); err != nil {
		return fmt.Errorf("read the copy's keys: %w", err)
	} else if !pair {
		return errors.New("the two files are not of one copy")
	}
	if err := t.steps(
		step{"INSERT INTO main.resident_key(k, resident, wrapped) SELECT k, resident, wrapped FROM away.resident_key", nil},
		step{"DELETE FROM main.meta WHERE name = 'pair'", nil},
		step{"UPDATE outbox SET state = 3, at = max(at, 1) WHERE state IN (1, 2)", nil},
	); err != nil {
		return err
	}
	if was != keys {
		if err := t.rekey(was, keys); err != nil {
			return err
		}
	}
	noted, err := readTombstones(tombstonesOf(to))
	if err != nil {
		return err
	}
	for _, e := range noted {
		known, err := t.one(nil, "SELECT 1 FROM erased WHERE resident = ? AND at >= ?", e.resident, e.at)
		if err != nil {
			return err
		}
		if known {
			continue
		}
		if err := t.erase(e.resident, sealing.Moment(e.at)); err != nil {
			return err
		}
	}
	for more := true; more; {
		if more, err = t.dropPart(1); err != nil {
			return err
		}
	}
	stops, err := readStops(stopsOf(to))
	if err != nil {
		return err
	}
	if err := t.addStops(stops); err != nil {
		return err
	}
	return t.addUp()
}

func copyFile(to, from string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	if e := w.Close(); err == nil {
		err = e
	}
	return err
}
