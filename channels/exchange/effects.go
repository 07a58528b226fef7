package exchange

import (
	"context"
	"slices"
	"time"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// RemindTimer begins the names of timers that remind somebody of a conversation.
const RemindTimer = "remind:"

// effects turns what talk wants done into lines of the change.
func (t *turn) effects(ctx context.Context, all []talk.Effect) error {
	c := &t.change
	if t.event == nil {
		c.Untimers = append(c.Untimers, t.timer) // rung; talk may set it anew
	}
	for i := range all {
		e := &all[i]
		if e.Waits {
			continue // answered by ask
		}
		var err error
		switch e.Kind {
		case engine.SetTimer:
			t.setTimer(e.Timer, e.At)
		case engine.StopTimer:
			t.stopTimer(e.Timer)
		case engine.OptOut, engine.OptIn:
			err = t.stops(ctx, e)
		case engine.KeepConsent:
			if !t.before {
				t.consent(e)
			}
		case engine.RingBack:
			err = t.callBackAt(ctx, e.At)
		case engine.EraseAll:
			t.erase = true
			t.setTimer(eraseTimer, t.now)
			if t.memory.Stopped { // the line of the ledger may still wait
				err = t.ledger(ctx, true)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *turn) setTimer(name string, at time.Time) {
	c := &t.change
	named := func(x store.Timer) bool { return x.Name == name }
	c.Untimers = slices.DeleteFunc(c.Untimers, func(n string) bool { return n == name })
	c.Timers = append(slices.DeleteFunc(c.Timers, named), store.Timer{Resident: t.resident, Name: name, At: at})
}

func (t *turn) stopTimer(name string) {
	c := &t.change
	c.Timers = slices.DeleteFunc(c.Timers, func(x store.Timer) bool { return x.Name == name })
	if !slices.Contains(c.Untimers, name) {
		c.Untimers = append(c.Untimers, name)
	}
}

func (t *turn) consent(e *talk.Effect) {
	if e.Consent == nil || e.Dialog == nil {
		return
	}
	t.change.Consents = append(t.change.Consents, store.Consent{
		ID: t.id("consent"), Resident: t.resident, Poll: e.Dialog.ID, Version: e.Dialog.Version, Step: e.Consent.Step,
		Words: e.Consent.Words, Lang: e.Consent.Lang, Yes: e.Consent.Yes, Channel: t.name, At: t.now,
	})
}

// contactKind is the kind of an address that a resident gave as a contact and nobody has proved. It is kept with the
// resident and erased with them, and never finds a resident: who calls from that number is somebody else until proved.
const contactKind = "contact"

func (t *turn) contact(number string) {
	if number == "" {
		return
	}
	own := t.x.keys.Address(contactKind, string(t.resident[:])+number)
	if slices.ContainsFunc(t.change.Link, func(a store.Address) bool { return a.Key == own }) {
		return
	}
	t.change.Link = append(t.change.Link, store.Address{Key: own, Kind: contactKind, Address: number})
}
