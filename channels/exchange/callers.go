package exchange

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
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
	if t.offered || !t.dropped(m) {
		return
	}
	if at := t.dropDue(ctx); at.Sub(t.now) <= callLate && t.x.daytime(t.event.From.ID, at).Equal(at) {
		t.offered = true
		if t.more.Linked != nil {
			l := t.more.Linked.copied()
			l.Fell = t.kindHere()
			t.more.Linked = l
		}
		t.setTimer(dropTimer+t.name, at)
	}
}

// dropped says whether a caller who is gone was in the midst of something.
func (t *turn) dropped(m *talk.Memory) bool {
	now := m.Now
	return t.x.callbacks.On && !t.over && t.line.rings() && t.event.From.Kind == "tel" && t.x.callbacks.Reachable(t.event.From.ID) && !m.Stopped &&
		m.Hall == nil && now != nil && now.Mode != engine.Paused && now.Mode != engine.Over && slices.ContainsFunc(now.Answers, answered)
}

// late says whether the event belongs to a call that is over: a provider may tell that before it hands over the last key.
func (t *turn) late() bool {
	if !t.left || !t.line.rings() || t.event.Out {
		return false
	}
	switch t.event.Kind {
	case channels.Message, channels.Quiet, channels.Returned:
		return true
	}
	return false
}

// ofAnotherCall tells apart the calls of one resident. A server that stood still may hand in a key long after its call is over: then
// the resident rang again, and is further on. That key answers nothing; what is on show is told, and told again to the other call when
// its next key comes, for two may be on the line at once. It says whether nothing at all is to be done: a call is over, and a newer one
// is on the line.
func (t *turn) ofAnotherCall() bool {
	e, m := t.event, &t.more
	if e == nil || e.Call == "" {
		return false
	}
	call := callName(e)
	switch e.Kind {
	case channels.HungUp:
		return m.InCall != 0 && m.InCall != call && !t.left
	case channels.Dialed:
		if call != m.InCall && call != m.Older {
			t.joins(call)
		}
		return false
	case channels.Message, channels.Quiet:
		switch told := cmp.Or(m.Said, m.InCall); {
		case told == 0, t.shared.arrival != nil:
			m.InCall, m.Said = call, 0
		case told == call:
			if t.left && call == m.Older { // it was told something since the newer one is over: this one is still there
				m.InCall, m.Older, t.left = call, 0, false
			}
		case e.Out && t.left && call != m.InCall && call != m.Older: // it began with a page: this is the first that is heard of it
			t.joins(call)
			t.left = false
		default:
			t.shows, m.Said = true, call
		}
		if m.Said == m.InCall {
			m.Said = 0
		}
	}
	return false
}

// joins makes a call the newest one. The one before it may still be on the line.
func (t *turn) joins(call uint64) {
	m := &t.more
	m.Older = 0
	if !t.left {
		m.Older = m.InCall
	}
	m.InCall, m.Said = call, 0
}

// toldElsewhere notes for a call that what is on show was told to none.
const toldElsewhere = 1

// movesOn notes that something was heard, or said, elsewhere than in a call.
func (t *turn) movesOn(said *talk.Said) {
	silent := t.event == nil && len(said.Pages) == 0 || t.event != nil && (t.event.Call != "" || t.event.Kind == channels.HungUp)
	if t.more.InCall != 0 && !silent {
		t.more.Said = toldElsewhere
	}
}

// callsOfBoth are the calls of two who turned out to be one: only this turn's was told what is on show from now on.
func (t *turn) callsOfBoth(p *row) {
	m := &t.more
	if p.more.InCall == 0 || p.left {
		return
	}
	if m.InCall == 0 || t.left {
		m.InCall, m.Older, t.left = p.more.InCall, p.more.Older, false
	} else {
		m.Older = p.more.InCall
	}
	if m.Said = t.callHere(); m.Said == m.InCall {
		m.Said = 0
	}
}

// callHere is the call that the turn is held in; 0: none.
func (t *turn) callHere() uint64 {
	if t.event == nil || t.event.Call == "" {
		return 0
	}
	return callName(t.event)
}

// callName is what a call is called in its resident's row; never 0 or toldElsewhere.
func callName(e *channels.Event) uint64 {
	sum := sha256.Sum256([]byte(e.Channel + "\x00" + e.Call))
	return max(toldElsewhere+1, binary.BigEndian.Uint64(sum[:8]))
}

// lateKey looks again after a caller who rang off, with what they had pressed before.
func (t *turn) lateKey(ctx context.Context, said *talk.Said) {
	if t.offered && !t.dropped(&said.Memory) {
		t.noOffer()
		return
	}
	t.leaves(ctx, said)
}

// noOffer takes back the offer to go on after a call that dropped.
func (t *turn) noOffer() {
	for _, name := range t.x.order {
		if t.x.channels[name].rings() {
			t.stopTimer(dropTimer + name)
		}
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
	t.unwanted()
	if t.event.Kind == channels.Dialed {
		t.left = false
	}
	if t.offered {
		t.noOffer()
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
	why := callDropped
	name, ok := strings.CutPrefix(t.timer, dropTimer)
	if !ok {
		why = callAsked
		if name, ok = strings.CutPrefix(t.timer, askTimer); !ok {
			return false, nil
		}
	}
	t.change.Untimers = append(t.change.Untimers, t.timer)
	if name = t.x.ringLine(name); name == "" || t.memory.Stopped {
		return true, nil
	}
	return true, t.ring(name, why)
}

// callBackAt is a resident's wish to be called back on the line that they are on, or a reminder by a call.
func (t *turn) callBackAt(ctx context.Context, at time.Time) error {
	if t.event == nil {
		name, err := t.reminderLine(ctx)
		if err != nil || name == "" {
			return err
		}
		return t.ring(name, callReminder)
	}
	return t.asksForCall(ctx, at)
}

// stops notes STOP and START in the ledger; STOP later, where a text that tells of it goes out before.
func (t *turn) stops(ctx context.Context, e *talk.Effect) error {
	out := e.Kind == engine.OptOut
	if out && e.At.After(t.now) {
		t.setTimer(stopTimer, e.At)
		return nil
	}
	t.stopTimer(stopTimer)
	return t.ledger(ctx, out)
}

// stopped writes the line of the ledger that waited.
func (t *turn) stopped(ctx context.Context) (channels.Reply, string, error) {
	t.change.Untimers = append(t.change.Untimers, t.timer)
	var err error
	if t.memory.Stopped {
		err = t.ledger(ctx, true)
	}
	return t.rung(ctx, err)
}

// stays says whether a change leaves something for good. A recording does not by itself: it goes with its answer.
func stays(c *store.Change) bool {
	return len(c.Responses)+len(c.Ballots)+len(c.Requests)+len(c.Consents) > 0
}
