package engine

import (
	"slices"
	"strings"

	"github.com/townline/townline/dialogs"
)

// valuesOf is what conditions see: canonical values of what was really answered.
func (w *walk) valuesOf(step int) ([]string, bool) {
	a, ok := w.s.Answer(step)
	if !ok || a.Skip != Answered {
		return nil, false
	}
	return a.Values, true
}

func (w *walk) applies(i int) bool {
	c := w.d.Steps[i].When
	return c == nil || c.Holds(w.valuesOf)
}

// own makes s.Answers writable without touching the caller's state.
func (w *walk) own() {
	if !w.owned {
		grown := make([]Answer, len(w.s.Answers), len(w.s.Answers)+2)
		copy(grown, w.s.Answers)
		w.s.Answers, w.owned = grown, true
	}
}

// put keeps an answer, in the order of the steps, and drops what rested on the one before.
func (w *walk) put(a Answer) {
	w.own()
	s := &w.s
	unsaid := w.unsaid(a.Step)
	defer w.tell(unsaid)
	changed := true
	at, there := slices.BinarySearchFunc(s.Answers, a.Step, func(x Answer, step int) int { return x.Step - step })
	if there {
		old := &s.Answers[at]
		changed = old.Skip != a.Skip || !slices.Equal(old.Values, a.Values) || !slices.EqualFunc(old.Media, a.Media, func(x, y Media) bool { return x.Ref == y.Ref })
		*old = a
	} else {
		s.Answers = slices.Insert(s.Answers, at, a)
	}
	if changed {
		w.loosen(a.Step)
	}
}

// loosen drops what rested on the answer to step i: what was found with it, and that all was right.
func (w *walk) loosen(i int) {
	id := w.d.Steps[i].ID
	w.s.Answers = slices.DeleteFunc(w.s.Answers, func(x Answer) bool {
		st := &w.d.Steps[x.Step]
		return x.Step > i && (st.Type == dialogs.Review || st.Type == dialogs.Similar && slices.Contains(st.Compare, id))
	})
}

func (w *walk) drop(i int) {
	if _, ok := w.s.Answer(i); ok {
		w.own()
		w.s.Answers = slices.DeleteFunc(w.s.Answers, func(x Answer) bool { return x.Step == i })
		w.loosen(i)
	}
}

// unsaid are the statements behind step i that the conversation has gone past and that did not apply.
func (w *walk) unsaid(i int) []int {
	var out []int
	for i++; i < w.s.Far; i++ {
		if w.d.Steps[i].Type == dialogs.Say && !w.applies(i) {
			out = append(out, i)
		}
	}
	return out
}

// tell sees to it that the first of these statements that applies now is said.
func (w *walk) tell(unsaid []int) {
	for _, i := range unsaid {
		if w.applies(i) {
			w.untold = i
			return
		}
	}
}

// next goes on after the open question was answered or left out.
func (w *walk) next() {
	note := w.s.Note
	w.settle()
	w.s.Mode, w.s.Part, w.s.Held, w.s.Back, w.s.Note = Asking, nil, nil, false, note
	if w.s.Return > 0 {
		w.s.Return = 0
		if w.s.Note == "" {
			w.s.Note = PhraseEdited
		}
	}
	from := w.s.Far
	if w.s.From > w.s.Step { // still to be said: the open question stood before it
		from = min(from, w.s.From)
	}
	if w.untold > 0 {
		from = min(from, w.untold)
	}
	w.s.From = from
	w.advance()
	if s := &w.s; s.Mode == Asking && strings.HasPrefix(s.Note, PhraseEcho) && w.st().Type == dialogs.Review { // it reads everything back
		s.Note = ""
	}
}

// advance reads the steps downwards from the first and stops at the first that waits for the resident or the town, or that
// ends the dialog. Answers to steps that no longer apply are dropped on the way. Statements before Far were said already.
func (w *walk) advance() {
	s := &w.s
	for i := range w.d.Steps {
		st := &w.d.Steps[i]
		if !w.applies(i) {
			w.drop(i)
			continue
		}
		switch st.Type {
		case dialogs.Say:
			s.Far = max(s.Far, i)
		case dialogs.End:
			w.reach(i)
			w.over(st.ID)
			return
		case dialogs.Handoff:
			w.reach(i)
			w.await(Effect{Kind: PassOn, Step: st.ID, To: st.To, Record: w.record()})
			return
		case dialogs.Submit:
			if s.Kept {
				continue
			}
			w.reach(i)
			w.submit(st)
			return
		default:
			a, ok := s.Answer(i)
			if ok {
				if st.Type == dialogs.Consent && !st.Optional && !s.Kept && len(a.Values) == 1 && a.Values[0] == "no" {
					w.reach(i)
					w.over("refused")
					return
				}
				continue
			}
			if w.passes(i, st) {
				continue
			}
			w.reach(i)
			switch st.Type {
			case dialogs.Similar:
				w.await(Effect{Kind: FindSimilar, Step: st.ID, Values: w.compared(st)})
			case dialogs.Status:
				if w.calls() { // a caller's number alone opens nothing
					return
				}
				w.await(Effect{Kind: FindStatus, Step: st.ID})
			}
			return
		}
	}
	// The checker refuses a dialog that runs out of steps; should one get here, it ends.
	s.Step = len(w.d.Steps) - 1
	w.over("end")
}

// reach makes step i the open one.
func (w *walk) reach(i int) {
	w.s.Step = i
	w.s.Far = max(w.s.Far, i)
}

// carries says whether the channel at hand can carry an answer to step i. On a call nobody can write: own words are recorded,
// and left out where no voice may be kept.
func (w *walk) carries(i int) bool {
	switch st := &w.d.Steps[i]; st.Type {
	case dialogs.Photo:
		return w.in.Can.Photo
	case dialogs.Words, dialogs.Place:
		return !w.calls() || w.records()
	}
	return true
}

// records says whether own words are recorded here, whatever the dialog says of voices.
func (w *walk) records() bool { return w.calls() && w.in.Can.Voice && w.d.Recordable() }

// passes leaves out a question that the channel can't carry, or whose answer it already gives.
func (w *walk) passes(i int, st *dialogs.Step) bool {
	switch {
	case !w.carries(i):
	case st.Type == dialogs.Contact && w.in.Can.Address:
	case st.Type == dialogs.Similar && w.calls() && (w.veiled(st) || w.s.Veiled):
	default:
		return false
	}
	w.put(Answer{Step: i, Skip: NotAsked})
	return true
}

func (w *walk) compared(st *dialogs.Step) []string {
	out := make([]string, 0, len(st.Compare))
	for _, id := range st.Compare {
		v := ""
		if vs, ok := w.valuesOf(w.d.Index(id)); ok && len(vs) > 0 {
			v = vs[0]
		}
		out = append(out, v)
	}
	return out
}

// submit asks the town to keep the record; consents that were given go along.
func (w *walk) submit(st *dialogs.Step) {
	s := &w.s
	e := Effect{Kind: Keep, Step: st.ID, Record: w.record()}
	for i := range s.Answers {
		a := &s.Answers[i]
		t := &w.d.Steps[a.Step]
		if a.Skip != Answered || len(a.Values) == 0 {
			continue
		}
		switch t.Type {
		case dialogs.Contact:
			e.Contact = a.Values[0]
		case dialogs.Consent:
			w.consent(a)
		case dialogs.Code:
			e.Values = []string{a.Values[0]}
		}
	}
	w.await(e)
}

// consent hands a yes or no to the town, with the words as they were asked.
func (w *walk) consent(a *Answer) {
	id := w.d.Steps[a.Step].ID
	words, lang := w.d.Text(a.Lang, id)
	w.effects = append(w.effects, Effect{Kind: KeepConsent, Step: id, Consent: &Consent{Step: id, Words: words.Text, Lang: lang, Yes: a.Values[0] == "yes"}})
}

// outcome takes the town's answer to the effect that was waited for.
func (w *walk) outcome() {
	s, r := &w.s, w.in.Result
	if s.Mode != Waiting {
		return
	}
	kind := s.Await
	s.Mode, s.Await = Asking, ""
	switch kind {
	case CheckVoted:
		if r["voted"] == "yes" {
			w.over("voted")
			return
		}
		w.advance()
	case CheckCode:
		w.checked(r)
	case FindSimilar:
		w.similar()
	case FindStatus:
		w.status()
	case Keep:
		w.kept(r)
	case PassOn:
		w.passed(r)
	}
}

func (w *walk) checked(r map[string]string) {
	s, code := &w.s, r["code"]
	pending := s.Part
	s.Part = nil
	switch {
	case code == "good" && len(pending) == 1:
		w.put(Answer{Step: s.Step, Values: pending})
		w.next()
	case code == "used":
		w.over("voted")
	case r["away"] == "yes":
		w.unclear(PhraseAway)
	default:
		w.unclear(PhraseCodeUnknown)
	}
}

func (w *walk) similar() {
	s := &w.s
	if len(w.in.Found) == 0 {
		w.put(Answer{Step: s.Step, Skip: NotAsked})
		w.advance()
		return
	}
	s.Found = slices.Clone(w.in.Found[:min(len(w.in.Found), 6)])
}

func (w *walk) status() {
	s := &w.s
	asked := len(s.Part) == 1 // a reference was typed
	s.Part = nil
	switch {
	case len(w.in.Found) > 0:
		s.Found = slices.Clone(w.in.Found[:min(len(w.in.Found), 3)])
		w.put(Answer{Step: s.Step, Skip: NotAsked})
		w.next()
	case asked && w.in.Result["away"] == "yes":
		w.unclear(PhraseAway)
	case asked:
		w.unclear(PhraseStatusNone)
	}
}

func (w *walk) kept(r map[string]string) {
	s := &w.s
	if r["counted"] == "before" {
		w.over("voted")
		return
	}
	s.Kept, s.Ref, s.Due, s.Veiled = true, r["reference"], r["due"], false
	if r["unchecked"] == "yes" {
		s.Note = PhraseUnchecked
	}
	w.advance()
}

func (w *walk) passed(r map[string]string) {
	s := &w.s
	open := r["open"] == "yes"
	if w.d.Steps[s.Step].Type == dialogs.Handoff {
		s.Shut = !open
		w.over("handoff")
		return
	}
	w.ask() // what was given is still to be confirmed
	s.Hours = r["hours"]
	if s.Note = PersonPhrase(r); open && w.calls() && w.in.Can.Live { // they are put through
		s.Note = PhrasePerson
	}
}

// PersonPhrase is what somebody is told who asked for a person, by the Result of PassOn.
func PersonPhrase(r map[string]string) string {
	open := r["open"] == "yes"
	switch by := r["by"]; {
	case by == "text" || by == "call" || by == "pin":
		if open {
			return PhrasePersonBy + by
		}
		return PhrasePersonBy + by + ".closed"
	case open:
		return PhrasePerson
	}
	return PhrasePersonShut
}
