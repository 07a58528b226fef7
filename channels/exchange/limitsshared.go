package exchange

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/store"
)

// Pace is a rate that all nodes keep together. A node asks for room when something is due, and takes what leaves.
type Pace interface {
	// Room is how much may leave now, or in how long to ask again. It may ask others, never for long.
	Room(ctx context.Context) (n int, wait time.Duration)
	// Take counts what leaves, which may be more than there was room for. It asks nobody.
	Take(weight int)
}

// granted is what this node may send of a pace that all keep together.
type granted struct {
	Pace
	left int // less than 0: more left than was granted
}

func paceName(r *Rate) string {
	all := slices.Clone(r.Channels)
	slices.Sort(all)
	return strings.Join(all, "+")
}

// sharedRoom is room for a pace of all nodes: where nothing is left of what was granted, it is worth asking for one.
func (p *pace) sharedRoom(now time.Time) (weight int, at time.Time) {
	switch {
	case p.shared.left > 0:
		return p.shared.left, now
	case p.free.After(now):
		return 0, p.free
	}
	return 1, now
}

// sharing says whether a line keeps a pace together with other nodes.
func (l *line) sharing() bool {
	return slices.ContainsFunc(l.paces, func(p *pace) bool { return p.shared != nil })
}

// grant asks the other nodes for room on a line, if something is due there: what is granted and not used is lost to them. It
// returns how much may leave.
func (x *Exchange) grant(ctx context.Context, l *line, name string, class uint8, now time.Time) int {
	weight := anyWeight
	due := false
	for _, p := range l.paces {
		if p.shared == nil {
			continue
		}
		x.limits.mu.Lock()
		left := p.shared.left
		x.limits.mu.Unlock()
		if left <= 0 {
			if !due {
				at, err := x.store.NextMessage(ctx, name, class)
				if err != nil || at.IsZero() || at.After(now) {
					return 0
				}
				due = true
			}
			n, wait := p.shared.Room(ctx)
			x.limits.mu.Lock()
			left = n
			if p.shared.left = n; n <= 0 {
				p.free = now.Add(max(wait, shortestPace))
			}
			x.limits.mu.Unlock()
		}
		weight = min(weight, max(left, 0))
	}
	return weight
}

// EachPace asks for a resident's part of a rate that all nodes keep together, and counts it if it is there now: then wait is 0. known
// is false where it can't be asked.
type EachPace func(ctx context.Context, name string, resident [16]byte, perSecond float64, weight int) (wait time.Duration, known bool)

// askEach asks for one resident's room on a line, where nodes keep it together.
func (l *line) askEach(ctx context.Context, now time.Time, r store.Resident, weight int) (at time.Time, ok, known bool) {
	for _, e := range l.each {
		if e.ask == nil {
			return now, true, false
		}
		wait, known := e.ask(ctx, e.name, r, e.perSecond, weight)
		if !known || wait > 0 {
			return now.Add(wait), !known, known
		}
	}
	return now, true, len(l.each) > 0
}
