package channels

import (
	"context"
	"errors"
	"time"
)

// Case is a resident's talk with the desk, as a list of those who wait shows it.
type Case struct {
	ID      string // names it to clerks, and says nothing of the resident
	Desk    string // as the dialog names it; "" is the town's own
	Clerk   string // who has it; "": nobody yet
	Since   time.Time
	Last    time.Time // somebody said something
	Unread  int       // letters of the resident's since a clerk last said something
	Title   string    // of the dialog that it is about; "": none
	Channel string    // class of the channel that the resident last used for it
	Lang    string
	Reach   CaseReach
	Overdue bool // by the desk's hours
}

// CaseReach is how what a clerk says gets to a resident.
type CaseReach uint8

const (
	Written   CaseReach = iota + 1 // as a message
	Called                         // they never wrote: a clerk rings them
	BehindPIN                      // it waits until they come: others use the phone
	Unwanted                       // not at all: they want no messages
	Nowhere                        // not at all: nothing is known of where they are
)

// CaseWhole is all that a clerk may know of a case.
type CaseWhole struct {
	Case
	Call     string // Called: the number
	Shown    string // what is on show to the resident, in their language; "": nothing, or it is hidden
	Hidden   string // "secret", "confidential": what was answered so far may not be shown; "": it may
	Answers  []CaseAnswer
	Requests []CaseRequest // of the resident's, newest first
	Letters  []CaseLetter  // oldest first
}

// CaseAnswer is one answer in words.
type CaseAnswer struct{ Question, Answer string }

// CaseRequest is one request of the resident's.
type CaseRequest struct {
	Reference, What, Status, Due string
	This                         bool // the one that the case belongs to
}

// CaseLetter is one thing that was said.
type CaseLetter struct {
	At      time.Time
	By      string // "": the resident
	Channel string
	Words   string
	Media   []string // refs
}

// CaseAct is what a clerk does about a case.
type CaseAct struct {
	Case  string // its ID
	Kind  CaseActKind
	Clerk string
	Token string // the same act again has the same token; "": it is never tried again
	Words string // CaseSay: what is said; CaseClose, CaseHandBack: the last words, or ""
	From  string // CaseTake: who is known to have it; "": nobody
	To    string // CaseHandOver: a colleague
}

// CaseActKind is what is done.
type CaseActKind uint8

const (
	CaseTake CaseActKind = iota + 1
	CaseSay
	CaseHandOver
	CaseHandBack // to the dialog: the question comes again
	CaseClose
)

// MostSaid is how many characters a clerk may say at once.
const MostSaid = 1000

// Errors of a clerk's acts.
var (
	ErrNoCase    = errors.New("there is no such case: it was closed, or the resident had all erased")
	ErrCaseTaken = errors.New("a colleague has this case")
	ErrNotRead   = errors.New("they can't be written to")
	ErrUnwanted  = errors.New("they sent STOP: nothing may be sent to them")
	ErrSaidLong  = errors.New("that is too long to be sent")
	ErrSaidEmpty = errors.New("there is nothing to say")
)

// Cases are the town's talks with the desk. Its methods may block on the store.
type Cases interface {
	// Cases lists those that aren't closed, the longest waiting first; desk "" lists those of all desks.
	Cases(ctx context.Context, desk string) ([]Case, error)
	// Case opens one; ErrNoCase.
	Case(ctx context.Context, id string) (CaseWhole, error)
	// Act does what a clerk wants; it returns once that is on disk. Errors are those above, or the store's.
	Act(ctx context.Context, a CaseAct) error
}

// CaseMedia gives what a letter of a case names.
type CaseMedia interface {
	CaseMedia(ctx context.Context, id, ref string) (Attachment, error)
}
