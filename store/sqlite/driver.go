package sqlite

import (
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"zombiezen.com/go/sqlite"
)

// connection is what the tables need of a SQLite driver. Two stand behind it: the one that is shipped and, in the
// power-loss tests, one whose disk forgets what was not synced; so those run the very statements that are shipped.
type connection interface {
	Prepare(query string) (statement, error)
	Changes() int
	LastInsertRowID() int64
	Close() error
}

// statement has the shipped driver's own methods. Parameters count from 1 and stay bound, columns count from 0.
type statement interface {
	BindBytes(param int, value []byte)
	BindInt64(param int, value int64)
	BindText(param int, value string)
	BindNull(param int)
	Step() (row bool, err error)
	Reset() error
	ColumnInt64(col int) int64
	ColumnText(col int) string
	ColumnLen(col int) int
	ColumnBytes(col int, buf []byte) int
	ColumnIsNull(col int) bool
}

var _ statement = (*sqlite.Stmt)(nil)

type shipped struct{ *sqlite.Conn }

func (c shipped) Prepare(query string) (statement, error) { return c.Conn.Prepare(query) }

const busyTimeout = 5 * time.Second

func connect(file string, flags sqlite.OpenFlags, pragmas []string) (shipped, error) {
	if _, err := gather(); err != nil {
		return shipped{}, err
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return shipped{}, err
	}
	uri := url.URL{Scheme: "file", Path: filepath.ToSlash(file), RawQuery: "vfs=" + gatheringFiles}
	c, err := sqlite.OpenConn(uri.String(), flags|sqlite.OpenURI)
	if err != nil {
		return shipped{}, err
	}
	c.SetBusyTimeout(busyTimeout)
	t := newTables(shipped{c})
	for _, p := range pragmas {
		if err := t.once("PRAGMA " + p); err != nil {
			c.Close()
			return shipped{}, fmt.Errorf("%s: %w", p, err)
		}
	}
	return shipped{c}, nil
}
