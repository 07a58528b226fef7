package storetest

import (
	"path/filepath"
	"testing"

	"github.com/townline/townline/store"
)

// NextKeys come after others, for who changes them.
func NextKeys(t testing.TB, keys *store.Keys) *store.Keys {
	t.Helper()
	file := filepath.Join(t.TempDir(), "next.key")
	if err := keys.MakeNext(file); err != nil {
		t.Fatal(err)
	}
	next, err := store.LoadKeys(file, "")
	if err != nil {
		t.Fatal(err)
	}
	return next
}
