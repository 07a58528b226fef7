package cost

import (
	"strings"
	"time"

	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/render"
)

// What a call is reckoned with, beside the words at 150 a minute and the silences between them.
const (
	AfterKey  = 500 * time.Millisecond // silence after a key: the handset goes back to the ear
	KeyTime   = time.Second            // to find and press one key
	Recording = 10 * time.Second       // a caller's own words; the same again when they are played back
)

// Call is a conversation by telephone.
type Call struct {
	Walk
	Menu    time.Duration // from the first word of the call until the dialog begins
	Speech  time.Duration // the town's words in the dialog
	Waits   time.Duration // silences, keys and recordings in the dialog
	Keys    int           // pressed in the dialog
	Records int           // answers in the caller's own voice
}

// Whole is how long the dialog takes.
func (c *Call) Whole() time.Duration { return c.Speech + c.Waits }

func byCall() manner[Call] {
	return manner[Call]{traits: render.Voice, words: []string{fewWords}, add: addCall, weight: func(c *Call) int64 { return int64(c.Whole()) }}
}

// addCall adds up what was heard and pressed.
func addCall(t told) Call {
	c := Call{Walk: Walk{Turns: t.turns(t.begun), Asked: t.asked}}
	var before *render.Page
	for i := range t.log {
		l := &t.log[i]
		if l.Page != nil {
			words, silence := l.Page.Listening()
			for _, s := range l.Page.Spoken {
				if s.Media != "" {
					silence += Recording
				}
			}
			if i < t.begun {
				c.Menu += words + silence
			} else {
				c.Speech, c.Waits = c.Speech+words, c.Waits+silence
			}
			before = l.Page
			continue
		}
		keys, wait := keyed(l, before)
		if i < t.begun {
			c.Menu += wait
			continue
		}
		c.Keys += keys
		c.Waits += wait
		if l.Who == "send" {
			c.Records++
		}
	}
	return c
}

// keyed is how many keys an answer takes on a call, and how long it takes to press them or to speak.
func keyed(l *dialogtest.Remark, page *render.Page) (keys int, wait time.Duration) {
	switch l.Who {
	case "comes":
		return 0, 0
	case "send":
		return 1, AfterKey + Recording + KeyTime // the key that ends it
	}
	keys = pressed(l.Words, page)
	return keys, AfterKey + KeyTime*time.Duration(keys)
}

// pressed is how many keys an answer takes, with the one that ends it where more could come.
func pressed(words string, page *render.Page) int {
	n := len(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '*' || r == '#' {
			return r
		}
		return -1
	}, words))
	if n == 0 { // a word stands for a key that does the same
		return 1
	}
	if page != nil && page.Listen != nil && page.Listen.Keys > 1 && n < page.Listen.Keys && !strings.HasSuffix(words, "#") && words != "*" {
		n++
	}
	return n
}
