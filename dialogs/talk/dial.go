package talk

import (
	"slices"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// Whoever dials a code sees one screen at a time, answers it, and may be cut off at any moment.

// dials says whether the resident dialled a code: on a menu of a phone's own (USSD).
func (x *hearing) dials() bool { return x.h.Traits.Form == engine.Text && x.h.Traits.Live }

// dialled takes what was dialled after the town's code as the answer to what whoever dials is shown first: a code to go on with
// what was begun elsewhere, or a choice. What doesn't answer that shows it.
func (x *hearing) dialled() error {
	if done, err := x.brought(); done || err != nil {
		return err
	}
	if done, err := x.aboutLink(); done || err != nil {
		return err
	}
	lang := x.lang()
	heard := render.Heard{Words: x.h.Words, Choice: x.h.Choice}
	switch in := render.Read(x.words(nil, lang), x.hallPrompts(lang), 0, x.h.Traits, heard); {
	case in.Kind == engine.Said && len(in.Values) == 1:
		return x.chosen(in.Values[0])
	case in.Kind == engine.Told:
		return x.toldInHall(in)
	}
	return x.hall()
}

// shown shows what is on show to somebody who hears of it on this channel: nothing was said. A live channel always gets
// something; elsewhere there may be nothing to show.
func (x *hearing) shown() error {
	switch {
	case !x.h.Traits.Live:
		return x.looked()
	case x.m.Now != nil && x.m.Now.Mode == engine.Paused && x.m.Hall == nil:
		if !x.withdrawn() {
			x.lobby("")
		}
		return x.hall()
	}
	return x.again()
}

// goOnHere goes on with the open conversation after it was offered. Where it was on show before nothing is said of that, so
// that the question stands there as it stood.
func (x *hearing) goOnHere(d *dialogs.Dialog) error {
	here := x.dials() && x.m.Hall.Here
	x.m.Hall = nil
	return x.step(d, engine.Input{Kind: engine.Resume, Lang: x.m.Lang, Offered: here})
}

// forgetsAside lets go of what was set aside of a dialog that is to begin anew.
func (x *hearing) forgetsAside(id string) {
	x.m.Aside = slices.DeleteFunc(slices.Clone(x.m.Aside), func(s engine.State) bool { return s.Pin.ID == id })
}
