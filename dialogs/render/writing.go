package render

import (
	"strings"
	"unicode/utf8"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// Own words that are longer than one input of the channel come piece by piece: see engine.Can.Cut.

const (
	pieceKey   = "@part.text"  // [words] what was written last; go on
	bytextKey  = "@how.bytext" // [line] or text it to this number
	wroteBack  = 30            // characters of what was written last that are read back
	writtenAll = "that_is_all" // the option that ends it
)

// ownWords says whether the question is answered in one's own words.
func ownWords(asks engine.Asks) bool { return asks == dialogs.Words || asks == dialogs.Place }

// underWay says whether q is being answered piece by piece, and the next one is awaited.
func underWay(q *engine.Prompt, t Traits) bool {
	return q != nil && len(q.Given) > 0 && ownWords(q.Asks) && t.Form == engine.Text
}

// goOn asks for the next piece.
func (w *Words) goOn(q *engine.Prompt, s *sheet, f locales.Form) {
	last := tail(strings.Join(q.Given, " "), wroteBack)
	s.question = line{kind: headKind, words: w.phrase(pieceKey, f, locales.Arg{Name: "words", Value: last})}
	s.how, s.skip, s.may = line{}, line{}, false
	s.options = []choice{{shown: Shown{ID: writtenAll, Digit: digits[1], Label: w.phrase(doneKey, f)}}}
}

// tail is the end of text, n characters or fewer, from a word on.
func tail(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	runes := []rune(text)
	end := string(runes[len(runes)-n:])
	if i := strings.IndexByte(end, ' '); i >= 0 && i < len(end)/2 {
		end = end[i+1:]
	}
	return "…" + strings.TrimSpace(end)
}

// writes reads one piece of the answer.
func (r *reader) writes() engine.Input {
	if digit := locales.Fold(r.raw); digit == "1" || r.said == locales.Fold(r.w.phrase(doneKey, locales.Full)) {
		return r.enough()
	}
	if in, ok := r.command(); ok {
		switch {
		case in.Command == locales.Stop, in.Command == locales.Help, in.Command == locales.Person, r.t.Cut == 0:
			return in
		} // any other single word may well be the end of a sentence that didn't fit
	}
	return r.piece()
}

// piece is what was written, as it is: not all of it, where one input can't hold more.
func (r *reader) piece() engine.Input {
	in := said(r.raw)
	if r.q.Asks == dialogs.Place {
		in = said(plain(r.raw))
	}
	in.Part = r.full()
	return in
}

// full says whether the input is about as long as one can be.
func (r *reader) full() bool {
	most := r.t.Cut
	if most <= 0 || r.t.Form != engine.Text {
		return false
	}
	if len(r.raw) < most/2 {
		return false
	}
	if !Count(r.raw).GSM { // each letter takes twice the room
		most /= 2
	}
	return utf8.RuneCountInString(r.raw) >= most
}
