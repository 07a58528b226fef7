package exchange

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// Whom the town rings, and how often, is decided in commits, so that two nodes, a repeated event or a process that died can't
// ring anybody twice. There are two kinds of rows for it, neither of them a resident's:
//
//   - A number that is rung has one of its own, found by a keyed hash, for an hour: when it was last rung, or is about to be,
//     and for which message. Nobody is rung who was rung within Callbacks.Apart.
//   - The town has one for all: how many calls and seconds today has cost.
//
// Nobody becomes a resident by a missed call: only who answers and presses a key is one.

// Callbacks say whom the town rings of its own accord. Calls that a resident asked for are made in any case, but as far apart
// and within the same budget.
type Callbacks struct {
	On        bool                     // missed calls are returned, dropped ones offered again
	Apart     time.Duration            // at least between two calls to a number; 0: ten minutes
	PerDay    int                      // most calls a day; 0: 200
	PerDayFor time.Duration            // most time of calls a day; 0: ten hours
	Reachable func(number string) bool // the numbers that may be rung; nil: all
}

func (c Callbacks) whole() Callbacks {
	if c.Apart <= 0 {
		c.Apart = 10 * time.Minute
	}
	if c.PerDay <= 0 {
		c.PerDay = 200
	}
	if c.PerDayFor <= 0 {
		c.PerDayFor = 10 * time.Hour
	}
	if c.Reachable == nil {
		c.Reachable = func(string) bool { return true }
	}
	return c
}

const (
	// callKind is the kind of the address under which a number's own row is found. It never finds a resident.
	callKind  = "call"
	callTimer = "called" // the number's row is over

	callSoon     = 4 * time.Second   // after a missed call, for the line to be free again
	callMemory   = time.Hour         // how long a number's row is kept after the call: late repeats of an event find it
	callLate     = 15 * time.Minute  // what was missed or dropped is not called back later than that after it was due
	callAtAll    = 24 * time.Hour    // nor is anybody rung later than that who asked for a call, or for calls as reminders
	callPatience = 100 * time.Second // to ring, to be answered, and for a key to be pressed; shorter than sendLease
	callReserved = 180               // seconds that a call is taken to last until the provider says
	callMorning  = 30 * time.Minute  // in which the calls missed at night are returned, from eight on
	mostOpen     = 512               // calls that the provider has still to report on; older ones lasted callReserved
)

// Codes of calls that are not made.
const (
	codeLate     = "too-late"
	codeUnwanted = "unwanted" // they rang again and got through
	codeSpent    = "no-budget"
	codeNowhere  = "not-rung" // the town's settings don't allow this number
)

// called is a number's own row: the last call to it.
type called struct {
	_       struct{} `cbor:",toarray"`
	At      int64    // when it was rung, or is to be, in Unix milliseconds
	Message [16]byte // for which message
	Rung    bool     // it was rung for it: another try is another call
	Off     bool     // that call is not wanted any more
	Over    bool     // the row is about to be erased: nobody is rung until it is
}

// callRow begins both, so that neither is ever taken for a resident's row.
const callRow = 0x20

func encodeCalls(v any) ([]byte, error) {
	b, err := cbor.Marshal(v)
	return append([]byte{callRow}, b...), err
}

func decodeCalls(b []byte, v any) error {
	if len(b) == 0 {
		return nil
	}
	if b[0] != callRow {
		return errRow
	}
	if err := cbor.Unmarshal(b[1:], v); err != nil {
		return fmt.Errorf("exchange: read what is known of calls: %w", err)
	}
	return nil
}

// numberRow is a number's own row as it was read.
type numberRow struct {
	called
	resident store.Resident
	kept     store.Conversation
}

// numberRow finds a number's own row, or an empty one to begin with.
func (x *Exchange) numberRow(ctx context.Context, key store.AddressKey) (n numberRow, err error) {
	known := false
	if n.resident, known, err = x.store.Find(ctx, key); err != nil {
		return n, fmt.Errorf("find when a number was rung: %w", err)
	}
	if !known {
		return n, x.random(n.resident[:])
	}
	if n.kept, err = x.store.Load(ctx, n.resident); err != nil {
		return n, fmt.Errorf("load when a number was rung: %w", err)
	}
	if err := decodeCalls(n.kept.State, &n.called); err != nil {
		return n, err
	}
	if n.Over {
		return n, errOver
	}
	return n, nil
}

var errOver = errors.New("the row of a number is just being erased")

// near says whether the number is rung too close to now for a call of another message, and when it may be rung again.
func (n *numberRow) near(now time.Time, m [16]byte, apart time.Duration) (free time.Time, near bool) {
	if n.kept.Version == 0 || n.Message == m {
		return now, false
	}
	at := time.UnixMilli(n.At)
	return at.Add(apart), now.Sub(at).Abs() < apart
}

// waits says whether a call to the number is still to come.
func (n *numberRow) waits(now time.Time) bool {
	return n.kept.Version > 0 && !n.Off && n.At > now.UnixMilli()
}

// numberChange is what writes a number's row.
func (x *Exchange) numberChange(n *numberRow, key store.AddressKey, number string, now time.Time) (*store.Change, error) {
	state, err := encodeCalls(n.called)
	if err != nil {
		return nil, err
	}
	c := &store.Change{
		Resident: n.resident, Read: n.kept.Version, At: now, State: state,
		Timers: []store.Timer{{Resident: n.resident, Name: callTimer, At: n.over(x.callbacks.Apart)}},
	}
	if n.kept.Version == 0 {
		c.Link = []store.Address{{Key: key, Kind: callKind, Address: number}}
	}
	return c, nil
}

// callOver destroys a number's row, unless it was rung since. That it goes is on disk before, so that nobody rings it and is
// forgotten meanwhile.
func (x *Exchange) callOver(ctx context.Context, timer store.Timer) error {
	kept, err := x.store.Load(ctx, timer.Resident)
	if err != nil {
		return fmt.Errorf("exchange: load when a number was rung: %w", err)
	}
	n := numberRow{resident: timer.Resident, kept: kept}
	if err := decodeCalls(kept.State, &n.called); err != nil {
		return err
	}
	now := x.clock.Now()
	if !n.Over && kept.Version > 0 {
		if n.over(x.callbacks.Apart).After(now) {
			return nil // the timer was set anew
		}
		n.Over = true
		state, err := encodeCalls(n.called)
		if err != nil {
			return err
		}
		done, err := x.store.Commit(ctx, &store.Change{Resident: n.resident, Read: kept.Version, At: now, State: state})
		if err != nil || done.Kind != store.Applied {
			return err
		}
	}
	if err := x.store.Erase(ctx, timer.Resident, now); err != nil {
		return fmt.Errorf("exchange: forget when a number was rung: %w", err)
	}
	return nil
}

// over is when a number's row may go.
func (n *numberRow) over(apart time.Duration) time.Time {
	return time.UnixMilli(n.At).Add(max(callMemory, apart))
}

// missed has a call returned that somebody rang off, or that was turned away, at no cost to them. Whatever the reason why
// not, there is nobody to be told.
func (x *Exchange) missed(ctx context.Context, l *line, e channels.Event) (r channels.Reply, outcome string, err error) {
	why := callOff
	if x.callbacks.On {
		why, err = x.callBack(ctx, l, &e)
	}
	if err != nil {
		return r, outcomeFailed, err
	}
	x.metrics.callbacks.WithLabelValues(why).Inc()
	r.Back = why == callQueued || why == callTwice || why == callWaits
	if why == callTwice {
		return r, outcomeDuplicate, nil
	}
	return r, outcomeApplied, nil
}

// What becomes of a missed call, as metrics name it.
const (
	callQueued   = "queued"
	callTwice    = "duplicate"
	callOff      = "off"
	callWithheld = "withheld"
	callNowhere  = "unreachable" // a number that may not be rung
	callStopped  = "stopped"
	callRecent   = "recent"  // rung within Callbacks.Apart
	callWaits    = "waiting" // about to be rung, or to be rung in the morning
	callSpent    = "spent"   // the day's calls are used up
)

// Ring has a number rung on a channel by whichever server of the town sends next, as if they had rung and rung off; why names
// what came of it in a word, "queued" where it is rung. It is for trying a line out, and holds what holds for every call: STOP,
// the day's budget, the night.
func (x *Exchange) Ring(ctx context.Context, channel, number string) (why string, err error) {
	l := x.channels[channel]
	if l == nil {
		return "", fmt.Errorf("exchange: the town is not on a channel %q", channel)
	}
	return x.callBack(ctx, l, &channels.Event{Channel: channel, From: channels.Address{Kind: "tel", ID: number}})
}

func (x *Exchange) callBack(ctx context.Context, l *line, e *channels.Event) (why string, err error) {
	number := e.From.ID
	switch {
	case !l.rings():
		return callOff, nil
	case e.Withheld || e.From.Kind != "tel":
		return callWithheld, nil
	case number == e.To || !x.callbacks.Reachable(number):
		return callNowhere, nil
	}
	if x.spentUp.has(x.clock.Now()) {
		return callSpent, nil
	}
	key := x.keys.Address(callKind, number)
	if err := x.addresses.take(ctx, key); err != nil {
		return "", err
	}
	defer x.addresses.give(key)
	var id [16]byte
	if err := x.random(id[:]); err != nil {
		return "", err
	}
	body, err := engine.Encode(&render.Page{})
	if err != nil {
		return "", fmt.Errorf("encode a page: %w", err)
	}
	from := x.keys.Address(e.From.Kind, number)
	inbound := inboundOf(*e, from)
	day, queued := "", false
	defer func() {
		if day != "" && !queued && err == nil { // after an error it may be queued: then one call fewer is made that day
			err = x.unspend(context.WithoutCancel(ctx), id, notMade)
		}
	}()
	for range attempts {
		now := x.calendar.local(x.clock.Now())
		n, err := x.numberRow(ctx, key)
		if err != nil {
			return "", err
		}
		if inbound != (store.Inbound{}) && slices.Contains(n.kept.Answered, inbound) {
			return callTwice, nil
		}
		due := now.Add(callSoon)
		if day := x.daytime(number, due); day.After(due) {
			due = day.Add(time.Duration(binary.BigEndian.Uint32(key[:])) * time.Millisecond % callMorning)
		}
		if n.waits(now) {
			return callWaits, nil
		}
		if _, near := n.near(due, id, x.callbacks.Apart); near {
			return callRecent, nil
		}
		out, err := x.store.OptedOut(ctx, from)
		if err != nil {
			return "", fmt.Errorf("look into the opt-out ledger: %w", err)
		}
		if out {
			return callStopped, nil
		}
		if day == "" {
			if day, err = x.spend(ctx, id, due); err != nil {
				return "", err
			}
			if day == "" {
				x.spentUp.note(now)
				return callSpent, nil
			}
		}
		n.called = called{At: due.UnixMilli(), Message: id}
		c, err := x.numberChange(&n, key, number, now)
		if err != nil {
			return "", err
		}
		c.Inbound = inbound
		c.Outbox = []store.Message{{ID: id, Resident: n.resident, Channel: e.Channel, Kind: callKind, Due: due, Body: body, Class: classReply}}
		done, err := x.store.Commit(ctx, c)
		if err != nil {
			return "", fmt.Errorf("commit: %w", err)
		}
		switch done.Kind {
		case store.Applied:
			queued = true
			x.metrics.records(c)
			x.outbox.by(now, due)
			x.timers.by(now, c.Timers[0].At)
			return callQueued, nil
		case store.Duplicate:
			return callTwice, nil
		}
		x.metrics.conflicts.Inc()
	}
	return "", errContested
}

// daytime is when somebody with a number may be rung at t.
func (x *Exchange) daytime(number string, t time.Time) time.Time {
	if x.quiet == nil {
		return t
	}
	return x.quiet(number, t)
}

// gotThrough takes back the call that a number would get in the morning, or again because it was busy: they rang themselves,
// and somebody answers.
func (x *Exchange) gotThrough(ctx context.Context, number string) error {
	key := x.keys.Address(callKind, number)
	for range attempts {
		n, err := x.numberRow(ctx, key)
		now := x.calendar.local(x.clock.Now())
		if err != nil || n.kept.Version == 0 || n.Off || now.Sub(time.UnixMilli(n.At)) > callLate {
			return err
		}
		made := !n.waits(now)
		n.Off = true
		c, err := x.numberChange(&n, key, number, now)
		if err != nil {
			return err
		}
		done, err := x.store.Commit(ctx, c)
		if err != nil || done.Kind == store.Applied && made {
			return err
		}
		if done.Kind == store.Applied {
			return x.unspend(ctx, n.Message, notMade)
		}
	}
	return errContested
}
