package kiosk_test

import (
	"fmt"
	"slices"
	"strings"
)

// answer is what a resident does on a page that it fits: one with its heading, if it has one, and with one of its cards.
type answer struct {
	heading string            // a part of it; "": any
	cards   []string          // the first of these that is on the page is chosen; with many, all of them
	many    bool              // tick all of cards
	fields  map[string]string // what is typed, by a part of the field's label; "*": the only field
	do      string            // "" next
}

// plan is a whole visit: for each page the first answer that fits it.
type plan []answer

// deed is an answer on one page: which cards, what goes in which field, which button.
type deed struct {
	digits []string
	typed  map[int]string // by the field's place on the page
	do     string
}

// on finds what to do on a page.
func (p plan) on(s *sheet) (deed, error) {
	for _, a := range p {
		if a.heading != "" && !strings.Contains(s.heading, a.heading) {
			continue
		}
		d := deed{do: a.do}
		for _, words := range a.cards {
			if g := s.digit(words); g != "" && (a.many || len(d.digits) == 0) {
				d.digits = append(d.digits, g)
			}
		}
		if len(a.cards) > 0 && len(d.digits) == 0 {
			continue
		}
		fits := true
		for words, value := range a.fields {
			i := slices.IndexFunc(s.fields, func(f field) bool { return words == "*" || strings.Contains(f.words, words) || f.name == words })
			if fits = fits && i >= 0; fits {
				if d.typed == nil {
					d.typed = map[int]string{}
				}
				d.typed[i] = value
			}
		}
		if !fits || a.do != "" && !s.has(a.do) {
			continue
		}
		if d.do == "" {
			d.do = "next"
		}
		return d, nil
	}
	return deed{}, fmt.Errorf("nobody knows what to do at %q: %.300s", s.heading, s.words)
}

// mainStreet is the sample consultation, answered as its own test does, with nothing said in one's own words.
var mainStreet = plan{
	{do: "begin"},
	{cards: []string{"Main Street plan"}},
	{cards: []string{"I live here"}},
	{cards: []string{"More frequent buses"}},
	{cards: []string{"Places to sit", "Safer crossings", "Better lighting"}},
	{heading: "10 coins", fields: map[string]string{"Buses": "5", "Trees": "3", "Bike lane": "2"}},
	{heading: "Tell us anything else", do: "skip"},
	{heading: "Please check your answers"},
	{heading: "May the city keep", cards: []string{"Yes"}},
}

// mainStreetRecord is what it leaves.
const mainStreetRecord = "tie=live\x1ffirst=buses\x1forder=seats,crossings,lights\x1fcoins=5,3,2\x1fagree=yes"
