package postgres

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/postgres/pgtest"
	"github.com/townline/townline/store/storetest"
)

// TestMoment: a server is lost after somebody's mistake. Its base copy and its archived log give the town as it was a moment before.
func TestMoment(t *testing.T) {
	server, err := pgtest.Start(pgtest.Archiving()...)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Remove()
	s := open(t, server.Address())
	for n := range 3 {
		speak(t, s, n)
	}
	base, err := server.Base()
	if err != nil {
		t.Fatal(err)
	}
	defer base.Remove()
	speak(t, s, 3)
	speak(t, s, 1, func(c *store.Change) { c.State = []byte("before") })
	var moment string
	one := func(to any, query string) {
		t.Helper()
		if err := s.pool.QueryRow(t.Context(), query).Scan(to); err != nil {
			t.Fatal(err)
		}
	}
	one(&moment, "SELECT clock_timestamp()::text")
	speak(t, s, 1, func(c *store.Change) { c.State = []byte("the mistake") })
	speak(t, s, 4)
	var last string
	one(&last, "SELECT pg_walfile_name(pg_switch_wal())")
	eventually(t, "the log is archived", func() bool {
		var done bool
		one(&done, "SELECT coalesce(last_archived_wal, '') >= '"+last+"' FROM pg_stat_archiver")
		return done
	})
	s.Close()
	begun := time.Now()
	if err := base.StartAt(moment, server); err != nil {
		t.Fatal(err)
	}
	c, err := pgx.Connect(t.Context(), base.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	eventually(t, "it can be written to", func() bool {
		var still bool
		if err := c.QueryRow(t.Context(), "SELECT pg_is_in_recovery()").Scan(&still); err != nil {
			t.Fatal(err)
		}
		return !still
	})
	t.Logf("brought there in %v", time.Since(begun))
	back := open(t, base.Address())
	for n, want := range []uint64{1, 2, 1, 1, 0} {
		if row, err := back.Load(t.Context(), somebody(n)); err != nil || row.Version != want || n == 1 && string(row.State) != "before" {
			t.Errorf("resident %d: version %d, %q, %v; want %d", n, row.Version, row.State, err, want)
		}
	}
	speak(t, back, 4)
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(30 * time.Second); !is(); {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("it never comes to it that %s", what)
		}
	}
}

// TestDrill: a copy is made under traffic, everything is lost, and the copy is put back.
func TestDrill(t *testing.T) {
	storetest.Drill(t, open(t, address(t)), filepath.Join(t.TempDir(), "copy"), func(file string) store.Store {
		to := address(t)
		if err := Restore(t.Context(), file, to, testKeys(t)); err != nil {
			t.Fatal(err)
		}
		return open(t, to)
	})
}
