package postgres

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/postgres/pgtest"
	"github.com/townline/townline/store/storetest"
)

var theServer *pgtest.Server

func TestMain(m *testing.M) {
	flag.Parse()
	var args []string
	if flag.Lookup("test.bench").Value.String() != "" {
		args = []string{"-c", "fsync=on", "-c", "shared_buffers=3GB", "-c", "max_wal_size=4GB", "-c", "checkpoint_timeout=30min"}
	}
	var err error
	if theServer, err = pgtest.Start(args...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	theServer.Remove()
	os.Exit(code)
}

// address is of an empty database of its own.
func address(t testing.TB) string {
	t.Helper()
	return theServer.Empty(t)
}

// testKeys are the same in every test.
func testKeys(t testing.TB) *store.Keys {
	t.Helper()
	k, err := store.LoadKeys("", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func open(t testing.TB, address string) *Store {
	t.Helper()
	s, err := Open(t.Context(), address, testKeys(t))
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

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, address(t)) })
}
