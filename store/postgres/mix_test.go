package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/storetest"
)

// TestBallotsAreMixed: once they are, nothing in the database says any more which mark and which ballot were written together.
func TestBallotsAreMixed(t *testing.T) {
	at := address(t)
	s := open(t, at)
	const voters = 40
	for n := range uint64(voters) {
		c := &store.Change{Resident: storetest.Stored(n), At: noon, State: []byte("s"), Ballots: []store.Ballot{{Poll: "secret", Day: "2027-03-15",
			Voter: storetest.Stored(n + 1000), ID: storetest.Stored(n + 2000), Record: fmt.Append(nil, n)}}}
		if o, err := s.Commit(t.Context(), c); err != nil || o.Kind != store.Applied {
			t.Fatal(o, err)
		}
	}
	told := func() int { // how many voters' choices can be told from who wrote them
		n, err := number(t.Context(), s.pool, `SELECT count(*) FROM (SELECT r.xmin::text FROM roll r JOIN ballot b ON b.xmin::text = r.xmin::text GROUP BY 1 HAVING count(*) = 1) told`)
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	if told() < voters/2 {
		t.Fatalf("%d of %d can be told: this isn't how it could be seen", told(), voters)
	}
	check := func(what string) {
		t.Helper()
		if n := told(); n > 0 {
			t.Errorf("%s: of %d voters it can be told how they voted", what, n)
		}
		for _, order := range []string{"SELECT id FROM ballot ORDER BY ctid", "SELECT voter FROM roll ORDER BY ctid"} {
			var last [16]byte
			n := 0
			if err := each(t.Context(), s.pool, func(r pgx.Rows) error {
				before := last
				n++
				err := r.Scan(&last)
				if string(last[:]) < string(before[:]) {
					t.Errorf("%s: rows lie in an order of their own", what)
				}
				return err
			}, order); err != nil || n != voters {
				t.Fatalf("%s: %d rows, %v", what, n, err)
			}
		}
	}
	s.mixAll(func(string) bool { return true })
	check("mixed")
	// They are still there, once each, and closing mixes once more.
	if n, err := s.CloseRoll(t.Context(), "secret"); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	check("closed")
	for n := range uint64(voters) {
		if v, err := s.Voted(t.Context(), "secret", storetest.Stored(n+1000)); err != nil || !v {
			t.Fatal(v, err)
		}
	}
	if st, err := s.Stats(t.Context()); err != nil || st.Ballots != voters {
		t.Fatal(st, err)
	}
	// A node that is closed leaves nothing to be mixed.
	other := open(t, at)
	for n := range uint64(3) {
		c := &store.Change{Resident: storetest.Stored(n + 100), At: noon, State: []byte("s"), Ballots: []store.Ballot{{Poll: "second", Voter: storetest.Stored(n + 3000), ID: storetest.Stored(n + 4000)}}}
		if o, err := other.Commit(t.Context(), c); err != nil || o.Kind != store.Applied {
			t.Fatal(o, err)
		}
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if n := told(); n > 0 {
		t.Errorf("after closing: of %d voters it can be told how they voted", n)
	}
}

// TestAPollLikeTheSchema: whatever a poll is called, it can be mixed while nodes are at work.
func TestAPollLikeTheSchema(t *testing.T) {
	s := open(t, address(t))
	var schema string
	if err := s.pool.QueryRow(t.Context(), "SELECT current_schema()").Scan(&schema); err != nil {
		t.Fatal(err)
	}
	busy, err := s.pool.Acquire(t.Context()) // as another node's would be
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Release()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := s.mix(ctx, schema); err != nil {
		t.Error(err)
	}
}

// TestWhoDiedLeftThemUnmixed: votes of a node that was killed are mixed by whoever starts next.
func TestWhoDiedLeftThemUnmixed(t *testing.T) {
	at := address(t)
	killed, next := open(t, at), open(t, at)
	for n := range uint64(3) {
		c := &store.Change{Resident: storetest.Stored(n), At: noon, State: []byte("s"), Ballots: []store.Ballot{{Poll: "secret", Day: time.Now().UTC().Format(time.DateOnly), Voter: storetest.Stored(n + 1000), ID: storetest.Stored(n + 2000)}}}
		if o, err := killed.Commit(t.Context(), c); err != nil || o.Kind != store.Applied {
			t.Fatal(o, err)
		}
	}
	if err := next.leftUnmixed(t.Context()); err != nil {
		t.Fatal(err)
	}
	next.mixAll(func(string) bool { return true })
	if n, err := number(t.Context(), next.pool, "SELECT count(DISTINCT xmin::text) FROM ballot"); err != nil || n != 1 {
		t.Errorf("%d transactions wrote them, %v", n, err)
	}
}
