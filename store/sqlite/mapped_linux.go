//go:build linux && (amd64 || arm64)

package sqlite

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// mapped is a file in memory, as the system itself has it cached: a page of it is read without a call of the system. All connections of
// the process share it. What can't be read so, because the file is shorter or the disk fails, is read by the system's own way,
// which says what is wrong; nor does a disk that fails end the process. So is a page that wasn't read lately: Go doesn't know of who waits
// for the disk without a call, and lets nobody else run meanwhile. It is C's memory.
type mapped struct {
	file   fileID
	opened int
	pieces [mostPieces]uintptr
	cached [mostPieces]uintptr // of each, a bit for each page that was called for
}

// A file is mapped piece by piece, in its whole length and beyond, as it is read.
const (
	pieceSize  = 1 << 30
	mostPieces = 256
	cachedSize = pieceSize / pageSize / 8
)

type fileID struct{ device, inode uint64 }

// Of these file systems it is certain that what was written is there at once for who has the file mapped: ext4, XFS, Btrfs, F2FS and tmpfs.
func certain(kind int64) bool {
	switch kind {
	case 0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x1021994:
		return true
	}
	return false
}

// mappings are those of the process.
type mappings struct {
	mu     sync.Mutex
	all    map[fileID]uintptr
	waited int64 // how often this process has waited for the disk without a call, when that was looked at
}

// share returns where an open file's mapped is, or 0.
func (m *mappings) share(tls *libc.TLS, file uintptr) uintptr {
	var st syscall.Stat_t
	var system syscall.Statfs_t
	fd := int(at[lib.TunixFile](file).Fh)
	if syscall.Fstat(fd, &st) != nil || st.Mode&syscall.S_IFMT != syscall.S_IFREG || syscall.Fstatfs(fd, &system) != nil || !certain(system.Type) {
		return 0
	}
	id := fileID{uint64(st.Dev), st.Ino}
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.all[id]
	if p == 0 {
		if p = libc.Xcalloc(tls, 1, lib.Tsize_t(unsafe.Sizeof(mapped{}))); p == 0 {
			return 0
		}
		at[mapped](p).file = id
		if m.all == nil {
			m.all = map[fileID]uintptr{}
		}
		m.all[id] = p
	}
	at[mapped](p).opened++
	return p
}

// leave is called when a file that shared was closed.
func (m *mappings) leave(tls *libc.TLS, p uintptr) {
	if p == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	f := at[mapped](p)
	if f.opened--; f.opened > 0 {
		return
	}
	for i, piece := range f.pieces {
		if piece != 0 {
			syscall.Syscall(syscall.SYS_MUNMAP, piece, pieceSize, 0)
			syscall.Syscall(syscall.SYS_MUNMAP, f.cached[i], cachedSize, 0)
		}
	}
	delete(m.all, f.file)
	libc.Xfree(tls, p)
}

// piece maps a piece of an open file.
func (m *mappings) piece(p, file uintptr, n int64) uintptr {
	m.mu.Lock()
	defer m.mu.Unlock()
	piece := &at[mapped](p).pieces[n]
	if *piece == 0 {
		cached, _, failed := syscall.Syscall6(syscall.SYS_MMAP, 0, cachedSize, syscall.PROT_READ|syscall.PROT_WRITE,
			syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0), 0)
		if failed != 0 {
			return 0
		}
		b, _, failed := syscall.Syscall6(syscall.SYS_MMAP, 0, pieceSize, syscall.PROT_READ, syscall.MAP_SHARED,
			uintptr(at[lib.TunixFile](file).Fh), uintptr(n*pieceSize))
		if failed != 0 {
			syscall.Syscall(syscall.SYS_MUNMAP, cached, cachedSize, 0)
			return 0
		}
		at[mapped](p).cached[n] = cached
		syscall.Syscall(syscall.SYS_MADVISE, b, pieceSize, syscall.MADV_RANDOM)
		atomic.StoreUintptr(piece, b)
	}
	return *piece
}

// pieceOf says in which piece n bytes at off are, if they are in one.
func pieceOf(p uintptr, n int32, off int64) (i int64, in bool) {
	i = off / pieceSize
	return i, p != 0 && n > 0 && off >= 0 && i < mostPieces && (off+int64(n)-1)/pieceSize == i
}

func bitOf(p uintptr, i, page int64) (word *uint32, bit uint32) {
	return at[uint32](at[mapped](p).cached[i] + uintptr(page/32*4)), 1 << (page % 32)
}

// called is told that n bytes at off were read or written by a call: the system has their pages.
func (m *mappings) called(p uintptr, n int32, off int64) {
	i, in := pieceOf(p, n, off)
	if !in || atomic.LoadUintptr(&at[mapped](p).pieces[i]) == 0 {
		return
	}
	for page := off % pieceSize / pageSize; page*pageSize < off%pieceSize+int64(n); page++ {
		word, bit := bitOf(p, i, page)
		atomic.OrUint32(word, bit)
	}
}

// read says whether it has read n bytes at off into buf.
func (m *mappings) read(p, file, buf uintptr, n int32, off int64) bool {
	i, in := pieceOf(p, n, off)
	if !in {
		return false
	}
	piece := atomic.LoadUintptr(&at[mapped](p).pieces[i])
	if piece == 0 {
		if piece = m.piece(p, file, i); piece == 0 {
			return false
		}
	}
	for page := off % pieceSize / pageSize; page*pageSize < off%pieceSize+int64(n); page++ {
		if word, bit := bitOf(p, i, page); atomic.LoadUint32(word)&bit == 0 {
			return false
		}
	}
	return copied(unsafe.Slice(at[byte](buf), n), unsafe.Slice(at[byte](piece+uintptr(off%pieceSize)), n))
}

// copied says whether all of from was there.
func copied(to, from []byte) (all bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { all = recover() == nil }()
	copy(to, from)
	return
}

// letGo gives the memory of a file's pages back. They stay in the system's cache as long as it likes.
func (m *mappings) letGo() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.all {
		for _, piece := range at[mapped](p).pieces {
			if piece != 0 {
				syscall.Syscall(syscall.SYS_MADVISE, piece, pieceSize, syscall.MADV_DONTNEED)
			}
		}
	}
	m.readAnew()
}

// look has each page read by a call again where the system has taken some from its cache: who waited for one kept others from running.
func (m *mappings) look() {
	var use syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &use) != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if use.Majflt != m.waited {
		m.waited = use.Majflt
		m.readAnew()
	}
}

func (m *mappings) readAnew() {
	for _, p := range m.all {
		for _, cached := range at[mapped](p).cached {
			if cached == 0 {
				continue
			}
			words := unsafe.Slice(at[uint32](cached), cachedSize/4)
			for i := range words {
				atomic.StoreUint32(&words[i], 0)
			}
		}
	}
}
