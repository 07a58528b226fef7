package talk

import "github.com/townline/townline/dialogs/engine"

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
		x.h.Kind = Words
		return x.heard(false)
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
