package smpp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/townline/townline/channels/sealed"
)

// journal is a file of entries that are only ever added: each with its length and a checksum, so that a torn end is noticed and
// cut off. Entries that many wait for are put on the disk together.
type journal struct {
	mu     sync.Mutex
	file   *os.File
	size   int64
	name   string
	broken error // the disk took no more

	syncing sync.Mutex
	synced  int64 // how much of it is surely on the disk
}

// mostEntry is longer than any entry that is written.
const mostEntry = 128 << 10

// openJournal reads the file's entries, each to each, and makes it anew of what live returns then: so it never grows without end.
func openJournal(name string, each func(entry []byte), live func() [][]byte) (*journal, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, err
	}
	old, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for len(old) >= 8 {
		n, sum := int(binary.LittleEndian.Uint32(old)), binary.LittleEndian.Uint32(old[4:])
		if n > mostEntry || len(old) < 8+n || crc32.ChecksumIEEE(old[8:8+n]) != sum {
			break
		}
		each(old[8 : 8+n])
		old = old[8+n:]
	}
	j := &journal{name: name}
	return j, j.renew(live)
}

// renew makes the file anew of what live returns. Nothing is added meanwhile: what is in memory by then is in it, and what comes
// after it is added to the new file. So nobody may add while they hold what live waits for.
func (j *journal) renew(live func() [][]byte) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	f, err := os.OpenFile(j.name+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	var all []byte
	for _, e := range live() {
		all = appendEntry(all, e)
	}
	_, err = f.Write(all)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), j.name)
	}
	if err == nil {
		err = sealed.SyncFolder(filepath.Dir(j.name))
	}
	if err != nil {
		f.Close()
		return err
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file, j.size, j.synced, j.broken = f, int64(len(all)), int64(len(all)), nil
	return nil
}

func appendEntry(to, entry []byte) []byte {
	to = binary.LittleEndian.AppendUint32(to, uint32(len(entry)))
	to = binary.LittleEndian.AppendUint32(to, crc32.ChecksumIEEE(entry))
	return append(to, entry...)
}

// add writes entries; where kept is true it returns once they are on the disk. A journal that is nil keeps nothing.
func (j *journal) add(kept bool, entries ...[]byte) error {
	if j == nil {
		return nil
	}
	var all []byte
	for _, e := range entries {
		all = appendEntry(all, e)
	}
	j.mu.Lock()
	if j.broken != nil {
		j.mu.Unlock()
		return j.broken
	}
	n, err := j.file.WriteAt(all, j.size)
	if err != nil {
		// What is half written would hide all after it.
		if errCut := j.file.Truncate(j.size); n > 0 && errCut != nil {
			j.broken = fmt.Errorf("the journal can't be written: %w", errCut)
		}
		j.mu.Unlock()
		return err
	}
	j.size += int64(len(all))
	end := j.size
	j.mu.Unlock()
	if !kept {
		return nil
	}
	return j.sync(end)
}

// sync returns once the first end octets are on the disk. Who waits while another's is under way is taken along by the next.
func (j *journal) sync(end int64) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	size, file, synced := j.size, j.file, j.synced
	j.mu.Unlock()
	if synced >= end || size < end { // or the file was made anew, all of it on the disk
		return nil
	}
	if err := file.Sync(); err != nil {
		j.mu.Lock()
		j.broken = fmt.Errorf("the journal can't be written: %w", err) // Linux may have dropped what it could not write
		j.mu.Unlock()
		return err
	}
	j.mu.Lock()
	j.synced = size
	j.mu.Unlock()
	return nil
}

// length is how long the file is.
func (j *journal) length() int64 {
	if j == nil {
		return 0
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size
}

// failed says whether the disk took no more: what is in it by then can't be trusted to be there.
func (j *journal) failed() bool {
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.broken != nil && j.file != nil
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	err := j.sync(j.length())
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return err
	}
	j.broken = io.ErrClosedPipe
	err = errors.Join(err, j.file.Close())
	j.file = nil
	return err
}
