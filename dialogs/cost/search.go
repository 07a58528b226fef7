package cost

import (
	"maps"
	"slices"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/talk"
)

// mostWalks is how many conversations are held at most to find the ways through one dialog in one language.
const mostWalks = 6000

// plan is which of its answers each step is given; the first where it isn't in it.
type plan map[int]int

func (p plan) with(step, answer int) plan {
	out := maps.Clone(p)
	out[step] = answer
	return out
}

// search looks for the ways through a dialog that take the least and the most time. Answers that a condition looks at
// decide which questions come at all, so each set of them is tried. What any other answer adds is the same on every way:
// it is measured once, on the first way that asks for it.
type search struct {
	town    *talk.Town
	d       *dialogs.Dialog
	lang    string
	now     time.Time
	found   bool // a request like the one that is made is open already
	answers [][]answer
	decides []bool // by step: some condition looks at it
	walks   int
	cut     bool
}

func newSearch(town *talk.Town, d *dialogs.Dialog, lang string) *search {
	s := &search{town: town, d: d, lang: lang, now: moment(town, d), answers: make([][]answer, len(d.Steps)), decides: make([]bool, len(d.Steps))}
	y, m, day := s.now.Date()
	for i := range d.Steps {
		if d.Steps[i].Type.Asks() {
			s.answers[i] = answers(d, i, time.Date(y, m, day, 0, 0, 0, 0, time.UTC))
		}
		d.Steps[i].When.Uses(func(step int) { s.decides[step] = true })
	}
	return s
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
func (s *search) span() (span Span, ok bool) {
	joins := slices.ContainsFunc(s.d.Steps, func(st dialogs.Step) bool { return st.Type == dialogs.Similar })
	for _, s.found = range []bool{false, true} {
		if s.found && !joins {
			break
		}
		routes := s.routes()
		for _, longest := range []bool{false, true} {
			w, found := s.best(routes, longest)
			switch {
			case !found:
			case !longest && (!ok || w.Whole() < span.Shortest.Whole()):
				span.Shortest = w
			case longest && (!ok || span.Longest.Turns == 0 || w.Whole() > span.Longest.Whole()):
				span.Longest, ok = w, true
			}
		}
	}
	span.Cut = s.cut
	return span, ok
}

// route is one set of the answers that decide, and the way that comes of it with the first of all other answers.
type route struct {
	plan plan
	walk Walk
	free []int // steps that are asked and decide nothing
}

// routes are all sets of the answers that decide, as far as they come to be asked for.
func (s *search) routes() []route {
	var out []route
	var from func(p plan)
	from = func(p plan) {
		if s.walks >= mostWalks {
			s.cut = true
			return
		}
		asked, w, whole := s.hold(p)
		for _, step := range asked {
			if _, settled := p[step]; settled || !s.decides[step] || len(s.answers[step]) < 2 {
				continue
			}
			for i := range s.answers[step] {
				from(p.with(step, i))
			}
			return
		}
		if !whole {
			return
		}
		r := route{plan: p, walk: w}
		for _, step := range asked {
			if !s.decides[step] && len(s.answers[step]) > 1 && !slices.Contains(r.free, step) {
				r.free = append(r.free, step)
			}
		}
		out = append(out, r)
	}
	from(plan{})
	return out
}

// gain is the answer to a step that takes the least or the most time, and how much it adds to the first answer's.
type gain struct {
	answer int
	adds   time.Duration
}

// best is the way that takes the least or the most time.
func (s *search) best(routes []route, longest bool) (Walk, bool) {
	better := func(a, b time.Duration) bool { return a != b && (a > b) == longest }
	gains := map[int]gain{}
	at := -1
	var most time.Duration
	for i := range routes {
		r := &routes[i]
		sum := r.walk.Whole()
		for _, step := range r.free {
			g, there := gains[step]
			if !there {
				for a := 1; a < len(s.answers[step]); a++ {
					if _, w, whole := s.hold(r.plan.with(step, a)); whole && better(w.Whole()-r.walk.Whole(), g.adds) {
						g = gain{a, w.Whole() - r.walk.Whole()}
					}
				}
				gains[step] = g
			}
			sum += g.adds
		}
		if at < 0 || better(sum, most) {
			at, most = i, sum
		}
	}
	if at < 0 {
		return Walk{}, false
	}
	p := maps.Clone(routes[at].plan)
	for _, step := range routes[at].free {
		p[step] = gains[step].answer
	}
	return s.mend(p, routes[at], better)
}

// mend holds the way that was found, and goes on from it for as long as another answer to one step makes it better: what
// two answers add need not be what each of them does.
func (s *search) mend(p plan, r route, better func(a, b time.Duration) bool) (Walk, bool) {
	_, best, whole := s.hold(p)
	if !whole {
		p, best = r.plan, r.walk
	}
	for again := true; again; {
		again = false
		for _, step := range r.free {
			for a := range s.answers[step] {
				q := p.with(step, a)
				if _, w, whole := s.hold(q); whole && better(w.Whole(), best.Whole()) {
					p, best, again = q, w, true
				}
			}
		}
	}
	return best, true
}
