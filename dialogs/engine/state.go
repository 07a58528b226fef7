// Package engine holds the conversation: Step takes what happened and says what comes next. It is pure, total and
// deterministic: no clock, no randomness, no I/O, no language; time and randomness come in as values.
package engine

import "github.com/townline/townline/dialogs"

// Version of the encoding of State. A newer one is refused, an older one is read.
const Version = 1

// State is all that is remembered of one conversation: plain data, encoded by Encode as compact CBOR.
type State struct {
	_       struct{} `cbor:",toarray"`
	Version uint8
	Pin     dialogs.Pin
	Mode    Mode
	Lang    string
	Step    int        // the step whose question is open; -1 before the first
	From    int        // statements from this step on are on show together with Step's question; -1: the opening words as well
	Far     int        // statements before this step were said already, where they applied by then
	Answers []Answer   // in the order of the steps
	Part    []string   // what was given so far of an answer that is asked part by part (budget, rank, choices)
	Page    int        // which page of what is on show
	Tries   uint8      // misunderstandings in a row
	Silent  uint8      // silences in a row
	Note    string     // one sentence to lead with, a phrase key ("@skipped", "@toolong 300") or a text of the dialog, until the next input
	Among   []string   // Mode Which: the option ids that fit what was said
	Return  int        // 1 + the review step to come back to after a change; 0: none
	Seed    uint64     // orders rotated options; random, given at Begin
	Found   []Found    // similar or status: what the town found
	Ref     string     // the reference that submit yielded
	Due     string     // "2027-03-15": when the town promised to reply
	End     string     // how it ended: the id of the end step, or "handoff", "expired", "stopped", "closed", "refused", …; "" while it goes on
	Kept    bool       // submit made its record
	Began   int64      // unix seconds
	Last    int64      // unix seconds of the last input of the resident
	Remind  bool       // the reminder was sent
	Hint    bool       // this resident is new: the opening says how to get help
	Shut    bool       // handoff: nobody was at the desk
	Await   EffectKind // Mode Waiting: what for
	Back    bool       // the open question was answered before and is asked again
	Lost    uint8      // inputs in a row, over all questions and menus, that nothing was understood of
	Hours   string     // when the desk opens, for the note that says so
}

// Mode is which question is open: the step's own, or one of the engine's.
type Mode uint8

const (
	Asking   Mode = iota // the question of State.Step
	Helping              // the help menu
	Tongue               // which language
	Which                // two readings fit: which one was meant
	Stuck                // not understood three times, or silent: a person, again, or later
	Changing             // the review: which answer to change
	Erasing              // "erase": are you sure
	Waiting              // for the town (Input Outcome), never across turns
	Paused               // put off by the resident, by STOP or by long silence; whatever comes next goes on
	Over                 // ended; State.End says how
)

// Answer is what the resident gave to one step, in canonical form (see dialogs).
type Answer struct {
	_      struct{} `cbor:",toarray"`
	Step   int
	Values []string
	Media  []Media
	Skip   Skip
	Lang   string // consent: the language of the words that were agreed to
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
	if s.Mode > Over || s.Step < -1 || s.Step >= n || s.From < -1 || s.From > n || s.Far < 0 || s.Far > n || s.Page < 0 ||
		s.Return < 0 || s.Return > n {
		return false
	}
	if s.Mode < Waiting || s.Mode == Paused { // a question is open
		if s.Step < 0 || !d.Steps[s.Step].Type.Asks() {
			return false
		}
		st, parts := &d.Steps[s.Step], len(s.Part)
		if parts > len(st.Options) || parts > 0 && parts == len(st.Options) && st.Type != dialogs.Choices {
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
