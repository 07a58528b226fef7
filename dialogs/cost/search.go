package cost

import (
	"maps"
	"slices"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/talk"
)

// How many conversations are held at most to find the ways through one dialog, in one language on one channel, before only
// those are looked at that come near the best so far.
const (
	mostWalks  = 6000
	briefWalks = 600
)

// plan is which of its answers each step is given; the first where it isn't in it.
type plan map[int]int

func (p plan) with(step, answer int) plan {
	out := maps.Clone(p)
	out[step] = answer
	return out
}

// search looks for the ways through a dialog that take the least and the most. Answers that a condition looks at decide
// which questions come at all, so each set of them is tried. What any other answer adds is the same on every way: it is
// measured once, on the first way that asks for it.
type search[W any] struct {
	town    *talk.Town
	d       *dialogs.Dialog
	lang    string
	how     manner[W]
	now     time.Time
	found   bool // a request like the one that is made is open already
	answers [][]answer
	decides []bool        // by step: some condition looks at it
	adds    map[int][]add // by step that decides nothing: what each of its answers adds to the first
	most    int           // conversations
	walks   int
	cut     bool
}

// add is what an answer adds; whole is false where it doesn't lead to the end.
type add struct {
	weight int64
	whole  bool
}

func newSearch[W any](town *talk.Town, d *dialogs.Dialog, lang string, how manner[W], most int) *search[W] {
	s := &search[W]{most: most, town: town, d: d, lang: lang, how: how, now: moment(town, d), answers: make([][]answer, len(d.Steps)), decides: make([]bool, len(d.Steps))}
	y, m, day := s.now.Date()
	for i := range d.Steps {
		if d.Steps[i].Type.Asks() {
			s.answers[i] = answers(d, i, time.Date(y, m, day, 0, 0, 0, 0, time.UTC), how.words)
		}
		d.Steps[i].When.Uses(func(step int) { s.decides[step] = true })
	}
	return s
}

// find finds both ways; nil where no way comes to its end.
func find[W any](town *talk.Town, d *dialogs.Dialog, lang string, how manner[W], most int) *Span[W] {
	if span, ok := newSearch(town, d, lang, how, most).span(); ok {
		return &span
	}
	return nil
}

// moment is when the dialog can be held.
func moment(town *talk.Town, d *dialogs.Dialog) time.Time {
	zone := town.Zone
	if zone == nil {
		zone = time.UTC
	}
	someday := time.Date(2027, 3, 1, 10, 0, 0, 0, zone) // a Monday morning
	switch {
	case !d.Opens.IsZero():
		return d.Opens.In(zone)
	case !d.Closes.IsZero() && !someday.Before(d.Closes):
		return d.Closes.In(zone).AddDate(0, 0, -1)
	}
	return someday
}

// span finds both ways. ok is false where no way comes to its end.
func (s *search[W]) span() (span Span[W], ok bool) {
	joins := slices.ContainsFunc(s.d.Steps, func(st dialogs.Step) bool { return st.Type == dialogs.Similar })
	var least, most int64
	for _, s.found = range []bool{false, true} {
		if s.found && !joins {
			break
		}
		start, begun := s.begin()
		if !begun {
			continue
		}
		s.adds = map[int][]add{}
		routes := s.routes(start)
		if len(routes) == 0 {
			continue
		}
		for _, longest := range []bool{false, true} {
			w := s.best(start, routes, longest)
			switch n := s.how.weight(&w); {
			case !longest && (!ok || n < least):
				span.Shortest, least = w, n
			case longest && (!ok || n > most):
				span.Longest, most = w, n
			}
		}
		ok = true
	}
	span.Cut = s.cut
	return span, ok
}

// route is one set of the answers that decide, and the way that comes of it with the first of all other answers.
type route[W any] struct {
	plan plan
	walk W
	free []int // steps that are asked and decide nothing
}

// routes are all sets of the answers that decide, as far as they come to be asked for.
func (s *search[W]) routes(start stand) []route[W] {
	var out []route[W]
	var from func(at stand, p plan, free []stand)
	from = func(at stand, p plan, free []stand) {
		if s.walks >= s.most {
			s.cut = true
			return
		}
		c := s.goOn(at, p, true)
		free = append(slices.Clip(free), c.free...)
		if c.open != nil {
			step := c.open.asked[len(c.open.asked)-1]
			for i := range s.answers[step] {
				from(c.open.fork(), p.with(step, i), free)
			}
			return
		}
		if !c.whole {
			return
		}
		r := route[W]{plan: p, walk: c.walk}
		for _, f := range free {
			step := f.asked[len(f.asked)-1]
			if !slices.Contains(r.free, step) {
				r.free = append(r.free, step)
				s.measure(f, step, &r)
			}
		}
		out = append(out, r)
	}
	from(start.fork(), plan{}, nil)
	return out
}

// measure finds what the answers to a step add, the first time that it is met.
func (s *search[W]) measure(at stand, step int, r *route[W]) {
	if s.adds[step] != nil {
		return
	}
	all := make([]add, len(s.answers[step]))
	all[0].whole = true
	for a := 1; a < len(all); a++ {
		if c := s.goOn(at.fork(), r.plan.with(step, a), false); c.whole {
			all[a] = add{s.how.weight(&c.walk) - s.how.weight(&r.walk), true}
		}
	}
	s.adds[step] = all
}

// pick is the answer to a step that adds the least or the most.
func (s *search[W]) pick(step int, better func(a, b int64) bool) (answer int, adds int64) {
	for a, add := range s.adds[step] {
		if add.whole && better(add.weight, adds) {
			answer, adds = a, add.weight
		}
	}
	return answer, adds
}

// best is the way that takes the least or the most.
func (s *search[W]) best(start stand, routes []route[W], longest bool) W {
	better := func(a, b int64) bool { return a != b && (a > b) == longest }
	at := 0
	var most int64
	for i := range routes {
		sum := s.how.weight(&routes[i].walk)
		for _, step := range routes[i].free {
			_, adds := s.pick(step, better)
			sum += adds
		}
		if i == 0 || better(sum, most) {
			at, most = i, sum
		}
	}
	r := &routes[at]
	p := maps.Clone(r.plan)
	for _, step := range r.free {
		p[step], _ = s.pick(step, better)
	}
	return s.mend(start, p, r, better)
}

// mend holds the way that was found, and goes on from it for as long as another answer to one step makes it better: what
// two answers add need not be what each of them does. Where not all ways were tried, that goes for the answers that decide
// as well.
func (s *search[W]) mend(start stand, p plan, r *route[W], better func(a, b int64) bool) W {
	best := s.goOn(start.fork(), p, false)
	if !best.whole {
		p = r.plan
		best = s.goOn(start.fork(), p, false)
	}
	last := s.walks + s.most
	for again := true; again; {
		again = false
		for i := 0; i < len(best.free); i++ {
			step := best.free[i].asked[len(best.free[i].asked)-1]
			for a := range s.answers[step] {
				switch {
				case a == p[step]:
					continue
				case s.walks > last:
					s.cut = true
					return best.walk
				}
				q := p.with(step, a)
				if c := s.goOn(best.free[i].fork(), q, false); c.whole && better(s.how.weight(&c.walk), s.how.weight(&best.walk)) {
					p, again = q, true
					best = s.goOn(start.fork(), p, false)
				}
			}
		}
	}
	return best.walk
}
