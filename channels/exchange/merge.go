package exchange

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// Two residents who turned out to be one: talk has made one memory of two by then, and the store makes one of all that is kept of
// them, in the commit of the turn in which it was agreed to. Here is what the rows know besides.

// merges puts the partner's row into this turn's.
func (t *turn) merges(ctx context.Context, said *talk.Said) error {
	p, c := t.partner, &t.change
	c.Merged = &store.Merged{Resident: p.kept.Resident, Read: p.kept.Version}
	c.Unlink = append(c.Unlink, p.code)
	mine, err := t.x.proved(ctx, t.resident)
	if err != nil {
		return err
	}
	theirs, err := t.x.proved(ctx, p.kept.Resident)
	if err != nil {
		return err
	}
	t.linkAll(mine, theirs)
	dials := t.more.Menu != nil
	if err := t.mergeRows(mine, theirs); err != nil {
		return err
	}
	both := slices.Concat(mine, theirs)
	if said.Memory.Stopped { // said of one, it holds for all
		for _, a := range both {
			c.OptOuts = append(c.OptOuts, store.OptOut{Address: a.Key, Out: true, At: t.now, Channel: t.name, Word: "STOP"})
		}
	}
	if err := t.marksBoth(ctx, mine, theirs); err != nil {
		return err
	}
	here := func(a store.Address) bool { return a.Key == t.key }
	had := len(c.Outbox)
	if err := t.tellOthers(said, theirs, p.row.more.Menu != nil); err != nil {
		return err
	}
	if err := t.tellOthers(said, slices.DeleteFunc(slices.Clone(mine), here), dials); err != nil {
		return err
	}
	// Who had one of them for a moment may have deleted that, and what was said here: it is said once more the next day, here as well,
	// whoever is heard of meanwhile.
	told := len(c.Outbox)
	if i := slices.IndexFunc(mine, here); i >= 0 {
		if err := t.tellOthers(said, mine[i:i+1], dials); err != nil {
			return err
		}
	}
	now, tomorrow := c.Outbox[:told:told], slices.Clone(c.Outbox[had:])
	for i := range tomorrow {
		m := &tomorrow[i]
		if i < told-had {
			m.ID = t.id("message")
		}
		m.Due, m.Class = t.now.Add(toldAgain), classReminder
	}
	c.Outbox = append(now, tomorrow...)
	return nil
}

// toldAgain is how long after it a phone, or a chat, is told once more that it was put together with another.
const toldAgain = 20 * time.Hour

// proved are the addresses that a resident comes from: what they gave, codes and the like are not among them.
func (x *Exchange) proved(ctx context.Context, r store.Resident) ([]store.Address, error) {
	all, err := x.store.Addresses(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("find the resident's addresses: %w", err)
	}
	return slices.DeleteFunc(all, func(a store.Address) bool { return !proved(a.Kind) }), nil
}

// linkAll notes which addresses there are from now on. Where several are of one kind, each gets a kind of its own as well.
func (t *turn) linkAll(mine, theirs []store.Address) {
	l := t.more.Linked.copied()
	add := func(all []store.Address, had *linked, w way) {
		for _, a := range all {
			key := t.x.keys.Lasting(a.Key)
			if l.at(key) != nil {
				continue
			}
			if was := had.at(key); was != nil {
				l.All = append(l.All, *was)
				continue
			}
			one := linkedTo{Key: key[:], Kind: a.Kind}
			if w.kind == a.Kind {
				one.Channel = w.channel
			}
			l.All = append(l.All, one)
		}
	}
	add(mine, t.more.Linked, t.way)
	add(theirs, t.partner.row.more.Linked, t.partner.row.way)
	for _, a := range slices.Concat(mine, theirs) {
		key := t.x.keys.Lasting(a.Key)
		one := l.at(key)
		alone := !slices.ContainsFunc(l.All, func(o linkedTo) bool { return o.Kind == one.Kind && !bytes.Equal(o.Key, key[:]) })
		if one.To != "" || alone {
			continue
		}
		one.To = t.alias(a.Kind)
		t.change.Link = append(t.change.Link, store.Address{Key: t.x.keys.Address(one.To, a.Address), Kind: one.To, Address: a.Address})
	}
	t.more.Linked = l
}

func (t *turn) mergeRows(mine, theirs []store.Address) error {
	p := t.partner
	under, err := decodeErrands(p.row.errands)
	if err != nil {
		return err
	}
	if len(under) > 0 {
		t.errands = append(slices.Clip(t.errands), putOff(under, t.now)...) // whoever runs them for the partner finds them changed
		t.setTimer(errandTimer, t.now)
	}
	t.made = t.made || p.row.made
	l := t.more.Linked
	here := func(w way, had []store.Address) way { // as it is called from now on
		for _, a := range had {
			if a.Kind == w.kind {
				w.kind = l.at(t.x.keys.Lasting(a.Key)).to()
				break
			}
		}
		return w
	}
	theirWay := here(p.row.way, theirs)
	if t.way = here(t.way, mine); t.way.channel == "" {
		t.way = theirWay
	}
	if t.more.Menu == nil {
		t.more.Menu = p.row.more.Menu
	} else if m := p.row.more.Menu; m != nil {
		own := *t.more.Menu
		last := *m
		last.Past = nil
		own.Past = append(slices.Clone(own.Past), last)
		own.Past = own.Past[max(0, len(own.Past)-mostPast):]
		t.more.Menu = &own
	}
	if t.more.Call == nil {
		t.more.Call = p.row.more.Call
	}
	t.callsOfBoth(&p.row)
	t.more.Pushed = mergedPushed(t.more.Pushed, p.row.more.Pushed)
	t.more.Doors = mergedDoors(t.more.Doors.of(t.x.keys, mine), p.row.more.Doors.of(t.x.keys, theirs))
	return nil
}

// mergedPushed is what both were told. Who can be reached at one address is not unreachable.
func mergedPushed(a, b *pushed) *pushed {
	if a == nil || b == nil {
		if a == nil {
			a = b
		}
		if a = a.changed(); a.Kind != "" {
			a.Kind, a.Refused, a.Bad = "", "", false
		}
		return a.whole()
	}
	m := a.changed()
	m.Waits = a.Waits || b.Waits
	for rest := b.Told; len(rest) >= 8; rest = rest[8:] {
		if !m.wasTold(rest[:8]) {
			m.Told = append(slices.Clip(m.Told), rest[:8]...)
		}
	}
	m.Kind, m.Refused, m.Bad = "", "", false
	return m.whole()
}

func mergedDoors(a, b *doors) *doors {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	return &doors{Open: slices.Concat(a.Open, b.Open), Past: slices.Concat(a.Past, b.Past)}
}

// of are the doors with the address that each is at, of somebody who has these.
func (d *doors) of(k Keys, all []store.Address) *doors {
	i := slices.IndexFunc(all, func(a store.Address) bool { return a.Kind == "tel" })
	if d == nil || i < 0 {
		return d
	}
	next, key := d.copied(), k.Lasting(all[i].Key)
	for n := range next.Open {
		if len(next.Open[n].At) == 0 {
			next.Open[n].At = slices.Clone(key[:])
		}
	}
	return next
}

// doorAt is where a door is that opens now: with one number, it is there in any case.
func (t *turn) doorAt() []byte {
	if t.more.Linked == nil {
		return nil
	}
	key := t.lasting()
	return key[:]
}

// tellOthers tells whoever is at these addresses, where they can be written to, what became of them. dials says that a menu was dialled
// from there: such phones can be texted.
func (t *turn) tellOthers(said *talk.Said, others []store.Address, dials bool) error {
	if said.Memory.Stopped || len(said.Others) == 0 {
		return nil
	}
	for _, a := range others {
		w := way{}
		if one := t.more.Linked.at(t.x.keys.Lasting(a.Key)); one != nil {
			w = way{one.Channel, one.to()}
		}
		if w.channel == "" && a.Kind == "tel" && dials {
			w.channel = t.x.textLine()
		}
		if t.x.channels[w.channel] == nil || t.x.channels[w.channel].rings() {
			continue
		}
		if err := t.push(said.Others, w, classReply); err != nil {
			return err
		}
	}
	return nil
}
