package exchange

import "time"

// Staffed says for how long a desk was open between two times, up to enough: nobody counts further.
func (c *Calendar) Staffed(desk string, from, to time.Time, enough time.Duration) time.Duration {
	h := c.Hours
	if own, ok := c.Desks[desk]; ok {
		h = own
	}
	from, to = c.local(from), c.local(to)
	if h.always() {
		return max(to.Sub(from), 0)
	}
	var sum time.Duration
	for day := from; sum < enough && !day.After(to.AddDate(0, 0, 1)); day = day.AddDate(0, 0, 1) {
		if c.holiday(day) {
			continue
		}
		for _, s := range h.spans {
			if s.day != day.Weekday() {
				continue
			}
			y, m, d := day.Date()
			begins, ends := time.Date(y, m, d, 0, s.from, 0, 0, day.Location()), time.Date(y, m, d, 0, s.to, 0, 0, day.Location())
			if begins.Before(from) {
				begins = from
			}
			if ends.After(to) {
				ends = to
			}
			sum += max(ends.Sub(begins), 0)
		}
	}
	return sum
}
