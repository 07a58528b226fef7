package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// queue puts a message for each text in the outbox, for a resident who is made for it.
func (w *town) queue(number string, texts ...string) {
	w.t.Helper()
	r := store.Resident(hashed("resident", number))
	c := store.Change{Resident: r, At: w.clock.Now(), State: row{}.encode(), Link: []store.Address{{Key: seals{}.Address("tel", number), Kind: "tel", Address: number}}}
	for i, s := range texts {
		body, err := engine.Encode(&render.Page{Text: s})
		if err != nil {
			w.t.Fatal(err)
		}
		c.Outbox = append(c.Outbox, store.Message{ID: derived("message", r, 0, i), Resident: r, Channel: "sms", Kind: "tel", Due: w.clock.Now(), Body: body})
	}
	if out, err := w.store.Commit(w.t.Context(), &c); err != nil || out.Kind != store.Applied {
		w.t.Fatal(out, err)
	}
}

// states are what became of the messages, in order.
func (w *town) states() (out []store.MessageState) {
	m := w.inside()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range m.outbox {
		out = append(out, q.state)
	}
	return out
}

func (p *post) texts() (out []string) {
	for _, l := range p.letters() {
		out = append(out, l.text)
	}
	return out
}

func TestMessagesAreSentInOrder(t *testing.T) {
	w := settle(t)
	w.queue(ann, "one", "two", "three")
	w.x.Tick(t.Context())
	if got := w.sms.texts(); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Fatal(got)
	}
	if l := w.sms.letters()[0]; l.to != (channels.Address{Kind: "tel", ID: ann}) {
		t.Fatal(l)
	}
	if got := w.states(); !slices.Equal(got, []store.MessageState{store.Sent, store.Sent, store.Sent}) {
		t.Fatal(got)
	}
	w.clock.pass(time.Hour)
	w.x.Tick(t.Context())
	if n := len(w.sms.letters()); n != 3 {
		t.Fatalf("%d letters", n)
	}
}

func TestProviderIsDown(t *testing.T) {
	w := settle(t)
	down := true
	w.sms.fail = func(string, int) error {
		if down {
			return channels.Retry(errors.New("502"), 0)
		}
		return nil
	}
	w.queue(ann, "one", "two")
	w.x.Tick(t.Context())
	w.x.Tick(t.Context())
	if n := len(w.sms.tries); n != 1 {
		t.Fatalf("%d messages were tried: the second overtakes the first", n)
	}
	var waits []time.Duration
	for range 3 {
		due, _ := w.store.NextDue(t.Context())
		waits = append(waits, due.Sub(w.clock.Now()))
		w.clock.pass(due.Sub(w.clock.Now()))
		w.x.Tick(t.Context())
	}
	for i, d := range waits {
		if most := firstBackOff << i; d < most/2 || d > most {
			t.Errorf("attempt %d waited %v", i+1, d)
		}
	}
	down = false
	w.clock.pass(time.Hour)
	w.x.Tick(t.Context())
	if got := w.sms.texts(); !slices.Equal(got, []string{"one", "two"}) {
		t.Fatal(got)
	}
}

func TestProviderSaysWhenToComeAgain(t *testing.T) {
	w := settle(t)
	w.sms.fail = func(_ string, try int) error {
		if try == 1 {
			return channels.Retry(errors.New("429"), 17*time.Minute)
		}
		return nil
	}
	w.queue(ann, "one")
	w.x.Tick(t.Context())
	w.clock.pass(16 * time.Minute)
	w.x.Tick(t.Context())
	if len(w.sms.letters()) != 0 {
		t.Fatal("too early")
	}
	w.clock.pass(2 * time.Minute)
	w.x.Tick(t.Context())
	if len(w.sms.letters()) != 1 {
		t.Fatal("not sent")
	}
}

func TestDeadLetters(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		tries int
	}{
		"a bad number":   {channels.Gone(errors.New("21211"), "21211"), 1},
		"always busy":    {channels.Retry(errors.New("503"), 0), maxAttempts},
		"cannot be read": {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := settle(t)
			w.sms.fail = func(string, int) error { return c.err }
			w.queue(ann, "one")
			if c.err == nil {
				w.inside().outbox[0].Body = []byte{0xff}
			}
			for range maxAttempts + 3 {
				w.x.Tick(t.Context())
				w.clock.pass(2 * time.Hour)
			}
			if got := w.states(); got[0] != store.Dead {
				t.Fatal(got)
			}
			tries := 0
			for _, n := range w.sms.tries {
				tries += n
			}
			if tries != c.tries || len(w.sms.letters()) != 0 {
				t.Fatalf("%d tries, sent %q", tries, w.sms.texts())
			}
			if dead, _ := w.store.Messages(t.Context(), store.Dead, 10); len(dead) != 1 || dead[0].Code == "" {
				t.Fatalf("%+v", dead)
			}
		})
	}
}

func TestDoubt(t *testing.T) {
	lost := channels.Doubt(errors.New("connection reset"))
	plain := errors.New("an adapter that says nothing")
	for name, c := range map[string]struct {
		err    error
		resend bool
		look   func() (bool, error) // nil: the provider can't be asked
		state  store.MessageState
		tries  int
	}{
		"held for a person":          {lost, false, nil, store.Unsure, 1},
		"an error that says nothing": {plain, false, nil, store.Unsure, 1},
		"the town wants it again":    {lost, true, nil, store.Sent, 2},
		"the provider has it":        {lost, false, func() (bool, error) { return true, nil }, store.Sent, 1},
		"the provider hasn't it":     {lost, false, func() (bool, error) { return false, nil }, store.Sent, 2},
		"nobody can tell, for hours": {lost, true, func() (bool, error) { return false, errors.New("503") }, store.Unsure, 1},
	} {
		t.Run(name, func(t *testing.T) {
			looks := 0
			w := settle(t, func(w *town, s *Settings) {
				s.Channels = append(s.Channels, w.sms)
				if c.look != nil {
					s.Channels[len(s.Channels)-1] = asked{w.sms, func(string) (bool, error) { looks++; return c.look() }}
				}
				if c.resend {
					s.Resend = []string{"sms"}
				}
			})
			w.sms.fail = func(_ string, try int) error {
				if try == 1 {
					return c.err
				}
				return nil
			}
			w.queue(ann, "one")
			w.x.Tick(t.Context())
			if looks != 0 {
				t.Fatal("looked before the provider can have noted it")
			}
			for range maxAttempts + 3 {
				w.clock.pass(time.Hour)
				w.x.Tick(t.Context())
			}
			if got := w.states(); got[0] != c.state {
				t.Fatalf("state %d", got[0])
			}
			for _, n := range w.sms.tries {
				if n != c.tries {
					t.Fatalf("%d tries", n)
				}
			}
			if looks > maxAttempts {
				t.Fatalf("%d looks", looks)
			}
		})
	}
}

// What a process that died had claimed is never sent blindly by the next.
func TestClaimOfADeadProcess(t *testing.T) {
	w := settle(t)
	w.queue(ann, "one")
	if got, err := w.store.Claim(t.Context(), store.Want{Channels: []string{"sms"}, Class: 2, N: 8}, w.clock.Now(), sendLease); err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	w.clock.pass(sendLease + time.Second)
	w.x.Tick(t.Context())
	if got := w.states(); got[0] != store.Unsure || len(w.sms.letters()) != 0 {
		t.Fatal(got, w.sms.texts())
	}
}

func TestProviderSaysTheResidentOptedOut(t *testing.T) {
	onEachStore(t, testProviderSaysTheResidentOptedOut)
}

func testProviderSaysTheResidentOptedOut(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "PARK")
	w.sms.fail = func(string, int) error {
		return channels.Gone(fmt.Errorf("%w: 21610", channels.ErrOptedOut), "21610")
	}
	w.clock.pass(25 * time.Hour)
	w.x.Tick(t.Context())
	if out, _ := w.store.OptedOut(t.Context(), seals{}.Address("tel", ann)); !out {
		t.Fatal("the ledger was not told")
	}
	if got := w.says(ann, "1"); got != "" {
		t.Fatalf("said to somebody who opted out: %q", got)
	}
}

// The timer still rings, the town stays silent, and nothing waits in the outbox for a START.
func TestNothingIsQueuedForWhoOptedOut(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK")
	r, _, _ := w.store.Find(t.Context(), seals{}.Address("tel", ann))
	if err := w.x.optedOut(t.Context(), r, "sms"); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(25 * time.Hour)
	w.x.Tick(t.Context())
	if got := w.states(); len(got) != 0 {
		t.Fatal(got)
	}
}

func TestReport(t *testing.T) {
	for name, c := range map[string]struct {
		d     channels.Delivery
		state store.MessageState
	}{
		"on its way":  {channels.Delivery{State: channels.OnItsWay}, store.Sent},
		"arrived":     {channels.Delivery{State: channels.Arrived}, store.Delivered},
		"failed":      {channels.Delivery{State: channels.Failed, Code: "30003"}, store.Dead},
		"opted out":   {channels.Delivery{State: channels.Failed, Code: "21610", OptedOut: true}, store.Dead},
		"on its way ": {channels.Delivery{}, store.Sent},
	} {
		t.Run(name, func(t *testing.T) {
			w := settle(t)
			w.queue(ann, "one")
			w.x.Tick(t.Context())
			receipt := "R-" + w.sms.letters()[0].key
			for range 2 { // providers report twice
				if err := w.x.Report(t.Context(), "sms", receipt, c.d); err != nil {
					t.Fatal(err)
				}
			}
			if got := w.states(); got[0] != c.state {
				t.Fatal(got)
			}
			if out, _ := w.store.OptedOut(t.Context(), seals{}.Address("tel", ann)); out != c.d.OptedOut {
				t.Fatalf("opted out: %v", out)
			}
		})
	}
	w := settle(t)
	if err := w.x.Report(t.Context(), "sms", "never heard of", channels.Delivery{State: channels.Arrived}); err != nil {
		t.Fatal(err)
	}
}

// No more than eight at a time, and one that hangs holds up nobody else.
func TestInFlight(t *testing.T) {
	w := settle(t)
	w.sms.gate, w.sms.began = make(chan struct{}), make(chan struct{}, 100)
	for i := range 20 {
		w.queue(fmt.Sprint("+1555020", i), "hello")
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { w.x.Run(ctx); close(ran) }()
	for range inFlight {
		<-w.sms.began
	}
	for range 20 {
		w.sms.gate <- struct{}{}
	}
	for range 20 - inFlight {
		<-w.sms.began
	}
	stop()
	<-ran
	if err := w.x.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(w.sms.letters()) != 20 || w.sms.most != inFlight {
		t.Fatalf("%d letters, %d at a time", len(w.sms.letters()), w.sms.most)
	}
}

func TestPushedChannel(t *testing.T) { onEachStore(t, testPushedChannel) }

func testPushedChannel(t *testing.T, on setting) {
	chat := &post{name: "chat", traits: render.Telegram}
	chat.traits.Pushed = true
	w := settle(t, on, func(w *town, s *Settings) { s.Channels = []channels.Channel{chat} })
	say := func(id, words string) string {
		return w.hear(channels.Event{Channel: "chat", ID: id, From: channels.Address{Kind: "telegram", ID: "77"}, Words: words})
	}
	if got := say("1", "PARK"); got != "" {
		t.Fatalf("answered at once: %q", got)
	}
	w.x.Tick(t.Context())
	if got := chat.texts(); len(got) != 1 || !strings.Contains(got[0], "What should come first?") {
		t.Fatal(got)
	}
	// The last word after STOP can't wait in an outbox that is closed to whoever said it.
	if got := say("2", "STOP"); got == "" {
		t.Fatal("STOP was met with silence")
	}
	w.x.Tick(t.Context())
	if got := chat.texts(); len(got) != 1 {
		t.Fatal(got)
	}
	say("3", "START")
	w.x.Tick(t.Context())
	say("4", "erase")
	w.x.Tick(t.Context())
	if got := say("5", "1"); got == "" {
		t.Fatal("erased without a word")
	}
}

// A number that was given as a contact has no line in the ledger that START could not take back: nothing is ever sent to it.
func TestStartOpensWhoGaveAContact(t *testing.T) { onEachStore(t, testStartOpensWhoGaveAContact) }

func testStartOpensWhoGaveAContact(t *testing.T, on setting) {
	chat := &post{name: "chat", traits: render.Telegram}
	w := settle(t, on, func(w *town, s *Settings) { s.Channels = []channels.Channel{chat} })
	for i, words := range []string{"MEND", "2", "Main and Elm", "+1 555 010 0199", "STOP", "START", "PARK"} {
		w.hear(channels.Event{Channel: "chat", ID: fmt.Sprint(i), From: channels.Address{Kind: "telegram", ID: "77"}, Words: words})
	}
	r, _, _ := w.store.Find(t.Context(), seals{}.Address("telegram", "77"))
	if all, _ := w.store.Addresses(t.Context(), r); len(all) != 2 {
		t.Fatalf("no contact was kept: %+v", all)
	}
	w.clock.pass(25 * time.Hour)
	w.x.Tick(t.Context())
	if got := chat.texts(); len(got) != 1 || !strings.Contains(got[0], "Park survey") {
		t.Fatalf("after STOP and START: %q", got)
	}
}
