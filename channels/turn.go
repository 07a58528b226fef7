package channels

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
)

// Turn is one turn that was held away from the town, by an outpost that was perhaps cut off, and is to be entered in the
// town's books as it was held: what the resident was shown is what counts.
type Turn struct {
	Channel  string       // the channel's name: "kiosk"
	From     Address      // whose turn it is. An outpost makes the ID up for each visit; nobody can guess it
	Number   uint64       // of the turn in the visit, from 1 on, without a gap
	At       time.Time    // when it was held, by the town's clock
	Base     []byte       // Stamp of the memory that the turn began from; nil: of somebody who was never here
	Memory   []byte       // what is remembered after it (talk.Encode)
	Done     []Done       // what was to be done, in its order
	Texts    []talk.Text  // to numbers that the resident gave
	Attached []Attachment // as they came; the n-th is the media VisitMedia(From, Number, n). One that no answer names may be left empty
}

// Stamp tells one memory from another.
func Stamp(memory []byte) []byte {
	sum := sha256.Sum256(memory)
	return sum[:16]
}

// Done is one effect of a turn, with what the resident was told of it.
type Done struct {
	Effect    engine.Effect
	Pin       dialogs.Pin // of the dialog it came from
	Order     []byte      // Keep: the order in which rotated options were shown
	Reference string      // Keep, PassOn: the reference of a request that this opens; Keep: the receipt; Carry: the code
	Due       string      // Keep: the day that was promised, "2027-03-15"
	Ballot    [16]byte    // Keep: random, and nowhere else: by it the store knows a ballot that it has
}

// Verdict is what became of a Turn.
type Verdict uint8

const (
	Entered    Verdict = iota + 1
	Twice              // it was entered before
	Before             // entered, but the voter's ballot was in the box already: it was not counted again
	NotCounted         // entered, but for a record that can't count; that was put aside for a person
	Refused            // nothing was entered: it was put aside for a person
)

// Question is an effect that waits, asked by an outpost while the resident is there. Nothing is written for it.
type Question struct {
	Channel string
	From    Address
	Pin     dialogs.Pin
	Effect  engine.Effect
}

// Books take the turns that were held away from the town.
type Books interface {
	// Adopt enters a turn. It returns once that is on disk. aside is called before anything of a turn is entered that a
	// person has to look at, and keeps the turn; why names the reason in a few letters, and never what was said. It may be
	// called again for the same turn. An error means that nothing was entered, and that trying again can help.
	Adopt(ctx context.Context, t Turn, aside func(why string) error) (Verdict, error)
	// Ask answers a question. It may block on the store.
	Ask(ctx context.Context, q Question) (engine.Input, error)
}
