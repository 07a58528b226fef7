package engine

import (
	"strconv"
	"strings"

	"github.com/townline/townline/dialogs"
)

// leads says whether the words that lead up to a question come with it: not when it is only asked again.
func leads(note string) bool {
	switch note {
	case "", PhraseSkipped, PhraseEdited, PhraseTongueSet, PhraseUnchecked:
		return true
	}
	return strings.HasPrefix(note, PhraseLong) || strings.HasPrefix(note, PhraseEcho)
}

// resumes says whether the note tells that the conversation is gone on with.
func (w *walk) resumes() bool {
	return w.s.Note == PhraseResume || w.calls() && strings.HasPrefix(w.s.Note, PhraseRemind)
}

// note is the sentence to lead with.
func (w *walk) note() Prompt {
	s := &w.s
	st := &w.d.Steps[s.Step]
	p := phrase(s.Note)
	if !strings.HasPrefix(s.Note, "@") { // the author's own retry
		p.Step = s.Step
		p.Args = w.insertions(s.Note)
		return p
	}
	switch s.Note {
	case PhraseResume:
		p.Args = []Arg{{Name: "title", Kind: ArgKey, Value: "title"}}
	case PhraseOut, PhraseLeast, PhraseMost:
		p.Args = bounds(st)
	case PhraseOutDate:
		today := midnight(w.in.At)
		if st.Earliest.Set {
			p.Args = dated("from", st.Earliest.On(today))
		}
		if st.Latest.Set {
			p.Args = append(p.Args, dated("to", st.Latest.On(today))...)
		}
		if len(p.Args) == 1 {
			p.Key += "." + p.Args[0].Name
		}
	case PhraseSum:
		p.Args = []Arg{number("total", st.Total)}
	case PhraseMany:
		p.Args = []Arg{number("most", st.Limit)}
	case PhrasePersonShut:
		p.Args = []Arg{{Name: "hours", Value: s.Hours}}
	case PhraseTongueOnly:
		p.Args = []Arg{{Name: "language", Kind: ArgLanguage, Value: w.d.Language}}
	default:
		switch {
		case strings.HasPrefix(s.Note, PhrasePersonBy):
			p.Args = []Arg{{Name: "hours", Value: s.Hours}}
		case strings.HasPrefix(s.Note, PhraseEcho):
			return w.echoed()
		case strings.HasPrefix(s.Note, PhraseLong):
			var limit string
			p.Key, limit, _ = strings.Cut(s.Note, " ")
			p.Args = []Arg{{Name: "limit", Kind: ArgNumber, Value: limit}}
		case strings.HasPrefix(s.Note, PhraseRemind):
			p.Args = []Arg{{Name: "title", Kind: ArgKey, Value: "title"}}
		case strings.HasPrefix(s.Note, PhraseRetry):
			p.Args = w.retryArgs(st)
		}
	}
	return p
}

func (w *walk) retryArgs(st *dialogs.Step) []Arg {
	switch st.Type {
	case dialogs.Number, dialogs.Scale:
		return bounds(st)
	case dialogs.Budget:
		return []Arg{number("total", st.Total), number("left", w.left(st))}
	}
	if n := len(st.Options); n > 0 {
		return []Arg{number("first", 1), number("last", min(n, 7))}
	}
	return nil
}

func bounds(st *dialogs.Step) []Arg {
	return []Arg{
		{Name: "min", Kind: ArgNumber, Value: strconv.FormatFloat(st.Min, 'f', -1, 64)},
		{Name: "max", Kind: ArgNumber, Value: strconv.FormatFloat(st.Max, 'f', -1, 64)},
	}
}

func number(name string, n int) Arg { return Arg{Name: name, Kind: ArgNumber, Value: strconv.Itoa(n)} }

// left is what remains of a budget that is asked part by part.
func (w *walk) left(st *dialogs.Step) int {
	left := st.Total
	for _, v := range w.s.Part {
		n, _ := strconv.Atoi(v)
		left -= n
	}
	return left
}
