// Package cost reckons what a dialog asks of whoever answers it: how long a call is on the shortest way through it and on the
// longest. Nothing is estimated: the conversations are held, and what was heard and pressed in them is added up.
package cost

import (
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/talk"
)

// What a call is reckoned with, beside the words at 150 a minute and the silences between them.
const (
	AfterKey  = 500 * time.Millisecond // silence after a key: the handset goes back to the ear
	KeyTime   = time.Second            // to find and press one key
	Recording = 10 * time.Second       // a caller's own words; the same again when they are played back
)

// Card says what one dialog costs in one language. What other channels cost stands beside Call once it is reckoned.
type Card struct {
	Dialog string
	Lang   string
	Call   Span
}

// Span is the two ways through a dialog that take the least and the most.
type Span struct {
	Shortest Walk
	Longest  Walk
	Cut      bool // there were too many ways to try all of them
}

// Walk is one conversation of a caller who was never here, whose language is known, who hears every page whole and makes no
// mistake.
type Walk struct {
	Menu    time.Duration // from the first word of the call until the dialog begins
	Speech  time.Duration // the town's words in the dialog
	Waits   time.Duration // silences, keys and recordings in the dialog
	Turns   int           // of the dialog
	Keys    int           // pressed in the dialog
	Records int           // answers in the caller's own voice
	Asked   []string      // the steps, in order
}

// Whole is how long the dialog takes.
func (w *Walk) Whole() time.Duration { return w.Speech + w.Waits }

// Of makes the cards of a dialog, one a language. town must have the dialog on offer. A dialog that can't be finished by
// telephone has none in that language.
func Of(town *talk.Town, d *dialogs.Dialog) []Card {
	var out []Card
	for _, lang := range d.AllLanguages() {
		s := newSearch(town, d, lang)
		if span, ok := s.span(); ok {
			out = append(out, Card{Dialog: d.ID, Lang: lang, Call: span})
		}
	}
	return out
}
