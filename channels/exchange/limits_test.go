package exchange

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// limitedTo is a town whose texts are limited.
func limitedTo(l Limits) setting {
	return func(w *town, s *Settings) { s.Limits = l }
}

// remind queues a message of class 1 for somebody with a number.
func (w *town) remind(number, text string, change ...func(*store.Message)) [16]byte {
	w.t.Helper()
	w.ids++
	m := store.Message{ID: hashed("remind", number, text, fmt.Sprint(w.ids)), Body: must(engine.Encode(&render.Page{Text: text})), Channel: "sms", Kind: "tel", Due: w.clock.Now(), Class: classReminder}
	for _, c := range change {
		c(&m)
	}
	w.push(m, number)
	return m.ID
}

// codes are of what was given up, oldest first.
func (w *town) codes() (out []string) {
	w.t.Helper()
	dead, err := w.store.Messages(w.t.Context(), store.Dead, 99)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range dead {
		out = append(out, m.Code)
	}
	return out
}

func (w *town) sent(want ...string) {
	w.t.Helper()
	if got := w.sms.texts(); !slices.Equal(got, want) {
		w.t.Fatalf("sent %q, want %q", got, want)
	}
}

func TestPace(t *testing.T) {
	p := pace{perSecond: 2}
	now := noon
	room := func(want int, wait time.Duration) {
		t.Helper()
		if got, at := p.room(now); got != want || at.Sub(now) != wait {
			t.Fatalf("room for %d in %v, want %d in %v", got, at.Sub(now), want, wait)
		}
	}
	room(1, 0)
	p.take(now, 1)
	room(0, 450*time.Millisecond) // the first one after a rest comes a little early
	now = now.Add(450 * time.Millisecond)
	room(1, 0)
	p.take(now, 6) // a long one is sent whole, and paid for
	room(0, 3*time.Second)
	now = now.Add(3*time.Second + 40*time.Millisecond) // a worker that wakes late
	room(1, 0)
	p.take(now, 1)
	room(0, 460*time.Millisecond) // makes up for it
	fast := pace{perSecond: 200}
	if got, _ := fast.room(now); got != 11 {
		t.Errorf("after a rest %d at once", got)
	}
	fast.take(now, 11)
	if got, at := fast.room(now); got != 0 || at.Sub(now) != 30*time.Millisecond {
		t.Errorf("%d in %v: some should come together", got, at.Sub(now))
	}
}

// A message of four segments takes the time of four, and replies go first.
func TestSegmentsAndReplies(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w := settle(t, on, limitedTo(Limits{Rates: []Rate{{Channels: []string{"sms"}, PerSecond: 1}}}))
		long := strings.Repeat("long words ", 55) // 605 characters: 4 segments
		w.remind(ann, "one")
		w.remind(ben, long, func(m *store.Message) { m.Weight = 4 })
		w.remind("+15550103", "three")
		w.x.Tick(t.Context())
		w.sent("one")
		w.clock.pass(time.Second)
		w.x.Tick(t.Context())
		w.sent("one", long)
		w.push(store.Message{ID: hashed("reply"), Body: must(engine.Encode(&render.Page{Text: "reply"})), Channel: "sms", Kind: "tel", Due: w.clock.Now()}, "+15550104")
		w.clock.pass(3 * time.Second)
		w.x.Tick(t.Context())
		w.sent("one", long)
		if next := w.x.nextLeave(t.Context()); next.Sub(w.clock.Now()) <= 0 || next.Sub(w.clock.Now()) > time.Second {
			t.Fatalf("looks again in %v", next.Sub(w.clock.Now()))
		}
		w.clock.pass(time.Second)
		w.x.Tick(t.Context())
		w.sent("one", long, "reply")
		w.clock.pass(time.Second)
		w.x.Tick(t.Context())
		w.sent("one", long, "reply", "three")
	})
}

// However many reminders hang at the provider, a reply still leaves.
func TestRepliesHaveRoomOfTheirOwn(t *testing.T) {
	w := settle(t)
	w.sms.gate, w.sms.began = make(chan struct{}), make(chan struct{}, 100)
	for i := range 10 {
		w.remind(fmt.Sprint("+1555050", i), "hello")
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { w.x.Run(ctx); close(ran) }()
	for range inFlight - inFlight/4 {
		<-w.sms.began
	}
	reply := store.Message{ID: hashed("reply"), Body: must(engine.Encode(&render.Page{Text: "reply"})), Channel: "sms", Kind: "tel", Due: w.clock.Now()}
	w.push(reply, ann)
	w.x.outbox.ring()
	<-w.sms.began
	w.sms.mu.Lock()
	if w.sms.tries[hex.EncodeToString(reply.ID[:])] != 1 || len(w.sms.tries) != inFlight-inFlight/4+1 {
		t.Errorf("the reply is not among the %d that began", len(w.sms.tries))
	}
	w.sms.mu.Unlock()
	for range 11 {
		w.sms.gate <- struct{}{}
	}
	stop()
	<-ran
	if err := w.x.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(w.sms.texts()); got != 11 {
		t.Fatalf("%d came", got)
	}
}

// A chat takes one message a second from each, and others don't wait for that.
func TestEachResidentsPace(t *testing.T) {
	w := settle(t, limitedTo(Limits{Rates: []Rate{{Channels: []string{"sms"}, PerSecond: 1, Each: true}}}))
	w.queue(ann, "one", "two")
	w.queue(ben, "three")
	w.x.Tick(t.Context())
	w.x.Tick(t.Context())
	got := w.sms.texts()
	slices.Sort(got)
	if !slices.Equal(got, []string{"one", "three"}) {
		t.Fatal(got)
	}
	w.clock.pass(time.Second)
	w.x.Tick(t.Context())
	if got = w.sms.texts(); len(got) != 3 || got[2] != "two" {
		t.Fatal(got)
	}
}

// What the provider says of one message holds for all of its account, and counts as no attempt.
func TestThrottled(t *testing.T) {
	for name, after := range map[string]time.Duration{"with Retry-After": 30 * time.Second, "without": 0} {
		t.Run(name, func(t *testing.T) {
			chat := &post{name: "chat", traits: render.Telegram}
			w := settle(t, func(w *town, s *Settings) {
				s.Channels = []channels.Channel{chat}
				s.Limits = Limits{Account: map[string]string{"sms": "a", "chat": "a"}}
			})
			tries, shut := 0, true
			w.sms.fail = func(string, int) error {
				if tries++; shut {
					return channels.Retry(fmt.Errorf("429: %w", channels.ErrThrottled), after)
				}
				return nil
			}
			w.remind(ann, "one")
			w.x.Tick(t.Context())
			w.remind(ben, "two")
			w.remind("77", "three", func(m *store.Message) { m.Channel = "chat" })
			w.x.Tick(t.Context())
			if tries != 1 || len(chat.tries) != 0 {
				t.Fatalf("%d and %d tries", tries, len(chat.tries))
			}
			for range 3 * maxAttempts { // longer and longer, but never for good
				next := w.x.nextLeave(t.Context())
				if wait := next.Sub(w.clock.Now()); wait < min(max(after, firstPause), lastPause) || wait > lastPause {
					t.Fatalf("waits %v", wait)
				}
				w.clock.pass(next.Sub(w.clock.Now()))
				before := tries
				w.x.Tick(t.Context())
				if tries > before+2 {
					t.Fatalf("%d tries at once", tries-before)
				}
			}
			shut = false
			for range 5 {
				w.clock.pass(lastPause)
				w.x.Tick(t.Context())
			}
			if got := w.sms.texts(); len(got) != 2 || len(chat.texts()) != 1 {
				t.Fatal(got, chat.texts())
			}
		})
	}
}

// A provider that is down isn't asked for each of a thousand messages, and none of them is given up for that.
func TestProviderIsDownForAll(t *testing.T) {
	w := settle(t)
	var tries atomic.Int64
	w.sms.fail = func(string, int) error { tries.Add(1); return channels.Retry(errors.New("503"), 0) }
	for i := range 100 {
		w.remind(fmt.Sprint("+155502", i), "hello")
	}
	for range 20 {
		w.x.Tick(t.Context())
		w.clock.pass(time.Minute)
	}
	if n := tries.Load(); n > 40 {
		t.Fatalf("%d tries in twenty minutes", n)
	}
	w.sms.fail = nil
	for range 10 {
		w.clock.pass(time.Hour)
		w.x.Tick(t.Context())
	}
	if got := len(w.sms.texts()); got != 100 {
		t.Fatalf("%d came", got)
	}
}

// Where one message after the other is refused for the same reason, it is the town that is refused: what can wait does.
func TestEverythingIsRefused(t *testing.T) {
	w := settle(t)
	var sent atomic.Int64
	w.sms.fail = func(string, int) error { sent.Add(1); return channels.Gone(errors.New("not verified"), "30032") }
	for i := range 100 {
		w.remind(fmt.Sprint("+155503", i), "hello")
	}
	w.x.Tick(t.Context())
	w.x.Tick(t.Context())
	tries := int(sent.Load())
	if tries < mostWrongs || tries > mostWrongs+inFlight {
		t.Fatalf("%d tries", tries)
	}
	w.queue(ann, "a reply")
	w.x.Tick(t.Context())
	if got := len(w.codes()); got != int(sent.Load()) {
		t.Fatalf("%d given up in %d tries", got, sent.Load())
	}
	w.sms.fail = nil
	w.clock.pass(wrongPause)
	for range 20 {
		w.x.Tick(t.Context())
	}
	if got := len(w.sms.texts()); got < 100-2*inFlight-mostWrongs {
		t.Fatalf("%d came", got)
	}
}

func TestBudget(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		price := func(_, number string) (int64, string, bool) {
			if strings.HasPrefix(number, "+44") {
				return 40_000, "USD", true
			}
			return 10_000, "USD", true
		}
		budget := Budget{Name: "sms", Channels: []string{"sms"}, Most: 300_000, Unit: "USD"} // 0.30 USD a day
		w := settle(t, on, limitedTo(Limits{Budgets: []Budget{budget}, Reserve: 0.2, Price: price}))
		for i := range 40 {
			w.remind(fmt.Sprintf("+1555040%02d", i), "hello")
		}
		tick := func(want int) {
			t.Helper()
			for range 12 {
				w.x.Tick(t.Context())
			}
			if got := len(w.sms.texts()); got != want {
				t.Fatalf("%d sent, want %d", got, want)
			}
		}
		tick(24) // of 0.30 USD, 0.06 are kept for replies
		w.push(store.Message{ID: hashed("r1"), Body: must(engine.Encode(&render.Page{Text: "reply"})), Channel: "sms", Kind: "tel", Due: w.clock.Now()}, "+447911123456")
		tick(25) // one to Britain, for 0.04 USD
		w.says(ann, "PARK")
		w.says(ben, "PARK") // in the response: 0.02 USD and more, entered afterwards
		w.push(store.Message{ID: hashed("r2"), Body: must(engine.Encode(&render.Page{Text: "reply"})), Channel: "sms", Kind: "tel", Due: w.clock.Now()}, "+15550499")
		tick(25) // nothing is left
		if next := w.x.nextLeave(t.Context()); !next.Equal(noon.Add(12 * time.Hour)) {
			t.Fatalf("looks again at %v", next)
		}
		if got, err := w.x.Spent(t.Context(), budget); err != nil || got < 300_000 {
			t.Fatalf("spent %d, %v", got, err)
		}
		// Another server of the town's knows it too.
		other := must(New(Settings{Store: w.store, Keys: seals{}, Town: w.x.town, Calendar: w.x.calendar, Clock: w.clock, Entropy: chance(7), Channels: []channels.Channel{w.sms}, Limits: Limits{Budgets: []Budget{budget}, Reserve: 0.2, Price: price}}))
		other.Tick(t.Context())
		tick(25)
		w.clock.pass(12 * time.Hour) // the next day
		tick(26 + 16)
		if err := w.x.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := w.x.Spent(t.Context(), budget); err != nil || got != 170_000 {
			t.Fatalf("spent %d, want what 17 cost: the rest is given back; %v", got, err)
		}
	})
}

// Servers whose clocks differ, and a clock that is set back over midnight, don't get a day's budget anew each time. One that was
// days ahead leaves nothing behind that stops the town until then.
func TestBudgetWhenClocksDiffer(t *testing.T) {
	budget := Budget{Name: "sms", Channels: []string{"sms"}, Most: 10 * million, Unit: Segments}
	w := settle(t, limitedTo(Limits{Budgets: []Budget{budget}}))
	fast := &hands{now: w.clock.Now()}
	other := must(New(Settings{Store: w.store, Keys: seals{}, Town: w.x.town, Calendar: w.x.calendar, Clock: fast, Entropy: chance(7), Channels: []channels.Channel{w.sms}, Limits: Limits{Budgets: []Budget{budget}}}))
	w.clock.pass(12*time.Hour - time.Minute)
	fast.now = w.clock.Now().Add(2 * time.Minute)
	paid := 0
	pay := func(x *Exchange) {
		t.Helper()
		_, ok, err := x.payFrom(t.Context(), x.limits.purses[0], million, true, x.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			paid++
		}
	}
	for range 40 {
		pay(w.x)
		pay(other)
	}
	if paid > 20 {
		t.Fatalf("%d segments on two days of 10", paid)
	}
	w.clock.pass(2 * time.Minute)
	before := paid
	for range 40 {
		pay(w.x)
	}
	w.clock.pass(-2 * time.Minute)
	for range 40 {
		pay(w.x)
	}
	if paid > max(before, 20) {
		t.Fatalf("%d more on the second day, and a clock that was set back", paid-before)
	}
	fast.now = w.clock.Now().Add(400 * 24 * time.Hour)
	pay(other)
	w.clock.pass(48 * time.Hour)
	before = paid
	for range 40 {
		pay(w.x)
	}
	if paid != before+10 {
		t.Fatalf("%d segments of 10 since a clock was wrong", paid-before)
	}
}

// What was not sent costs nothing.
func TestBudgetIsGivenBack(t *testing.T) {
	budget := Budget{Name: "sms", Channels: []string{"sms"}, Most: 100 * million, Unit: Segments, Monthly: true}
	w := settle(t, limitedTo(Limits{Budgets: []Budget{budget}}))
	w.sms.fail = func(_ string, try int) error {
		if try < 3 {
			return channels.Retry(errors.New("503"), 0)
		}
		return nil
	}
	w.remind(ann, "hello")
	for range 5 {
		w.x.Tick(t.Context())
		w.clock.pass(time.Minute)
	}
	if err := w.x.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := w.x.Spent(t.Context(), budget); err != nil || got != million {
		t.Fatalf("spent %d, %v", got, err)
	}
}

// Messages in doubt take as many places as others do, so that the sender never waits for a place, and none waits behind another
// until its lease is over.
func TestLookingUpTakesPlaces(t *testing.T) {
	w := settle(t)
	var claimed []store.Message
	for i := range 20 {
		claimed = append(claimed, store.Message{ID: hashed("doubt", fmt.Sprint(i)), Resident: store.Resident{1}, Channel: "sms", Unsure: true})
	}
	leaves, back := w.x.choose(t.Context(), w.x.channels["sms"], claimed, w.clock.Now(), anyWeight, inFlight)
	if len(leaves) != inFlight || len(back) != 20-inFlight {
		t.Fatalf("%d are looked up at once, %d later", len(leaves), len(back))
	}
	for _, s := range back {
		if s.State != store.Unsure || !s.Retry.After(w.clock.Now()) {
			t.Fatalf("%+v", s)
		}
	}
	if n := len(together(leaves)); n != inFlight {
		t.Fatalf("%d after one another, all of them while their leases run", inFlight-n+1)
	}
}

func BenchmarkLimiter(b *testing.B) {
	l := &line{limited: limited{account: &account{}, paces: []*pace{{perSecond: 1e9}, {perSecond: 1e9}}}, Channel: &post{name: "sms"}}
	x := &limits{}
	now := noon
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Microsecond)
		if n, _ := x.room(l, now); n == 0 {
			b.Fatal("no room")
		}
		x.take(l, now, store.Resident{}, 1, false)
		x.went(l)
	}
}
