package postgres

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store/postgres/pgtest"
)

// TestFailover: the primary is lost for good, its standby is promoted, and the nodes find it by themselves. With a standby that every
// commit waits for nothing that was acknowledged is lost.
func TestFailover(t *testing.T) {
	primary, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(primary.Dir)
	lost := sync.OnceFunc(func() { primary.Stop(syscall.SIGQUIT) })
	defer lost()
	standby, err := primary.Standby()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(standby.Dir)
	defer standby.Stop(syscall.SIGQUIT)
	admin, err := pgx.Connect(t.Context(), primary.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	deadline := time.Now().Add(30 * time.Second)
	for n := int64(0); n == 0; {
		if n, err = number(t.Context(), admin, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"); err != nil || time.Now().After(deadline) {
			t.Fatal("the standby doesn't follow", err)
		}
	}
	for _, query := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
		if _, err := admin.Exec(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	at := fmt.Sprintf("postgres://town@/postgres?host=%s,%s", primary.Dir, standby.Dir)
	nodes := []*Store{open(t, at), open(t, at)}
	const residents, messages = 12, 80
	var all sync.WaitGroup
	var done atomic.Int64
	for n := range residents {
		all.Go(func() {
			defer done.Add(1)
			if _, err := talk(t.Context(), nodes, n, messages); err != nil {
				t.Error(err)
			}
		})
	}
	count := func() (n int64) {
		n, err = number(t.Context(), nodes[0].pool, "SELECT count(*) FROM response")
		if err != nil {
			return 0
		}
		return n
	}
	for count() < residents*messages/3 && done.Load() == 0 {
	}
	lost()
	gone := time.Now()
	promoter, err := pgx.Connect(t.Context(), standby.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer promoter.Close(t.Context())
	// It isn't waited for in one statement: what is still to be replayed could have to wait for that.
	if _, err := promoter.Exec(t.Context(), "SELECT pg_promote(false)"); err != nil {
		t.Fatal(err)
	}
	for following := true; following; {
		if following, err = there(t.Context(), promoter, "SELECT 1 WHERE pg_is_in_recovery()"); err != nil {
			t.Fatal(err)
		}
	}
	promoted := time.Since(gone)
	before := count()
	for deadline := time.Now().Add(30 * time.Second); count() <= before && done.Load() == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the nodes didn't find the new primary")
		}
	}
	t.Logf("promoted %v after the loss, the next turn was written %v after it", promoted.Round(time.Millisecond), time.Since(gone).Round(time.Millisecond))
	all.Wait()
	if done.Load() != residents {
		t.Fatal("not all came through")
	}
	said(t, nodes[0], residents, messages)
}
