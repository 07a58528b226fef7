package exchange

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// A reply that was made while the one before it was on its way leaves once that has gone, whether anything else happens or not.
func TestAReplyBehindOneOnItsWayLeavesAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chat := &post{name: "chat", traits: render.Telegram, gate: make(chan struct{}), began: make(chan struct{}, 10)}
		chat.traits.Pushed = true
		w := settle(t, func(w *town, s *Settings) { s.Channels = []channels.Channel{chat} })
		ctx, stop := context.WithCancel(context.Background())
		ran := make(chan struct{})
		go func() { w.x.Run(ctx); close(ran) }()
		defer func() { close(chat.gate); stop(); <-ran }()
		for i, words := range []string{"PARK", "hm"} {
			w.hear(channels.Event{Channel: "chat", ID: words, From: channels.Address{Kind: "telegram", ID: "77"}, Words: words})
			for range 2 { // the sender takes its pace
				synctest.Wait()
				w.clock.pass(shortestPace)
			}
			synctest.Wait()
			if len(chat.began) != 1 {
				t.Fatalf("after message %d, %d replies are on their way", i+1, len(chat.began))
			}
		}
		for range 2 {
			select {
			case chat.gate <- struct{}{}:
			default:
				t.Fatal("the second reply is not on its way")
			}
			synctest.Wait()
			w.clock.pass(shortestPace)
			synctest.Wait()
		}
		if got := chat.texts(); len(got) != 2 {
			t.Errorf("%d of two replies have left: %q", len(got), got)
		}
	})
}
