package dialogs

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/townline/townline/locales"
)

// manyOptions is how many options can be heard or read on a small screen with patience: one full group of seven and
// the one behind it.
const manyOptions = 8

// asked checks the options of one question as a resident would have to tell them apart.
func (c *checker) asked(s *draftStep) {
	if len(s.Options) == 0 {
		return
	}
	asking := s.Type != Scale
	seen := map[string]bool{}
	for i := range s.Options {
		o := &s.Options[i]
		if seen[o.ID] {
			continue // a repeated key was noted
		}
		seen[o.ID] = true
		key := s.ID + "." + o.ID
		c.answerable(c.f, key, o.Text)
		if asking {
			c.label(c.f.spots[key].text, o.Text.Text)
		}
	}
	if len(s.Options) > manyOptions && asking {
		c.field(s, "options", "many-options", fmt.Sprintf("%d options are a lot to hear or to read on a small screen", len(s.Options)), "group them, or ask in the resident's own words", true)
	}
	for i := 0; i+1 < len(s.Options) && s.Rotate; i++ {
		if s.Options[i].Last && !s.Options[i+1].Last {
			c.field(s, "options", "last-option", fmt.Sprintf("%q stays last when the options rotate, but others stand below it", s.Options[i].ID), "put it at the bottom, or write `last: false` in it", true)
			break
		}
	}
	ids := make([]string, len(s.Options))
	for i := range s.Options {
		ids[i] = s.Options[i].ID
	}
	alike(s.ID, ids, c.f, true, func(i int) (Text, Position) {
		return s.Options[i].Text, c.f.spots[s.ID+"."+s.Options[i].ID].text
	})
	for _, lang := range sorted(c.d.files) {
		t := c.d.files[lang]
		for _, id := range ids {
			if i, ok := t.at[s.ID+"."+id]; ok {
				c.answerable(t.draft, s.ID+"."+id, t.list[i].text)
			}
		}
		alike(s.ID, ids, t.draft, true, func(i int) (Text, Position) {
			if j, ok := t.at[s.ID+"."+s.Options[i].ID]; ok {
				return t.list[j].text, t.list[j].pos
			}
			return Text{}, Position{}
		})
	}
}

// label advises on a number as an option's words.
func (c *checker) label(at Position, words string) {
	if label := locales.Fold(words); label != "" && digits(strings.ReplaceAll(label, " ", "")) {
		c.f.Advise(at.Line, at.Column, "number-label", fmt.Sprintf("the option %q is only a number: a reply of %s could also mean the digit to press", words, label), "say what the number counts, for example \"3 days\"")
	}
}

// alike notes options of one question, or places of one list, that reading could not tell apart: the same words, or,
// where typos are forgiven, one typo between them.
func alike(of string, ids []string, f *draft, typos bool, option func(int) (Text, Position)) {
	type label struct {
		words  string
		option int
	}
	var labels []label
	for i := range ids {
		t, _ := option(i)
		own := map[string]bool{}
		for _, w := range append([]string{t.Text, t.Short}, t.Also...) {
			if folded := locales.Fold(w); folded != "" && !own[folded] {
				own[folded] = true
				labels = append(labels, label{folded, i})
			}
		}
	}
	noted := map[[2]int]bool{}
	first := map[string]int{}
	for _, b := range labels {
		a, ok := first[b.words]
		if !ok {
			first[b.words] = b.option
			continue
		}
		if pair := [2]int{a, b.option}; !noted[pair] {
			noted[pair] = true
			_, at := option(b.option)
			f.Add(at.Line, at.Column, "same-options", fmt.Sprintf("the options %q and %q of %q read the same: %q", ids[a], ids[b.option], of, b.words), "word them differently, synonyms (`also`) included")
		}
	}
	if !typos || len(labels) > mostCompared {
		return
	}
	for i, a := range labels {
		for _, b := range labels[i+1:] {
			pair := [2]int{a.option, b.option}
			if a.option == b.option || noted[pair] || !oneTypo(a.words, b.words) || differInNumber(a.words, b.words) {
				continue
			}
			noted[pair] = true
			_, at := option(b.option)
			f.Advise(at.Line, at.Column, "similar-options", fmt.Sprintf("the options %q and %q of %q are one letter apart: a typo could choose the wrong one", ids[a.option], ids[b.option], of), "word them so that they differ more")
		}
	}
}

// mostCompared is how many labels of one question are compared letter by letter, each with each.
const mostCompared = 200

// oneTypo says whether two labels of four letters or more differ by one letter: another one, one too many, or two
// neighbours swapped.
func oneTypo(a, b string) bool {
	if utf8.RuneCountInString(a) < 4 || utf8.RuneCountInString(b) < 4 {
		return false
	}
	if n := len(a) - len(b); a == b || n > utf8.UTFMax || n < -utf8.UTFMax {
		return false
	}
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if x != y {
			break
		}
		a, b = a[n:], b[m:]
	}
	return utf8.RuneCountInString(a) <= mostLetters && utf8.RuneCountInString(b) <= mostLetters && typos(a, b) == 1
}

// mostLetters bounds the work on one pair of labels.
const mostLetters = 100

// differInNumber says whether two labels hold different digits ("route 12", "route 13"): reading never takes one
// number for another.
func differInNumber(a, b string) bool {
	number := func(w string) string {
		return strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, w)
	}
	return number(a) != number(b)
}
