package locales

import (
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// This file is all that knows of golang.org/x/text/feature/plural, whose API may change. Its rules are CLDR 32: they
// have one and other for es and fr (newer ones add many, for whole millions), all six for ar, other alone for zh.

const pluralForms = int(plural.Many) + 1

// pluralOf says which form a language takes for a whole number of things.
func pluralOf(tag language.Tag, count int) plural.Form {
	if count < 0 {
		count = -count
	}
	return plural.Cardinal.MatchPlural(tag, count%10_000_000, 0, 0, 0, 0)
}

func pluralForm(name string) (plural.Form, bool) {
	switch name {
	case "other":
		return plural.Other, true
	case "zero":
		return plural.Zero, true
	case "one":
		return plural.One, true
	case "two":
		return plural.Two, true
	case "few":
		return plural.Few, true
	case "many":
		return plural.Many, true
	}
	return 0, false
}
