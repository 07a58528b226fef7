package exchange

import (
	"slices"
	"sync"
	"time"

	"github.com/nyaruka/phonenumbers"
)

// Nights are the hours in which nobody is written to or rung unasked, by the clock of whoever would be. US telephone consumer
// rules ask for 21:00 to 8:00 at the called party's location (47 CFR 64.1200(c)(1)), which their number tells as far as anything does.
type Nights struct {
	From, To int            // minutes since midnight; the same twice: there are none
	Zone     *time.Location // of the town, and of everybody whose number tells nothing; nil: UTC

	mu    sync.Mutex
	zones map[string]*time.Location
}

const (
	// A number that could be in more zones than this tells only its country's calling code.
	mostZones = 6
	// Zones may be so far apart that there is no time of day in all of them.
	searchDay = 48 * time.Hour
)

// Day is when somebody with a number ("" where it isn't known) may be disturbed: now, or in their morning. Where a number tells
// several zones, it must be day in all of them.
func (n *Nights) Day(number string, now time.Time) time.Time {
	if n.From == n.To {
		return now
	}
	zones := n.of(number)
	if t, ok := n.common(zones, now); ok {
		return t
	}
	t, _ := n.common([]*time.Location{n.town()}, now)
	return t
}

func (n *Nights) town() *time.Location {
	if n.Zone == nil {
		return time.UTC
	}
	return n.Zone
}

// common is the first time from now on that is by day in all of zones, in the zone of now.
func (n *Nights) common(zones []*time.Location, now time.Time) (time.Time, bool) {
	for t := now; t.Sub(now) <= searchDay; {
		later := t
		for _, z := range zones {
			if day := n.day(later.In(z)); day.After(later) {
				later = day
			}
		}
		if later.Equal(t) {
			return t, true
		}
		t = later.In(now.Location())
	}
	return now, false
}

// day is t, or the end of the night that t is in.
func (n *Nights) day(t time.Time) time.Time {
	m := t.Hour()*60 + t.Minute()
	date := t.Day()
	switch {
	case n.From < n.To && (m < n.From || m >= n.To), n.From > n.To && m >= n.To && m < n.From:
		return t
	case n.From > n.To && m >= n.From:
		date++
	}
	return time.Date(t.Year(), t.Month(), date, n.To/60, n.To%60, 0, 0, t.Location())
}

// of are the zones that a number may be in.
func (n *Nights) of(number string) []*time.Location {
	town := []*time.Location{n.town()}
	if number == "" || number[0] != '+' {
		return town
	}
	names, err := phonenumbers.GetTimezonesForPrefix(number)
	if err != nil || len(names) == 0 || len(names) > mostZones && slices.Contains(names, n.town().String()) {
		return town
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.zones == nil {
		n.zones = make(map[string]*time.Location)
	}
	all := make([]*time.Location, 0, len(names))
	for _, name := range names {
		z, ok := n.zones[name]
		if !ok {
			if z, err = time.LoadLocation(name); err != nil {
				z = nil // "Etc/Unknown", or a zone that this machine has never heard of
			}
			n.zones[name] = z
		}
		if z != nil {
			all = append(all, z)
		}
	}
	if len(all) == 0 {
		return town
	}
	return all
}

// Dusk is when the night of the town begins after now; zero where there is none.
func (n *Nights) Dusk(now time.Time) time.Time {
	if n.From == n.To {
		return time.Time{}
	}
	t := now.In(n.town())
	dusk := time.Date(t.Year(), t.Month(), t.Day(), n.From/60, n.From%60, 0, 0, t.Location())
	if !dusk.After(now) {
		dusk = time.Date(t.Year(), t.Month(), t.Day()+1, n.From/60, n.From%60, 0, 0, t.Location())
	}
	return dusk
}

// Through is when so much has left that may only leave by day.
func (n *Nights) Through(now time.Time, takes time.Duration) time.Time {
	for t := n.Day("", now); ; t = n.Day("", t) {
		dusk := n.Dusk(t)
		if dusk.IsZero() || takes <= dusk.Sub(t) {
			return t.Add(takes)
		}
		takes -= dusk.Sub(t)
		t = dusk
	}
}
