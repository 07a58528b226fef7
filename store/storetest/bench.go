package storetest

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// A turn as the benchmarks take it: 512 bytes of state read, opened, sealed and written, a reply of 200, on every fourth a
// pushed message of 200 and on every fourth a record of 100; by a resident chosen at random among all that are stored.
const (
	benchState  = 512
	benchReply  = 200
	benchRecord = 100
)

// Stored is the n-th of those who are stored.
func Stored(n uint64) (r store.Resident) {
	mix := func(x uint64) uint64 {
		x += 0x9e3779b97f4a7c15
		x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
		x = (x ^ (x >> 27)) * 0x94d049bb133111eb
		return x ^ (x >> 31)
	}
	binary.BigEndian.PutUint64(r[:8], mix(n))
	binary.BigEndian.PutUint64(r[8:], mix(n^0xabcdef))
	return r
}

// Talker is one of the residents who talk at once. It is used by one goroutine.
type Talker struct {
	Random *rand.ChaCha8
	State  [benchState]byte
	reply  [benchReply]byte
	c      store.Change
}

var benchTurns atomic.Uint64

// NewTalker begins anywhere.
func NewTalker() *Talker {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], benchTurns.Add(1)^uint64(time.Now().UnixNano()))
	return &Talker{Random: rand.NewChaCha8(seed)}
}

// Change is what a turn writes. It is the talker's own, until the next.
func (t *Talker) Change(read uint64, r store.Resident, at time.Time) *store.Change {
	n := benchTurns.Add(1)
	t.Random.Read(t.State[:])
	c := &t.c
	*c = store.Change{Resident: r, Read: read, At: at, State: t.State[:], Reply: t.reply[:], Outbox: c.Outbox[:0], Responses: c.Responses[:0]}
	t.Random.Read(c.Inbound[:])
	switch n % 4 {
	case 0:
		m := store.Message{Channel: "sms", Kind: "tel", Due: at, Body: t.reply[:]}
		t.Random.Read(m.ID[:])
		c.Outbox = append(c.Outbox, m)
	case 1:
		p := store.Response{Poll: "main-street", Version: 1, Channel: "sms", Lang: "en", At: at, Record: t.State[:benchRecord]}
		t.Random.Read(p.ID[:])
		c.Responses = append(c.Responses, p)
	}
	return c
}

// Talk is one turn of somebody among so many who are stored.
func (t *Talker) Talk(b *testing.B, s store.Store, among uint64) {
	r := Stored(t.Random.Uint64() % among)
	for {
		row, err := s.Load(b.Context(), r)
		if err != nil {
			b.Error(err)
			return
		}
		o, err := s.Commit(b.Context(), t.Change(row.Version, r, noon))
		if err != nil {
			b.Error(err)
			return
		}
		if o.Kind == store.Applied {
			return
		}
	}
}

// Load runs b.N turns with so many residents talking at once, and reports what that came to.
func Load(b *testing.B, residents int, turn func(t *Talker)) {
	var left atomic.Int64
	left.Store(int64(b.N))
	took := make([][]time.Duration, residents)
	talkers := make([]*Talker, residents)
	for i := range talkers {
		talkers[i] = NewTalker()
	}
	b.ReportAllocs()
	b.ResetTimer()
	cpu, start := cpuTime(), time.Now()
	var wg sync.WaitGroup
	for i := range residents {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				start := time.Now()
				turn(talkers[i])
				took[i] = append(took[i], time.Since(start))
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	cpu = cpuTime() - cpu
	b.StopTimer()
	all := slices.Concat(took...)
	slices.Sort(all)
	b.ReportMetric(float64(len(all))/elapsed.Seconds(), "turns/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, "longest-ms")
	b.ReportMetric(float64(cpu.Nanoseconds())/1000/float64(len(all)), "cpu-µs/turn")
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
