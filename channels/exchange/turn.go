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
	trail    trail
	met      store.Conversation // the row that came with the address; without a version where it is to be loaded
	anew     bool               // it says too little: the row is loaded

	attempt
}

// attempt is what one pass over the turn has come to; the next begins afresh.
type attempt struct {
	version      uint64
	memory       talk.Memory // as it was
	answered     []store.Inbound
	way          way
	visit        visit
	made         bool
	offered      bool
	over         bool
	left         bool
	unanswered   bool
	errands      []errand
	more         more
	shows        bool // the words are no answer to what is on show: it is shown
	change       store.Change
	ids          int    // of records that were derived
	guessedRight int    // how many digits the code has that was given and is right; 0: none was
	request      string // the reference of the request that this turn opened or joined
	erase        bool
	handoff      bool
	desk         caseAt
	pieces       []piece            // what came along, or was taken over with a conversation
	recorded     mentions           // by the records of this turn
	texted       []store.AddressKey // numbers that a page has a code texted to
	partner      *partner           // who is put together with this turn's resident
	leftTo       []store.Address    // this turn's address leaves the resident, who has these
	source       store.Resident     // whose conversation was taken along to this one; zero: nobody's
}

// run holds the turn of an event.
func (t *turn) run(ctx context.Context) (channels.Reply, string, error) {
	for range attempts {
		t.trail.stage(stageLoad)
		met, known, err := t.x.store.Meet(ctx, t.key)
		if err != nil {
			return channels.Reply{}, outcomeFailed, fmt.Errorf("find the resident: %w", err)
		}
		resident := met.Resident
		if t.met = met; !known {
			switch t.came.Kind {
			case channels.HungUp, channels.Looked, channels.Overdue:
				return channels.Reply{}, outcomeApplied, nil // nobody was there, so nobody has gone
			}
			if r, ok, err := t.erasedBefore(ctx); ok {
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
	t.trail.stage(stageWait)
	free, err := t.x.residents.takeFree(ctx, resident)
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	defer t.x.residents.give(resident)
	t.trail.stage(stageLoad)
	t.resident = resident
	t.attempt = attempt{}
	kept, before, err := t.row(ctx, free, unknown)
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	if !unknown && kept.Version == 0 && t.event != nil && !t.isBehind() {
		return channels.Reply{}, outcomeConflict, nil // they were erased, or found to be another, while their turn was waited for
	}
	if r, outcome, theirs, err := t.inside(ctx, kept, before); theirs || err != nil {
		return r, outcome, err
	}
	if t.ahead(before) {
		return channels.Reply{}, outcomeShut, nil
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
		b, there, err := t.x.store.Reply(ctx, resident, t.inbound)
		if err != nil {
			return channels.Reply{}, outcomeFailed, fmt.Errorf("load the reply given before: %w", err)
		}
		if !there && !t.anew { // since the row was read they may have been erased, or found to be another
			t.anew = true
			return channels.Reply{}, outcomeConflict, nil
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
	if t.ofAnotherCall() {
		return channels.Reply{}, outcomeApplied, nil
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
	if t.event == nil && t.timer == linkTimer {
		return t.linkOver(ctx)
	}
	if t.event == nil {
		if rings, err := t.rings(); err != nil || rings {
			return t.rung(ctx, err)
		}
	}
	if err := t.hears(ctx, &heard); err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	if err := t.hearsDesk(ctx, &heard); err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	looks := heard.Kind == talk.Looked
	t.trail.stage(stageRead)
	heard.Mark = t.trail.mark()
	said, err := t.x.town.Hear(t.memory, heard, func(e talk.Effect) (engine.Input, error) {
		t.trail.stage(stageAsk)
		in, err := t.ask(ctx, e)
		if err == nil {
			t.trail.stage(stageStep)
		}
		return in, err
	})
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	t.trail.stage(stageWrite)
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
	if err := t.settlesDesk(ctx, &said); err != nil {
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
	if err := t.settleLink(ctx, &said); err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	r, err := t.write(&said)
	if err != nil {
		return channels.Reply{}, outcomeFailed, err
	}
	return t.commit(ctx, r)
}

// row is what is kept of the turn's resident. The row that came with the address may be a turn old, though nobody had to be waited for: a
// commit compares its version, as long as which the address is theirs, and what is answered without one is what it was a moment before. (Whether
// a door is open says the row behind it, which is loaded.) A row that is about to go is loaded again: nothing compares it.
func (t *turn) row(ctx context.Context, free, unknown bool) (kept store.Conversation, before row, err error) {
	met := t.met
	t.met = store.Conversation{}
	if unknown {
		return kept, before, nil
	}
	if free && !t.anew && met.Version > 0 && met.Resident == t.resident {
		if before, err = decodeRow(met.State); err != nil || !before.gone {
			return met, before, err
		}
	}
	if kept, err = t.x.store.Load(ctx, t.resident); err != nil {
		return kept, before, fmt.Errorf("load the conversation: %w", err)
	}
	before, err = decodeRow(kept.State)
	return kept, before, err
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
	err := t.x.random(seed[:])
	if err != nil {
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
	_, h.Textable = t.textWay()
	if h.Rings, err = t.canRing(ctx); err != nil {
		return talk.Heard{}, err
	}
	if h.Media, h.Refused = t.brought(); h.Refused == "" {
		h.Refused = t.event.Refused
	}
	if t.latePress() {
		h.Words, h.Choice, h.Media, h.Refused = "", "", nil, latePress
	}
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
		t.wroteHere(t.x.textLine())
	case t.leftTo != nil:
	case t.event != nil && !t.line.traits.Live:
		t.wroteHere(t.name)
	}
	t.moves(said)
	t.movesOn(said)
	t.marked(said)
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
	case t.line.traits.Pushed && !said.Memory.Stopped && !t.erase && t.leftTo == nil:
		// The last word to somebody who said STOP, was erased, or left, can't wait in an outbox that is closed to them: it
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

// id derives the next id of this turn.
func (t *turn) id(kind string) [16]byte {
	t.ids++
	return derived(kind, t.resident, t.version, t.ids)
}

// commit writes the change and carries out what follows a commit.
func (t *turn) commit(ctx context.Context, r channels.Reply) (channels.Reply, string, error) {
	x := t.x
	t.trail.stage(stageCommit)
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
	x.posted(t.change.Outbox)
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
	if t.guessedRight > 0 {
		if err := x.triedRight(context.WithoutCancel(ctx), t.key, t.guessedRight > talk.LinkDigits); err != nil {
			x.log.LogAttrs(ctx, slog.LevelWarn, "that a code was right was not noted", slog.Any("error", err))
		}
	}
	if t.erase && t.event != nil && t.event.From.Kind == "tel" {
		t.noCall(ctx)
	}
	if t.erase {
		// The turn is on disk, and so is that the resident is to be erased: if it fails now, the timer that was committed
		// with it does it, or their next message.
		last := []store.Parting{{Inbound: t.inbound, Reply: t.change.Reply}}
		if t.came != nil && t.came.Session != nil {
			last = append(last, store.Parting{Inbound: t.erasedSession(), Reply: t.change.Reply})
		}
		err := x.leaveErrands(context.WithoutCancel(ctx), t.errands)
		if err == nil {
			err = x.eraseNow(context.WithoutCancel(ctx), t.resident, unanswered(last, t.answered))
		}
		if err != nil {
			x.log.LogAttrs(ctx, slog.LevelError, "erasing is put off", slog.Any("error", err))
		}
	}
	return r, outcomeApplied, nil
}
