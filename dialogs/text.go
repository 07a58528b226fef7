package dialogs

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// maxText is the most characters of one wording: five text messages.
const maxText = 1000

// text reads a wording: one line, or a block of text, short, speech, icon (options: also, last).
func (f *draft) text(n *yaml.Node, key string) Text {
	t, _ := f.wording(n, key, []string{"text", "short", "speech", "icon"})
	return t
}

// wording reads a text that may have the keys allowed; the second result is what `last` said, if anything.
func (f *draft) wording(n *yaml.Node, key string, allowed []string) (Text, string) {
	var t Text
	var s spots
	last := ""
	switch {
	case n.Kind == yaml.ScalarNode:
		t.Text = f.line(n)
		s.text = at(n)
	case n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0:
		f.bad(n, "braces", "wording in `{…}` is read as a block of keys", "put the text in quotes; to insert an answer write ${name}")
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			known := false
			for _, a := range allowed {
				known = known || a == k.Value
			}
			if !known {
				f.unknown(k, allowed, "a text")
				continue
			}
			switch k.Value {
			case "text":
				t.Text, s.text = f.line(v), at(v)
			case "short":
				t.Short, s.short = f.line(v), at(v)
			case "speech":
				t.Speech, s.speech = f.line(v), at(v)
			case "icon":
				if w, ok := f.word(v, "an icon's name"); ok {
					if !name(w) {
						f.bad(v, "bad-id", fmt.Sprintf("%q can't be the name of an icon", clip(w)), "use small letters a–z, digits and _")
					} else if !contains(Icons(), w) {
						message := fmt.Sprintf("there is no pictogram called %q: none is shown", clip(w))
						if near := Nearest(w, Icons()); near != "" {
							message += fmt.Sprintf("; did you mean %q?", near)
						}
						f.Advise(v.Line, v.Column, "unknown-icon", message, "the names are: "+strings.Join(Icons(), ", "))
					}
					t.Icon = w
				}
			case "also":
				for _, a := range f.list(v, 30) {
					if w := f.line(a); w != "" {
						t.Also, s.also = append(t.Also, w), append(s.also, at(a))
					}
				}
			case "last":
				last = strconv.FormatBool(f.yes(v))
			}
		}
		if s.text == (Position{}) {
			f.bad(n, "missing", "this text has no `text`", "write `text:` and the whole wording; short and speech are variants of it")
		}
	default:
		f.bad(n, "wrong-kind", "here must stand one text, not a list", "write one line, or a block with `text:`")
	}
	f.spots[key] = s
	return t, last
}

// line reads one wording and catches the ways in which YAML changes it unseen.
func (f *draft) line(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle != 0:
		f.bad(n, "braces", "wording in `{…}` is read as a block of keys", "put the text in quotes; to insert an answer write ${name}")
		return ""
	case n.Kind != yaml.ScalarNode:
		f.bad(n, "wrong-kind", "here must stand one text", "write it on the line of its key, in quotes if it holds `: ` or ` #`")
		return ""
	}
	cut := false
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		var line, column int
		if line, column, cut = f.cut(n); cut {
			left := "nothing"
			if n.Value != "" {
				left = fmt.Sprintf("only %q", clip(strings.TrimSpace(n.Value)))
			}
			f.Add(line, column, "cut-text", "the text is cut here: residents would get "+left,
				"put the whole text in quotes; if this is a note to yourself, put two spaces before the `#`")
		}
	}
	w := strings.TrimSpace(n.Value)
	if w == "" || w == "~" && n.Style == 0 {
		if !cut {
			f.bad(n, "empty", "the text is missing", "write it after the colon")
		}
		return ""
	}
	if utf8.RuneCountInString(w) > maxText {
		f.bad(n, "too-long", fmt.Sprintf("the text is longer than %d characters", maxText), "shorten it, or make two steps of it")
	}
	if tag := markup(w); tag != "" {
		f.bad(n, "markup", fmt.Sprintf("%q looks like HTML or SSML; residents would read it as it stands", clip(tag)), "write plain sentences")
	}
	return w
}

// cut finds a `#` that ends a plain text early: one space before it. A comment has two.
func (f *draft) cut(n *yaml.Node) (line, column int, ok bool) {
	const widest = 8000 // a longer line is not looked at beyond that
	if n.Column > widest {
		return 0, 0, false
	}
	for l := n.Line; l <= len(f.lines) && l < n.Line+20; l++ {
		text := f.lines[l-1]
		text = text[:min(len(text), widest)]
		from := 0
		if l == n.Line {
			for i := 1; i < n.Column && from < len(text); i++ {
				_, size := utf8.DecodeRuneInString(text[from:])
				from += size
			}
		} else if !continues(text, n, f.lines[n.Line-1]) {
			return 0, 0, false
		}
		i := strings.Index(text[from:], " #")
		switch {
		case from < len(text) && text[from] == '#' && n.Value == "":
			i = from
		case i < 0:
			continue
		default:
			i += from + 1
		}
		if strings.HasSuffix(text[:i], "  ") || strings.TrimSpace(text[:i]) == "" {
			return 0, 0, false
		}
		return l, 1 + utf8.RuneCountInString(text[:i]), true
	}
	return 0, 0, false
}

// continues says whether a line may belong to the plain text that began at n: it is indented further than n's key, and
// it holds no key of its own.
func continues(line string, n *yaml.Node, first string) bool {
	trimmed := strings.TrimLeft(line, " ")
	indent := len(line) - len(trimmed)
	return trimmed != "" && indent > len(first)-len(strings.TrimLeft(first, " ")) && !strings.HasPrefix(trimmed, "- ") &&
		strings.Contains(n.Value, strings.Fields(trimmed)[0])
}

// markup returns what looks like a tag: "<" and a letter or "/", up to ">".
func markup(text string) string {
	for i := strings.IndexByte(text, '<'); i >= 0 && i+1 < len(text); {
		c := text[i+1] | 0x20
		if end := strings.IndexByte(text[i:], '>'); end > 0 && (c >= 'a' && c <= 'z' || text[i+1] == '/') {
			return text[i : i+end+1]
		}
		next := strings.IndexByte(text[i+1:], '<')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return ""
}

func (f *draft) retries(n *yaml.Node, id string) []Text {
	if n.Kind != yaml.SequenceNode {
		return []Text{f.text(n, id+".retry.1")}
	}
	if len(n.Content) > 3 {
		f.bad(n.Content[3], "too-many", "a fourth retry is never said: a person is offered before", "keep at most three")
	}
	var all []Text
	for i, r := range n.Content {
		if i < 3 {
			all = append(all, f.text(r, id+".retry."+strconv.Itoa(i+1)))
		}
	}
	return all
}

// maxOptions is the most options that a question may have.
const maxOptions = 60

func (f *draft) options(n *yaml.Node, id string) []Option {
	if n.Kind != yaml.MappingNode || n.Style&yaml.FlowStyle != 0 {
		f.bad(n, "wrong-kind", "`options` is a block: each option has a short name and a wording", "write each on a line of its own, for example `buses: More frequent buses`")
		return nil
	}
	var all []Option
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if len(all) == maxOptions {
			f.bad(k, "too-many", fmt.Sprintf("there are more than %d options", maxOptions), "ask in two questions, or in the resident's own words")
			break
		}
		o := Option{ID: strings.TrimSpace(k.Value)}
		if !name(o.ID) {
			f.bad(k, "bad-id", fmt.Sprintf("%q can't be the name of an option", clip(o.ID)), "use small letters a–z, digits and _, beginning with a letter; residents never see it")
		} else if optionReserved(o.ID) {
			f.bad(k, "reserved-id", fmt.Sprintf("%q has a meaning of its own in dialogs", o.ID), "give the option another name")
		}
		var last string
		o.Text, last = f.wording(v, id+"."+o.ID, []string{"text", "short", "speech", "icon", "also", "last"})
		o.Last = last == "true" || last == "" && staysLast(o.ID)
		all = append(all, o)
	}
	if len(all) < 2 {
		f.bad(n, "too-few", "a question needs two options or more", "add one, or ask with `yesno`")
	}
	return all
}

// optionReserved says whether texts of the step itself are called that.
func optionReserved(id string) bool {
	return id == "retry" || id == "why" || id == "closed" || id == "refuse"
}

// staysLast says whether an option called id stays last when options rotate.
func staysLast(id string) bool {
	for _, w := range []string{"other", "unsure", "none", "dont_know", "no_opinion", "prefer_not_to_say", "abstain", "blank"} {
		if rest, ok := strings.CutPrefix(id, w); ok && (rest == "" || rest[0] == '_' || rest[0] == '-') {
			return true
		}
	}
	return false
}

// labels reads the labels of a scale; complete gives them their numbers.
func (f *draft) labels(n *yaml.Node, id string) []Option {
	var all []Option
	for i, l := range f.list(n, 60) {
		o := Option{}
		o.Text, _ = f.wording(l, id+".#"+strconv.Itoa(i), []string{"text", "short", "speech", "icon", "also"})
		all = append(all, o)
	}
	if n.Kind == yaml.SequenceNode && (len(all) < 2 || len(all) > 7) {
		f.bad(n, "scale-labels", fmt.Sprintf("a scale has 2 to 7 labels; this one has %d", len(all)), "five are usual: two on each side of a middle")
	}
	return all
}

// insertions calls yield for each `${name}` in text, with the name and where it begins and ends (in bytes); an opened
// one that is never closed ends at -1.
func insertions(text string, yield func(name string, from, to int)) {
	for i := 0; ; {
		at := strings.Index(text[i:], "${")
		if at < 0 {
			return
		}
		at += i
		end := strings.IndexByte(text[at:], '}')
		if end < 0 {
			yield(text[at+2:], at, -1)
			return
		}
		yield(text[at+2:at+end], at, at+end+1)
		i = at + end + 1
	}
}

// Insertions are the names in `${…}` of a wording, in order, each once.
func Insertions(text string) []string {
	var names []string
	insertions(text, func(name string, _, to int) {
		if to < 0 {
			return
		}
		for _, n := range names {
			if n == name {
				return
			}
		}
		names = append(names, name)
	})
	return names
}

// variants calls yield for each wording of t that is there.
func (t *Text) variants(yield func(*string)) {
	for _, v := range []*string{&t.Text, &t.Short, &t.Speech} {
		if *v != "" {
			yield(v)
		}
	}
}

// IsZero says whether there is no wording at all.
func (t Text) IsZero() bool { return t.Text == "" && t.Short == "" && t.Speech == "" }
