package outpost

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// journal is a file that is only ever added to: what append returned from is on disk, in one piece, whatever is cut off.
// A frame is a mark of four bytes, the length of what it holds, the CRC-32C of length and content, and the content. What
// was torn by a loss of power is found by its sum when the file is opened, and moved aside; whole frames after it count.
type journal struct {
	name string
	sync func(*os.File) error // writes what the system has in its memory to the disk

	mu      sync.Mutex
	file    *os.File
	size    int64         // of whole frames, on disk
	broken  error         // nothing is written any more
	failed  chan struct{} // closed when that is because of the disk
	pending []*written
	busy    bool // somebody writes, and will write what is pending
}

// written is a frame on its way to the disk.
type written struct {
	frame []byte
	at    int64
	err   error
	done  chan struct{}
}

const (
	frameHead = 12
	// mostFrame is more than a turn with the largest recording has.
	mostFrame = 64 << 20
)

var (
	frameMark  = [4]byte{0xF0, 't', 'l', 1}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func frameOf(content []byte) []byte {
	b := make([]byte, frameHead, frameHead+len(content))
	copy(b, frameMark[:])
	binary.BigEndian.PutUint32(b[4:], uint32(len(content)))
	b = append(b, content...)
	sum := crc32.Update(crc32.Checksum(b[4:8], castagnoli), castagnoli, content)
	binary.BigEndian.PutUint32(b[8:], sum)
	return b
}

// cutFrame takes the frame that b begins with.
func cutFrame(b []byte) (content []byte, size int, ok bool) {
	if len(b) < frameHead || [4]byte(b) != frameMark {
		return nil, 0, false
	}
	n := int(binary.BigEndian.Uint32(b[4:]))
	if n > mostFrame || len(b)-frameHead < n {
		return nil, 0, false
	}
	content = b[frameHead : frameHead+n]
	sum := crc32.Update(crc32.Checksum(b[4:8], castagnoli), castagnoli, content)
	return content, frameHead + n, sum == binary.BigEndian.Uint32(b[8:])
}

// openJournal opens or makes a journal and calls each with every whole frame in it, in order. torn is how many bytes were no
// whole frame; they lie in a file beside it now.
func openJournal(name string, each func(content []byte, at int64) error) (j *journal, torn int, err error) {
	if err := os.Remove(name + ".new"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, 0, err // left by a rewrite that was cut off
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, 0, err
	}
	j = &journal{name: name, file: f, sync: (*os.File).Sync, failed: make(chan struct{})}
	whole, scraps, err := frames(b, each)
	if err != nil {
		return nil, 0, err
	}
	j.size = int64(len(whole))
	if len(scraps) > 0 {
		if err := writeFile(name+".torn", scraps); err != nil {
			return nil, 0, err
		}
		if err := j.replace(whole); err != nil {
			return nil, 0, err
		}
		return j, len(scraps), nil
	}
	if err := syncDir(name); err != nil { // the file may be new
		return nil, 0, err
	}
	return j, 0, nil
}

// frames calls each with every whole frame of b, in order, and where it lies among them; whole are the frames, scraps the rest.
func frames(b []byte, each func(content []byte, at int64) error) (whole, scraps []byte, err error) {
	for at := 0; at < len(b); {
		content, n, ok := cutFrame(b[at:])
		if !ok {
			next := bytes.Index(b[at+1:], frameMark[:])
			if next < 0 {
				next = len(b) - at - 1
			}
			scraps = append(scraps, b[at:at+1+next]...)
			at += 1 + next
			continue
		}
		if err := each(content, int64(len(whole))); err != nil {
			return nil, nil, err
		}
		whole = append(whole, b[at:at+n]...)
		at += n
	}
	return whole, scraps, nil
}

// append writes a frame and returns where it lies once it is on disk. Those who append at the same time share one write.
func (j *journal) append(content []byte) (at int64, err error) {
	w := &written{frame: frameOf(content), done: make(chan struct{})}
	j.mu.Lock()
	j.pending = append(j.pending, w)
	if !j.busy {
		j.busy = true
		go j.work()
	}
	j.mu.Unlock()
	<-w.done
	return w.at, w.err
}

// work writes what is pending, all that came meanwhile together, until nothing is.
func (j *journal) work() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.pending) > 0 {
		together := j.pending
		j.pending = nil
		file, at, err := j.file, j.size, j.broken
		j.mu.Unlock()
		if err == nil {
			err = j.write(file, at, together)
		}
		j.mu.Lock()
		if err != nil {
			// What fsync failed to write may be there or not, and asking again would not tell: only opening the file anew does.
			j.fail(err)
		}
		for _, w := range together {
			if w.err = err; err == nil {
				w.at = j.size
				j.size += int64(len(w.frame))
			}
			close(w.done)
		}
	}
	j.busy = false
}

// fail notes that nothing can be written any more; its caller holds mu.
func (j *journal) fail(err error) {
	if j.broken == nil {
		j.broken = fmt.Errorf("outpost: %s can't be written: %w", filepath.Base(j.name), err)
		close(j.failed)
	}
}

func (j *journal) write(f *os.File, at int64, all []*written) error {
	var b []byte
	if len(all) == 1 {
		b = all[0].frame
	} else {
		for _, w := range all {
			b = append(b, w.frame...)
		}
	}
	if _, err := f.WriteAt(b, at); err != nil {
		return err
	}
	return j.sync(f)
}

// read returns the content of the frame at a place.
func (j *journal) read(at int64) ([]byte, error) {
	j.mu.Lock()
	f := j.file
	j.mu.Unlock()
	var head [frameHead]byte
	if _, err := f.ReadAt(head[:], at); err != nil {
		return nil, fmt.Errorf("outpost: read %s: %w", filepath.Base(j.name), err)
	}
	n := int(binary.BigEndian.Uint32(head[4:]))
	if n > mostFrame {
		return nil, fmt.Errorf("outpost: %s is damaged", filepath.Base(j.name))
	}
	b := make([]byte, frameHead+n)
	if _, err := f.ReadAt(b, at); err != nil {
		return nil, fmt.Errorf("outpost: read %s: %w", filepath.Base(j.name), err)
	}
	content, _, ok := cutFrame(b)
	if !ok {
		return nil, fmt.Errorf("outpost: %s is damaged", filepath.Base(j.name))
	}
	return content, nil
}

// length is how many bytes it has.
func (j *journal) length() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size
}

// trouble is why nothing can be written any more; nil while all is well.
func (j *journal) trouble() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.broken
}

// rewrite puts only these contents in the file and returns where they lie. Nobody may append meanwhile.
func (j *journal) rewrite(contents [][]byte) (at []int64, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var whole []byte
	for _, c := range contents {
		at = append(at, int64(len(whole)))
		whole = append(whole, frameOf(c)...)
	}
	if err := j.replace(whole); err != nil {
		return nil, err
	}
	j.size = int64(len(whole))
	return at, nil
}

// replace writes the file anew beside the old one, and takes its place when it is on disk.
func (j *journal) replace(whole []byte) error {
	if err := writeFile(j.name+".new", whole); err != nil {
		return err
	}
	f, err := os.OpenFile(j.name+".new", os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := os.Rename(j.name+".new", j.name); err != nil {
		f.Close()
		return err
	}
	j.file.Close()
	j.file = f
	if err := syncDir(j.name); err != nil {
		// Which of the two files is there after a loss of power isn't known.
		j.fail(err)
		return err
	}
	return nil
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken == nil {
		j.broken = os.ErrClosed
	}
	return j.file.Close()
}

// writeFile makes a file that only this user can read, or empties it, and writes it to disk.
func writeFile(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// replaceFile writes a file whole or not at all.
func replaceFile(name string, b []byte) error {
	if err := writeFile(name+".new", b); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	return syncDir(name)
}

// syncDir makes sure that the name of a file is on disk.
func syncDir(name string) error {
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
