package dialogs

import (
	"fmt"
	"strings"

	"github.com/townline/townline/locales"
)

// signsOff are words that, alone in a text message, stop every further one to that number: before the town hears of it, or
// without it hearing of it at all. Twilio: stop to arrett; AWS: remove, td; US carriers of short codes in Spanish: alto; Spain's
// code of conduct for text message services (BOE of 27 July 2009): baja. Folded, and without spaces.
var signsOff = []string{"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "arret", "arrete", "arrett", "remove", "td", "alto", "baja"}

// answeredByOthers are words that reach the town, but that a phone company, or who sends for the town, acts on or answers as
// well. CTIA Short Code Monitoring Handbook, Twilio; in Spanish and in French for short codes.
var answeredByOthers = []string{"start", "yes", "unstop", "help", "info", "ayuda", "aide"}

// bareWord is a wording as a phone company compares it: they look at messages that are one of their words and nothing else.
func bareWord(words string) string { return strings.ReplaceAll(locales.Fold(words), " ", "") }

// answerable checks the words of one option, in one language, as a text message that holds nothing else.
func (c *checker) answerable(f *draft, key string, t Text) {
	s := f.spots[key]
	c.alone(f, s.text, t.Text, false)
	if t.Short != "" {
		c.alone(f, s.short, t.Short, false)
	}
	for i, w := range t.Also {
		if i < len(s.also) {
			c.alone(f, s.also[i], w, true)
		}
	}
}

// alone checks one wording of an option. also: it is one that residents are not shown.
func (c *checker) alone(f *draft, at Position, words string, also bool) {
	switch word := bareWord(words); {
	case word == "":
	case contains(signsOff, word):
		hint := "use other words, or more than this one"
		if also {
			hint = "take it out: whoever sends it wants no more messages"
		}
		f.Add(at.Line, at.Column, "carrier-word", fmt.Sprintf("whoever answers only %q by text is signed off by the phone company: nothing more reaches them", clip(words)), hint)
	case contains(answeredByOthers, word) && also:
		f.Add(at.Line, at.Column, "carrier-word", fmt.Sprintf("a text of only %q is taken by the phone company, as a wish to sign on or for help", clip(words)), "take it out: the option's own words and its digit are enough")
	case contains(answeredByOthers, word):
		f.Advise(at.Line, at.Column, "carrier-word", fmt.Sprintf("whoever answers only %q by text may get an answer from the phone company as well", clip(words)), "use other words, or more than this one; the digit works everywhere")
	default:
		if tag, command := c.command(words); command != "" {
			f.Advise(at.Line, at.Column, "carrier-word", fmt.Sprintf("%q means %s everywhere (in the language %s)", clip(words), command, tag), "use other words, or more than this one")
		}
	}
}

// takenWord says whether a phone company keeps a start word for itself.
func takenWord(word string) bool {
	word = bareWord(word)
	return contains(signsOff, word) || contains(answeredByOthers, word)
}
