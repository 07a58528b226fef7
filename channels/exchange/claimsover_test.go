package exchange

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

// late is a store whose claims come late to who made them: a node that was frozen meanwhile.
type late struct {
	store.Store
	by time.Duration
}

func (s *late) Claim(ctx context.Context, w store.Want, now time.Time, lease time.Duration) ([]store.Message, error) {
	all, err := s.Store.Claim(ctx, w, now, lease)
	if len(all) > 0 {
		time.Sleep(s.by)
	}
	return all, err
}

// pair are two nodes on one store in virtual time. What is doubtful is looked up on the second one, where it has come.
func pair(t *testing.T, by time.Duration) (first, second *town, shared *memory) {
	time.Sleep(time.Until(noon))
	shared = newMemory()
	first = settle(t, func(w *town, s *Settings) { w.store, s.Clock = &late{shared, by}, SystemClock{} })
	second = settle(t, func(w *town, s *Settings) {
		w.store, s.Clock = shared, SystemClock{}
		s.Channels = append(s.Channels, asked{w.sms, func(string) (bool, error) { return true, nil }})
	})
	return first, second, shared
}

// sendsOnce claims once, and waits until that is sent.
func (w *town) sendsOnce() {
	var sending sync.WaitGroup
	w.x.sendOn(w.t.Context(), "sms", w.x.channels["sms"], classReply, &sending)
	sending.Wait()
}

// A node that was frozen with messages which it had claimed doesn't send them when it wakes: others may have.
func TestWhoWakesAfterItsClaimSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second, _ := pair(t, sendLease+time.Second)
		second.queue(ann, "one")
		first.sendsOnce()
		if got := first.sms.texts(); len(got) > 0 {
			t.Errorf("it sends %q", got)
		}
		if got := second.states(); !slices.Equal(got, []store.MessageState{store.Claimed}) {
			t.Errorf("it settles it: %v", got)
		}
		second.x.Tick(t.Context())
		if got := second.states(); !slices.Equal(got, []store.MessageState{store.Sent}) {
			t.Errorf("nobody looks it up: %v", got)
		}
	})
}

// Nor does it undo what another node found out, where it was frozen while it sent.
func TestWhoWakesWhileSendingUndoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second, _ := pair(t, 0)
		first.sms.fail = func(string, int) error {
			time.Sleep(sendLease + time.Minute)
			return channels.Retry(errors.New("connection reset"), 0)
		}
		second.queue(ann, "one")
		go first.sendsOnce()
		time.Sleep(sendLease + time.Second)
		second.x.Tick(t.Context())
		time.Sleep(2 * time.Minute)
		if got := second.states(); !slices.Equal(got, []store.MessageState{store.Sent}) {
			t.Errorf("it is sent, and %v", got)
		}
	})
}

// A claim that came late leaves only what is left of it for sending.
func TestSendingEndsWithItsClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second, _ := pair(t, sendLease-10*time.Second)
		first.sms.gate = make(chan struct{}) // the provider never answers
		second.queue(ann, "one")
		began := time.Now()
		first.sendsOnce()
		if took := time.Since(began); took > sendLease {
			t.Errorf("it is still sending %v after it claimed", took)
		}
		if got := second.states(); !slices.Equal(got, []store.MessageState{store.Unsure}) {
			t.Errorf("it wasn't settled in time: %v", got)
		}
	})
}
