package exchange

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/render"
)

// mind is what somebody means to tell the town.
type mind struct {
	dialog string   // to choose on the menu
	picks  []string // ids of options
	number string
	place  string
	words  []string // pieces of their own words: all but the last as long as an input can be
}

func newMind(rng *rand.Rand, n int) mind {
	pick := func(ids ...string) string { return ids[rng.IntN(len(ids))] }
	m := mind{
		dialog: pick("survey", "open-vote", "number-vote", "hidden-vote", "secret-vote", "report", "report"),
		picks:  []string{pick("trees", "seats", "unsure"), pick("sunday", "monday", "no_opinion"), pick("light", "hole", "other"), "yes", "ok"},
		number: fmt.Sprint(rng.IntN(32)), place: fmt.Sprint(n, " Long Lane"),
	}
	for range rng.IntN(3) {
		m.words = append(m.words, sentence(rng, 100))
	}
	if rng.IntN(2) == 0 || len(m.words) == 0 {
		m.words = append(m.words, sentence(rng, 20))
	}
	return m
}

// sentence is of n letters or a few more.
func sentence(rng *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		for range 2 + rng.IntN(8) {
			b.WriteByte("abcdefghijklmnopqrstuvwxyz"[rng.IntN(26)])
		}
	}
	return b.String()
}

// answers what is on a page; all says that one message can hold everything.
func (m *mind) answers(p *render.Page, all bool) string {
	digit := func(id string) string {
		for _, o := range p.Options {
			if o.ID == id {
				return o.Digit
			}
		}
		return ""
	}
	for _, id := range append([]string{"on", m.dialog}, m.picks...) {
		if d := digit(id); d != "" {
			return d
		}
	}
	if p.Number < p.Of || slices.ContainsFunc(p.Options, func(o render.Shown) bool { return o.ID == "" }) {
		return "8"
	}
	switch p.Asks {
	case dialogs.Number:
		return m.number
	case dialogs.Place:
		return m.place
	case dialogs.Words:
		return m.writes(p, all)
	}
	return ""
}

func (m *mind) writes(p *render.Page, all bool) string {
	left := m.words
	if p.Options != nil { // "We have: …"
		_, tail, _ := strings.Cut(p.Text, "We have: ")
		tail, _, _ = strings.Cut(tail, "\n")
		tail = strings.TrimPrefix(tail, "...")
		for i := range left {
			if strings.HasSuffix(strings.Join(left[:len(left)-i], " "), tail) {
				left = left[len(left)-i:]
				break
			}
		}
	}
	switch {
	case len(left) == 0:
		return "1"
	case all:
		return strings.Join(left, " ")
	}
	return left[0]
}
