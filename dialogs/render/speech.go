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

// sentenceKeys are the engine's own options that are said as a sentence of their own, with their key in it.
const sentenceKeys = "@speech.to."

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
			if q == nil || !w.recorded(q, t) {
				p.Spoken = w.utter(p.Spoken, s.how, pauseSentence)
			}
		} else if q != nil && q.Asks == dialogs.Choices && len(q.Given) > 0 { // what was chosen so far
			p.Spoken = w.utter(p.Spoken, s.question, pauseQuestion)
		}
		p.Spoken = w.listed(p.Spoken, s, g)
		p.Options = shownOf(g)
		last := i+1 == len(groups)
		if !last {
			p.Spoken = w.further(p.Spoken, groups[i+1:])
		}
		if !last { // after the last, 8 leaves the question out, or ends it, or does nothing
			p.Options = append(p.Options, w.moreShown(t))
		}
		if last && q != nil {
			p.Spoken = w.keysFor(p.Spoken, s, q)
			if q != nil && w.recorded(q, t) { // the tone follows
				p.Spoken = w.utter(p.Spoken, s.how, 0)
			}
		}
		p.Listen = w.listen(q, t)
	}
	return pages
}

// listed says the options of a page, each before its key. What is in another language is said in it, with its key.
func (w *Words) listed(out []Spoken, s *sheet, options []choice) []Spoken {
	for i := range options {
		c := &options[i]
		o := &c.shown
		said, l := Spoken{Pause: pauseOption}, w.Lang
		if c.lang != "" && w.Catalogue != nil && w.Catalogue.Has(c.lang) {
			l, said.Lang = w.Catalogue.Language(c.lang), c.lang
		}
		switch {
		case s.asks == dialogs.Budget:
			said.Words = o.Label
		case c.sentence != "":
			said.Words = c.sentence
		case c.tongue && w.Catalogue != nil && w.Catalogue.Has(o.ID):
			l := w.Catalogue.Language(o.ID)
			said.Words = option(l, "@speech.option", l.Name, o.Digit)
			if o.ID != w.tag() {
				said.Lang = o.ID
			}
		case sentence(o.Label):
			said.Words = option(l, "@speech.sentence", o.Label, o.Digit)
		case !c.ours && bare(l.Tag, o.Label):
			said.Words = option(l, "@speech.bare", o.Label, o.Digit)
		default:
			said.Words = option(l, "@speech.option", o.Label, o.Digit)
		}
		out = append(out, said)
	}
	return out
}

// sentence says whether a label is a whole sentence.
func sentence(label string) bool {
	for _, mark := range [...]string{"?", "!", ".", "？", "！", "。", "؟"} {
		if strings.HasSuffix(label, mark) {
			return true
		}
	}
	return false
}

// bare says whether a label is said before its key as it is: "For" before "From 7 to 12", "I do not know" or "For me" is no
// English.
func bare(lang, label string) bool {
	words := standing[lang]
	if words == nil {
		return false
	}
	first, more, _ := strings.Cut(label, " ")
	first = locales.Fold(first)
	return words[first] && (more != "" || first != "no")
}

// standing are words that no "for" stands before, where a language says one.
var standing = map[string]map[string]bool{
	"en": setOf("for from before after between until at in on by with without to i im it not nobody no does do did is was were has have had needs forgets tell report ask build leave keep neither", "what which where when who how why there"),
	"es": setOf("para de del desde antes despues entre hasta por en a al con sin yo me se lo le no nadie ni es esta fue era hay vivo trabajo cambia llego olvida necesita oye ve falta", "avisar diganos que cual donde cuando quien como"),
	"fr": setOf("pour de du depuis avant apres entre jusqua a au aux en par avec sans je jai jhabite il elle on ne nentend cela cest ca personne oublie entend voit nimporte va vient", "signaler quel quelle ou quand qui comment"),
}

func option(l *locales.Language, key, label, digit string) string {
	return l.Phrase(key, locales.Spoken, locales.Arg{Name: "option", Value: label}, locales.Arg{Name: "digit", Value: digit})
}

// further says that 8 leads to more options: where they are languages, to those who speak them.
func (w *Words) further(out []Spoken, groups [][]choice) []Spoken {
	said := false
	for _, g := range groups {
		for i := range g {
			if tag := g[i].shown.ID; g[i].tongue && w.Catalogue != nil && w.Catalogue.Has(tag) && tag != w.tag() {
				out = append(out, Spoken{Key: "@speech.more", Words: w.Catalogue.Language(tag).Phrase("@speech.more", locales.Spoken), Lang: tag, Pause: pauseOption})
				said = true
			}
		}
	}
	if said {
		return out
	}
	return append(out, w.standard("@speech.more", pauseOption))
}

// keysFor says at the end of a question which keys leave it out, help, and repeat it.
func (w *Words) keysFor(out []Spoken, s *sheet, q *engine.Prompt) []Spoken {
	switch {
	case q.Asks == engine.Pick && (len(s.options) == 0 || s.options[0].sentence != "" || s.question.words == ""):
		return out // short, or nobody's language yet
	case ownDigits(q.Asks, q) && q.Asks != dialogs.Words && q.Asks != dialogs.Place:
		switch {
		case !s.may:
			return append(out, w.standard("@speech.star", 0))
		case q.Old != nil:
			return append(out, w.standard("@speech.star.keep", 0))
		}
		return append(out, w.standard("@speech.star.skip", 0))
	case !s.may || q.Part > 1:
	case q.Asks == dialogs.Choices && len(q.Given) > 0:
		out = append(out, w.standard("@speech.done", pauseSentence))
	case q.Old != nil:
		out = append(out, w.standard("@speech.keep", pauseSentence))
	default:
		out = append(out, w.standard("@speech.skip", pauseSentence))
	}
	return append(out, w.standard("@speech.keys", pauseSentence))
}

func (w *Words) standard(key string, pause int) Spoken {
	return Spoken{Key: key, Words: w.phrase(key, locales.Spoken), Pause: pause}
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
	if l.media != "" {
		out = append(out, Spoken{Media: l.media, Pause: pauseQuestion})
	}
	for tag := range strings.FieldsSeq(l.tongues) {
		if tag != w.tag() && w.Catalogue != nil && w.Catalogue.Has(tag) {
			out = append(out, Spoken{Words: w.tongue(tag), Lang: tag, Pause: pauseSentence})
		}
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
