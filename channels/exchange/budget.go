package exchange

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/townline/townline/store"
)

// spent is the town's row: what the calls of some days have cost.
type spent struct {
	_    struct{} `cbor:",toarray"`
	Days []dayOfCalls
	Open []openCall // oldest first
}

type dayOfCalls struct {
	_       struct{} `cbor:",toarray"`
	Day     string   // "2027-03-15"
	Calls   int
	Seconds int
}

type openCall struct {
	_       struct{} `cbor:",toarray"`
	Message [16]byte
	Day     string
}

// spend takes one call out of the budget of the day that it is due; "" when there is none left. It is given back to that
// day, or to none: a day's calls are never more than Callbacks.PerDay.
func (x *Exchange) spend(ctx context.Context, m [16]byte, due time.Time) (day string, err error) {
	day = x.calendar.Day(due)
	err = x.budget(ctx, func(s *spent) bool {
		i := slices.IndexFunc(s.Days, func(d dayOfCalls) bool { return d.Day == day })
		if i < 0 {
			s.Days = append(s.Days, dayOfCalls{Day: day})
			now := x.clock.Now()
			first, last := x.calendar.Day(now.AddDate(0, 0, -1)), x.calendar.Day(now.AddDate(0, 0, 2))
			s.Days = slices.DeleteFunc(s.Days, func(d dayOfCalls) bool { return d.Day < first || d.Day > last })
			if i = slices.IndexFunc(s.Days, func(d dayOfCalls) bool { return d.Day == day }); i < 0 {
				day = ""
				return false
			}
		}
		d := &s.Days[i]
		if d.Calls >= x.callbacks.PerDay || time.Duration(d.Seconds+callReserved)*time.Second > x.callbacks.PerDayFor {
			day = ""
			return false
		}
		d.Calls++
		d.Seconds += callReserved
		s.Open = append(s.Open, openCall{Message: m, Day: day})
		s.Open = s.Open[max(0, len(s.Open)-mostOpen):]
		return true
	})
	return day, err
}

// notMade is how long a call took that was not made.
const notMade = -1

// unspend notes what a call has really cost; one that was not made at all is given back.
func (x *Exchange) unspend(ctx context.Context, m [16]byte, took time.Duration) error {
	return x.budget(ctx, func(s *spent) bool {
		i := slices.IndexFunc(s.Open, func(o openCall) bool { return o.Message == m })
		if i < 0 {
			return false
		}
		for j := range s.Days {
			if d := &s.Days[j]; d.Day == s.Open[i].Day {
				d.Seconds += int((max(took, 0)+time.Second-1)/time.Second) - callReserved
				if took == notMade {
					d.Calls--
				}
			}
		}
		s.Open = slices.Delete(s.Open, i, i+1)
		return true
	})
}

// budget rewrites the town's row.
func (x *Exchange) budget(ctx context.Context, do func(*spent) bool) error {
	town := store.Resident(x.keys.Voter(ownRows, callKind))
	// One after the other in this node; they would only conflict.
	select {
	case x.spending <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-x.spending }()
	for range attempts {
		kept, err := x.store.Load(ctx, town)
		if err != nil {
			return fmt.Errorf("load what calls have cost: %w", err)
		}
		var s spent
		if err := decodeCalls(kept.State, &s); err != nil {
			return err
		}
		if !do(&s) {
			return nil
		}
		state, err := encodeCalls(s)
		if err != nil {
			return err
		}
		done, err := x.store.Commit(ctx, &store.Change{Resident: town, Read: kept.Version, At: x.clock.Now(), State: state})
		if err != nil {
			return fmt.Errorf("keep what calls cost: %w", err)
		}
		if done.Kind == store.Applied {
			return nil
		}
	}
	return errContested
}

// lull is a while in which no call is made, so that a flood of calls is nothing to the store.
type lull struct {
	mu    sync.Mutex
	until time.Time
}

const lullTime = 15 * time.Second

func (l *lull) note(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = now.Add(lullTime)
}

func (l *lull) has(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return now.Before(l.until) && l.until.Sub(now) <= lullTime
}
