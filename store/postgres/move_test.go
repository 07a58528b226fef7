package postgres

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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
		"outbox.node", "erased_reply.inbound", "erased_reply.at", "erased_reply.reply", // of some days
		"resident_key.id", "conversation.key", "conversation.known", "media.first", "media_part.first", "reply_week.slot", "reply_week.week", // places and numbers
		"media_loose.first", "media_loose.resident", "media_loose.at"} { // of turns that were cut short
		known[made] = true
	}
	for n := range replyTables {
		known["reply_"+string(rune('0'+n))+".place"], known["reply_"+string(rune('0'+n))+".body"] = true, true
	}
	var names []string
	rows, err := s.pool.Query(t.Context(), "SELECT table_name || '.' || column_name FROM information_schema.columns JOIN information_schema.tables USING(table_schema, table_name) WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'")
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

var movedMany = flag.Int("moved", 20_000, "how many conversations BenchmarkMove moves")

// BenchmarkMove moves conversations of 512 bytes, each with its key, a number, a reply of 200 bytes, and every fourth with an answer, from
// a file to a server, and compares them: -benchtime 1x -moved 1000000.
func BenchmarkMove(b *testing.B) {
	ctx, keys, file := b.Context(), testKeys(b), filepath.Join(b.TempDir(), "town.db")
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	fillMany(b, file, *movedMany)
	for b.Loop() {
		from, err := sqlite.OpenEnd(file, keys, true)
		must(err)
		to, err := OpenEnd(ctx, address(b), keys)
		must(err)
		server, client := theServer.CPU(), cpu()
		begun := time.Now()
		spent := map[bool]time.Duration{}
		last := begun
		must(moving.Move(ctx, from, to, begun, func(p moving.Progress) {
			spent[p.Checking] += time.Since(last)
			last = time.Now()
		}))
		n := float64(*movedMany)
		b.ReportMetric(spent[false].Seconds(), "s-moving")
		b.ReportMetric(spent[true].Seconds(), "s-comparing")
		b.ReportMetric((cpu()-client).Seconds()*1e6/n, "client-us/row")
		b.ReportMetric((theServer.CPU()-server).Seconds()*1e6/n, "server-us/row")
		must(from.Stay(ctx))
		from.Close()
		to.Close()
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// fillMany fills a new file the quick way.
func fillMany(b *testing.B, file string, n int) {
	b.Helper()
	to, err := sqlite.OpenEnd(file, testKeys(b), false)
	if err != nil {
		b.Fatal(err)
	}
	defer to.Close()
	who := make([][16]byte, n)
	for i := range who {
		who[i] = storetest.Stored(uint64(i))
	}
	slices.SortFunc(who, func(a, b [16]byte) int { // as they are found by
		return cmp.Compare(int64(binary.BigEndian.Uint64(a[:8])), int64(binary.BigEndian.Uint64(b[:8])))
	})
	text, raw := func(s string) moving.Value { return moving.Value{Bytes: []byte(s)} }, func(n int) moving.Value { return moving.Value{Bytes: make([]byte, n)} }
	for _, table := range moving.Tables() {
		var rows [][]byte
		add := func(values ...moving.Value) {
			row, err := table.Append(nil, values)
			if err != nil {
				b.Fatal(err)
			}
			rows = append(rows, row)
		}
		flush := func() {
			if err := to.Take(b.Context(), &table, rows, moving.Note{Role: moving.Arriving}); err != nil {
				b.Fatal(err)
			}
			rows = rows[:0]
		}
		for i := range who {
			id := moving.Value{Bytes: who[i][:]}
			switch table.Name {
			case "resident_key":
				add(id, raw(60))
			case "conversation":
				answered, ages := moving.AppendAnswers(nil, nil, []moving.Answer{{Inbound: store.Inbound(who[i][:8]), Reply: make([]byte, 228), Age: uint64(i) + 1}})
				add(id, moving.Value{Int: 3}, raw(540), moving.Value{Bytes: answered}, moving.Value{Bytes: ages})
			case "address":
				add(id, id, text("tel"), moving.Value{Int: 1}, raw(40))
			case "response":
				if i%4 == 0 {
					add(text("main-street"), id, id, moving.Value{Int: 1}, text("sms"), text("es"), moving.Value{Int: 1}, raw(100), raw(0))
				}
			}
			if len(rows) == 20_000 {
				flush()
			}
		}
		flush()
	}
	if err := to.Arrive(b.Context(), moving.Note{Move: "filled", Role: moving.Arrived}); err != nil {
		b.Fatal(err)
	}
}
