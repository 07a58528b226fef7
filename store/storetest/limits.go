package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// wants claims what is wanted of one channel.
func (t town) wants(at time.Time, w store.Want) []string {
	t.Helper()
	if w.Channels == nil {
		w.Channels = []string{"sms"}
	}
	m, err := t.Claim(t.Context(), w, at, time.Minute)
	t.must(err)
	for i := range m {
		t.must(t.Settle(t.Context(), at, []store.Settled{{ID: m[i].ID, State: store.Sent}}))
	}
	return texts(m)
}

// outboxWants: a worker gets what it can send now, and no more.
func outboxWants(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	at := noon
	post := func(text, channel string, class uint8, weight int) {
		t.turn(t.reachable(), func(c *store.Change) {
			at = at.Add(time.Second)
			c.Outbox = []store.Message{{ID: id(), Channel: channel, Kind: "tel", Due: at, Body: []byte(text), Class: class, Weight: weight}}
		})
	}
	for i := range 6 {
		post(fmt.Sprint("reminder ", i), "sms", 1, i)
	}
	post("results", "sms", 2, 8)
	post("elsewhere", "voice", 1, 1)
	post("reply", "sms", 0, 3)
	next := func(channel string, class uint8, want time.Time) {
		t.Helper()
		got, err := t.NextMessage(ctx, channel, class)
		t.must(err)
		if !got.Equal(want) {
			t.Fatalf("%s, class %d: next %v, want %v", channel, class, got, want)
		}
	}
	next("sms", 0, at)
	next("sms", 1, noon.Add(time.Second))
	next("voice", 2, noon.Add(8*time.Second))
	next("voice", 0, time.Time{})
	next("telegram", 2, time.Time{})
	late := at.Add(time.Hour)
	t.equal("none", t.wants(late, store.Want{Class: 2}), []string{})
	t.equal("replies only", t.wants(late, store.Want{N: 9}), []string{"reply"})
	t.equal("no more replies", t.wants(late, store.Want{N: 9}), []string{})
	// The first two count 1 each, one that was given no weight among them.
	t.equal("so much", t.wants(late, store.Want{Class: 2, N: 9, Weight: 3}), []string{"reminder 0", "reminder 1"})
	t.equal("the first is more than that", t.wants(late, store.Want{Class: 2, N: 9, Weight: 1}), []string{"reminder 2"})
	t.equal("so many", t.wants(late, store.Want{Class: 1, N: 2}), []string{"reminder 3", "reminder 4"})
	t.equal("not so much in all", t.wants(late, store.Want{Class: 2, N: 9, Weight: 12}), []string{"reminder 5"})
	t.equal("the rest", t.wants(late, store.Want{Class: 2, N: 9}), []string{"results"})
	t.equal("another channel", t.wants(late, store.Want{Class: 2, N: 9, Channels: []string{"voice"}}), []string{"elsewhere"})
	next("sms", 2, time.Time{})
}

// outboxForgives: what was not an attempt doesn't count as one, and what changed meanwhile isn't settled.
func outboxForgives(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	m := store.Message{ID: id(), Channel: "sms", Kind: "tel", Due: noon, Body: []byte("hello")}
	t.turn(t.reachable(), func(c *store.Change) { c.Outbox = []store.Message{m} })
	tried := func(want int) {
		t.Helper()
		got := t.claim(noon, 9)
		if len(got) != 1 {
			t.Fatalf("claimed %q", texts(got))
		}
		t.equal("attempts", got[0].Attempts, want)
	}
	tried(1)
	t.settle(noon, store.Settled{ID: m.ID, State: store.Queued, Retry: noon})
	tried(2)
	t.settle(noon, store.Settled{ID: m.ID, State: store.Queued, Retry: noon, Forgive: 1})
	tried(2)
	t.settle(noon, store.Settled{ID: m.ID, State: store.Dead, Code: "30003"})
	t.settle(noon, store.Settled{ID: m.ID, State: store.Queued, Retry: noon, From: store.Unsure})
	t.equal("it is dead, not in doubt", texts(t.claim(noon, 9)), []string{})
	t.settle(noon, store.Settled{ID: m.ID, State: store.Queued, Retry: noon, From: store.Dead, Forgive: 99})
	tried(1)
}

// outboxUntil: what is of use only for a while is given up after that, and when its resident is heard.
func outboxUntil(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	r, other := t.reachable(), t.reachable()
	until := noon.Add(time.Hour)
	post := func(r store.Resident, text string, until time.Time) {
		t.turn(r, func(c *store.Change) {
			c.Outbox = []store.Message{{ID: id(), Channel: "sms", Kind: "tel", Due: noon, Body: []byte(text), Class: 1, Until: until}}
		})
	}
	code := func(want ...string) {
		t.Helper()
		list, err := t.Messages(t.Context(), store.Dead, 9)
		t.must(err)
		got := []string{}
		for _, m := range list {
			got = append(got, m.Code)
		}
		t.equal("given up", got, want)
	}
	post(other, "two", until)
	post(r, "one", until)
	post(r, "keeps", time.Time{})
	t.turn(r, func(c *store.Change) { c.Heard = true })
	code(store.CodeOvertaken)
	got := t.claim(until.Add(-time.Millisecond), 9)
	t.equal("in time", texts(got), []string{"two", "keeps"})
	if !got[0].Until.Equal(until) {
		t.Fatalf("until %v", got[0].Until)
	}
	for _, m := range got {
		t.settle(noon, store.Settled{ID: m.ID, State: store.Queued, Retry: noon})
	}
	t.equal("too late", texts(t.claim(until, 9)), []string{"keeps"})
	code(store.CodeLate, store.CodeOvertaken)
}

// outboxContacts: how often a resident was written to unasked.
func outboxContacts(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	r := t.reachable()
	post := func(due time.Time, class uint8, n int) (ids [][16]byte) {
		t.turn(r, func(c *store.Change) {
			for range n {
				ids = append(ids, id())
				c.Outbox = append(c.Outbox, store.Message{ID: ids[len(ids)-1], Channel: "sms", Kind: "tel", Due: due, Body: []byte("x"), Class: class})
			}
		})
		return ids
	}
	contacts := func(since time.Time, want ...store.Contact) {
		t.Helper()
		got, err := t.Contacts(t.Context(), r, since)
		t.must(err)
		if !slices.Equal(got, want) {
			t.Fatalf("contacts %v, want %v", got, want)
		}
	}
	hour := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }
	send := func(at time.Time) {
		for {
			m := t.claim(at, 9)
			if len(m) == 0 {
				return
			}
			for i := range m {
				t.settle(at, store.Settled{ID: m[i].ID, State: store.Sent})
				at = at.Add(time.Second)
			}
		}
	}
	post(noon, 0, 1)
	post(noon, 1, 2) // two pages
	send(hour(1))
	post(hour(2), 2, 1)
	contacts(noon, store.Contact{Due: noon, At: hour(1).Add(time.Second)})
	send(hour(2))
	on := post(hour(3), 1, 1)[0]
	t.claim(hour(3), 9)
	contacts(noon, store.Contact{Due: hour(3)}, store.Contact{Due: noon, At: hour(1).Add(time.Second)}, store.Contact{Due: hour(2), At: hour(2)})
	t.settle(hour(3), store.Settled{ID: on, State: store.Dead, Code: "30005"}) // it was not got
	contacts(hour(2), store.Contact{Due: hour(2), At: hour(2)})
	contacts(hour(3))
	on = post(hour(4), 1, 1)[0]
	t.claim(hour(4), 9)
	t.settle(hour(4), store.Settled{ID: on, State: store.Unsure, Retry: hour(5)})
	contacts(hour(5), store.Contact{Due: hour(4)})
	t.settle(hour(5), store.Settled{ID: on, State: store.Unsure, Code: "not-known"}) // nobody will ever know: it counts as got, and not for good
	contacts(hour(4), store.Contact{Due: hour(4), At: hour(4)})
	contacts(hour(5))
}

// outboxPiles counts what did not go.
func outboxPiles(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	post := func(channel string, class uint8, weight int) [16]byte {
		i := id()
		t.turn(t.reachable(), func(c *store.Change) {
			c.Outbox = []store.Message{{ID: i, Channel: channel, Kind: "tel", Due: noon, Body: []byte("x"), Class: class, Weight: weight}}
		})
		return i
	}
	gone, dead, held := post("sms", 0, 1), post("sms", 0, 2), post("sms", 1, 3)
	t.claim(noon, 9)
	t.settle(noon, store.Settled{ID: gone, State: store.Sent}, store.Settled{ID: dead, State: store.Dead, Code: "21211"}, store.Settled{ID: held, State: store.Unsure, Code: "not-known"})
	post("sms", 1, 4)
	post("sms", 1, 5)
	post("telegram", 2, 0)
	got, err := t.Piles(t.Context())
	t.must(err)
	want := []store.Pile{
		{Channel: "sms", Class: 0, State: store.Dead, Code: "21211", Messages: 1, Weight: 2},
		{Channel: "sms", Class: 1, State: store.Queued, Messages: 2, Weight: 9, First: noon},
		{Channel: "sms", Class: 1, State: store.Unsure, Code: "not-known", Messages: 1, Weight: 3},
		{Channel: "telegram", Class: 2, State: store.Queued, Messages: 1, Weight: 1, First: noon},
	}
	if !slices.Equal(got, want) {
		t.Fatalf("piles\n%+v\nwant\n%+v", got, want)
	}
}

// answered: whose answers are linked to them, each once.
func answered(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ann, ben, cat, dan := resident(), resident(), resident(), resident()
	for n, r := range []store.Resident{ann, ann, ben} {
		t.turn(r, func(c *store.Change) {
			c.Responses = []store.Response{{ID: id(), Poll: "park", At: noon, Record: []byte{byte(n)}}}
		})
	}
	for _, b := range []struct {
		r    store.Resident
		poll string
		link bool
	}{{ann, "park", true}, {cat, "park", true}, {dan, "park", false}, {dan, "bridge", true}} {
		t.turn(b.r, func(c *store.Change) {
			c.Ballots = []store.Ballot{{Poll: b.poll, Voter: id(), ID: id(), Day: "2027-03-15", Record: []byte("x"), Linked: b.link}}
		})
	}
	got := map[store.Resident]int{}
	t.must(t.Answered(t.Context(), "park", func(r store.Resident) error { got[r]++; return nil }))
	if len(got) != 3 || got[ann] != 1 || got[ben] != 1 || got[cat] != 1 {
		t.Fatalf("answered: %v", got)
	}
}
