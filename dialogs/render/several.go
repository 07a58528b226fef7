package render

import (
	"slices"
	"strconv"
	"strings"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// several reads answers that name more than one option: choices and rank.
func (r *reader) several() engine.Input {
	if r.said == "" || len(r.q.Options) == 0 {
		return unclear()
	}
	r.bare = r.w.Lang.Unwrap(r.said)
	if fit := r.sure(r.said, r.bare); len(fit) > 0 {
		if len(fit) > 1 {
			return r.chosen(fit)
		}
		return r.listed([]string{r.q.Options[fit[0]].ID})
	}
	if r.q.Asks == dialogs.Choices && len(r.q.Given) > 0 && r.closes() {
		return r.enough()
	}
	if in, ok := r.command(); ok {
		return in
	}
	if ids, ok := r.digitList(); ok {
		return r.listed(ids)
	}
	if r.q.Asks == dialogs.Choices && allOf(r.bare, every) {
		return r.listed(r.allBut())
	}
	if strings.ContainsAny(r.raw, ",;\n>&+،؛、，；/") {
		if in, ok := r.listOf(parted(r.raw)); ok {
			return in
		}
	}
	if fit, stop := r.within(r.bare); len(fit) > 0 || stop {
		return r.nearlyListed(fit)
	}
	if fit := r.slip(r.bare); len(fit) > 0 {
		return r.nearlyListed(fit)
	}
	found, either, ok := r.scan(r.said)
	if !ok || either {
		return unclear()
	}
	return r.ordered(found)
}

func parted(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune(",;\n>&+،؛、，；/", c) })
}

func (r *reader) nearlyListed(fit []int) engine.Input {
	if len(fit) != 1 {
		return r.chosen(fit)
	}
	return r.listed([]string{r.q.Options[fit[0]].ID})
}

// listOf reads parts, each of which must be one option.
func (r *reader) listOf(parts []string) (engine.Input, bool) {
	var found []int
	for _, p := range parts {
		words := unfold(locales.Fold(p))
		if words == "" {
			continue
		}
		for w, rest, _ := strings.Cut(words, " "); joints[w] && rest != ""; w, rest, _ = strings.Cut(words, " ") {
			words = rest
		}
		bare := r.w.Lang.Unwrap(words)
		fit := r.sure(words, bare)
		if len(fit) == 0 { // "1 and 2, 4"
			if more, either, ok := r.scan(words); ok && !either && len(more) > 0 {
				found = append(found, more...)
				continue
			}
			var stop bool
			if fit, stop = r.within(bare); len(fit) == 0 && !stop {
				fit = r.slip(bare)
			}
		}
		if len(fit) == 0 {
			return engine.Input{}, false
		}
		if len(fit) > 1 {
			return r.chosen(fit), true
		}
		found = append(found, fit[0])
	}
	return r.ordered(found), true
}

// ordered makes an answer of options in the order they were named. In an order of preference none comes twice.
func (r *reader) ordered(found []int) engine.Input {
	if len(found) == 0 {
		return unclear()
	}
	ids := make([]string, 0, len(found))
	for _, i := range found {
		id := r.q.Options[i].ID
		if slices.Contains(ids, id) {
			if r.q.Asks == dialogs.Rank {
				return unclear()
			}
			continue
		}
		ids = append(ids, id)
	}
	return r.listed(ids)
}

// digitList reads "1 3", "1,3", "2 > 1 > 3", and "213" where no option has more than one digit and none comes twice.
func (r *reader) digitList() ([]string, bool) {
	var keys []int
	run := 0
	for _, c := range r.said {
		switch {
		case c >= '0' && c <= '9':
			keys = append(keys, int(c-'0'))
			run++
			if run > 1 && !r.oneGroup() && r.t.Form != engine.Speech { // twelve, or one and two? Keys are pressed one by one
				return nil, false
			}
		case c == ' ' || c == ',' || c == '.' || c == '/' || c == '-' || c == ':':
			run = 0
		default:
			return nil, false
		}
	}
	var ids []string
	for _, k := range keys {
		i := r.byDigit(k)
		if i < 0 {
			return nil, false
		}
		if slices.Contains(ids, r.q.Options[i].ID) {
			return nil, false
		}
		ids = append(ids, r.q.Options[i].ID)
	}
	return ids, len(ids) > 0
}

func (r *reader) oneGroup() bool {
	return !slices.ContainsFunc(r.q.Options, func(o engine.Option) bool { return o.Place >= groupSize })
}

// allBut are all the options, without those that mean something else or nothing ("other", "unsure").
func (r *reader) allBut() []string {
	st := r.w.step(r.q.Step)
	var ids []string
	for i := range r.q.Options {
		id := r.q.Options[i].ID
		if st != nil && slices.ContainsFunc(st.Options, func(o dialogs.Option) bool { return o.ID == id && o.Last }) {
			continue
		}
		ids = append(ids, id)
	}
	return ids
}

// listed is the answer for these ids. Choices come in the order of the dialog; where more of them follow on the next page,
// that page is shown.
func (r *reader) listed(ids []string) engine.Input {
	in := said(ids...)
	in.Part = r.t.Piecewise || r.q.Part > 0 || len(r.q.Given) > 0
	if r.q.Asks != dialogs.Choices {
		return in
	}
	if st := r.w.step(r.q.Step); st != nil {
		place := func(id string) int {
			return slices.IndexFunc(st.Options, func(o dialogs.Option) bool { return o.ID == id })
		}
		slices.SortStableFunc(in.Values, func(a, b string) int { return place(a) - place(b) })
	}
	if r.heard.Choice != "" && r.t.Form == engine.Text { // a button each: it may be pressed again, and another one ends it
		in.Part, in.Next, in.Toggles = true, r.onShow(), true
		return in
	}
	if r.t.Form == engine.Speech { // one key at a time: the others on the page are asked about again
		in.Next = r.following(in.Values)
		return in
	}
	if len(in.Values) < len(r.q.Options) && (r.t.Piecewise || len(r.q.Options) > perPage(r.t)) {
		pages := r.pages()
		for i := r.page%max(len(pages), 1) + 1; i < len(pages) && in.Next == ""; i++ {
			for _, o := range pages[i].Options {
				if o.Digit != digits[moreDigit] {
					in.Part, in.Next = true, o.ID
					break
				}
			}
		}
	}
	return in
}

// following is the first option that is left, on the page on show or after it; "" when none is.
func (r *reader) following(given []string) string {
	pages := r.pages()
	for i := r.page % max(len(pages), 1); i < len(pages); i++ {
		for _, o := range pages[i].Options {
			if o.ID != "" && !slices.Contains(given, o.ID) {
				return o.ID
			}
		}
	}
	return ""
}

// onShow is the first option of the page on show.
func (r *reader) onShow() string {
	pages := r.pages()
	if shown := pages[r.page%len(pages)].Options; len(shown) > 0 && shown[0].ID != "" {
		return shown[0].ID
	}
	return r.q.Options[0].ID
}

// closes says whether nothing more is wanted: "no", "that is all".
func (r *reader) closes() bool {
	if allOf(r.said, closings) {
		return true
	}
	for _, l := range r.tongues() {
		if yes, ok := l.YesNo(r.raw); ok && !yes || r.said == locales.Fold(l.Phrase(doneKey, locales.Full)) {
			return true
		}
	}
	return false
}

// enough ends choices that were given part by part.
func (r *reader) enough() engine.Input { return engine.Input{Kind: engine.Said, Part: true} }

// shares reads the amounts of a budget: "5 3 2", "buses 5 trees 3 bikes 2", "all on buses".
func (r *reader) shares() engine.Input {
	if r.said == "" {
		return unclear()
	}
	if in, ok := r.command(); ok {
		return in
	}
	if amounts, ok := r.amounts(); ok {
		return r.shared(amounts)
	}
	given := make([]string, len(r.q.Options))
	var labels, numbers []int
	labelFirst, inTurn := false, true
	s := scanner{r: r, rest: r.said, spent: true}
	for s.next() {
		switch {
		case s.all && len(numbers) == 0:
			numbers = append(numbers, r.total())
		case s.all:
			return unclear()
		case s.option >= 0:
			labelFirst = labelFirst || len(numbers) == 0
			labels = append(labels, s.option)
		case s.number >= 0:
			numbers = append(numbers, s.number)
		case s.either:
			return unclear()
		}
		ahead, behind := len(labels), len(numbers)
		if !labelFirst {
			ahead, behind = behind, ahead
		}
		inTurn = inTurn && ahead >= behind && ahead <= behind+1
	}
	if len(labels) > 0 && !inTurn {
		return unclear()
	}
	if s.rest != "" || s.torn || len(labels) == 0 && len(numbers) == 0 || len(labels) != len(numbers) {
		if s.rest == "" && !s.torn && len(labels) == 0 {
			return r.shared(numbers)
		}
		return unclear()
	}
	for i, o := range labels {
		if given[o] != "" {
			return unclear()
		}
		given[o] = strconv.Itoa(numbers[i])
	}
	if r.q.Part > 0 && len(labels) == 1 && labels[0] == r.q.Part-1 {
		in := said(given[labels[0]])
		in.Part = true
		return in
	}
	if r.q.Part > 1 {
		return unclear()
	}
	for i := range given {
		if given[i] == "" {
			given[i] = "0"
		}
	}
	return said(given...)
}

// total is the whole budget, also while it is asked for part by part.
func (r *reader) total() int {
	if st := r.w.step(r.q.Step); st != nil {
		return st.Total
	}
	return r.q.Total
}

// amounts reads a message of nothing but numbers in digits.
func (r *reader) amounts() ([]int, bool) {
	var out []int
	n, digits := 0, 0
	for i, c := range r.said {
		switch {
		case c >= '0' && c <= '9':
			if n, digits = n*10+int(c-'0'), digits+1; digits > 9 {
				return nil, false
			}
			continue
		case c == ' ' || c == ',' || c == '/' || c == ':' || c == '-' && i > 0:
		default:
			return nil, false
		}
		if digits > 0 {
			out = append(out, n)
		}
		n, digits = 0, 0
	}
	if digits > 0 {
		out = append(out, n)
	}
	return out, len(out) > 0
}

// shared is the answer for amounts without labels: one for each option in turn, or for the part that is asked for.
func (r *reader) shared(amounts []int) engine.Input {
	n := len(r.q.Options)
	left := n
	if r.q.Part > 0 {
		left = n - r.q.Part + 1
	}
	whole := len(amounts) == n && n > 0
	if !whole && (r.q.Part == 0 || len(amounts) > left || len(amounts) == 0) {
		return unclear()
	}
	in := engine.Input{Kind: engine.Said, Part: r.q.Part > 0}
	for _, a := range amounts {
		in.Values = append(in.Values, strconv.Itoa(a))
	}
	return in
}
