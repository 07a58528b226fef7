package sqlite

import (
	"errors"
	"sync"
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// SQLite writes a page of the write-ahead log in two small pieces, and each is a call of the system. gatheringFiles is its way to
// files that is the system's own, but for a log that is written: what is written behind each other goes to the system in one
// piece, before the log is synced, and before anything else is done with it. SQLite tells no other connection of a page before
// it asks for that sync, so nobody can tell, not even by pulling the plug: what wasn't synced may always have been lost. What is read comes from where the file is mapped, if it is (mappings).
const gatheringFiles = "townline"

// mostGathered is what SQLite's way to the system writes at once: more it would take for less. It is 31 pages.
const mostGathered = 1<<17 - 1

type (
	openFunc     = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32
	closeFunc    = func(tls *libc.TLS, file uintptr) int32
	transferFunc = func(tls *libc.TLS, file, buf uintptr, n int32, off int64) int32
	truncateFunc = func(tls *libc.TLS, file uintptr, size int64) int32
	syncFunc     = func(tls *libc.TLS, file uintptr, flags int32) int32
	sizeFunc     = func(tls *libc.TLS, file, size uintptr) int32
)

// at is what C has at p.
func at[T any](p uintptr) *T { return (*T)(unsafe.Add(unsafe.Pointer(nil), p)) }

// function and pointer convert between C's function pointers and Go's, as modernc.org/libc represents them. What pointer is
// given must be kept from the garbage collector.
func function[T any](p uintptr) T { return *(*T)(unsafe.Pointer(&struct{ p uintptr }{p})) }
func pointer[T any](f T) uintptr  { return *(*uintptr)(unsafe.Pointer(&struct{ f T }{f})) }

func copyOf[T any](tls *libc.TLS, of *T) (uintptr, *T) {
	p := libc.Xmalloc(tls, lib.Tsize_t(unsafe.Sizeof(*of)))
	c := at[T](p)
	*c = *of
	return p, c
}

// gathered lies behind the system's own part of a log that is open.
type gathered struct {
	mapped uintptr // where the file's is; 0: it isn't mapped
	bytes  uintptr // C's; 0 until something is written
	first  int64   // where in the file they belong
	n      int64
	later  bool  // commits needn't wait for a sync (lateLog)
	owed   bool  // one didn't
	synced bool  // there was a sync
	failed int32 // not 0: a sync failed, and none may succeed any more
}

// gathering holds on to what C holds on to, and is itself held by gather.
type gathering struct {
	behind   uintptr // where a file's gathered lies
	open     openFunc
	mappings mappings
	mu       sync.Mutex
	methods  map[uintptr]uintptr // of a log: the system's, and ours in their place
	others   map[uintptr]uintptr // of a database
	kept     []any

	late       map[int64]*lateLog
	lateNumber uintptr // C's
}

// gather makes the way known to SQLite, once.
var gather = sync.OnceValues(func() (*gathering, error) {
	tls := libc.NewTLS()
	if rc := lib.Xsqlite3_initialize(tls); rc != lib.SQLITE_OK {
		return nil, errors.New("SQLite can't be initialised")
	}
	p, vfs := copyOf(tls, at[lib.Tsqlite3_vfs](lib.Xsqlite3_vfs_find(tls, 0)))
	name, err := libc.CString(gatheringFiles)
	if err != nil {
		return nil, err
	}
	const whole = int32(unsafe.Alignof(gathered{}))
	behind := (vfs.FszOsFile + whole - 1) / whole * whole
	g := &gathering{behind: uintptr(behind), methods: map[uintptr]uintptr{}, others: map[uintptr]uintptr{}, late: map[int64]*lateLog{}}
	if g.lateNumber, err = libc.CString(lateNumber); err != nil {
		return nil, err
	}
	g.open = func(tls *libc.TLS, ours, name, file uintptr, flags int32, out uintptr) int32 {
		system := lib.Xsqlite3_vfs_find(tls, 0) // now: a test may have put another in its place
		rc := function[openFunc](at[lib.Tsqlite3_vfs](system).FxOpen)(tls, system, name, file, flags, out)
		if f := at[lib.Tsqlite3_file](file); f.FpMethods != 0 && flags&(lib.SQLITE_OPEN_WAL|lib.SQLITE_OPEN_MAIN_DB) != 0 {
			*g.of(file) = gathered{mapped: g.mappings.share(tls, file)}
			if flags&lib.SQLITE_OPEN_WAL != 0 {
				g.opened(tls, name, file, f.FpMethods)
				f.FpMethods = g.log(tls, f.FpMethods)
			} else {
				f.FpMethods = g.database(tls, f.FpMethods)
			}
		}
		return rc
	}
	vfs.FszOsFile = behind + int32(unsafe.Sizeof(gathered{}))
	vfs.FzName = name
	vfs.FxOpen = pointer(g.open)
	if rc := lib.Xsqlite3_vfs_register(tls, p, 0); rc != lib.SQLITE_OK {
		return nil, errors.New("its files can't be registered with SQLite")
	}
	return g, nil
})

// letGoOfPages gives back what the process has of files in its memory.
func letGoOfPages() {
	if g, err := gather(); err == nil {
		g.mappings.letGo()
	}
}

// lookAtPages sees whether the process had to wait for files in its memory.
func lookAtPages() {
	if g, err := gather(); err == nil {
		g.mappings.look()
	}
}

func (g *gathering) of(file uintptr) *gathered { return at[gathered](file + g.behind) }

// log returns the methods of a log whose own are the system's.
func (g *gathering) log(tls *libc.TLS, system uintptr) uintptr {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.methods[system] != 0 {
		return g.methods[system]
	}
	p, m := copyOf(tls, at[lib.Tsqlite3_io_methods](system))
	write := function[transferFunc](m.FxWrite)
	send := func(tls *libc.TLS, file uintptr) int32 {
		w := g.of(file)
		if w.n == 0 {
			return lib.SQLITE_OK
		}
		n := w.n
		w.n = 0 // should it fail, the transaction does, and its pages are written anew
		rc := write(tls, file, w.bytes, int32(n), w.first)
		if rc == lib.SQLITE_OK {
			g.mappings.called(w.mapped, int32(n), w.first)
		}
		return rc
	}
	gatherWrite := func(tls *libc.TLS, file, buf uintptr, n int32, off int64) int32 {
		w := g.of(file)
		if w.n > 0 && (off != w.first+w.n || w.n+int64(n) > mostGathered) {
			if rc := send(tls, file); rc != lib.SQLITE_OK {
				return rc
			}
		}
		if w.bytes == 0 {
			w.bytes = libc.Xmalloc(tls, mostGathered)
		}
		if w.bytes == 0 || int64(n) > mostGathered {
			return write(tls, file, buf, n, off)
		}
		if w.n == 0 {
			w.first = off
		}
		copy(unsafe.Slice(at[byte](w.bytes+uintptr(w.n)), n), unsafe.Slice(at[byte](buf), n))
		w.n += int64(n)
		return lib.SQLITE_OK
	}
	read := function[transferFunc](m.FxRead)
	gatherRead := func(tls *libc.TLS, file, buf uintptr, n int32, off int64) int32 {
		if rc := send(tls, file); rc != lib.SQLITE_OK {
			return rc
		}
		if g.mappings.read(g.of(file).mapped, file, buf, n, off) {
			return lib.SQLITE_OK
		}
		rc := read(tls, file, buf, n, off)
		if rc == lib.SQLITE_OK {
			g.mappings.called(g.of(file).mapped, n, off)
		}
		return rc
	}
	truncate := function[truncateFunc](m.FxTruncate)
	gatherTruncate := func(tls *libc.TLS, file uintptr, size int64) int32 {
		if rc := send(tls, file); rc != lib.SQLITE_OK {
			return rc
		}
		return truncate(tls, file, size)
	}
	sync := function[syncFunc](m.FxSync)
	gatherSync := func(tls *libc.TLS, file uintptr, flags int32) int32 {
		w := g.of(file)
		if atomic.LoadInt32(&w.failed) != 0 {
			return lib.SQLITE_IOERR_FSYNC
		}
		later := w.putOff()
		if rc := send(tls, file); rc != lib.SQLITE_OK || later {
			return rc
		}
		rc := sync(tls, file, flags)
		w.synced = w.synced || rc == lib.SQLITE_OK
		return rc
	}
	size := function[sizeFunc](m.FxFileSize)
	gatherSize := func(tls *libc.TLS, file, out uintptr) int32 {
		if rc := send(tls, file); rc != lib.SQLITE_OK {
			return rc
		}
		return size(tls, file, out)
	}
	end := function[closeFunc](m.FxClose)
	gatherClose := func(tls *libc.TLS, file uintptr) int32 {
		failed := send(tls, file)
		w := g.of(file)
		libc.Xfree(tls, w.bytes)
		mapped := w.mapped
		*w = gathered{}
		rc := end(tls, file)
		g.mappings.leave(tls, mapped)
		if rc != lib.SQLITE_OK {
			return rc
		}
		return failed
	}
	g.kept = append(g.kept, gatherWrite, gatherRead, gatherTruncate, gatherSync, gatherSize, gatherClose)
	m.FxWrite, m.FxRead, m.FxTruncate = pointer(gatherWrite), pointer(gatherRead), pointer(gatherTruncate)
	m.FxSync, m.FxFileSize, m.FxClose = pointer(gatherSync), pointer(gatherSize), pointer(gatherClose)
	g.methods[system] = p
	return p
}

// database returns the methods of a database whose own are the system's.
func (g *gathering) database(tls *libc.TLS, system uintptr) uintptr {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.others[system] != 0 {
		return g.others[system]
	}
	p, m := copyOf(tls, at[lib.Tsqlite3_io_methods](system))
	read := function[transferFunc](m.FxRead)
	mappedRead := func(tls *libc.TLS, file, buf uintptr, n int32, off int64) int32 {
		if g.mappings.read(g.of(file).mapped, file, buf, n, off) {
			return lib.SQLITE_OK
		}
		rc := read(tls, file, buf, n, off)
		if rc == lib.SQLITE_OK {
			g.mappings.called(g.of(file).mapped, n, off)
		}
		return rc
	}
	end := function[closeFunc](m.FxClose)
	mappedClose := func(tls *libc.TLS, file uintptr) int32 {
		mapped := g.of(file).mapped
		rc := end(tls, file)
		g.mappings.leave(tls, mapped)
		return rc
	}
	g.kept = append(g.kept, mappedRead, mappedClose)
	m.FxRead, m.FxClose = pointer(mappedRead), pointer(mappedClose)
	g.others[system] = p
	return p
}
