package exchange

import (
	"testing"
	"time"
)

func TestNights(t *testing.T) {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	usual := &Nights{From: 21 * 60, To: 8 * 60, Zone: zone}
	noon := &Nights{From: 12 * 60, To: 13*60 + 30, Zone: zone}
	for _, c := range []struct {
		nights            *Nights
		number, now, want string
	}{
		{usual, "", "2026-11-23T08:00:00-05:00", "2026-11-23T08:00:00-05:00"},
		{usual, "", "2026-11-23T20:59:59-05:00", "2026-11-23T20:59:59-05:00"},
		{usual, "", "2026-11-23T21:00:00-05:00", "2026-11-24T08:00:00-05:00"},
		{usual, "", "2026-11-23T03:00:00-05:00", "2026-11-23T08:00:00-05:00"},
		{usual, "", "2026-11-01T04:30:00Z", "2026-11-01T08:00:00-05:00"}, // the night the clocks change
		{usual, "", "2026-12-31T23:30:00-05:00", "2027-01-01T08:00:00-05:00"},
		{noon, "", "2026-11-23T12:10:00-05:00", "2026-11-23T13:30:00-05:00"},
		{noon, "", "2026-11-23T23:10:00-05:00", "2026-11-23T23:10:00-05:00"},
		{&Nights{Zone: zone}, "", "2026-11-23T03:00:00-05:00", "2026-11-23T03:00:00-05:00"},

		// By the number's own clock: Los Angeles, Nairobi, Honolulu.
		{usual, "+12135550142", "2026-11-23T09:00:00-05:00", "2026-11-23T11:00:00-05:00"},
		{usual, "+12135550142", "2026-11-23T22:00:00-05:00", "2026-11-23T22:00:00-05:00"},
		{usual, "+254712345678", "2026-11-23T12:59:00-05:00", "2026-11-23T12:59:00-05:00"},
		{usual, "+254712345678", "2026-11-23T13:00:00-05:00", "2026-11-24T00:00:00-05:00"},
		{usual, "+18085550142", "2026-11-23T12:00:00-05:00", "2026-11-23T13:00:00-05:00"},
		// Idaho's area code has two zones; it must be day in both.
		{usual, "+12085550142", "2026-11-23T10:30:00-05:00", "2026-11-23T11:00:00-05:00"},
		// A number that tells nothing, or only a calling code of forty zones, or is none.
		{usual, "+18005550142", "2026-11-23T08:00:00-05:00", "2026-11-23T08:00:00-05:00"},
		{usual, "+999", "2026-11-23T22:00:00-05:00", "2026-11-24T08:00:00-05:00"},
		{usual, "72345", "2026-11-23T22:00:00-05:00", "2026-11-24T08:00:00-05:00"},
		{usual, "+", "2026-11-23T22:00:00-05:00", "2026-11-24T08:00:00-05:00"},
	} {
		at, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.nights.Day(c.number, at).In(zone).Format(time.RFC3339); got != c.want {
			t.Errorf("%q due at %s: sent at %s, want %s", c.number, c.now, got, c.want)
		}
	}
}

// Where it is never day in all zones of a number at once, the town's clock counts.
func TestNightsThatNeverEnd(t *testing.T) {
	n := &Nights{From: 9 * 60, To: 8 * 60} // an hour of day
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	want := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	for _, number := range []string{"+12085550142", "+18005550142", ""} {
		if zones := n.of(number); number == "+12085550142" && len(zones) < 2 {
			t.Fatalf("%s has %d zones", number, len(zones))
		}
		if got := n.Day(number, now); !got.Equal(want) {
			t.Errorf("%q: %v, want %v", number, got, want)
		}
	}
}

func FuzzNights(f *testing.F) {
	f.Add("+12135550142", int64(1795435200), 21*60, 8*60)
	f.Add("+999", int64(0), 9*60, 8*60)
	f.Fuzz(func(t *testing.T, number string, at int64, from, to int) {
		if from < 0 || from >= 24*60 || to < 0 || to >= 24*60 || at < 0 || at > 1<<33 {
			t.Skip()
		}
		n := &Nights{From: from, To: to}
		now := time.Unix(at, 0)
		day := n.Day(number, now)
		if day.Before(now) || day.Sub(now) > searchDay {
			t.Fatalf("%q at %v: %v", number, now, day)
		}
		if again := n.Day(number, day); !again.Equal(day) {
			t.Fatalf("%v isn't by day: %v", day, again)
		}
	})
}

func BenchmarkNights(b *testing.B) {
	n := &Nights{From: 21 * 60, To: 8 * 60}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		n.Day("+12135550142", now)
	}
}
