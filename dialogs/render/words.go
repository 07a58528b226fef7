package render

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// Words is what it takes to word prompts and to understand answers: the dialog, the resident's language, the town. It is
// read only, and made anew for each turn.
type Words struct {
	Dialog    *dialogs.Dialog // nil between dialogs (the menu)
	Lang      *locales.Language
	Tag       string // of the dialog's wording, where Lang stands in for a language that locales lacks; "": Lang's own
	Catalogue *locales.Catalogue
	Languages []string  // the town's: command words and yes or no are understood in all of them
	Town      string    // ${town}
	Country   string    // calling code for numbers given without one: "1", "34"; "" refuses them
	Emergency string    // whom to call in danger: ${number} of the phrase "emergency"
	Texting   string    // the town's number for text messages; "": it isn't told
	Today     time.Time // midnight UTC of the resident's day
}

func (w *Words) tag() string {
	if w.Tag != "" {
		return w.Tag
	}
	return w.Lang.Tag
}

// text is a wording of the dialog in the resident's language.
func (w *Words) text(key string) dialogs.Text {
	if w.Dialog == nil {
		return dialogs.Text{}
	}
	t, _ := w.Dialog.Text(w.tag(), key)
	return t
}

func (w *Words) step(i int) *dialogs.Step {
	if w.Dialog == nil || i < 0 || i >= len(w.Dialog.Steps) {
		return nil
	}
	return &w.Dialog.Steps[i]
}

// form is the variant of a wording that suits a channel.
func form(t Traits) locales.Form {
	switch {
	case t.Form == engine.Speech:
		return locales.Spoken
	case t.Short:
		return locales.Short
	case t.Form == engine.Screen:
		return locales.Screen
	}
	return locales.Full
}

func variant(t dialogs.Text, f locales.Form) string {
	switch {
	case f == locales.Spoken && t.Speech != "":
		return t.Speech
	case f == locales.Short && t.Short != "":
		return t.Short
	}
	return t.Text
}

// say gives the words of a key, of the dialog or with "@" of locales, with its insertions filled in. The second result is
// a reference number that was put in, in its spoken form, to be said again.
func (w *Words) say(key string, args []engine.Arg, f locales.Form) (words, again string) {
	if !strings.HasPrefix(key, "@") {
		return w.fill(variant(w.text(key), f), args, f)
	}
	filled := make([]locales.Arg, 0, len(args)+2)
	for i := range args {
		a := &args[i]
		v := w.value(a, f)
		if (a.Kind == engine.ArgReference || a.Kind == engine.ArgCode) && f == locales.Spoken {
			again = v
		}
		filled = append(filled, counted(a, v))
	}
	filled = append(filled, locales.Arg{Name: "town", Value: w.Town}, locales.Arg{Name: "number", Value: w.Emergency})
	return w.Lang.Phrase(key, f, filled...), again
}

func counted(a *engine.Arg, v string) locales.Arg {
	out := locales.Arg{Name: a.Name, Value: v}
	if a.Kind == engine.ArgNumber {
		if n, err := strconv.Atoi(a.Value); err == nil {
			out.Count, out.Plural = n, true
		}
	}
	return out
}

// phrase is a phrase of locales whose insertions are words already.
func (w *Words) phrase(key string, f locales.Form, args ...locales.Arg) string {
	return w.Lang.Phrase(key, f, args...)
}

// fill puts values into ${name}. What is put in is never looked at again, so that a resident's own words can't insert.
func (w *Words) fill(text string, args []engine.Arg, f locales.Form) (words, again string) {
	if !strings.Contains(text, "${") {
		return text, ""
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			b.WriteString("${" + rest)
			break
		}
		v, spelled := w.insertion(name, args, f)
		b.WriteString(v)
		if spelled {
			again = v
		}
		text = after
	}
	return b.String(), again
}

func (w *Words) insertion(name string, args []engine.Arg, f locales.Form) (v string, spelled bool) {
	for i := range args {
		if args[i].Name == name {
			return w.value(&args[i], f), args[i].Kind == engine.ArgReference && f == locales.Spoken
		}
	}
	switch name {
	case "town":
		return w.Town, false
	case "title":
		return variant(w.text("title"), f), false
	}
	return "", false
}

// value words one argument in the resident's language and the channel's way.
func (w *Words) value(a *engine.Arg, f locales.Form) string {
	switch a.Kind {
	case engine.ArgDate:
		return w.day(a.Value, f)
	case engine.ArgNumber:
		return w.number(a.Value, f)
	case engine.ArgReference, engine.ArgCode:
		if f == locales.Spoken {
			return w.Lang.Spell(a.Value)
		}
		return w.figures(a.Value, f)
	case engine.ArgAnswer:
		return w.answer(a.Step, a.Answer, f)
	case engine.ArgPhrase:
		return w.phrase(a.Value, f)
	case engine.ArgKey:
		words, _ := w.fill(variant(w.text(a.Value), f), nil, f)
		return words
	case engine.ArgLanguage:
		return w.tonguesBut(a.Value, f)
	case engine.ArgKeyed:
		return w.Lang.Spell(w.keyed(a.Value))
	case engine.ArgMedia:
		return ""
	}
	return plain(a.Value)
}

// keyed puts digits in groups of three to be said, as callers write them down. A phone number of the country's own comes
// without the country, as it was keyed in, and doesn't end in a group of one.
func (w *Words) keyed(v string) string {
	digits, phone := strings.CutPrefix(v, "+")
	if phone && w.Country != "" {
		digits = strings.TrimPrefix(digits, w.Country)
	}
	if !numeric(digits) || len(digits) < 5 {
		return digits
	}
	var b strings.Builder
	for left := len(digits); left > 0; {
		n := min(3, left)
		if phone && left == 4 {
			n = 4
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(digits[len(digits)-left:][:n])
		left -= n
	}
	return b.String()
}

// tongue is a language's own name, or its tag where locales lacks it.
func (w *Words) tongue(tag string) string {
	if w.Catalogue != nil && w.Catalogue.Has(tag) {
		return w.Catalogue.Language(tag).Name
	}
	return tag
}

// tonguesBut lists the own names of one or more languages, parted by spaces, without the one that is spoken now. They
// are there to be typed: in a text message "Francais" is as good as "Français", where that makes the list GSM 7-bit.
func (w *Words) tonguesBut(tags string, f locales.Form) string {
	fields := strings.Fields(tags)
	var names, bare []string
	for _, tag := range fields {
		if tag == w.tag() && len(fields) > 1 {
			continue
		}
		name := w.tongue(tag)
		names = append(names, name)
		if folded := locales.Fold(name); !Count(name).GSM && folded != "" {
			name = strings.ToUpper(folded[:1]) + folded[1:]
		}
		bare = append(bare, name)
	}
	if list := strings.Join(bare, ", "); f == locales.Short && Count(list).GSM {
		return list
	}
	return strings.Join(names, ", ")
}

func (w *Words) day(iso string, f locales.Form) string {
	d, err := time.Parse(time.DateOnly, iso)
	if err != nil {
		return plain(iso)
	}
	return w.Lang.FormatDate(d, f)
}

func (w *Words) number(v string, f locales.Form) string {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil {
		return plain(v)
	}
	return w.Lang.FormatNumber(n, f)
}

// readBack is how much of a resident's own words is read back: enough to know them again.
func readBack(f locales.Form) int {
	switch f {
	case locales.Short:
		return 60
	case locales.Spoken:
		return 100
	}
	return 240
}

// answer words an answer shortly.
func (w *Words) answer(step int, a *engine.Answer, f locales.Form) string {
	st := w.step(step)
	if a == nil || st == nil || a.Skip != engine.Answered {
		return w.phrase("@unanswered", f)
	}
	if a.Veiled {
		return w.phrase(engine.PhraseVeiled, f)
	}
	one := ""
	if len(a.Values) > 0 {
		one = a.Values[0]
	}
	switch st.Type {
	case dialogs.Choice, dialogs.Scale:
		return w.label(st, one, f)
	case dialogs.Choices:
		if len(a.Values) == 0 {
			return w.phrase("@none", f)
		}
		labels := make([]string, len(a.Values))
		for i, id := range a.Values {
			labels[i] = w.label(st, id, f)
		}
		return w.Lang.List(labels)
	case dialogs.Rank:
		lines := make([]string, len(a.Values))
		for i, id := range a.Values {
			lines[i] = w.phrase("@rank.line", f, locales.Arg{Name: "place", Value: w.Lang.FormatNumber(float64(i+1), f)}, locales.Arg{Name: "option", Value: w.label(st, id, f)})
		}
		return strings.Join(lines, ", ")
	case dialogs.Budget:
		lines := make([]string, 0, len(a.Values))
		for i, amount := range a.Values {
			if i < len(st.Options) {
				lines = append(lines, w.phrase("@sum.line", f, locales.Arg{Name: "option", Value: w.label(st, st.Options[i].ID, f)}, locales.Arg{Name: "amount", Value: w.number(amount, f)}))
			}
		}
		return strings.Join(lines, ", ")
	case dialogs.YesNo, dialogs.Consent:
		return w.phrase("@"+one, f)
	case dialogs.Number:
		return w.number(one, f)
	case dialogs.Date:
		return w.day(one, f)
	case dialogs.Photo:
		return w.phrase("@photo", f)
	case dialogs.Similar:
		if one == "none" {
			return w.phrase(engine.PhraseNone, f)
		}
		return one
	case dialogs.Place:
		if o := landmarkOf(st, one); o != nil {
			return w.label(st, o.ID, f)
		}
	case dialogs.Contact:
		if f == locales.Spoken && strings.HasPrefix(one, "+") {
			return w.Lang.Spell(w.keyed(one))
		}
		return w.figures(one, f)
	}
	if strings.HasPrefix(one, "geo:") {
		return w.phrase("@place.pin", f)
	}
	if one == "" && len(a.Media) > 0 {
		return w.phrase("@recording", f)
	}
	return shorten(plain(one), readBack(f))
}

// figures keeps the groups of a number in their order on a screen that is read from right to left: after Arabic letters a
// browser shows 482-173-5 as 5-173-482 (Unicode Standard Annex 9, rules W2 and W4), unless the number is isolated.
func (w *Words) figures(v string, f locales.Form) string {
	if f != locales.Screen || !w.Lang.RTL || v == "" {
		return v
	}
	return "\u2066" + v + "\u2069"
}

// label is the wording of a step's option.
func (w *Words) label(st *dialogs.Step, id string, f locales.Form) string {
	for i := range st.Options {
		if o := &st.Options[i]; o.ID == id {
			words, _ := w.fill(variant(w.text(optionKey(st, o)), f), nil, f)
			return words
		}
	}
	return plain(id)
}

func optionKey(st *dialogs.Step, o *dialogs.Option) string {
	if o.Key != "" {
		return o.Key
	}
	return st.ID + "." + o.ID
}

// plain makes a resident's own words safe to show: one line, no control or direction marks.
func plain(s string) string {
	clean := true
	for _, r := range s {
		if unicode.IsControl(r) || invisible(r) {
			clean = false
			break
		}
	}
	if clean {
		return strings.TrimSpace(s)
	}
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r) || invisible(r):
			return -1
		}
		return r
	}, s)), " ")
}

// invisible says whether a character shows nothing and only steers how others are shown. Joiners stay: Arabic, Indic
// scripts and emoji are written with them.
func invisible(r rune) bool {
	switch {
	case r == '\u200b', r == '\ufeff', r == '\u00ad', r == '\u2060':
		return true
	case r == '\u200e', r == '\u200f', r == '\u061c':
		return true
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	}
	return false
}
