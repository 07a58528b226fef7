package talk

import (
	"slices"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// Text is a text message to a number that a resident gave: the code to go on with there. Or to the one that they have written
// from: what a call asked for in its name.
type Text struct {
	Number string // E.164; "" is their own
	Page   render.Page
}

// carry gives a code with which the open conversation can be gone on with elsewhere, and shows where we are below it.
func (x *hearing) carry(in engine.Input) error {
	d := x.now()
	if d == nil {
		x.lobby(engine.PhraseCarryNothing)
		return x.hall()
	}
	if x.calls() && x.m.Now.Hidden() || x.claimed() { // with the code, whoever called would see what isn't told on the call, or what is said later
		if x.m.Hall != nil {
			x.lobby("@speech.carry")
			return x.hall()
		}
		now := *x.m.Now
		now.Page, now.Note = 0, "@speech.carry"
		x.m.Now = &now
		return x.looked()
	}
	if c := x.m.Code; c == nil || len(c.To) > 0 || x.h.At.Unix() >= c.Until || !c.fits(x.m.Now) {
		out, err := x.ask(Effect{Effect: engine.Effect{Kind: engine.Carry, Waits: true}, Dialog: d})
		if err != nil {
			return err
		}
		if out.Result["away"] == "yes" {
			x.lobby(engine.PhraseAway)
			return x.hall()
		}
		until, err := time.ParseInLocation(time.DateOnly, out.Result["until"], x.h.At.Location())
		if err != nil || out.Result["code"] == "" {
			x.lobby(engine.PhraseCarryNothing)
			return x.hall()
		}
		x.m.Code = &Code{
			Digits: out.Result["code"], Until: until.AddDate(0, 0, 1).Unix(), // the whole of that day
			ID: x.m.Now.Pin.ID, Began: x.m.Now.Began,
		}
	}
	s, w := x.m.Now, x.words(d, x.m.Now.Lang)
	until := time.Unix(x.m.Code.Until, 0).In(x.h.At.Location()).AddDate(0, 0, -1).Format(time.DateOnly)
	args := []engine.Arg{{Name: "code", Kind: engine.ArgCode, Value: x.m.Code.Digits}, {Name: "until", Kind: engine.ArgDate, Value: until}}
	prompts := []engine.Prompt{{Key: engine.PhraseCarry, Step: -1, Args: args}}
	if len(in.Values) == 1 { // a number to text it to
		note := engine.PhraseCarrySent
		switch {
		case in.Values[0] == "":
			note = engine.PhraseCarryNumber
		case !x.t.Texts:
			note = engine.PhraseCarryNotSent
		default:
			text := engine.Prompt{Key: engine.PhraseCarryText, Step: -1, Args: args}
			for _, p := range render.Render(w, []engine.Prompt{text}, render.SMS) {
				x.said.Texts = append(x.said.Texts, Text{Number: in.Values[0], Page: p})
			}
		}
		prompts = append([]engine.Prompt{{Key: note, Step: -1}}, prompts...)
	}
	if x.m.Hall == nil {
		now := *s
		now.Page, now.Note, now.From = 0, "", now.Step // the question alone
		x.m.Now = &now
		prompts = append(prompts, engine.Show(d, &now, x.h.Traits.Can, x.h.At)...)
	} else {
		prompts = append(prompts, x.hallPrompts(x.lang())...)
	}
	x.show(w, prompts, 0, false)
	return nil
}

// brought takes a code that goes on with a conversation from elsewhere; it says whether it was one.
func (x *hearing) brought() (bool, error) {
	code, ok := ParseCode(x.h.Words)
	if !ok || x.h.Kind != Words && x.h.Kind != Came || x.h.Choice != "" || len(x.h.Media) > 0 || x.typed() {
		return false, nil
	}
	if d := x.now(); d != nil && x.m.Hall == nil && x.m.Now.Mode == engine.Asking && x.m.Now.Step >= 0 {
		switch d.Steps[x.m.Now.Step].Type { // nine digits may well be the answer
		case dialogs.Number, dialogs.Contact, dialogs.Code:
			return false, nil
		}
	}
	out, err := x.ask(Effect{Effect: engine.Effect{Kind: engine.Redeem, Waits: true, Values: []string{code}}})
	if err != nil {
		return false, err
	}
	switch {
	case out.Result["code"] == "good" && out.State != nil && x.t.Dialogs.Pinned(out.State.Pin) != nil:
		x.m.Taken = append(slices.Clone(x.m.Taken), code)
		x.m.Taken = x.m.Taken[max(len(x.m.Taken)-most, 0):]
		return true, x.goOn(*out.State)
	case out.Result["code"] == "own" && x.now() != nil:
		own := engine.Unveil(*x.m.Now)
		x.m.Now = &own
		return true, x.resume(x.now())
	case out.Result["away"] == "yes":
		x.lobby(engine.PhraseAway)
		return true, x.hall()
	case x.m.Hall != nil && x.m.Hall.Kind == CodeHall:
		return true, x.noCode()
	case x.m.Now == nil || x.m.Hall != nil:
		x.lobby(engine.PhraseCarryUnknown)
		return true, x.hall()
	}
	return false, nil
}

// goOn makes a conversation that was brought from elsewhere the open one. One about the same dialog gives way to it.
func (x *hearing) goOn(s engine.State) error {
	if x.m.Now != nil && x.m.Now.Pin.ID == s.Pin.ID {
		x.m.Now = nil
	}
	x.m.Aside = slices.DeleteFunc(slices.Clone(x.m.Aside), func(a engine.State) bool { return a.Pin.ID == s.Pin.ID })
	x.setAside()
	s = engine.Unveil(s)
	s.Page = 0
	x.m.Now, x.m.Hall, x.m.Before = &s, nil, true
	if x.m.Lang == "" {
		x.m.Lang = s.Lang
	}
	return x.step(x.now(), engine.Input{Kind: engine.Resume, Lang: x.m.Lang, New: true})
}

// Take marks the conversation that the code is for as taken along by whoever to names. It gives the conversation, or nil when
// there is none to be had with this code at that time. The same taker gets it again, until Release or GiveBack.
func (m *Memory) Take(code string, at time.Time, to []byte) *engine.State {
	c, carried := m.Code, m.Carried()
	switch {
	case carried == nil || bare(c.Digits) != code || at.Unix() >= c.Until:
		return nil
	case len(c.To) > 0 && (c.Back || !slices.Equal(c.To, to)):
		return nil
	}
	c.To, c.At = slices.Clone(to), at.Unix()
	s := *carried
	return &s
}

// Retake marks the conversation of a code as taken along by the very one who had it by Take before, however long ago that
// was. It says false where it is not to be had any more: it went on here meanwhile and ended, or was taken along by another
// code.
func (m *Memory) Retake(code string, at time.Time, to []byte) bool {
	c := m.Code
	if m.Carried() == nil || bare(c.Digits) != code || !slices.Equal(c.To, to) {
		return false
	}
	c.At, c.Back = at.Unix(), false
	return true
}

// GiveBack lets whoever had the conversation go on with it: whoever took it along is not heard of.
func (m *Memory) GiveBack() {
	if m.Code != nil {
		c := *m.Code
		c.Back = true
		m.Code = &c
	}
}

// Leaves says whether the conversation of the code is being taken along, and to whom.
func (m *Memory) Leaves() (to []byte, since time.Time, ok bool) {
	if c := m.Code; c != nil && len(c.To) > 0 && !c.Back && m.Carried() != nil {
		return c.To, time.Unix(c.At, 0), true
	}
	return nil, time.Time{}, false
}

// Carried is the conversation that the code is for, open or set aside; nil when there is none, or it is over.
func (m *Memory) Carried() *engine.State {
	switch c := m.Code; {
	case c == nil:
	case m.Now != nil && c.fits(m.Now):
		return m.Now
	default:
		for i := range m.Aside {
			if c.fits(&m.Aside[i]) {
				return &m.Aside[i]
			}
		}
	}
	return nil
}

// Took says whether the conversation of this code was taken along to here.
func (m *Memory) Took(code string) bool { return slices.Contains(m.Taken, bare(code)) }

// Release lets go of a conversation that was taken along; it says whether there was one.
func (m *Memory) Release() bool {
	if _, _, ok := m.Leaves(); !ok {
		return false
	}
	c := *m.Code
	m.Code, m.Late = nil, nil
	if m.Now != nil && c.fits(m.Now) {
		m.Now, m.Hall = nil, &Hall{Kind: ExpiredHall, Note: engine.PhraseCarryGone}
		return true
	}
	had := len(m.Aside)
	m.Aside = slices.DeleteFunc(slices.Clone(m.Aside), func(s engine.State) bool { return c.fits(&s) })
	return len(m.Aside) < had
}

// noCode tells a caller that no conversation is to be had with what they keyed in, and lets them try again.
func (x *hearing) noCode() error {
	x.m.Hall.Note = engine.PhraseCarryUnknown
	return x.hall()
}

func bare(code string) string {
	digits, _ := ParseCode(code)
	return digits
}
