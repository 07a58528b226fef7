package exchange

import (
	"context"
	"errors"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

func TestDrainFinishesTheTurnInFlight(t *testing.T) {
	w := settle(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	w.x.store = &twice{Store: w.store, before: func() { close(entered); <-leave }}
	replied := make(chan string, 1)
	go func() {
		r, err := w.x.Receive(t.Context(), w.text(ann, "PARK"))
		if err != nil {
			t.Error(err)
		}
		replied <- textOf(r)
	}()
	<-entered
	drained := make(chan error, 1)
	go func() { drained <- w.x.Drain(context.Background()) }()
	<-w.x.work.stop
	_, err := w.x.Receive(t.Context(), channels.Event{Channel: "sms", ID: "late", From: channels.Address{Kind: "tel", ID: ben}, Words: "PARK"})
	if _, retry := channels.Retrying(err); !retry || !errors.Is(err, ErrDraining) {
		t.Fatal(err)
	}
	if err := w.x.Report(t.Context(), "sms", "r", channels.Delivery{}); !errors.Is(err, ErrDraining) {
		t.Fatal(err)
	}
	select {
	case <-drained:
		t.Fatal("drained while a turn was in flight")
	default:
	}
	close(leave)
	w.expect(<-replied, "What should come first?")
	if err := <-drained; err != nil {
		t.Fatal(err)
	}
}

func TestDrainSettlesWhatIsBeingSent(t *testing.T) {
	w := settle(t)
	w.sms.gate, w.sms.began = make(chan struct{}), make(chan struct{}, 10)
	w.queue(ann, "one", "two")
	ran := make(chan struct{})
	go func() { w.x.Run(context.Background()); close(ran) }()
	<-w.sms.began
	drained := make(chan error, 1)
	go func() { drained <- w.x.Drain(context.Background()) }()
	<-ran
	w.sms.gate <- struct{}{}
	if err := <-drained; err != nil {
		t.Fatal(err)
	}
	if got := w.states(); got[0] != store.Sent || got[1] != store.Queued {
		t.Fatal(got)
	}
}

// A provider that hangs can't hold up the shutdown for ever; what it was given is doubtful then, not lost and not sent again.
func TestDrainThatTakesTooLong(t *testing.T) {
	w := settle(t)
	w.sms.gate, w.sms.began = make(chan struct{}), make(chan struct{}, 10)
	w.queue(ann, "one")
	ran := make(chan struct{})
	go func() { w.x.Run(context.Background()); close(ran) }()
	<-w.sms.began
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.x.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	<-ran
	if got := w.states(); got[0] != store.Unsure {
		t.Fatal(got)
	}
	if err := w.x.Drain(context.Background()); err != nil {
		t.Fatal("a second time:", err)
	}
}
