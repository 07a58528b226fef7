package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

// narrow is a store that commits one change at a time, each in the same time.
type narrow struct {
	store.Store
	each time.Duration
	door chan struct{}
}

func (s *narrow) Commit(ctx context.Context, c *store.Change) (store.Outcome, error) {
	select {
	case s.door <- struct{}{}:
	case <-ctx.Done():
		return store.Outcome{}, ctx.Err()
	}
	defer func() { <-s.door }()
	time.Sleep(s.each) // virtual
	return s.Store.Commit(ctx, c)
}

// narrowly makes a town whose store takes each for a commit, in virtual time.
func narrowly(t *testing.T, each time.Duration) (*town, *narrow) {
	s := &narrow{Store: newMemory(), each: each, door: make(chan struct{}, 1)}
	w := settle(t, func(w *town, set *Settings) { w.store, set.Clock = s, SystemClock{} })
	s.each = each
	return w, s
}

// offered is what a channel's residents saw.
type offered struct {
	held, away []time.Duration // how long it took, of those who were answered and of those who were turned away
	rejoined   int             // of those who were away: with a time to come again
	inTime     int             // of those who were answered: before the last one came
}

// crowd has a new resident write every gap on each channel, for so long, and waits until all have got a word.
func crowd(t *testing.T, w *town, length time.Duration, gaps map[string]time.Duration) map[string]*offered {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	end := time.Now().Add(length)
	out := map[string]*offered{}
	for name, gap := range gaps {
		o := &offered{}
		out[name] = o
		all.Go(func() {
			for n := range int(length / gap) {
				all.Go(func() {
					began := time.Now()
					e := channels.Event{Channel: name, ID: fmt.Sprint(name, began.UnixNano(), n), From: channels.Address{Kind: "tel", ID: fmt.Sprintf("+1%s%010d", name, began.UnixNano()%1e10)}, Words: "PARK", At: began}
					ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
					defer cancel()
					_, err := w.x.Receive(ctx, e)
					took := time.Since(began)
					mu.Lock()
					defer mu.Unlock()
					switch after, again := channels.Retrying(err); {
					case err == nil:
						if o.held = append(o.held, took); !time.Now().After(end) {
							o.inTime++
						}
					case errors.Is(err, channels.ErrBusy):
						if o.away = append(o.away, took); again && after >= retrySoonest {
							o.rejoined++
						}
					default:
						t.Error(err)
					}
				})
				time.Sleep(gap)
			}
		})
	}
	all.Wait()
	return out
}

func worst(times []time.Duration, percent int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[min(len(times)*percent/100, len(times)-1)]
}

// Five times what the store can take comes in, most of it by text: whoever is taken in is answered while a menu still waits, nobody
// else waits at all, the store is never idle, and channels with fewer residents lose none of them.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const each = 10 * time.Millisecond // 100 turns a second
		w, _ := narrowly(t, each)
		crowd(t, w, 2*time.Second, map[string]time.Duration{"sms": 2 * time.Millisecond}) // until it has found out
		const length = 10 * time.Second
		got := crowd(t, w, length, map[string]time.Duration{
			"sms": 2300 * time.Microsecond, "ussd": 40 * time.Millisecond, "telegram": 32 * time.Millisecond, // 435, 25 and 31 a second
		})
		held, away := 0, 0
		for name, o := range got {
			t.Logf("%s: %d answered, p99 %v, worst %v; %d asked to come again, p99 %v", name, len(o.held), worst(o.held, 99), worst(o.held, 100), len(o.away), worst(o.away, 99))
			held, away = held+o.inTime, away+len(o.away)
			if p := worst(o.held, 99); p > 2*time.Second {
				t.Errorf("%s: of those who were answered one in a hundred waited longer than %v", name, p)
			}
			if p := worst(o.away, 99); p > longestWait {
				t.Errorf("%s: of those who were turned away one in a hundred waited %v for that", name, p)
			}
			if o.rejoined != len(o.away) {
				t.Errorf("%s: %d of %d were not told when to come again", name, len(o.away)-o.rejoined, len(o.away))
			}
			if name != "sms" && len(o.away) > 0 {
				t.Errorf("%s: %d were turned away, and it has less than its share", name, len(o.away))
			}
		}
		if capacity := int(length / each); held < capacity*9/10 {
			t.Errorf("%d were answered, where %d could be", held, capacity)
		}
		if away < held*3 {
			t.Errorf("%d were turned away: that was no overload", away)
		}

		// And when it is over, it is over.
		for name, o := range crowd(t, w, time.Second, map[string]time.Duration{"sms": 20 * time.Millisecond, "ussd": 50 * time.Millisecond}) {
			if len(o.away) > 0 || worst(o.held, 100) > 500*time.Millisecond {
				t.Errorf("%s: afterwards %d were turned away, and one waited %v", name, len(o.away), worst(o.held, 100))
			}
		}
	})
}

// Five times what a slow store can take comes in from one moment to the next: after a restart, and once the store has become slow. From the
// first on, whoever is taken in is answered in time.
func TestOverloadFromTheFirstMoment(t *testing.T) {
	const each, gap, good = 25 * time.Millisecond, 5 * time.Millisecond, 3 * time.Second
	check := func(t *testing.T, o *offered, length time.Duration) {
		t.Helper()
		t.Logf("%d answered, p50 %v, p99 %v, worst %v; %d asked to come again, p50 %v, worst %v", len(o.held), worst(o.held, 50), worst(o.held, 99), worst(o.held, 100), len(o.away), worst(o.away, 50), worst(o.away, 100))
		if w := worst(o.held, 100); w > good {
			t.Errorf("of those who were answered one waited %v", w)
		}
		if w := worst(o.away, 100); w > longestWait {
			t.Errorf("of those who were turned away one waited %v for that", w)
		}
		if could := int(length / each); o.inTime < could*9/10 {
			t.Errorf("%d were answered, where %d could be", o.inTime, could)
		}
	}
	const length = 10 * time.Second
	t.Run("after a restart", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, _ := narrowly(t, each)
			check(t, crowd(t, w, length, map[string]time.Duration{"sms": gap})["sms"], length)
		})
	})
	t.Run("in a calm night", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, s := narrowly(t, time.Millisecond)
			crowd(t, w, 2*time.Second, map[string]time.Duration{"sms": 200 * time.Microsecond}) // a busy evening
			if w.x.admission.room <= firstRoom {
				t.Fatalf("there is room for %d", w.x.admission.room)
			}
			crowd(t, w, 2*time.Second, map[string]time.Duration{"sms": 100 * time.Millisecond})
			s.each = each
			check(t, crowd(t, w, length, map[string]time.Duration{"sms": gap})["sms"], length)
		})
	})
}

// A store that is fast loses nobody of a crowd that comes all at once, though nobody knows yet how fast it is.
func TestCrowdOfOneMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := narrowly(t, time.Millisecond)
		if o := crowd(t, w, 600*time.Millisecond, map[string]time.Duration{"sms": time.Millisecond / 2})["sms"]; len(o.away) > 0 {
			t.Errorf("%d of %d were turned away, with %d answered within %v", len(o.away), len(o.away)+len(o.held), len(o.held), worst(o.held, 100))
		}
	})
}

// A store that hangs fills no memory: after as many as may be held and may wait, everybody is told at once, and a turn that waits is
// told within a second. When the store is back, so is the town.
func TestAStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := narrowly(t, time.Millisecond)
		s.door <- struct{}{}
		var got map[string]*offered
		over := make(chan struct{})
		go func() {
			defer close(over)
			got = crowd(t, w, 4*time.Second, map[string]time.Duration{"sms": time.Millisecond})
		}()
		time.Sleep(4*time.Second - time.Millisecond/2) // the last one has just come
		if n := w.x.admission.busy + w.x.admission.waiting; n > 2*firstRoom {
			t.Errorf("%d are being held or wait", n)
		}
		if !w.x.Full("sms") {
			t.Error("it doesn't know that it is full")
		}
		if w.x.Full("ussd") {
			t.Error("a menu would get no place, though all are taken by texts")
		}
		<-s.door
		<-over
		if p := worst(got["sms"].away, 100); p > longestWait {
			t.Errorf("somebody waited %v to be turned away", p)
		}
		if len(got["sms"].held) < firstRoom {
			t.Errorf("only %d of those who were in were answered", len(got["sms"].held))
		}
		if w.x.Full("sms") {
			t.Error("it is full for ever")
		}
	})
}

// A town that isn't hurried is never measured: turns that take long by themselves make it no smaller.
func TestRoomForSlowTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := narrowly(t, 900*time.Millisecond)
		for range 40 {
			w.hear(channels.Event{Channel: "sms", ID: fmt.Sprint(time.Now()), From: channels.Address{Kind: "tel", ID: ann}, Words: "PARK"})
		}
		if w.x.admission.room != firstRoom {
			t.Errorf("there is room for %d", w.x.admission.room)
		}
	})
}

// Who turns up with others' words waiting is never stepped over twice, and who gives up leaves their place.
func TestWhoGivesUpLeavesTheirPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(SystemClock{}, []string{"sms", "ussd"})
		a.room = 1
		leave, err := a.enter(t.Context(), "sms")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gave := make(chan error)
		go func() { _, err := a.enter(ctx, "ussd"); gave <- err }()
		synctest.Wait()
		cancel()
		if err := <-gave; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		got := make(chan func())
		go func() { l, _ := a.enter(t.Context(), "ussd"); got <- l }()
		synctest.Wait()
		leave()
		(<-got)()
		if a.busy != 0 || a.waiting != 0 {
			t.Errorf("%d are held and %d wait", a.busy, a.waiting)
		}
	})
}
