package dialogs

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// entries are one translation file, as it stands.
type entries struct {
	*draft          // notes problems and reads texts
	dialog   string // or the list of places
	lang     string
	list     []entry
	at       map[string]int // key → index into list
	unused   []entry        // kept for a step that was renamed or may come back
	textsAt  Position
	dialogAt Position
}

// entry is one translated text.
type entry struct {
	key    string
	source string // the wording it was translated from; when `was` is there, today's
	was    string // the wording it was translated from, where that is no longer today's
	text   Text
	pos    Position
}

// from is the wording that was translated.
func (e *entry) from() string {
	if e.was != "" {
		return e.was
	}
	return e.source
}

// readTranslation reads <id>.<lang>.yaml, or <list>.places.<lang>.yaml with of "list"; nil when there is nothing to read
// on with.
func readTranslation(s *Source, of string) *entries {
	top := s.Parse()
	if top == nil {
		return nil
	}
	f := &entries{draft: &draft{Source: s, d: &Dialog{File: s.File}, spots: map[string]spots{}}, at: map[string]int{}}
	if top.Kind != yaml.MappingNode {
		f.bad(top, "no-dialog", "this is no translation", fmt.Sprintf("begin with `%s:` and the %[1]s's name, then `language:` and `texts:`", of))
		return nil
	}
	found := map[string]bool{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, n := top.Content[i], top.Content[i+1]
		found[key.Value] = true
		switch key.Value {
		case of:
			f.dialog, _ = f.word(n, "a "+of+"'s name")
			f.dialogAt = at(n)
		case "language":
			f.lang = f.language(n)
		case "texts":
			f.textsAt = at(key)
			f.list = f.entries(n)
			for i := range f.list {
				f.at[f.list[i].key] = i
			}
		case "unused":
			f.unused = f.entries(n)
		default:
			f.unknown(key, []string{of, "language", "texts", "unused"}, "a translation")
		}
	}
	for _, key := range []string{of, "language", "texts"} {
		if !found[key] {
			f.bad(top, "missing", fmt.Sprintf("this translation has no `%s`", key), "a translation has `"+of+":`, `language:` and `texts:`")
		}
	}
	return f
}

func (f *entries) entries(n *yaml.Node) []entry {
	if n.Kind == yaml.ScalarNode && n.Value == "" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		f.bad(n, "wrong-kind", "`texts` is a block", "write the step's id, and below it `source:` and `text:`")
		return nil
	}
	var list []entry
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		e := entry{key: key.Value, pos: at(key)}
		if v.Kind != yaml.MappingNode {
			f.bad(v, "wrong-kind", "a translation is a block", "write `source:` with the wording that was translated, and `text:` with the translation")
			continue
		}
		// `text:` with nothing behind it is a text still to be translated.
		words := &yaml.Node{Kind: yaml.MappingNode, Line: v.Line, Column: v.Column, Style: v.Style}
		empty, sourced := true, false
		for j := 0; j+1 < len(v.Content); j += 2 {
			k, w := v.Content[j], v.Content[j+1]
			switch k.Value {
			case "source":
				e.source, sourced = f.line(w), true
			case "was":
				e.was = f.line(w)
			case "text", "short", "speech":
				if w.Kind == yaml.ScalarNode && strings.TrimSpace(w.Value) == "" && w.LineComment == "" {
					continue
				}
				empty = empty && k.Value != "text"
				words.Content = append(words.Content, k, w)
			case "also":
				words.Content = append(words.Content, k, w)
			default:
				f.unknown(k, []string{"source", "was", "text", "short", "speech", "also"}, "a translated text")
			}
		}
		if !sourced {
			f.bad(key, "missing", fmt.Sprintf("the translation of %q has no `source`", clip(e.key)), "write `source:` and the wording that was translated, so that a later change is noticed")
		}
		if !empty {
			e.text, _ = f.wording(words, e.key, []string{"text", "short", "speech", "also"})
		}
		list = append(list, e)
	}
	return list
}

// check compares the file with the dialog as it stands. listed: the dialog wants to be published in this language.
func (f *entries) check(d *Dialog, listed bool) {
	own := func(key string) bool { return d.foreign[key] == "" }
	var missing, explain []string
	for _, key := range d.keys {
		if !own(key) {
			continue
		}
		if i, ok := f.at[key]; ok && f.list[i].text.Text != "" {
			continue
		}
		if found := f.inherited(d, key); found {
			continue
		}
		if strings.HasSuffix(key, ".why") {
			explain = append(explain, key)
		} else {
			missing = append(missing, key)
		}
	}
	if listed {
		if len(missing) > 0 {
			f.Add(f.textsAt.Line, f.textsAt.Column, "translation-missing", "not translated yet: "+all(missing), "translate them, or take "+f.lang+" out of `languages`")
		}
		if len(explain) > 0 {
			f.Advise(f.textsAt.Line, f.textsAt.Column, "translation-missing", "residents who ask why read this in "+d.Language+": "+all(explain), "translate these too")
		}
	}
	for i := range f.list {
		if f.full {
			return
		}
		e := &f.list[i]
		source, ok := d.texts[e.key]
		if !ok {
			hint := "delete it, or move it below `unused:` to keep it"
			if near := Nearest(e.key, d.keys); near != "" {
				hint = fmt.Sprintf("did you mean %q? Otherwise %s", near, hint)
			}
			message := fmt.Sprintf("the dialog has no text %q", clip(e.key))
			if strings.HasSuffix(d.ID, placesSuffix) {
				message = fmt.Sprintf("the list has no place %q", clip(e.key))
			}
			f.Advise(e.pos.Line, e.pos.Column, "translation-extra", message, hint)
			continue
		}
		if e.text.Text == "" {
			continue
		}
		if e.source != "" && e.from() != source.Text {
			f.note(e.pos.Line, e.pos.Column, "translation-stale", fmt.Sprintf("%q was translated from an older wording; today it reads %q", e.key, clip(source.Text)),
				"translate it again, then copy today's wording to `source:` and delete `was:`", !listed)
		}
		f.kept(d, e, &source)
	}
}

// inherited says whether a wider language of the same dialog (es for es-MX) has the text.
func (f *entries) inherited(d *Dialog, key string) bool {
	for l := parent(f.lang); l != ""; l = parent(l) {
		if o := d.files[l]; o != nil {
			if i, ok := o.at[key]; ok && o.list[i].text.Text != "" {
				return true
			}
		}
	}
	return false
}

// kept refuses insertions that were lost or made up in translation.
func (f *entries) kept(d *Dialog, e *entry, source *Text) {
	want := Insertions(source.Text)
	got := Insertions(e.text.Text)
	for _, w := range want {
		if !contains(got, w) {
			f.Add(e.pos.Line, e.pos.Column, "translation-lost", fmt.Sprintf("${%s} was lost in the translation of %q", w, e.key), "put ${"+w+"} where it belongs in the sentence")
		}
	}
	e.text.variants(func(v *string) {
		for _, g := range Insertions(*v) {
			if !contains(d.inserted[e.key], g) && !contains(want, g) {
				f.Add(e.pos.Line, e.pos.Column, "translation-extra", fmt.Sprintf("${%s} is not in the wording that was translated", clip(g)), "names in ${…} are not translated: leave them as they are")
			}
		}
	})
}

func contains(words []string, w string) bool {
	for _, x := range words {
		if x == w {
			return true
		}
	}
	return false
}

// translate attaches what is fresh of f to d, with prefix before the keys.
func (f *entries) translate(d *Dialog, prefix string, rename func(string) string) {
	into := d.Translations[f.lang]
	if into == nil {
		into = map[string]Text{}
	}
	for i := range f.list {
		e := &f.list[i]
		key := prefix + e.key
		source, ok := d.texts[key]
		if !ok || e.text.Text == "" {
			continue
		}
		t := e.text
		t.variants(func(v *string) { *v = rename(*v) })
		if rename(e.from()) != source.Text {
			continue
		}
		if _, ok := into[key]; ok {
			continue // the dialog's own file goes before that of the part
		}
		t.Icon = source.Icon
		into[key] = t
	}
	if len(into) > 0 {
		d.Translations[f.lang] = into
	}
}

// Extract is the translation file of d for lang in the dialog's order: what is translated stays, what is new has an
// empty text, what is stale shows both wordings (`source:` today's, `was:` the one translated), and what the dialog no
// longer has is kept below `unused:`. Comments in the old file are not kept.
func Extract(d *Dialog, lang string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "dialog: %s\nlanguage: %s\ntexts:\n", d.ID, lang)
	old := d.files[lang]
	used := map[string]bool{}
	for _, key := range d.keys {
		e := entry{key: key}
		if old != nil {
			if i, ok := old.at[key]; ok {
				e = old.list[i]
				used[key] = true
			}
		}
		if d.foreign[key] != "" && !used[key] {
			continue // translated beside the part it comes from
		}
		today := d.texts[key].Text
		e.was = ""
		if used[key] && e.text.Text != "" && old.list[old.at[key]].from() != today {
			e.was = old.list[old.at[key]].from()
		}
		e.source = today
		e.write(&b)
	}
	var unused []entry
	if old != nil {
		for _, e := range old.list {
			if !used[e.key] {
				unused = append(unused, e)
			}
		}
		unused = append(unused, old.unused...)
	}
	if len(unused) > 0 {
		b.WriteString("unused:\n")
		for _, e := range unused {
			e.write(&b)
		}
	}
	return b.Bytes()
}

func (e *entry) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "  %s:\n    source: %s\n", quoted(e.key), quoted(e.source))
	if e.was != "" {
		fmt.Fprintf(b, "    was: %s\n", quoted(e.was))
	}
	if e.text.Text == "" {
		b.WriteString("    text:\n")
	} else {
		fmt.Fprintf(b, "    text: %s\n", quoted(e.text.Text))
	}
	if e.text.Short != "" {
		fmt.Fprintf(b, "    short: %s\n", quoted(e.text.Short))
	}
	if e.text.Speech != "" {
		fmt.Fprintf(b, "    speech: %s\n", quoted(e.text.Speech))
	}
	if len(e.text.Also) > 0 {
		b.WriteString("    also:\n")
		for _, a := range e.text.Also {
			fmt.Fprintf(b, "      - %s\n", quoted(a))
		}
	}
}

// quoted is a text as YAML, in quotes only where it needs them.
func quoted(text string) string {
	plain := text != "" && text == strings.TrimSpace(text) && !strings.ContainsAny(text, "\n\t\"\\") &&
		!strings.Contains(text, ": ") && !strings.Contains(text, " #") && !strings.HasSuffix(text, ":") &&
		!strings.ContainsAny(text[:1], "-?:,[]{}#&*!|>'%@`~=<") && text != "null" && !strings.HasPrefix(text, "---")
	if plain {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case forbidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// keyOf is the key of the nth retry of a step.
func retryKey(id string, n int) string { return id + ".retry." + strconv.Itoa(n+1) }
