package engine

import (
	"strconv"
	"strings"

	"github.com/townline/townline/dialogs"
)

// calls says whether the resident is on the telephone: they hear, press keys and speak, and see nothing.
func (w *walk) calls() bool { return w.in.Can.Form == Speech }

// confirms says whether what is given to the open question is said back and asked about before it is kept: what was keyed in
// or recorded, and what was chosen where no review reads it back later.
func (w *walk) confirms() bool {
	if !w.calls() || w.sure {
		return false
	}
	switch w.st().Type {
	case dialogs.Number, dialogs.Date, dialogs.Contact, dialogs.Code, dialogs.Status, dialogs.Words, dialogs.Place:
		return true
	}
	return chosen(w.st().Type) && w.unreviewed()
}

// chosen says whether answers of this type are made of options.
func chosen(t dialogs.Type) bool {
	switch t {
	case dialogs.Choice, dialogs.Choices, dialogs.Rank, dialogs.Budget, dialogs.YesNo, dialogs.Scale, dialogs.Similar:
		return true
	}
	return false
}

// unreviewed says whether the answer to the open question goes into a record without being read back before.
func (w *walk) unreviewed() bool {
	for i := w.s.Step + 1; i < len(w.d.Steps); i++ {
		switch st := &w.d.Steps[i]; {
		case st.Type == dialogs.Review && (st.When == nil || w.applies(i)):
			return false
		case st.Type == dialogs.Submit:
			return true
		}
	}
	return false // nothing is kept
}

// hold keeps an answer until it is confirmed.
func (w *walk) hold(a Answer) {
	w.settle()
	w.s.Held, w.s.Mode = &a, Confirming
}

// ask opens the question again that one of the engine's own stood before.
func (w *walk) ask() {
	w.settle()
	w.s.Mode = Asking
	switch {
	case w.s.Held == nil:
	case w.calls():
		w.s.Mode = Confirming
	default:
		w.s.Held = nil
	}
}

// confirmed takes the answer to whether what was given is right.
func (w *walk) confirmed(said string) {
	s := &w.s
	switch said {
	case "right":
		a := *s.Held
		s.Held, s.Mode, w.sure = nil, Asking, true
		w.settle()
		w.accept(a)
	case "redo":
		s.Held, s.Part = nil, nil // all of it, not its last part alone
		w.ask()
		s.Note = PhraseOnce
	default:
		w.unclear("")
	}
}

// accept takes an answer to the open question that nothing is to be asked about any more.
func (w *walk) accept(a Answer) {
	s, st := &w.s, w.st()
	switch st.Type {
	case dialogs.Code:
		s.Part = a.Values
		w.await(Effect{Kind: CheckCode, Values: a.Values})
	case dialogs.Status:
		s.Part = a.Values
		w.await(Effect{Kind: FindStatus, Step: st.ID, Values: a.Values})
	default:
		w.put(a)
		w.echo(a.Step)
		w.next()
	}
}

// confirming asks whether what was given is right.
func (w *walk) confirming() Prompt {
	a, st := w.s.Held, w.st()
	p := Prompt{Asks: Pick, Step: -1, Options: menu("@speech.to.", "right", "redo")}
	value := func(kind ArgKind, v string) []Arg { return []Arg{{Name: "answer", Kind: kind, Value: v}} }
	one := ""
	if len(a.Values) > 0 {
		one = a.Values[0]
	}
	switch st.Type {
	case dialogs.Number, dialogs.Contact, dialogs.Code, dialogs.Status:
		p.Key, p.Args = PhrasePressed, value(ArgKeyed, one)
		if strings.Contains(one, ".") {
			p.Args = value(ArgNumber, one)
		}
	case dialogs.Date:
		p.Key, p.Args = PhraseDay, value(ArgDate, one)
	case dialogs.Words, dialogs.Place:
		if len(a.Media) > 0 && w.choosing() {
			return p // they have heard themselves
		}
		if len(a.Media) > 0 {
			p.Key, p.Args = PhraseVoice, []Arg{{Name: "recording", Kind: ArgMedia, Value: a.Media[0].Ref}}
		} else {
			p.Key, p.Args = PhraseHeard, value(ArgWords, one)
		}
	default:
		p.Key, p.Args = PhraseChose, []Arg{w.wording(a)}
	}
	return p
}

// choosing says whether a caller is only told again what to choose from: nothing was heard, or understood.
func (w *walk) choosing() bool {
	return strings.HasPrefix(w.s.Note, PhraseSilent) || strings.HasPrefix(w.s.Note, PhraseRetry) || w.s.Note == PhraseThird
}

// wording is an answer as an argument.
func (w *walk) wording(a *Answer) Arg {
	if w.d.Steps[a.Step].Type == dialogs.Similar && len(a.Values) == 1 {
		for _, f := range w.s.Found {
			if f.Ref == a.Values[0] {
				return Arg{Name: "answer", Value: f.What}
			}
		}
	}
	if st := &w.d.Steps[a.Step]; len(a.Values) == 1 { // a text by itself, which may have been recorded
		switch st.Type {
		case dialogs.Choice, dialogs.Choices, dialogs.Scale:
			if i := option(st, a.Values[0]); i >= 0 {
				return Arg{Name: "answer", Kind: ArgKey, Value: st.Options[i].Key}
			}
		case dialogs.YesNo:
			return Arg{Name: "answer", Kind: ArgPhrase, Value: "@" + a.Values[0]}
		}
	}
	return Arg{Name: "answer", Kind: ArgAnswer, Step: a.Step, Answer: a}
}

// echo says what was chosen before what comes next, on a call: star takes it back.
func (w *walk) echo(step int) {
	if w.calls() && w.s.Note == "" && chosen(w.d.Steps[step].Type) && !w.sure {
		w.s.Note = PhraseEcho + " " + strconv.Itoa(step)
	}
}

// echoPart does the same with a part of an answer.
func (w *walk) echoPart() {
	if t := w.st().Type; w.calls() && w.s.Note == "" && (t == dialogs.Rank || t == dialogs.Budget) {
		w.s.Note = PhraseEcho
	}
}

// echoed is the note that says what was chosen.
func (w *walk) echoed() Prompt {
	s := &w.s
	p := phrase(PhraseEcho)
	if _, number, ok := strings.Cut(s.Note, " "); ok {
		step, _ := strconv.Atoi(number)
		if a, there := s.Answer(step); there {
			p.Args = []Arg{w.wording(a)}
		}
		return p
	}
	n, st := len(s.Part), w.st()
	if n == 0 || n > len(st.Options) {
		return p
	}
	if st.Type == dialogs.Budget {
		return phrase(PhraseShare, Arg{Name: "option", Kind: ArgKey, Value: st.Options[n-1].Key}, Arg{Name: "amount", Kind: ArgNumber, Value: s.Part[n-1]})
	}
	if i := option(st, s.Part[n-1]); i >= 0 {
		p.Args = []Arg{{Name: "answer", Kind: ArgKey, Value: st.Options[i].Key}}
	}
	return p
}

// Settle is s once the call is over that it was held on, or another begins: what was given and not confirmed yet is the
// answer, and the question is asked again with it. A code or a number to look up is asked for anew.
func Settle(d *dialogs.Dialog, s State) State {
	if s.Held == nil || !s.sound(d) {
		return s
	}
	a := *s.Held
	s.Held = nil
	w := walk{d: d, s: s}
	w.settle()
	w.s.Note = ""
	if s.Mode != Paused {
		w.s.Mode = Asking
	}
	if t := d.Steps[s.Step].Type; t != dialogs.Code && t != dialogs.Status {
		w.put(a)
		w.s.Back, w.s.Part = true, nil
	}
	return w.s
}
