package audio

import (
	"context"
	"fmt"
	"time"

	"github.com/townline/townline/locales"
)

// Shelf finds a clip by its key: first what people recorded, then what a voice made before, then it has the voice make it.
// It is safe for any number of goroutines.
//
// A page hands over the words that it shows (Offer) and gets keys; the browser asks for the clips by key (Open); when the
// visitor is gone, so are the words that were theirs alone (Forget). Words that are only offered are never written to disk
// or to a log: they and their sound are in memory, for a while.
type Shelf struct {
	voice *Voice
}

// Stock is what a shelf is made of.
type Stock struct {
	Dir     string             // recordings and made clips; "": nothing is kept on disk
	Voice   *Voice             // nil: only what lies in Dir
	Phrases *locales.Catalogue // for the words said where a part can't be read aloud
	Script  []Line             // what authors wrote: its clips may be kept in Dir
	Keep    time.Duration      // how long offered words are remembered after they were last offered or asked for; 0: 30 min
	Now     func() time.Time   // nil: time.Now
}

// NewShelf reads the list of recordings in Dir.
func NewShelf(s Stock) (*Shelf, error) { return &Shelf{voice: s.Voice}, nil }

// Speaks says whether a page in this language can be heard: there is a voice for it, or people recorded it (at the least the
// sentence @audio.gap, so that a missing part can be told in the language itself). Where it can't, say so on the page.
func (s *Shelf) Speaks(lang string) bool { return s.voice.Speaks(lang) }

// Key is the key of a clip: pure, the same on every machine with the same settings.
func (s *Shelf) Key(lang, words string) string {
	return keyOf(lang, s.voice.name(lang), 0, tidy(words))
}

// Offer remembers words that are on show, for visitor (any name that Forget is later called with; it is kept in memory only),
// and returns the key to ask for their clip with. Empty words have no key. Words of the script needn't be remembered, but
// may be offered all the same: hand over whatever the page shows.
func (s *Shelf) Offer(visitor string, l Line) string { return s.Key(l.Lang, l.Words) }

// Forget drops what was offered for visitor and for nobody else, words and sound.
func (s *Shelf) Forget(visitor string) {}

// Open returns the clip of a key. It may have to be made, which takes some 100 ms and ends with ctx. Where there is none, the
// error is a *Gap: play Sorry instead.
func (s *Shelf) Open(ctx context.Context, key string, f Format) (*Clip, error) {
	return nil, &Gap{ClipKey: key}
}

// Sorry is what to play where a part can't be read aloud: that sentence in lang, or in English where lang has no voice, or
// two soft tones where there is no voice at all. It is never nil.
func (s *Shelf) Sorry(ctx context.Context, lang string, f Format) *Clip { return &Clip{Format: f} }

// Gaps lists what was asked for and could not be played, most often first. There are no residents' words in it.
func (s *Shelf) Gaps() []Missed { return nil }

// Missed is one gap, and how often somebody met it.
type Missed struct {
	Gap
	Times int
}

// Gap is the error of a clip that is not there and can't be made.
type Gap struct {
	ClipKey string
	Lang    string // "" when nothing is known by that key: it was never offered, or was forgotten
	Dialog  string
	Key     string // of the text
	Err     error  // why the voice failed; nil where there is no voice
}

func (g *Gap) Error() string {
	return fmt.Sprintf("audio: nothing to play for clip %s (language %q, text %q of %q)", g.ClipKey, g.Lang, g.Key, g.Dialog)
}

func (g *Gap) Unwrap() error { return g.Err }
