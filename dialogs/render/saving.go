package render

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// Saving is what one reply would cost less if its author had done without characters that GSM 7-bit lacks. What Thrifty
// replaces by itself costs nothing and isn't among them.
type Saving struct {
	Step                  int
	Lang                  string
	Texts, LeastTexts     int // text messages that it is sent as, and without the characters; 0 where these are as many
	Screens, LeastScreens int // screens of a USSD menu, likewise
	Chars                 []Char
}

// Char is one character in one wording.
type Char struct {
	Rune    rune
	Key     string // of the wording
	Instead string // what to write for it; "" for other words, or nothing
	At      []dialogs.Spot
}

// insteads are plain ways to write some signs, and two letters, that change nothing that is read. They are an author's to
// choose: where it matters, such as in a name, they aren't the same.
var insteads = map[rune]string{
	'œ': "oe", 'Œ': "OE", '→': "->", '←': "<-", '⇒': "=>", '©': "(c)", '®': "(R)", '™': "(TM)", '№': "No.", '²': "2", '³': "3", '°': " degrees",
	'º': "o", 'ª': "a", '≤': "<=", '≥': ">=", '±': "+/-", '÷': "/", '‰': "per 1000", '¢': " cents", '●': "-", '▪': "-", '►': "-",
}

// oddIn are the characters of a text that keep it out of GSM 7-bit, each once, in order. able says whether it could be in it:
// none of them is a letter of another script than the Latin.
func oddIn(text string) (odd []rune, able bool) {
	able = true
	for _, r := range text {
		if septets(r) > 0 || slices.Contains(odd, r) {
			continue
		}
		if _, ok := twins[r]; ok {
			continue
		}
		if unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) && insteads[r] == "" {
			able = false
		}
		odd = append(odd, r)
	}
	return odd, able
}

// without writes a text as long as it would be without characters that GSM 7-bit lacks: a letter becomes some other letter.
func without(text string) string {
	if odd, _ := oddIn(text); odd == nil {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		_, twin := twins[r]
		switch {
		case septets(r) > 0 || twin:
			b.WriteRune(r)
		case insteads[r] != "":
			b.WriteString(insteads[r])
		case unicode.IsLetter(r):
			b.WriteByte('x')
		}
	}
	return b.String()
}

// plainly is d in one language as if none of its wordings had such characters.
func plainly(d *dialogs.Dialog, lang string) *dialogs.Dialog {
	out := *d
	out.Translations = map[string]map[string]dialogs.Text{lang: {}}
	for _, key := range d.Keys() {
		t, _ := d.Text(lang, key)
		t.Text, t.Short = without(t.Text), without(t.Short)
		out.Translations[lang][key] = t
	}
	return &out
}

// saving is what the reply would cost less on the channels that count characters. plain is the dialog done plainly.
func (f *fitting) saving(step int, lang string, plain *dialogs.Dialog, channels []Traits) (s Saving, ok bool) {
	if f.d.Steps[step].Type == dialogs.Review { // as long as the answers are
		return s, false
	}
	s = Saving{Step: step, Lang: lang}
	less := *f.w
	less.Dialog = plain
	for _, t := range channels {
		if !t.GSM {
			continue
		}
		for _, prompts := range f.shows(step, t) {
			if len(prompts) == 0 {
				continue
			}
			before, after := Render(f.w, prompts, t), Render(&less, prompts, t)
			was, least := &s.Texts, &s.LeastTexts
			n, m := paid(before), paid(after)
			if t.Live {
				was, least = &s.Screens, &s.LeastScreens
				n, m = len(before), len(after)
			}
			if n-m <= *was-*least {
				continue
			}
			*was, *least = n, m
			for _, key := range f.keysIn(prompts) {
				if !s.add(f, lang, key, form(t)) {
					return s, false
				}
			}
		}
	}
	return s, len(s.Chars) > 0
}

// add notes the characters of a wording. It is false where the wording can't be in GSM 7-bit.
func (s *Saving) add(f *fitting, lang, key string, fm locales.Form) bool {
	odd, able := oddIn(variant(f.w.text(key), fm))
	for _, r := range odd {
		if !slices.ContainsFunc(s.Chars, func(c Char) bool { return c.Rune == r && c.Key == key }) {
			s.Chars = append(s.Chars, Char{Rune: r, Key: key, Instead: insteads[r], At: f.d.Where(lang, key, fm == locales.Short, r)})
		}
	}
	return able
}

// problem tells the author, at the first of the characters.
func (s *Saving) problem(d *dialogs.Dialog) dialogs.Problem {
	st := &d.Steps[s.Step]
	p := dialogs.Problem{File: d.File, Line: 1, Column: 1, Code: "odd-character", Warning: true}
	if st.Pos.Line > 0 {
		p.File, p.Line, p.Column = st.Pos.File, st.Pos.Line, st.Pos.Column
	}
	if at := s.Chars[0].At; len(at) > 0 {
		p.File, p.Line, p.Column, p.Excerpt = at[0].File, at[0].Line, at[0].Column, at[0].Excerpt
	}
	var names, hints []string
	places := 0
	words := false
	for i, c := range s.Chars {
		hint := fmt.Sprintf("write %q instead of %c", c.Instead, c.Rune)
		switch {
		case c.Instead == "" && unicode.IsLetter(c.Rune):
			words, hint = true, ""
		case c.Instead == "":
			hint = fmt.Sprintf("leave %c out", c.Rune)
		}
		if hint != "" && !slices.Contains(hints, hint) {
			hints = append(hints, hint)
		}
		if places++; places > mostNamed {
			continue
		}
		name := fmt.Sprintf("%c (U+%04X)", c.Rune, c.Rune)
		for j, at := range c.At {
			switch {
			case i == 0 && j == 0 && len(c.At) > 1:
				name += fmt.Sprintf(" here and at %d:%d", c.At[1].Line, c.At[1].Column)
			case i > 0 && j == 0 && at.File == p.File:
				name += fmt.Sprintf(" at %d:%d", at.Line, at.Column)
			case i > 0 && j == 0:
				name += fmt.Sprintf(" at %s:%d:%d", at.File, at.Line, at.Column)
			}
		}
		names = append(names, name)
	}
	if more := places - mostNamed; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	verb := "make"
	if len(names) == 1 {
		verb = "makes"
	}
	var costs []string
	if s.Texts > 0 {
		costs = append(costs, fmt.Sprintf("%s instead of %d", many(s.Texts, "text message", "text messages"), s.LeastTexts))
	}
	if s.Screens > 0 {
		costs = append(costs, fmt.Sprintf("%s of a USSD menu instead of %d", many(s.Screens, "screen", "screens"), s.LeastScreens))
	}
	p.Message = fmt.Sprintf("%s %s %q %s, in %s", listed(names), verb, st.ID, listed(costs), s.Lang)
	if words {
		hints = append(hints, "use other words, or a `short` variant without these letters")
	}
	p.Hint = strings.Join(hints, "; ")
	return p
}

// mostNamed is how many characters one piece of advice names.
const mostNamed = 8

func many(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// listed joins what an author reads.
func listed(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// paid is how many text messages pages are sent as.
func paid(pages []Page) int {
	n := 0
	for i := range pages {
		n += Count(pages[i].Text).Segments
	}
	return n
}

// keysIn are the dialog's own wordings that prompts show, in order.
func (f *fitting) keysIn(prompts []engine.Prompt) []string {
	var out []string
	add := func(key string) {
		if key != "" && !strings.HasPrefix(key, "@") && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	answered := func(step int, a *engine.Answer) {
		if a == nil || step < 0 || step >= len(f.d.Steps) {
			return
		}
		st := &f.d.Steps[step]
		for i := range st.Options {
			if o := &st.Options[i]; slices.Contains(a.Values, o.ID) || st.Type == dialogs.Budget {
				add(optionKey(st, o))
			}
		}
	}
	for i := range prompts {
		p := &prompts[i]
		add(p.Key)
		for _, name := range f.d.Insertions(p.Key) {
			if name == "title" {
				add(name)
			}
		}
		for j := range p.Args {
			switch a := &p.Args[j]; a.Kind {
			case engine.ArgKey:
				add(a.Value)
			case engine.ArgAnswer:
				answered(a.Step, a.Answer)
			}
		}
		for j := range p.Items {
			add(p.Items[j].Key)
			answered(p.Items[j].Step, p.Items[j].Answer)
		}
		for j := range p.Options {
			if p.Options[j].Words == "" {
				add(p.Options[j].Key)
			}
		}
	}
	return out
}
