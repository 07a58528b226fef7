package exchange

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
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

// attempts is how often a turn is stepped again because something else was committed in between. In one node that
// hardly happens; among nodes one of those that race always gets through.
const attempts = 12

var errContested = errors.New("something else was committed each time")

// eraseTimer is the name of the exchange's own timer: it erases a resident if the process died before it could.
const eraseTimer = "erase"

// RemindTimer begins the names of timers that remind somebody of a conversation.
const RemindTimer = "remind:"

// classes of messages in the outbox: replies go before reminders, and those before what is told to many.
const (
	classReply     uint8 = 0
	classReminder  uint8 = 1
	classBroadcast uint8 = 2
)

// turn is one event, or one timer, on its way from the store through talk and back.
type turn struct {
	x       *Exchange
	line    *line           // that it came by; nil: a timer of somebody who can't be pushed to
	came    *channels.Event // the event as it came; nil: a timer
	event   *channels.Event // what is to be done about it: of a menu's request, what is new of it; nil: a timer
	timer   string
	key     store.AddressKey // of the event's address
	inbound store.Inbound
	name    string // of the channel, for records

	now      time.Time
	resident store.Resident
	before   bool           // a ballot of this voter was found in the box: it is not cast again
	taken    int            // references that were taken
	mute     bool           // an answer that is to be tied to nobody would have named what came along: it is left out
	done     *channels.Done // what an outpost did, while that is entered; nil: the turn is held here
	shared   shared

	attempt
}

// attempt is what one pass over the turn has come to; the next begins afresh.
type attempt struct {
	version    uint64
	memory     talk.Memory // as it was
	answered   []store.Inbound
	way        way
	visit      visit
	made       bool
	offered    bool
	over       bool
	left       bool
	unanswered bool
	errands    []errand
	more       more
	shows      bool // the words are no answer to what is on show: it is shown
	change     store.Change
	ids        int    // of records that were derived
	request    string // the reference of the request that this turn opened or joined
	erase      bool
	handoff    bool
	pieces     []piece            // what came along, or was taken over with a conversation
	recorded   mentions           // by the records of this turn
	texted     []store.AddressKey // numbers that a page has a code texted to
	source     store.Resident     // whose conversation was taken along to this one; zero: nobody's
}

// run holds the turn of an event.
func (t *turn) run(ctx context.Context) (channels.Reply, string, error) {
	for range attempts {
		resident, known, err := t.x.store.Find(ctx, t.key)
		if err != nil {
			return channels.Reply{}, outcomeFailed, fmt.Errorf("find the resident: %w", err)
		}
		if !known {
			switch t.came.Kind {
			case channels.HungUp, channels.Looked, channels.Overdue:
				return channels.Reply{}, outcomeApplied, nil // nobody was there, so nobody has gone
			}
			if r, ok, err := t.erasedBefore(); ok {
				return r, outcomeDuplicate, err
			}
			if err := t.x.random(resident[:]); err != nil {
				return channels.Reply{}, outcomeFailed, err
			}
		}
		r, outcome, err := t.hold(ctx, resident, !known)
		if err != nil || outcome != outcomeConflict {
			return r, outcome, err
		}
	}
	return channels.Reply{}, outcomeFailed, errContested
}

// hold makes one attempt while nobody else in this node has the resident's turn.
func (t *turn) hold(ctx context.Context, resident store.Resident, unknown bool) (channels.Reply, string, error) {
	if err := t.x.residents.take(ctx, resident); err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	defer t.x.residents.give(resident)
	t.resident = resident
	t.attempt = attempt{}
	var kept store.Conversation
	if !unknown {
		var err error
		if kept, err = t.x.store.Load(ctx, resident); err != nil {
			return channels.Reply{}, outcomeFailed, fmt.Errorf("load the conversation: %w", err)
		}
	}
	before, err := decodeRow(kept.State)
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	if r, outcome, theirs, err := t.inside(ctx, kept, before); theirs || err != nil {
		return r, outcome, err
	}
	open := t.shared.arrived()
	if t.came != nil && t.came.Session != nil && t.shared.arrival == nil {
		p := t.placed(t.place(before.more.Menu))
		t.inbound = p.inbound
		if p.placing == nothing && !slices.Contains(kept.Answered, t.inbound) {
			return channels.Reply{}, outcomeDuplicate, nil
		}
		open = t.takes(p)
	}
	if t.inbound != (store.Inbound{}) && slices.Contains(kept.Answered, t.inbound) {
		b, _, err := t.x.store.Reply(ctx, resident, t.inbound)
		if err != nil {
			return channels.Reply{}, outcomeFailed, fmt.Errorf("load the reply given before: %w", err)
		}
		r, err := decodeReply(b)
		return r, outcomeDuplicate, err
	}
	if t.event == nil && kept.Version == 0 { // a timer of somebody who was erased: it goes as well
		return channels.Reply{}, outcomeApplied, t.x.eraseNow(ctx, resident, nil)
	}
	if before.gone { // the process died before it could erase, or is about to
		if err := t.x.eraseKept(ctx, kept); err != nil {
			return channels.Reply{}, outcomeFailed, err
		}
		return channels.Reply{}, outcomeConflict, nil
	}
	if r, outcome, ends := t.outside(kept, before); ends {
		return r, outcome, nil
	}
	if err := t.recall(ctx, kept, before); err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	if open != nil {
		t.more.Menu = open
	}
	if err := t.handedOver(ctx); err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	if unknown {
		// The ledger outlives the resident: who said STOP and was erased is still let alone.
		out, err := t.x.store.OptedOut(ctx, t.key)
		if err != nil {
			return channels.Reply{}, outcomeFailed, fmt.Errorf("look into the opt-out ledger: %w", err)
		}
		t.memory.Stopped = out
		t.change.Link = []store.Address{{Key: t.key, Kind: t.event.From.Kind, Address: t.event.From.ID}}
	}
	if t.isOverdue() && !t.canText() {
		return channels.Reply{}, outcomeApplied, nil
	}
	heard, err := t.heard(ctx)
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	if t.event == nil && t.timer == unansweredTimer {
		return t.unmet(ctx)
	}
	if t.event == nil && t.timer == stopTimer {
		return t.stopped(ctx)
	}
	if t.event == nil {
		if rings, err := t.rings(); err != nil || rings {
			return t.rung(ctx, err)
		}
	}
	if err := t.hears(ctx, &heard); err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	looks := heard.Kind == talk.Looked
	said, err := t.x.town.Hear(t.memory, heard, func(e talk.Effect) (engine.Input, error) { return t.ask(ctx, e) })
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	if t.isOverdue() {
		if err := t.lastWords(ctx, &said); err != nil {
			return channels.Reply{}, outcomeFailed, err
		}
	}
	if looks {
		return channels.Reply{Pages: said.Pages, Over: said.Over}, outcomeApplied, nil
	}
	if said.Leave {
		return t.stepOut(ctx, &said)
	}
	if said.Opens {
		return t.letIn(ctx, &said)
	}
	if err := t.effects(ctx, said.Effects); err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	if err := t.texts(ctx, said.Texts); err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	left, err := t.settleMedia(ctx, &said.Memory)
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	if left && !t.mute {
		t.mute = true
		return channels.Reply{}, outcomeConflict, nil
	}
	if t.event != nil {
		t.opens(unknown)
		t.made = t.made || t.event.Withheld && stays(&t.change)
		switch late := t.late(); {
		case t.event.Kind == channels.HungUp:
			t.leaves(ctx, &said)
			t.left = t.line.rings()
		case late:
			t.over = said.Over || said.Pass
			t.lateKey(ctx, &said)
		default:
			t.comes(ctx, &said)
			t.over = (said.Over || said.Pass) && t.line.rings()
		}
	}
	if err := t.settlePIN(&said); err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	r, err := t.write(&said)
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	return t.commit(ctx, r)
}

// rung commits a timer's turn that only rings somebody.
func (t *turn) rung(ctx context.Context, err error) (channels.Reply, string, error) {
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	r, err := t.write(&talk.Said{Memory: t.memory})
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	return t.commit(ctx, r)
}

// recall decodes what is remembered of the resident and fetches the dialogs that it is about.
func (t *turn) recall(ctx context.Context, kept store.Conversation, before row) (err error) {
	if t.memory, err = talk.Decode(before.memory); err != nil {
		return err
	}
	if t.errands, err = decodeErrands(before.errands); err != nil {
		return err
	}
	t.version, t.answered, t.way, t.visit, t.now = kept.Version, kept.Answered, before.way, before.visit, t.x.calendar.local(t.x.clock.Now())
	t.made, t.offered, t.over = before.made, before.offered, before.over
	t.unanswered, t.left, t.more = before.unanswered, before.left, before.more
	f, ok := t.x.town.Dialogs.(fetcher)
	if !ok {
		return nil
	}
	if t.memory.Now != nil {
		if err := f.Fetch(ctx, t.memory.Now.Pin); err != nil {
			return err
		}
	}
	for i := range t.memory.Aside {
		if err := f.Fetch(ctx, t.memory.Aside[i].Pin); err != nil {
			return err
		}
	}
	return nil
}

// heard is the event in talk's terms.
func (t *turn) heard(ctx context.Context) (talk.Heard, error) {
	if t.event == nil {
		h := talk.Heard{At: t.now, Kind: talk.Rang, Timer: t.timer, Traits: render.SMS}
		t.line, t.name = t.x.channels[t.way.channel], t.way.channel
		name, err := t.reminderLine(ctx)
		if err != nil {
			return h, err
		}
		if name != "" && strings.HasPrefix(t.timer, RemindTimer) {
			t.line, t.name = t.x.channels[name], name
		}
		if t.line != nil {
			h.Traits = t.line.traits
		}
		return h, nil
	}
	var seed [8]byte
	if err := t.x.random(seed[:]); err != nil {
		return talk.Heard{}, err
	}
	h := talk.Heard{
		At: t.now, Traits: t.line.traits, Words: t.event.Words, Choice: t.event.Choice,
		Seed: binary.BigEndian.Uint64(seed[:]),
	}
	switch t.event.Kind {
	case channels.Dialed:
		h.Kind = talk.Came
	case channels.HungUp:
		h.Kind = talk.Left
	case channels.Quiet:
		h.Kind = talk.Quiet
	case channels.Returned:
		h.Kind = talk.Returned
	case channels.Looked:
		h.Kind = talk.Looked
	}
	switch {
	case t.isOverdue():
		h.Kind, h.Traits = talk.Shown, t.x.channels[t.x.textLine()].traits
	case t.shows:
		h.Kind = talk.Shown
	}
	if t.event.Withheld {
		h.Traits.Address = false
	}
	h.Traits.Ring = h.Traits.Ring && t.event.From.Kind == "tel" && t.x.callbacks.Reachable(t.event.From.ID)
	h.Out, h.Texted = t.event.Out, t.takesTexts()
	h.Lang = t.event.Lang
	h.Media, h.Refused = t.brought()
	return h, nil
}

// write completes the change: the memory, the reply, what is to be pushed.
func (t *turn) write(said *talk.Said) (channels.Reply, error) {
	memory, err := talk.Encode(&said.Memory)
	if err != nil {
		return channels.Reply{}, fmt.Errorf("encode the conversation: %w", err)
	}
	switch {
	case t.isOverdue():
		t.way = way{t.x.textLine(), t.event.From.Kind}
	case t.event != nil && !t.line.traits.Live:
		t.way = way{t.name, t.event.From.Kind}
	}
	t.moves(said)
	c := &t.change
	c.Resident, c.Read, c.At, c.Inbound = t.resident, t.version, t.now, t.inbound
	if t.event != nil {
		t.visit.stamp = [16]byte{} // who goes on here is no longer where the outpost left them
	}
	rings := t.event == nil && !said.Memory.Stopped && !t.erase
	if t.event != nil && t.event.Kind != channels.HungUp {
		t.heardFrom()
	}
	if rings && len(said.Pages) > 0 && !t.unreachable(t.way) {
		t.more.Pushed = t.more.Pushed.changed()
		t.more.Pushed.Waits = true
	}
	errands, err := encodeErrands(t.errands)
	if err != nil {
		return channels.Reply{}, fmt.Errorf("encode what is to be fetched: %w", err)
	}
	c.State = row{way: t.way, gone: t.erase, made: t.made, offered: t.offered, over: t.over, left: t.left, unanswered: t.unanswered, visit: t.visit, errands: errands, more: t.more, memory: memory}.encode()
	r := channels.Reply{Pages: said.Pages, Over: said.Over}
	if said.Pass {
		r.Pass = &channels.Pass{Desk: said.Desk}
	}
	switch {
	case t.event == nil:
		r.Pages = nil
		if rings {
			err = t.push(said.Pages, t.way, classReminder)
		}
	case t.event.Kind == channels.HungUp:
		r = channels.Reply{}
	case t.isOverdue():
		r = channels.Reply{Texts: len(said.Pages) > 0}
		err = t.push(said.Pages, t.way, classReply)
	case t.line.traits.Pushed && !said.Memory.Stopped && !t.erase:
		// The last word to somebody who said STOP, or was erased, can't wait in an outbox that is closed to them: it
		// goes back with the reply, for the adapter to send at once.
		r.Pages = nil
		err = t.push(said.Pages, t.way, classReply)
	}
	if err != nil {
		return channels.Reply{}, err
	}
	if t.event != nil {
		if c.Reply, err = encodeReply(r); err != nil {
			return channels.Reply{}, fmt.Errorf("encode the reply: %w", err)
		}
	}
	return r, nil
}

// push puts pages in the outbox, for a channel that is still there.
func (t *turn) push(pages []render.Page, w way, class uint8) error {
	l := t.x.channels[w.channel]
	if l == nil {
		return nil
	}
	var until time.Time
	switch {
	case class == classReminder:
		if t.unreachable(w) {
			return nil
		}
		until = t.now.Add(reminderKeeps)
	case w.kind == pinKind: // somebody else may have the phone later
		until = t.now.Add(pinTexts)
	}
	for i := range pages {
		body, err := engine.Encode(&pages[i])
		if err != nil {
			return fmt.Errorf("encode a page: %w", err)
		}
		t.change.Outbox = append(t.change.Outbox, store.Message{
			ID: t.id("message"), Resident: t.resident, Channel: w.channel, Kind: w.kind, Due: t.now, Body: body, Class: class,
			Weight: l.weight(&pages[i]), Until: until,
		})
	}
	return nil
}

// unreachable says whether nothing can be delivered on a way, as far as is known.
func (t *turn) unreachable(w way) bool {
	l := t.x.channels[w.channel]
	return l == nil || w.kind == pinKind || !l.rings() && t.more.Pushed.bad(w.kind)
}

// id derives the next id of this turn.
func (t *turn) id(kind string) [16]byte {
	t.ids++
	return derived(kind, t.resident, t.version, t.ids)
}

// commit writes the change and carries out what follows a commit.
func (t *turn) commit(ctx context.Context, r channels.Reply) (channels.Reply, string, error) {
	x := t.x
	out, err := x.store.Commit(ctx, &t.change)
	if err != nil {
		return channels.Reply{}, outcomeFailed, fmt.Errorf("commit: %w", err)
	}
	switch out.Kind {
	case store.Applied:
	case store.Duplicate:
		r, err = decodeReply(out.Reply)
		return r, outcomeDuplicate, err
	case store.Voted:
		t.before = true
		x.metrics.conflicts.Inc()
		return channels.Reply{}, outcomeConflict, nil
	default:
		if t.request != "" {
			t.taken++ // perhaps it was the reference
		}
		x.metrics.conflicts.Inc()
		return channels.Reply{}, outcomeConflict, nil
	}
	x.metrics.records(&t.change)
	if len(t.change.Outbox) > 0 {
		x.outbox.ring()
	}
	for i := range t.change.Timers {
		x.timers.by(t.now, t.change.Timers[i].At)
	}
	t.stopsForAll(context.WithoutCancel(ctx))
	for _, to := range t.texted {
		if x.texted.count(t.now, textSpan, to) == mostSent {
			x.log.Warn("pages sent many codes by text: they send no more for a while", slog.Duration("span", textSpan))
		}
	}
	if t.source != (store.Resident{}) {
		x.release(context.WithoutCancel(ctx), t.source)
	}
	if t.erase && t.event != nil && t.event.From.Kind == "tel" {
		t.noCall(ctx)
	}
	if t.erase {
		// The turn is on disk, and so is that the resident is to be erased: if it fails now, the timer that was committed
		// with it does it, or their next message.
		x.erased.remember(t.inbound, t.change.Reply)
		if t.came != nil && t.came.Session != nil {
			x.erased.remember(t.erasedSession(), t.change.Reply)
		}
		err := x.leaveErrands(context.WithoutCancel(ctx), t.errands)
		if err == nil {
			err = x.eraseNow(context.WithoutCancel(ctx), t.resident, t.answered)
		}
		if err != nil {
			x.log.LogAttrs(ctx, slog.LevelError, "erasing is put off", slog.Any("error", err))
		}
	}
	return r, outcomeApplied, nil
}

// eraseKept erases a resident whose last turn said so and whose row is still there.
func (x *Exchange) eraseKept(ctx context.Context, kept store.Conversation) error {
	before, err := decodeRow(kept.State)
	if err != nil {
		return err
	}
	answered := kept.Answered
	if len(answered) > 0 {
		b, _, err := x.store.Reply(ctx, kept.Resident, answered[0])
		if err != nil {
			return fmt.Errorf("load the reply given before: %w", err)
		}
		x.erased.remember(answered[0], b)
		answered = answered[1:]
		if m := before.more.Menu; m != nil && len(m.Session) > 0 {
			x.erased.remember(menuID(store.AddressKey{}, m, 'x', 0), b)
		}
	}
	return x.buryVisit(ctx, kept.Resident, answered, before)
}

// eraseNow erases a resident; a late repeat of what they said must not be taken for a new resident's first word.
func (x *Exchange) eraseNow(ctx context.Context, r store.Resident, answered []store.Inbound) error {
	for _, in := range answered {
		x.erased.remember(in, nil)
	}
	if err := x.store.Erase(ctx, r, x.clock.Now()); err != nil {
		return fmt.Errorf("exchange: erase a resident: %w", err)
	}
	return nil
}

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

// ledger writes a line for each of the resident's addresses: STOP on one channel counts on all, and so does START. A
// number that somebody merely gave as a contact gets none: nothing is sent to it, it may be another's, and what STOP said
// of it START could not take back.
func (t *turn) ledger(ctx context.Context, out bool) error {
	keys := make([]store.AddressKey, 0, 4)
	if t.event != nil {
		keys = append(keys, t.key)
	}
	if t.version > 0 {
		all, err := t.x.store.Addresses(ctx, t.resident)
		if err != nil {
			return fmt.Errorf("find the resident's addresses: %w", err)
		}
		for _, a := range all {
			if a.Kind == pinKind { // the number that others use as well
				a.Key = t.x.keys.Address("tel", a.Address)
			}
			if !slices.Contains(keys, a.Key) && proved(a.Kind) {
				keys = append(keys, a.Key)
			}
		}
	}
	word := "START"
	if out {
		word = "STOP"
	}
	for _, k := range keys {
		t.change.OptOuts = append(t.change.OptOuts, store.OptOut{Address: k, Out: out, At: t.now, Channel: t.name, Word: word})
	}
	return nil
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

// optedOut keeps a provider's word that a resident wants no more messages, as if they had said STOP here.
func (x *Exchange) optedOut(ctx context.Context, r store.Resident, channel string) error {
	if err := x.residents.take(ctx, r); err != nil {
		return err
	}
	defer x.residents.give(r)
	for range attempts {
		kept, err := x.store.Load(ctx, r)
		if err != nil {
			return err
		}
		before, err := decodeRow(kept.State)
		if err != nil {
			return err
		}
		if kept.Version == 0 || before.gone {
			return nil // erased meanwhile
		}
		t := turn{x: x, name: channel, resident: r, now: x.calendar.local(x.clock.Now())}
		t.version = kept.Version
		if t.memory, err = talk.Decode(before.memory); err != nil {
			return err
		}
		if t.memory.Stopped {
			return nil
		}
		t.memory.Stopped = true
		if err := t.ledger(ctx, true); err != nil {
			return err
		}
		if before.memory, err = talk.Encode(&t.memory); err != nil {
			return err
		}
		c := &t.change
		c.Resident, c.Read, c.At, c.State = r, kept.Version, t.now, before.encode()
		out, err := x.store.Commit(ctx, c)
		if err != nil {
			return err
		}
		if out.Kind == store.Applied {
			return nil
		}
	}
	return errContested
}
