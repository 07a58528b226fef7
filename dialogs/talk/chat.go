package talk

import (
	"strings"

	"github.com/townline/townline/dialogs/engine"
)

// greets takes the start button of a chat (Came, where nobody waits on a line). Words are what the link said that led there. Who
// said STOP before wants messages again: the button says so.
func (x *hearing) greets() error {
	stopped := x.m.Stopped
	if stopped {
		x.m.Wipe = 0
		x.effect(engine.Effect{Kind: engine.OptIn}, nil)
	}
	switch {
	case x.h.Words != "":
		return x.led()
	case x.withdrawn():
	case stopped:
		x.lobby(engine.PhraseStarted)
	default:
		note := ""
		if x.m.Hall != nil && x.m.Hall.Kind == ExpiredHall {
			note = x.m.Hall.Note
		}
		x.lobby(note)
	}
	return x.hall()
}

// led goes where a link leads: to a dialog by its start word, or on with what was begun elsewhere by its code. Whoever made the link
// isn't who presses the button, and nobody sees what it says: so it answers nothing, and is no other word either.
func (x *hearing) led() error {
	talks := x.talks()
	if !x.withdrawn() {
		x.lobby("")
	}
	x.h.Kind = Words
	if !talks {
		if done, err := x.brought(); done || err != nil {
			return err
		}
		x.h.Words, _, _ = strings.Cut(strings.TrimSpace(x.h.Words), " ")
		if d, _ := x.starts(); d != nil {
			return x.begin(d)
		}
	}
	x.h.Words = ""
	return x.hall()
}
