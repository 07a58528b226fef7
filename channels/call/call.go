// Package call is what all telephone lines share: how pages become what is said, how key presses become answers, and how a
// call is held from the first word to the last. It knows no provider and no sound; a line does (Line).
package call

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// Line is one call under way. Its methods block; one goroutine calls them. Each returns ErrGone once the caller has rung
// off, and ctx's error when ctx ends.
type Line interface {
	// Play says parts in order. It ends early, with whole false, as soon as a key is pressed or a line is typed, or when one
	// that Key has not returned yet was there before; what was pressed is kept for Key.
	Play(ctx context.Context, parts []Part) (whole bool, err error)
	// Key returns the next key or typed line, in the order in which they came, those pressed while something was said or
	// while nobody asked for them among them. ok is false when none comes for as long as wait, which may be 0.
	Key(ctx context.Context, wait time.Duration) (p Press, ok bool, err error)
	// Record takes up to most of the caller's voice, until a key is pressed or nothing is said for as long as silence. key is
	// the one that ended it, or 0: Key doesn't return it again. With ErrGone there may be a recording all the same. wav is
	// 16-bit PCM in a WAV file, or empty.
	Record(ctx context.Context, most, silence time.Duration) (wav []byte, key byte, err error)
	// Pass passes the call on to a person. It returns true once somebody answered there and the line has no part in the call
	// any more, or when they have rung off; false when nobody answered and the caller is back.
	Pass(ctx context.Context, desk string) (answered bool, err error)
}

// Press is one key, or one line of text where the line carries text beside the voice.
type Press struct {
	Key  byte   // '0' to '9', '*' or '#'; others are left alone
	Line string // typed; Key is 0 then
	At   time.Time
}

// ErrGone is returned by a Line once the caller has rung off.
var ErrGone = errors.New("the caller rang off")

// ErrAway is returned by Hold when the town could not be reached for so long that the call was ended with a sentence.
var ErrAway = errors.New("call: the town could not be reached")

// Call is what a line knows of a call that it has.
type Call struct {
	Channel  string // the adapter's name
	ID       string // of this call and no other: the events' ids begin with it
	From     channels.Address
	To       string
	Withheld bool   // From is made up for this call
	Lang     string // of what is said before the first page: the town's first language
	Town     string // its name

	// Pages are said first, where the town has called because of them. Without any, the caller has rung, or is asked as if
	// they had.
	Pages []render.Page
	Taken bool // it is a call of the town's, and was taken just now by a key (Answered)

	Phrases *locales.Catalogue
	Log     *slog.Logger     // nil: none. It is never told a number, a key or a word
	Now     func() time.Time // the clock of Press.At; nil: time.Now
}
