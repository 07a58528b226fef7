package engine

import "github.com/townline/townline/dialogs"

// Prompt is one thing to say or ask. Its words are named, not given: render finds them in the resident's language.
type Prompt struct {
	Key     string // a text of the dialog ("first", "agree.refuse"), or a phrase of locales when it starts with "@"
	Words   string // said as they are, in place of a text
	Args    []Arg  // for ${name} in the words
	Asks    Asks   // what answer is awaited; "" for a statement
	Step    int    // index into the dialog's steps, or -1
	Options []Option
	Items   []Item   // review: what was answered so far
	Total   int      // budget: to share; with Part: what is left
	Part    int      // 1 + the option asked about, where a budget, rank or choices is asked part by part; 0: as a whole
	Skip    bool     // may be skipped
	Given   []string // with Part: what was given so far
	Old     *Answer  // the answer given before, when it is asked again
	Way     *Way     // on a screen: how far the conversation is
}

// Way is how far a conversation is, in questions: this is question At, and there are at least Least and at most Most of them
// in all, which depends on the answers still to come.
type Way struct {
	At    int `cbor:"1,keyasint,omitempty"`
	Least int `cbor:"2,keyasint,omitempty"`
	Most  int `cbor:"3,keyasint,omitempty"`
}

// Asks is the kind of answer that a prompt waits for: a step's type, or Pick for the engine's own menus.
type Asks = dialogs.Type

// Pick is a choice among the engine's own options (help menu, language, which one did you mean): values are option ids.
const Pick Asks = "pick"

// Option is one thing that can be chosen. Its digit is Place%7+1 within group Place/7, the same on every channel.
type Option struct {
	ID     string
	Key    string // a text key, or "@…"; with Words set it is not used
	Words  string // shown as it is: a request's label
	Lang   string // of Words, where they are not in the conversation's language
	Tongue bool   // ID is a language: shown by its own name
	Args   []Arg
	Place  int
}

// Arg is a value to be put into words, in the resident's language and the channel's way.
type Arg struct {
	Name   string
	Kind   ArgKind
	Value  string
	Step   int // ArgAnswer: whose answer; Values are read from Answer
	Answer *Answer
}

// ArgKind says how a value is worded.
type ArgKind uint8

const (
	ArgWords     ArgKind = iota // as it is
	ArgDate                     // "2027-03-15" → 15 March 2027
	ArgNumber                   // "1200" → 1,200; spoken as a number
	ArgReference                // "SR-4821-7": spoken in groups, twice
	ArgAnswer                   // an answer: option labels, dates, …
	ArgPhrase                   // Value is a phrase key
	ArgKey                      // Value is a text key of the dialog
	ArgCode                     // "482173629": a code to take the conversation along, shown and spoken in groups of three
	ArgLanguage                 // Value is a language tag, or several with spaces between, shown by their own names
	ArgKeyed                    // digits as they were keyed in, spoken in groups
	ArgMedia                    // Value is a recording (Media.Ref): it is played after the words, and isn't put into them
)

// Item is one line of a review.
type Item struct {
	Key    string // the question, and the id of its step
	Step   int
	Answer *Answer
	Change bool // it can be asked again on this channel
}
