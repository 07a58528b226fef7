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
	// Late lets commits return before the disk has them, or no more, and says whether one did since.
	Late(on bool) (owed bool)
	// SyncLog brings those to the disk. It alone may be called beside the others.
	SyncLog() error
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

type shipped struct {
	*sqlite.Conn
	log *lateLog // of the writer's connection
}

func (c shipped) Prepare(query string) (statement, error) { return c.Conn.Prepare(query) }

const busyTimeout = 5 * time.Second

func connect(file string, flags sqlite.OpenFlags, pragmas []string) (shipped, error) {
	return connectWith(nil, file, flags, pragmas)
}

// connectLate is for the writer.
func connectLate(file string, flags sqlite.OpenFlags, pragmas []string) (shipped, error) {
	g, err := gather()
	if err != nil {
		return shipped{}, err
	}
	return connectWith(g.newLateLog(), file, flags, pragmas)
}

func connectWith(log *lateLog, file string, flags sqlite.OpenFlags, pragmas []string) (shipped, error) {
	if _, err := gather(); err != nil {
		return shipped{}, err
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return shipped{}, err
	}
	uri := url.URL{Scheme: "file", Path: filepath.ToSlash(file), RawQuery: "vfs=" + gatheringFiles}
	if log != nil {
		uri.RawQuery += fmt.Sprintf("&%s=%d", lateNumber, log.number)
	}
	c, err := sqlite.OpenConn(uri.String(), flags|sqlite.OpenURI)
	if err != nil {
		if log != nil {
			log.forget()
		}
		return shipped{}, err
	}
	c.SetBusyTimeout(busyTimeout)
	ours := shipped{c, log}
	t := newTables(ours)
	for _, p := range pragmas {
		if err := t.once("PRAGMA " + p); err != nil {
			ours.Close()
			return shipped{}, fmt.Errorf("%s: %w", p, err)
		}
	}
	return ours, nil
}
