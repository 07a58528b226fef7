package engine

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/townline/townline/dialogs"
)

// Where one input holds few characters (USSD), own words are written piece by piece: a piece as long as an input may be isn't
// taken for the whole. State.Part has the pieces, and what becomes of them is the answer that one message would have been.

const (
	longestPlace = 200 // characters
	mostPieces   = 40
)

// longestWords is how many characters of own words are kept.
func longestWords(st *dialogs.Step) int {
	if st.Limit > 0 {
		return st.Limit
	}
	return 1000
}

// written says whether answers of this type are own words.
func written(t dialogs.Type) bool { return t == dialogs.Words || t == dialogs.Place }

// written are the pieces of the answer that is being written; none on a call, where nothing is.
func (w *walk) written() []string {
	if w.calls() {
		return nil
	}
	return w.s.Part
}

// pieces puts the pieces written so far together with what was said now. whole is false while more is to come: then that is
// asked for. A screen's field held all of it.
func (w *walk) pieces(limit int) (v []string, whole bool) {
	v = w.in.Values
	given := w.s.Part
	if w.in.Can.Form != Text {
		given = nil
	}
	if len(given) == 0 && (!w.in.Part || len(v) == 0) {
		return v, true
	}
	all := append(slices.Clone(given), v...)
	v = []string{joined(all)}
	if w.in.Part && len(w.in.Values) > 0 && len(all) < mostPieces && utf8.RuneCountInString(v[0]) < limit {
		w.part(all)
		return nil, false
	}
	return v, true
}

// joined makes one text of pieces: a space stands where one input ended and the next began.
func joined(pieces []string) string { return strings.Join(pieces, " ") }

// writtenSoFar makes the pieces of an answer that is being written the answer, to be given anew or kept.
func writtenSoFar(d *dialogs.Dialog, s State) State {
	if len(s.Part) == 0 || s.Step < 0 || !written(d.Steps[s.Step].Type) || s.Mode == Over || s.Mode == Waiting {
		return s
	}
	limit := longestPlace
	if st := &d.Steps[s.Step]; st.Type == dialogs.Words {
		limit = longestWords(st)
	}
	w := walk{d: d, s: s}
	w.put(Answer{Step: s.Step, Values: []string{cut(joined(s.Part), limit)}})
	w.s.Back, w.s.Part = true, nil
	return w.s
}
