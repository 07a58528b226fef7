package storetest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// sound is so many bytes of a recording, different for each name.
func sound(name byte, size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{name}).Read(b)
	return b
}

func recording(b []byte) store.Media {
	return store.Media{ID: id(), Type: "audio/ogg", Bytes: b, At: noon, Until: noon.Add(14 * 24 * time.Hour)}
}

// heard expects a media as it was given.
func (t town) heard(r store.Resident, want store.Media) {
	t.Helper()
	got, err := t.Media(t.Context(), want.ID)
	t.must(err)
	if got.Resident != r || got.Type != want.Type || !bytes.Equal(got.Bytes, want.Bytes) || !got.At.Equal(want.At) || !got.Until.Equal(want.Until) {
		t.Fatalf("media of %d bytes, %s by %x at %v until %v, want %d bytes, %s at %v until %v",
			len(got.Bytes), got.Type, got.Resident, got.At, got.Until, len(want.Bytes), want.Type, want.At, want.Until)
	}
}

func (t town) unheard(all ...store.Media) {
	t.Helper()
	for _, m := range all {
		if got, err := t.Media(t.Context(), m.ID); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("%d bytes of media are there, %v", len(got.Bytes), err)
		}
	}
}

// stored is how many media and bytes of them there are.
func (t town) stored(media, size int) {
	t.Helper()
	s, err := t.Stats(t.Context())
	t.must(err)
	t.equal("media and bytes", []int64{s.Media, s.MediaBytes}, []int{media, size})
}

func media(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	r := resident()
	sizes := []int{1, 1000, 128<<10 - 1, 128 << 10, 128<<10 + 1, 1<<20 + 7, store.MostMedia}
	var kept []store.Media
	total := 0
	for i, size := range sizes {
		m := recording(sound(byte(i), size))
		if i%2 == 1 {
			m.Type, m.Until = "image/png", time.Time{}
		}
		t.turn(r, func(c *store.Change) { c.Media = []store.Media{m} })
		kept, total = append(kept, m), total+size
	}
	two := []store.Media{recording(sound(100, 300_000)), recording(sound(101, 300_000))}
	t.turn(r, func(c *store.Change) { c.Media = two })
	for _, m := range append(kept, two...) {
		t.heard(r, m)
	}
	t.stored(len(sizes)+2, total+600_000)
	t.unheard(recording(nil))

	// What is too long, or nothing at all, isn't kept, and neither is the rest of the turn.
	for _, size := range []int{0, store.MostMedia + 1} {
		c := &store.Change{Resident: r, Read: t.load(r).Version, State: []byte("s"), At: noon, Media: []store.Media{recording(make([]byte, size))}}
		if o, err := t.Commit(t.Context(), c); err == nil {
			t.Fatalf("%d bytes were kept: %v", size, o)
		}
		t.unheard(c.Media...)
	}
	t.equal("version", t.load(r).Version, len(sizes)+1)

	// Another resident can't take it away; the resident can.
	t.turn(resident(), func(c *store.Change) { c.Unmedia = [][16]byte{kept[0].ID} })
	t.heard(r, kept[0])
	t.turn(r, func(c *store.Change) { c.Unmedia = [][16]byte{kept[0].ID, two[0].ID, id()} })
	t.unheard(kept[0], two[0])
	t.heard(r, two[1])
	t.must(t.Sweep(t.Context(), noon))
	t.heard(r, two[1])
	t.stored(len(sizes), total+300_000-1)
}

// mediaOnce: a turn that is given again, or is too late, leaves no media.
func mediaOnce(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	r := resident()
	m := recording(sound(1, 200_000))
	change := func(m store.Media) *store.Change {
		return &store.Change{Resident: r, Inbound: inbound("m"), Reply: []byte("thank you"), State: []byte("s"), Media: []store.Media{m}}
	}
	t.commit(store.Applied, change(m))
	t.commit(store.Duplicate, change(m))
	again := m
	again.ID = id() // of a resident whom another node took for a new one
	t.commit(store.Duplicate, change(again))
	late := recording(sound(2, 200_000))
	c := change(late)
	c.Inbound = inbound("late")
	t.commit(store.Conflict, c)
	t.unheard(again, late)
	t.heard(r, m)
	// An id counts once.
	other := m
	other.Bytes = sound(3, 1000)
	t.turn(r, func(c *store.Change) { c.Media = []store.Media{other} })
	t.heard(r, m)
	t.stored(1, 200_000)

	// Of those who race for one version one is heard, whole, though all have the same id.
	version := t.load(r).Version
	var race sync.WaitGroup
	var mu sync.Mutex
	var won []store.Media
	one := id()
	for n := range byte(6) {
		race.Go(func() {
			m := recording(sound(10+n, 300_000))
			m.ID = one
			o, err := t.Commit(t.Context(), &store.Change{Resident: r, Read: version, State: []byte("s"), At: noon, Media: []store.Media{m}})
			if err != nil {
				t.Error(err)
			}
			if o.Kind == store.Applied {
				mu.Lock()
				won = append(won, m)
				mu.Unlock()
			}
		})
	}
	race.Wait()
	t.equal("how many won", len(won), 1)
	t.heard(r, won[0])
	t.stored(2, 500_000)
}

// mediaTime: what was to be kept for a while is gone after it.
func mediaTime(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	r := resident()
	var all []store.Media
	for day := range 4 {
		m := recording(sound(byte(day), 1000))
		if m.Until = noon.AddDate(0, 0, day); day == 0 {
			m.Until = time.Time{}
		}
		all = append(all, m)
	}
	t.turn(r, func(c *store.Change) { c.Media = all })
	t.must(t.Sweep(t.Context(), noon))
	t.stored(4, 4000)
	t.must(t.Sweep(t.Context(), noon.AddDate(0, 0, 2)))
	t.unheard(all[1], all[2])
	t.heard(r, all[0])
	t.heard(r, all[3])
	t.stored(2, 2000)
	t.must(t.Sweep(t.Context(), noon.AddDate(10, 0, 0)))
	t.heard(r, all[0])
	t.unheard(all[3])
	t.stored(1, 1000)
}

// mediaWhole: many at once, while turns go on, and each comes back as it was given.
func mediaWhole(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	var all sync.WaitGroup
	for n := range byte(6) {
		all.Go(func() {
			r := resident()
			for v := range uint64(4) {
				m := recording(sound(n*4+byte(v), int(n)*100_000+1))
				c := &store.Change{Resident: r, Read: v, State: []byte("s"), At: noon, Media: []store.Media{m}}
				if o, err := t.Commit(t.Context(), c); err != nil || o.Kind != store.Applied {
					t.Error(o, err)
					return
				}
				if got, err := t.Media(t.Context(), m.ID); err != nil || !bytes.Equal(got.Bytes, m.Bytes) {
					t.Errorf("%d bytes, %v", len(got.Bytes), err)
				}
			}
		})
	}
	all.Wait()
	t.stored(24, 4*(6+15*100_000))
}

func mediaErased(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	r, other := resident(), resident()
	mine, theirs := recording(sound(1, 500_000)), recording(sound(2, 500_000))
	t.turn(r, func(c *store.Change) { c.Media = []store.Media{mine} })
	t.turn(other, func(c *store.Change) { c.Media = []store.Media{theirs} })
	t.must(t.Erase(ctx, r, noon))
	t.unheard(mine)
	t.heard(other, theirs)
	t.stored(1, 500_000)

	// Whoever is erased while they speak leaves nothing, and what is said after that is the new one's.
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			if err := t.Erase(ctx, r, noon); err != nil {
				t.Error(err)
			}
		}
	}()
	var said []store.Media
	for talking := true; talking; {
		select {
		case <-done:
			talking = false
		default:
		}
		m := recording(sound(3, 400_000))
		o, err := t.Commit(ctx, &store.Change{Resident: r, Read: t.load(r).Version, State: []byte("s"), At: noon, Media: []store.Media{m}})
		t.must(err)
		if o.Kind == store.Applied {
			said = append(said, m)
		} else {
			t.unheard(m)
		}
	}
	<-done
	t.must(t.Erase(ctx, r, noon))
	t.unheard(said...)
	t.stored(1, 500_000)
	t.heard(other, theirs)
}
