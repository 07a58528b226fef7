package exchange

import (
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	amsterdam, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, amsterdam)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	west := Calendar{Zone: amsterdam, Holidays: []string{"12-25", "12-26", "2027-01-01"}}
	east := Calendar{Zone: amsterdam, Weekend: []time.Weekday{time.Friday}}
	for _, c := range []struct {
		calendar Calendar
		now      time.Time
		days     int
		want     string
	}{
		{west, at("2026-11-23 09:00"), 1, "2026-11-24"},
		{west, at("2026-11-23 09:00"), 5, "2026-11-30"},
		{west, at("2026-11-27 23:59"), 1, "2026-11-30"},                          // Friday night
		{west, at("2026-11-28 12:00"), 1, "2026-11-30"},                          // Saturday
		{west, at("2026-12-24 12:00"), 1, "2026-12-28"},                          // Christmas
		{west, at("2026-12-31 12:00"), 1, "2027-01-04"},                          // New Year, then a weekend
		{west, at("2027-12-31 12:00"), 1, "2028-01-03"},                          // that holiday was of one year
		{west, at("2026-10-23 12:00"), 2, "2026-10-27"},                          // the clock goes back in between
		{west, time.Date(2026, 11, 23, 23, 30, 0, 0, time.UTC), 1, "2026-11-25"}, // it is Tuesday already
		{east, at("2026-11-26 12:00"), 1, "2026-11-28"},
		{west, at("2026-11-23 09:00"), 0, ""},
	} {
		if got := c.calendar.Due(c.now, c.days); got != c.want {
			t.Errorf("%s + %d: %s, want %s", c.now.Format("Mon 2006-01-02"), c.days, got, c.want)
		}
	}
	never := Calendar{Weekend: []time.Weekday{0, 1, 2, 3, 4, 5, 6}}
	if never.Due(noon, 3) == "" {
		t.Error("no day at all")
	}
}

func TestHours(t *testing.T) {
	h, err := ParseHours("Mon-Fri 9:00-12:30, mon-thu 13:30–17; Sat 10-12")
	if err != nil {
		t.Fatal(err)
	}
	c := Calendar{Hours: h, Holidays: []string{"11-24"}}
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC) // Monday
	for offset, want := range map[time.Duration]bool{
		8*time.Hour + 59*time.Minute: false, 9 * time.Hour: true, 12*time.Hour + 30*time.Minute: false, 14 * time.Hour: true, 17 * time.Hour: false,
		34 * time.Hour:                false,                                      // Tuesday is a holiday
		4*24*time.Hour + 11*time.Hour: true, 4*24*time.Hour + 14*time.Hour: false, // Friday
		5*24*time.Hour + 11*time.Hour: true, 6*24*time.Hour + 11*time.Hour: false, // the weekend
	} {
		if open, words := c.Open("", day.Add(offset)); open != want || words != h.Words {
			t.Errorf("%v: %v %q", day.Add(offset).Format("Mon 15:04"), open, words)
		}
	}
	if open, _ := (&Calendar{}).Open("any", noon); !open {
		t.Error("a desk without hours is shut")
	}
	for _, bad := range []string{"9-17", "Mon", "Xyz 9-17", "Mon 9", "Mon 17-9", "Mon 9:75-10", "Mon 25-26", "M 9-17", "Mon 24:30-25"} {
		if _, err := ParseHours(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	week, err := ParseHours("Fri-Mon 0-24")
	if err != nil {
		t.Fatal(err)
	}
	if open, _ := (&Calendar{Hours: week}).Open("", day.Add(23*time.Hour)); !open {
		t.Error("shut on Monday, in the middle of Fri-Mon")
	}
	if open, _ := (&Calendar{Hours: week}).Open("", day.Add(30*time.Hour)); open {
		t.Error("open on Tuesday")
	}
}

func FuzzParseHours(f *testing.F) {
	for _, s := range []string{"Mon-Fri 9:00-17:00, Sat 10-12", "", "Mon 24-24", "– –"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHours(s)
		if err == nil {
			h.at(noon)
		}
		if len(h.spans) > 7*len(s) {
			t.Fatal(len(h.spans))
		}
	})
}
