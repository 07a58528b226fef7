//go:build linux

package sqlite

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/storetest"
)

// rawLog is the bound: the same bytes appended to a file and synced, grouped in the same way.
type rawLog struct {
	f     *os.File
	off   int64
	room  int64
	buf   []byte
	queue chan *rawTurn
}

type rawTurn struct {
	c    *store.Change
	done chan error
}

func newRawLog(b *testing.B) *rawLog {
	f, err := os.Create(filepath.Join(b.TempDir(), "raw.log"))
	if err != nil {
		b.Fatal(err)
	}
	l := &rawLog{f: f, queue: make(chan *rawTurn, 4*maxBatch)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.writes()
	}()
	b.Cleanup(func() {
		close(l.queue)
		<-done
		f.Close()
	})
	return l
}

func (l *rawLog) writes() {
	var batch []*rawTurn
	for t := range l.queue {
		batch = append(batch[:0], t)
	fill:
		for len(batch) < maxBatch {
			select {
			case t, ok := <-l.queue:
				if !ok {
					break fill
				}
				batch = append(batch, t)
			default:
				break fill
			}
		}
		err := l.append(batch)
		for _, t := range batch {
			t.done <- err
		}
	}
}

func (l *rawLog) append(batch []*rawTurn) (err error) {
	l.buf = l.buf[:0]
	for _, t := range batch {
		start := len(l.buf)
		l.buf = append(l.buf, 0, 0, 0, 0, 0, 0, 0, 0)
		l.buf = append(l.buf, t.c.Resident[:]...)
		l.buf = append(l.buf, t.c.State...)
		l.buf = append(l.buf, t.c.Reply...)
		for i := range t.c.Outbox {
			l.buf = append(l.buf, t.c.Outbox[i].Body...)
		}
		for i := range t.c.Responses {
			l.buf = append(l.buf, t.c.Responses[i].Record...)
		}
		binary.LittleEndian.PutUint32(l.buf[start:], uint32(len(l.buf)-start))
		binary.LittleEndian.PutUint32(l.buf[start+4:], crc32.ChecksumIEEE(l.buf[start+8:]))
	}
	if l.off+int64(len(l.buf)) > l.room {
		if err := syscall.Fallocate(int(l.f.Fd()), 0, l.room, 64<<20); err != nil {
			return err
		}
		l.room += 64 << 20
	}
	if _, err := l.f.WriteAt(l.buf, l.off); err != nil {
		return err
	}
	l.off += int64(len(l.buf))
	slowly(func() { err = syscall.Fdatasync(int(l.f.Fd())) })
	return err
}

func (l *rawLog) talk(b *testing.B, t *storetest.Talker) {
	r := &rawTurn{c: t.Change(0, store.Resident{}, noon), done: make(chan error, 1)}
	l.queue <- r
	if err := <-r.done; err != nil {
		b.Error(err)
	}
}

// BenchmarkTurn: durable turns, by how many talk at once and how many conversations are stored, beside the bound.
func BenchmarkTurn(b *testing.B) {
	for _, residents := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("nothing/%d", residents), func(b *testing.B) { // what the residents themselves cost
			storetest.Load(b, residents, func(t *storetest.Talker) {
				t.Change(0, storetest.Stored(t.Random.Uint64()%1_000_000), noon)
			})
		})
		b.Run(fmt.Sprintf("raw/%d", residents), func(b *testing.B) {
			l := newRawLog(b)
			storetest.Load(b, residents, func(t *storetest.Talker) { l.talk(b, t) })
		})
		sizes := []uint64{10_000, 1_000_000}
		if *benchMany > 0 {
			sizes = append(sizes, *benchMany)
		}
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%dk/%d", n/1000, residents), func(b *testing.B) {
				s := population(b, n)
				storetest.Load(b, residents, func(t *storetest.Talker) { t.Talk(b, s, n) })
			})
		}
	}
}

// BenchmarkTurnSlowDisk: the same where a sync takes 2.4 ms, as on a network disk: at least half of the bound.
func BenchmarkTurnSlowDisk(b *testing.B) {
	for _, residents := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("raw/%d", residents), func(b *testing.B) {
			setSlowSync(b, 2400*time.Microsecond)
			l := newRawLog(b)
			storetest.Load(b, residents, func(t *storetest.Talker) { l.talk(b, t) })
		})
		b.Run(fmt.Sprintf("10k/%d", residents), func(b *testing.B) {
			setSlowSync(b, 2400*time.Microsecond)
			s := population(b, 10_000)
			storetest.Load(b, residents, func(t *storetest.Talker) { t.Talk(b, s, 10_000) })
		})
	}
}
