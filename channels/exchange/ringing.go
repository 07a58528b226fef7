package exchange

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// Why somebody is rung.
type callReason uint8

const (
	callMissed   callReason = iota // they rang, and rang off
	callDropped                    // their call dropped
	callAsked                      // they asked for it
	callReminder                   // they want to be reminded by a call
)

// wanted is the call that a resident is to get. Who comes by themselves before it rings wants it no more.
type wanted struct {
	Message [16]byte   `cbor:"1,keyasint"`
	Why     callReason `cbor:"2,keyasint,omitempty"`
}

// ring puts a call to the resident in the outbox, in place of one that they were to get.
func (t *turn) ring(line string, why callReason) error {
	class := classReply
	if why == callReminder {
		class = classReminder
	}
	had := len(t.change.Outbox)
	kind := "tel"
	if l := t.more.Linked; l.number() != nil {
		kind = cmp.Or(l.Ring, l.number().to())
		if why == callDropped {
			kind = cmp.Or(l.Fell, kind)
		}
	}
	if err := t.push([]render.Page{{}}, way{line, kind}, class); err != nil {
		return err
	}
	for _, m := range t.change.Outbox[had:] {
		t.more.Call = &wanted{Message: m.ID, Why: why}
	}
	return nil
}

// wants says why a resident is rung, or the code with which their call is given up.
func (x *Exchange) wants(ctx context.Context, m *store.Message) (why callReason, code string, err error) {
	kept, row, memory, err := x.remembered(ctx, m.Resident)
	switch c := row.more.Call; {
	case err != nil:
		return 0, "", err
	case kept.Version == 0, row.gone, c == nil, c.Message != m.ID:
		return 0, codeUnwanted, nil
	case memory.Stopped:
		return 0, store.CodeOptedOut, nil
	default:
		return c.Why, "", nil
	}
}

// line to ring a resident on: that name, or the first that rings; "" where there is none.
func (x *Exchange) ringLine(name string) string {
	if l := x.channels[name]; l != nil && l.rings() {
		return name
	}
	for _, n := range x.order {
		if x.channels[n].rings() {
			return n
		}
	}
	return ""
}

// reminderLine is the line on which the resident of a timer is reminded, where they want that and can be rung.
func (t *turn) reminderLine(ctx context.Context) (string, error) {
	if t.memory.Reach != talk.ByCall || t.memory.Stopped || t.memory.Due { // who was rung in vain gets a text message
		return "", nil
	}
	number, err := t.number(ctx)
	if err != nil {
		return "", fmt.Errorf("find the resident's number: %w", err)
	}
	if number == "" || !t.x.callbacks.Reachable(number) {
		return "", nil
	}
	return t.x.ringLine(t.way.channel), nil
}

// inVain has a reminder that nobody took a call for fall due again, as a text message.
func (x *Exchange) inVain(ctx context.Context, m *store.Message) error {
	for range attempts {
		kept, row, memory, err := x.remembered(ctx, m.Resident)
		if err != nil {
			return err
		}
		c := row.more.Call
		if kept.Version == 0 || row.gone || c == nil || c.Message != m.ID || c.Why != callReminder || memory.Now == nil {
			return nil
		}
		now := x.calendar.local(x.clock.Now())
		row.more.Call, memory.Now.Remind, memory.Due = nil, false, true
		done, err := x.rewrite(ctx, kept, row, memory, store.Change{At: now, Timers: []store.Timer{{Resident: m.Resident, Name: RemindTimer + memory.Now.Pin.ID, At: now}}})
		if err != nil {
			return err
		}
		if done {
			x.timers.by(now, now)
			return nil
		}
	}
	return errContested
}

// unwanted takes back the call that the resident was to get, now that they are here. One that they asked for is taken back by
// nothing but a call.
func (t *turn) unwanted() {
	if c := t.more.Call; c != nil && (c.Why != callAsked || t.event.Kind == channels.Dialed && t.line.rings() && !t.event.Withheld) {
		t.more.Call = nil
	}
}

// takesTexts says whether the resident has written from their number, so that a text message reaches them.
func (t *turn) takesTexts() bool {
	w := t.ownWay()
	l := t.x.channels[w.channel]
	return l != nil && baseKind(w.kind) == "tel" && l.traits.Texts
}

// stopTimer ends in the ledger's line for STOP, where that waits for the text that tells of it.
const stopTimer = "stop"

// mayRing decides, on disk, whether the telephone of a message rings now. Where not, it says what is to become of the message.
func (x *Exchange) mayRing(ctx context.Context, m *store.Message, page *render.Page) (bool, store.Settled, error) {
	number, why := m.Address, callMissed
	dead := func(code string) (bool, store.Settled, error) {
		return false, store.Settled{State: store.Dead, Code: code}, nil
	}
	wait := func(until time.Time) (bool, store.Settled, error) {
		if m.Attempts >= maxAttempts {
			return dead(codeTired)
		}
		return false, store.Settled{State: store.Queued, Retry: until}, nil
	}
	if !x.callbacks.Reachable(number) {
		return dead(codeNowhere)
	}
	if m.Kind != callKind && len(page.Spoken) == 0 {
		var code string
		var err error
		if why, code, err = x.wants(ctx, m); err != nil {
			return false, store.Settled{}, err
		}
		if code != "" {
			return dead(code)
		}
	}
	back := why == callMissed && m.Class == classReply || why == callDropped // of no use to anybody later
	// A number's own row knows nothing of STOP.
	out, err := x.store.OptedOut(ctx, x.keys.Address("tel", number))
	if err != nil {
		return false, store.Settled{}, fmt.Errorf("look into the opt-out ledger: %w", err)
	}
	if out {
		return dead(store.CodeOptedOut)
	}
	key := x.keys.Address(callKind, number)
	if err := x.addresses.take(ctx, key); err != nil {
		return false, store.Settled{}, err
	}
	defer x.addresses.give(key)
	spent := false
	for range attempts {
		now := x.calendar.local(x.clock.Now())
		if late := now.Sub(m.Due); back && late > callLate || late > callAtAll && len(page.Spoken) == 0 { // results are worth telling however many there are to call
			return dead(codeLate)
		}
		if day := x.daytime(number, now); day.After(now) {
			return wait(day)
		}
		n, err := x.numberRow(ctx, key)
		if err != nil {
			return false, store.Settled{}, err
		}
		own := n.kept.Version > 0 && n.Message == m.ID
		if own && n.Off && back {
			return dead(codeUnwanted)
		}
		if m.Kind == callKind && !own {
			return dead(codeUnwanted) // another call to them came in between
		}
		if free, near := n.near(now, m.ID, x.callbacks.Apart); near {
			if spent {
				err = x.unspend(context.WithoutCancel(ctx), m.ID, notMade)
			}
			if err != nil {
				return false, store.Settled{}, err
			}
			return wait(free)
		}
		if (!own || n.Rung) && !spent {
			day, err := x.spend(ctx, m.ID, now)
			switch {
			case err != nil:
				return false, store.Settled{}, err
			case day == "" && back:
				return dead(codeSpent)
			case day == "":
				return wait(x.daytime(number, time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, now.Location())))
			}
			spent = true
		}
		n.called = called{At: now.UnixMilli(), Message: m.ID, Rung: true}
		c, err := x.numberChange(&n, key, number, now)
		if err != nil {
			return false, store.Settled{}, err
		}
		done, err := x.store.Commit(ctx, c)
		if err != nil {
			return false, store.Settled{}, fmt.Errorf("commit: %w", err)
		}
		if done.Kind == store.Applied {
			x.timers.by(now, c.Timers[0].At)
			return true, store.Settled{}, nil
		}
		x.metrics.conflicts.Inc()
	}
	return false, store.Settled{}, errContested
}

// notRung settles the budget of a call that nobody answered, as far as is known: a telephone that never rang costs nothing, and
// one that was busy no time.
func (x *Exchange) notRung(ctx context.Context, m *store.Message, err error) {
	took := time.Duration(0)
	switch _, gone := channels.IsGone(err); {
	case errors.Is(err, channels.ErrNotRung):
		took = notMade
	case channels.InDoubt(err):
		return
	default:
		if _, again := channels.Retrying(err); !again && !gone {
			return
		}
	}
	if err := x.unspend(context.WithoutCancel(ctx), m.ID, took); err != nil {
		x.log.LogAttrs(ctx, slog.LevelWarn, "what a call cost was not noted", slog.Any("error", err))
	}
}
