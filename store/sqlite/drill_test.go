package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/storetest"
)

// TestDrill: a copy is made under traffic, everything is lost, and the copy is put back.
func TestDrill(t *testing.T) {
	file := filepath.Join(t.TempDir(), "town.db")
	storetest.Drill(t, open(t, file), filepath.Join(t.TempDir(), "copy.db"), func(copied string) store.Store {
		for _, name := range []string{file, file + "-wal", file + "-shm"} {
			if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		if err := Restore(copied, file, testKeys(t)); err != nil {
			t.Fatal(err)
		}
		return open(t, file)
	})
}
