package postgres

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
)

// TestWritersDontWaitForEachOther: however often the same few people talk at once, the two writers of a node never hold what the other
// waits for. Each turn of a resident but one is a conflict, and made again.
func TestWritersDontWaitForEachOther(t *testing.T) {
	at := address(t)
	deadlocks := func() (n int64) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		n, err = number(t.Context(), conn, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := deadlocks()
	s, err := Open(t.Context(), at, testKeys(t))
	if err != nil {
		t.Fatal(err)
	}
	const people, talkers, turns = 24, 96, 40
	commit := func(n, i int) error {
		r := store.Resident{byte((n*7 + i*5) % people), 1}
		for {
			row, err := s.Load(t.Context(), r)
			if err != nil {
				return err
			}
			c := &store.Change{Resident: r, Read: row.Version, At: time.Unix(1, 0), State: []byte("s"), Inbound: store.Inbound{byte(n), byte(i), 1}}
			if (n+i)%3 == 0 { // one that has to be looked at
				c.Marks = []store.Mark{{Poll: "parks", Voter: [16]byte{byte(n), byte(i), 1}}}
			}
			switch o, err := s.Commit(t.Context(), c); {
			case err != nil:
				return err
			case o.Kind == applied:
				return nil
			case o.Kind != conflict:
				return fmt.Errorf("it came to %v", o.Kind)
			}
		}
	}
	var all sync.WaitGroup
	for n := range talkers {
		all.Go(func() {
			for i := range turns {
				if err := commit(n, i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	var sum uint64
	for n := range people {
		row, err := s.Load(t.Context(), store.Resident{byte(n), 1})
		if err != nil {
			t.Fatal(err)
		}
		sum += row.Version
	}
	if sum != talkers*turns {
		t.Errorf("%d turns of %d are there", sum, talkers*turns)
	}
	if err := s.Close(); err != nil { // its connections tell what they counted when they end
		t.Fatal(err)
	}
	if n := deadlocks() - before; n != 0 {
		t.Errorf("%d times a writer waited for one who waited for it", n)
	}
}
