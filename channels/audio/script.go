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
		if len(l.Gaps(key)) > 0 {
			continue
		}
		out = variants(out, Line{Lang: lang, Key: "@" + key}, l.Phrase(key, locales.Screen), l.Phrase(key, locales.Spoken))
	}
	for _, figure := range "0123456789" {
		out = append(out, Line{Lang: lang, Key: "@figure." + string(figure), Words: string(figure)})
	}
	return out
}

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

// variants adds a text's wordings, those that are there and have nothing to put in.
func variants(out []Line, l Line, shown, spoken string) []Line {
	for i, words := range []string{shown, spoken} {
		if words == "" || i == 1 && words == shown || len(dialogs.Insertions(words)) > 0 {
			continue
		}
		l.Words = words
		out = append(out, l)
	}
	return out
}

// book is a script by the keys of its clips. They are reckoned when somebody first asks.
type book struct {
	lines []Line
	once  sync.Once
	byKey map[string]int // key → index in lines, the first one
}

func (b *book) find(key string, keyOf func(Line) string) (Line, bool) {
	b.once.Do(func() {
		b.byKey = make(map[string]int, len(b.lines))
		for i := range b.lines {
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
