package outpost

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
)

// Receive holds the turn of one event and returns once it is on disk. The same event again gets the same reply.
func (o *Outpost) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	p := o.place.Load()
	if p == nil {
		return channels.Reply{}, channels.Retry(ErrNoTown, 0)
	}
	if e.From.Kind == "" || e.From.ID == "" {
		return channels.Reply{}, fmt.Errorf("outpost: %s: an event without an address", e.Channel)
	}
	v := o.visit(e.From.ID)
	if err := o.take(ctx, v); err != nil {
		return channels.Reply{}, channels.Retry(err, 0)
	}
	defer o.leave(v)
	r, err := o.hold(ctx, p, v, &e)
	if err != nil {
		o.metrics.failed.Inc()
		o.log.Error("turn not held", "visit", short(v.id), "error", err)
		return channels.Reply{}, channels.Retry(err, 0)
	}
	return r, nil
}

// holding is a turn that is being held.
type holding struct {
	o       *Outpost
	ctx     context.Context
	p       *place
	v       *visit
	kind    string // of the visitor's address
	from    string
	memory  talk.Memory // before it
	turn    channels.Turn
	unsure  []string // dialogs whose code was taken on trust
	brought bool     // recordings or pictures came along, and may be kept
	erasing bool
}

func (o *Outpost) hold(ctx context.Context, p *place, v *visit, e *channels.Event) (channels.Reply, error) {
	if err := o.wake(v, e.From.ID); err != nil {
		return channels.Reply{}, err
	}
	event := o.eventOf(e.From.ID, e.ID)
	if e.ID == "" {
		if err := o.random(event[:]); err != nil {
			return channels.Reply{}, err
		}
	} else if r, known, err := o.again(v, event); known || err != nil {
		o.metrics.repeated.Inc()
		return r, err
	}
	if e.Kind == channels.HungUp || e.Kind == channels.Looked && v.Number == 0 {
		return channels.Reply{}, nil
	}
	h := holding{o: o, ctx: ctx, p: p, v: v, kind: e.From.Kind, from: v.From, unsure: v.Unchecked}
	if h.from == "" {
		var b [16]byte
		if err := o.random(b[:]); err != nil {
			return channels.Reply{}, err
		}
		h.from = hex.EncodeToString(b[:])
	}
	var err error
	if h.memory, err = talk.Decode(v.Memory); err != nil {
		return channels.Reply{}, err
	}
	heard, err := o.heard(p, e)
	if err != nil {
		return channels.Reply{}, err
	}
	h.bring(&heard, e)
	said, err := p.talk.Hear(h.memory, heard, h.ask)
	if err == nil && h.brought && h.onBallot(&said.Memory) {
		// A recording would name an answer that is to be tied to nobody: it is heard again without.
		h.turn, h.unsure = channels.Turn{}, v.Unchecked
		heard.Media, heard.Refused = e.Media, channels.RefusedBallot
		h.brought = false
		said, err = p.talk.Hear(h.memory, heard, h.ask)
	}
	if err != nil {
		return channels.Reply{}, err
	}
	r := channels.Reply{Pages: said.Pages, Over: said.Over}
	if e.Kind == channels.Looked {
		return r, nil
	}
	return r, h.keep(event, heard, e, &said)
}

// heard is an event in talk's terms.
func (o *Outpost) heard(p *place, e *channels.Event) (talk.Heard, error) {
	var seed [8]byte
	if err := o.random(seed[:]); err != nil {
		return talk.Heard{}, err
	}
	h := talk.Heard{
		At: o.now(p), Traits: o.s.Traits, Words: e.Words, Choice: e.Choice, Media: e.Media, Lang: e.Lang,
		Seed: binary.BigEndian.Uint64(seed[:]),
	}
	switch e.Kind {
	case channels.Dialed:
		h.Kind = talk.Came
	case channels.Quiet:
		h.Kind = talk.Quiet
	case channels.Looked:
		h.Kind = talk.Looked
	}
	return h, nil
}

// bring takes what came with the event, as far as it can be kept; its names are those that the centre will give it.
func (h *holding) bring(heard *talk.Heard, e *channels.Event) {
	from := channels.Address{Kind: h.kind, ID: h.from}
	taken, refused := channels.Take(e.Attached, func(n int) [16]byte { return channels.VisitMedia(from, h.v.Number+1, n) })
	heard.Refused = refused
	if len(taken) == 0 {
		return
	}
	if h.onBallot(&talk.Memory{Now: h.memory.Now}) && h.memory.Hall == nil {
		heard.Refused = channels.RefusedBallot
		return
	}
	heard.Media = slices.Clip(heard.Media)
	for _, one := range taken {
		heard.Media = append(heard.Media, one.Media)
	}
	h.brought = true
}

// onBallot says whether the open conversation is one in which a voice would tell whose answers they are.
func (h *holding) onBallot(m *talk.Memory) bool {
	if m.Now == nil {
		return false
	}
	d := h.p.talk.Dialogs.Pinned(m.Now.Pin)
	return d != nil && !d.Recordable()
}

// keep writes the turn to disk; only then has it happened.
func (h *holding) keep(event [16]byte, heard talk.Heard, e *channels.Event, said *talk.Said) error {
	o, v := h.o, h.v
	for i := range said.Effects {
		switch f := &said.Effects[i]; f.Kind {
		case engine.EraseAll:
			h.erasing = true
			fallthrough
		case engine.SetTimer, engine.StopTimer, engine.OptOut, engine.OptIn, engine.KeepConsent:
			h.turn.Done = append(h.turn.Done, channels.Done{Effect: f.Effect, Pin: pinOf(f.Dialog)})
		}
	}
	memory, err := talk.Encode(&said.Memory)
	if err != nil {
		return fmt.Errorf("outpost: encode the conversation: %w", err)
	}
	t := &h.turn
	t.Channel, t.From, t.Number = o.s.Channel, channels.Address{Kind: h.kind, ID: h.from}, v.Number+1
	t.At, t.Memory, t.Texts = heard.At, memory, said.Texts
	if h.brought {
		t.Attached = e.Attached
	}
	if v.Number > 0 {
		t.Base = channels.Stamp(v.Memory)
	}
	next := standing{From: h.from, Number: t.Number, Memory: memory, Pages: said.Pages, Over: said.Over, Unchecked: h.unsure}
	if h.erasing { // whoever goes on here is somebody new
		next.From, next.Number, next.Memory, next.Unchecked = "", 0, nil, nil
	}
	plain, err := cbor.Marshal(t)
	if err != nil {
		return fmt.Errorf("outpost: encode a turn: %w", err)
	}
	l := line{Kind: lineTurn, Visit: v.id, Event: event}
	if l.Centre, err = forCentre(h.p.key, o.s.Name, plain); err != nil {
		return err
	}
	if plain, err = cbor.Marshal(next); err != nil {
		return fmt.Errorf("outpost: encode what a visit goes on with: %w", err)
	}
	l.Keep = v.seals.seal(plain, keepAbout(v.id, event))
	if err := o.commit(v, &l, heard.At); err != nil {
		v.woken = false // whether it is on disk is not known: only the journal, opened anew, can tell
		return err
	}
	v.standing = next
	v.standing.Pages = nil
	o.metrics.held.Inc()
	o.ring()
	return nil
}

// commit writes a turn to the journal and puts it in the queue.
func (o *Outpost) commit(v *visit, l *line, at time.Time) error {
	o.tidied.RLock()
	defer o.tidied.RUnlock()
	e := &entry{at: o.clock.Now(), told: at.UnixMilli(), visit: v.id, event: l.Event}
	o.mu.Lock()
	e.number = o.next
	o.next++
	o.mu.Unlock()
	l.Number, l.At = e.number, e.told
	b, err := cbor.Marshal(l)
	if err != nil {
		return fmt.Errorf("outpost: encode a turn: %w", err)
	}
	e.weight = len(b)
	if e.place, err = o.journal.append(b); err != nil {
		return err
	}
	o.mu.Lock()
	o.put(v, e)
	o.mu.Unlock()
	return nil
}

func pinOf(d *dialogs.Dialog) dialogs.Pin {
	if d == nil {
		return dialogs.Pin{}
	}
	return d.Pin
}

// ask answers what a conversation waits for: what can be answered here at once, the rest by the centre where it can be
// reached within a moment, and else honestly.
func (h *holding) ask(e talk.Effect) (engine.Input, error) {
	switch e.Kind {
	case engine.Keep:
		return h.record(e)
	case engine.CheckVoted:
		return result("voted", "no"), nil // nobody has proved a number here; the store decides
	case engine.FindSimilar:
		in, _ := h.centre(e)
		return in, nil
	case engine.FindStatus:
		in, ok := h.centre(e)
		if !ok {
			return result("away", "yes"), nil
		}
		return in, nil
	case engine.CheckCode:
		in, ok := h.centre(e)
		if !ok {
			if id := e.Dialog.ID; !slices.Contains(h.unsure, id) {
				h.unsure = append(slices.Clone(h.unsure), id)
			}
			return result("code", "good"), nil
		}
		return in, nil
	case engine.PassOn:
		return h.passOn(e)
	case engine.Carry:
		if !h.o.up.Load() {
			return result("away", "yes"), nil
		}
		code, err := channels.NewCode(h.o.random)
		if err != nil {
			return engine.Input{}, err
		}
		h.turn.Done = append(h.turn.Done, channels.Done{Effect: e.Effect, Pin: pinOf(e.Dialog), Reference: code})
		in := result("code", code)
		in.Result["until"] = h.o.now(h.p).AddDate(0, 0, channels.CodeDays).Format(time.DateOnly)
		return in, nil
	case engine.Redeem:
		in, ok := h.centre(e)
		if !ok {
			return result("away", "yes"), nil
		}
		if in.Result["code"] == "good" {
			h.turn.Done = append(h.turn.Done, channels.Done{Effect: e.Effect})
		}
		return in, nil
	}
	return engine.Input{}, fmt.Errorf("outpost: nobody answers %q", e.Kind)
}

func result(key, value string) engine.Input {
	return engine.Input{Result: map[string]string{key: value}}
}

// record gives a record its number. The centre keeps it under that.
func (h *holding) record(e talk.Effect) (engine.Input, error) {
	d := e.Dialog
	done := channels.Done{Effect: e.Effect, Pin: d.Pin, Order: e.Order}
	if d.Purpose != dialogs.Consultation && d.Purpose != dialogs.Request {
		return engine.Input{Result: map[string]string{}}, nil
	}
	var err error
	if done.Reference, err = channels.NewReference(chanceOf{h.o}, channels.OutpostReferenceDigits); err != nil {
		return engine.Input{}, err
	}
	in := result("reference", done.Reference)
	switch {
	case d.Purpose == dialogs.Consultation:
		if err := h.o.random(done.Ballot[:]); err != nil {
			return engine.Input{}, err
		}
		if slices.Contains(h.unsure, d.ID) {
			in.Result["unchecked"] = "yes"
		}
	case e.Record.Joins != "":
		in.Result["reference"] = e.Record.Joins
		if now := h.memory.Now; now != nil {
			for _, f := range now.Found {
				if f.Ref == e.Record.Joins {
					in.Result["due"] = f.Due
				}
			}
		}
	default:
		if h.o.s.Due != nil {
			done.Due = h.o.s.Due(h.o.now(h.p), d.Service.Days)
		}
		in.Result["due"] = done.Due
	}
	h.turn.Done = append(h.turn.Done, done)
	return in, nil
}

// passOn leaves word for a person, which goes with the turn. Whether anybody is at the desk only the centre knows.
func (h *holding) passOn(e talk.Effect) (engine.Input, error) {
	ref, err := channels.NewReference(chanceOf{h.o}, channels.OutpostReferenceDigits)
	if err != nil {
		return engine.Input{}, err
	}
	h.turn.Done = append(h.turn.Done, channels.Done{Effect: e.Effect, Pin: pinOf(e.Dialog), Reference: ref})
	if in, ok := h.centre(e); ok {
		return in, nil
	}
	in := result("open", "no")
	in.Result["hours"] = h.p.facts.Hours
	return in, nil
}
