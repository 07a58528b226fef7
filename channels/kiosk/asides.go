package kiosk

import (
	"sync"
	"time"
)

const (
	mostAtOnce = 120  // pieces that a visit may have said one after the other
	eachSecond = 2    // and then so many a second: no hand is as fast for long
	mostVisits = 4096 // that are known at a time
)

// asides counts what each visit has had said beside its pages: a voice takes a tenth of a second of the server's time for each.
type asides struct {
	mu     sync.Mutex
	visits map[string]allowance
}

// allowance is how many pieces a visit had left at a time.
type allowance struct {
	left float64
	at   time.Time
}

// now is what it has by then.
func (a allowance) now(t time.Time) float64 {
	return min(a.left+max(t.Sub(a.at).Seconds(), 0)*eachSecond, mostAtOnce)
}

// may takes one piece of a visit's allowance, if there is any. known: the visit had something said before.
func (a *asides) may(visit string, now time.Time) (known, may bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	has, known := a.visits[visit]
	if !known {
		has = allowance{mostAtOnce, now}
		a.room(now)
	}
	left := has.now(now) - 1
	if left < 0 {
		return known, false
	}
	a.visits[visit] = allowance{left, now}
	return known, true
}

// room forgets those who have said nothing for a while, or, where all are talking, everybody.
func (a *asides) room(now time.Time) {
	if len(a.visits) >= mostVisits {
		for visit, has := range a.visits {
			if has.now(now) >= mostAtOnce {
				delete(a.visits, visit)
			}
		}
	}
	if a.visits == nil || len(a.visits) >= mostVisits {
		a.visits = map[string]allowance{}
	}
}

func (a *asides) forget(visit string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.visits, visit)
}
