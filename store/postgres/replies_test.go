package postgres

import (
	"fmt"
	"testing"
	"time"

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
	week, err := number(ctx, s.pool, "SELECT extract(epoch FROM now())::bigint / 604800")
	if err != nil {
		t.Fatal(err)
	}
	s.now = &serverTime{week: week - replyTables, since: time.Now()} // as if it were then
	say(1)
	for next := week - replyTables + 1; next < week; next++ {
		if err := s.turnTo(ctx, next); err != nil {
			t.Fatal(err)
		}
	}
	if o := say(1); !known(1) || o.Kind != store.Duplicate || string(o.Reply) != "\x01" {
		t.Fatal("a reply is gone before its table's turn", o)
	}
	// It is that table's turn again.
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

// TestTheWeekBeforeHasRoom: in a week in which nobody has said anything yet, however late in it, the week before has places of its own, in
// their order.
func TestTheWeekBeforeHasRoom(t *testing.T) {
	const week = 2951
	day := (24 * time.Hour).Microseconds()
	end := places{now: &serverTime{week: week - 1, from: 7*day + time.Hour.Microseconds(), since: time.Now()}}
	last := end.take()
	for _, from := range []int64{3 * time.Hour.Microseconds(), day, 5 * day, 6 * day, 7*day - 1} {
		now := serverTime{week: week, from: from, since: time.Now().Add(-clockLives)}.before()
		p := places{writer: 1<<writerBits - 1, now: &now}
		at := p.take()
		if at.week() != week-1 || at <= last {
			t.Errorf("day %d: %d in week %d, after %d", from/day, at, at.week(), last)
		}
		last = at
	}
}

// TestAServersClockGoesBack: the table of the week in which it is right again keeps what was replied in it.
func TestAServersClockGoesBack(t *testing.T) {
	ctx := t.Context()
	s := open(t, address(t))
	if _, err := s.Commit(ctx, &store.Change{Resident: somebody(1), At: noon, Inbound: store.Inbound{1}, Reply: []byte("yes")}); err != nil {
		t.Fatal(err)
	}
	now := s.now.week
	for _, next := range []struct {
		week int64
		kept bool
	}{{now - replyTables, true}, {now, true}, {now + replyTables, false}} {
		if err := s.turnTo(ctx, next.week); err != nil {
			t.Fatal(err)
		}
		if b, kept, err := s.Reply(ctx, somebody(1), store.Inbound{1}); err != nil || kept != next.kept || kept && string(b) != "yes" {
			t.Fatalf("after week %+d: %q, %v, %v", next.week-now, b, kept, err)
		}
	}
}

// TestOtherNodesTurnsAreNoReasonToLook: who comes back to a node after they spoke with another is written in one round trip too.
func TestOtherNodesTurnsAreNoReasonToLook(t *testing.T) {
	var l lately
	plain := func(read uint64) bool {
		j := &job{turn: turn{change: &store.Change{Resident: somebody(1), Read: read}, plain: true}}
		l.sort([]*job{j})
		return j.turn.plain
	}
	for _, c := range []struct {
		read uint64
		want bool
	}{{1, true}, {2, true}, {5, true}, {6, true}, {6, false}, {3, false}, {7, true}} {
		if got := plain(c.read); got != c.want {
			t.Errorf("computed from %d: %v", c.read, got)
		}
	}
}
