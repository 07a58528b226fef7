package talk

import (
	"slices"
	"strings"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// starts says which dialog a message starts, by its word, and what else the message says.
func (x *hearing) starts() (*dialogs.Dialog, string) {
	if x.h.Kind != Words || x.h.Words == "" || len(x.h.Words) > 200 || x.typed() {
		return nil, ""
	}
	said := strings.TrimSpace(x.h.Words)
	first, rest := said, ""
	if i := strings.IndexAny(said, " \n,.:;!"); i > 0 {
		first, rest = said[:i], strings.TrimLeft(said[i:], " \n,.:;!")
	}
	if len(first) > 20 {
		return nil, ""
	}
	first = locales.Fold(first)
	for _, d := range x.t.Dialogs.Current() {
		if !mayBe(d.Start, first) || locales.Fold(d.Start) != first {
			continue
		}
		if x.m.Now != nil && (rest != "" || x.m.Hall == nil && x.answers(first)) { // in the middle of a conversation only the word alone counts
			return nil, ""
		}
		return d, rest
	}
	return nil, ""
}

// mayBe says whether a start word can be what was folded to first, as far as its first letter tells.
func mayBe(start, first string) bool {
	if start == "" || first == "" {
		return false
	}
	c := start[0]
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c == first[0] || c < 'a' || c > 'z'
}

// typed says whether the words were typed into the field of an open question: there they are its answer and nothing else.
func (x *hearing) typed() bool {
	return x.h.Traits.Form == engine.Screen && x.m.Now != nil && x.m.Hall == nil
}

// answers says whether an option of the open question is called just that: then it is an answer, even where a dialog
// starts with that word.
func (x *hearing) answers(word string) bool {
	d := x.now()
	if d == nil {
		return false
	}
	called := func(words string) bool { return locales.Fold(words) == word }
	names := func(key string) bool {
		return slices.ContainsFunc(d.AllLanguages(), func(tag string) bool {
			t, _ := d.Text(tag, key)
			return called(t.Text) || called(t.Short) || slices.ContainsFunc(t.Also, called)
		})
	}
	for _, p := range engine.Show(d, x.m.Now, x.h.Traits.Can, x.h.At) {
		if slices.ContainsFunc(p.Options, func(o engine.Option) bool { return names(o.Key) }) {
			return true
		}
		if p.Asks == dialogs.Place && slices.ContainsFunc(d.Steps[p.Step].Options, func(o dialogs.Option) bool { return names(o.Key) }) { // landmarks are understood where they are not shown
			return true
		}
	}
	return false
}

// more takes what was said in the same message after a start word, as far as it is plainly an answer to the first
// question. A conversation that was only taken up again has another one open, which the message can't have meant.
func (x *hearing) more(rest string) error {
	if rest == "" || !x.new || x.m.Now == nil || x.m.Hall != nil {
		return nil
	}
	d := x.now()
	if d == nil {
		return nil
	}
	if x.m.Now.Step < 0 {
		return nil
	}
	switch d.Steps[x.m.Now.Step].Type {
	case dialogs.Words, dialogs.Place, dialogs.Contact:
		return nil
	}
	in := x.read(d, x.m.Now, rest)
	if in.Kind != engine.Said {
		return nil
	}
	from := x.m.Now.From
	x.said.Pages, x.lead = nil, &from
	return x.step(d, in)
}

// split takes a message apart that may hold the answers to several questions. Each part must plainly answer the question
// that is open by then, and none may fit the question before as well; else nil: never a guess.
func (x *hearing) split(d *dialogs.Dialog, s engine.State) []engine.Input {
	if x.h.Kind != Words || x.h.Choice != "" || len(x.h.Media) > 0 || len(x.h.Words) > 500 || s.Mode != engine.Asking {
		return nil
	}
	sep := "\n;"
	if !strings.ContainsAny(x.h.Words, sep) {
		sep = ","
	}
	parts := strings.FieldsFunc(x.h.Words, func(r rune) bool { return strings.ContainsRune(sep, r) })
	if len(parts) < 2 || len(parts) > 10 {
		return nil
	}
	var out []engine.Input
	for i, p := range parts {
		p = strings.TrimSpace(p)
		if p == "" || s.Mode != engine.Asking || s.Step < 0 {
			return nil
		}
		switch d.Steps[s.Step].Type {
		case dialogs.Words, dialogs.Place, dialogs.Contact, dialogs.Code, dialogs.Consent, dialogs.Review, dialogs.Similar:
			return nil // these deserve a message of their own
		}
		in := x.read(d, &s, p)
		if in.Kind != engine.Said || in.Part {
			return nil
		}
		if i+1 < len(parts) {
			if again := x.read(d, &s, strings.TrimSpace(parts[i+1])); again.Kind != engine.Unclear {
				return nil
			}
		}
		x.fill(&in)
		turn := engine.Step(d, s, in)
		if slices.ContainsFunc(turn.Effects, func(e engine.Effect) bool { return e.Waits }) && i+1 < len(parts) {
			return nil
		}
		if turn.State.Step == s.Step {
			return nil
		}
		s = turn.State
		out = append(out, in)
	}
	return out
}

// several takes the answers that split found, one after the other; only the last turn is shown.
func (x *hearing) several(ins []engine.Input) error {
	for i, in := range ins {
		d := x.now()
		if d == nil {
			return nil
		}
		x.said.Pages = nil
		if err := x.step(d, in); err != nil {
			return err
		}
		if i == 0 && x.m.Now != nil {
			from := x.m.Now.From
			x.lead = &from
		}
	}
	return nil
}
