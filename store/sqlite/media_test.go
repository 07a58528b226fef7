package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sealing"
	"github.com/townline/townline/store/storetest"
	"zombiezen.com/go/sqlite"
)

// sound is a recording of so many bytes, in which a phrase comes again and again.
func sound(n, size int) store.Media {
	b := bytes.Repeat([]byte("spoken into the machine "), size/24+1)[:size]
	return store.Media{ID: [16]byte{0: byte(n), 1: byte(n >> 8), 15: 7}, Type: "audio/ogg", Bytes: b, At: noon}
}

// record commits a turn that brings media.
func (t *town) record(n int, media ...store.Media) store.OutcomeKind {
	t.Helper()
	row, err := t.Load(t.Context(), number(n))
	t.must(err)
	o, err := t.Commit(t.Context(), &store.Change{Resident: number(n), Read: row.Version, At: noon, State: []byte("spoken"), Media: media})
	t.must(err)
	return o.Kind
}

// parts is how many are on disk, and how many media wait for their turn or for their end.
func (t *town) parts() (parts, loose int64) {
	t.Helper()
	t.must(t.read(t.Context(), func(q *tables) (err error) {
		if parts, err = q.number("SELECT count(*) FROM media_part"); err == nil {
			loose, err = q.number("SELECT count(*) FROM media_loose")
		}
		return err
	}))
	return parts, loose
}

func (t *town) expectParts(parts, loose int64) {
	t.Helper()
	if p, l := t.parts(); p != parts || l != loose {
		t.Fatalf("%d parts are on disk and %d media loose, want %d and %d", p, l, parts, loose)
	}
}

// sealedParts are the parts as they are on disk.
func (t *town) sealedParts() (all [][]byte) {
	t.Helper()
	t.must(t.read(t.Context(), func(q *tables) error {
		return q.each(func(s statement) error { all = append(all, column(s, 0)); return nil }, "SELECT body FROM media_part")
	}))
	return all
}

// holds says whether one of the files holds a piece of b that fits on one page.
func (t *town) holds(b []byte, names ...string) bool {
	t.Helper()
	for _, name := range names {
		file, err := os.ReadFile(t.path(name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		t.must(err)
		if bytes.Contains(file, b[len(b)/2:][:64]) {
			return true
		}
	}
	return false
}

// TestMediaLeavesNothing: what wasn't applied, and what is gone, leaves no part behind.
func TestMediaLeavesNothing(tt *testing.T) {
	t := newTown(tt)
	one := sound(1, 2*partSize+1)
	if k := t.record(1, one); k != store.Applied {
		t.Fatal(k)
	}
	t.expectParts(3, 0)
	if o, err := t.Commit(t.Context(), &store.Change{Resident: number(1), Read: 9, At: noon, Media: []store.Media{sound(2, 2*partSize)}}); err != nil || o.Kind != store.Conflict {
		t.Fatal(o, err)
	}
	t.expectParts(3, 0)
	t.record(1, one) // the id is there already
	t.must(t.Sweep(t.Context(), noon))
	t.expectParts(3, 0)
	t.record(1, sound(9, partSize))
	t.remove(1, sound(9, 1).ID)
	t.expectParts(3, 0)
	if _, err := t.Commit(t.Context(), &store.Change{Resident: number(1), Read: 4, At: noon, Media: []store.Media{sound(3, partSize)},
		Requests: []store.RequestEvent{{Reference: "nowhere", Kind: store.Joined}}}); !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	t.expectParts(3, 0)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := t.Commit(cancelled, &store.Change{Resident: number(1), Read: 4, At: noon, Media: []store.Media{sound(4, partSize)}}); err == nil {
		t.Fatal("committed for nobody")
	}
	t.expectParts(3, 0)
	t.must(t.Erase(t.Context(), number(1), noon))
	t.expectParts(0, 0)
}

// TestMediaCutShort: parts of a turn that never came, since the process died, are swept after a day.
func TestMediaCutShort(tt *testing.T) {
	t := newTown(tt)
	t.speak(1)
	lay := func(n int, at time.Time) *sealedTurn {
		var turn sealedTurn
		key, err := t.sealTurn(t.Context(), &turn, &store.Change{Resident: number(1), Read: 1, At: at, Media: []store.Media{sound(n, 2*partSize)}})
		t.must(err)
		t.must(turn.layDown(key, func(do func(*tables) error) error { return t.write(t.Context(), do) }))
		return &turn
	}
	lay(1, noon)
	late := lay(2, noon.Add(time.Hour))
	t.expectParts(4, 2)
	t.must(t.Sweep(t.Context(), noon.Add(sealing.KeepLoose)))
	t.expectParts(4, 2)
	t.must(t.Sweep(t.Context(), noon.Add(sealing.KeepLoose+time.Minute)))
	t.expectParts(2, 1)
	if _, err := t.Media(t.Context(), sound(2, 1).ID); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("found before its turn: %v", err)
	}
	// One that comes after all finds its parts gone, and is computed again.
	t.must(t.Sweep(t.Context(), noon.Add(3*sealing.KeepLoose)))
	t.expectParts(0, 0)
	j := &job{turn: *late}
	t.must(t.submit(t.Context(), j.ready()))
	if j.turn.outcome.Kind != store.Conflict {
		t.Fatalf("applied without its parts: %v", j.turn.outcome.Kind)
	}
	if key, err := t.key(t.Context(), number(1)); err != nil {
		t.Fatal(err)
	} else if err := late.layDown(key, func(do func(*tables) error) error {
		if err := t.write(t.Context(), do); err != nil {
			return err
		}
		return t.Erase(t.Context(), number(1), noon)
	}); !errors.Is(err, errPickedUp) {
		t.Fatalf("laid down for somebody who was erased: %v", err)
	}
	t.expectParts(0, 0)
}

// ready gives a job that a test made what the writer needs.
func (j *job) ready() *job {
	j.done = make(chan struct{}, 1)
	return j
}

// TestMediaInTheFile: what was said is nowhere in the clear, and after an erasure not even sealed; nor after its time.
func TestMediaInTheFile(tt *testing.T) {
	for name, end := range map[string]func(t *town){
		"erased":    func(t *town) { t.must(t.Erase(t.Context(), number(1), noon)) },
		"its time":  func(t *town) { t.must(t.Sweep(t.Context(), noon.Add(time.Hour))) },
		"no longer": func(t *town) { t.remove(1, sound(1, 1).ID); t.forget(t.Context()) }, // as the keeper does when it is quiet
	} {
		tt.Run(name, func(tt *testing.T) {
			t := newTown(tt)
			files := []string{"town.db", "town.db-wal"}
			m := sound(1, 3*partSize+500)
			m.Until = noon.Add(time.Hour)
			t.record(1, m)
			t.record(2, sound(2, partSize))
			mine := t.sealedParts()
			if t.holds(sound(1, 200).Bytes, files...) {
				t.Fatal("a recording is in the clear")
			}
			end(t)
			for _, b := range t.sealedParts() { // the neighbour's
				if !t.holds(b, files...) {
					t.Fatal("parts aren't where this test looks for them")
				}
				for i := range mine {
					if bytes.Equal(mine[i], b) {
						mine[i] = nil
					}
				}
			}
			gone := 0
			for _, b := range mine {
				if b == nil {
					continue
				}
				gone++
				if t.holds(b, files...) {
					t.Error("a part is left in the file")
				}
			}
			if gone != 4 {
				t.Errorf("%d parts were looked for", gone)
			}
		})
	}
}

func (t *town) remove(n int, ids ...[16]byte) {
	t.Helper()
	row, err := t.Load(t.Context(), number(n))
	t.must(err)
	if o, err := t.Commit(t.Context(), &store.Change{Resident: number(n), Read: row.Version, At: noon, Unmedia: ids}); err != nil || o.Kind != store.Applied {
		t.Fatal(o, err)
	}
}

// TestMediaInCopies: a copy brings back what was said, but for whoever was erased since; without its keys nobody hears it.
func TestMediaInCopies(tt *testing.T) {
	t := newTown(tt)
	for n := range 3 {
		t.record(n, sound(n, 2*partSize))
	}
	t.must(t.Backup(t.Context(), t.path("copy")))
	parts := t.sealedParts()
	if len(parts) != 6 || !t.holds(parts[0], "copy") || t.holds(sound(1, 200).Bytes, "copy", "copy.keys") {
		t.Fatal("the copy doesn't hold it, or in the clear")
	}
	t.must(t.Erase(t.Context(), number(1), noon))
	b, err := os.ReadFile(t.path("town.db.erased"))
	t.must(err)
	t.must(os.WriteFile(t.path("back.db.erased"), b, 0o600))
	t.must(Restore(t.path("copy"), t.path("back.db"), t.keys))
	back := &town{t, open(t, t.path("back.db")), t.keys, t.dir}
	for n := range 3 {
		want := sound(n, 2*partSize)
		got, err := back.Media(t.Context(), want.ID)
		if n == 1 {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("somebody who was erased is heard: %d bytes, %v", len(got.Bytes), err)
			}
		} else if err != nil || !bytes.Equal(got.Bytes, want.Bytes) || got.Resident != number(n) {
			t.Errorf("resident %d: %d bytes, %v", n, len(got.Bytes), err)
		}
	}
	back.expectParts(4, 0)
	if st, err := back.Stats(t.Context()); err != nil || st.Media != 2 || st.MediaBytes != 4*partSize {
		t.Errorf("%+v, %v", st, err)
	}
	for _, b := range parts {
		kept := false
		for _, k := range back.sealedParts() {
			kept = kept || bytes.Equal(k, b)
		}
		if kept != t.holds(b, "back.db") {
			t.Error("the restored file holds a part of somebody who was erased, or lacks one")
		}
	}
	// With the copy's keys gone, all that is left of it are sealed bytes: with the town's own keys they can't be opened.
	c, err := connect(t.path("copy"), sqlite.OpenReadWrite, rollbackPragmas)
	t.must(err)
	defer c.Close()
	if n, err := newTables(c).number("SELECT count(*) FROM resident_key"); n != 0 || err != nil {
		t.Errorf("%d keys are in the copy, %v", n, err)
	}
	key, _, err := t.keys.NewKey(number(0))
	t.must(err)
	if _, err := key.Open(bytes.Clone(parts[0]), sealing.UsePart(sound(0, 1).ID, 0, 2)); err == nil {
		t.Error("any key opens it")
	}
}

// TestMediaIsBound: parts that somebody who has the file put in another order, cut off, or took from elsewhere are refused.
func TestMediaIsBound(t *testing.T) {
	a, b := sound(1, 3*partSize), sound(2, 3*partSize)
	swap := func(to, from int, of store.Media) string {
		return fmt.Sprintf(`UPDATE media_part SET body = (SELECT body FROM media_part p JOIN media m ON p.seq = m.first + %d WHERE m.id = x'%x')
			WHERE seq = (SELECT first + %d FROM media WHERE id = x'%x')`, from, of.ID, to, a.ID)
	}
	for name, c := range map[string]struct {
		spoil string
		ok    bool
	}{
		"its own":        {swap(1, 1, a), true},
		"another order":  {swap(1, 0, a), false},
		"of another":     {swap(1, 1, b), false},
		"cut off":        {fmt.Sprintf("DELETE FROM media_part WHERE seq = (SELECT first + 2 FROM media WHERE id = x'%x')", a.ID), false},
		"said shorter":   {fmt.Sprintf("UPDATE media SET size = %d WHERE id = x'%x'", 2*partSize, a.ID), false},
		"of another one": {fmt.Sprintf("UPDATE media SET resident = x'%x' WHERE id = x'%x'", number(3), a.ID), false},
	} {
		t.Run(name, func(tt *testing.T) {
			t := newTown(tt)
			t.record(1, a, b)
			t.record(3)
			t.must(t.write(t.Context(), func(w *tables) error { return w.once(c.spoil) }))
			if got, err := t.Media(t.Context(), a.ID); (err == nil) != c.ok {
				t.Errorf("%d bytes came back, %v", len(got.Bytes), err)
			}
		})
	}
}

// BenchmarkMedia: recordings as they come, each in place of the one before, and what 64 residents who text meanwhile notice.
func BenchmarkMedia(b *testing.B) {
	for _, size := range []int{100_000, 1 << 20, store.MostMedia} {
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			s := population(b, 10_000)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			r := &recorder{Store: s, media: sound(1, size)}
			for b.Loop() {
				r.record(b)
			}
			r.end(b)
		})
		b.Run(fmt.Sprintf("beside/%dKB", size>>10), func(b *testing.B) {
			s := population(b, 10_000)
			stop, ended := make(chan struct{}), make(chan struct{})
			r := &recorder{Store: s, media: sound(1, size)}
			go func() {
				defer close(ended)
				for {
					select {
					case <-stop:
						return
					default:
						r.record(b)
					}
				}
			}()
			storetest.Load(b, 64, func(t *storetest.Talker) { t.Talk(b, s, 10_000) })
			b.ReportMetric(float64(r.count.Load()*int64(size)>>10)/b.Elapsed().Seconds(), "KB/s")
			close(stop)
			<-ended
			r.end(b)
		})
	}
}

// recorder is a resident who records something again and again.
type recorder struct {
	*Store
	media store.Media
	count atomic.Int64
}

func (r *recorder) record(b *testing.B) {
	c := &store.Change{Resident: storetest.Stored(1), At: noon, State: []byte("recorded"), Unmedia: [][16]byte{r.media.ID}}
	for i := range r.media.ID {
		r.media.ID[i] = byte(rand.Uint32())
	}
	c.Media = []store.Media{r.media}
	for {
		row, err := r.Load(b.Context(), c.Resident)
		if err != nil {
			b.Error(err)
			return
		}
		c.Read = row.Version
		o, err := r.Commit(b.Context(), c)
		if err != nil {
			b.Error(err)
			return
		}
		if o.Kind == store.Applied {
			r.count.Add(1)
			return
		}
	}
}

// end leaves the database as it was.
func (r *recorder) end(b *testing.B) {
	b.StopTimer()
	row, err := r.Load(b.Context(), storetest.Stored(1))
	if err == nil {
		_, err = r.Commit(b.Context(), &store.Change{Resident: storetest.Stored(1), Read: row.Version, At: noon, State: row.State, Unmedia: [][16]byte{r.media.ID}})
	}
	if err == nil {
		err = r.Sweep(b.Context(), noon.Add(1))
	}
	if err == nil {
		err = r.dropLoose(b.Context(), 1)
	}
	if err != nil {
		b.Error(err)
	}
}
