package exchange

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

var _ channels.Books = (*Exchange)(nil)

const (
	// grace is how long after its turn was entered a timer rings at the earliest that fell due on the way.
	grace = time.Hour
	// graveDays is how long it is known of a visit that it was erased, so that its turns aren't entered when an outpost that
	// was cut off sends them again.
	graveDays = 60
)

// Why a turn is put aside: for a person who looks into it.
const (
	whyMalformed = "malformed" // it can't be read
	whyDialog    = "dialog"    // of a dialog that was never published here
	whyGap       = "gap"       // a turn before it was put aside
	whyMoved     = "moved"     // the conversation went on elsewhere meanwhile
	whyCode      = "code"      // a ballot with a code that is not on the roll
	whyReference = "reference" // its reference is another request's
)

// Adopt: see channels.Books.
func (x *Exchange) Adopt(ctx context.Context, a channels.Turn, aside func(why string) error) (channels.Verdict, error) {
	l, ok := x.channels[a.Channel]
	if !ok {
		return 0, fmt.Errorf("exchange: the town is not on a channel %q", a.Channel)
	}
	if a.From.Kind == "" || a.From.ID == "" || len(a.From.Kind) > 255 || a.Number == 0 {
		return channels.Refused, aside(whyMalformed)
	}
	if !x.work.enter() {
		return 0, channels.Retry(ErrDraining, 0)
	}
	defer x.work.leave()
	began := x.clock.Now()
	key := x.keys.Address(a.From.Kind, a.From.ID)
	if err := x.addresses.take(ctx, key); err != nil {
		return 0, channels.Retry(err, 0)
	}
	defer x.addresses.give(key)
	at := a.At
	if at.After(began) {
		at = began
	}
	e := channels.Event{Channel: a.Channel, From: a.From, At: at, Attached: a.Attached}
	t := adoption{turn: turn{x: x, line: l, event: &e, key: key, name: a.Channel}, it: &a, aside: aside}
	v, err := t.run(ctx)
	outcome := outcomeApplied
	switch {
	case err != nil:
		outcome = outcomeFailed
	case v == channels.Twice:
		outcome = outcomeDuplicate
	case v == channels.Refused:
		outcome = outcomeRefused
	}
	x.metrics.turn(a.Channel, outcome, x.clock.Now().Sub(began))
	if err != nil {
		x.log.LogAttrs(ctx, slog.LevelError, "an outpost's turn was not entered", slog.String("channel", a.Channel), slog.Any("error", err))
		return 0, channels.Retry(fmt.Errorf("exchange: %s: %w", a.Channel, err), 0)
	}
	return v, nil
}

// adoption is an outpost's turn on its way into the store.
type adoption struct {
	turn
	it      *channels.Turn
	aside   func(why string) error
	known   bool // the request that it opens is in the store already
	uncount bool // its record was put aside
	sure    bool // the store took something since: what is read now isn't read of a database that another has replaced
}

func (t *adoption) run(ctx context.Context) (channels.Verdict, error) {
	for range attempts {
		resident, known, err := t.x.store.Find(ctx, t.key)
		if err != nil {
			return 0, fmt.Errorf("find the resident: %w", err)
		}
		if !known {
			if err := t.x.random(resident[:]); err != nil {
				return 0, err
			}
		}
		v, err := t.enter(ctx, resident, !known)
		if err != nil || v != 0 {
			return v, err
		}
	}
	return 0, errContested
}

func (t *adoption) refuse(why string) (channels.Verdict, error) {
	return channels.Refused, t.aside(why)
}

// refuseSurely refuses what doesn't fit what was read. That commits nothing, so no version tells that it was read of a database that is
// cut off and has been replaced, and knows too little: first something is written, which such a one can't, and then it is read once more.
func (t *adoption) refuseSurely(ctx context.Context, why string, version uint64, last visit) (channels.Verdict, error) {
	if t.sure {
		t.x.log.LogAttrs(ctx, slog.LevelWarn, "an outpost's turn doesn't follow what was entered", slog.String("why", why), slog.Uint64("turn", t.it.Number),
			slog.Uint64("entered", last.number), slog.Bool("moved", last.stamp == [16]byte{}), slog.Uint64("version", version))
		return t.refuse(why)
	}
	if _, err := t.x.store.Hold(ctx, fmt.Sprintf("adopt %x", t.x.nodes.id[:8]), t.x.nodes.id, timersTerm); err != nil {
		return 0, fmt.Errorf("see whether the store can be written to: %w", err)
	}
	t.sure = true
	return 0, nil
}

// enter makes one attempt; no verdict: try again.
func (t *adoption) enter(ctx context.Context, resident store.Resident, unknown bool) (channels.Verdict, error) {
	if err := t.x.residents.take(ctx, resident); err != nil {
		return 0, err
	}
	defer t.x.residents.give(resident)
	t.resident, t.attempt = resident, attempt{}
	var kept store.Conversation
	if !unknown {
		var err error
		if kept, err = t.x.store.Load(ctx, resident); err != nil {
			return 0, fmt.Errorf("load the conversation: %w", err)
		}
		if kept.Version == 0 {
			return 0, nil // they were erased, or found to be another, while their turn was waited for
		}
	}
	before, err := decodeRow(kept.State)
	if err != nil {
		return 0, err
	}
	last := before.visit
	switch {
	case last.number >= t.it.Number:
		return channels.Twice, nil
	case before.gone:
		return 0, t.x.eraseKept(ctx, kept)
	case t.it.Number > last.number+1:
		return t.refuseSurely(ctx, whyGap, kept.Version, last)
	case last.number == 0 && (kept.Version > 0 || len(t.it.Base) > 0), last.number > 0 && !bytes.Equal(t.it.Base, last.stamp[:]):
		return t.refuseSurely(ctx, whyMoved, kept.Version, last)
	}
	after, err := talk.Decode(t.it.Memory)
	switch {
	case errors.Is(err, engine.ErrNewer):
		return 0, err // until this townline is as new as the outpost's
	case err != nil || len(t.it.Memory) == 0:
		return t.refuse(whyMalformed)
	}
	if err := t.recall(ctx, kept, before); err != nil {
		return 0, err
	}
	t.now = t.x.calendar.local(t.event.At)
	if unknown {
		t.change.Link = []store.Address{{Key: t.key, Kind: t.event.From.Kind, Address: t.event.From.ID}}
	}
	for n := range t.it.Attached {
		taken, _ := channels.Take(t.it.Attached[n:n+1], func(int) [16]byte { return channels.VisitMedia(t.it.From, t.it.Number, n) })
		for _, one := range taken {
			t.pieces = append(t.pieces, piece{Taken: one, at: t.now})
		}
	}
	for i := range t.it.Done {
		if why, err := t.carryOut(ctx, &t.it.Done[i]); err != nil {
			return 0, err
		} else if why != "" {
			return t.refuse(why)
		}
	}
	if _, err := t.settleMedia(ctx, &after); err != nil {
		return 0, err
	}
	if err := t.texts(ctx, t.it.Texts); err != nil {
		return 0, err
	}
	return t.commit(ctx)
}

// carryOut turns one thing that was done into lines of the change; why is not "" where that can't be.
func (t *adoption) carryOut(ctx context.Context, done *channels.Done) (why string, err error) {
	e := talk.Effect{Effect: done.Effect, Order: done.Order}
	e.Waits = false
	if done.Pin != (dialogs.Pin{}) {
		if e.Dialog, err = t.dialog(ctx, done.Pin); err != nil || e.Dialog == nil {
			return whyDialog, err
		}
	}
	t.done = done
	defer func() { t.done = nil }()
	switch e.Kind {
	case engine.Keep:
		return t.enterRecord(ctx, &e)
	case engine.PassOn:
		if t.known {
			return "", nil
		}
		_, err := t.passOn(ctx, &e)
		return "", err
	case engine.Carry:
		t.linkCode(done.Reference)
		return "", nil
	case engine.Redeem:
		return t.broughtAlong(ctx, e.Values)
	case engine.SetTimer:
		if soon := t.x.clock.Now().Add(grace); e.At.Before(soon) {
			e.At = soon
		}
	case engine.EraseAll:
		t.erase = true
		t.setTimer(eraseTimer, t.x.clock.Now())
		return "", nil
	case engine.KeepConsent:
		if t.uncount {
			return "", nil
		}
	}
	return "", t.effects(ctx, []talk.Effect{e})
}

// broughtAlong marks a conversation that was taken along to the outpost as theirs once more, so that whoever had it doesn't go
// on with it while this turn is entered; they let go of it then. Where it went on without the outpost and is over, or was
// taken along elsewhere, the turn can't be entered: what is in it would count twice.
func (t *adoption) broughtAlong(ctx context.Context, values []string) (why string, err error) {
	if len(values) != 1 {
		return "", nil
	}
	for range attempts {
		source, known, err := t.x.store.Find(ctx, t.x.keys.Address(carryKind, values[0]))
		if err != nil || !known || source == t.resident {
			return "", err // whoever had it is erased
		}
		kept, row, memory, err := t.x.remembered(ctx, source)
		if err != nil {
			return "", err
		}
		if !memory.Retake(values[0], t.x.clock.Now(), t.taker()) {
			return whyMoved, nil
		}
		done, err := t.x.rewrite(ctx, kept, row, memory, store.Change{At: t.x.calendar.local(t.x.clock.Now())})
		if err != nil {
			return "", err
		}
		if done {
			t.source = source
			return "", nil
		}
	}
	return "", errContested
}

// spoken says whether the conversation of a code has recordings or pictures in it. They can't go along to an outpost: who
// has them would be erased one day, and the answers would name nothing.
func (t *adoption) spoken(ctx context.Context, values []string) (bool, error) {
	if len(values) != 1 {
		return false, nil
	}
	source, known, err := t.x.store.Find(ctx, t.x.keys.Address(carryKind, values[0]))
	if err != nil || !known {
		return false, err
	}
	_, _, memory, err := t.x.remembered(ctx, source)
	if err != nil || memory.Now == nil {
		return false, err
	}
	return slices.ContainsFunc(memory.Now.Answers, func(a engine.Answer) bool { return slices.ContainsFunc(a.Media, ours) }), nil
}

// dialog is the content that an outpost held a turn in; nil when it was never published here.
func (t *adoption) dialog(ctx context.Context, pin dialogs.Pin) (*dialogs.Dialog, error) {
	if f, ok := t.x.town.Dialogs.(fetcher); ok {
		if err := f.Fetch(ctx, pin); err != nil {
			return nil, err
		}
	}
	return t.x.town.Dialogs.Pinned(pin), nil
}

// enterRecord keeps a record as the resident was told it is.
func (t *adoption) enterRecord(ctx context.Context, e *talk.Effect) (why string, err error) {
	d, r := e.Dialog, e.Record
	if d == nil || r == nil || r.Dialog != d.ID || r.Version != d.Version || t.done.Reference == "" {
		return whyMalformed, nil
	}
	if t.known && d.Purpose == dialogs.Request {
		return "", nil
	}
	if d.Purpose == dialogs.Consultation {
		if t.done.Ballot == ([16]byte{}) {
			return whyMalformed, nil
		}
		if d.Who == dialogs.Roll {
			if len(e.Values) != 1 {
				return whyMalformed, nil
			}
			on, err := t.x.store.OnRoll(ctx, d.ID, CodeVoter(t.x.keys, d.ID, e.Values[0]))
			if err != nil {
				return "", err
			}
			if !on {
				t.uncount = true
				return "", t.aside(whyCode)
			}
		}
	}
	_, err = t.keep(ctx, e)
	return "", err
}

func (t *adoption) commit(ctx context.Context) (channels.Verdict, error) {
	x, c := t.x, &t.change
	c.Resident, c.Read, c.At = t.resident, t.version, t.now
	errands, err := encodeErrands(t.errands)
	if err != nil {
		return 0, fmt.Errorf("encode what is to be fetched: %w", err)
	}
	c.State = row{way: t.way, gone: t.erase, visit: visit{t.it.Number, [16]byte(channels.Stamp(t.it.Memory))}, errands: errands, memory: t.it.Memory}.encode()
	out, err := x.store.Commit(ctx, c)
	if err != nil {
		return 0, fmt.Errorf("commit: %w", err)
	}
	switch out.Kind {
	case store.Applied:
	case store.Voted:
		t.before = true
		x.metrics.conflicts.Inc()
		return 0, nil
	default:
		x.metrics.conflicts.Inc()
		return t.contested(ctx)
	}
	x.metrics.records(c)
	x.posted(c.Outbox)
	now := x.clock.Now()
	for i := range c.Timers {
		x.timers.by(now, c.Timers[i].At)
	}
	if t.source != (store.Resident{}) {
		x.release(context.WithoutCancel(ctx), t.source)
	}
	if t.erase {
		// What was entered says so: if it fails now, the timer does it.
		whole, err := decodeRow(c.State)
		if err == nil {
			err = x.buryVisit(context.WithoutCancel(ctx), t.resident, nil, whole)
		}
		if err != nil {
			x.log.LogAttrs(ctx, slog.LevelError, "erasing is put off", slog.Any("error", err))
		}
	}
	switch {
	case t.uncount:
		return channels.NotCounted, nil
	case t.before:
		return channels.Before, nil
	}
	return channels.Entered, nil
}

// bury notes under a visit's made-up address how many turns there were, and nothing else.
func (x *Exchange) bury(ctx context.Context, at store.Address, turns uint64) error {
	var nobody store.Resident
	if err := x.random(nobody[:]); err != nil {
		return err
	}
	now := x.clock.Now()
	c := store.Change{
		Resident: nobody, At: now, State: row{gone: true, visit: visit{number: turns}}.encode(), Link: []store.Address{at},
		Timers: []store.Timer{{Resident: nobody, Name: eraseTimer, At: now.AddDate(0, 0, graveDays)}},
	}
	var err error
	for range attempts {
		if _, err = x.store.Commit(ctx, &c); err == nil {
			if _, known, err := x.store.Find(ctx, at.Key); known || err != nil {
				return err
			}
		}
	}
	return cmp.Or(err, errContested)
}

// buryVisit erases who was to be erased, and notes it where theirs was a visit at an outpost.
func (x *Exchange) buryVisit(ctx context.Context, r store.Resident, last []store.Parting, before row) error {
	var graves []store.Address
	if before.visit.number > 0 && len(before.memory) > 0 {
		all, err := x.store.Addresses(ctx, r)
		if err != nil {
			return fmt.Errorf("find the visit's address: %w", err)
		}
		for _, a := range all {
			if a.Key == x.keys.Address(a.Kind, a.Address) && proved(a.Kind) {
				graves = append(graves, a)
			}
		}
	}
	errands, err := decodeErrands(before.errands)
	if err != nil {
		return err
	}
	if err := x.leaveErrands(ctx, errands); err != nil {
		return err
	}
	if err := x.eraseNow(ctx, r, last); err != nil {
		return err
	}
	for _, a := range graves {
		if err := x.bury(ctx, a, before.visit.number); err != nil {
			return err
		}
	}
	return nil
}

// contested looks whether it was the reference: a request that was entered before, by somebody who was erased since, is
// not opened again.
func (t *adoption) contested(ctx context.Context) (channels.Verdict, error) {
	for i := range t.change.Requests {
		e := &t.change.Requests[i]
		if e.Kind != store.Opened {
			continue
		}
		r, err := t.x.store.Request(ctx, e.Reference)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("find a request: %w", err)
		}
		if r.Dialog != e.Dialog || r.Service != e.Service || !bytes.Equal(r.Record, e.Record) {
			return t.refuse(whyReference)
		}
		t.known = true
	}
	return 0, nil
}

// Ask: see channels.Books.
func (x *Exchange) Ask(ctx context.Context, q channels.Question) (engine.Input, error) {
	l, ok := x.channels[q.Channel]
	if !ok || q.From.Kind == "" || q.From.ID == "" {
		return engine.Input{}, fmt.Errorf("exchange: a question from nowhere, by %q", q.Channel)
	}
	if !x.work.enter() {
		return engine.Input{}, channels.Retry(ErrDraining, 0)
	}
	defer x.work.leave()
	e := channels.Event{Channel: q.Channel, From: q.From}
	t := adoption{turn: turn{x: x, line: l, event: &e, key: x.keys.Address(q.From.Kind, q.From.ID), name: q.Channel, now: x.calendar.local(x.clock.Now())}}
	resident, known, err := x.store.Find(ctx, t.key)
	if err != nil {
		return engine.Input{}, channels.Retry(fmt.Errorf("exchange: find the resident: %w", err), 0)
	}
	if known {
		t.resident, t.version = resident, 1
	}
	asked := talk.Effect{Effect: q.Effect}
	if q.Pin != (dialogs.Pin{}) {
		if asked.Dialog, err = t.dialog(ctx, q.Pin); err != nil {
			return engine.Input{}, channels.Retry(fmt.Errorf("exchange: %w", err), 0)
		}
	}
	switch q.Effect.Kind {
	case engine.FindSimilar, engine.FindStatus, engine.CheckCode, engine.CheckVoted:
	case engine.Redeem: // it is theirs from now on, and nobody else's
		if spoken, err := t.spoken(ctx, q.Effect.Values); err != nil || spoken {
			return engine.Input{Result: map[string]string{"away": "yes"}}, err
		}
	case engine.PassOn: // whether anybody is there; that somebody waits comes with the turn
		open, hours := x.calendar.Open(q.Effect.To, t.now)
		result := map[string]string{"open": "no", "hours": hours}
		if open {
			result["open"] = "yes"
		}
		return engine.Input{Result: result}, nil
	default:
		return engine.Input{}, fmt.Errorf("exchange: nobody answers %q from afar", q.Effect.Kind)
	}
	in, err := t.ask(ctx, asked)
	if err != nil {
		return engine.Input{}, channels.Retry(fmt.Errorf("exchange: %w", err), 0)
	}
	return in, nil
}
