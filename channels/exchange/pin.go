package exchange

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// Several residents may share one phone. The number itself finds one of them, as everywhere; the number with a PIN finds another.
// What is said without a PIN is held with whoever the number finds, and is the same whether or not there is anybody behind one.
//
// Who gave their PIN has a door: the channel that they gave it on leads to them until they close it, until the call or the menu is
// over, or until nothing was written for a while. The door stands in the row of whoever the number finds; how long it is open,
// in the row behind it, which is written with each of its turns in any case.

// pinKind is the kind of the address under which a number and a PIN find somebody. What is sent there goes to the number, and is
// nothing but a reply.
const pinKind = "tel.pin"

// BehindPIN is the kind of the address of those in Personal: others use their phone as well.
const BehindPIN = pinKind

const (
	pinTexts = 15 * time.Minute // without a message, where messages are written (the phrase pin.open says so)
	pinLive  = time.Hour        // without a key, on a call or a menu whose end nobody told
)

// behind is what only those have whom a PIN finds.
type behind struct {
	Key  []byte `cbor:"1,keyasint,omitempty"` // lasting, of the address under which it finds them
	On   string `cbor:"2,keyasint,omitempty"` // the channel that leads to them; "": none
	At   int64  `cbor:"3,keyasint,omitempty"` // their last turn there, in Unix milliseconds
	Over bool   `cbor:"5,keyasint,omitempty"` // they closed it on a call or a menu, which is about to end
	By   []byte `cbor:"6,keyasint,omitempty"` // the message that opened the door they are behind
	Once int64  `cbor:"4,keyasint,omitempty"` // until when the PIN that the desk gave finds them, in Unix milliseconds; 0: they chose it
}

// shared is a turn's part in a phone that several use.
type shared struct {
	outer   store.Resident  // whom the number finds, while somebody behind a PIN has the turn
	by      []byte          // the message that opened the door between them, as that one has it
	arrival *arrival        // they just gave their PIN
	leads   bool            // there is a door on this channel, and it is shut
	passed  []store.Inbound // what went through it
	inner   store.Resident  // whom the PIN found that was given in this turn
	chose   *choice         // the PIN that was chosen in this turn
}

// arrival is what somebody brings along who gives their PIN.
type arrival struct {
	rest string // what they said besides
	menu *menu  // the menu that they are on
}

// choice is a PIN that was chosen.
type choice struct {
	how string // talk.NewPIN, …
	key store.AddressKey
}

func pinAddress(k Keys, number, pin string) store.AddressKey {
	return k.Address(pinKind, number+"\x00"+pin)
}

func (t *turn) isBehind() bool { return t.shared.outer != (store.Resident{}) }

// outcomeShut says that an event is not for whoever is behind the door, so that it is for whom the number finds.
const outcomeShut = "shut"

// inside holds the turn of whoever the door on this channel leads to. theirs is false where there is none, or it is shut.
func (t *turn) inside(ctx context.Context, kept store.Conversation, before row) (r channels.Reply, outcome string, theirs bool, err error) {
	if t.event == nil || t.isBehind() {
		return r, "", false, nil
	}
	t.shared = shared{}
	d := before.more.Doors
	if d == nil || t.answeredBefore(kept, before) {
		return r, "", false, nil
	}
	if in := t.named(before); in != (store.Inbound{}) {
		for i := range d.Past {
			if !slices.Contains(d.Past[i].Answered, in) {
				continue
			}
			b, known, err := t.x.store.Reply(ctx, d.Past[i].Who, in)
			if err != nil || !known {
				return r, outcomeFailed, err != nil, err
			}
			r, err = decodeReply(b)
			return r, outcomeDuplicate, true, err
		}
	}
	key := t.lasting()
	for i := range d.Open {
		if !d.Open[i].is(t.name, key[:]) {
			continue
		}
		r, outcome, err = t.holdBehind(ctx, &d.Open[i], nil)
		theirs = err != nil || outcome != outcomeShut
		// The message that is just opening it, on another server, or on one that died, opens it here as well.
		t.shared.leads = !theirs && !t.opened(&d.Open[i], before)
		return r, outcome, theirs, err
	}
	return r, "", false, nil
}

// named is what the event is called by whoever had it. A request of a menu has such a name where the gateway tells its place: then
// it doesn't depend on whose row is asked.
func (t *turn) named(before row) store.Inbound {
	switch s := t.came.Session; {
	case s == nil:
		return t.inbound
	case s.Whole || s.Number > 0:
		return t.place(before.more.Menu).inbound
	}
	return store.Inbound{}
}

// opened says whether the event is the one that a door was opened by.
func (t *turn) opened(d *door, before row) bool {
	in := t.inbound
	if t.came.Session != nil {
		in = t.place(before.more.Menu).inbound
	}
	return in != (store.Inbound{}) && bytes.Equal(in[:], d.By)
}

// answeredBefore says whether whoever the number finds was the one who got the event, when it came first.
func (t *turn) answeredBefore(kept store.Conversation, before row) bool {
	in := t.inbound
	if t.came.Session != nil {
		in = store.Inbound{}
		if p := t.place(before.more.Menu); p.placing == again {
			in = p.inbound
		}
	}
	return in != (store.Inbound{}) && slices.Contains(kept.Answered, in)
}

// holdBehind makes an attempt at the turn of somebody behind a PIN, while that of whom the number finds is held.
func (t *turn) holdBehind(ctx context.Context, d *door, a *arrival) (channels.Reply, string, error) {
	outer, came, event, inbound := t.resident, t.came, t.event, t.inbound
	theirs, new := *came, *event
	theirs.From.Kind, new.From.Kind = pinKind, pinKind
	t.came, t.event, t.shared = &theirs, &new, shared{outer: outer, by: d.By, arrival: a}
	r, outcome, err := t.hold(ctx, d.Who, false)
	t.came, t.event, t.inbound, t.resident, t.attempt = came, event, inbound, outer, attempt{}
	t.shared = shared{passed: t.shared.passed}
	return r, outcome, err
}

// ahead says whether a door was opened by a message that hasn't come in yet: until it has, nothing of what went through an
// earlier door is theirs to answer.
func (t *turn) ahead(before row) bool {
	b := before.more.Behind
	return t.isBehind() && t.shared.arrival == nil && b != nil && !bytes.Equal(b.By, t.shared.by)
}

// outside says whether an event that came to somebody's door isn't theirs to answer: it is shut, or they closed it themselves and
// what they were on is about to end.
func (t *turn) outside(kept store.Conversation, before row) (r channels.Reply, outcome string, ends bool) {
	if !t.isBehind() || t.shared.arrival != nil && before.more.Behind != nil {
		return r, "", false
	}
	t.shared.passed = kept.Answered
	b := before.more.Behind
	switch {
	case b == nil || b.On != t.name || t.begins(before.more.Menu):
		return r, outcomeShut, true
	case t.x.clock.Now().Sub(time.UnixMilli(b.At)) >= t.patience():
		return r, outcomeShut, true
	case b.Over && t.event.Kind != channels.HungUp:
		return channels.Reply{Over: true}, outcomeApplied, true
	}
	return r, "", false
}

// begins says whether the event is of another call, or another session of a menu, than the one that the door was opened in.
func (t *turn) begins(m *menu) bool {
	if t.came.Session == nil {
		return t.line.traits.Live && t.came.Kind == channels.Dialed
	}
	return m == nil || !m.is(t.came, t.x.menuSession(t.came), t.cameAt(), t.x.clock.Now())
}

// cameAt is when the event came, which is no later than now.
func (t *turn) cameAt() time.Time {
	if now := t.x.clock.Now(); t.came.At.IsZero() || t.came.At.After(now) {
		return now
	}
	return t.came.At
}

func (t *turn) patience() time.Duration {
	if t.line.traits.Live {
		return pinLive
	}
	return pinTexts
}

// placed is where a request of a menu belongs that isn't for whoever the door leads to, though its session was: what is new in it
// may be theirs.
func (t *turn) placed(p placed) placed {
	switch {
	case !t.shared.leads:
	case t.came.Kind == channels.Overdue:
		p.placing = nothing
	case p.placing == fresh && t.came.Kind != channels.HungUp:
		p.placing, p.words = shows, ""
	}
	return p
}

// arrived is the menu that somebody comes on who just gave their PIN; nil: none.
func (s *shared) arrived() *menu {
	if s.arrival == nil {
		return nil
	}
	return s.arrival.menu
}

// hears tells talk who is behind a PIN. What STOP said of the number holds for all who use it.
func (t *turn) hears(ctx context.Context, h *talk.Heard) error {
	if !t.isBehind() {
		return nil
	}
	h.Behind, h.Traits.Address, h.Traits.Behind = true, false, true
	a := t.shared.arrival
	if a == nil {
		return nil
	}
	h.Kind, h.Words, h.Choice, h.Once = talk.Opened, a.rest, "", t.more.Behind.Once > 0
	out, err := t.x.store.OptedOut(ctx, t.key)
	if err != nil {
		return fmt.Errorf("look into the opt-out ledger: %w", err)
	}
	t.memory.Stopped = out
	return nil
}

// enterPIN looks whom a PIN of this number finds. It does the same whether or not that is anybody, and whether or not it looks.
func (t *turn) enterPIN(ctx context.Context, values []string) (map[string]string, error) {
	number := t.telephone()
	if number == "" || len(values) != 1 {
		return map[string]string{"pin": "unknown"}, nil
	}
	locked, err := t.x.counted(ctx, t.gateKind(), number, t.inbound, (*gate).try)
	if err != nil {
		return nil, err
	}
	who, known, err := t.x.store.Find(ctx, pinAddress(t.x.keys, number, values[0]))
	switch {
	case err != nil:
		return nil, fmt.Errorf("find who is behind a PIN: %w", err)
	case locked:
		return map[string]string{"pin": "locked"}, nil
	case !known:
		return t.wrong(ctx, number)
	}
	_, row, _, err := t.x.remembered(ctx, who)
	if err != nil {
		return nil, err
	}
	if b := row.more.Behind; b == nil || row.gone || b.Once > 0 && t.now.UnixMilli() >= b.Once {
		return t.wrong(ctx, number)
	}
	t.shared.inner = who
	return map[string]string{"pin": "good"}, nil
}

// wrong answers a PIN that finds nobody: from the last one on that may be tried, with the desk.
func (t *turn) wrong(ctx context.Context, number string) (map[string]string, error) {
	g, err := readGate(ctx, t.x.store, t.x.keys, t.gateKind(), number)
	if err != nil {
		return nil, err
	}
	if g.locked() {
		return map[string]string{"pin": "locked"}, nil
	}
	return map[string]string{"pin": "unknown"}, nil
}

// telephone is the number that the event comes from and proves, "" where there is none.
func (t *turn) telephone() string {
	if t.event == nil || t.event.Withheld || t.event.From.Kind != "tel" && !t.isBehind() {
		return ""
	}
	return t.event.From.ID
}

// letIn goes on with whoever the PIN found that was given. The door is on disk before they come in, so that the next event finds
// them; if the process dies in between, it is still shut.
func (t *turn) letIn(ctx context.Context, said *talk.Said) (channels.Reply, string, error) {
	who, number, arriving := t.shared.inner, t.telephone(), &arrival{rest: said.Rest, menu: t.more.Menu}
	if who == (store.Resident{}) {
		return channels.Reply{}, outcomeConflict, nil
	}
	kept, before, _, err := t.x.remembered(ctx, t.resident)
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	before.more.Doors = t.shutHere().open(t.name, t.doorAt(), who, t.inbound)
	done := kept.Version == t.version
	if done {
		done, err = t.x.rewrite(ctx, kept, before, said.Memory, store.Change{At: t.now, Link: t.change.Link})
	}
	if err != nil || !done {
		return channels.Reply{}, outcomeConflict, err
	}
	r, outcome, err := t.holdBehind(ctx, &door{Who: who, By: t.inbound[:]}, arriving)
	switch {
	case err != nil:
	case outcome == outcomeShut: // erased this moment
		outcome = outcomeConflict
	case outcome == outcomeApplied:
		if _, err := t.x.counted(context.WithoutCancel(ctx), t.gateKind(), number, store.Inbound{}, (*gate).right); err != nil {
			t.x.log.Warn("that a PIN was right was not noted", "error", err)
		}
	}
	return r, outcome, err
}

// stepOut shuts the door of somebody who had it open when a PIN was given: it may be another's.
func (t *turn) stepOut(ctx context.Context, said *talk.Said) (channels.Reply, string, error) {
	kept, before, _, err := t.x.remembered(ctx, t.resident)
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	done := kept.Version == t.version && before.more.Behind != nil
	if done {
		b := *before.more.Behind
		b.On = ""
		before.more.Behind = &b
		done, err = t.x.rewrite(ctx, kept, before, said.Memory, store.Change{At: t.now})
	}
	if err != nil || !done {
		return channels.Reply{}, outcomeConflict, err
	}
	return channels.Reply{}, outcomeShut, nil
}

// settlePIN notes in the rows who is where on a phone that several use.
func (t *turn) settlePIN(said *talk.Said) error {
	if t.event == nil {
		return nil
	}
	if t.shared.chose != nil {
		return t.movePIN(said)
	}
	switch {
	case t.isBehind() && t.more.Behind != nil:
		b := *t.more.Behind
		b.On, b.At, b.By = t.name, t.now.UnixMilli(), t.shared.by
		b.Over = slices.ContainsFunc(said.Effects, func(e talk.Effect) bool { return e.Kind == engine.ShutPIN })
		if b.Over && !t.line.traits.Live {
			b.On, b.Over = "", false
		}
		t.more.Behind = &b
	case t.shared.leads:
		t.more.Doors = t.shutHere()
	}
	return nil
}

// shutHere are the doors without the one that the event came by.
func (t *turn) shutHere() *doors {
	key := t.lasting()
	return t.more.Doors.shut(t.name, key[:], t.shared.passed)
}

// taker is the address, by its lasting key, under which this turn's resident is found again by whoever had a conversation that they take along.
func (t *turn) taker() []byte {
	if t.isBehind() && t.more.Behind != nil {
		return t.more.Behind.Key
	}
	key := t.lasting()
	return key[:]
}

// stopsForAll tells whoever the number finds without a PIN what somebody behind one said of it: STOP, or START. The ledger holds
// for the number in any case; if this fails, they say it themselves.
func (t *turn) stopsForAll(ctx context.Context) {
	if !t.isBehind() || len(t.change.OptOuts) == 0 {
		return
	}
	out := t.change.OptOuts[len(t.change.OptOuts)-1].Out
	for range attempts {
		kept, before, memory, err := t.x.remembered(ctx, t.shared.outer)
		if err != nil || kept.Version == 0 || memory.Stopped == out {
			return
		}
		memory.Stopped = out
		if done, err := t.x.rewrite(ctx, kept, before, memory, store.Change{At: t.now}); done || err != nil {
			return
		}
	}
}

// codeBehind says that a message was for somebody behind a PIN and no reply: others who use the phone would read it.
const codeBehind = "behind-a-pin"

// mayReply looks once more whether a message may go to a number that several use. Where not, it says what becomes of it.
func (x *Exchange) mayReply(ctx context.Context, m *store.Message) (bool, store.Settled) {
	if m.Kind != pinKind {
		return true, store.Settled{}
	}
	if m.Class != classReply {
		return false, store.Settled{State: store.Dead, Code: codeBehind}
	}
	out, err := x.store.OptedOut(ctx, x.keys.Address("tel", m.Address))
	switch {
	case err != nil:
		return false, x.again(m, 0)
	case out:
		return false, store.Settled{State: store.Dead, Code: store.CodeOptedOut}
	}
	return true, store.Settled{}
}
