package engine

import (
	"time"

	"github.com/townline/townline/dialogs"
)

// patience is how many misunderstandings, or silences, in a row are met with another wording before the resident is
// offered a person.
const patience = 3

// loop is how many inputs in a row may mean nothing before a text is left without an answer: two machines that answer each
// other stop. It is two rounds of patience, with the menus in between. Who writes again after a lull is answered again.
const (
	loop = 4*patience + 1
	lull = time.Hour
)

// ringAfter is when somebody who asked for it is called back.
const ringAfter = time.Hour

func (w *walk) silence() {
	s := &w.s
	s.Silent++
	switch {
	case s.Silent <= patience:
		n := s.Silent
		if n == patience && w.hidden() { // the third says that answers are kept
			n--
		}
		s.Note = PhraseSilent + string(rune('0'+n))
	case s.Mode != Stuck:
		s.Silent, s.Page, s.Mode = 1, 0, Stuck
		if w.calls() {
			s.Note = PhraseNothing
		}
	default:
		w.pause()
	}
}

func (w *walk) pause() {
	w.settle()
	w.s.Mode, w.s.Note = Paused, PhraseLater
	if w.hidden() {
		w.s.Note = PhraseLost
	}
}

// hidden says whether somebody calls who doesn't show their number: nobody finds their answers again, or can call them back.
func (w *walk) hidden() bool { return w.calls() && !w.in.Can.Address && !w.in.Can.Behind }

// rings says whether a caller can be called back: they show their number, and it is one that the town may ring.
func (w *walk) rings() bool { return w.calls() && w.in.Can.Address && w.in.Can.Ring }

func (w *walk) unsure() {
	s := &w.s
	if len(w.in.Values) < 2 || s.Mode != Asking {
		w.unclear("")
		return
	}
	for _, v := range w.in.Values {
		if !w.fits(v) {
			w.unclear("")
			return
		}
	}
	s.Page, s.Mode = 0, Which
	s.Among = append([]string(nil), w.in.Values...)
}

// unclear meets what was not understood; note is the phrase that says why, when that is known. On a call there is a third
// wording, and whoever still presses keys is never sent away.
func (w *walk) unclear(note string) {
	s := &w.s
	s.Tries++
	most := uint8(patience)
	if w.calls() {
		most++
	}
	again := PhraseRetry + string(Pick) + ".1"
	if w.calls() && s.Tries > 1 {
		again = PhraseRetry + string(Pick) + ".2"
	}
	if s.Tries == patience {
		again = PhraseThird
	}
	switch {
	case s.Mode == Asking:
	case s.Tries < most:
		s.Note = again
		return
	case s.Mode == Which || s.Mode == Changing || s.Mode == Erasing:
		w.ask()
		return
	case w.calls():
		w.settle()
		s.Mode, s.Note = Stuck, PhraseSorry
		return
	default:
		w.pause()
		return
	}
	if s.Tries >= most {
		st := &w.d.Steps[s.Step]
		if st.Optional && !s.Back && st.Type != dialogs.Review && st.Type != dialogs.Consent {
			w.put(Answer{Step: s.Step, Skip: GivenUp})
			w.next()
			w.s.Note = PhraseSkipped
			return
		}
		w.settle()
		s.Mode = Stuck
		if w.calls() {
			s.Note = PhraseSorry
		}
		return
	}
	if note == "" {
		note = w.retry()
	}
	s.Note = note
}

// retry is the wording for this misunderstanding: the author's, or the locale's for this kind of question.
func (w *walk) retry() string {
	st := &w.d.Steps[w.s.Step]
	n := int(w.s.Tries)
	if n == patience && n > len(st.Retry) {
		return PhraseThird
	}
	if len(st.Retry) > 0 {
		n = min(n, len(st.Retry))
		return st.ID + ".retry." + string(rune('0'+n))
	}
	t := st.Type
	if w.dials() { // there it is asked part by part
		switch t {
		case dialogs.Rank:
			t = dialogs.Choice
		case dialogs.Budget:
			t = dialogs.Number
		}
	}
	return PhraseRetry + string(t) + "." + string(rune('0'+min(n, 2)))
}

// dials says whether the resident has keys and one screen at a time: a menu on any handset (USSD).
func (w *walk) dials() bool { return w.in.Can.Form == Text && w.in.Can.Live }
