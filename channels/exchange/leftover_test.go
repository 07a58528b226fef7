package exchange

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// dies has a server claim what can be claimed, and die; the next has what change says.
func (w *town) dies(change func(*Settings)) {
	w.t.Helper()
	if got, err := w.store.Claim(w.t.Context(), store.Want{Channels: []string{"sms"}, Class: 2, N: 8}, w.clock.Now(), sendLease); err != nil || len(got) != 1 {
		w.t.Fatal(got, err)
	}
	old := w.x
	s := Settings{Store: w.store, Keys: seals{}, Town: old.town, Clock: w.clock, Entropy: chance(7), Channels: old.lines()}
	if change != nil {
		change(&s)
	}
	var err error
	if w.x, err = New(s); err != nil {
		w.t.Fatal(err)
	}
}

// What a server had claimed when it was killed is in doubt once the next begins, and nobody behind it waits for its claim.
func TestAKilledServersClaims(t *testing.T) { onEachStore(t, testKilledServersClaims) }

func testKilledServersClaims(t *testing.T, on setting) {
	w := settle(t, on)
	w.queue(ann, "one", "two")
	w.dies(nil)
	w.sms.began = make(chan struct{}, 10)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { w.x.Run(ctx); close(ran) }()
	<-w.sms.began
	stop()
	<-ran
	if err := w.x.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.sms.texts(); !slices.Equal(got, []string{"two"}) {
		t.Errorf("sent: %q, and the first may have been before", got)
	}
	left, err := w.store.Messages(t.Context(), store.Unsure, 9)
	if err != nil || len(left) != 1 {
		t.Errorf("%d wait for a person: %v", len(left), err)
	}
}

// Where the town said so, it is sent again, soon, and before what was queued after it.
func TestAKilledServersClaimsAreSentAgain(t *testing.T) { onEachStore(t, testKilledServersClaimsAgain) }

func testKilledServersClaimsAgain(t *testing.T, on setting) {
	w := settle(t, on)
	w.queue(ann, "one", "two")
	w.dies(func(s *Settings) { s.Resend = []string{"sms"} })
	w.x.giveBack(t.Context())
	w.x.Tick(t.Context())
	w.clock.pass(firstBackOff)
	w.x.Tick(t.Context())
	if got := w.sms.texts(); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("sent: %q", got)
	}
}

// finder is a provider that lists what it took, a little later.
type finder struct {
	*post
	looked int
}

func (f *finder) Find(context.Context, channels.Address, render.Page, string, time.Time) (string, bool, error) {
	f.looked++
	return "R", true, nil
}

// A provider that can be asked is asked once it can know. Others' claims stay theirs, and so does a call.
func TestWhoseClaimsAreLeft(t *testing.T) {
	t.Run("the provider can be asked", func(t *testing.T) {
		w := settle(t)
		w.queue(ann, "one")
		f := &finder{post: w.sms}
		w.dies(func(s *Settings) { s.Channels = []channels.Channel{f} })
		w.x.giveBack(t.Context())
		if w.x.Tick(t.Context()); f.looked > 0 {
			t.Error("asked before it can know")
		}
		w.clock.pass(firstLook)
		if w.x.Tick(t.Context()); f.looked != 1 || w.states()[0] != store.Sent {
			t.Errorf("asked %d times: %v", f.looked, w.states())
		}
	})
	for name, change := range map[string]func(*Settings){
		"there are other servers": func(s *Settings) { s.Nodes.Poll = time.Second },
		"it is a call":            func(s *Settings) { s.Channels = []channels.Channel{&post{name: "sms", traits: render.Voice}} },
		"the channel is gone":     func(s *Settings) { s.Channels = []channels.Channel{&post{name: "kiosk", traits: render.Kiosk}} },
		"the store is away":       func(s *Settings) { s.Store = unread{s.Store} },
	} {
		t.Run(name, func(t *testing.T) {
			w := settle(t)
			w.queue(ann, "one")
			w.dies(change)
			w.x.giveBack(t.Context())
			if got := w.states(); got[0] != store.Claimed {
				t.Errorf("state %d", got[0])
			}
		})
	}
}

// unread is a store that can't be read.
type unread struct{ store.Store }

func (unread) Messages(context.Context, store.MessageState, int) ([]store.Message, error) {
	return nil, errors.New("away")
}
