// Package talk is the whole conversation with one resident as a pure function: which dialog, the menu, what is set aside,
// the offer to go on; below it Read, Step and Render. The exchange, the simulator, the tests and the checker run this.
package talk

import (
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// Town is what conversations need to know of the town. It is shared and never changes while in use.
type Town struct {
	Name      string
	Languages []string // the town's, first one first
	Zone      *time.Location
	Emergency string // number to call in danger: "911"
	Country   string // calling code for numbers typed the national way: "1"
	Texts     bool   // text messages can be sent to a number that somebody gives
	Texting   string // the number that residents text to; "": they aren't told
	Locales   *locales.Catalogue
	Dialogs   Catalogue
}

// Catalogue finds dialogs. Implementations are safe for concurrent use and do not block for long.
type Catalogue interface {
	// Current returns the newest published version of each dialog, in menu order.
	Current() []*dialogs.Dialog
	// Pinned returns the content that a conversation began with; nil when it is not to be had any more.
	Pinned(pin dialogs.Pin) *dialogs.Dialog
}

// Memory is all that is remembered of a resident's conversations. Encode and Decode make it bytes; its fields are numbered
// as those of engine.State are.
type Memory struct {
	Version uint8          `cbor:"1,keyasint,omitempty"`
	Lang    string         `cbor:"2,keyasint,omitempty"`  // the resident's language; "" until known
	On      string         `cbor:"3,keyasint,omitempty"`  // the channel that the page on show was made for
	Now     *engine.State  `cbor:"4,keyasint,omitempty"`  // the conversation on the go; nil: none
	Aside   []engine.State `cbor:"5,keyasint,omitempty"`  // set aside by a start word or the menu, newest last
	Code    *Code          `cbor:"9,keyasint,omitempty"`  // with which one of these can be taken along; nil: none was asked for
	Taken   []string       `cbor:"10,keyasint,omitempty"` // codes that were redeemed here, newest last
	Hall    *Hall          `cbor:"6,keyasint,omitempty"`  // the menu, or the offer to go on, when that is what is on show
	Stopped bool           `cbor:"7,keyasint,omitempty"`  // STOP was said; only START changes it
	Before  bool           `cbor:"8,keyasint,omitempty"`  // the resident held a conversation before: they know how to get help
	Ear     *Ear           `cbor:"11,keyasint,omitempty"` // how a caller wants to be spoken to; nil: as usual
	Aloud   bool           `cbor:"12,keyasint,omitempty"` // what is on show was said on a call: nobody can look at it again
	Handed  *engine.State  `cbor:"13,keyasint,omitempty"` // the conversation that ended with passing this call to a desk, until it is known that somebody answers there

	Reach     Reach         `cbor:"16,keyasint,omitempty"` // how they want to be reminded
	Due       bool          `cbor:"17,keyasint,omitempty"` // the town rings them with a reminder
	Wipe      int64         `cbor:"18,keyasint,omitempty"` // until when a call of the town's asks whether all is to be erased, as was asked for on a call; unix seconds
	ToldErase int64         `cbor:"19,keyasint,omitempty"` // when a text last told their number that a call asked for that
	Late      *engine.State `cbor:"21,keyasint,omitempty"` // what was to be confirmed when the caller rang off, for a key that comes after that

	Linking *Linking `cbor:"30,keyasint,omitempty"` // codes to put another phone or chat together with this one; nil: nothing of the kind was ever asked for

	Desk *Desk `cbor:"40,keyasint,omitempty"` // how the talk with a person stands; nil: there is none

	Rest *Rest `cbor:"22,keyasint,omitempty"` // what is still to be read, where one page is shown at a time; nil: nothing
}

// Hall is where a resident is between conversations.
type Hall struct {
	Kind  HallKind `cbor:"1,keyasint,omitempty"`
	IDs   []string `cbor:"2,keyasint,omitempty"` // of the dialogs on the menu, in the order shown; of the dialog offered
	Page  int      `cbor:"3,keyasint,omitempty"`
	Tries uint8    `cbor:"4,keyasint,omitempty"`
	Note  string   `cbor:"5,keyasint,omitempty"` // a phrase key to lead with
	Shut  string   `cbor:"6,keyasint,omitempty"` // when the desk opens, for a note that says so

	Silent uint8  `cbor:"7,keyasint,omitempty"`  // on a call: silences in a row
	Inside bool   `cbor:"8,keyasint,omitempty"`  // the open conversation's question stands behind it, and comes back after it
	Here   bool   `cbor:"9,keyasint,omitempty"`  // OfferHall: the question that is offered was on show on this channel
	Anew   string `cbor:"10,keyasint,omitempty"` // MenuHall: the dialog that begins anew if it is chosen
	Parts  bool   `cbor:"12,keyasint,omitempty"` // the caller is about to go: the call ends after it

	PIN  string `cbor:"20,keyasint,omitempty"` // that was chosen, until it is given once more
	At   int64  `cbor:"21,keyasint,omitempty"` // when it was asked, of what is asked of PINs; unix seconds
	Last *Hall  `cbor:"22,keyasint,omitempty"` // what stood before that
	Code string `cbor:"30,keyasint,omitempty"` // LinkSureHall: that was given
}

// HallKind is what the hall shows.
type HallKind uint8

const (
	MenuHall    HallKind = iota + 1 // what the town offers
	OfferHall                       // go on with IDs[0], or something else
	TongueHall                      // which language
	EraseHall                       // erase everything: are you sure
	ExpiredHall                     // nothing yet: the last conversation ended by itself, which is told when they come back
	FirstHall                       // on a call: which language, in each of them, before anything else
	HelpHall                        // on a call or a menu: help
	EarHall                         // on a call: slower, louder, more time, a pause
	KeepHall                        // on a call: whether to do so the next time as well
	HoldHall                        // on a call: a pause
	StuckHall                       // on a call: nothing was understood, or heard, or nobody answered at the desk
	ReachHall                       // on a call: how to be reminded
	CodeHall                        // on a call: the code to go on with what was begun elsewhere
)

// Heard is one thing that came in by a channel, not understood yet.
type Heard struct {
	At     time.Time
	Traits render.Traits
	Kind   Kind
	Words  string // text, or keys pressed
	Choice string // the digit of a button that was pressed; "" otherwise
	Media  []engine.Media
	Seed   uint64 // random, for the order of rotated options
	Lang   string // a language that the device asks for; it counts where the resident's is not known
	Timer  string // Kind Rang: the name that SetTimer gave
	Out    bool   // of a call that the town made: whoever is on it is at that number
	Texted bool   // on a call: the resident has written from this number, so that a text message reaches them

	Textable bool // a text message can be sent to a number that is theirs for sure
	Rings    bool // such a number can be called; on a call Traits.Ring says so

	// Of a phone that several use.
	Behind bool // the resident gave their PIN
	Once   bool // Kind Opened: the desk gave it, to choose another with

	// Of a talk with a person.
	Clerk string   // Kind Clerked: who did something at the desk
	Act   ClerkAct // Kind Clerked: what; Words is what they said
	Shut  string   // when the desk opens, while nobody is there
	Full  bool     // the desk has all that it can take of this resident's for now

	// Refused is the phrase that says why something that came along is not kept; it leads what is shown. Where nothing else
	// was said, the question stays as open as it was.
	Refused string

	Mark func(stage string) // told when reading, stepping and rendering begin, for whoever has a clock; nil: nobody
}

// Kind of what was heard.
type Kind uint8

const (
	Words    Kind = iota // words, keys, a button, media
	Came                 // a live channel came in
	Left                 // it went
	Quiet                // nothing, for as long as the channel waits
	Rang                 // a timer
	Looked               // what is on show is wanted again; nothing has happened, and the memory is not to be kept
	Returned             // the call was passed on and comes back: nobody answered at the desk
	Shown                // what is on show is wanted here, where nobody has seen it: nothing was said
)

// Said is what came of it.
type Said struct {
	Memory  Memory
	Pages   []render.Page // to show, in order
	Effects []Effect      // to carry out with the commit; those that wait were answered by ask and are not among them
	Over    bool          // nothing is awaited: a live channel may end
	Texts   []Text        // to send to numbers that are not the resident's proved ones
	Pass    bool          // the call is to be passed on to a desk once the pages were said; it is not over
	Desk    string        // which one, as the dialog names it; "" is the town's own
	Others  []render.Page // for whoever is at the other phones and chats of the resident
	End     string        // how a conversation ended in this turn (engine.State.End); "" when none did

	Letter   *Letter // what the resident said is for the desk; nil: it isn't
	Opens    bool    // a PIN was right: whoever it found is heard next, with Rest; nothing is shown
	Rest     string  // what else the message said
	Leave    bool    // Heard.Behind: what was said is meant for whoever is found without a PIN; nothing is shown
	Newcomer *Memory // of somebody who begins behind a PIN that was chosen; what is shown is theirs
}

// Effect is an engine's effect and the dialog that it came from.
type Effect struct {
	engine.Effect
	Dialog *dialogs.Dialog
	Order  []byte // Keep: the order in which rotated options were shown (CBOR: step id → option ids)

	Other *Memory // LinkWith, once it was agreed to: is filled in with what is remembered of the other one
}

// Ask answers an effect that waits: the exchange asks the store, tests make it up. It may block.
type Ask func(Effect) (engine.Input, error)
