package engine

import (
	"time"

	"github.com/townline/townline/locales"
)

// Input is one thing that happened, already understood: no language, no digits.
type Input struct {
	At      time.Time // in the town's zone: "today" is its date
	Kind    Kind
	Command locales.Command   // Told
	Values  []string          // Said: canonical. Unsure: option ids that fit. Told Tongue: the language chosen, if named
	Media   []Media           // Said
	Page    int               // Turned
	Part    bool              // Said: Values are one part of a budget, rank, choices or words, not the whole; none: that is all
	Offered bool              // Resume: an offer to go on was taken where the question was on show before
	Next    string            // Said, choices: the first option that was not on show yet; the others are asked about as well
	Toggles bool              // Said, choices: what was given before is taken back by giving it again
	Can     Can               // what the channel that it came by can do
	Seed    uint64            // Begin: random
	Due     bool              // Resume: the resident is rung to be reminded
	New     bool              // Begin: the resident was never here before. Resume: the conversation was, and sets its timers anew
	Lang    string            // Begin, Resume: the resident's language. Told: the language of the word, when it is not the conversation's
	Result  map[string]string // Outcome: what the town answered to the effect that Step waits on
	Found   []Found           // Outcome of Similar and Status
	State   *State            // Outcome of Redeem: the conversation that was taken along
}

// Kind of an input.
type Kind uint8

const (
	Begin    Kind = iota + 1 // the conversation starts
	Said                     // an answer: Values, Media
	Unclear                  // something that fits no reading
	Unsure                   // something that fits more than one option: Values names them
	Silence                  // nothing, for as long as the channel waits
	Told                     // a command word or key: Command
	Turned                   // "more": show page Page
	Resume                   // the resident is back (another channel, a redial): say where we are
	Outcome                  // the town's answer to an effect
	Reminder                 // the timer set by RemindAfter
	Expiry                   // the timer set by ExpireAfter
	Returned                 // the call was passed on and comes back: nobody answered at the desk
)

// Can is what the channel at hand can do, as far as a dialog's course depends on it.
type Can struct {
	Form      Form
	Photo     bool // can carry a picture
	Voice     bool // can carry a recording
	Address   bool // already says how to reach the resident (a phone number)
	Pin       bool // can share a place on a map
	Piecewise bool // budget, rank and choices are asked part by part (voice, USSD)
	InTurn    bool // rank is asked place by place (a screen, where nothing is dragged)
	Live      bool // the resident is waiting: a call, a USSD menu, a kiosk
	Carried   bool // a phone company or a chat firm sees what is said
	Behind    bool // the resident gave a PIN: they are found by that, and not by their address
	Ring      bool // a call: the town may ring the number that it comes from
	Cut       int  // most characters that one input can hold: longer words are written piece by piece; 0: no limit
}

// Turn is what one step came to.
type Turn struct {
	State   State
	Prompts []Prompt
	Effects []Effect
}

// Effect is something for the town to do. Where Waits is true, Step must be called again with its Outcome before
// anything is shown.
type Effect struct {
	Kind    EffectKind
	Waits   bool
	Record  *Record   // Keep
	Contact string    // Keep: the number or address the resident gave; it is not part of the record
	Step    string    // the step that asks for it
	Values  []string  // Similar: the answers compared. Status: a reference, or none. CheckCode: the code
	To      string    // Handoff: the desk
	At      time.Time // SetTimer, RingBack
	Timer   string    // SetTimer, StopTimer: "remind" or "expire"
	Consent *Consent
	Lang    string // SetLanguage
}

// EffectKind names what the town is asked to do.
type EffectKind string

const (
	Keep        EffectKind = "keep"    // waits: make the record; Result "reference", "due" (2027-03-15), or "counted": "before"; "unchecked": "yes" where the code is still to be checked
	FindSimilar EffectKind = "similar" // waits: Found
	FindStatus  EffectKind = "status"  // waits: Found; Result "away": "yes" where the town can't be reached
	CheckCode   EffectKind = "code"    // waits: Result "code": "good", "used" or "unknown"; "away": "yes" where it can't be looked at now
	CheckVoted  EffectKind = "voted"   // waits: Result "voted": "yes" or "no"
	PassOn      EffectKind = "handoff" // waits: Result "open": "yes" or "no", "hours"; "by": how a person answers ("here", "text", "call", "pin"), where it is known
	SetTimer    EffectKind = "timer"
	StopTimer   EffectKind = "untimer"
	OptOut      EffectKind = "stop"
	OptIn       EffectKind = "start"
	EraseAll    EffectKind = "erase"
	KeepConsent EffectKind = "consent"
	SetLanguage EffectKind = "language"
	OpenMenu    EffectKind = "menu"   // the resident wants the list of dialogs
	OpenEar     EffectKind = "ear"    // the caller wants to be spoken to in another way: slower, louder
	OpenReach   EffectKind = "reach"  // the caller wants to be reminded in another way: by a call, by a text message
	OpenErase   EffectKind = "wipe"   // the caller wants all that is kept erased: whether it is them is asked first
	RingBack    EffectKind = "ring"   // the caller is to be called back; At
	Ended       EffectKind = "ended"  // the conversation is over; what was set aside may be offered
	Carry       EffectKind = "carry"  // waits: a code to take the conversation along; Values may name a number to text it to; Result "code", "until" (2027-03-15)
	EnterPIN    EffectKind = "pin"    // waits: Values is a PIN; Result "pin": "good", "unknown" or "locked"
	ChoosePIN   EffectKind = "newpin" // waits: Values is a PIN and how it is meant; Result "pin": "good", "easy" or "locked"
	ShutPIN     EffectKind = "lock"   // what a PIN opened is closed
	LinkCode    EffectKind = "link"   // waits: a code to put another phone or chat together with this one; Result "code"; "many": "yes" where too many were asked for
	LinkWith    EffectKind = "join"   // waits: Values is such a code and, once it was agreed to, "yes"; Result "join": "good", "own", "unknown", "locked", "busy", "later" or "apart"
	LeaveHere   EffectKind = "part"   // waits: this phone or chat leaves whoever it was put together with; Values is "yes" once it was agreed to; Result "part": "good" or "alone"
	Redeem      EffectKind = "redeem" // waits: Values is the code; Result "code": "good" (with Input.State), "own" (it is this conversation's own) or "unknown"
)

// Consent is a yes or no, with the words that were agreed to.
type Consent struct {
	Step  string
	Words string // in the resident's language, the full wording
	Lang  string
	Yes   bool
}
