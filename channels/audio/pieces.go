package audio

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/locales"
)

// Where a text holds what is known only when it is said ("Thank you. Your number is ${reference}."), a person can record what
// stands around it, and the numbers, days and months that are put in. When all that a sentence needs is recorded, it is put
// together of these; when one piece is missing, one voice says the whole sentence: never two in one.

// gap stands for an insertion in a frame.
const gap = "\x01"

// Frames are the texts that calls say with something put in, each insertion marked; the words around them are among Pieces.
func Frames(phrases *locales.Catalogue, languages []string, set []*dialogs.Dialog) []Line {
	var out []Line
	for _, lang := range languages {
		l := phrases.Language(lang)
		if !strings.HasPrefix(lang, l.Tag) {
			continue
		}
		for _, key := range l.Keys() {
			gaps := l.Gaps(key)
			if len(gaps) == 0 || strings.HasPrefix(key, "screen.") || printed(key) {
				continue
			}
			filled := make([]locales.Arg, len(gaps))
			for i, name := range gaps {
				filled[i] = locales.Arg{Name: name, Value: gap}
			}
			if words := l.Phrase(key, locales.Spoken, filled...); strings.Contains(words, gap) {
				out = append(out, Line{Lang: lang, Key: "@" + key, Words: words})
			}
		}
	}
	for _, d := range set {
		for _, lang := range d.AllLanguages() {
			if !slices.Contains(languages, lang) {
				continue
			}
			for _, key := range d.Keys() {
				t, found := d.Text(lang, key)
				words := t.Speech
				if words == "" {
					words = t.Text
				}
				names := dialogs.Insertions(words)
				if found != lang || len(names) == 0 {
					continue
				}
				for _, name := range names {
					words = strings.ReplaceAll(words, "${"+name+"}", gap)
				}
				out = append(out, Line{Lang: lang, Dialog: d.ID, Key: key, Words: words})
			}
		}
	}
	return out
}

// Pieces are the lines to record for sentences that are put together: what stands around the insertions of frames, and the
// words of numbers and dates in each of the languages that has a grammar for them.
func Pieces(phrases *locales.Catalogue, languages []string, frames []Line) []Line {
	var out []Line
	seen := map[[2]string]bool{}
	add := func(l Line) {
		if of := [2]string{l.Lang, l.Words}; l.Words != "" && !seen[of] {
			seen[of] = true
			l.Use = InPieces
			out = append(out, l)
		}
	}
	for _, lang := range languages {
		l := phrases.Language(lang)
		if !strings.HasPrefix(lang, l.Tag) {
			continue
		}
		if g := grammarOf(lang); g != nil {
			for _, word := range g.words {
				add(Line{Lang: lang, Key: "@number." + word, Words: word})
			}
			for m := time.January; m <= time.December; m++ {
				add(Line{Lang: lang, Key: "@month." + strconv.Itoa(int(m)), Words: l.Month(m)})
			}
			for i, word := range dayWords(l) {
				add(Line{Lang: lang, Key: "@day." + strconv.Itoa(i+1), Words: word})
			}
		}
	}
	for _, f := range frames {
		for i, words := range strings.Split(f.Words, gap) {
			words = strings.TrimFunc(words, unspoken)
			add(Line{Lang: f.Lang, Dialog: f.Dialog, Key: f.Key + ".part." + strconv.Itoa(i+1), Words: words})
		}
	}
	return out
}

// dayWords are the words of spoken dates beside numbers and months: the days of the week, and what joins them.
func dayWords(l *locales.Language) []string {
	var out []string
	for i := range 14 { // a Monday first, in May
		day := time.Date(2027, 5, 3+i, 0, 0, 0, 0, time.UTC)
		words := strings.ReplaceAll(l.FormatDate(day, locales.Spoken), l.Month(day.Month()), " ")
		for _, w := range strings.FieldsFunc(words, func(r rune) bool { return unspoken(r) || unicode.IsDigit(r) }) {
			if !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	if first := firstDay(l); first != "" {
		out = append(out, first)
	}
	return out
}

// firstDay is how the first of a month is written where that isn't a number: 1er.
func firstDay(l *locales.Language) string {
	day := time.Date(2027, 5, 1, 0, 0, 0, 0, time.UTC)
	for _, w := range strings.FieldsFunc(l.FormatDate(day, locales.Spoken), unspoken) {
		if strings.HasPrefix(w, "1") && w != "1" && strings.ContainsFunc(w, unicode.IsLetter) && !strings.ContainsFunc(w, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			return w
		}
	}
	return ""
}

// unspoken says whether r is no part of a word.
func unspoken(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '\'' && r != '’'
}

// grammar says a number in pieces, in the words that a person records for it. A figure stands for its name.
type grammar struct {
	words []string // all pieces, in the order to record them
	say   func(n int) []string
}

func grammarOf(lang string) *grammar {
	base, _, _ := strings.Cut(strings.ToLower(lang), "-")
	switch base {
	case "en":
		return &grammar{append(figuresTo(20, 30, 40, 50, 60, 70, 80, 90, 100, 200, 300, 400, 500, 600, 700, 800, 900), "thousand", "million"), english}
	case "es":
		return &grammar{append(figuresTo(29, 30, 40, 50, 60, 70, 80, 90, 100, 200, 300, 400, 500, 600, 700, 800, 900), "y", "un", "veintiún", "ciento", "mil", "millón", "millones"), spanish}
	case "fr":
		return &grammar{append(figuresTo(19, 20, 30, 40, 50, 60, 80), "et", "cent", "mille", "million", "millions"), french}
	case "zh":
		return &grammar{append(figuresTo(10), "两", "百", "千", "万", "零"), chinese}
	}
	return nil
}

// figuresTo are 0 to last, and more.
func figuresTo(last int, more ...int) []string {
	var out []string
	for n := range last + 1 {
		out = append(out, strconv.Itoa(n))
	}
	for _, n := range more {
		out = append(out, strconv.Itoa(n))
	}
	return out
}

const mostNumber = 999_999_999

func english(n int) []string {
	switch {
	case n <= 20, n < 100 && n%10 == 0, n < 1000 && n%100 == 0:
		return []string{strconv.Itoa(n)}
	case n < 100:
		return []string{strconv.Itoa(n / 10 * 10), strconv.Itoa(n % 10)}
	case n < 1000:
		return append(english(n/100*100), english(n%100)...)
	case n < 1_000_000:
		return scaled(english, n, 1000, "thousand")
	}
	return scaled(english, n, 1_000_000, "million")
}

// scaled says how many thousands or millions, and the rest.
func scaled(say func(int) []string, n, scale int, name string) []string {
	out := append(say(n/scale), name)
	if rest := n % scale; rest > 0 {
		out = append(out, say(rest)...)
	}
	return out
}

func spanish(n int) []string {
	switch {
	case n <= 29, n < 100 && n%10 == 0, n < 1000 && n%100 == 0:
		return []string{strconv.Itoa(n)}
	case n < 100:
		return []string{strconv.Itoa(n / 10 * 10), "y", strconv.Itoa(n % 10)}
	case n < 200:
		return append([]string{"ciento"}, spanish(n-100)...)
	case n < 1000:
		return append(spanish(n/100*100), spanish(n%100)...)
	case n < 2000:
		if n == 1000 {
			return []string{"mil"}
		}
		return append([]string{"mil"}, spanish(n-1000)...)
	case n < 1_000_000:
		return spanishScaled(n, 1000, "mil")
	case n < 2_000_000:
		return spanishScaled(n, 1_000_000, "millón")
	}
	return spanishScaled(n, 1_000_000, "millones")
}

// spanishBefore is a number before mil or millones: its one is un, not uno.
func spanishBefore(n int) []string {
	out := spanish(n)
	switch last := len(out) - 1; out[last] {
	case "1":
		out[last] = "un"
	case "21":
		out[last] = "veintiún"
	}
	return out
}

// spanishScaled is how many thousands or millions, shortened, and the rest, which ends as it does by itself.
func spanishScaled(n, scale int, name string) []string {
	out := append(spanishBefore(n/scale), name)
	if rest := n % scale; rest > 0 {
		out = append(out, spanish(rest)...)
	}
	return out
}

func french(n int) []string {
	switch {
	case n <= 20, n < 70 && n%10 == 0, n == 80:
		return []string{strconv.Itoa(n)}
	case n < 70:
		return frenchTen(n/10*10, n%10)
	case n < 80:
		return frenchTen(60, n-60)
	case n < 100:
		return []string{"80", strconv.Itoa(n - 80)}
	case n < 1000:
		out := []string{"cent"}
		if n >= 200 {
			out = []string{strconv.Itoa(n / 100), "cent"}
		}
		if n%100 > 0 {
			out = append(out, french(n%100)...)
		}
		return out
	case n == 1000:
		return []string{"mille"}
	case n < 2000:
		return append([]string{"mille"}, french(n-1000)...)
	case n < 1_000_000:
		return scaled(french, n, 1000, "mille")
	case n < 2_000_000:
		return scaled(french, n, 1_000_000, "million")
	}
	return scaled(french, n, 1_000_000, "millions")
}

// frenchTen is 21 or 71 with "et", 22 or 72 without.
func frenchTen(ten, rest int) []string {
	if rest == 1 || rest == 11 {
		return []string{strconv.Itoa(ten), "et", strconv.Itoa(rest)}
	}
	return []string{strconv.Itoa(ten), strconv.Itoa(rest)}
}

func chinese(n int) []string {
	switch {
	case n <= 10:
		return []string{strconv.Itoa(n)}
	case n < 20:
		return []string{"10", strconv.Itoa(n - 10)}
	}
	var out []string
	if n >= 10_000 {
		head := chinese(n / 10_000)
		if n/10_000 == 2 {
			head = []string{"两"}
		}
		out = append(head, "万")
		if n %= 10_000; n == 0 {
			return out
		} else if n < 1000 {
			out = append(out, "零")
		}
	}
	zero := false
	for _, place := range []struct {
		worth int
		name  string
	}{{1000, "千"}, {100, "百"}, {10, "10"}, {1, ""}} {
		digit := n / place.worth % 10
		switch {
		case digit == 0:
			zero = len(out) > 0 && n%place.worth > 0 && out[len(out)-1] != "零"
			continue
		case zero:
			out = append(out, "零")
			zero = false
		}
		if digit == 2 && place.worth >= 100 {
			out = append(out, "两")
		} else {
			out = append(out, strconv.Itoa(digit))
		}
		if place.name != "" {
			out = append(out, place.name)
		}
	}
	return out
}
