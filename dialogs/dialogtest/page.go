package dialogtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// Fault says what is wrong with a page of a channel: it is too long, it is empty, a value is missing, a key leads nowhere or
// to two options. "" when nothing is.
func Fault(p *render.Page, t render.Traits) string {
	switch t.Form {
	case engine.Text:
		if fault := written(p, t); fault != "" {
			return fault
		}
	case engine.Speech:
		if len(p.Spoken) == 0 {
			return "nothing is said"
		}
		for _, s := range p.Spoken {
			if strings.Contains(s.Words, "${") || strings.TrimSpace(s.Words) == "" && s.Media == "" {
				return fmt.Sprintf("a value or a wording is missing in %q", s.Words)
			}
		}
	default:
		if len(p.Blocks) == 0 {
			return "it is empty"
		}
		for _, b := range p.Blocks {
			if strings.Contains(b.Words, "${") {
				return fmt.Sprintf("a value is missing in %q", b.Words)
			}
		}
	}
	return keyed(p, t)
}

func written(p *render.Page, t render.Traits) string {
	most, size := t.Limit, 0
	if t.GSM {
		n := render.Count(p.Text)
		if size = n.Units; !n.GSM {
			most = t.Limit16
		}
	} else {
		size = len(utf16.Encode([]rune(p.Text)))
	}
	switch {
	case most > 0 && size > most:
		return fmt.Sprintf("it is %d characters long, and %d fit", size, most)
	case strings.TrimSpace(p.Text) == "":
		return "it is empty"
	case strings.Contains(p.Text, "${"):
		return fmt.Sprintf("a value is missing in %q", p.Text)
	}
	return ""
}

// keyed looks at the keys of a page's options.
func keyed(p *render.Page, t render.Traits) string {
	groups := t.Options
	if groups == 0 {
		groups = 7
	}
	if p.Asks == dialogs.Budget { // amounts are given in order: the options have no digits
		return ""
	}
	if len(p.Options) > groups+1 {
		return fmt.Sprintf("it has %d options", len(p.Options))
	}
	var digits [10]bool
	for i, o := range p.Options {
		n, err := strconv.Atoi(o.Digit)
		switch {
		case err != nil || n < 1 || n > 8:
			return fmt.Sprintf("the option %q has no key but %q", o.ID, o.Digit)
		case digits[n]:
			return fmt.Sprintf("the key %s stands for two options", o.Digit)
		case n != 8 && (o.ID == "" || strings.TrimSpace(o.Label) == ""):
			return fmt.Sprintf("the option with the key %s has no words", o.Digit)
		case p.Asks != dialogs.Similar && slices.ContainsFunc(p.Options[:i], func(b render.Shown) bool { return locales.Fold(b.Label) == locales.Fold(o.Label) }):
			return fmt.Sprintf("two options are called %q", o.Label)
		}
		digits[n] = true
	}
	return ""
}
