package sqlite

import (
	"sync/atomic"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
	"zombiezen.com/go/sqlite"
)

// lateLog is the log of a connection whose commits may return before the disk has them, so that the next transaction is written while
// the disk works. What was committed so can be seen by other connections at once: it is the store that acknowledges nothing, and
// hands out nothing that was read, before SyncLog has returned (unsynced). Nothing else is put off: not the log's header, which has to be on
// disk before what follows it, nor the syncs of a checkpoint, which begins with one of the log.
type lateLog struct {
	number int64
	tls    *libc.TLS // of whoever syncs
	file   uintptr   // 0 until SQLite opens it
	sync   syncFunc
}

// lateNumber is what a connection says at the end of its address to have its log known.
const lateNumber = "log"

var lateLogs atomic.Int64

// newLateLog is known to g until it is closed.
func (g *gathering) newLateLog() *lateLog {
	l := &lateLog{number: lateLogs.Add(1), tls: libc.NewTLS()}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.late[l.number] = l
	return l
}

// opened is called for each log, with the system's own methods.
func (g *gathering) opened(tls *libc.TLS, name, file, system uintptr) {
	number := lib.Xsqlite3_uri_int64(tls, name, g.lateNumber, 0)
	g.mu.Lock()
	defer g.mu.Unlock()
	if l := g.late[number]; l != nil {
		l.file, l.sync = file, function[syncFunc](at[lib.Tsqlite3_io_methods](system).FxSync)
	}
}

// putOff says whether this sync may wait until somebody asks for it: that of a commit's pages, not of the header alone, and not the
// first of the file, with which the directory is synced.
func (w *gathered) putOff() bool {
	if !w.later || !w.synced || w.n == 0 || w.first == 0 {
		return false
	}
	w.owed = true
	return true
}

// Late: see connection.
func (c shipped) Late(on bool) (owed bool) {
	if c.log == nil || c.log.file == 0 {
		return false
	}
	g, _ := gather() // it was made when this was opened
	w := g.of(c.log.file)
	owed, w.owed, w.later = w.owed, false, on
	return owed
}

// SyncLog: see connection.
func (c shipped) SyncLog() error {
	l := c.log
	rc := l.sync(l.tls, l.file, lib.SQLITE_SYNC_NORMAL)
	if rc == lib.SQLITE_OK {
		return nil
	}
	// The system forgets that these pages weren't written: from now on every sync of this connection fails, its last checkpoint's too.
	g, _ := gather()
	atomic.StoreInt32(&g.of(l.file).failed, 1)
	return sqlite.ResultCode(rc).ToError()
}

func (c shipped) Close() error {
	err := c.Conn.Close()
	if c.log != nil {
		c.log.forget()
	}
	return err
}

// forget is called when its connection is closed, or couldn't be opened.
func (l *lateLog) forget() {
	g, _ := gather()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.late, l.number)
	l.tls.Close()
}
