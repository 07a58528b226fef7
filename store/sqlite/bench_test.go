package sqlite

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/storetest"
)

var benchDir = flag.String("stored", filepath.Join(os.TempDir(), "townline-stored"), "where benchmarks keep their databases of many conversations from one run to the next")
var benchMany = flag.Uint64("many", 0, "how many conversations BenchmarkTurn stores besides: 10000000 take 10 GB and some minutes")

// population opens a database with so many conversations, which is made once and kept.
func population(b *testing.B, n uint64) *Store {
	b.Helper()
	file := filepath.Join(*benchDir, fmt.Sprintf("%d.db", n))
	if err := os.MkdirAll(*benchDir, 0o700); err != nil {
		b.Fatal(err)
	}
	if !exists(file) {
		populate(b, file+".part", n)
		if err := os.Rename(file+".part", file); err != nil {
			b.Fatal(err)
		}
	}
	return open(b, file)
}

func populate(b *testing.B, file string, n uint64) {
	b.Helper()
	os.Remove(file)
	os.Remove(file + "-wal")
	s, err := Open(file, testKeys(b))
	if err != nil {
		b.Fatal(err)
	}
	all := make([]store.Resident, n)
	for i := range all {
		all[i] = storetest.Stored(uint64(i))
	}
	slices.SortFunc(all, func(a, b store.Resident) int { return cmp.Compare(rowOf(a), rowOf(b)) }) // much faster to write
	t := storetest.NewTalker()
	for len(all) > 0 {
		some := all[:min(10_000, len(all))]
		all = all[len(some):]
		if err := s.write(b.Context(), func(w *tables) error {
			for _, r := range some {
				j := &job{}
				c := &store.Change{Resident: r, At: noon, State: t.State[:]}
				if _, err := s.sealTurn(b.Context(), &j.turn, c); err != nil {
					return err
				}
				if err := w.turn(&j.turn, s.keys); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkSteps: one resident's turn in parts, without the wait for the disk's sync.
func BenchmarkSteps(b *testing.B) {
	file := filepath.Join(b.TempDir(), "town.db")
	populate(b, file, 10_000)
	s := open(b, file)
	t := storetest.NewTalker()
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Load(b.Context(), storetest.Stored(t.Random.Uint64()%10_000)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("find", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := s.Find(b.Context(), store.AddressKey{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("apply", func(b *testing.B) {
		b.ReportAllocs()
		batch := make([]*job, 64)
		for i := range batch {
			batch[i] = &job{}
		}
		for n := 0; n < b.N; n += len(batch) {
			b.StopTimer()
			for _, j := range batch {
				r := storetest.Stored(t.Random.Uint64() % 10_000)
				row, err := s.Load(b.Context(), r)
				if err != nil {
					b.Fatal(err)
				}
				*j = job{}
				if _, err := s.sealTurn(b.Context(), &j.turn, storetest.NewTalker().Change(row.Version, r, noon)); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
			if err := s.write(b.Context(), func(w *tables) error {
				for _, j := range batch {
					if err := w.turn(&j.turn, s.keys); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkMemory: what the process holds after 100,000 residents' first and second turns, by 64 at a time.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		s := open(b, filepath.Join(b.TempDir(), "town.db"))
		const residents = 100_000
		var next atomic.Int64
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				t := storetest.NewTalker()
				for n := next.Add(1); n <= residents; n = next.Add(1) {
					r := storetest.Stored(uint64(n))
					for range 2 {
						row, err := s.Load(b.Context(), r)
						if err != nil {
							b.Error(err)
							return
						}
						c := t.Change(row.Version, r, noon)
						if row.Version == 0 {
							c.Link = []store.Address{{Key: store.AddressKey(r), Kind: "tel", Address: "+15550100"}}
						}
						if _, err := s.Commit(b.Context(), c); err != nil {
							b.Error(err)
							return
						}
					}
				}
			})
		}
		wg.Wait()
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			b.Fatal(err)
		}
		for line := range strings.Lines(string(status)) {
			var kb float64
			if _, err := fmt.Sscanf(line, "VmRSS: %f", &kb); err == nil {
				b.ReportMetric(kb/1024, "MB-resident")
			}
			if _, err := fmt.Sscanf(line, "RssAnon: %f", &kb); err == nil { // without the files that are mapped: the system takes those when it needs them
				b.ReportMetric(kb/1024, "MB-own")
			}
			if _, err := fmt.Sscanf(line, "VmHWM: %f", &kb); err == nil {
				b.ReportMetric(kb/1024, "MB-at-most")
			}
		}
	}
}
