package render

import (
	"strings"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// Silences after what is said, in milliseconds. A key press takes the telephone from the ear and back, so the first words
// after one may be missed; options come slowly enough to be weighed one by one.
const (
	pauseSentence = 400
	pauseQuestion = 700
	pauseOption   = 500
	pauseAgain    = 600
)

// speech lays out what a caller hears: statements, the question, each option before its key, a few at a time.
func (w *Words) speech(s *sheet, q *engine.Prompt, t Traits) []Page {
	groups := spread(s.options, t)
	pages := make([]Page, len(groups))
	for i, g := range groups {
		p := &pages[i]
		if i == 0 {
			for _, l := range s.lead {
				p.Spoken = w.utter(p.Spoken, l, pauseSentence)
			}
			p.Spoken = w.utter(p.Spoken, s.question, pauseQuestion)
			for _, l := range s.items {
				p.Spoken = w.utter(p.Spoken, l, pauseSentence)
			}
			p.Spoken = w.utter(p.Spoken, s.how, pauseSentence)
		}
		p.Spoken = w.listed(p.Spoken, s, g)
		p.Options = shownOf(g)
		if i+1 < len(groups) {
			p.Spoken = append(p.Spoken, Spoken{Key: "@speech.more", Words: w.phrase("@speech.more", locales.Spoken), Pause: pauseOption})
		}
		if len(groups) > 1 {
			p.Options = append(p.Options, w.moreShown(t))
		}
		if i+1 == len(groups) && s.asks != "" {
			p.Spoken = w.utter(p.Spoken, s.skip, pauseSentence)
			key := "@speech.keys"
			if ownDigits(s.asks, nil) {
				key = "@speech.star"
			}
			p.Spoken = append(p.Spoken, Spoken{Key: key, Words: w.phrase(key, locales.Spoken)})
		}
		p.Listen = w.listen(q, t)
	}
	return pages
}

// listed says the options of a page.
func (w *Words) listed(out []Spoken, s *sheet, options []choice) []Spoken {
	for i := range options {
		o := &options[i].shown
		if s.asks == dialogs.Budget {
			out = append(out, Spoken{Words: o.Label, Pause: pauseOption})
			continue
		}
		words := w.phrase("@speech.option", locales.Spoken, locales.Arg{Name: "option", Value: o.Label}, locales.Arg{Name: "digit", Value: o.Digit})
		out = append(out, Spoken{Words: words, Pause: pauseOption})
	}
	return out
}

// utter says a line. A reference number is said a second time, because callers write it down.
func (w *Words) utter(out []Spoken, l line, pause int) []Spoken {
	if l.words == "" {
		return out
	}
	out = append(out, Spoken{Key: l.key, Words: l.words, Pause: pause})
	if l.again != "" {
		again := strings.TrimSpace(w.phrase("@speech.again", locales.Spoken) + " " + l.again)
		out = append(out, Spoken{Words: again, Pause: pauseAgain})
	}
	return out
}

// ownDigits says whether digits belong to the answer, so that the keys for help, back and more are not commands.
func ownDigits(asks engine.Asks, q *engine.Prompt) bool {
	switch asks {
	case dialogs.Number, dialogs.Date, dialogs.Budget, dialogs.Contact, dialogs.Code, dialogs.Place, dialogs.Words:
		return true
	case dialogs.Status:
		return q == nil || len(q.Options) == 0
	}
	return false
}
