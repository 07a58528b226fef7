//go:build linux && (amd64 || arm64)

package sqlite

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// TestMapped: what is read of a file that is mapped is what is in it, whoever wrote it, and however long it is by then.
func TestMapped(tt *testing.T) {
	g, err := gather()
	if err != nil {
		tt.Fatal(err)
	}
	tls := libc.NewTLS()
	defer tls.Close()
	way := lib.Xsqlite3_vfs_find(tls, inC(tt, gatheringFiles))
	vfs := at[lib.Tsqlite3_vfs](way)
	name := filepath.Join(tt.TempDir(), "town.db")
	path := inC(tt, name)
	buf := libc.Xmalloc(tls, pageSize)
	there := unsafe.Slice(at[byte](buf), pageSize)
	open := func() uintptr {
		file := libc.Xcalloc(tls, 1, lib.Tsize_t(vfs.FszOsFile))
		const flags = lib.SQLITE_OPEN_MAIN_DB | lib.SQLITE_OPEN_READWRITE | lib.SQLITE_OPEN_CREATE
		if rc := function[openFunc](vfs.FxOpen)(tls, way, path, file, flags, 0); rc != lib.SQLITE_OK {
			tt.Fatalf("open: %d", rc)
		}
		return file
	}
	one, two := open(), open()
	p := g.of(one).mapped
	if p == 0 || g.of(two).mapped != p {
		tt.Fatalf("not mapped once for both (a file system that isn't known?): %x, %x", p, g.of(two).mapped)
	}
	read := func(page int64) int32 {
		clear(there)
		m := at[lib.Tsqlite3_io_methods](at[lib.Tsqlite3_file](two).FpMethods)
		return function[transferFunc](m.FxRead)(tls, two, buf, pageSize, page*pageSize)
	}
	waits := func(page int64) {
		tt.Helper()
		if g.mappings.read(p, two, buf, pageSize, page*pageSize) {
			tt.Fatalf("page %d is read without a call, though it may have to come from the disk", page)
		}
	}
	want := func(page int64, text string) {
		tt.Helper()
		if rc := read(page); rc != lib.SQLITE_OK || !bytes.HasPrefix(there, []byte(text)) {
			tt.Fatalf("page %d: %d, %q", page, rc, there[:8])
		}
		if !g.mappings.read(p, two, buf, pageSize, page*pageSize) {
			tt.Fatalf("page %d is read by a call of the system", page)
		}
	}
	short := func(page int64) {
		tt.Helper()
		if rc := read(page); rc != lib.SQLITE_IOERR_SHORT_READ {
			tt.Fatalf("page %d, which isn't there: %d", page, rc)
		}
	}
	write := func(page int64, text string) {
		m := at[lib.Tsqlite3_io_methods](at[lib.Tsqlite3_file](one).FpMethods)
		copy(there, text)
		if rc := function[transferFunc](m.FxWrite)(tls, one, buf, pageSize, page*pageSize); rc != lib.SQLITE_OK {
			tt.Fatalf("write: %d", rc)
		}
	}
	short(0)
	write(0, "first")
	write(1, "second")
	waits(0)
	want(0, "first")
	waits(1)
	want(1, "second")
	short(2)
	write(1, "changed")
	want(1, "changed")
	if err := os.Truncate(name, pageSize); err != nil { // by somebody else: it would be the end of the process
		tt.Fatal(err)
	}
	short(1)
	write(2, "third")
	want(2, "third")
	want(1, "\x00")
	g.mappings.letGo()
	waits(2)
	want(2, "third")
	g.mappings.look()
	want(2, "third")
	g.mappings.waited-- // as if a page had come from the disk since
	g.mappings.look()
	waits(2)
	want(2, "third")
	const far = pieceSize / pageSize
	short(far)
	write(far, "in another piece")
	want(far, "in another piece")
	id := at[mapped](p).file
	isMapped := func() bool {
		g.mappings.mu.Lock()
		defer g.mappings.mu.Unlock()
		return g.mappings.all[id] != 0
	}
	for _, file := range []uintptr{one, two} {
		if !isMapped() {
			tt.Fatal("unmapped while it is open")
		}
		m := at[lib.Tsqlite3_io_methods](at[lib.Tsqlite3_file](file).FpMethods)
		if rc := function[closeFunc](m.FxClose)(tls, file); rc != lib.SQLITE_OK {
			tt.Fatalf("close: %d", rc)
		}
	}
	if isMapped() {
		tt.Error("mapped still, when nobody has it open")
	}
}
