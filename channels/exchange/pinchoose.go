package exchange

import (
	"context"
	"fmt"
	"strings"

	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// choosePIN takes a PIN that somebody chose. One that finds somebody already is refused as one that is easy to guess is, and each
// counts, so that nobody finds PINs by choosing them.
func (t *turn) choosePIN(ctx context.Context, values []string) (map[string]string, error) {
	number := t.telephone()
	if number == "" || len(values) != 2 {
		return map[string]string{"pin": "locked"}, nil
	}
	locked, err := t.x.counted(ctx, t.gateKind(), number, t.inbound, (*gate).choose)
	if err != nil {
		return nil, err
	}
	key := pinAddress(t.x.keys, number, values[0])
	_, taken, err := t.x.store.Find(ctx, key)
	switch {
	case err != nil:
		return nil, fmt.Errorf("find who is behind a PIN: %w", err)
	case locked:
		return map[string]string{"pin": "locked"}, nil
	case taken || strings.HasSuffix(number, values[0]) || talk.EasyPIN(values[0]):
		return map[string]string{"pin": "easy"}, nil
	}
	if l := t.more.Linked; l != nil && len(l.All) > 1 && values[1] == talk.MovePIN { // talk asks them to leave first
		return map[string]string{"pin": "locked"}, nil
	}
	t.shared.chose = &choice{values[1], key}
	return map[string]string{"pin": "good"}, nil
}

// movePIN puts behind a PIN that was chosen whoever is to be there.
func (t *turn) movePIN(said *talk.Said) error {
	c, chose := &t.change, t.shared.chose
	number := t.event.From.ID
	link := store.Address{Key: chose.key, Kind: pinKind, Address: number}
	key := t.x.keys.Lasting(chose.key)
	b := behind{Key: key[:], On: t.name, At: t.now.UnixMilli(), By: t.inbound[:]}
	if chose.how == talk.ChangePIN {
		c.Link = append(c.Link, link)
		c.Unlink = append(c.Unlink, t.x.keys.Today(store.AddressKey(t.more.Behind.Key)))
		b.By = t.more.Behind.By // the door stays
		t.more.Behind = &b
		return nil
	}
	var newcomer store.Newcomer
	if err := t.x.random(newcomer.Resident[:]); err != nil {
		return err
	}
	memory, own := talk.Memory{Stopped: said.Memory.Stopped}, row{}
	if chose.how == talk.NewPIN {
		memory = *said.Newcomer
		own.way = way{t.name, pinKind}
		own.more = more{Behind: &b, Menu: t.more.Menu, InCall: t.callHere()}
		newcomer.Link = []store.Address{link}
		t.more.Doors = t.shutHere().open(t.name, t.doorAt(), newcomer.Resident, t.inbound)
	} else {
		own.more.Doors = t.shutHere().open(t.name, t.doorAt(), t.resident, t.inbound)
		newcomer.Link = []store.Address{{Key: t.key, Kind: t.event.From.Kind, Address: number}}
		c.Link = append(c.Link, link)
		c.Unlink = append(c.Unlink, t.key)
		t.goBehind(&b)
	}
	var err error
	if own.memory, err = talk.Encode(&memory); err != nil {
		return fmt.Errorf("encode a conversation: %w", err)
	}
	newcomer.State = own.encode()
	c.Newcomer = &newcomer
	return nil
}

// goBehind makes whoever the number found until now somebody whom their PIN finds: no message and no call goes to them from now on.
func (t *turn) goBehind(b *behind) {
	t.more.Doors, t.more.Behind = nil, b
	if baseKind(t.way.kind) == t.event.From.Kind {
		t.way.kind = pinKind
	}
	if a := t.more.Linked.at(t.lasting()); a != nil && a.To != "" { // other phones were put together with it once
		t.change.Unlink = append(t.change.Unlink, t.x.keys.Address(a.To, t.event.From.ID))
	}
	t.more.Linked = nil
	e := *t.event
	e.From.Kind = pinKind
	t.event = &e
	for _, name := range t.x.order {
		if t.x.channels[name].rings() {
			t.stopTimer(dropTimer + name)
			t.stopTimer(askTimer + name)
		}
	}
	t.offered = false
}
