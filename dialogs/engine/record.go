package engine

import (
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/townline/townline/dialogs"
)

// Record is what a dialog leaves behind: the same bytes (Encode) whichever channel the answers came by.
type Record struct {
	_       struct{} `cbor:",toarray"`
	Dialog  string
	Version int
	Answers []Recorded
	Joins   string // the reference of the open request that was joined; "" for a record of its own
}

// Recorded is one answer in a record. Steps that were skipped, or not asked on a channel, are left out; so are contacts
// and codes, which belong to the person and not to the answer.
type Recorded struct {
	_      struct{} `cbor:",toarray"`
	Step   string
	Values []string
	Media  []Media
}

// Answer returns what was recorded for a step.
func (r *Record) Answer(step string) (Recorded, bool) {
	for _, a := range r.Answers {
		if a.Step == step {
			return a, true
		}
	}
	return Recorded{}, false
}

// record collects the answers given so far.
func (w *walk) record() *Record {
	r := &Record{Dialog: w.d.ID, Version: w.d.Version, Answers: make([]Recorded, 0, len(w.s.Answers))}
	for i := range w.s.Answers {
		a := &w.s.Answers[i]
		if a.Skip != Answered {
			continue
		}
		st := &w.d.Steps[a.Step]
		switch st.Type {
		case dialogs.Review, dialogs.Contact, dialogs.Code, dialogs.Status:
		case dialogs.Similar:
			if len(a.Values) == 1 && a.Values[0] != "none" {
				r.Joins = a.Values[0]
			}
		default:
			r.Answers = append(r.Answers, Recorded{Step: st.ID, Values: a.Values, Media: a.Media})
		}
	}
	return r
}

// The codecs are made once; they are safe for concurrent use and never change.
var (
	encoding = must(cbor.CoreDetEncOptions().EncMode())
	decoding = must(cbor.DecOptions{MaxArrayElements: 1 << 12, MaxMapPairs: 1 << 8, MaxNestedLevels: 12, UTF8: cbor.UTF8RejectInvalid}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Encode makes a state, or a value that holds states, compact and deterministic bytes (RFC 8949 §4.2.1).
func Encode(v any) ([]byte, error) { return encoding.Marshal(v) }

// ErrNewer refuses a state that a newer townline wrote.
var ErrNewer = errors.New("engine: state was written by a newer version of townline")

// Decode reads what Encode made. v points to a value of the same type.
func Decode(b []byte, v any) error {
	if err := decoding.Unmarshal(b, v); err != nil {
		return fmt.Errorf("engine: state can't be read: %w", err)
	}
	switch s := v.(type) {
	case *State:
		if s.Version > Version {
			return ErrNewer
		}
	}
	return nil
}
