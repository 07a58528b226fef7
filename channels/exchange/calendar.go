package exchange

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Calendar is when the town works: it gives the day a reply is promised for, and says whether anybody is at a desk.
type Calendar struct {
	Zone     *time.Location // nil: UTC
	Weekend  []time.Weekday // nil: Saturday and Sunday
	Holidays []string       // "2026-12-25"; "12-25": every year
	Hours    Hours          // of every desk that has none of its own
	Desks    map[string]Hours
}

// Due returns the day that lies so many working days after now, "2027-03-15"; "" when days is 0: nothing is promised.
func (c *Calendar) Due(now time.Time, days int) string {
	if days <= 0 {
		return ""
	}
	day := c.local(now)
	day = time.Date(day.Year(), day.Month(), day.Day(), 12, 0, 0, 0, time.UTC) // noon: no clock change can shift the day
	// A calendar in which nearly every day is a holiday must not keep a turn busy.
	for range 4000 {
		day = day.AddDate(0, 0, 1)
		if c.works(day) {
			if days--; days == 0 {
				break
			}
		}
	}
	return day.Format(time.DateOnly)
}

// Day returns today in the town, "2027-03-15".
func (c *Calendar) Day(now time.Time) string { return c.local(now).Format(time.DateOnly) }

// Open says whether somebody is at the desk now, and the hours in the words they were configured in.
func (c *Calendar) Open(desk string, now time.Time) (open bool, hours string) {
	h := c.Hours
	if own, ok := c.Desks[desk]; ok {
		h = own
	}
	t := c.local(now)
	if !h.always() && c.holiday(t) {
		return false, h.Words
	}
	return h.at(t), h.Words
}

func (c *Calendar) local(t time.Time) time.Time {
	if c.Zone == nil {
		return t.UTC()
	}
	return t.In(c.Zone)
}

func (c *Calendar) works(day time.Time) bool {
	weekend := c.Weekend
	if weekend == nil {
		weekend = []time.Weekday{time.Saturday, time.Sunday}
	}
	return !slices.Contains(weekend, day.Weekday()) && !c.holiday(day)
}

func (c *Calendar) holiday(day time.Time) bool {
	return slices.Contains(c.Holidays, day.Format(time.DateOnly)) || slices.Contains(c.Holidays, day.Format("01-02"))
}

// Hours are a desk's. The zero value is a desk at which somebody always is.
type Hours struct {
	Words string // as they were configured: "Mon-Fri 9:00-17:00"
	spans []span
}

// span is a stretch of one weekday, in minutes since midnight.
type span struct {
	day      time.Weekday
	from, to int
}

func (h Hours) always() bool { return len(h.spans) == 0 }

func (h Hours) at(t time.Time) bool {
	if h.always() {
		return true
	}
	now := t.Hour()*60 + t.Minute()
	for _, s := range h.spans {
		if s.day == t.Weekday() && now >= s.from && now < s.to {
			return true
		}
	}
	return false
}

// ParseHours reads "Mon-Fri 9:00-17:00, Sat 10-12"; "" is a desk at which somebody always is.
func ParseHours(words string) (Hours, error) {
	h := Hours{Words: strings.TrimSpace(words)}
	if h.Words == "" {
		return h, nil
	}
	for _, part := range strings.FieldsFunc(h.Words, func(r rune) bool { return r == ',' || r == ';' }) {
		days, times, ok := strings.Cut(strings.TrimSpace(part), " ")
		if !ok {
			return Hours{}, fmt.Errorf("%q is no opening time: write for example \"Mon-Fri 9:00-17:00, Sat 10:00-12:00\"", strings.TrimSpace(part))
		}
		first, last, err := parseDays(days)
		if err != nil {
			return Hours{}, err
		}
		from, to, err := parseTimes(strings.TrimSpace(times))
		if err != nil {
			return Hours{}, err
		}
		for d := first; ; d = (d + 1) % 7 {
			h.spans = append(h.spans, span{d, from, to})
			if d == last {
				break
			}
		}
	}
	return h, nil
}

func parseDays(s string) (first, last time.Weekday, err error) {
	a, b, ranged := strings.Cut(dashes(s), "-")
	if first, err = parseDay(a); err != nil || !ranged {
		return first, first, err
	}
	last, err = parseDay(b)
	return first, last, err
}

func parseDay(s string) (time.Weekday, error) {
	if len(s) >= 2 {
		for d := time.Sunday; d <= time.Saturday; d++ {
			if name := d.String(); len(s) <= len(name) && strings.EqualFold(s, name[:len(s)]) {
				return d, nil
			}
		}
	}
	return 0, fmt.Errorf("%q is no weekday: write Mon, Tue, Wed, Thu, Fri, Sat or Sun", s)
}

func parseTimes(s string) (from, to int, err error) {
	a, b, ok := strings.Cut(dashes(s), "-")
	if !ok {
		return 0, 0, fmt.Errorf("%q is no stretch of time: write for example 9:00-17:00", s)
	}
	if from, err = parseTime(strings.TrimSpace(a)); err != nil {
		return 0, 0, err
	}
	if to, err = parseTime(strings.TrimSpace(b)); err != nil {
		return 0, 0, err
	}
	if from >= to {
		return 0, 0, fmt.Errorf("%q ends before it begins", s)
	}
	return from, to, nil
}

func parseTime(s string) (int, error) {
	hour, minute, _ := strings.Cut(s, ":")
	h, err := strconv.Atoi(hour)
	m := 0
	if err == nil && minute != "" {
		m, err = strconv.Atoi(minute)
	}
	if err != nil || h < 0 || h > 24 || m < 0 || m > 59 || h == 24 && m > 0 {
		return 0, fmt.Errorf("%q is no time of day: write for example 9:00 or 17:30", s)
	}
	return h*60 + m, nil
}

func dashes(s string) string { return strings.ReplaceAll(s, "–", "-") }
