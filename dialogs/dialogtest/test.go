// Package dialogtest runs the conversations that authors write beside a dialog (main-street.test.yaml), on the same code
// that residents talk to: dialogs/talk, with a town that is made up. It reads no clock and touches no store.
package dialogtest

import (
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
)

// Test is one conversation of a file: either answers by step, in whatever way each channel has, or a talk, word by word.
type Test struct {
	Dialog   string
	Name     string
	Pos      dialogs.Position
	Channels []string
	Lang     string    // what the resident speaks; "": the town's first language
	At       time.Time // wall clock of the town, whatever its zone; zero: when the dialog opens
	Answers  []Given
	Talk     []Line

	Ends    string // how it must end: the id of the step, or "refused", "voted", "closed", "expired", …; "": not looked at
	EndsPos dialogs.Position
	Passes  string // the desk it must be handed to; "": not looked at
	Keeps   Keeps

	Roll  []string // codes of letters that were sent out
	Used  []string // codes that were used before
	Voted bool     // this resident's number was counted before
	Shut  bool     // nobody is at the desk
	Found []Known  // requests that the town knows of
}

// Given is the answer to one step, in the words of the file.
type Given struct {
	Step   string
	Values []string // one for a plain answer; of a budget by name: "buses=5"
	List   bool
	Pos    dialogs.Position
}

// Known is a request that the town of a test knows of.
type Known struct {
	engine.Found
	Mine bool // it is this resident's: told without asking for its number
}

// Keeps is what must be on record when the test is over.
type Keeps struct {
	Look    bool // false: not looked at
	Nothing bool
	Only    bool    // Answers must be the record, no more and no less; else any record will do
	Answers []Given // with Only
	Pos     dialogs.Position
}

// Line is one line of a talk.
type Line struct {
	Kind Kind
	Text string        // You, Bot, Not, Press, Switch, Comes, Photo, Recording, Pin
	For  time.Duration // Wait
	Pos  dialogs.Position
}

// Kind of a line: its key in the file.
type Kind string

const (
	You       Kind = "you"       // the resident writes or says this
	Press     Kind = "press"     // a key, or the button with that digit
	Bot       Kind = "bot"       // the town's words since the last line of the resident contain this
	Not       Kind = "not"       // … and don't contain this
	Wait      Kind = "wait"      // time goes by; reminders come when they are due
	Switch    Kind = "switch"    // the resident turns to another channel and goes on there
	Comes     Kind = "comes"     // a call, a USSD menu or a kiosk begins, and that is all
	Leaves    Kind = "leaves"    // … and ends in the middle
	Quiet     Kind = "quiet"     // nothing is said for as long as the channel waits
	Photo     Kind = "photo"     // a picture is sent
	Recording Kind = "recording" // a recording is sent
	Pin       Kind = "pin"       // a place on the map is shared: "52.1,4.3"
)

// Result is what came of one test.
type Result struct {
	Test     Test
	Failures []Failure // none: it holds
	Turns    int       // how often the resident was heard
}

// OK says whether the test holds.
func (r Result) OK() bool { return len(r.Failures) == 0 }
