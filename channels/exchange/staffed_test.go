package exchange

import (
	"testing"
	"time"
)

func TestStaffed(t *testing.T) {
	amsterdam, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	hours, err := ParseHours("Mon-Fri 9:00-17:00, Sun 1:00-4:00")
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
	c := Calendar{Zone: amsterdam, Hours: hours, Holidays: []string{"12-25"}, Desks: map[string]Hours{"night": {}}}
	for _, one := range []struct {
		desk, from, to string
		want           time.Duration
	}{
		{"", "2026-11-23 10:00", "2026-11-23 11:30", 90 * time.Minute},
		{"", "2026-11-23 16:00", "2026-11-24 10:00", 2 * time.Hour},
		{"", "2026-11-23 17:00", "2026-11-24 09:00", 0},
		{"", "2026-11-27 16:00", "2026-11-30 09:30", 90*time.Minute + 3*time.Hour}, // over a weekend
		{"", "2026-12-24 16:00", "2026-12-26 12:00", time.Hour},                    // Christmas is a Friday
		{"", "2026-10-25 00:00", "2026-10-25 12:00", 4 * time.Hour},                // the clock goes back at three
		{"", "2026-11-24 10:00", "2026-11-23 10:00", 0},
		{"night", "2026-11-23 17:00", "2026-11-24 05:00", 12 * time.Hour},
	} {
		if got := c.Staffed(one.desk, at(one.from), at(one.to), 100*time.Hour); got != one.want {
			t.Errorf("%s to %s: %v, want %v", one.from, one.to, got, one.want)
		}
	}
	if got := c.Staffed("", at("1926-01-01 00:00"), at("2026-11-23 10:00"), time.Hour); got < time.Hour {
		t.Error(got)
	}
}
