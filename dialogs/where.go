package dialogs

import (
	"slices"
	"strings"
)

// written is where the variants of one text stand.
type written struct {
	source *Source
	spots  spots
}

// Spot is a place in a file, and the line that it is in with a caret below, as in a Problem.
type Spot struct {
	Position
	Excerpt string
}

func (s *Source) spot(line, column int) Spot {
	return Spot{Position{s.File, line, column}, excerpt(s.lines[line-1], column)}
}

// Where finds each char of a wording in the file that the author wrote it in: of the text called key in lang, as Text finds
// it, of its short variant where there is one and short is set. Where YAML's own way to write a character hides it, the
// place is the wording's. None for a dialog that wasn't loaded from files.
func (d *Dialog) Where(lang, key string, short bool, char rune) []Spot {
	t, lang := d.Text(lang, key)
	w, ok := d.written[lang][key]
	if !ok {
		return nil
	}
	words, at := t.Text, w.spots.text
	if short && t.Short != "" {
		words, at = t.Short, w.spots.short
	}
	n := strings.Count(words, string(char))
	if n == 0 || at.Line < 1 || at.Line > len(w.source.lines) {
		return nil
	}
	var out []Spot
	first := indent(w.source.lines[at.Line-1])
	for line := at.Line; line <= len(w.source.lines) && len(out) < n; line++ {
		if text := w.source.lines[line-1]; line > at.Line && strings.TrimSpace(text) != "" && indent(text) <= first {
			break // the wording is over
		}
		column := 0
		for _, r := range w.source.lines[line-1] {
			if column++; r == char && (line > at.Line || column >= at.Column) && len(out) < n {
				out = append(out, w.source.spot(line, column))
			}
		}
	}
	if len(out) < n {
		return []Spot{w.source.spot(at.Line, max(at.Column, 1))}
	}
	return out
}

// indent is the column of the key in a line, behind the dashes of a list.
func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " -")) }

// locate notes where each text of d is written, in each language.
func (l *loader) locate(d *Dialog, f *draft, plan []laid, front int) {
	d.written = map[string]map[string]written{}
	put := func(lang, key string, from *draft, name string) {
		s, ok := from.spots[name]
		if _, had := d.written[lang][key]; had || !ok || s.text.Line == 0 {
			return
		}
		if d.written[lang] == nil {
			d.written[lang] = map[string]written{}
		}
		d.written[lang][key] = written{from.Source, s}
	}
	translated := func(id, key, name string) { // the dialog's own file goes before those of the parts and lists
		for lang, t := range l.translations[id] {
			if i, ok := t.at[name]; ok && !t.list[i].text.IsZero() {
				put(lang, key, t.draft, name)
			}
		}
	}
	for _, key := range []string{"title", "decides"} {
		put(d.Language, key, f, key)
		translated(d.ID, key, key)
	}
	for i, p := range plan {
		d.eachText(front+i, func(key string, _ *Text) {
			name := strings.TrimPrefix(key, p.prefix)
			translated(d.ID, key, key)
			if list := l.listOf(p); list != nil && d.foreign[key] == list.key() {
				s := &d.Steps[front+i]
				at := slices.IndexFunc(s.Options, func(o Option) bool { return o.Key == key })
				if list.d.Language == d.Language {
					put(d.Language, key, list.draft, s.Options[at].ID)
				}
				translated(list.key(), key, s.Options[at].ID)
				return
			}
			put(d.Language, key, p.from, name)
			if p.prefix != "" {
				translated(p.from.d.ID, key, name)
			}
		})
	}
}
