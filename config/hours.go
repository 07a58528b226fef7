package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Hours are the times in the week when somebody is there.
type Hours struct {
	Text  string // as it was written: "Mon-Fri 9:00-17:00"
	spans []span
}

// span is a stretch of one day, in minutes from midnight.
type span struct {
	day      time.Weekday
	from, to int
}

// days in the order in which a week is written.
var days = [...]struct {
	name string
	day  time.Weekday
}{
	{"mon", time.Monday}, {"tue", time.Tuesday}, {"wed", time.Wednesday}, {"thu", time.Thursday},
	{"fri", time.Friday}, {"sat", time.Saturday}, {"sun", time.Sunday},
}

// ParseHours reads "Mon-Fri 9:00-17:00, Sat 10:00-12:00" or "Mon,Wed 9-12"; "never" and "always" are whole answers.
func ParseHours(text string) (Hours, error) {
	h := Hours{Text: strings.TrimSpace(text)}
	switch strings.ToLower(h.Text) {
	case "", "never":
		return h, nil
	case "always":
		for _, d := range days {
			h.spans = append(h.spans, span{d.day, 0, 24 * 60})
		}
		return h, nil
	}
	for _, part := range splitHours(h.Text) {
		fields := strings.Fields(part)
		if len(fields) < 2 {
			return Hours{}, fmt.Errorf("%q needs days and times, such as \"Mon-Fri 9:00-17:00\"", part)
		}
		on, err := parseDays(fields[0])
		if err != nil {
			return Hours{}, err
		}
		for _, times := range fields[1:] {
			from, to, err := parseTimes(times)
			if err != nil {
				return Hours{}, err
			}
			for _, d := range on {
				h.spans = append(h.spans, span{d, from, to})
			}
		}
	}
	return h, nil
}

// splitHours cuts at the commas and semicolons that begin a new group: those followed by a day whose group has times.
func splitHours(text string) []string {
	var out []string
	for _, p := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == '\n' }) {
		p = strings.TrimSpace(p)
		if p == "" {
			continue
		}
		if n := len(out); n > 0 && !strings.Contains(out[n-1], " ") {
			out[n-1] += "," + p // "Mon, Wed 9-12": days only so far
			continue
		}
		out = append(out, p)
	}
	return out
}

func parseDays(text string) ([]time.Weekday, error) {
	var out []time.Weekday
	for _, p := range strings.Split(text, ",") {
		first, last, ranged := strings.Cut(p, "-")
		a, err := parseDay(first)
		if err != nil {
			return nil, err
		}
		b := a
		if ranged {
			if b, err = parseDay(last); err != nil {
				return nil, err
			}
		}
		for i := a; ; i = (i + 1) % len(days) {
			out = append(out, days[i].day)
			if i == b {
				break
			}
		}
	}
	return out, nil
}

func parseDay(text string) (int, error) {
	t := strings.ToLower(strings.TrimSpace(text))
	for i, d := range days {
		if len(t) >= 3 && strings.HasPrefix(strings.ToLower(d.day.String()), t) || t == d.name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%q is not a day; write Mon, Tue, Wed, Thu, Fri, Sat or Sun", text)
}

func parseTimes(text string) (from, to int, err error) {
	a, b, ok := strings.Cut(text, "-")
	if ok {
		if from, err = parseTime(a); err == nil {
			to, err = parseTime(b)
		}
	}
	if !ok || err != nil {
		return 0, 0, fmt.Errorf("%q is not a stretch of a day; write it as 9:00-17:00", text)
	}
	if to <= from {
		return 0, 0, fmt.Errorf("%q ends before it begins", text)
	}
	return from, to, nil
}

func parseTime(text string) (int, error) {
	h, m, colon := strings.Cut(text, ":")
	if !colon {
		m = "00"
	}
	hour, err := strconv.Atoi(h)
	if err != nil {
		return 0, err
	}
	minute, err := strconv.Atoi(m)
	if err != nil || len(m) != 2 || hour < 0 || minute < 0 || minute > 59 || hour*60+minute > 24*60 {
		return 0, strconv.ErrRange
	}
	return hour*60 + minute, nil
}

// Open says whether somebody is there at t; the zone of t is the town's.
func (h Hours) Open(t time.Time) bool {
	now := t.Hour()*60 + t.Minute()
	for _, s := range h.spans {
		if s.day == t.Weekday() && s.from <= now && now < s.to {
			return true
		}
	}
	return false
}
