// Package channels says what an adapter is: it authenticates and parses what comes in, and delivers what goes out. It
// decides nothing about wording or storage.
package channels

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// Address is where a resident is reached: Kind "tel" with a number in E.164, "telegram" with a chat id, …
type Address struct {
	Kind string
	ID   string
}

// Event is one thing that came in, authenticated and parsed, not understood.
type Event struct {
	Channel  string // the adapter's name
	ID       string // the provider's id of the message: the same again is the same event. "" where there is none
	From     Address
	To       string // the town's own number or line, as the provider names it
	Kind     EventKind
	Words    string         // text, or keys pressed
	Choice   string         // what was pressed, in render.Heard's terms: an option's digit, several, or a command
	Media    []engine.Media // Ref is the provider's address of it, fetched later by the adapter
	Attached []Attachment   // recordings and pictures that came with the event; they are kept with the turn
	Lang     string         // a language that the device asks for; it counts for somebody who was never here
	Withheld bool           // a call that doesn't say who it is from: From is made up for this one call, and nobody can be called back
	Out      bool           // of a call that the town made: whoever is on it is at that number
	Call     string         // the provider's id of the call that it belongs to; "" where there is none. A key is an answer to nothing but what its own call said
	Refused  string         // a phrase (locales) that tells why something that came along isn't taken; the question stays open
	Pressed  string         // the Mark of the page whose button Choice is; "" where the channel doesn't tell: then it is the one on show
	Session  *Session       // of a menu whose requests have no ids: the exchange tells by it what is new. ID is "" then
	At       time.Time
}

// Session is what a gateway says of the menu that a request belongs to (USSD). Gateways ask again when an answer is slow, in
// any order, and few of their requests carry an id; so what is new is told by what is on disk: the exchange keeps with the
// resident which session it is and how far it has come, and the request is done once, whichever server gets it.
type Session struct {
	ID     string // the gateway's; "" where it has none: then one begins when the resident dials, or comes back after three minutes
	Whole  bool   // Words are all that was keyed since the session began, joined by the gateway with stars
	Number int    // the place of the request in the session, where the gateway counts; else 0
}

// Attachment is a recording or a picture as it came. Type is what the device says it is.
type Attachment struct {
	Type  string // MIME type
	Bytes []byte
}

// EventKind of an event.
type EventKind uint8

const (
	Message  EventKind = iota // words, keys, media
	Dialed                    // a live channel came in: a call, a USSD session, a kiosk
	HungUp                    // it went; nothing is replied
	Quiet                     // nothing, for as long as the channel waits
	Looked                    // a page was asked for again: what is on show is replied, nothing is committed
	Missed                    // somebody rang and rang off, or was turned away, to be called back at the town's cost; nothing is replied
	Returned                  // a call that was passed on comes back: nobody answered there
	Overdue                   // a menu could not wait for the reply any longer: what is on show goes on by text message, unless it was heard meanwhile
)

// Reply is what to answer at once. It is given again, the same, when the event comes again.
type Reply struct {
	Pages []render.Page // to show, in order; empty: say nothing
	Over  bool          // the conversation ended: a live channel may hang up after the last page
	Pass  *Pass         // a call is to be passed on to a person once the pages were said; nil: no
	Back  bool          // Missed: they are called back; it can be promised
	Texts bool          // Overdue: a text message is on its way
}

// Pass is where a call goes on with a person.
type Pass struct {
	Desk string // as the dialog names it; "" is the town's own
}

// Inbox takes events. Receive returns once the turn is on disk; an error means that nothing was accepted, and the
// provider should be told to try again.
type Inbox interface {
	Receive(ctx context.Context, e Event) (Reply, error)
	// Report tells what became of a pushed message, by the provider's receipt.
	Report(ctx context.Context, channel, receipt string, d Delivery) error
}

// Delivery is a provider's word on a pushed message.
type Delivery struct {
	State    DeliveryState
	Code     string // the provider's error code
	At       time.Time
	OptedOut bool          // the provider says that the number opted out: the ledger is told
	Bad      bool          // the provider says that nothing can ever be delivered there, as ErrBadNumber does
	Took     time.Duration // of a call that is over: how long it lasted, for the town's budget; 0: nobody answered, or it isn't known
}

type DeliveryState uint8

const (
	OnItsWay DeliveryState = iota + 1
	Arrived
	Failed
)

// Channel delivers pages that are pushed.
type Channel interface {
	Name() string
	Traits() render.Traits
	// Deliver sends p to an address and returns the provider's receipt. key is the same when the same message is tried
	// again. It may block until ctx ends; errors say with Retry, Gone or Doubt what to do next. On a telephone line it rings
	// the number: who answers and presses 1 hears p, or, where p is empty, is asked as if they had rung (Dialed).
	Deliver(ctx context.Context, to Address, p render.Page, key string) (receipt string, err error)
}

// Mounter is a channel that is called over HTTP.
type Mounter interface {
	Mount(mux *http.ServeMux, in Inbox)
}

// Listener is a channel that holds a connection of its own; Listen returns when ctx ends.
type Listener interface {
	Listen(ctx context.Context, in Inbox) error
}

// Fetcher is a channel whose provider keeps recordings and pictures until they are fetched: an event names them by the
// provider's address in Media.Ref. The exchange gives them names of its own in the turn, and fetches them after it.
type Fetcher interface {
	// Fetch gets what ref names. It may block until ctx ends; errors are marked as Deliver's are.
	Fetch(ctx context.Context, ref string) (Attachment, error)
	// Drop has the provider delete it, once it is kept here. That it is gone already is no error.
	Drop(ctx context.Context, ref string) error
}

// Settler is a channel whose provider can be asked what became of a message that may or may not have been sent.
type Settler interface {
	Look(ctx context.Context, key, receipt string) (sent bool, err error)
}

// Finder is a channel whose provider keeps a list of what was sent: it finds a message whose receipt was lost, even when
// the process died between sending and noting it. since is when the message was first tried.
type Finder interface {
	Find(ctx context.Context, to Address, p render.Page, key string, since time.Time) (receipt string, sent bool, err error)
}

// ErrOptedOut is within an error of Deliver marked by Gone when the provider says that the resident opted out with it: the
// ledger is told.
var ErrOptedOut = errors.New("the resident opted out at the provider")

// ErrNotRung is within an error of a telephone line's Deliver marked by Retry when no telephone rang: the call can be tried
// again at once. After any other error of Retry (busy, nobody answers) nobody is rung for a while.
var ErrNotRung = errors.New("no telephone rang")

// ErrThrottled is within an error of Deliver marked by Retry when the provider takes no more for now, whatever the message: all
// that goes by this provider waits, for as long as Retry says or a little longer each time, and no attempt is counted.
var ErrThrottled = errors.New("the provider takes no more for now")

// ErrBadNumber is within an error of Deliver marked by Gone when nothing can ever be delivered there: a number that isn't
// assigned, a landline that takes no texts. Reminders aren't tried there again until the resident is heard from it.
var ErrBadNumber = errors.New("nothing can be delivered to this number")

// Retry marks an error after which trying again can help; after is the provider's wish, or 0.
func Retry(err error, after time.Duration) error { return &failure{err, retry, after, ""} }

// Gone marks an error that trying again can't help: a bad number, a resident who opted out. code is the provider's.
func Gone(err error, code string) error { return &failure{err, gone, 0, code} }

// Doubt marks an error after which it is not known whether the message was sent: it is settled by look-up, or held.
func Doubt(err error) error { return &failure{err, doubt, 0, ""} }

type failure struct {
	error
	kind  failureKind
	after time.Duration
	code  string
}

type failureKind uint8

const (
	retry failureKind = iota
	gone
	doubt
)

func (f *failure) Unwrap() error { return f.error }

// Retrying says whether and when to try again after err.
func Retrying(err error) (after time.Duration, ok bool) {
	var f *failure
	if errors.As(err, &f) && f.kind == retry {
		return f.after, true
	}
	return 0, false
}

// IsGone returns the provider's code of an error marked by Gone.
func IsGone(err error) (code string, ok bool) {
	var f *failure
	if errors.As(err, &f) && f.kind == gone {
		return f.code, true
	}
	return "", false
}

// InDoubt says whether err was marked by Doubt.
func InDoubt(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.kind == doubt
}
