package talk

import (
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
)

// Reach is how a resident wants to be reminded, and told what they wait for.
type Reach uint8

const (
	AsBefore Reach = iota // they were not asked: on the channel where they last wrote
	ByCall                // the town rings them
	NoCall                // they were asked, and want none
)

// rings says whether the resident is on a call that the town can return.
func (x *hearing) rings() bool { return x.calls() && x.h.Traits.Address && x.h.Traits.Ring }

// parts asks a caller who goes on later how they want to be reminded, where a reminder is to come and they were never asked. It
// says whether it did.
func (x *hearing) parts(d *dialogs.Dialog, s *engine.State) bool {
	if x.h.Kind != Words || !x.rings() || x.m.Reach != AsBefore || x.m.Stopped || d == nil || d.RemindAfter <= 0 || s.Remind {
		return false
	}
	x.m.Hall = &Hall{Kind: ReachHall, Parts: true}
	return true
}

// awaits asks a caller who has answered how they want to be told the result, where the town may look up who answered and they
// were never asked. It says whether it did.
func (x *hearing) awaits(d *dialogs.Dialog, s *engine.State) bool {
	if !x.rings() || x.m.Reach != AsBefore || x.m.Stopped || x.said.Pass || !s.Kept || d.Purpose != dialogs.Consultation || d.Secrecy != dialogs.Public {
		return false
	}
	x.m.Hall = &Hall{Kind: ReachHall, Parts: true, IDs: []string{d.ID}}
	return true
}

// reachOptions are the ways to be reminded: whoever never wrote gets no text messages.
func (x *hearing) reachOptions() []string {
	if x.h.Texted {
		return []string{"call", "text"}
	}
	return []string{"call", "nocall"}
}

// reaches keeps how the caller wants to be reminded, and goes on, or ends the call.
func (x *hearing) reaches(how string) error {
	note := "@speech.reach.none"
	x.m.Reach = NoCall
	switch how {
	case "call":
		note, x.m.Reach = "@speech.reach.call", ByCall
	case "text":
		note = "@speech.reach.text"
	}
	if x.m.Hall.Parts {
		last := engine.PhraseLater
		if x.m.Now == nil {
			last = "@speech.bye"
		}
		x.bye(note, last)
		return nil
	}
	return x.onwardWith(note)
}

// rungUp makes a call of what a timer would have said to somebody who wants to be called: they hear it when they answer. What
// they see elsewhere stays on show until then.
func (x *hearing) rungUp(before *Memory) {
	if !x.calls() || len(x.said.Pages) == 0 {
		return
	}
	x.said.Pages, x.said.Over = nil, false
	x.m.Aloud, x.m.Hall, x.m.Due = before.Aloud, before.Hall, true
	x.effect(engine.Effect{Kind: engine.RingBack, At: x.h.At}, nil)
}

// reminded goes on with the conversation that the town rang for, if it did; it says whether it went on.
func (x *hearing) reminded(due bool) (bool, error) {
	d := x.now()
	if !due || !x.h.Out || !x.calls() || d == nil {
		return false, nil
	}
	x.m.Hall = nil
	return true, x.step(d, engine.Input{Kind: engine.Resume, Lang: x.m.Lang, Due: true})
}
