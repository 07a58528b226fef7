package sqlite

import (
	"bytes"
	"encoding/base64"
	"path/filepath"
	"testing"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "town.db")) })
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

func open(t testing.TB, file string) *Store {
	t.Helper()
	s, err := Open(file, testKeys(t))
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
