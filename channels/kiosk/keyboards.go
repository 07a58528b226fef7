package kiosk

import (
	"strings"
	"unicode/utf8"
)

// The keys on the screen. Letters stand in the order of the alphabet: whoever never typed finds them, and keys of 20 mm fit
// beside one another on an upright screen, where ten in a row would not. Chinese is written by a method that a page can't
// hold; its page has Latin letters and says so.

// layout is one set of keys.
type layout struct {
	name string
	keys []string
	rtl  bool
}

const (
	latin   = "abcdefghijklmnopqrstuvwxyz"
	signs   = "1234567890.,?!-'@:/()"
	capsPad = "-caps" // after a language: its capital letters
	signPad = "signs"
)

// letters are what a language is written with besides Latin letters, or in their place.
var letters = map[string]string{
	"en": latin,
	"es": "abcdefghijklmnñopqrstuvwxyzáéíóúü¿¡",
	"fr": latin + "àâæçéèêëîïôœùûü",
	"so": latin + "'",
	"zh": latin,
	"ar": "ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأإؤئىة",
}

// spelled are the letters of a language; of English where it is not known.
func spelled(lang string) string {
	base, _, _ := strings.Cut(lang, "-")
	if s, ok := letters[base]; ok {
		return s
	}
	return latin
}

// hasCaps says whether a language's letters come in two cases.
func hasCaps(lang string) bool { return strings.ToUpper(spelled(lang)) != spelled(lang) }

// layoutOf is the keys called name, for a page in lang; the letters of lang where there are none of that name.
func layoutOf(name, lang string) layout {
	own, caps := strings.CutSuffix(name, capsPad)
	switch {
	case name == signPad:
		return layout{name: signPad, keys: split(signs)}
	case letters[own] == "" || caps && !hasCaps(own):
		own, caps = lang, false
	}
	keys := spelled(own)
	if caps {
		keys = strings.ToUpper(keys)
		own += capsPad
	}
	return layout{name: own, keys: split(keys), rtl: strings.HasPrefix(own, "ar")}
}

func split(s string) []string {
	keys := make([]string, 0, utf8.RuneCountInString(s))
	for _, r := range s {
		keys = append(keys, string(r))
	}
	return keys
}

// first is the layout that a text begins with: a capital letter first, as in writing by hand.
func first(lang, text string) string {
	if strings.TrimSpace(text) == "" && hasCaps(lang) {
		return lang + capsPad
	}
	return lang
}

// Letters are what is on the keys of a page in lang besides signs and figures: their names can be heard, and are made beforehand.
func Letters(lang string) []string { return split(spelled(lang)) }

// isKey says whether a sign is on a key: no other is spoken by its name alone, or anybody could have all of Unicode made.
func isKey(lang string, sign rune) bool {
	all := spelled(lang) + latin + signs + "+"
	return strings.ContainsRune(all, sign) || strings.ContainsRune(strings.ToUpper(all), sign)
}
