package postgres

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/moving"
	"github.com/townline/townline/store/sqlite"
	"github.com/townline/townline/store/storetest"
)

// stopping ends a move after so many writes, as a kill does.
type stopping struct {
	moving.To
	left int
}

var errStopped = errors.New("stopped")

func (s *stopping) Take(ctx context.Context, t *moving.Table, rows [][]byte, n moving.Note) error {
	if s.left--; s.left < 0 {
		return errStopped
	}
	return s.To.Take(ctx, t, rows, n)
}

// inPieces moves, and is stopped again and again. It returns how often.
func inPieces(t *testing.T, from, to func() moving.To, half func()) (tries int) {
	t.Helper()
	for ; ; tries++ {
		a, b := from(), to()
		err := moving.Move(t.Context(), a, &stopping{b, 2}, time.Now(), func(moving.Progress) {})
		for _, e := range []moving.To{a, b} {
			if err := e.(interface{ Close() error }).Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err == nil {
			return tries
		}
		if !errors.Is(err, errStopped) || tries > 30 {
			t.Fatal(err)
		}
		if tries > 0 {
			half()
		}
	}
}

// A town goes from SQLite to PostgreSQL, stopped again and again, and back: all is there, as it is asked for, and goes on.
func TestMoveUpAndBack(t *testing.T) {
	ctx, keys, dir := t.Context(), testKeys(t), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	file, back, at := filepath.Join(dir, "town.db"), filepath.Join(dir, "back.db"), address(t)
	first, err := sqlite.Open(file, keys)
	must(err)
	e := storetest.Fill(t, first, 20)
	must(first.Close())
	b, err := os.ReadFile(file)
	must(err)
	must(os.WriteFile(filepath.Join(dir, "twin.db"), b, 0o600))
	twin, err := sqlite.Open(filepath.Join(dir, "twin.db"), keys)
	must(err)
	defer twin.Close()

	inFile := func(name string, leaves bool) func() moving.To {
		return func() moving.To {
			e, err := sqlite.OpenEnd(name, keys, leaves)
			must(err)
			return e
		}
	}
	inServer := func() moving.To {
		e, err := OpenEnd(ctx, at, keys)
		must(err)
		return e
	}
	closed := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, store.ErrMoved) {
			t.Fatalf("%s can be opened: %v", what, err)
		}
	}
	tries := inPieces(t, inFile(file, true), inServer, func() {
		_, err := sqlite.Open(file, keys)
		closed("half moved, the file", err)
		_, err = Open(ctx, at, keys)
		closed("half moved, the database", err)
	})
	if tries < 5 {
		t.Errorf("it was stopped %d times only", tries)
	}
	_, err = sqlite.Open(file, keys)
	closed("what was left", err)
	if !strings.Contains(err.Error(), "the town moved to postgres://town@/") {
		t.Error(err)
	}
	up := open(t, at)
	e.Check(t, twin, up)
	for _, s := range []store.Store{twin, up} {
		e.GoesOn(t, s)
	}
	e.Check(t, twin, up)
	if _, err := OpenEnd(ctx, at, keys); err == nil || !strings.Contains(err.Error(), "somebody is at work on it") {
		t.Errorf("a town moves while it is at work: %v", err)
	}
	must(up.Close())

	one := inServer()
	if _, err := OpenEnd(ctx, at, keys); err == nil || !strings.Contains(err.Error(), "a move is under way") {
		t.Errorf("two moves at once: %v", err)
	}
	must(one.(*End).Close())
	inPieces(t, inServer, inFile(back, false), func() {
		_, err := Open(ctx, at, keys)
		closed("half moved back, the database", err)
	})
	_, err = Open(ctx, at, keys)
	closed("what was left", err)
	down, err := sqlite.Open(back, keys)
	must(err)
	defer down.Close()
	e.Check(t, twin, down)
	e.GoesOn(t, down)
}

// A node that was cut off while the town left, and comes back, writes nothing any more; when the move is taken back it does.
func TestLeftIsLeft(t *testing.T) {
	ctx, at := t.Context(), address(t)
	open(t, at).Close()
	from, err := OpenEnd(ctx, at, testKeys(t))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if err := from.letIn(ctx); err != nil {
		t.Fatal(err)
	}
	node := open(t, at) // it came in before the note
	speak(t, node, 1)
	if err := from.Leave(ctx, moving.Note{Move: "m", Role: moving.Left, Other: "elsewhere", At: noon}); err != nil {
		t.Fatal(err)
	}
	_, err = node.Commit(ctx, &store.Change{Resident: somebody(2), At: noon, State: []byte("s")})
	if err == nil || !strings.Contains(err.Error(), "has moved away") {
		t.Fatalf("a turn was committed where the town was: %v", err)
	}
	if err := moving.Back(ctx, from, nil); err != nil {
		t.Fatal(err)
	}
	speak(t, node, 2)
}

// Every table and column of the schema is moved, or left behind on purpose.
func TestEverythingIsMoved(t *testing.T) {
	s := open(t, address(t))
	known := map[string]bool{}
	for _, table := range moving.Tables() {
		for _, c := range table.Columns {
			known[table.Name+"."+strings.Trim(nameIn(&c), `"`)] = true
		}
	}
	for _, made := range []string{"meta.name", "meta.value", "counter.name", "counter.slot", "counter.n", "townline_schema.version", "townline_schema.oldest", "duty.name", "duty.node", "duty.until", // anew
		"resident_key.id", "conversation.key", "conversation.known", "media.first", "media_part.first", "reply_week.slot", "reply_week.week", // places and numbers
		"media_loose.first", "media_loose.resident", "media_loose.at"} { // of turns that were cut short
		known[made] = true
	}
	for n := range replyTables {
		known["reply_"+string(rune('0'+n))+".place"], known["reply_"+string(rune('0'+n))+".body"] = true, true
	}
	var names []string
	rows, err := s.pool.Query(t.Context(), "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = current_schema()")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil || len(names) < 100 {
		t.Fatal(len(names), err)
	}
	for _, name := range names {
		if !known[name] {
			t.Errorf("%s is not moved", name)
		}
	}
}
