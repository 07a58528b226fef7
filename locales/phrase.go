package locales

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"golang.org/x/text/feature/plural"
)

// Arg is a value for ${Name} in a phrase.
type Arg struct {
	Name   string
	Value  string // what is put in; left empty with Plural, Count is written out
	Count  int
	Plural bool // Count chooses the plural form of the phrase
}

type phrase struct{ full, short, spoken, screen wording }

type wording struct{ forms [pluralForms]template }

func (w *wording) empty() bool { return w.forms[plural.Other].words == "" }

// template is words with gaps. Where there is no gap, parts is nil and words is all there is to say.
type template struct {
	words string
	parts []part
}

type part struct {
	words string
	gap   bool // words is the name of an argument
}

func parseTemplate(words string) (template, error) {
	t := template{words: words}
	if !strings.Contains(words, "${") {
		return t, nil
	}
	for rest := words; rest != ""; {
		open := strings.Index(rest, "${")
		if open < 0 {
			t.parts = append(t.parts, part{words: rest})
			break
		}
		if open > 0 {
			t.parts = append(t.parts, part{words: rest[:open]})
		}
		shut := strings.IndexByte(rest[open:], '}')
		if shut < 0 {
			return t, errors.New("`${` without `}`")
		}
		name := rest[open+2 : open+shut]
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "" {
			return t, fmt.Errorf("`${%s}` is not a name", name)
		}
		t.parts = append(t.parts, part{words: name, gap: true})
		rest = rest[open+shut+1:]
	}
	return t, nil
}

// Has says whether this language itself has the phrase; Phrase falls back to English.
func (l *Language) Has(key string) bool {
	_, ok := l.phrases[strings.TrimPrefix(key, "@")]
	return ok
}

// Keys are the phrases that this language has, in alphabetical order.
func (l *Language) Keys() []string {
	keys := make([]string, 0, len(l.phrases))
	for key := range l.phrases {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// Gaps are the names that a phrase puts in, in the order of its full wording; a name in one form only comes after them.
func (l *Language) Gaps(key string) []string {
	p, ok := l.phrases[strings.TrimPrefix(key, "@")]
	if !ok {
		return nil
	}
	var names []string
	for _, w := range []*wording{&p.full, &p.short, &p.spoken, &p.screen} {
		for _, form := range w.forms {
			for _, piece := range form.parts {
				if piece.gap && !contains(names, piece.words) {
					names = append(names, piece.words)
				}
			}
		}
	}
	return names
}

func contains(list []string, word string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}

// Phrase words the phrase called key; an "@" before it is ignored. Short, Spoken and Screen fall back to Full. A key that this
// language lacks is worded in English; one that English lacks too is "". An argument that is not given leaves its gap
// empty. Values go in as they are: a "${…}" within one is not looked at.
func (l *Language) Phrase(key string, f Form, args ...Arg) string {
	key = strings.TrimPrefix(key, "@")
	p, ok := l.phrases[key]
	if !ok {
		if l.source == nil || l.source == l {
			return ""
		}
		return l.source.Phrase(key, f, args...)
	}
	w := &p.full
	switch {
	case f == Short && !p.short.empty():
		w = &p.short
	case f == Spoken && !p.spoken.empty():
		w = &p.spoken
	case f == Screen && !p.screen.empty():
		w = &p.screen
	}
	form := plural.Other
	for i := range args {
		if args[i].Plural {
			form = pluralOf(l.plurals, args[i].Count)
			break
		}
	}
	t := &w.forms[form]
	if t.words == "" {
		t = &w.forms[plural.Other]
	}
	if t.parts == nil {
		return t.words
	}
	var b strings.Builder
	size := len(t.words)
	for i := range args {
		size += len(args[i].Value)
	}
	b.Grow(size)
	for _, piece := range t.parts {
		if !piece.gap {
			b.WriteString(piece.words)
			continue
		}
		for i := range args {
			if args[i].Name == piece.words {
				if args[i].Plural && args[i].Value == "" {
					b.WriteString(l.FormatNumber(float64(args[i].Count), f))
				} else {
					b.WriteString(args[i].Value)
				}
				break
			}
		}
	}
	return b.String()
}
