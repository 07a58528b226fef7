package call

import (
	"time"

	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// earTime is the silence before the first word after a key: a telephone with its keys in the handset goes back to the ear.
const earTime = 500 * time.Millisecond

// Part is one thing that a line plays: a silence, the tone before a recording, words, or a recording of the caller's own.
type Part struct {
	Silence time.Duration // of nothing; the rest is empty then
	Tone    bool          // the tone after which the caller speaks; the rest is empty then

	Lang  string // BCP 47
	Key   string // of the text, for recordings by people; "" when composed
	Words string
	Media string // a recording of the caller's own (engine.Media.Ref), to be played in the place of Words
	Pace  int    // percent of the usual speed; 0: as usual
	Gain  int    // dB louder than usual
}

// Parts are what to play for a page, in order. afterKey says that a key was pressed just before.
func Parts(p *render.Page, afterKey bool) []Part {
	parts := make([]Part, 0, 2*len(p.Spoken)+1)
	if afterKey && len(p.Spoken) > 0 {
		parts = append(parts, Part{Silence: earTime})
	}
	for i := range p.Spoken {
		s := &p.Spoken[i]
		if s.Words != "" || s.Media != "" {
			part := Part{Lang: s.Lang, Key: s.Key, Words: s.Words, Media: s.Media, Pace: p.Pace, Gain: p.Gain}
			if part.Lang == "" {
				part.Lang = p.Lang
			}
			parts = append(parts, part)
		}
		if s.Pause > 0 && i+1 < len(p.Spoken) {
			parts = append(parts, Part{Silence: time.Duration(s.Pause) * time.Millisecond})
		}
	}
	return parts
}

// betweenPages is the silence between two pages that are said one after the other.
const betweenPages = 700 * time.Millisecond

// AllParts are what to play for the pages of a reply, one after the other.
func AllParts(pages []render.Page, afterKey bool) []Part {
	var parts []Part
	for i := range pages {
		if i > 0 && len(parts) > 0 && len(pages[i].Spoken) > 0 {
			parts = append(parts, Part{Silence: betweenPages})
		}
		parts = append(parts, Parts(&pages[i], afterKey && i == 0)...)
	}
	return parts
}

// sentence is how many parts the next thing to be said takes, with the silence before it.
func sentence(parts []Part) int {
	for i := range parts {
		if parts[i].Silence == 0 {
			return i + 1
		}
	}
	return len(parts)
}

// Listening is what is awaited once pages were said: what the last one says.
func Listening(pages []render.Page) (l render.Listen, ok bool) {
	if len(pages) == 0 {
		return l, false
	}
	p := &pages[len(pages)-1]
	switch {
	case p.Listen != nil:
		return *p.Listen, true
	case p.Asks == "":
		return l, false
	}
	return render.Listen{Keys: 1, Wait: 10}, true // a page that asks and doesn't say how is listened to all the same
}

// Phrases that a line says itself, when there is no page to say.
const (
	PhraseMoment = "@call.moment" // the turn takes long
	PhraseAway   = "@call.away"   // the town can't be reached: please call again
	PhraseBack   = "@call.back"   // the town can't be reached: you are called back
	PhraseRings  = "@call.rings"  // who is calling, and the key to press
)

// Say is a phrase of the line's own as parts.
func Say(phrases *locales.Catalogue, lang, key string, args ...locales.Arg) []Part {
	return []Part{{Lang: lang, Key: key, Words: phrases.Language(lang).Phrase(key, locales.Spoken, args...)}}
}
