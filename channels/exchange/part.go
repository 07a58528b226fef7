package exchange

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// An address that leaves finds a newcomer from then on, who knows nothing of what was said from it before, but for whether STOP was. The
// marks on rolls and the ledger's lines are the address's own, and stay with it.

// leaveHere says whether there is another address that what was said can stay with, and leaves once it was agreed to.
func (t *turn) leaveHere(ctx context.Context, values []string) (map[string]string, error) {
	alone := map[string]string{"part": "alone"}
	if !t.surely() || t.version == 0 {
		return alone, nil
	}
	all, err := t.x.proved(ctx, t.resident)
	if err != nil {
		return nil, err
	}
	others := slices.DeleteFunc(all, func(a store.Address) bool { return a.Key == t.key })
	if len(others) == 0 {
		return alone, nil
	}
	if len(values) == 1 && values[0] == "yes" {
		t.leftTo = others
	}
	return map[string]string{"part": "good"}, nil
}

// parts has this turn's address find somebody new.
func (t *turn) parts(said *talk.Said) error {
	c, from := &t.change, t.event.From
	if err := t.tellOthers(said, t.leftTo, false); err != nil {
		return err
	}
	c.Unlink = append(c.Unlink, t.key)
	kind := t.kindHere()
	if isAlias(kind) {
		c.Unlink = append(c.Unlink, t.x.keys.Address(kind, from.ID))
	}
	memory := talk.Memory{Lang: said.Memory.Lang, On: said.Memory.On, Stopped: said.Memory.Stopped, Before: true}
	own := row{}
	if !t.line.traits.Live {
		own.way = way{t.name, from.Kind}
	}
	own.more.Menu, own.more.InCall = t.more.Menu, t.callHere()
	key := t.lasting()
	stays, goes := t.more.Doors.split(key[:])
	t.more.Doors = stays
	// What was said from here before is answered, if it comes again, as it was.
	goes.Past = append([]door{{Who: t.resident, Answered: append([]store.Inbound{t.inbound}, t.answered...)}}, goes.Past...)
	goes.Past = goes.Past[:min(len(goes.Past), mostPassed)]
	own.more.Doors = goes
	newcomer := store.Newcomer{Link: []store.Address{{Key: t.key, Kind: from.Kind, Address: from.ID}}}
	if err := t.x.random(newcomer.Resident[:]); err != nil {
		return err
	}
	var err error
	if own.memory, err = talk.Encode(&memory); err != nil {
		return fmt.Errorf("encode a conversation: %w", err)
	}
	newcomer.State = own.encode()
	c.Newcomer = &newcomer
	t.forgetsHere(said, kind, from.Kind == "tel")
	return nil
}

// forgetsHere takes the address out of the row that it leaves.
func (t *turn) forgetsHere(said *talk.Said, kind string, number bool) {
	l, key := t.more.Linked.copied(), t.lasting()
	l.All = slices.DeleteFunc(l.All, func(a linkedTo) bool { return bytes.Equal(a.Key, key[:]) })
	if l.Ring == kind {
		l.Ring = ""
	}
	if l.Fell == kind {
		l.Fell = ""
	}
	if t.way.kind == kind {
		t.way = way{}
		for _, a := range l.All {
			if a.Channel != "" {
				t.way = way{a.Channel, a.to()}
			}
		}
	}
	m := &said.Memory
	if len(l.All) < 2 {
		if m.Linking != nil {
			one := *m.Linking
			one.Both = false
			m.Linking = &one
		}
	}
	if number {
		t.more.Menu, t.more.InCall, t.more.Older, t.more.Said = nil, 0, 0, 0
		for _, name := range t.x.order {
			if t.x.channels[name].rings() {
				t.stopTimer(dropTimer + name)
				t.stopTimer(askTimer + name)
			}
		}
		t.more.Call, t.offered = nil, false
		if l.number() == nil && m.Reach == talk.ByCall {
			m.Reach, m.Due = talk.AsBefore, false
		}
	}
	t.more.Linked = l
}

// split are the doors that stay, and those at an address.
func (d *doors) split(at []byte) (stays, goes *doors) {
	goes = &doors{}
	if d == nil {
		return nil, goes
	}
	stays = d.copied()
	there := func(o door) bool { return bytes.Equal(o.At, at) }
	for _, o := range stays.Open {
		if there(o) {
			goes.Open = append(goes.Open, o)
		}
	}
	stays.Open = slices.DeleteFunc(stays.Open, there)
	if len(stays.Open)+len(stays.Past) == 0 {
		stays = nil
	}
	return stays, goes
}
