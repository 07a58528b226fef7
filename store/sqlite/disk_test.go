package sqlite

import (
	"errors"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// slowSync is how long every sync of a file takes at least, in nanoseconds. It works below the shipped driver: a VFS that is
// the system's own but for xSync, made the default one.
var slowSync atomic.Int64

// atSync is asked before every sync of a file, and may let it fail.
var atSync atomic.Pointer[func(file string) int32]

// holdSyncs lets ask decide about every sync of the write-ahead log in file until the test ends.
func holdSyncs(t *town, ask func() int32) {
	t.Helper()
	f := func(file string) int32 {
		if file != t.path("town.db-wal") {
			return lib.SQLITE_OK
		}
		return ask()
	}
	atSync.Store(&f)
	t.Cleanup(func() { atSync.Store(nil) })
}

// sleep is as exact as the machine allows; time.Sleep is a millisecond late now and then.
func sleep(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	for syscall.Nanosleep(&t, &t) == syscall.EINTR {
		continue
	}
}

// slowly runs a sync and waits until it has taken as long as it should.
func slowly(sync func()) {
	start := time.Now()
	sync()
	if left := time.Duration(slowSync.Load()) - time.Since(start); left > 0 {
		sleep(left)
	}
}

// setSlowSync makes the disk slow until the benchmark ends.
func setSlowSync(b *testing.B, d time.Duration) {
	b.Helper()
	if _, err := installSlowDisk(); err != nil {
		b.Fatal(err)
	}
	slowSync.Store(int64(d))
	b.Cleanup(func() { slowSync.Store(0) })
}

// slowDisk holds on to what C holds on to.
type slowDisk struct {
	mu      sync.Mutex
	open    openFunc
	methods map[uintptr]uintptr // the system's, and ours in their place
	syncs   []syncFunc
}

var installSlowDisk = sync.OnceValues(func() (*slowDisk, error) {
	tls := libc.NewTLS()
	if rc := lib.Xsqlite3_initialize(tls); rc != lib.SQLITE_OK {
		return nil, errors.New("SQLite can't be initialised")
	}
	d := &slowDisk{methods: map[uintptr]uintptr{}}
	p, vfs := copyOf(tls, at[lib.Tsqlite3_vfs](lib.Xsqlite3_vfs_find(tls, 0)))
	open := function[openFunc](vfs.FxOpen)
	d.open = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32 {
		rc := open(tls, vfs, name, file, flags, out)
		if f := at[lib.Tsqlite3_file](file); f.FpMethods != 0 {
			f.FpMethods = d.slowed(tls, f.FpMethods)
		}
		return rc
	}
	vfs.FxOpen = pointer(d.open)
	if rc := lib.Xsqlite3_vfs_register(tls, p, 1); rc != lib.SQLITE_OK {
		return nil, errors.New("the slow disk can't be registered")
	}
	return d, nil
})

func (d *slowDisk) slowed(tls *libc.TLS, methods uintptr) uintptr {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.methods[methods] == 0 {
		p, ours := copyOf(tls, at[lib.Tsqlite3_io_methods](methods))
		sync := function[syncFunc](ours.FxSync)
		slow := func(tls *libc.TLS, file uintptr, flags int32) (rc int32) {
			if ask := atSync.Load(); ask != nil {
				if rc := (*ask)(libc.GoString(at[lib.TunixFile](file).FzPath)); rc != lib.SQLITE_OK {
					return rc
				}
			}
			slowly(func() { rc = sync(tls, file, flags) })
			return rc
		}
		d.syncs = append(d.syncs, slow)
		ours.FxSync = pointer(slow)
		d.methods[methods] = p
	}
	return d.methods[methods]
}
