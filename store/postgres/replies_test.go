package postgres

import (
	"fmt"
	"testing"

	"github.com/townline/townline/store"
)

// TestWeeksOfReplies: a week's table is emptied when its turn comes again, once. What was replied then is gone, and its message is known
// all the same; who reads all tables meanwhile stops nobody.
func TestWeeksOfReplies(t *testing.T) {
	ctx := t.Context()
	s := open(t, address(t))
	say := func(n byte) store.Outcome {
		t.Helper()
		row, err := s.Load(ctx, somebody(1))
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.Commit(ctx, &store.Change{Resident: somebody(1), Read: row.Version, At: noon, Inbound: store.Inbound{n}, Reply: []byte{n}})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	known := func(n byte) bool {
		t.Helper()
		b, ok, err := s.Reply(ctx, somebody(1), store.Inbound{n})
		if err != nil || ok && string(b) != string([]byte{n}) {
			t.Fatal(b, err)
		}
		return ok
	}
	say(1)
	week := s.now.week
	for next := week + 1; next < week+replyTables; next++ {
		if err := s.turnTo(ctx, next); err != nil {
			t.Fatal(err)
		}
	}
	if o := say(1); !known(1) || o.Kind != store.Duplicate || string(o.Reply) != "\x01" {
		t.Fatal("a reply is gone before its table's turn", o)
	}
	// It is that table's turn again: as if the server had said so, and its clock had gone on.
	if _, err := s.pool.Exec(ctx, "UPDATE reply_week SET week = $1 WHERE slot = $2", week-replyTables, week%replyTables); err != nil {
		t.Fatal(err)
	}
	reader, err := s.pool.Begin(ctx) // a backup
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Rollback(ctx)
	if _, err := reader.Exec(ctx, fmt.Sprintf("SELECT 1 FROM reply_%d", week%replyTables)); err != nil {
		t.Fatal(err)
	}
	s.now = nil
	if o := say(2); o.Kind != store.Applied || s.now.week != week-1 || !known(1) || !known(2) {
		t.Fatal("a reader is in the way", o, s.now.week-week)
	}
	if err := reader.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it isn't emptied
		s.now = nil
		say(3)
		if s.now.week != week || known(1) || !known(2) || !known(3) {
			t.Fatal(s.now.week-week, known(1), known(2), known(3))
		}
	}
	if o := say(1); o.Kind != store.Duplicate || o.Reply != nil {
		t.Error(o)
	}
	if row, err := s.Load(ctx, somebody(1)); err != nil || row.Version != 3 || len(row.Answered) != 3 {
		t.Error(row, err)
	}
}
