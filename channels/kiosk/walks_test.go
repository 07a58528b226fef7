package kiosk_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	walks    = flag.Int("walks", everyWalk, "random visits that TestWalks makes without a browser")
	onlyWalk = flag.Int("walk", -1, "one visit of TestWalks to repeat, with all that happens")
)

// together is how many visitors are on their way at the same time.
const together = 24

// wanderer is somebody who answers the sample consultation at random, and does all that a hand, a line and a browser do to
// a form: twice, late, from an old page, with rubbish, in two windows. What they gave last on each page is what counts.
type wanderer struct {
	*caller
	chance *rand.Rand
	who    int
	given  map[string][]string // what may have been recorded, by step: more than one where two windows answered at once
	part   []string            // of the order, while it isn't whole
	old    []url.Values        // forms of pages that are gone
	tell   func(string, ...any)
}

// steps of the sample consultation by the English heading of their page.
func stepOf(s *sheet) string {
	for heading, step := range map[string]string{
		"What is your link": "tie", "What should the city improve": "first", "What should come first?": "first_other",
		"You have 10 coins": "coins", "Tell us anything else": "ideas", "May the city keep": "agree",
	} {
		if strings.Contains(s.heading, heading) {
			return step
		}
	}
	for _, words := range []string{"Safer crossings", "Places to sit", "Better lighting"} {
		if s.digit(words) != "" {
			return "order"
		}
	}
	if slices.ContainsFunc(s.buttons, func(b press) bool { return strings.HasPrefix(b.value, "change.") }) {
		return "answers"
	}
	if s.digit("Main Street plan") != "" {
		return "menu"
	}
	return ""
}

// optionIDs by what stands on their cards.
var optionIDs = map[string]string{
	"I live here": "live", "I work or study here": "work", "None of these": "none",
	"More frequent buses": "buses", "Trees and shade": "trees", "A protected bike lane": "bikes", "Something else": "other", "I do not know": "unsure",
	"Safer crossings": "crossings", "Places to sit": "seats", "Better lighting": "lights", "Yes": "yes", "No": "no",
}

// deed makes up an answer to the page on show, and what is recorded of it.
func (w *wanderer) deed(step string) (do string, v url.Values, recorded string) {
	s := w.at
	pick := func(not ...string) {
		var l []card
		for _, c := range s.cards {
			if !slices.ContainsFunc(not, func(words string) bool { return strings.Contains(c.words, words) }) {
				l = append(l, c)
			}
		}
		c := l[w.chance.IntN(len(l))]
		v = url.Values{c.name: {c.digit}}
		for words, id := range optionIDs {
			if strings.Contains(c.words, words) {
				recorded = id
			}
		}
	}
	switch step {
	case "tie":
		pick("None of these")
	case "first":
		pick()
	case "order":
		if s.has("skip") && len(s.cards) == 3 && w.chance.IntN(8) == 0 { // not half way: what was ranked before would stand
			return "skip", nil, ""
		}
		pick()
	case "coins":
		shares := [3]int{w.chance.IntN(11)}
		shares[1] = w.chance.IntN(11 - shares[0])
		shares[2] = 10 - shares[0] - shares[1]
		v = url.Values{"v": {strconv.Itoa(shares[0]), strconv.Itoa(shares[1]), strconv.Itoa(shares[2])}}
		recorded = fmt.Sprintf("%d,%d,%d", shares[0], shares[1], shares[2])
	case "first_other":
		recorded = fmt.Sprintf("wish %d of %d", w.chance.IntN(1000), w.who)
		v = url.Values{"t": {recorded}}
	case "ideas": // always said, so that each record can be known again
		recorded = fmt.Sprintf("visitor %d says %d", w.who, w.chance.IntN(1000))
		v = url.Values{"t": {recorded}}
	case "agree", "menu":
		for _, c := range s.cards {
			if strings.Contains(c.words, "Yes") || strings.Contains(c.words, "Main Street plan") {
				v, recorded = url.Values{c.name: {c.digit}}, "yes"
			}
		}
	}
	return "next", v, recorded
}

// live is a whole visit.
func (w *wanderer) live() error {
	for n := range 400 {
		s := w.at
		if over(s) {
			return nil
		}
		step := stepOf(s)
		if step == "" {
			return fmt.Errorf("nobody knows %q: %.300s", s.heading, s.words)
		}
		if w.chance.IntN(3) == 0 && n < 120 {
			if err := w.mischief(step); err != nil {
				return fmt.Errorf("at %q: %w", s.heading, err)
			}
			continue
		}
		do, v, recorded := w.deed(step)
		w.tell("%s: %s %v", step, do, v)
		w.keepOld(do, v)
		if err := w.send(do, v); err != nil {
			return fmt.Errorf("at %q: %w", s.heading, err)
		}
		w.note(s, step, do, recorded)
	}
	return fmt.Errorf("no end, at %q: %.300s", w.at.heading, w.at.words)
}

func (w *wanderer) keepOld(do string, v url.Values) {
	form := url.Values{"do": {do}}
	maps.Copy(form, w.at.hidden)
	maps.Copy(form, v)
	w.old = append(w.old, form)
}

// note keeps in mind what was taken.
func (w *wanderer) note(before *sheet, step, do string, recorded ...string) {
	switch {
	case step == "answers" || step == "menu":
	case step == "order":
		w.order(before, do, recorded)
	case do == "skip":
		delete(w.given, step)
	default:
		w.given[step] = recorded
	}
	if !slices.Contains(w.given["first"], "other") {
		delete(w.given, "first_other")
	}
}

// order is ranked place by place: what was ranked before is not on the page any more, and the last place needs no asking. A
// ranking counts when it is whole; until then the one before it stands.
func (w *wanderer) order(before *sheet, do string, recorded []string) {
	if do == "skip" {
		delete(w.given, "order")
		return
	}
	left := len(before.cards)
	if left == 3 {
		w.part = []string{""}
	}
	var out []string
	for _, begun := range w.part {
		for _, id := range recorded {
			l := strings.Trim(begun+","+id, ",")
			if left == 2 {
				for _, c := range before.cards {
					for words, other := range optionIDs {
						if other != id && strings.Contains(c.words, words) {
							l += "," + other
						}
					}
				}
			}
			out = append(out, l)
		}
	}
	if w.part = out; left == 2 {
		w.given["order"] = out
	}
}

// mischief does something that must change nothing, or no more than it says.
func (w *wanderer) mischief(step string) error {
	before := w.at
	same := func(what string) error {
		if w.at.heading != before.heading {
			return fmt.Errorf("%s led to %q", what, w.at.heading)
		}
		return nil
	}
	switch k := w.chance.IntN(10); k {
	case 0:
		w.tell("%s: looks again", step)
		if err := w.get(w.base); err != nil {
			return err
		}
		return same("looking again")
	case 1: // an old page, sent again with what it held
		if len(w.old) == 0 {
			return nil
		}
		form := w.old[w.chance.IntN(len(w.old))]
		w.tell("%s: an old page: %v", step, form)
		if err := w.post(form); err != nil {
			return err
		}
		return same("an old page")
	case 2: // an old page, answered another way
		if len(w.old) == 0 {
			return nil
		}
		form := maps.Clone(w.old[w.chance.IntN(len(w.old))])
		form["o"], form["t"], form["v"], form["do"] = []string{"2"}, []string{"late words"}, []string{"0", "0", "10"}, []string{"next"}
		w.tell("%s: an old page, answered anew: %v", step, form)
		if err := w.post(form); err != nil {
			return err
		}
		return same("an old page")
	case 3:
		form := url.Values{"do": {[]string{"", "nothing", "less.x", "more.v", "change.", "change.none", "language.xx", "size.9", "theme.", "key.", "rate.x", "7"}[w.chance.IntN(12)]},
			"o": {[]string{"9", "-1", "1 1 1 1", "\x00", strings.Repeat("1", 500), "скажи"}[w.chance.IntN(6)]}, "token": {[]string{"", "0", "../../etc", strings.Repeat("A", 400)}[w.chance.IntN(4)]}}
		w.tell("%s: rubbish: %v", step, form)
		if err := w.post(form); err != nil && w.at.status != 400 {
			return err
		}
		if err := w.get(w.base); err != nil {
			return err
		}
		return same("rubbish")
	case 4:
		do := []string{"size.1", "size.4", "theme.dark", "theme.soft", "rate.7", "sound.on", "sound.off"}[w.chance.IntN(7)]
		_, v, _ := w.deed(step)
		w.tell("%s: %s", step, do)
		if err := w.send(do, v); err != nil {
			return err
		}
		if o := v.Get("o"); o != "" && !slices.ContainsFunc(w.at.cards, func(c card) bool { return c.digit == o && c.chosen }) {
			return fmt.Errorf("%s lost what was chosen", do)
		}
		if words := v.Get("t"); words != "" && !slices.ContainsFunc(w.at.fields, func(f field) bool { return f.value == words }) {
			return fmt.Errorf("%s lost what was typed", do)
		}
		return same(do)
	case 5:
		if step == "menu" || !w.at.has("back") {
			return nil
		}
		w.tell("%s: back", step)
		w.keepOld("back", nil)
		return w.send("back", nil)
	case 6:
		if step == "menu" || !w.at.has("help") {
			return nil
		}
		w.tell("%s: help and back", step)
		w.keepOld("help", nil)
		if err := w.send("help", nil); err != nil {
			return err
		}
		w.keepOld("back", nil)
		if err := w.send("back", nil); err != nil {
			return err
		}
		return same("help and back")
	case 7:
		var changes []string
		for _, b := range w.at.buttons {
			if strings.HasPrefix(b.value, "change.") {
				changes = append(changes, b.value)
			}
		}
		if len(changes) == 0 {
			return nil
		}
		do := changes[w.chance.IntN(len(changes))]
		w.tell("%s: %s", step, do)
		w.keepOld(do, nil)
		return w.send(do, nil)
	case 8: // the same, several times at once: a triple tap, a line that stutters
		do, v, recorded := w.deed(step)
		w.tell("%s: three times at once: %s %v", step, do, v)
		if err := w.atOnce(do, v, v, v); err != nil {
			return err
		}
		w.note(before, step, do, recorded)
	case 9: // two windows answer the same page at once: one of them counts
		do, v, one := w.deed(step)
		do2, v2, two := w.deed(step)
		if do != do2 {
			return nil
		}
		w.tell("%s: two windows: %v and %v", step, v, v2)
		if err := w.atOnce(do, v, v2); err != nil {
			return err
		}
		if one == two {
			w.note(before, step, do, one)
		} else if step == "first" { // whether there is a question about it depends on which one counted
			won := one
			if (stepOf(w.at) == "first_other") == (two == "other") && (one == "other") != (two == "other") {
				won = two
			}
			if one == "other" || two == "other" {
				w.note(before, step, do, won)
			} else {
				w.note(before, step, do, one, two)
			}
		} else {
			w.note(before, step, do, one, two)
		}
	}
	return nil
}

// atOnce sends the same page's form several times at the same time, from windows that share what the browser keeps.
func (w *wanderer) atOnce(do string, values ...url.Values) error {
	w.keepOld(do, values[0])
	var crew sync.WaitGroup
	windows := make([]*caller, len(values))
	errs := make([]error, len(values))
	for i, v := range values {
		c := *w.caller
		c.cookies = maps.Clone(w.cookies)
		windows[i] = &c
		crew.Go(func() { errs[i] = c.send(do, v) })
	}
	crew.Wait()
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("window %d: %w", i, err)
		}
	}
	last := windows[w.chance.IntN(len(windows))]
	w.cookies, w.at = last.cookies, last.at
	return w.get(w.base)
}

// wrong compares a record with what was given.
func (w *wanderer) wrong(record string) string {
	got := map[string]string{}
	for _, part := range strings.Split(record, "\x1f") {
		step, value, _ := strings.Cut(part, "=")
		got[step] = value
	}
	for step, may := range w.given {
		if !slices.Contains(may, got[step]) {
			return fmt.Sprintf("%s is %q and should be one of %q", step, got[step], may)
		}
	}
	for step := range got {
		if _, ok := w.given[step]; !ok {
			return fmt.Sprintf("%s is %q and was not answered", step, got[step])
		}
	}
	return ""
}

// TestWalks: thousands of visits ("make soak": ten thousand), each as clumsy as can be: what is kept is what was given last, once a visitor, and nothing else.
func TestWalks(t *testing.T) {
	h := newHouse(t)
	first, end := 0, *walks
	if *onlyWalk >= 0 {
		first, end = *onlyWalk, *onlyWalk+1
	}
	visitors := make([]*wanderer, end)
	var next, posts atomic.Int64
	next.Store(int64(first))
	var crew sync.WaitGroup
	for range together {
		crew.Go(func() {
			for !t.Failed() {
				n := int(next.Add(1) - 1)
				if n >= end {
					return
				}
				c, err := newVisitor(h.server, []string{"/kiosk", "/web"}[n%2])
				if err != nil {
					t.Error(err)
					return
				}
				w := &wanderer{caller: c, chance: rand.New(rand.NewPCG(7, uint64(n))), who: n, given: map[string][]string{}, tell: func(string, ...any) {}}
				if *onlyWalk >= 0 {
					w.tell = t.Logf
				}
				visitors[n] = w
				if err := w.live(); err != nil {
					t.Errorf("visit %d (go test -run TestWalks -walk %d): %v", n, n, err)
				}
				posts.Add(int64(len(w.old)))
			}
		})
	}
	crew.Wait()
	if t.Failed() {
		return
	}
	records := h.recorded("main-street")
	byWho := map[int][]string{}
	for _, r := range records {
		_, after, _ := strings.Cut(r, "ideas=visitor ")
		who, _, _ := strings.Cut(after, " ")
		n, err := strconv.Atoi(who)
		if err != nil {
			t.Fatalf("whose is %q?", r)
		}
		byWho[n] = append(byWho[n], r)
	}
	for _, w := range visitors[first:] {
		l := byWho[w.who]
		if len(l) != 1 {
			t.Errorf("visit %d left %d records: %q", w.who, len(l), l)
		} else if what := w.wrong(l[0]); what != "" {
			t.Errorf("visit %d (go test -run TestWalks -walk %d): %s", w.who, w.who, what)
		}
	}
	t.Logf("%d visits, %d turns, %d records", end-first, posts.Load(), len(records))
}

// newVisitor comes, and begins.
func newVisitor(server func() http.Handler, base string) (*caller, error) {
	c, err := newCaller(server, base)
	if err != nil {
		return nil, err
	}
	return c, c.send("begin", nil)
}
