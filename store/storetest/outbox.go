package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

func (t town) claim(at time.Time, n int, channels ...string) []store.Message {
	t.Helper()
	if channels == nil {
		channels = []string{"sms", "telegram"}
	}
	m, err := t.Claim(t.Context(), store.Want{Channels: channels, Class: 2, N: n}, at, time.Minute)
	t.must(err)
	return m
}

func (t town) settle(at time.Time, s ...store.Settled) {
	t.Helper()
	t.must(t.Settle(t.Context(), at, s))
}

func (t town) next(want time.Time) {
	t.Helper()
	got, err := t.NextDue(t.Context())
	t.must(err)
	if !got.Equal(want) {
		t.Fatalf("next due %v, want %v", got, want)
	}
}

// reachable makes a resident with a phone.
func (t town) reachable() store.Resident {
	t.Helper()
	r := resident()
	t.turn(r, func(c *store.Change) { c.Link = []store.Address{tel(fmt.Sprintf("+1%x", r[:6]))} })
	return r
}

func texts(ms []store.Message) (s []string) {
	for _, m := range ms {
		w := string(m.Body)
		if m.Unsure {
			w += "?"
		}
		s = append(s, w)
	}
	return s
}

func outbox(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	r := t.reachable()
	t.next(time.Time{})
	m := store.Message{ID: id(), Resident: r, Channel: "sms", Kind: "tel", Due: noon.Add(time.Minute), Body: []byte("your light is mended"), Class: 1, Weight: 1}
	t.turn(r, func(c *store.Change) { c.Outbox = []store.Message{m} })
	t.turn(r, func(c *store.Change) { c.Outbox = []store.Message{m} }) // the id is its own: it isn't doubled
	t.next(m.Due)
	t.equal("too early", texts(t.claim(noon, 9)), []string{})
	t.equal("another's channel", texts(t.claim(m.Due, 9, "voice")), []string{})
	got := t.claim(m.Due, 9)
	t.equal("claimed", texts(got), []string{"your light is mended"})
	want := m
	want.Attempts, want.Address = 1, fmt.Sprintf("+1%x", r[:6])
	t.equal("message", got[0], want)
	t.equal("claimed by another", texts(t.claim(m.Due, 9)), []string{})

	// It failed for now: later, and not before.
	again := m.Due.Add(30 * time.Second)
	t.settle(m.Due, store.Settled{ID: m.ID, State: store.Queued, Retry: again, Code: "20429"})
	t.next(again)
	t.equal("backing off", texts(t.claim(m.Due, 9)), []string{})
	got = t.claim(again, 9)
	t.equal("attempts", got[0].Attempts, 2)

	// It went, and is reported on. Its words are not kept.
	t.settle(again, store.Settled{ID: m.ID, State: store.Sent, Receipt: "SM1"})
	t.next(time.Time{})
	t.equal("sent", texts(t.claim(again.Add(time.Hour), 9)), []string{})
	found, ok, err := t.ByReceipt(ctx, "sms", "SM1")
	t.must(err)
	if !ok || found.ID != m.ID || found.Resident != r || len(found.Body) != 0 || found.Receipt != "SM1" {
		t.Fatalf("by receipt: %+v, %v", found, ok)
	}
	for _, miss := range [][2]string{{"sms", "SM2"}, {"telegram", "SM1"}, {"sms", ""}} {
		if _, ok, err := t.ByReceipt(ctx, miss[0], miss[1]); ok || err != nil {
			t.Fatalf("%v was found (%v)", miss, err)
		}
	}
	state := func(want store.MessageState) {
		t.Helper()
		for s := store.Queued; s <= store.Dead; s++ {
			list, err := t.Messages(ctx, s, 9)
			t.must(err)
			if (len(list) == 1) != (s == want) {
				t.Fatalf("%d messages in state %d, want it in %d", len(list), s, want)
			}
		}
	}
	state(store.Sent)
	t.settle(again, store.Settled{ID: m.ID, State: store.Queued, Retry: again}, store.Settled{ID: m.ID, State: store.Unsure, Code: "late"}) // by who was frozen
	state(store.Sent)
	t.next(time.Time{})
	t.settle(again, store.Settled{ID: m.ID, State: store.Delivered})
	state(store.Delivered)
	// Receipts come in any order; delivered is the last word.
	t.settle(again, store.Settled{ID: m.ID, State: store.Sent, Receipt: "SM1"}, store.Settled{ID: m.ID, State: store.Dead, Code: "30003"}, store.Settled{ID: id(), State: store.Sent})
	state(store.Delivered)
	if _, ok, _ := t.ByReceipt(ctx, "sms", "SM1"); !ok {
		t.Fatal("the receipt was lost")
	}

	// Given up.
	dead := store.Message{ID: id(), Resident: r, Channel: "sms", Kind: "tel", Due: noon, Body: []byte("x")}
	t.turn(r, func(c *store.Change) { c.Outbox = []store.Message{dead} })
	t.claim(noon, 1)
	t.settle(noon, store.Settled{ID: dead.ID, State: store.Dead, Code: "21211"})
	list, err := t.Messages(ctx, store.Dead, 9)
	t.must(err)
	if len(list) != 1 || list[0].Code != "21211" || string(list[0].Body) != "x" {
		t.Fatalf("dead letters: %+v", list)
	}
	// Staff put it back.
	t.settle(noon, store.Settled{ID: dead.ID, State: store.Queued, Retry: noon})
	t.equal("put back", texts(t.claim(noon, 9)), []string{"x"})

	// A kind that the resident has no address of.
	t.turn(r, func(c *store.Change) {
		c.Outbox = []store.Message{{ID: id(), Channel: "telegram", Kind: "telegram", Due: noon, Body: []byte("nowhere")}}
	})
	t.equal("nowhere to send", texts(t.claim(noon, 9)), []string{})
	list, err = t.Messages(ctx, store.Dead, 9)
	t.must(err)
	if len(list) != 1 || list[0].Code != store.CodeNoAddress {
		t.Fatalf("dead letters: %+v", list)
	}
}

func outboxOrder(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	post := func(r store.Resident, ms ...store.Message) []store.Message {
		t.Helper()
		for i := range ms {
			m := &ms[i]
			m.ID = id()
			if m.Channel == "" {
				m.Channel = "sms"
			}
			m.Kind = "tel"
			if m.Due.IsZero() {
				m.Due = noon
			}
		}
		t.turn(r, func(c *store.Change) { c.Outbox = ms })
		return ms
	}
	// Classes first, then age.
	a, b, c := t.reachable(), t.reachable(), t.reachable()
	post(a, store.Message{Body: []byte("broadcast"), Class: 2, Due: noon.Add(-time.Hour)})
	post(b, store.Message{Body: []byte("reminder"), Class: 1})
	post(c, store.Message{Body: []byte("reply"), Due: noon.Add(-time.Second)})
	d := t.reachable()
	post(d, store.Message{Body: []byte("older reply"), Due: noon.Add(-time.Minute)})
	t.equal("by class, then age", texts(t.claim(noon, 3)), []string{"older reply", "reply", "reminder"})
	t.equal("the rest", texts(t.claim(noon, 3)), []string{"broadcast"})

	// One resident's messages on a channel go one after the other.
	r := t.reachable()
	ms := post(r, store.Message{Body: []byte("1 of 3")}, store.Message{Body: []byte("2 of 3")}, store.Message{Body: []byte("3 of 3")},
		store.Message{Body: []byte("elsewhere"), Channel: "telegram"})
	t.equal("only the first", texts(t.claim(noon, 9)), []string{"1 of 3", "elsewhere"})
	t.equal("while it is being sent", texts(t.claim(noon, 9)), []string{})
	later := noon.Add(10 * time.Second)
	t.settle(noon, store.Settled{ID: ms[0].ID, State: store.Queued, Retry: later})
	t.equal("while it backs off", texts(t.claim(noon, 9)), []string{})
	t.next(later) // nothing can be claimed before, so nobody need look
	t.equal("the first again", texts(t.claim(later, 9)), []string{"1 of 3"})
	t.settle(later, store.Settled{ID: ms[0].ID, State: store.Sent})
	t.equal("the second", texts(t.claim(later, 9)), []string{"2 of 3"})
	t.settle(later, store.Settled{ID: ms[1].ID, State: store.Dead})
	t.equal("the third", texts(t.claim(later, 9)), []string{"3 of 3"})
	t.settle(later, store.Settled{ID: ms[2].ID, State: store.Sent})

	// A reminder for tomorrow holds nothing up, and a reply overtakes a broadcast that waits, but not one that is being sent.
	r = t.reachable()
	post(r, store.Message{Body: []byte("tomorrow"), Class: 1, Due: noon.Add(24 * time.Hour)}, store.Message{Body: []byte("results"), Class: 2},
		store.Message{Body: []byte("answer")})
	t.equal("overtakes", texts(t.claim(noon, 9)), []string{"answer"})
	r = t.reachable()
	post(r, store.Message{Body: []byte("results"), Class: 2})
	t.equal("begun", texts(t.claim(noon, 9)), []string{"results"})
	post(r, store.Message{Body: []byte("answer")})
	t.equal("waits", texts(t.claim(noon, 9)), []string{})
}

func outboxLease(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	r := t.reachable()
	m := store.Message{ID: id(), Resident: r, Channel: "sms", Kind: "tel", Due: noon, Body: []byte("m")}
	t.turn(r, func(c *store.Change) { c.Outbox = []store.Message{m} })
	t.equal("claimed", texts(t.claim(noon, 9)), []string{"m"})
	t.next(noon.Add(time.Minute))
	t.equal("leased", texts(t.claim(noon.Add(59*time.Second), 9)), []string{})
	// The worker died: it may have been sent. It is looked up, by one worker, again and again.
	got := t.claim(noon.Add(time.Minute), 9)
	t.equal("in doubt", texts(got), []string{"m?"})
	t.equal("attempts", got[0].Attempts, 1)
	t.equal("leased again", texts(t.claim(noon.Add(time.Minute), 9)), []string{})
	t.equal("still in doubt", texts(t.claim(noon.Add(2*time.Minute), 9)), []string{"m?"})
	// The provider doesn't know yet.
	t.settle(noon, store.Settled{ID: m.ID, State: store.Unsure, Retry: noon.Add(10 * time.Minute), Forgive: -1})
	t.equal("wait", texts(t.claim(noon.Add(9*time.Minute), 9)), []string{})
	t.next(noon.Add(10 * time.Minute))
	got = t.claim(noon.Add(10*time.Minute), 9)
	t.equal("look again", texts(got), []string{"m?"})
	t.equal("looks count", got[0].Attempts, 2)
	// Held for a person.
	t.settle(noon, store.Settled{ID: m.ID, State: store.Unsure})
	t.equal("held", texts(t.claim(noon.Add(1000*time.Hour), 9)), []string{})
	t.next(time.Time{})
	held, err := t.Messages(t.Context(), store.Unsure, 9)
	t.must(err)
	t.equal("listed", texts(held), []string{"m?"})
	// It wasn't sent, so it is sent.
	t.settle(noon, store.Settled{ID: m.ID, State: store.Queued, Retry: noon})
	t.equal("sent again", texts(t.claim(noon, 9)), []string{"m"})
}

func outboxOptOut(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	r := t.reachable()
	chat := store.Address{Key: addressKey("chat"), Kind: "telegram", Address: "4711"}
	t.turn(r, func(c *store.Change) { c.Link = []store.Address{chat} })
	stop := func(out bool) {
		t.turn(r, func(c *store.Change) {
			c.OptOuts = []store.OptOut{{Address: chat.Key, Out: out, At: noon, Word: "STOP"}}
		})
	}
	post := func(text string) {
		t.turn(r, func(c *store.Change) {
			c.Outbox = []store.Message{{ID: id(), Channel: "sms", Kind: "tel", Due: noon, Body: []byte(text)}, {ID: id(), Channel: "telegram", Kind: "telegram", Due: noon, Body: []byte(text)}}
		})
	}
	// Queued before they opted out, and after; on whatever channel they did.
	post("before")
	stop(true)
	post("after")
	t.equal("opted out", texts(t.claim(noon, 9)), []string{})
	list, err := t.Messages(ctx, store.Dead, 9)
	t.must(err)
	t.equal("given up", texts(list), []string{"before", "before", "after", "after"})
	t.equal("code", list[0].Code, store.CodeOptedOut)
	t.next(time.Time{})
	stop(false)
	post("again")
	t.equal("opted in", texts(t.claim(noon, 9)), []string{"again", "again"})
}

// outboxForgets: what was pushed before a ballot may read its choices back, so no words of it stay.
func outboxForgets(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	r, other := t.reachable(), t.reachable()
	at := func(text string, r store.Resident) store.Message {
		m := store.Message{ID: id(), Resident: r, Channel: "sms", Kind: "tel", Due: noon, Body: []byte(text)}
		t.turn(r, func(c *store.Change) { c.Outbox = []store.Message{m} })
		t.claim(noon, 9)
		return m
	}
	dead, held, doubtful, others := at("you chose dead", r), at("you chose held", r), at("you chose doubtful", r), at("another's", other)
	t.settle(noon, store.Settled{ID: dead.ID, State: store.Dead, Code: "21211"}, store.Settled{ID: held.ID, State: store.Unsure},
		store.Settled{ID: doubtful.ID, State: store.Unsure, Retry: noon.Add(time.Hour)}, store.Settled{ID: others.ID, State: store.Dead, Code: "21211"})
	t.turn(r, func(c *store.Change) {
		c.Inbound, c.Reply, c.Forget = inbound("cast"), []byte("thank you"), true
		c.Outbox = []store.Message{{ID: id(), Channel: "sms", Kind: "tel", Due: noon, Body: []byte("thank you")}}
	})
	words := func(s store.MessageState) []string {
		list, err := t.Messages(t.Context(), s, 9)
		t.must(err)
		return texts(list)
	}
	t.equal("in doubt", words(store.Unsure), []string{})
	t.equal("given up", words(store.Dead), []string{"", "", "", "another's"})
	t.equal("the ballot's own", texts(t.claim(noon, 9)), []string{"thank you"})
}

// outboxWorkers: however many claim, each message is claimed once and in its resident's order.
func outboxWorkers(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	const residents, messages, workers = 8, 12, 5
	for range residents {
		r := t.reachable()
		for i := range messages {
			t.turn(r, func(c *store.Change) {
				c.Outbox = []store.Message{{ID: id(), Channel: "sms", Kind: "tel", Due: noon, Body: []byte{byte(i)}}}
			})
		}
	}
	var mu sync.Mutex
	next := map[store.Resident]byte{}
	sent := 0
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				ms, err := t.Claim(ctx, store.Want{Channels: []string{"sms"}, Class: 2, N: 3}, noon, time.Hour)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, m := range ms {
					if m.Body[0] != next[m.Resident] {
						t.Errorf("message %d after %d", m.Body[0], next[m.Resident])
					}
					next[m.Resident]++
					sent++
				}
				done := sent == residents*messages
				mu.Unlock()
				for _, m := range ms {
					if err := t.Settle(ctx, noon, []store.Settled{{ID: m.ID, State: store.Sent}}); err != nil {
						t.Error(err)
						return
					}
				}
				if done || t.Failed() {
					return
				}
			}
		})
	}
	wg.Wait()
	t.equal("sent", sent, residents*messages)
}
