package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// outboxReclaim: what a node had claimed when it died is doubtful at once, and what others have, or a call, stays claimed.
func outboxReclaim(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	lives, dies, none := id(), id(), [16]byte{}
	hold := func(node [16]byte, term time.Duration) {
		t.Helper()
		_, err := t.Hold(ctx, fmt.Sprintf("node %x", node), node, term)
		t.must(err)
	}
	hold(lives, time.Hour)
	hold(dies, time.Hour)
	r := t.reachable()
	var all []store.Message
	claim := func(node [16]byte, channel, words string, r store.Resident) {
		t.Helper()
		m := store.Message{ID: id(), Resident: r, Channel: channel, Kind: "tel", Due: noon, Body: []byte(words)}
		t.turn(r, func(c *store.Change) { c.Outbox = []store.Message{m} })
		got, err := t.Claim(ctx, store.Want{Channels: []string{channel}, Class: 2, N: 9, Node: node}, noon, time.Minute)
		t.must(err)
		t.equal("claimed", texts(got), []string{words})
		all = append(all, m)
	}
	claim(dies, "sms", "the dead one's", r)
	claim(lives, "sms", "the living one's", t.reachable())
	claim(none, "sms", "nobody's", t.reachable())
	claim(dies, "voice", "a call", t.reachable())
	claim(dies, "telegram", "settled", t.reachable())
	t.settle(noon, store.Settled{ID: all[4].ID, State: store.Queued, Retry: noon.Add(time.Hour)})
	behind := store.Message{ID: id(), Channel: "sms", Kind: "tel", Due: noon, Body: []byte("behind it")}
	t.turn(r, func(c *store.Change) { c.Outbox = []store.Message{behind} })
	reclaim := func(want int, from time.Time) {
		t.Helper()
		n, err := t.Reclaim(ctx, []string{"sms", "telegram"}, from)
		t.must(err)
		t.equal("reclaimed", n, want)
	}
	reclaim(0, noon)
	hold(dies, 0)
	soon := noon.Add(20 * time.Second)
	reclaim(1, soon)
	reclaim(0, noon)
	t.next(noon) // what was behind it
	t.equal("what was behind it", texts(t.claim(noon, 9)), []string{"behind it"})
	t.settle(noon, store.Settled{ID: behind.ID, State: store.Sent})
	next, err := t.NextMessage(ctx, "sms", 2)
	t.must(err)
	t.equal("may be claimed", next, soon)
	t.equal("too early", texts(t.claim(soon.Add(-time.Second), 9)), []string{})
	t.equal("in doubt", texts(t.claim(soon, 9)), []string{"the dead one's?"})
	// What was claimed again is its new node's: of the one before nothing is left.
	t.settle(soon, store.Settled{ID: all[0].ID, State: store.Queued, Retry: soon})
	again, err := t.Claim(ctx, store.Want{Channels: []string{"sms"}, Class: 2, N: 9, Node: lives}, soon, time.Minute)
	t.must(err)
	t.equal("sent again", texts(again), []string{"the dead one's"})
	reclaim(0, noon)
	// Nor of any where whoever claims doesn't say who it is.
	t.settle(soon, store.Settled{ID: all[1].ID, State: store.Queued, Retry: soon})
	t.equal("by nobody", texts(t.claim(soon, 9, "sms")), []string{"the living one's"})
	hold(lives, 0)
	reclaim(1, noon)
}

// parted: a message of somebody who was erased, when it comes again, is known by its hash, and for some days.
func parted(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	r := t.reachable()
	known := func(name, want string) {
		t.Helper()
		b, ok, err := t.Parted(ctx, inbound(name))
		t.must(err)
		t.equal(name, fmt.Sprintf("%s %v", b, ok), want)
	}
	known("last", " false")
	last := []store.Parting{{Inbound: inbound("last"), Reply: []byte("all is gone")}, {Inbound: inbound("before")}, {Inbound: inbound("last")}}
	for range 2 {
		t.must(t.Erase(ctx, r, noon, last...))
		known("last", "all is gone true")
		known("before", " true")
		known("another", " false")
		last[0].Reply = nil // what was replied stays
	}
	t.must(t.Erase(ctx, resident(), noon.Add(24*time.Hour), store.Parting{Inbound: inbound("another"), Reply: []byte("yours too")}))
	known("last", "all is gone true")
	t.must(t.Sweep(ctx, noon.Add(73*time.Hour)))
	known("last", " false")
	known("before", " false")
	known("another", "yours too true")
	t.must(t.Erase(ctx, resident(), noon.Add(98*time.Hour), store.Parting{Inbound: inbound("third")}))
	known("another", " false")
}
