package outpost

import (
	"strings"
	"testing"
	"time"
)

// A machine without a battery loses the time with the power. Until the centre is reached it goes on from the last time that it
// knows: nothing it holds is older than what it held before, or of another century.
func TestTheClockFallsBack(t *testing.T) {
	for _, tidied := range []bool{false, true} {
		w := newWorld(t, 44)
		b := w.booth("library", 0)
		b.sync()
		b.says("ann", "WORDS", "one")
		if tidied { // all is forwarded, and the journal holds no turn
			b.Over("ann")
			b.sync()
		}
		w.line.down = true
		from := w.clock.Now()
		w.clock.pass(time.Hour)
		b.off = -50 * 365 * 24 * time.Hour
		b.crash(nil)
		b.says("bob", "MEND", "light", "1 Elm Street", "skip")
		w.clock.pass(time.Hour)
		b.crash(nil) // a second time: nobody knows how long ago that was
		w.line.down = false
		b.sync()
		all := w.requests()
		if len(all) != 1 {
			t.Fatalf("%d requests", len(all))
		}
		if at := all[0].Opened; at.Before(from.Add(-time.Second)) || at.After(w.clock.Now()) {
			t.Errorf("tidied %t: opened at %s, not after %s", tidied, at, from)
		}
		if d := b.now(b.place.Load()).Sub(w.clock.Now()).Abs(); d > time.Second {
			t.Errorf("the centre was reached, and the clock is %s off", d)
		}
	}
}

// A clock that is wrong, and is set meanwhile, changes no time that counts.
func TestAWrongClock(t *testing.T) {
	for _, off := range []time.Duration{-40 * time.Hour, 3 * time.Hour, -20 * 365 * 24 * time.Hour} {
		w := newWorld(t, 9)
		b := w.booth("library", off)
		b.sync()
		w.line.down = true
		at := w.clock.Now()
		b.says("ann", "MEND", "light", "1 Elm Street", "skip")
		w.clock.pass(2 * time.Hour)
		b.off += 70 * time.Minute // and set, and started anew
		b.crash(nil)
		w.clock.pass(time.Hour)
		w.line.down = false
		b.sync()
		b.says("bob", "MEND", "hole", "2 Oak Street", "skip")
		b.sync()
		all := w.requests()
		if len(all) != 2 {
			t.Fatalf("%s: %d requests", off, len(all))
		}
		for _, r := range all {
			want := at
			if strings.Contains(r.Label, "Oak") {
				want = w.clock.Now()
			}
			if d := r.Opened.Sub(want).Abs(); d > time.Second {
				t.Errorf("clock off by %s: %s is %s off", off, r.Label, d)
			}
		}
	}
}
