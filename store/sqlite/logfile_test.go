package sqlite

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
	"zombiezen.com/go/sqlite"
)

// inC is text as SQLite takes it.
func inC(t *testing.T, s string) uintptr {
	t.Helper()
	p, err := libc.CString(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestGathered: a log whose writes are gathered reads as if each had gone to the system at once, and once it is synced, it is all there.
func TestGathered(tt *testing.T) {
	if _, err := gather(); err != nil {
		tt.Fatal(err)
	}
	tls := libc.NewTLS()
	defer tls.Close()
	way := lib.Xsqlite3_vfs_find(tls, inC(tt, gatheringFiles))
	if way == 0 {
		tt.Fatal("SQLite doesn't know it")
	}
	vfs := at[lib.Tsqlite3_vfs](way)
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 0))
		town := filepath.Join(tt.TempDir(), "town.db")
		if err := os.WriteFile(town, nil, 0o600); err != nil { // whose mode the log gets
			tt.Fatal(err)
		}
		name := town + "-wal"
		file := libc.Xcalloc(tls, 1, lib.Tsize_t(vfs.FszOsFile))
		const flags = lib.SQLITE_OPEN_WAL | lib.SQLITE_OPEN_READWRITE | lib.SQLITE_OPEN_CREATE
		ok := func(what string, rc int32) {
			if rc != lib.SQLITE_OK {
				tt.Fatalf("seed %d: %s: %d", seed, what, rc)
			}
		}
		ok("open", function[openFunc](vfs.FxOpen)(tls, way, inC(tt, name), file, flags, 0))
		m := at[lib.Tsqlite3_io_methods](at[lib.Tsqlite3_file](file).FpMethods)
		buf := libc.Xmalloc(tls, 1<<17)
		there := unsafe.Slice(at[byte](buf), 1<<17)
		onDisk := func() []byte {
			b, err := os.ReadFile(name)
			if err != nil {
				tt.Fatal(err)
			}
			return b
		}
		var model []byte
		var next int64
		early := 0 // writes that had reached the system already when the next began
		for range 400 {
			switch r.IntN(20) {
			default:
				if r.IntN(8) == 0 {
					next = r.Int64N(int64(len(model)) + 1)
				}
				n := []int{24, 4096, 24, 4096, 32, r.IntN(1 << 16)}[r.IntN(6)]
				for i := range n {
					there[i] = byte(r.Uint32())
				}
				ok("write", function[transferFunc](m.FxWrite)(tls, file, buf, int32(n), next))
				model = diskWrite{next, there[:n]}.apply(model)
				if next += int64(n); bytes.Equal(onDisk(), model) {
					early++
				}
			case 0, 1:
				if len(model) > 0 {
					off := r.IntN(len(model))
					n := min(r.IntN(1<<16)+1, len(model)-off)
					ok("read", function[transferFunc](m.FxRead)(tls, file, buf, int32(n), int64(off)))
					if !bytes.Equal(there[:n], model[off:off+n]) {
						tt.Fatalf("seed %d: read something else than was written", seed)
					}
				}
			case 2:
				next = r.Int64N(int64(len(model)) + 1)
				ok("truncate", function[truncateFunc](m.FxTruncate)(tls, file, next))
				model = model[:next]
			case 3:
				ok("size", function[sizeFunc](m.FxFileSize)(tls, file, buf))
				if size := *at[int64](buf); size != int64(len(model)) {
					tt.Fatalf("seed %d: %d bytes, want %d", seed, size, len(model))
				}
			case 4:
				ok("sync", function[syncFunc](m.FxSync)(tls, file, lib.SQLITE_SYNC_NORMAL))
				if !bytes.Equal(onDisk(), model) {
					tt.Fatalf("seed %d: synced, and not all is there", seed)
				}
			}
		}
		if early > 100 {
			tt.Errorf("seed %d: %d writes weren't gathered", seed, early)
		}
		ok("close", function[closeFunc](m.FxClose)(tls, file))
		if !bytes.Equal(onDisk(), model) {
			tt.Fatalf("seed %d: closed, and not all is there", seed)
		}
		libc.Xfree(tls, buf)
		libc.Xfree(tls, file)
	}
}

// TestLogIsGathered: it is the way that the store's files are opened by.
func TestLogIsGathered(tt *testing.T) {
	c, err := connect(filepath.Join(tt.TempDir(), "a town & its 100 % of #?.db"), sqlite.OpenReadWrite|sqlite.OpenCreate, pragmas(readerCache))
	if err != nil {
		tt.Fatal(err)
	}
	defer c.Close()
	t := newTables(c)
	var name string
	if _, err := t.one(func(q statement) error { name = q.ColumnText(0); return nil }, "SELECT file FROM pragma_database_list"); err != nil || filepath.Base(name) != "a town & its 100 % of #?.db" {
		tt.Fatalf("%q, %v", name, err)
	}
	if err := t.once("CREATE TABLE a(b)"); err != nil {
		tt.Fatal(err)
	}
	g, err := gather()
	if err != nil {
		tt.Fatal(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.methods) == 0 {
		tt.Error("no log was opened by it")
	}
}
