package render

import (
	"strings"

	"github.com/townline/townline/dialogs/engine"
)

// Page is one fill of a channel: a text message, a USSD screen, a stretch of a call, a kiosk page. It is plain data, kept
// with the turn so that a repeated message gets the same page again. Like engine.State it is encoded under numbers: fields
// may be added, and a number is never used again.
type Page struct {
	Lang    string      `cbor:"1,keyasint,omitempty"` // of most of the words
	Text    string      `cbor:"2,keyasint,omitempty"` // the whole page as one string, for channels that show text; fits Traits.Limit
	Spoken  []Spoken    `cbor:"3,keyasint,omitempty"` // for voice: what to say, in order; short silences between
	Blocks  []Block     `cbor:"4,keyasint,omitempty"` // for screens: headings, paragraphs
	Options []Shown     `cbor:"5,keyasint,omitempty"` // on this page, with their digits: cards, buttons, keys
	Asks    engine.Asks `cbor:"6,keyasint,omitempty"`
	Number  int         `cbor:"7,keyasint,omitempty"` // 1 … Of
	Of      int         `cbor:"8,keyasint,omitempty"`
	Skip    bool        `cbor:"9,keyasint,omitempty"`  // "skip" is on offer; with Given of choices, "done"
	Over    bool        `cbor:"10,keyasint,omitempty"` // nothing is awaited any more
	Title   string      `cbor:"11,keyasint,omitempty"` // for screens: of the dialog; "" between dialogs
	Way     *engine.Way `cbor:"12,keyasint,omitempty"` // for screens: how far it is; nil between dialogs
	Entry   *Entry      `cbor:"13,keyasint,omitempty"` // for screens: what can be typed; nil: nothing
	Given   bool        `cbor:"14,keyasint,omitempty"` // for screens and buttons: a part of the answer was given: "done" ends choices
	Listen  *Listen     `cbor:"15,keyasint,omitempty"` // for voice: what is awaited once it was said; nil: nothing
	Pace    int         `cbor:"16,keyasint,omitempty"` // for voice: how fast it is said, in percent of the usual; 0: as usual
	Gain    int         `cbor:"17,keyasint,omitempty"` // for voice: how much louder than usual, in dB
	Mark    string      `cbor:"18,keyasint,omitempty"` // names the page among a resident's, so that a press on an older one can be told (channels.Event.Pressed); filled in by the exchange, where there are buttons
}

// Listen is what a telephone line waits for once a page was said. It is all that a line knows of questions: keys come back
// as Words, a recording as media, and a wait that passes without either as a silence.
type Listen struct {
	Keys   int  `cbor:"1,keyasint,omitempty"` // most keys of one answer: 1 is whole at once, and so are *, 0, 8 and 9 when they come first; of more, the hash key is the end
	Wait   int  `cbor:"2,keyasint,omitempty"` // seconds without a key after the last word, or the last key, before it counts as silence or as all of the answer
	Record int  `cbor:"3,keyasint,omitempty"` // most seconds of the caller's own voice, recorded after a tone until a key or a silence of Pause ends it; 0: nothing is recorded
	Pause  int  `cbor:"4,keyasint,omitempty"` // seconds of silence that end a recording
	Hold   bool `cbor:"5,keyasint,omitempty"` // the caller asked for a pause: nothing is said when Wait is over, up to a few minutes of it
}

// Entry is what can be typed, or recorded, in answer.
type Entry struct {
	HasMin  bool     `cbor:"1,keyasint,omitempty"`
	HasMax  bool     `cbor:"2,keyasint,omitempty"`
	Min     float64  `cbor:"3,keyasint,omitempty"` // number
	Max     float64  `cbor:"4,keyasint,omitempty"`
	Whole   bool     `cbor:"5,keyasint,omitempty"` // number: no decimals
	Total   int      `cbor:"6,keyasint,omitempty"` // budget: to share among the options
	Limit   int      `cbor:"7,keyasint,omitempty"` // characters, of choices how many may be chosen; 0: no limit of its own
	From    string   `cbor:"8,keyasint,omitempty"` // date: the first and the last day, "2027-03-15"; "" open
	To      string   `cbor:"9,keyasint,omitempty"`
	Records bool     `cbor:"10,keyasint,omitempty"` // the voice may be recorded instead
	Values  []string `cbor:"11,keyasint,omitempty"` // the answer given before, canonical
}

// Shown is an option on a page.
type Shown struct {
	ID     string `cbor:"1,keyasint,omitempty"`
	Digit  string `cbor:"2,keyasint,omitempty"` // "1" … "7", "8" for more
	Label  string `cbor:"3,keyasint,omitempty"`
	Icon   string `cbor:"4,keyasint,omitempty"`
	Chosen bool   `cbor:"5,keyasint,omitempty"` // for screens, and buttons of choices: it was given before
}

// Spoken is one utterance. Pause is the silence after it, in milliseconds.
type Spoken struct {
	Key   string `cbor:"1,keyasint,omitempty"` // of the text it comes from, for recordings; "" when composed
	Words string `cbor:"2,keyasint,omitempty"`
	Pause int    `cbor:"3,keyasint,omitempty"`
	Lang  string `cbor:"4,keyasint,omitempty"` // of these words, where it isn't the page's: the name of another language
	Media string `cbor:"5,keyasint,omitempty"` // a recording of the caller's own that is played instead of words: engine.Media.Ref
}

// Block is one piece of a screen.
type Block struct {
	Kind   string `cbor:"1,keyasint,omitempty"` // "heading" (the question), "text", "note" (a retry, a confirmation), "item" (a line of the review), "given" (a place of a rank that is filled), "reference", "code"
	Key    string `cbor:"2,keyasint,omitempty"` // of the text; "" when composed; of an item, its step
	Words  string `cbor:"3,keyasint,omitempty"`
	Answer string `cbor:"4,keyasint,omitempty"` // item: what was answered; Words is the question
	Change bool   `cbor:"5,keyasint,omitempty"` // item: it can be changed from here
}

// String is the page as plain lines, whatever its form: for transcripts and logs of tests.
func (p *Page) String() string {
	switch {
	case len(p.Spoken) > 0:
		lines := make([]string, len(p.Spoken))
		for i, s := range p.Spoken {
			lines[i] = s.Words
		}
		return strings.Join(lines, "\n")
	case len(p.Blocks) > 0 || p.Text == "":
		var lines []string
		for _, b := range p.Blocks {
			lines = append(lines, strings.TrimSpace(b.Words+" "+b.Answer))
		}
		for _, o := range p.Options {
			lines = append(lines, strings.TrimSpace(o.Digit+" "+o.Label))
		}
		return strings.Join(lines, "\n")
	}
	return p.Text
}
