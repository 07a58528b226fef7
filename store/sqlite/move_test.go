package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/moving"
	"github.com/townline/townline/store/storetest"
)

var movedAt = time.Date(2027, 3, 16, 9, 0, 0, 0, time.UTC)

func end(t testing.TB, file string, leaves bool) *End {
	t.Helper()
	e, err := OpenEnd(file, testKeys(t), leaves)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func quiet(moving.Progress) {}

// moveTo moves a database to a new file, and says why it can't.
func moveTo(t testing.TB, from, to string) error {
	t.Helper()
	a, b := end(t, from, true), end(t, to, false)
	return errors.Join(moving.Move(t.Context(), a, b, movedAt, quiet), a.Close(), b.Close())
}

// filled is a file with something of everything, and a copy of it to compare with.
func filled(t testing.TB) (file string, e *storetest.Everything, want *Store) {
	t.Helper()
	dir := t.TempDir()
	file = filepath.Join(dir, "town.db")
	s := open(t, file)
	e = storetest.Fill(t, s, 20)
	if err := s.vacuumInto(t.Context(), filepath.Join(dir, "want.db")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return file, e, open(t, filepath.Join(dir, "want.db"))
}

func TestMove(t *testing.T) {
	from, e, want := filled(t)
	to := filepath.Join(t.TempDir(), "new.db")
	if err := moveTo(t, from, to); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(from, testKeys(t)); !errors.Is(err, store.ErrMoved) || !strings.Contains(err.Error(), "moved to sqlite:"+to+" on 2027-03-16") {
		t.Errorf("what was left can be opened: %v", err)
	}
	got := open(t, to)
	e.Check(t, want, got)
	stops, err := readStops(stopsOf(to))
	if err != nil || len(stops) != 4 {
		t.Errorf("%d STOPs are noted beside the new file, %v", len(stops), err)
	}
	if noted, err := readTombstones(tombstonesOf(to)); err != nil || len(noted) != 1 {
		t.Errorf("%d erasures are noted beside the new file, %v", len(noted), err)
	}
	if err := got.Close(); err != nil {
		t.Fatal(err)
	}
	if err := moveTo(t, from, to); err != nil { // it is over: once more is no harm
		t.Errorf("a move that is over isn't seen as such: %v", err)
	}
	a, b := end(t, from, true), end(t, to, false)
	if err := moving.Back(t.Context(), a, b); err == nil || !strings.Contains(err.Error(), "is over") {
		t.Errorf("a move was taken back that is over: %v", err)
	}
	a.Close()
	b.Close()
	if err := moveTo(t, to, filepath.Join(t.TempDir(), "newer.db")); err != nil { // and on from there
		t.Error(err)
	}
	if err := moveTo(t, to, filepath.Join(t.TempDir(), "other.db")); err == nil || !strings.Contains(err.Error(), "moved to") {
		t.Errorf("moved twice: %v", err)
	}
}

func TestMoveIsRefused(t *testing.T) {
	from, _, want := filled(t)
	dir := t.TempDir()
	if _, err := OpenEnd(filepath.Join(dir, "none.db"), testKeys(t), true); err == nil || !strings.Contains(err.Error(), "there is no store") {
		t.Error(err)
	}
	full := filepath.Join(dir, "full.db")
	s := open(t, full)
	storetest.Fill(t, s, 1)
	for _, leaves := range []bool{true, false} {
		if _, err := OpenEnd(full, testKeys(t), leaves); !errors.Is(err, errAtWork) {
			t.Errorf("while a town is at work: %v", err)
		}
	}
	s.Close()
	if err := moveTo(t, from, full); err == nil || !strings.Contains(err.Error(), "there is something in") {
		t.Errorf("moved over another: %v", err)
	}
	if s, err := Open(from, testKeys(t)); err != nil { // it was not left
		t.Error(err)
	} else {
		s.Close()
	}
	other, err := store.LoadKeys(filepath.Join(dir, "other.key"), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenEnd(from, other, true); !errors.Is(err, store.ErrKeys) {
		t.Errorf("with other keys: %v", err)
	}
	_ = want
}

// cut stops a move after so many writes, as a kill does.
type cut struct {
	*End
	left int
}

var errCut = errors.New("cut")

func (c *cut) count() error {
	if c.left--; c.left < 0 {
		return errCut
	}
	return nil
}

func (c *cut) Take(ctx context.Context, t *moving.Table, rows [][]byte, n moving.Note) error {
	if err := c.count(); err != nil {
		return err
	}
	return c.End.Take(ctx, t, rows, n)
}

func (c *cut) Arrive(ctx context.Context, n moving.Note) error {
	if err := c.count(); err != nil {
		return err
	}
	return c.End.Arrive(ctx, n)
}

func TestMoveGoesOn(t *testing.T) {
	from, e, want := filled(t)
	dir := t.TempDir()
	to := filepath.Join(dir, "new.db")
	for try := 0; ; try++ {
		if try > 40 {
			t.Fatal("it never ends")
		}
		a, b := end(t, from, true), end(t, to, false)
		err := moving.Move(t.Context(), a, &cut{b, 1}, movedAt, quiet)
		a.Close()
		b.Close()
		if err == nil {
			if try < 10 {
				t.Errorf("it was cut %d times only", try)
			}
			break
		}
		if !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		if try == 0 {
			continue // it was noted only where it goes
		}
		for _, file := range []string{from, to} {
			if _, err := Open(file, testKeys(t)); !errors.Is(err, store.ErrMoved) {
				t.Fatalf("half moved, %s can be opened: %v", file, err)
			}
		}
		if try == 5 {
			if err := moveTo(t, from, filepath.Join(dir, "other.db")); err == nil || !strings.Contains(err.Error(), "new.db") {
				t.Errorf("half moved, it began to move elsewhere: %v", err)
			}
		}
	}
	e.Check(t, want, open(t, to))
}

// What is taken back can be opened again, and what had come by then is of no use to another move.
func TestMoveIsTakenBack(t *testing.T) {
	from, e, want := filled(t)
	to := filepath.Join(t.TempDir(), "new.db")
	a, b := end(t, from, true), end(t, to, false)
	if err := moving.Move(t.Context(), a, &cut{b, 4}, movedAt, quiet); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	if err := moving.Back(t.Context(), a, b); err != nil {
		t.Fatal(err)
	}
	if err := moving.Back(t.Context(), a, nil); err == nil {
		t.Error("taken back twice")
	}
	a.Close()
	b.Close()
	s := open(t, from)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := moveTo(t, from, to); err == nil || !strings.Contains(err.Error(), "part of another move") {
		t.Errorf("two moves were mixed: %v", err)
	}
	if err := moveTo(t, from, filepath.Join(t.TempDir(), "third.db")); err != nil {
		t.Fatal(err)
	}
	_, _ = e, want
}

// wrong changes a row on its way.
type wrong struct{ *End }

func (w wrong) Pour(ctx context.Context, t *moving.Table, after []byte, yield func([]byte) error) error {
	return w.End.Pour(ctx, t, after, func(b []byte) error {
		if t.Name == "timer" {
			b[len(b)-1] ^= 1
		}
		return yield(b)
	})
}

func TestMoveIsChecked(t *testing.T) {
	from, _, _ := filled(t)
	a, b := end(t, from, true), end(t, filepath.Join(t.TempDir(), "new.db"), false)
	if err := moving.Move(t.Context(), a, wrong{b}, movedAt, quiet); err == nil || !strings.Contains(err.Error(), "timer: what came isn't what was sent") {
		t.Fatal(err)
	}
}

// Every table and column of the schema is moved, or left behind on purpose.
func TestEverythingIsMoved(t *testing.T) {
	behind := map[string]bool{"meta.name": true, "meta.value": true, "counter.name": true, "counter.n": true, // made anew
		"resident_key.k": true, "conversation.k": true, "reply.k": true, "reply.seq": true, "reply.body": true, "response.seq": true, "published.seq": true, "media.first": true, "media_part.seq": true, // places
		"media_loose.first": true, "media_loose.resident": true, "media_loose.at": true, // of turns that were cut short
		"outbox.node": true, "erased_reply.inbound": true, "erased_reply.at": true, "erased_reply.reply": true} // of some days
	known := map[string]bool{}
	for _, table := range moving.Tables() {
		for _, c := range table.Columns {
			known[table.Name+"."+c.Name] = true
		}
	}
	s := open(t, filepath.Join(t.TempDir(), "town.db"))
	if err := s.read(t.Context(), func(db *tables) error {
		return db.each(func(q statement) error {
			if name := q.ColumnText(0); !known[name] && !behind[name] {
				t.Errorf("%s is not moved", name)
			}
			return nil
		}, "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'")
	}); err != nil {
		t.Fatal(err)
	}
}
