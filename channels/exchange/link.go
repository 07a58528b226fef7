package exchange

import (
	"bytes"
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// Two addresses of one person are put together by a code of six digits that one of them gets and the other sends. The code finds whoever
// got it as an address does; whether it holds stands in their memory (talk.Linking). How often codes are tried is counted on disk.

const (
	linkKind  = "link" // of the address under which a code finds whoever got it
	linkTimer = "link" // codes are too old
	mostLinks = 5      // codes a resident gets a day
)

// surely says whether it is sure that whoever the event is from has the phone, or the chat, at hand. A call that came in proves
// nothing, a screen is anybody's, and who is behind a PIN isn't alone on the phone.
func (t *turn) surely() bool {
	if t.event == nil || t.line == nil || t.event.Withheld || t.isBehind() || t.more.Behind != nil || t.visit.number > 0 {
		return false
	}
	switch t.line.traits.Form {
	case engine.Text:
		return true
	case engine.Speech:
		return t.event.Out && t.event.From.Kind == "tel"
	}
	return false
}

// giveLink makes a code, which holds once this turn is committed.
func (t *turn) giveLink(ctx context.Context) (map[string]string, error) {
	if !t.surely() {
		return map[string]string{}, nil
	}
	if l := t.memory.Linking; l != nil && l.Day == t.now.Format("2006-01-02") && l.Given >= mostLinks {
		return map[string]string{"many": "yes"}, nil
	}
	long, err := t.x.linksLong(ctx)
	if err != nil {
		return nil, err
	}
	var code string
	if long {
		if code, err = channels.NewCode(t.x.random); err != nil {
			return nil, err
		}
		code, _ = talk.ParseCode(code)
	} else if code, err = t.x.sixDigits(); err != nil {
		return nil, err
	}
	t.change.Link = append(t.change.Link, store.Address{Key: t.x.keys.Address(linkKind, code), Kind: linkKind, Address: code})
	t.setTimer(linkTimer, t.now.Add(talk.LinkLasts))
	return map[string]string{"code": code}, nil
}

func (x *Exchange) sixDigits() (string, error) {
	var b [16]byte
	if err := x.random(b[:]); err != nil {
		return "", err
	}
	n := new(big.Int).Mod(new(big.Int).SetBytes(b[:]), big.NewInt(1_000_000)) // of 2^128: no digit is likelier than another
	return fmt.Sprintf("%0*d", talk.LinkDigits, n), nil
}

// linkOver takes away the codes that are too old.
func (t *turn) linkOver(ctx context.Context) (channels.Reply, string, error) {
	t.change.Untimers = append(t.change.Untimers, t.timer)
	all, err := t.x.store.Addresses(ctx, t.resident)
	if err != nil {
		return channels.Reply{}, outcomeFailed, fmt.Errorf("find the resident's codes: %w", err)
	}
	for _, a := range all {
		switch {
		case a.Kind != linkKind:
		case t.memory.Linking.Good(a.Address, t.now.Unix()):
			t.setTimer(linkTimer, t.now.Add(talk.LinkLasts))
		default:
			t.change.Unlink = append(t.change.Unlink, a.Key)
		}
	}
	return t.rung(ctx, nil)
}

// partner is who is put together with this turn's resident, as they were read.
type partner struct {
	kept   store.Conversation
	row    row
	memory talk.Memory
	code   store.AddressKey
}

// linkWith looks who got a code. Once it was agreed to, that one is merged into this turn's resident.
func (t *turn) linkWith(ctx context.Context, e *talk.Effect) (map[string]string, error) {
	result := func(why string) (map[string]string, error) { return map[string]string{"join": why}, nil }
	if !t.surely() || len(e.Values) == 0 {
		return result("apart")
	}
	code, agreed := e.Values[0], len(e.Values) == 2 && e.Values[1] == "yes" && e.Other != nil
	if !agreed {
		why, err := t.x.tryLink(ctx, t.key, t.inbound, len(code) > talk.LinkDigits)
		if err != nil || why != "" {
			return map[string]string{"join": why}, err
		}
	}
	p := partner{code: t.x.keys.Address(linkKind, code)}
	who, known, err := t.x.store.Find(ctx, p.code)
	if err != nil {
		return nil, fmt.Errorf("find who got a code: %w", err)
	}
	if !known {
		return result("unknown")
	}
	if p.kept, p.row, p.memory, err = t.x.remembered(ctx, who); err != nil {
		return nil, err
	}
	if p.kept.Version == 0 || p.row.gone || !p.memory.Linking.Good(code, t.now.Unix()) {
		return result("unknown")
	}
	if !agreed {
		t.guessedRight = len(code)
	}
	_, _, leaves := p.memory.Leaves()
	switch {
	case who == t.resident:
		return result("own")
	case p.row.more.Behind != nil || p.row.visit.number > 0:
		return result("apart")
	case leaves: // somebody is just taking a conversation of theirs along
		return result("later")
	case agreed:
		if f, ok := t.x.town.Dialogs.(fetcher); ok {
			for _, s := range open(&p.memory) {
				if err := f.Fetch(ctx, s.Pin); err != nil {
					return nil, err
				}
			}
		}
		t.partner, *e.Other = &p, p.memory
	}
	return result("good")
}

// open are the conversations that somebody has open or set aside.
func open(m *talk.Memory) []engine.State {
	all := slices.Clone(m.Aside)
	if m.Now != nil {
		all = append(all, *m.Now)
	}
	return all
}

// settleLink carries out what was agreed to in this turn.
func (t *turn) settleLink(ctx context.Context, said *talk.Said) error {
	switch {
	case t.event == nil:
	case t.partner != nil:
		return t.merges(ctx, said)
	case t.leftTo != nil:
		return t.parts(said)
	}
	return nil
}

// linked is in the row of whoever has several addresses.
type linked struct {
	All  []linkedTo `cbor:"1,keyasint,omitempty"`
	Ring string     `cbor:"2,keyasint,omitempty"` // kind of the address to ring, where they asked for it from one; "": the first number
	Fell string     `cbor:"3,keyasint,omitempty"` // kind of the one whose call dropped last
}

// linkedTo is one of them.
type linkedTo struct {
	Key     []byte `cbor:"1,keyasint,omitempty"` // lasting
	Kind    string `cbor:"2,keyasint,omitempty"`
	To      string `cbor:"3,keyasint,omitempty"` // the kind under which a message finds this one among others of its kind
	Channel string `cbor:"4,keyasint,omitempty"` // that was last written on from there; "": none that can be pushed on
}

// Messages find an address by its kind. Whoever has two numbers has each of them under a kind of its own as well.
const aliasMark = "#"

// alias is such a kind. It tells nothing of the address, not even to whoever has the town's earlier keys.
func (t *turn) alias(kind string) string {
	id := t.id("alias")
	return fmt.Sprintf("%s%s%x", kind, aliasMark, id[:4])
}

// baseKind is the kind of an address, whatever a message calls it.
func baseKind(kind string) string {
	kind, _, _ = strings.Cut(kind, aliasMark)
	return kind
}

func isAlias(kind string) bool { return strings.Contains(kind, aliasMark) }

// to is the kind under which a message finds it.
func (a *linkedTo) to() string {
	if a.To != "" {
		return a.To
	}
	return a.Kind
}

// at is the address with that lasting key; nil where it isn't one of several.
func (l *linked) at(key store.AddressKey) *linkedTo {
	if l == nil {
		return nil
	}
	for i := range l.All {
		if bytes.Equal(l.All[i].Key, key[:]) {
			return &l.All[i]
		}
	}
	return nil
}

// number is the first telephone number; nil where there is none.
func (l *linked) number() *linkedTo {
	if l == nil {
		return nil
	}
	for i := range l.All {
		if l.All[i].Kind == "tel" {
			return &l.All[i]
		}
	}
	return nil
}

func (l *linked) copied() *linked {
	c := linked{}
	if l != nil {
		c.All, c.Ring, c.Fell = slices.Clone(l.All), l.Ring, l.Fell
	}
	return &c
}

// lasting is the key of the event's address as rows remember it.
func (t *turn) lasting() store.AddressKey { return t.x.keys.Lasting(t.key) }

// kindHere is the kind under which a message finds the address that the event is from.
func (t *turn) kindHere() string {
	if a := t.more.Linked.at(t.lasting()); a != nil {
		return a.to()
	}
	return t.event.From.Kind
}

// ownWay is how the address that the event is from is written to, as far as it was written from.
func (t *turn) ownWay() way {
	if t.event == nil {
		return t.way
	}
	if a := t.more.Linked.at(t.lasting()); a != nil {
		return way{a.Channel, a.to()}
	}
	return t.way
}

// wroteHere notes the channel that the resident wrote on.
func (t *turn) wroteHere(channel string) {
	t.way = way{channel, t.kindHere()}
	if a := t.more.Linked.at(t.lasting()); a != nil && a.Channel != channel {
		l := t.more.Linked.copied()
		l.at(t.lasting()).Channel = channel
		t.more.Linked = l
	}
}

// textWay is how a text message gets to a number that is the resident's for sure.
func (t *turn) textWay() (way, bool) {
	switch {
	case t.event == nil || t.event.Withheld || t.isBehind() || t.onPage():
		return way{}, false
	case t.takesTexts():
		return t.ownWay(), true
	case t.event.From.Kind == "tel":
		name := t.x.textLine()
		return way{name, t.kindHere()}, name != "" && !t.line.rings()
	}
	a := t.more.Linked.number()
	if a == nil {
		return way{}, false
	}
	if l := t.x.channels[a.Channel]; l != nil && l.traits.Texts {
		return way{a.Channel, a.to()}, true
	}
	name := t.x.textLine()
	return way{name, a.to()}, name != ""
}

// canRing says whether a number of the resident's can be called, where this isn't a call.
func (t *turn) canRing(ctx context.Context) (bool, error) {
	if t.event.Withheld || t.isBehind() || t.onPage() || t.line.rings() || t.x.ringLine("") == "" {
		return false, nil
	}
	if t.event.From.Kind != "tel" && t.more.Linked.number() == nil {
		return false, nil
	}
	number, err := t.number(ctx)
	return number != "" && t.x.callbacks.Reachable(number), err
}

// asksForCall has the resident called on the line that they are on, or where they write, on the first line.
func (t *turn) asksForCall(ctx context.Context, at time.Time) error {
	if t.event.Withheld || t.isBehind() || t.onPage() {
		return nil
	}
	name, number := t.x.ringLine(t.name), t.event.From.ID
	if name == "" {
		return nil
	}
	if t.event.From.Kind != "tel" {
		var err error
		if number, err = t.number(ctx); err != nil || number == "" {
			return err
		}
	}
	if l := t.more.Linked; l != nil {
		next := l.copied()
		if next.Ring = ""; t.event.From.Kind == "tel" {
			next.Ring = t.kindHere()
		}
		t.more.Linked = next
	}
	t.setTimer(askTimer+name, t.x.daytime(number, at))
	return nil
}
