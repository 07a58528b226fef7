package media

import (
	"sync"
	"time"
)

// beat is how often a call sends.
const beat = 20 * time.Millisecond

// spokes part a beat, so that not all calls send at once.
const spokes = 10

// wheel keeps the time of all calls of a line: one goroutine, which turns while there are any. Every call is due at fixed
// times that don't move, whatever happened before: a late packet is followed by one at its time, and what a standstill
// of the machine swallowed isn't sent afterwards.
type wheel struct {
	mu      sync.Mutex
	at      [spokes][]*rider
	riders  int
	turning bool
}

// rider is a call on the wheel.
type rider struct {
	tick  func(beats int, late time.Duration) // beats is 1, and more after a standstill
	spoke int
	round int64 // when it ticked last; -1: never
}

func (w *wheel) join(r *rider) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r.spoke, r.round = 0, -1
	for i := range w.at {
		if len(w.at[i]) < len(w.at[r.spoke]) {
			r.spoke = i
		}
	}
	w.at[r.spoke] = append(w.at[r.spoke], r)
	w.riders++
	if !w.turning {
		w.turning = true
		go w.turn()
	}
}

// leave returns when r doesn't tick any more.
func (w *wheel) leave(r *rider) {
	w.mu.Lock()
	defer w.mu.Unlock()
	on := w.at[r.spoke]
	for i := range on {
		if on[i] == r {
			on[i] = on[len(on)-1]
			on[len(on)-1] = nil
			w.at[r.spoke] = on[:len(on)-1]
			w.riders--
			return
		}
	}
}

func (w *wheel) turn() {
	const step = beat / spokes
	start := time.Now()
	timer := time.NewTimer(step)
	for turn := int64(1); ; turn++ {
		due := start.Add(time.Duration(turn) * step)
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			<-timer.C
		}
		late := time.Since(due)
		if late >= beat { // a whole round went by: go on where we should be
			turn += int64(late/beat) * spokes
			late %= beat
		}
		w.mu.Lock()
		if w.riders == 0 {
			w.turning = false
			w.mu.Unlock()
			return
		}
		round := turn / spokes
		for _, r := range w.at[turn%spokes] {
			beats := 1
			if r.round >= 0 {
				beats = int(round - r.round)
			}
			r.round = round
			r.tick(beats, late)
		}
		for turn%spokes != spokes-1 && len(w.at[(turn+1)%spokes]) == 0 { // nobody to wake up for
			turn++
		}
		w.mu.Unlock()
	}
}
