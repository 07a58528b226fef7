package dialogs

import (
	"sort"
	"strconv"
	"time"
)

// maxVisits is how many steps are visited on all ways through a dialog together. Where there are more, what was not
// seen is not judged. A real dialog needs some hundreds.
const maxVisits = 500_000

// paths is what walking every way through a dialog shows.
type paths struct {
	whole     bool   // every way was walked
	reached   []bool // by step
	noConsent int    // 1 + a submit that is reached without a consent; 0: none
	twice     int    // 1 + a submit that is reached after another one
	early     int    // 1 + a step that names the reference before there is one
	unsaid    [][2]int
}

// walk goes every way through d that differs for some condition.
func walk(d *Dialog) paths {
	w := walker{d: d, answers: make([][]string, len(d.Steps)), known: make([]bool, len(d.Steps)), asked: make([]bool, len(d.Steps))}
	w.reached = make([]bool, len(d.Steps))
	w.domains = domains(d)
	w.inserts = make([][]int, len(d.Steps))
	w.names = make([]bool, len(d.Steps))
	for i := range d.Steps {
		seen := map[int]bool{}
		d.eachText(i, func(key string, _ *Text) {
			for _, name := range d.inserted[key] {
				w.names[i] = w.names[i] || name == "reference" || name == "due"
				if k, ok := d.index[name]; ok && k < i && !seen[k] && d.Steps[k].Type.Asks() {
					seen[k] = true
					w.inserts[i] = append(w.inserts[i], k)
				}
			}
		})
	}
	w.missed = map[[2]int]bool{}
	w.look = func(step int) ([]string, bool) { return w.answers[step], w.known[step] }
	w.step(0, false, 0)
	w.whole = w.visits < maxVisits
	for pair := range w.missed {
		w.unsaid = append(w.unsaid, pair)
	}
	sort.Slice(w.unsaid, func(i, j int) bool {
		a, b := w.unsaid[i], w.unsaid[j]
		return a[0] < b[0] || a[0] == b[0] && a[1] < b[1]
	})
	return w.paths
}

type walker struct {
	paths
	d       *Dialog
	domains [][][]string // by step: the answers that conditions tell apart; nil where no condition asks
	inserts [][]int      // by step: the answers that its texts insert
	names   []bool       // by step: its texts name the reference
	missed  map[[2]int]bool
	answers [][]string
	known   []bool
	asked   []bool
	visits  int
	look    func(int) ([]string, bool)
}

func (w *walker) step(i int, consented bool, submits int) {
	for ; i < len(w.d.Steps); i++ {
		s := &w.d.Steps[i]
		w.answers[i], w.known[i], w.asked[i] = nil, false, false
		if w.visits++; w.visits >= maxVisits {
			return
		}
		if !s.When.Holds(w.look) {
			continue
		}
		w.reached[i] = true
		for _, k := range w.inserts[i] {
			if !w.asked[k] {
				w.missed[[2]int{i, k}] = true
			}
		}
		if w.names[i] && submits == 0 {
			w.early = i + 1
		}
		switch s.Type {
		case End, Handoff:
			return
		case Consent:
			consented = true
		case Submit:
			if !consented {
				w.noConsent = i + 1
			}
			if submits > 0 {
				w.twice = i + 1
			}
			submits++
		}
		w.asked[i] = s.Type.Asks() && !mayBeSkipped(s)
		if w.domains[i] == nil {
			w.known[i] = w.asked[i]
			continue
		}
		for _, values := range w.domains[i] {
			if s.Type == Consent && !s.Optional && len(values) == 1 && values[0] == "no" {
				continue // a refusal ends the dialog
			}
			w.answers[i], w.known[i], w.asked[i] = values, values != nil, values != nil
			w.step(i+1, consented, submits)
		}
		return
	}
}

// mayBeSkipped says whether a step that is reached can stay without an answer.
func mayBeSkipped(s *Step) bool {
	return s.Optional || s.Type == Photo || s.Type == Contact || s.Type == Similar || s.Type == Status
}

// domains gives, for each step that some condition compares, answers that the conditions can tell apart; a nil answer
// is none at all.
func domains(d *Dialog) [][][]string {
	all := make([][][]string, len(d.Steps))
	mentioned := make([]map[string]bool, len(d.Steps))
	for i := range d.Steps {
		c := d.Steps[i].When
		if c == nil {
			continue
		}
		for j := range c.terms {
			t := &c.terms[j]
			if t.op >= opAnd {
				continue
			}
			if mentioned[t.step] == nil {
				mentioned[t.step] = map[string]bool{}
			}
			for _, v := range t.values {
				mentioned[t.step][v] = true
			}
		}
	}
	for i, values := range mentioned {
		if values == nil {
			continue
		}
		s := &d.Steps[i]
		names := sorted(values)
		var domain [][]string
		switch s.Type {
		case Choices:
			domain = subsets(s, names)
		case Number, Scale:
			domain = numbers(s, names)
		case Date:
			for _, n := range names {
				day, _ := time.Parse(time.DateOnly, n)
				for _, by := range []int{-1, 0, 1} {
					domain = append(domain, []string{day.AddDate(0, 0, by).Format(time.DateOnly)})
				}
			}
		default:
			other := ""
			for _, a := range append(answers(s), "something") {
				if values[a] {
					domain = append(domain, []string{a})
				} else if other == "" && (a != "something" || answers(s) == nil || s.Type == Similar) {
					other = a
				}
			}
			if other != "" {
				domain = append(domain, []string{other})
			}
		}
		if len(domain) == 0 {
			domain = [][]string{{"something"}}
		}
		if mayBeSkipped(s) {
			domain = append(domain, nil)
		}
		all[i] = domain
	}
	return all
}

// subsets are the choices of the options named, up to the limit; of more than six only single ones and all.
func subsets(s *Step, names []string) [][]string {
	most := s.Limit
	if most == 0 {
		most = len(s.Options)
	}
	var all [][]string
	if len(names) > 6 {
		for _, n := range names {
			all = append(all, []string{n})
		}
		return append(all, names[:min(most, len(names))])
	}
	other := ""
	for i := range s.Options {
		if other == "" && !contains(names, s.Options[i].ID) {
			other = s.Options[i].ID
		}
	}
	for bits := range 1 << len(names) {
		var one []string
		for j, n := range names {
			if bits>>j&1 == 1 {
				one = append(one, n)
			}
		}
		if len(one) == 0 && other != "" {
			one = []string{other}
		}
		if len(one) > 0 && len(one) <= most {
			all = append(all, one)
		}
	}
	return all
}

// numbers are those compared with, and one on each side of each.
func numbers(s *Step, names []string) [][]string {
	step := 1.0
	if !s.Whole {
		step = 0.01
	}
	seen := map[float64]bool{}
	var all [][]string
	for _, n := range names {
		v, err := strconv.ParseFloat(n, 64)
		if err != nil {
			continue
		}
		for _, x := range []float64{v - step, v, v + step} {
			if seen[x] || s.HasMin && x < s.Min || s.HasMax && x > s.Max {
				continue
			}
			seen[x] = true
			all = append(all, []string{trimmed(x)})
		}
	}
	return all
}
