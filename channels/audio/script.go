package audio

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/locales"
)

// Script is everything that can be known beforehand to be said in languages: the town's own phrases, the ten figures, and
// the texts of all dialogs, as they stand on a screen and as they are spoken. Texts with insertions are not in it: what they
// say is known only when they are on show. The order is that of reading: phrases, then dialog after dialog, a language at a
// time. The same words of one text stand in it once.
func Script(phrases *locales.Catalogue, languages []string, set []*dialogs.Dialog) []Line {
	var out []Line
	for _, lang := range languages {
		if l := phrases.Language(lang); !strings.HasPrefix(lang, l.Tag) { // a language that only a dialog has
			continue
		}
		out = phraseLines(out, phrases.Language(lang), lang)
	}
	for _, d := range set {
		for _, lang := range d.AllLanguages() {
			if !slices.Contains(languages, lang) {
				continue
			}
			out = dialogLines(out, d, lang)
		}
	}
	return out
}

// Spelled are lines for what is on the keys of a screen: the name of each letter. Signs have theirs among the phrases.
func Spelled(lang string, keys []string) []Line {
	var out []Line
	for _, key := range keys {
		key = tidy(key)
		l := Line{Lang: lang, Key: "@key." + key, Words: key}
		if letter, _ := utf8.DecodeRuneInString(key); unicode.IsLetter(letter) && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

func phraseLines(out []Line, l *locales.Language, lang string) []Line {
	for _, key := range l.Keys() {
		if len(l.Gaps(key)) > 0 || printed(key) {
			continue
		}
		out = variants(out, Line{Lang: lang, Key: "@" + key}, l.Phrase(key, locales.Screen), l.Phrase(key, locales.Spoken))
	}
	for _, figure := range "0123456789" {
		out = append(out, Line{Lang: lang, Key: "@figure." + string(figure), Words: string(figure), Use: OnPages | OnCalls})
	}
	return out
}

// printed says whether a phrase stands on printed cards alone: nobody says it.
func printed(key string) bool { return strings.HasPrefix(key, "card.") }

func dialogLines(out []Line, d *dialogs.Dialog, lang string) []Line {
	for _, key := range d.Keys() {
		t, found := d.Text(lang, key)
		if found != lang {
			continue // said in the language that it was found in
		}
		out = variants(out, Line{Lang: lang, Dialog: d.ID, Key: key}, t.Text, t.Speech)
	}
	return out
}

// variants adds a text's wordings, those that are there and have nothing to put in: what is shown is read aloud on pages,
// what is spoken on calls, where there is no other wording for them the same.
func variants(out []Line, l Line, shown, spoken string) []Line {
	switch {
	case strings.HasPrefix(l.Key, "@screen."):
		out = variant(out, l, shown, OnPages)
	case spoken == "" || spoken == shown:
		out = variant(out, l, shown, OnPages|OnCalls)
	default:
		out = variant(variant(out, l, shown, OnPages), l, spoken, OnCalls)
	}
	return out
}

func variant(out []Line, l Line, words string, use Use) []Line {
	if words == "" || len(dialogs.Insertions(words)) > 0 {
		return out
	}
	l.Words, l.Use = words, use
	return append(out, l)
}

// book is a script by the keys of its clips on pages. They are reckoned when somebody first asks.
type book struct {
	lines []Line
	once  sync.Once
	byKey map[string]int // key → index in lines, the first one

	spoken sync.Once
	said   map[string]bool // hash of words that calls say
}

// says says whether calls say these words, as authors wrote them.
func (b *book) says(lang, words string) bool {
	b.spoken.Do(func() {
		b.said = map[string]bool{}
		for i := range b.lines {
			if l := &b.lines[i]; l.Use&OnCalls != 0 {
				b.said[saidHash(l.Lang, l.Words)] = true
			}
		}
	})
	return b.said[saidHash(lang, words)]
}

func (b *book) find(key string, keyOf func(Line) string) (Line, bool) {
	b.once.Do(func() {
		b.byKey = make(map[string]int, len(b.lines))
		for i := range b.lines {
			if use := b.lines[i].Use; use != 0 && use&OnPages == 0 {
				continue
			}
			k := keyOf(b.lines[i])
			if _, ok := b.byKey[k]; !ok {
				b.byKey[k] = i
			}
		}
	})
	if i, ok := b.byKey[key]; ok {
		return b.lines[i], true
	}
	return Line{}, false
}
