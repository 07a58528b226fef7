// Package engine holds the conversation: Step takes what happened and says what comes next. It is pure, total and
// deterministic: no clock, no randomness, no I/O, no language; time and randomness come in as values.
package engine

import "github.com/townline/townline/dialogs"

// Version of the encoding of State. A newer one is refused, an older one is read.
const Version = 1

// State is all that is remembered of one conversation: plain data, encoded by Encode as compact CBOR. Each field goes under
// its number, and only if it isn't zero: fields may be added without a new Version, and a number is never used again.
type State struct {
	Version uint8       `cbor:"1,keyasint,omitempty"`
	Pin     dialogs.Pin `cbor:"2,keyasint,omitempty"`
	Mode    Mode        `cbor:"3,keyasint,omitempty"`
	Lang    string      `cbor:"4,keyasint,omitempty"`
	Step    int         `cbor:"5,keyasint,omitempty"`  // the step whose question is open; -1 before the first
	From    int         `cbor:"6,keyasint,omitempty"`  // statements from this step on are on show together with Step's question; -1: the opening words as well
	Far     int         `cbor:"7,keyasint,omitempty"`  // statements before this step were said already, where they applied by then
	Answers []Answer    `cbor:"8,keyasint,omitempty"`  // in the order of the steps
	Part    []string    `cbor:"9,keyasint,omitempty"`  // what was given so far of an answer that is asked part by part (budget, rank, choices)
	Page    int         `cbor:"10,keyasint,omitempty"` // which page of what is on show
	Tries   uint8       `cbor:"11,keyasint,omitempty"` // misunderstandings in a row
	Silent  uint8       `cbor:"12,keyasint,omitempty"` // silences in a row
	Note    string      `cbor:"13,keyasint,omitempty"` // one sentence to lead with, a phrase key ("@skipped", "@toolong 300") or a text of the dialog, until the next input
	Among   []string    `cbor:"14,keyasint,omitempty"` // Mode Which: the option ids that fit what was said
	Return  int         `cbor:"15,keyasint,omitempty"` // 1 + the review step to come back to after a change; 0: none
	Seed    uint64      `cbor:"16,keyasint,omitempty"` // orders rotated options; random, given at Begin
	Found   []Found     `cbor:"17,keyasint,omitempty"` // similar or status: what the town found
	Ref     string      `cbor:"18,keyasint,omitempty"` // the reference that submit yielded
	Due     string      `cbor:"19,keyasint,omitempty"` // "2027-03-15": when the town promised to reply
	End     string      `cbor:"20,keyasint,omitempty"` // how it ended: the id of the end step, or "handoff", "expired", "stopped", "closed", "refused", …; "" while it goes on
	Kept    bool        `cbor:"21,keyasint,omitempty"` // submit made its record
	Began   int64       `cbor:"22,keyasint,omitempty"` // unix seconds
	Last    int64       `cbor:"23,keyasint,omitempty"` // unix seconds of the last input of the resident
	Remind  bool        `cbor:"24,keyasint,omitempty"` // the reminder was sent
	Hint    bool        `cbor:"25,keyasint,omitempty"` // this resident is new: the opening says how to get help
	Shut    bool        `cbor:"26,keyasint,omitempty"` // handoff: nobody was at the desk
	Await   EffectKind  `cbor:"27,keyasint,omitempty"` // Mode Waiting: what for
	Back    bool        `cbor:"28,keyasint,omitempty"` // the open question was answered before and is asked again
	Lost    uint8       `cbor:"29,keyasint,omitempty"` // inputs in a row, over all questions and menus, that nothing was understood of
	Hours   string      `cbor:"30,keyasint,omitempty"` // when the desk opens, for the note that says so
	Held    *Answer     `cbor:"31,keyasint,omitempty"` // on a call: what was given to the open question, until it is confirmed; nil: nothing
	Veiled  bool        `cbor:"32,keyasint,omitempty"` // Ref and Due were told before this call began: they aren't told on it
}

// Mode is which question is open: the step's own, or one of the engine's.
type Mode uint8

const (
	Asking     Mode = iota // the question of State.Step
	Helping                // the help menu
	Tongue                 // which language
	Which                  // two readings fit: which one was meant
	Stuck                  // not understood three times, or silent: a person, again, or later
	Changing               // the review: which answer to change
	Erasing                // "erase": are you sure
	Waiting                // for the town (Input Outcome), never across turns
	Paused                 // put off by the resident, by STOP or by long silence; whatever comes next goes on
	Over                   // ended; State.End says how
	Confirming             // on a call: whether what was given was understood as it was meant
)

// Answer is what the resident gave to one step, in canonical form (see dialogs).
type Answer struct {
	Step   int      `cbor:"1,keyasint,omitempty"`
	Values []string `cbor:"2,keyasint,omitempty"`
	Media  []Media  `cbor:"3,keyasint,omitempty"`
	Skip   Skip     `cbor:"4,keyasint,omitempty"`
	Lang   string   `cbor:"5,keyasint,omitempty"` // consent: the language of the words that were agreed to
	Veiled bool     `cbor:"6,keyasint,omitempty"` // given before this call began: it counts, and isn't told to whoever calls from that number
}

// Skip says why a step has no answer.
type Skip uint8

const (
	Answered Skip = iota
	Declined      // the resident skipped it
	NotAsked      // the channel can't (photo), or already says it (contact), or nothing was found (similar)
	GivenUp       // optional, and not understood three times
)

// Media is a recording or a picture. Ref is the store's or the provider's name of it, never its content.
type Media struct {
	_    struct{} `cbor:",toarray"`
	Type string   // MIME type
	Ref  string
}

// Found is one request of the town's, as much of it as anybody may see.
type Found struct {
	_     struct{} `cbor:",toarray"`
	Ref   string
	What  string // a plain label: kind and place
	State string // "open", "closed", … : phrase key "@request.<state>"
	Due   string
}

// Form is how a channel shows things.
type Form uint8

const (
	Text   Form = iota + 1 // one string: SMS, USSD, chat
	Speech                 // utterances and keys
	Screen                 // blocks and cards
)

// Answer returns the answer to a step.
func (s *State) Answer(step int) (*Answer, bool) {
	for i := range s.Answers {
		if s.Answers[i].Step == step {
			return &s.Answers[i], true
		}
	}
	return nil, false
}

// sound says whether s can be a state of a conversation that d is held in. Bytes from disk may be anything.
func (s *State) sound(d *dialogs.Dialog) bool {
	n := len(d.Steps)
	if s.Mode > Confirming || s.Step < -1 || s.Step >= n || s.From < -1 || s.From > n || s.Far < 0 || s.Far > n || s.Page < 0 ||
		s.Return < 0 || s.Return > n {
		return false
	}
	if h := s.Held; h != nil && h.Step != s.Step || h == nil && s.Mode == Confirming {
		return false
	}
	if s.Mode < Waiting || s.Mode == Paused || s.Mode == Confirming { // a question is open
		if s.Step < 0 || !d.Steps[s.Step].Type.Asks() {
			return false
		}
		st, parts := &d.Steps[s.Step], len(s.Part)
		switch {
		case written(st.Type):
			if parts > mostPieces {
				return false
			}
		case parts > len(st.Options) || parts > 0 && parts == len(st.Options) && st.Type != dialogs.Choices:
			return false
		}
	}
	last := -1
	for i := range s.Answers {
		a := &s.Answers[i]
		if a.Step <= last || a.Step >= n || a.Skip > GivenUp {
			return false
		}
		last = a.Step
	}
	return true
}
