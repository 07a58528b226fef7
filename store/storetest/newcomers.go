package storetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/townline/townline/store"
)

// newcomers: a resident lets go of an address, and who begins with that has it.
func newcomers(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	r, n := resident(), resident()
	phone, chat, secret := tel("+15550100"), store.Address{Key: addressKey("chat"), Kind: "telegram", Address: "4711"}, store.Address{Key: addressKey("secret"), Kind: "secret", Address: "+15550100"}
	found := func(a store.Address, want store.Resident) {
		t.Helper()
		if got, ok, err := t.Find(ctx, a.Key); err != nil || ok != (want != store.Resident{}) || got != want {
			t.Fatalf("%s leads to %x, %v (%v); want %x", a.Kind, got, ok, err, want)
		}
	}
	t.turn(r, func(c *store.Change) { c.Link = []store.Address{phone, chat} })
	before, err := t.Stats(ctx)
	t.must(err)
	t.turn(r, func(c *store.Change) {
		c.State, c.Inbound, c.Reply = []byte("moved"), inbound("move"), []byte("done")
		c.Link, c.Unlink = []store.Address{secret}, []store.AddressKey{phone.Key}
		c.Newcomer = &store.Newcomer{Resident: n, State: []byte("new"), Link: []store.Address{phone}}
	})
	found(phone, n)
	found(chat, r)
	found(secret, r)
	for who, want := range map[store.Resident][]store.Address{r: {chat, secret}, n: {phone}} {
		all, err := t.Addresses(ctx, who)
		t.must(err)
		if len(all) != len(want) || slices.ContainsFunc(want, func(a store.Address) bool { return !slices.Contains(all, a) }) {
			t.Fatalf("addresses %+v, want %+v", all, want)
		}
	}
	if row := t.load(n); row.Version != 1 || string(row.State) != "new" || len(row.Answered) != 0 {
		t.Fatalf("the newcomer's row: %+v", row)
	}
	after, err := t.Stats(ctx)
	t.must(err)
	t.equal("conversations", after.Conversations, before.Conversations+1)
	// The same message again: the same reply, and nothing else moves.
	if o := t.commit(store.Duplicate, &store.Change{Resident: r, Read: 1, Inbound: inbound("move"), Unlink: []store.AddressKey{secret.Key}}); string(o.Reply) != "done" {
		t.Fatalf("%q", o.Reply)
	}
	found(secret, r)
	// The newcomer is somebody like any other.
	t.turn(n, func(c *store.Change) { c.State = []byte("on"); c.Inbound, c.Reply = inbound("on"), []byte("yes") })
	if b, ok, err := t.Reply(ctx, n, inbound("on")); err != nil || !ok || string(b) != "yes" {
		t.Fatalf("%q %v %v", b, ok, err)
	}
	t.must(t.Erase(ctx, r, noon))
	found(secret, store.Resident{})
	found(phone, n)
	t.must(t.Erase(ctx, n, noon))
	found(phone, store.Resident{})
	// An address alone can go as well, and be another's then.
	other := resident()
	t.turn(other, func(c *store.Change) { c.Link = []store.Address{phone} })
	t.turn(other, func(c *store.Change) { c.Unlink = []store.AddressKey{phone.Key} })
	found(phone, store.Resident{})
	t.turn(resident(), func(c *store.Change) { c.Link = []store.Address{phone} })
	// A newcomer may come with the first word of somebody who was never here either.
	first, second := resident(), resident()
	mine := tel("+15550177")
	t.commit(store.Applied, &store.Change{Resident: first, State: []byte("1"), Link: []store.Address{mine},
		Newcomer: &store.Newcomer{Resident: second, State: []byte("2"), Link: []store.Address{secret}}})
	found(mine, first)
	found(secret, second)
}

// newcomersWhole: where one of them can't be, neither is, and no address has moved.
func newcomersWhole(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	r, other := resident(), resident()
	phone, theirs := tel("+15550100"), tel("+15550199")
	t.turn(r, func(c *store.Change) { c.State, c.Link = []byte("before"), []store.Address{phone} })
	t.turn(other, func(c *store.Change) { c.Link = []store.Address{theirs} })
	for _, c := range []struct {
		name  string
		spoil func(c *store.Change)
	}{
		{"an old version", func(c *store.Change) { c.Read = 0 }},
		{"unlinks another's", func(c *store.Change) { c.Unlink = append(c.Unlink, theirs.Key) }},
		{"unlinks nobody's", func(c *store.Change) { c.Unlink = append(c.Unlink, addressKey("nobody")) }},
		{"takes another's", func(c *store.Change) { c.Newcomer.Link = append(c.Newcomer.Link, theirs) }},
		{"takes what isn't let go", func(c *store.Change) { c.Unlink = nil }},
		{"both take one", func(c *store.Change) {
			c.Link = []store.Address{tel("+15550111")}
			c.Newcomer.Link = append(c.Newcomer.Link, c.Link[0])
		}},
		{"is here already", func(c *store.Change) { c.Newcomer.Resident = other }},
		{"is oneself", func(c *store.Change) { c.Newcomer.Resident = r }},
		{"a taken address beside", func(c *store.Change) { c.Link = []store.Address{theirs} }},
	} {
		n := resident()
		change := &store.Change{Resident: r, Read: 1, State: []byte("after"), Unlink: []store.AddressKey{phone.Key},
			Newcomer: &store.Newcomer{Resident: n, State: []byte("new"), Link: []store.Address{phone}}}
		c.spoil(change)
		t.commit(store.Conflict, change)
		if got, ok, err := t.Find(ctx, phone.Key); err != nil || !ok || got != r {
			t.Fatalf("%s: the address moved to %x (%v)", c.name, got, err)
		}
		if row := t.load(r); row.Version != 1 || string(row.State) != "before" {
			t.Fatalf("%s: %+v", c.name, row)
		}
		if row := t.load(n); row.Version != 0 {
			t.Fatalf("%s: the newcomer is here", c.name)
		}
	}
	// A broken change beside it takes the newcomer along.
	n := resident()
	_, err := t.Commit(ctx, &store.Change{Resident: r, Read: 1, At: noon, Unlink: []store.AddressKey{phone.Key},
		Newcomer: &store.Newcomer{Resident: n, State: []byte("new"), Link: []store.Address{phone}},
		Requests: []store.RequestEvent{{Reference: "NOWHERE", Kind: store.Joined, At: noon}}})
	if !errors.Is(err, store.ErrNotFound) || t.load(n).Version != 0 {
		t.Fatal("half of a change was written", err)
	}
}
