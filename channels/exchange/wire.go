package exchange

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"

	"github.com/fxamacker/cbor/v2"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// What the exchange itself keeps in the store's opaque bytes: the way on which a resident can be reached beside the
// memory of the conversation, the replies to give again, the pages to push.

// row is a conversation's opaque state in the store.
type row struct {
	way        way
	gone       bool // the resident is to be erased: the turn that said so is on disk, the erasing may not be
	made       bool // a caller who withheld their number left something that has to stay
	offered    bool // the call that dropped was offered again, or is about to be
	over       bool // the last word was said, or a person has the call: who rings off now has not been cut off
	left       bool // the caller rang off; a key that comes now was pressed before
	unanswered bool // a page was opened by somebody who was never here, and nothing was done on it yet
	visit      visit
	errands    []byte // what is still to do at providers (encodeErrands); nil: nothing
	more       more
	memory     []byte // talk's
}

// more is what only some rows have.
type more struct {
	Menu   *menu   `cbor:"1,keyasint,omitempty"`
	Call   *wanted `cbor:"5,keyasint,omitempty"` // that is in the outbox
	Pushed *pushed `cbor:"8,keyasint,omitempty"`
	Behind *behind `cbor:"20,keyasint,omitempty"` // of somebody whom a PIN finds
	Doors  *doors  `cbor:"21,keyasint,omitempty"` // of somebody whom the number finds without one
	Linked *linked `cbor:"30,keyasint,omitempty"` // of somebody who has several addresses

	// From here on a townline that doesn't know it may pass over it.
	InCall uint64 `cbor:"64,keyasint,omitempty"` // the call that began last (callName), whether or not it is over (row.left); 0: none that has a name
	Older  uint64 `cbor:"65,keyasint,omitempty"` // a call that was on the line when that one began, and may be still
	Said   uint64 `cbor:"66,keyasint,omitempty"` // the call that was last told what is on show, where it isn't InCall; or toldElsewhere

	later string // what a newer townline wrote (a map from keys above lastPassable, encoded): it is handed on as it is
}

// lastPassable is the last key of more that is known here. What is above it was written by a newer townline, which gives a key below 64
// to what may not be passed over: such a row is for newer ones only.
const lastPassable = 66

func (m more) none() bool { return m == more{} }

func (m more) encode() []byte {
	b, err := engine.Encode(&m)
	if err != nil {
		panic(err) // numbers and strings always encode
	}
	if m.later == "" {
		return b
	}
	var all map[uint64]cbor.RawMessage
	err = errors.Join(engine.Decode(b, &all), engine.Decode([]byte(m.later), &all))
	if err == nil {
		b, err = engine.Encode(all)
	}
	if err != nil {
		panic(err) // it was decoded so
	}
	return b
}

// decodeMore reads more. Of what it doesn't know it takes what it may pass over.
func decodeMore(b []byte) (m more, err error) {
	if err = engine.Decode(b, &m); err != nil {
		return m, err
	}
	if bytes.Equal(b, m.encode()) {
		return m, nil
	}
	var all map[uint64]cbor.RawMessage
	if err = engine.Decode(b, &all); err != nil {
		return m, err
	}
	maps.DeleteFunc(all, func(key uint64, _ cbor.RawMessage) bool { return key <= lastPassable })
	if len(all) == 0 {
		return m, errRow
	}
	later, err := engine.Encode(all)
	if err != nil {
		return m, err
	}
	if m.later = string(later); !bytes.Equal(b, m.encode()) {
		return m, errRow
	}
	return m, nil
}

// visit says which turns of an outpost's were entered.
type visit struct {
	number uint64   // of the last one; 0: none
	stamp  [16]byte // of the memory that it left, for as long as nobody took the conversation up elsewhere; then zero
}

// way is where pages are pushed to: the channel that a resident last used and that can be pushed on.
type way struct {
	channel string
	kind    string // of the address
}

// The first byte of a conversation's row.
const (
	rowFormat    = 1
	visitFormat  = 2 // with a visit: its number and stamp stand before the memory
	errandFormat = 3 // with a visit, which may be none, and then the errands, their length before them
	moreFormat   = 4 // with a visit and errands, which may be none, and then more, its length before it
)

// The second byte.
const (
	rowGone = 1 << iota
	rowMade
	rowOffered
	rowOver
	rowUnanswered
	rowLeft
	rowFlags
)

var errRow = errors.New("exchange: the conversation's row can't be read")

func (r row) encode() []byte {
	b := make([]byte, 0, 64+len(r.way.channel)+len(r.way.kind)+len(r.errands)+len(r.memory))
	format := byte(rowFormat)
	var more []byte
	switch {
	case !r.more.none():
		more = r.more.encode()
		format = moreFormat
	case len(r.errands) > 0:
		format = errandFormat
	case r.visit.number > 0:
		format = visitFormat
	}
	var flags byte
	for i, on := range [...]bool{r.gone, r.made, r.offered, r.over, r.unanswered, r.left} {
		if on {
			flags |= 1 << i
		}
	}
	b = append(b, format, flags, byte(len(r.way.channel)))
	b = append(b, r.way.channel...)
	b = append(b, byte(len(r.way.kind)))
	b = append(b, r.way.kind...)
	if format != rowFormat {
		b = binary.BigEndian.AppendUint64(b, r.visit.number)
		b = append(b, r.visit.stamp[:]...)
	}
	if format >= errandFormat {
		b = appendPart(b, r.errands)
	}
	if format == moreFormat {
		b = appendPart(b, more)
	}
	return append(b, r.memory...)
}

func appendPart(b, part []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
}

func cutPart(b []byte) (part, rest []byte, ok bool) {
	if len(b) < 4 || uint64(len(b)-4) < uint64(binary.BigEndian.Uint32(b)) {
		return nil, nil, false
	}
	n := 4 + int(binary.BigEndian.Uint32(b))
	return b[4:n:n], b[n:], true
}

func decodeRow(b []byte) (row, error) {
	switch {
	case len(b) == 0:
		return row{}, nil
	case b[0] < rowFormat || b[0] > moreFormat:
		return row{}, fmt.Errorf("%w: it has format %d, this townline knows %d", errRow, b[0], moreFormat)
	case len(b) < 2 || b[1] >= rowFlags:
		return row{}, errRow
	}
	format, flags := b[0], b[1]
	r := row{gone: flags&rowGone != 0, made: flags&rowMade != 0, offered: flags&rowOffered != 0, over: flags&rowOver != 0, unanswered: flags&rowUnanswered != 0, left: flags&rowLeft != 0}
	var ok bool
	if r.way.channel, b, ok = cutString(b[2:]); !ok {
		return row{}, errRow
	}
	if r.way.kind, b, ok = cutString(b); !ok {
		return row{}, errRow
	}
	if format != rowFormat {
		if len(b) < 8+len(r.visit.stamp) || format == visitFormat && binary.BigEndian.Uint64(b) == 0 {
			return row{}, errRow
		}
		r.visit.number = binary.BigEndian.Uint64(b)
		b = b[8+copy(r.visit.stamp[:], b[8:]):]
	}
	if format >= errandFormat {
		if r.errands, b, ok = cutPart(b); !ok || format == errandFormat && len(r.errands) == 0 {
			return row{}, errRow
		}
		if len(r.errands) == 0 {
			r.errands = nil
		}
	}
	if format == moreFormat {
		var more []byte
		if more, b, ok = cutPart(b); !ok {
			return row{}, errRow
		}
		var err error
		if r.more, err = decodeMore(more); err != nil || r.more.none() {
			return row{}, errRow
		}
	}
	r.memory = b
	return r, nil
}

func cutString(b []byte) (s string, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return "", nil, false
	}
	n := 1 + int(b[0])
	return string(b[1:n]), b[n:], true
}

// reply is channels.Reply as it is kept.
type reply struct {
	_     struct{} `cbor:",toarray"`
	Pages []render.Page
	Over  bool
}

// passReply is the reply to a call that is passed on.
type passReply struct {
	_     struct{} `cbor:",toarray"`
	Pages []render.Page
	Over  bool
	Desk  string
}

// textsReply is the reply to a menu whose resident gets a text.
type textsReply struct {
	_     struct{} `cbor:",toarray"`
	Pages []render.Page
	Over  bool
	Desk  string
	Texts bool
}

// What a passReply, and a textsReply, was made to begins with: an array of three, or four.
const (
	passed = 0x83
	texted = 0x84
)

func encodeReply(r channels.Reply) ([]byte, error) {
	if r.Texts {
		return cbor.Marshal(textsReply{Texts: true})
	}
	if r.Pass != nil {
		return cbor.Marshal(passReply{Pages: r.Pages, Over: r.Over, Desk: r.Pass.Desk})
	}
	return cbor.Marshal(reply{Pages: r.Pages, Over: r.Over})
}

func decodeReply(b []byte) (channels.Reply, error) {
	if len(b) == 0 {
		return channels.Reply{}, nil
	}
	var out channels.Reply
	var err error
	switch b[0] {
	case texted:
		var r textsReply
		err = cbor.Unmarshal(b, &r)
		out = channels.Reply{Texts: r.Texts}
	case passed:
		var r passReply
		err = cbor.Unmarshal(b, &r)
		out = channels.Reply{Pages: r.Pages, Over: r.Over, Pass: &channels.Pass{Desk: r.Desk}}
	default:
		var r reply
		err = cbor.Unmarshal(b, &r)
		out = channels.Reply{Pages: r.Pages, Over: r.Over}
	}
	if err != nil {
		return channels.Reply{}, fmt.Errorf("exchange: read the stored reply: %w", err)
	}
	return out, nil
}

// inboundOf names the event, by whom it is from as well, since some gateways count anew after a restart: by the keyed hash
// alone, as ids can be guessed and would give the number away. It is zero when the provider gives no id, so that nothing
// can tell a repeat.
func inboundOf(e channels.Event, from store.AddressKey) store.Inbound {
	if e.ID == "" {
		return store.Inbound{}
	}
	h := sha256.New()
	h.Write(from[:])
	h.Write([]byte(e.Channel))
	h.Write([]byte{0})
	h.Write([]byte(e.ID))
	var sum [sha256.Size]byte
	return store.Inbound(h.Sum(sum[:0])[:8])
}

// derived makes the id of the n-th record of one kind that a turn leaves: the same when the turn is computed again, so
// that a replay can't double it.
func derived(kind string, r store.Resident, version uint64, n int) [16]byte {
	b := make([]byte, 0, 64)
	b = append(b, kind...)
	b = append(b, 0)
	b = append(b, r[:]...)
	b = binary.BigEndian.AppendUint64(b, version)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	sum := sha256.Sum256(b)
	return [16]byte(sum[:16])
}
