package engine

import (
	"slices"

	"github.com/townline/townline/dialogs"
)

// Veil is s for whoever calls from a number: the number alone says nothing of who they are, so nothing that was given before
// the call is told on it. All of it still counts, and can be answered anew.
func Veil(d *dialogs.Dialog, s State) State {
	if !s.sound(d) { // it ends with the next step
		return s
	}
	s = writtenSoFar(d, s)
	s.Answers = slices.Clone(s.Answers)
	for i := range s.Answers {
		if a := &s.Answers[i]; a.Skip == Answered && d.Steps[a.Step].Type != dialogs.Review {
			a.Veiled = true
		}
	}
	s.Veiled = s.Veiled || s.Ref != ""
	s.Note, s.Found, s.Part, s.Among = "", nil, nil, nil
	if s.Mode != Over && s.Mode != Paused && s.Mode != Waiting && s.Held == nil {
		s.Mode, s.Page, s.Tries, s.Silent = Asking, 0, 0, 0
	}
	return s
}

// Unveil is s for somebody who wrote from their own address, or brought a code.
func Unveil(s State) State {
	s.Veiled = false
	if slices.ContainsFunc(s.Answers, func(a Answer) bool { return a.Veiled }) {
		s.Answers = slices.Clone(s.Answers)
		for i := range s.Answers {
			s.Answers[i].Veiled = false
		}
	}
	return s
}

// Hidden says whether there is anything in s that isn't told on this call.
func (s *State) Hidden() bool {
	return s.Veiled || slices.ContainsFunc(s.Answers, func(a Answer) bool { return a.Veiled })
}

// veiled says whether one of the answers that a step compares isn't told on this call: what is found with them would tell it.
func (w *walk) veiled(st *dialogs.Step) bool {
	return slices.ContainsFunc(st.Compare, func(id string) bool {
		a, ok := w.s.Answer(w.d.Index(id))
		return ok && a.Veiled
	})
}
