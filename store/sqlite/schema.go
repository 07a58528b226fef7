package sqlite

import (
	"fmt"
	"io/fs"
	"os"

	"github.com/townline/townline/store"
	"zombiezen.com/go/sqlite"
)

// Schema tells which schema the database in file has, and which is the newest that this program knows. It changes nothing, and opens
// what Open would refuse.
func Schema(file string) (at, newest int, err error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, 0, err
	}
	if _, err := os.Stat(file); err != nil {
		return 0, len(names), fmt.Errorf("store: %w", err)
	}
	c, err := connect(file, sqlite.OpenReadWrite, []string{"query_only=ON"})
	if err != nil {
		return 0, len(names), fmt.Errorf("store: %w", err)
	}
	t := newTables(c)
	defer t.Close()
	n, err := t.number("PRAGMA user_version")
	if err == nil && n > int64(len(names)) {
		err = store.ErrNewer
	}
	return int(n), len(names), err
}
