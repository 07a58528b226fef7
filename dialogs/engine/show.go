package engine

import (
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/dialogs"
)

// Show returns what is on show for the state: the same prompts that the last Step gave, for reading the next answer
// against and for showing again. can and at are those of the channel and moment at hand.
func Show(d *dialogs.Dialog, s *State, can Can, at time.Time) []Prompt {
	w := walk{d: d, s: *s, in: Input{Can: can, At: at}}
	if !s.sound(d) {
		return nil
	}
	return w.show()
}

// dated is the argument for a moment's day.
func dated(name string, t time.Time) []Arg {
	return []Arg{{Name: name, Kind: ArgDate, Value: t.Format(time.DateOnly)}}
}

func phrase(key string, args ...Arg) Prompt { return Prompt{Key: key, Step: -1, Args: args} }

func (w *walk) show() []Prompt {
	s := &w.s
	room := 2 // a note and the question
	if s.From < 0 {
		room = 6
	}
	out := make([]Prompt, 0, room)
	switch s.Mode {
	case Over:
		return w.last(out)
	case Paused:
		note := s.Note
		if note == "" {
			note = PhraseLater
		}
		return append(out, phrase(note))
	}
	if s.Step < 0 {
		return out
	}
	if s.Note != "" {
		out = append(out, w.note())
	}
	if s.Note == PhrasePerson && w.calls() && w.in.Can.Live { // they are put through: nothing else is asked
		return out
	}
	switch s.Mode {
	case Confirming:
		return append(out, w.confirming())
	case Helping:
		return append(out, w.help()...)
	case Tongue:
		return append(out, w.tongues())
	case Stuck:
		return append(out, Prompt{Key: PhraseStuck, Asks: Pick, Step: -1, Options: w.ways()})
	case Erasing:
		return append(out, Prompt{Key: PhraseErase, Asks: Pick, Step: -1, Options: menu("@erase.", "yes", "no")})
	case Changing:
		return append(out, w.changing())
	case Which:
		return append(out, w.which())
	}
	switch {
	case s.Note == "" && written(w.st().Type) && len(w.written()) > 0: // in the middle of a sentence
	case w.calls() && len(s.Part) > 0 && (s.Note == "" || strings.HasPrefix(s.Note, PhraseEcho)): // they were said with the first part
	case leads(s.Note), w.resumes() && s.From < 0:
		out = w.statements(out)
	case w.resumes() && w.d.Secrecy == dialogs.Secret && w.in.Can.Carried: // perhaps it was begun where nobody listens in
		out = append(out, phrase(PhraseCarried))
	}
	return append(out, w.question())
}

// menu makes options of the engine's own.
func menu(prefix string, ids ...string) []Option {
	out := make([]Option, len(ids))
	for i, id := range ids {
		out[i] = Option{ID: id, Key: prefix + id, Place: i}
	}
	return out
}

// reviewed says whether answers of this type are read back.
func reviewed(t dialogs.Type) bool {
	switch t {
	case dialogs.Review, dialogs.Consent, dialogs.Code, dialogs.Status, dialogs.Similar:
		return false
	}
	return t.Asks()
}

func (w *walk) items() []Item {
	s := &w.s
	out := make([]Item, 0, len(s.Answers))
	for i := range s.Answers {
		a := &s.Answers[i]
		if a.Step >= s.Step {
			break
		}
		if st := &w.d.Steps[a.Step]; a.Skip != NotAsked && reviewed(st.Type) {
			out = append(out, Item{Key: st.ID, Step: a.Step, Answer: a, Change: w.carries(a.Step)})
		}
	}
	return out
}

func (w *walk) changing() Prompt {
	items := w.items()
	p := Prompt{Key: PhraseEdit, Asks: Pick, Step: -1, Options: make([]Option, 0, len(items))}
	for _, it := range items {
		if w.carries(it.Step) {
			p.Options = append(p.Options, Option{ID: w.d.Steps[it.Step].ID, Key: it.Key, Place: len(p.Options)})
		}
	}
	return p
}

// which asks which of the readings that fit was meant; the options keep their digits.
func (w *walk) which() Prompt {
	p := Prompt{Key: PhraseWhich, Asks: Pick, Step: -1}
	q := w.question()
	for i, v := range w.s.Among {
		o := Option{ID: v, Place: i}
		if w.d.Steps[w.s.Step].Type == dialogs.Date {
			o.Args = []Arg{{Name: "date", Kind: ArgDate, Value: v}}
		} else {
			for _, x := range q.Options {
				if x.ID == v {
					o = x
				}
			}
		}
		p.Options = append(p.Options, o)
	}
	return p
}

// statements are the words that lead up to the open question.
func (w *walk) statements(out []Prompt) []Prompt {
	s := &w.s
	opening := s.From < 0
	for i := max(s.From, 0); i < s.Step; i++ {
		st := &w.d.Steps[i]
		switch {
		case st.Type == dialogs.Say && w.applies(i):
			out = append(out, Prompt{Key: st.ID, Step: i, Args: w.insertions(st.ID)})
		case st.Type == dialogs.Status:
			out = w.standing(out)
		}
	}
	if opening {
		out = w.opening(out)
	}
	return out
}

// opening tells what everyone must know before they answer: who decides, what becomes of the answer, how to get help.
func (w *walk) opening(out []Prompt) []Prompt {
	if w.d.Purpose == dialogs.Consultation {
		if w.d.Decides.Text != "" {
			out = append(out, Prompt{Key: "decides", Step: -1})
		}
		switch hidden := w.hidden(); {
		case hidden && w.d.Secrecy == dialogs.Public:
			out = append(out, phrase(PhraseOpenly))
		case hidden && w.d.Secrecy == dialogs.Confidential:
			out = append(out, phrase(PhraseHidden))
		case w.d.Secrecy == dialogs.Public:
			out = append(out, phrase(PhrasePublic))
		case w.d.Secrecy == dialogs.Confidential:
			out = append(out, phrase(PhraseConfidential))
		case w.d.Secrecy == dialogs.Secret && w.in.Can.Carried:
			out = append(out, phrase(PhraseCarried))
		case w.d.Secrecy == dialogs.Secret:
			out = append(out, phrase(PhraseSecret))
		}
		if w.hidden() && w.d.Who == dialogs.OneNumber {
			out = append(out, phrase(PhraseApart))
		}
		if w.in.Can.Behind && w.d.Who == dialogs.OneNumber {
			out = append(out, phrase(PhraseOwnPart))
		}
	}
	if w.s.Hint && w.in.Can.Form != Screen { // a screen has buttons for help and for languages
		if !w.calls() { // there every page ends with how to get help
			out = append(out, phrase(PhraseHint))
		}
		if len(w.d.Languages) > 0 {
			others := slices.DeleteFunc(w.d.AllLanguages(), func(l string) bool { return l == w.s.Lang })
			out = append(out, phrase(PhraseTongues, Arg{Name: "languages", Kind: ArgLanguage, Value: strings.Join(others, " ")}))
		}
	}
	return out
}

// standing says where the requests that were found stand.
func (w *walk) standing(out []Prompt) []Prompt {
	for _, f := range w.s.Found {
		key := PhraseStatus
		args := []Arg{
			{Name: "reference", Kind: ArgReference, Value: f.Ref},
			{Name: "label", Value: f.What},
			{Name: "state", Kind: ArgPhrase, Value: "@request." + f.State},
		}
		if f.Due != "" {
			args = append(args, Arg{Name: "due", Kind: ArgDate, Value: f.Due})
		} else {
			key = PhraseStatusOpen
		}
		out = append(out, phrase(key, args...))
	}
	return out
}

// question is the open step's question.
func (w *walk) question() Prompt {
	s := &w.s
	st := &w.d.Steps[s.Step]
	p := Prompt{Key: st.ID, Asks: st.Type, Step: s.Step, Skip: st.Optional, Args: w.insertions(st.ID), Way: w.way()}
	if s.Back {
		if a, ok := s.Answer(s.Step); ok && a.Skip == Answered {
			p.Skip = true
			if len(s.Part) == 0 {
				p.Old = a
			}
		}
	}
	switch st.Type {
	case dialogs.Choice, dialogs.Choices:
		p.Options = w.options(st)
		if len(s.Part) > 0 {
			p.Given = s.Part
			if w.calls() {
				p.Options = without(p.Options, s.Part)
			}
		}
	case dialogs.Scale:
		p.Options = plain(st)
	case dialogs.Rank:
		p.Options = w.options(st)
		if len(s.Part) > 0 || w.in.Can.Piecewise || w.in.Can.InTurn {
			p.Part = 1 + len(s.Part)
			p.Given = s.Part
			p.Options = without(p.Options, s.Part)
		}
	case dialogs.Budget:
		p.Options = plain(st) // amounts are given in this order, so it is never rotated
		p.Total = st.Total
		p.Given = s.Part
		if (len(s.Part) > 0 || w.in.Can.Piecewise) && w.in.Can.Form != Screen { // a screen has room for all of it
			p.Part = 1 + len(s.Part)
			p.Total = w.left(st)
		}
	case dialogs.Words:
		p.Given = w.written()
	case dialogs.Place:
		p.Given = w.written()
		if w.in.Can.Form == Screen { // cards beside the field for any other place; elsewhere the list is too long to be said
			p.Options = plain(st)
		}
	case dialogs.YesNo, dialogs.Consent:
		p.Options = []Option{{ID: "yes", Key: PhraseYes}, {ID: "no", Key: PhraseNo, Place: 1}}
		p.Skip = p.Skip && st.Type == dialogs.YesNo
	case dialogs.Similar:
		for i, f := range s.Found {
			p.Options = append(p.Options, Option{ID: f.Ref, Words: f.What, Place: i})
		}
		p.Options = append(p.Options, Option{ID: "none", Key: PhraseNone, Place: len(s.Found)})
	case dialogs.Review:
		p.Items = w.items()
		p.Skip = false
		p.Options = []Option{{ID: "ok", Key: PhraseReviewOK}, {ID: "change", Key: PhraseReviewEdit, Place: 1}}
		if w.calls() {
			p.Options[0].Key, p.Options[1].Key = "@speech.to.ok", "@speech.to.change"
		}
		if len(p.Items) == 0 {
			p.Options = p.Options[:1]
		}
		if st.Say.Text == "" {
			p.Key = PhraseReview
		}
	case dialogs.Code:
		p.Key, p.Skip = PhraseCode, false
	case dialogs.Status:
		if st.Say.Text == "" {
			p.Key = PhraseStatusAsk
		}
	}
	return p
}

// plain gives a step's options in the order of the dialog.
func plain(st *dialogs.Step) []Option {
	out := make([]Option, len(st.Options))
	for i := range st.Options {
		out[i] = Option{ID: st.Options[i].ID, Key: st.Options[i].Key, Place: i}
	}
	return out
}

// options gives a step's options in the order of this conversation.
func (w *walk) options(st *dialogs.Step) []Option {
	out := plain(st)
	if !st.Rotate {
		return out
	}
	free := out[:0:0]
	var last []Option
	for i, o := range out {
		if st.Options[i].Last {
			last = append(last, o)
		} else {
			free = append(free, o)
		}
	}
	x := w.s.Seed ^ uint64(w.s.Step+1)*0x9e3779b97f4a7c15
	for i := len(free) - 1; i > 0; i-- { // Fisher–Yates over splitmix64
		x += 0x9e3779b97f4a7c15
		z := (x ^ x>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		j := int((z ^ z>>31) % uint64(i+1))
		free[i], free[j] = free[j], free[i]
	}
	out = append(free, last...)
	for i := range out {
		out[i].Place = i
	}
	return out
}

// Order returns the ids of a step's options in the order that this conversation shows them.
func Order(d *dialogs.Dialog, s *State, step int) []string {
	w := walk{d: d, s: *s}
	w.s.Step = step
	var ids []string
	for _, o := range w.options(&d.Steps[step]) {
		ids = append(ids, o.ID)
	}
	return ids
}

// without leaves out the options already given; the others keep their digits.
func without(options []Option, given []string) []Option {
	out := options[:0]
next:
	for _, o := range options {
		for _, g := range given {
			if g == o.ID {
				continue next
			}
		}
		out = append(out, o)
	}
	return out
}

// last is what is said when the conversation is over.
func (w *walk) last(out []Prompt) []Prompt {
	s := &w.s
	st := &dialogs.Step{}
	if s.Step >= 0 && s.Step < len(w.d.Steps) {
		st = &w.d.Steps[s.Step]
	}
	switch s.End {
	case "notopen":
		return append(out, phrase(PhraseNotOpen, dated("date", w.d.Opens)...))
	case "closed":
		return append(out, phrase(PhraseClosed, dated("date", w.d.Closes.Add(-time.Second))...)) // its last day
	case "voted":
		if st.Type == dialogs.Code {
			return append(out, phrase(PhraseCodeUsed))
		}
		return append(out, phrase(PhraseVoted))
	case "erased":
		return append(out, phrase(PhraseErased))
	case "expired":
		return append(out, phrase(PhraseExpired))
	case "withdrawn":
		return append(out, phrase(PhraseWithdrawn))
	case "refused":
		if st.Refuse.Text == "" {
			return append(out, phrase(PhraseRefused))
		}
		return append(out, Prompt{Key: st.ID + ".refuse", Step: s.Step, Args: w.insertions(st.ID + ".refuse")})
	case "handoff":
		out = w.statements(out)
		key := st.ID
		if s.Shut {
			key += ".closed"
		}
		out = append(out, Prompt{Key: key, Step: s.Step, Args: w.insertions(key)})
		if !s.Shut && w.in.Can.Form == Screen {
			out = append(out, phrase(PhrasePersonHere))
		}
		return out
	}
	out = w.statements(out)
	if s.Note == PhraseUnchecked {
		out = append(out, w.note())
	}
	if st.Type == dialogs.End {
		out = append(out, Prompt{Key: st.ID, Step: s.Step, Args: w.insertions(st.ID)})
	}
	return out
}

// insertions gives the values for each ${name} in a text of the dialog.
func (w *walk) insertions(key string) []Arg {
	names := w.d.Insertions(key)
	if len(names) == 0 {
		return nil
	}
	out := make([]Arg, 0, len(names))
	for _, n := range names {
		switch n {
		case "reference", "due":
			if w.s.Veiled {
				out = append(out, Arg{Name: n, Kind: ArgPhrase, Value: PhraseVeil})
				continue
			}
			if n == "due" {
				out = append(out, Arg{Name: n, Kind: ArgDate, Value: w.s.Due})
				continue
			}
			out = append(out, Arg{Name: n, Kind: ArgReference, Value: w.s.Ref})
		case "title":
			out = append(out, Arg{Name: n, Kind: ArgKey, Value: "title"})
		case "town": // render knows the town
		default:
			i := w.d.Index(n)
			a := Arg{Name: n, Kind: ArgAnswer, Step: i}
			if i >= 0 {
				a.Answer, _ = w.s.Answer(i)
			}
			if a.Answer != nil && a.Answer.Veiled {
				a = Arg{Name: n, Kind: ArgPhrase, Value: PhraseVeil}
			}
			out = append(out, a)
		}
	}
	return out
}
