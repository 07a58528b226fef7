package exchange

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// withheldKind is the kind of the address that is made up for a call that doesn't say who it is from. It is no telephone
// number, whatever the line calls it: it proves nothing, and nobody can be reached at it.
const withheldKind = "withheld"

// Timers that end in a call, named with the line that it is made on.
const (
	dropTimer = "ring:dropped:" // the call dropped: it is offered again
	askTimer  = "ring:asked:"   // the resident asked to be called back

	dropSoon = 20 * time.Second
)

// leaves looks after a caller who rings off.
func (t *turn) leaves(ctx context.Context, said *talk.Said) {
	m := &said.Memory
	if t.event.Withheld {
		// Nobody can come back by this address. What was left for good stays, as do answers that a code opens elsewhere.
		if !t.made && m.Code == nil {
			t.erase = true
			t.setTimer(eraseTimer, t.now)
		}
		return
	}
	now := m.Now
	if !t.x.callbacks.On || t.offered || t.over || !t.line.rings() || t.event.From.Kind != "tel" || m.Stopped || m.Hall != nil ||
		now == nil || now.Mode == engine.Paused || now.Mode == engine.Over || !slices.ContainsFunc(now.Answers, answered) {
		return
	}
	if at := t.dropDue(ctx); at.Sub(t.now) <= callLate && t.x.daytime(at).Equal(at) {
		t.offered = true
		t.setTimer(dropTimer+t.name, at)
	}
}

// dropDue is when a call that dropped is offered again. It is the timer that waits until the number may be rung, not the
// outbox: who comes by themselves meanwhile stops it.
func (t *turn) dropDue(ctx context.Context) time.Time {
	at := t.now.Add(dropSoon)
	n, err := t.x.numberRow(ctx, t.x.keys.Address(callKind, t.event.From.ID))
	if err != nil || n.kept.Version == 0 {
		return at // the outbox looks again
	}
	if free := time.UnixMilli(n.At).Add(t.x.callbacks.Apart).In(at.Location()); free.After(at) {
		return free
	}
	return at
}

func answered(a engine.Answer) bool { return len(a.Values) > 0 || len(a.Media) > 0 }

// comes looks after somebody who is here again: nobody is rung who has come by themselves.
func (t *turn) comes(ctx context.Context, said *talk.Said) {
	if t.offered {
		for _, name := range t.x.order {
			if t.x.channels[name].rings() {
				t.stopTimer(dropTimer + name)
			}
		}
		// Once for a conversation.
		t.offered = t.line.rings() && said.Memory.Now != nil
	}
	if t.event.Kind != channels.Dialed || !t.line.rings() || t.event.Withheld {
		return
	}
	for _, name := range t.x.order {
		if t.x.channels[name].rings() {
			t.stopTimer(askTimer + name)
		}
	}
	if t.event.From.Kind == "tel" {
		t.noCall(ctx)
	}
}

// noCall takes back the call that the resident's number would get.
func (t *turn) noCall(ctx context.Context) {
	if !t.x.callbacks.On {
		return
	}
	if err := t.x.gotThrough(context.WithoutCancel(ctx), t.event.From.ID); err != nil {
		t.x.log.LogAttrs(ctx, slog.LevelWarn, "a call that is not wanted any more was not taken back", slog.Any("error", err))
	}
}

// rings puts a call in the outbox, when a timer says so. It says whether the timer was one of those.
func (t *turn) rings() (bool, error) {
	name, ok := strings.CutPrefix(t.timer, dropTimer)
	if !ok {
		if name, ok = strings.CutPrefix(t.timer, askTimer); !ok {
			return false, nil
		}
	}
	t.change.Untimers = append(t.change.Untimers, t.timer)
	if t.memory.Stopped {
		return true, nil
	}
	if l := t.x.channels[name]; l == nil || !l.rings() {
		name = ""
		for _, n := range t.x.order {
			if t.x.channels[n].rings() {
				name = n
				break
			}
		}
	}
	if name == "" {
		return true, nil
	}
	return true, t.push([]render.Page{{}}, way{name, "tel"}, classReply)
}

// callBackAt is a resident's wish to be called back on the line that they are on.
func (t *turn) callBackAt(at time.Time) {
	if t.event == nil || !t.line.rings() || t.event.Withheld || t.event.From.Kind != "tel" {
		return
	}
	t.setTimer(askTimer+t.name, t.x.daytime(at))
}

// stays says whether a change leaves something for good. A recording does not by itself: it goes with its answer.
func stays(c *store.Change) bool {
	return len(c.Responses)+len(c.Ballots)+len(c.Requests)+len(c.Consents) > 0
}
