package outpost

import (
	"bytes"
	"compress/flate"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
)

// What goes over the line. An outpost calls POST /outpost/NAME/sync and …/ask; both bodies are CBOR, compressed and sealed.
// The seal covers the way, the path and the time, and a reply's also the request that it answers. Every call may come
// twice: it changes nothing then.

// report is one contact: what the outpost has for the centre, and how it fares.
type report struct {
	Now     int64    `cbor:"1,keyasint"` // unix milliseconds by the machine's clock
	Waiting int      `cbor:"2,keyasint,omitempty"`
	Oldest  int64    `cbor:"3,keyasint,omitempty"` // milliseconds that the oldest turn has waited
	Town    []byte   `cbor:"4,keyasint,omitempty"` // hash of the town that it has
	Hashes  []string `cbor:"5,keyasint,omitempty"` // of the dialogs that it has
	Turns   []parcel `cbor:"6,keyasint,omitempty"`
}

// parcel is a turn on its way.
type parcel struct {
	Sealed []byte `cbor:"1,keyasint"`
	Ago    int64  `cbor:"2,keyasint,omitempty"` // milliseconds since it was held; -1: before the machine was started anew
	At     int64  `cbor:"4,keyasint,omitempty"` // when it was held by the centre's clock, as far as that was known; unix milliseconds
	Tries  int    `cbor:"3,keyasint,omitempty"` // how often the centre had it before and could not enter it
}

// held is when a turn was held, by the clock of who has now.
func (p *parcel) held(now time.Time) time.Time {
	at := time.UnixMilli(p.At)
	if p.Ago >= 0 {
		at = now.Add(-time.Duration(p.Ago) * time.Millisecond)
	}
	if at.After(now) {
		return now
	}
	return at
}

// answer is the centre's.
type answer struct {
	Now      int64              `cbor:"1,keyasint"`
	Astray   bool               `cbor:"2,keyasint"`           // the machine's clock is too far off; nothing was done: ask again by mine
	Verdicts []channels.Verdict `cbor:"3,keyasint,omitempty"` // one for each parcel; 0: send it again
	Town     *Town              `cbor:"4,keyasint,omitempty"` // where the outpost has another
	Dialogs  [][]byte           `cbor:"5,keyasint,omitempty"` // bundles that it lacks
}

// question is channels.Question, asked at a time.
type question struct {
	Now     int64         `cbor:"1,keyasint"`
	Visit   string        `cbor:"2,keyasint"`
	Channel string        `cbor:"3,keyasint"`
	Kind    string        `cbor:"6,keyasint"` // of the visitor's address
	Pin     dialogs.Pin   `cbor:"4,keyasint"`
	Effect  engine.Effect `cbor:"5,keyasint"`
}

type reply struct {
	Now    int64        `cbor:"1,keyasint"`
	Astray bool         `cbor:"2,keyasint"`
	Input  engine.Input `cbor:"3,keyasint"`
	Known  bool         `cbor:"4,keyasint,omitempty"` // Input is an answer
}

const (
	// mostParcels go in one report.
	mostParcels = 100
	// mostWeight is how many bytes of parcels go in one report, if there is more than one.
	mostWeight = 512 << 10
	// MostReport is how many bytes the centre takes in one call: a turn with the largest recording fits.
	MostReport = 24 << 20
	// mostAnswer is how many bytes an outpost takes: all dialogs of a large town fit.
	mostAnswer = 32 << 20
	// drift is how far the clocks may be apart before a call is taken for an old one.
	drift = 5 * time.Minute
	// TimeHeader holds unix milliseconds.
	TimeHeader = "X-Townline-Time"
	// ProofHeader says how many bytes the body has, and proves that who says so has the secret: nobody else's is read.
	ProofHeader = "X-Townline-Proof"
	callSync    = "sync"
	callAsk     = "ask"
)

var errLarge = errors.New("outpost: more than was to be expected")

// pack encodes and compresses.
func pack(v any) ([]byte, error) {
	plain, err := cbor.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("outpost: encode: %w", err)
	}
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

var wire = must(cbor.DecOptions{MaxArrayElements: 1 << 16, MaxMapPairs: 1 << 14, MaxNestedLevels: 24}.DecMode())

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// unpack reads what pack made; most is how many bytes it may come to.
func unpack(b []byte, most int64, v any) error {
	plain, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), most+1))
	if err != nil {
		return fmt.Errorf("outpost: decompress: %w", err)
	}
	if int64(len(plain)) > most {
		return errLarge
	}
	if err := wire.Unmarshal(plain, v); err != nil {
		return fmt.Errorf("outpost: decode: %w", err)
	}
	return nil
}

// SyncPath is the path that an outpost forwards to; it may take up to MostReport bytes.
func SyncPath(name string) string { return "/outpost/" + name + "/" + callSync }

// lineKeys seal what goes over the line.
type lineKeys struct {
	out, back box
	proof     []byte
}

func newLineKeys(secret string) lineKeys {
	return lineKeys{newBox([]byte(secret), "request"), newBox([]byte(secret), "reply"), derive([]byte(secret), "proof", 32)}
}

// prove makes the proof of a body of so many bytes.
func (k *lineKeys) prove(path, at string, size int) string {
	n := strconv.Itoa(size)
	m := mark(k.proof, "body\x00"+aboutRequest(path, at)+"\n"+n)
	return n + "." + hex.EncodeToString(m[:])
}

// proved is how many bytes a proof is of; false when it is none.
func (k *lineKeys) proved(path, at, proof string) (size int, ok bool) {
	n, _, _ := strings.Cut(proof, ".")
	size, err := strconv.Atoi(n)
	if err != nil || size < 0 || size > MostReport {
		return 0, false
	}
	return size, hmac.Equal([]byte(proof), []byte(k.prove(path, at, size)))
}

func aboutRequest(path, at string) string { return "POST\n" + path + "\n" + at }

// aboutReply binds a reply to the sealed request that it answers.
func aboutReply(path string, request []byte) string {
	m := mark([]byte(path), string(request))
	return "reply\n" + path + "\n" + string(m[:])
}
