package render

import (
	"strings"

	"github.com/townline/townline/dialogs/engine"
)

// Page is one fill of a channel: a text message, a USSD screen, a stretch of a call, a kiosk page. It is plain data, kept
// with the turn so that a repeated message gets the same page again.
type Page struct {
	_       struct{} `cbor:",toarray"`
	Lang    string   // of most of the words
	Text    string   // the whole page as one string, for channels that show text; fits Traits.Limit
	Spoken  []Spoken // for voice: what to say, in order; short silences between
	Blocks  []Block  // for screens: headings, paragraphs
	Options []Shown  // on this page, with their digits: cards, buttons, keys
	Asks    engine.Asks
	Number  int // 1 … Of
	Of      int
	Skip    bool // "skip" is on offer
	Over    bool // nothing is awaited any more
}

// Shown is an option on a page.
type Shown struct {
	_     struct{} `cbor:",toarray"`
	ID    string
	Digit string // "1" … "7", "8" for more
	Label string
	Icon  string
}

// Spoken is one utterance. Pause is the silence after it, in milliseconds.
type Spoken struct {
	_     struct{} `cbor:",toarray"`
	Key   string   // of the text it comes from, for recordings; "" when composed
	Words string
	Pause int
}

// Block is one piece of a screen.
type Block struct {
	_     struct{} `cbor:",toarray"`
	Kind  string   // "heading" (the question), "text", "note" (a retry, a confirmation), "item" (a line of the review), "reference"
	Key   string
	Words string
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
			lines = append(lines, b.Words)
		}
		for _, o := range p.Options {
			lines = append(lines, strings.TrimSpace(o.Digit+" "+o.Label))
		}
		return strings.Join(lines, "\n")
	}
	return p.Text
}
