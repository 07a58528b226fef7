package talk

import (
	"slices"
	"strings"

	"github.com/townline/townline/dialogs/engine"
)

// most is how many conversations are kept aside; the oldest goes first.
const most = 5

// rang takes a timer, of the open conversation or of one set aside.
func (x *hearing) rang() error {
	name, id, _ := strings.Cut(x.h.Timer, ":")
	kind := engine.Reminder
	if name == "expire" {
		kind = engine.Expiry
	}
	if kind == engine.Reminder && x.m.Desk.talks() { // when that is over, the question is asked again
		x.said.Effects = append(x.said.Effects, Effect{Effect: engine.Effect{Kind: engine.StopTimer, Timer: x.h.Timer}})
		return nil
	}
	if x.m.Now != nil && x.m.Now.Pin.ID == id {
		d := x.now()
		if d == nil {
			x.m.Now = nil
			x.untime(id)
			return nil
		}
		err := x.step(d, engine.Input{Kind: kind})
		if len(x.said.Pages) > 0 { // the question is on show now, and no hall any more
			x.m.Hall = nil
		}
		return err
	}
	for i := range x.m.Aside {
		s := &x.m.Aside[i]
		if s.Pin.ID != id {
			continue
		}
		d := x.t.Dialogs.Pinned(s.Pin)
		if d == nil {
			x.m.Aside = slices.Delete(slices.Clone(x.m.Aside), i, i+1)
			break
		}
		if kind == engine.Reminder && x.m.Now != nil { // another conversation is open: it is offered when that one ends
			x.effect(engine.Effect{Kind: engine.StopTimer, Timer: "remind"}, d)
			return nil
		}
		in := engine.Input{Kind: kind}
		x.fill(&in)
		turn := engine.Step(d, *s, in)
		if len(turn.Prompts) > 0 { // it is the next to go on with; until it speaks, what is on show stays
			x.takeUp(i)
			return x.step(d, in)
		}
		x.m.Aside = slices.Clone(x.m.Aside)
		x.m.Aside[i] = turn.State
		if turn.State.Mode == engine.Over {
			x.m.Aside = slices.Delete(x.m.Aside, i, i+1)
		}
		for _, e := range turn.Effects {
			x.effect(e, d)
		}
		return nil
	}
	x.untime(id)
	return nil
}

// untime stops the timers of a conversation that is gone.
func (x *hearing) untime(id string) {
	for _, name := range []string{"remind", "expire"} {
		x.said.Effects = append(x.said.Effects, Effect{Effect: engine.Effect{Kind: engine.StopTimer, Timer: name + ":" + id}})
	}
}

// takeUp makes a conversation that was set aside the open one.
func (x *hearing) takeUp(i int) {
	s := x.m.Aside[i]
	x.m.Aside = slices.Delete(slices.Clone(x.m.Aside), i, i+1)
	x.setAside()
	x.m.Now, x.m.Hall = &s, nil
}

// setAside puts the open conversation away for later.
func (x *hearing) setAside() {
	if x.m.Now == nil {
		return
	}
	x.m.Aside = append(slices.Clone(x.m.Aside), *x.m.Now)
	x.m.Now = nil
	if len(x.m.Aside) > most {
		x.untime(x.m.Aside[0].Pin.ID)
		x.m.Aside = x.m.Aside[1:]
	}
}

// next is the newest conversation set aside that can be gone on with, or -1.
func (x *hearing) next() int {
	for i := len(x.m.Aside) - 1; i >= 0; i-- {
		s := &x.m.Aside[i]
		if d := x.t.Dialogs.Pinned(s.Pin); d != nil && (d.Closes.IsZero() || x.h.At.Before(d.Closes) || s.Kept) {
			return i
		}
	}
	return -1
}
