package exchange

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/postgres"
	"github.com/townline/townline/store/postgres/pgtest"
)

var onPostgres = flag.Bool("postgres", false, "run what is tested on each store on a PostgreSQL server too")

var theServer *pgtest.Server // nil without -postgres

func TestMain(m *testing.M) {
	flag.Parse()
	if *onPostgres {
		var err error
		if theServer, err = pgtest.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	code := m.Run()
	if theServer != nil {
		theServer.Remove()
	}
	os.Exit(code)
}

func inPostgres(t testing.TB) store.Store {
	t.Helper()
	keys, err := store.LoadKeys(t.TempDir()+"/town.keys", "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), theServer.Empty(t), keys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
