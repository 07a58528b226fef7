package cost

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/dialogs"
)

// answer is one that a step may be given; no values: it is left out.
type answer []string

const (
	mostOrders = 24 // of a rank, and sets of choices, that are all tried
	reference  = "311-204-7"
	rollCode   = "482715"
	fewWords   = "words of my own"
	someWords  = "a few more words, to tell it"
	manyWords  = "These are the words of somebody who has much to tell, and who takes the time to tell it." // more than is read back
)

// answers are those of a step between which the cost can differ. words are what own words are tried with.
func answers(d *dialogs.Dialog, step int, today time.Time, words []string) []answer {
	st := &d.Steps[step]
	var out []answer
	switch st.Type {
	case dialogs.Choice, dialogs.Scale:
		for i := range st.Options {
			out = append(out, answer{st.Options[i].ID})
		}
	case dialogs.YesNo:
		out = []answer{{"yes"}, {"no"}}
	case dialogs.Consent:
		out = []answer{{"yes"}}
		if st.Optional {
			return append(out, answer{"no"})
		}
		return out
	case dialogs.Choices:
		out = sets(st)
	case dialogs.Rank:
		out = orders(st)
	case dialogs.Budget:
		out = shares(st)
	case dialogs.Number:
		out = numbers(d, step)
	case dialogs.Date:
		out = []answer{{day(st, today)}}
	case dialogs.Similar:
		out = []answer{{"none"}, {reference}}
	case dialogs.Status:
		return []answer{{reference}}
	case dialogs.Code:
		return []answer{{rollCode}}
	case dialogs.Review:
		return []answer{{"ok"}}
	case dialogs.Contact:
		out = []answer{{"+15552340100"}}
	case dialogs.Words, dialogs.Place:
		for _, w := range words {
			if st.Limit == 0 || len(w) <= st.Limit {
				out = append(out, answer{w})
			}
		}
		if out == nil {
			out = []answer{{words[0][:st.Limit]}}
		}
	default:
		out = []answer{{fewWords}}
	}
	if st.Optional {
		out = append(out, nil)
	}
	return out
}

// sets are one of the options, and as many as may be given.
func sets(st *dialogs.Step) []answer {
	var out []answer
	for i := range st.Options {
		out = append(out, answer{st.Options[i].ID})
	}
	most := len(st.Options)
	if st.Limit > 0 {
		most = min(most, st.Limit)
	}
	var pick func(from int, ids answer)
	pick = func(from int, ids answer) {
		if len(out) >= len(st.Options)+mostOrders {
			return
		}
		if len(ids) == most {
			out = append(out, slices.Clone(ids))
			return
		}
		for i := from; i < len(st.Options); i++ {
			pick(i+1, append(ids, st.Options[i].ID))
		}
	}
	if most > 1 {
		pick(0, nil)
	}
	return out
}

// orders are all of a short rank. Of a longer one they are the dialog's own and those by the length of the words: what was
// placed is not said again, so it matters how early the long ones go.
func orders(st *dialogs.Step) []answer {
	ids := make(answer, len(st.Options))
	for i := range st.Options {
		ids[i] = st.Options[i].ID
	}
	if len(ids) > 4 {
		long := slices.Clone(ids)
		words := func(id string) int {
			return len(strings.Fields(st.Options[slices.IndexFunc(st.Options, func(o dialogs.Option) bool { return o.ID == id })].Text.Text))
		}
		slices.SortStableFunc(long, func(a, b string) int { return words(b) - words(a) })
		short := slices.Clone(long)
		slices.Reverse(short)
		return []answer{ids, long, short}
	}
	var out []answer
	var place func(done, left answer)
	place = func(done, left answer) {
		if len(left) == 0 {
			out = append(out, slices.Clone(done))
		}
		for i := range left {
			place(append(slices.Clone(done), left[i]), slices.Delete(slices.Clone(left), i, i+1))
		}
	}
	place(nil, ids)
	return out
}

// shares give all to one, or some to each.
func shares(st *dialogs.Step) []answer {
	n := len(st.Options)
	var out []answer
	for i := range n {
		a := make(answer, n)
		for j := range a {
			a[j] = "0"
		}
		a[i] = strconv.Itoa(st.Total)
		out = append(out, a)
	}
	even, left := make(answer, n), st.Total
	for i := range even {
		part := left / (n - i)
		even[i], left = strconv.Itoa(part), left-part
	}
	return append(out, even)
}

// numbers are the least, the greatest, and those around which a condition turns.
func numbers(d *dialogs.Dialog, step int) []answer {
	st := &d.Steps[step]
	least, most := 1.0, 100.0
	if st.HasMin {
		least, most = st.Min, max(st.Min, most)
	}
	if st.HasMax {
		most, least = st.Max, min(st.Max, least)
	}
	all := []float64{least, most}
	for i := range d.Steps {
		when := d.Steps[i].When
		when.Uses(func(used int) {
			if used != step {
				return
			}
			for _, word := range strings.FieldsFunc(when.Source, func(r rune) bool { return strings.ContainsRune(" (),", r) }) {
				if n, err := strconv.ParseFloat(word, 64); err == nil {
					all = append(all, n-1, n, n+1)
				}
			}
		})
	}
	slices.Sort(all)
	var out []answer
	for _, n := range slices.Compact(all) {
		if n >= least && n <= most {
			out = append(out, answer{strconv.FormatFloat(n, 'f', -1, 64)})
		}
	}
	return out
}

// day is one within the bounds that can be keyed as a day and a month, where there is one.
func day(st *dialogs.Step, today time.Time) string {
	first := today.AddDate(0, 0, 1)
	if st.Earliest.Set && st.Earliest.On(today).After(first) {
		first = st.Earliest.On(today)
	}
	last := first.AddDate(0, 0, 31)
	if st.Latest.Set && st.Latest.On(today).Before(last) {
		last = st.Latest.On(today)
	}
	if last.Before(first) {
		first = last
	}
	for d := first; !d.After(last); d = d.AddDate(0, 0, 1) {
		if d.Day() > 12 {
			return d.Format(time.DateOnly)
		}
	}
	return first.Format(time.DateOnly)
}
