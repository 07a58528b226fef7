package dialogtest

import (
	"maps"
	"slices"
)

// Fork is a second resident who lived through the same until now. What either does from here on doesn't reach the other.
func (r *Resident) Fork() *Resident {
	f := *r
	f.Pages, f.Log, f.timers = slices.Clip(r.Pages), slices.Clip(r.Log), maps.Clone(r.timers)
	f.desk.used, f.desk.kept, f.desk.passed = slices.Clip(r.desk.used), slices.Clip(r.desk.kept), slices.Clip(r.desk.passed)
	return &f
}
