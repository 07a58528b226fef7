package twilio

import (
	"fmt"
	"testing"
	"time"
)

// What is remembered is bounded, and the latest stays.
func TestRecent(t *testing.T) {
	noon := time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC)
	var r Recent
	for i := range 3 * mostRecent {
		r.Started(fmt.Sprint(i), Attempt{To: "x"})
	}
	if len(r.by) != mostRecent || len(r.order) != mostRecent {
		t.Errorf("%d and %d remembered", len(r.by), len(r.order))
	}
	if _, ok := r.Get(fmt.Sprint(3*mostRecent - 1)); !ok {
		t.Error("the latest is forgotten")
	}
	if _, ok := r.Get("0"); ok {
		t.Error("the first is remembered")
	}
	// A second try doesn't hide that the first may have got through.
	r.Started("k", Attempt{To: "x", Since: noon})
	r.Settled("k", "SM1")
	r.Started("k", Attempt{To: "x", Since: noon.Add(time.Hour)})
	if a, _ := r.Get("k"); a.Receipt != "SM1" || !a.Since.Equal(noon) {
		t.Errorf("%+v", a)
	}
}
