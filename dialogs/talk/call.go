package talk

import (
	"slices"
	"strconv"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// patience is how many silences, or keys that mean nothing, in a row are met with another wording on a call before there is
// a person, or a call back.
const patience = 3

// ringAfter is when somebody who asked for it is called back.
const ringAfter = time.Hour

// calls says whether the resident is on the telephone.
func (x *hearing) calls() bool { return x.h.Traits.Form == engine.Speech }

// meets sees to what a call leaves behind, and to what it must not open: a number is no proof of who calls, not even while
// its owner writes. moved says that the last thing came by another channel.
func (x *hearing) meets(moved bool) {
	switch {
	case x.h.Kind == Rang, x.h.Kind == Looked:
		return
	case x.calls() && x.h.Kind == Opened: // a PIN is a proof
		x.hungUp()
		x.unveil()
	case !x.calls():
		if x.m.Aloud {
			x.hungUp()
			x.m.Aloud = false
		}
		x.unveil()
	case x.h.Kind == Came, moved:
		x.hungUp()
		x.each(engine.Veil)
	}
	if x.h.Kind != Returned {
		x.m.Handed = nil
	}
}

// hungUp ends a call: what was not confirmed yet waits as an answer, and what the caller did not want remembered is gone.
func (x *hearing) hungUp() {
	if !x.calls() && !x.m.Aloud {
		return
	}
	if e := x.m.Ear; e != nil {
		x.m.Ear = nil
		if e.Keep {
			kept := *e
			kept.Asked = false
			x.m.Ear = &kept
		}
	}
	if x.m.Hall != nil && x.m.Hall.Kind >= FirstHall {
		x.m.Hall = nil
	}
	x.each(func(d *dialogs.Dialog, s engine.State) engine.State {
		if s.Held == nil {
			return s
		}
		return engine.Settle(d, s)
	})
}

// each changes every conversation that is kept.
func (x *hearing) each(change func(*dialogs.Dialog, engine.State) engine.State) {
	if d := x.now(); d != nil {
		s := change(d, *x.m.Now)
		x.m.Now = &s
	}
	if len(x.m.Aside) == 0 {
		return
	}
	x.m.Aside = slices.Clone(x.m.Aside)
	for i := range x.m.Aside {
		if d := x.t.Dialogs.Pinned(x.m.Aside[i].Pin); d != nil {
			x.m.Aside[i] = change(d, x.m.Aside[i])
		}
	}
}

func (x *hearing) unveil() {
	hidden := x.m.Now != nil && x.m.Now.Hidden()
	for i := range x.m.Aside {
		hidden = hidden || x.m.Aside[i].Hidden()
	}
	if hidden {
		x.each(func(_ *dialogs.Dialog, s engine.State) engine.State { return engine.Unveil(s) })
	}
}

// afterCall takes a message from somebody who heard the last question on a call: the message was not meant as the answer, so
// they are offered to go on.
func (x *hearing) afterCall() error {
	if x.m.Now == nil {
		if x.m.Hall != nil && x.m.Hall.Kind != ExpiredHall {
			x.m.Hall = nil
		}
		return x.inHall()
	}
	x.lobby("")
	lang := x.lang()
	heard := render.Heard{Words: x.h.Words, Choice: x.h.Choice, Quiet: x.h.Kind == Quiet}
	if in := render.Read(x.words(nil, lang), x.hallPrompts(lang), 0, x.h.Traits, heard); in.Kind == engine.Told && in.Command != locales.Skip && in.Command != locales.Back {
		return x.toldInHall(in)
	}
	return x.hall()
}

// pass has the call passed on to a desk; it says whether there is a call.
func (x *hearing) pass(desk string) bool {
	if !x.calls() || !x.h.Traits.Live {
		return false
	}
	x.said.Pass, x.said.Desk = true, desk
	return true
}

// returned goes on after nobody answered at the desk that the call was passed on to.
func (x *hearing) returned() error {
	s, lang := x.m.Handed, x.lang()
	x.m.Handed = nil
	if s != nil {
		if d := x.t.Dialogs.Pinned(s.Pin); d != nil {
			shut := *s
			shut.Shut = true
			words := engine.Show(d, &shut, x.h.Traits.Can, x.h.At)
			x.m.Hall = &Hall{Kind: StuckHall, Note: engine.PhraseAbsent}
			x.show(x.words(d, lang), append(words[max(len(words)-1, 0):], x.hallPrompts(lang)...), 0, false)
			return nil
		}
	}
	if d := x.now(); d != nil && x.m.Hall == nil {
		return x.step(d, engine.Input{Kind: engine.Returned})
	}
	x.m.Hall = &Hall{Kind: StuckHall, Note: engine.PhraseAbsent}
	return x.hall()
}

// onCall is what the halls ask that only calls have.
func (x *hearing) onCall(p engine.Prompt) []engine.Prompt {
	h := x.m.Hall
	offer := func(prefix string, ids ...string) {
		for i, id := range ids {
			p.Options = append(p.Options, engine.Option{ID: id, Key: prefix + id, Place: i})
		}
	}
	switch h.Kind {
	case FirstHall:
		p.Options = x.tongueOptions()
		return []engine.Prompt{{Key: "@welcome", Step: -1}, p}
	case HelpHall:
		p.Key = engine.PhraseHelp
		offer("@help.", "on", "person")
		if x.calls() {
			offer("@help.", "ear")
		}
		if len(x.t.Languages) > 1 {
			offer("@help.", "language")
		}
		if x.m.Stopped { // a landline can't text STOP or START
			offer("@help.", "start")
		} else {
			offer("@help.", "stop")
		}
		offer("@help.", "erase")
		if x.rings() && !x.m.Stopped {
			offer("@help.", "reach")
		}
		if x.calls() { // elsewhere it is written as it is
			offer("@help.", "code")
		}
		if x.shares() {
			offer("@help.", "pin")
		}
		if x.h.Textable && !x.m.Stopped {
			offer("@help.", "text")
		}
		if x.h.Rings && !x.m.Stopped {
			offer("@help.", "ring")
		}
		if x.links() || x.claimed() {
			offer("@help.", "link")
		}
		for i := range p.Options {
			p.Options[i].Place = i
		}
	case EarHall:
		p.Key = "@speech.ear"
		offer("@speech.to.", "slower", "louder", "time", "pause", "on", "usual")
		if x.m.Ear == nil {
			p.Options = p.Options[:len(p.Options)-1]
		}
	case KeepHall:
		p.Key = "@speech.remember"
		offer("@", "yes", "no")
	case HoldHall:
		p.Key = "@speech.hold"
	case ReachHall:
		p.Key = "@speech.reach"
		if len(h.IDs) > 0 {
			p.Key = "@speech.result"
		}
		offer("@speech.to.", x.reachOptions()...)
	case CodeHall:
		p.Key, p.Asks = "@speech.code", dialogs.Status // digits of a number that the town gave
	case StuckHall:
		p.Key = engine.PhraseStuck
		var ids []string
		if h.Note != engine.PhraseAbsent {
			ids = append(ids, "person")
		}
		ids = append(ids, "again")
		if x.rings() {
			ids = append(ids, "ring")
		}
		offer("@stuck.", append(ids, "later")...)
	}
	return []engine.Prompt{p}
}

// chosenOnCall takes a choice from what onCall asks.
func (x *hearing) chosenOnCall(id string) error {
	h := x.m.Hall
	if h.Kind == HelpHall {
		if done, err := x.aboutOthers(locales.Command(id)); done {
			return err
		}
	}
	switch id {
	case "on", "again":
		return x.onward()
	case "person":
		return x.toldInHall(engine.Input{Command: locales.Person})
	case "language":
		return x.toldInHall(engine.Input{Command: locales.Tongue})
	case "stop":
		return x.toldInHall(engine.Input{Command: locales.Stop})
	case "start":
		return x.toldInHall(engine.Input{Command: locales.Start})
	case "erase":
		return x.toldInHall(engine.Input{Command: locales.Erase})
	case "pin":
		return x.pin()
	case "ear":
		x.m.Hall = &Hall{Kind: EarHall, Inside: h.Inside}
		return x.hall()
	case "ring":
		x.effect(engine.Effect{Kind: engine.RingBack, At: x.h.At.Add(ringAfter)}, nil)
		x.bye(engine.PhraseRing)
		return nil
	case "later":
		return x.farewell()
	case "reach":
		x.m.Hall = &Hall{Kind: ReachHall, Inside: h.Inside}
		return x.hall()
	case "code":
		x.m.Hall = &Hall{Kind: CodeHall, Inside: h.Inside}
		return x.hall()
	}
	switch h.Kind {
	case EarHall:
		x.hears(id)
	case ReachHall:
		return x.reaches(id)
	case CodeHall: // no code: one would have been taken before
		return x.noCode()
	case KeepHall:
		e := x.ear()
		e.Keep = id == "yes"
		x.m.Ear = &e
		return x.onward()
	}
	return x.hall()
}

// onward leaves a hall that only calls have, for what stood before it.
func (x *hearing) onward() error { return x.onwardWith("") }

// onwardWith does so with a phrase to lead with.
func (x *hearing) onwardWith(note string) error {
	inside := x.m.Hall.Inside
	x.m.Hall = nil
	if inside && x.now() != nil {
		if note != "" {
			now := *x.m.Now
			now.Page, now.Note = 0, note
			x.m.Now = &now
		}
		return x.looked()
	}
	x.lobby(note)
	return x.hall()
}

// lost meets a silence, or keys that mean nothing, between conversations on a call: with another wording each time, then with
// ways on. Whoever still presses keys is never sent away.
func (x *hearing) lost(silent, fresh bool, note string) error {
	h := x.m.Hall
	n := &h.Tries
	if silent {
		n = &h.Silent
	}
	*n = min(*n+1, patience+1)
	over := *n > patience
	switch {
	case h.Kind == FirstHall && over: // in the town's first language
		x.lobby("")
	case h.Kind == FirstHall: // those whose language comes later hear it without a key
		h.Page = int(*n)
	case over && silent && h.Kind == StuckHall, silent && h.Parts && *n > 1:
		return x.farewell()
	case over && silent:
		x.m.Hall = &Hall{Kind: StuckHall, Note: engine.PhraseNothing, Inside: h.Inside}
	case over:
		x.m.Hall = &Hall{Kind: StuckHall, Note: engine.PhraseSorry, Inside: h.Inside}
	case silent:
		h.Note = engine.PhraseSilent + strconv.Itoa(min(int(*n), 2)) // the third says that answers are kept
	case fresh:
		h.Note = note
	case *n == patience:
		h.Note = engine.PhraseThird
	default:
		h.Note = engine.PhraseRetry + string(engine.Pick) + "." + strconv.Itoa(int(*n))
	}
	return x.hall()
}

// farewell ends a call between conversations.
func (x *hearing) farewell() error {
	if x.m.Now != nil && x.parts(x.now(), x.m.Now) {
		return x.hall()
	}
	switch {
	case x.m.Now == nil:
		x.bye("@speech.bye")
	case x.found():
		x.bye(engine.PhraseLater)
	default:
		x.bye(engine.PhraseLost)
	}
	return nil
}

// bye ends a call, or another conversation, with these words.
func (x *hearing) bye(phrases ...string) {
	x.m.Hall = nil
	var last []engine.Prompt
	for _, key := range phrases {
		last = append(last, engine.Prompt{Key: key, Step: -1})
	}
	x.show(x.words(nil, x.lang()), last, 0, true)
}
