package telegram

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
)

// listening runs the bot until the test is over, or the function that it gives is called.
func listening(t *testing.T, b *Telegram, in channels.Inbox) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Listen(ctx, in) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("it doesn't end")
		}
		b.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// until waits for something, which comes within moments.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !is() {
		select {
		case <-deadline:
			t.Fatal("never: " + what)
		case <-time.After(time.Millisecond):
		}
	}
}

func (f *fake) confirmed() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.offset
}

func words(all []channels.Event, chat string) (out []string) {
	for _, e := range all {
		if e.From.ID == chat {
			out = append(out, e.Words)
		}
	}
	return out
}

// Everything comes in once, in the order of each chat, and is confirmed after it is on disk.
func TestPolling(t *testing.T) {
	f := newFake(t)
	in := &inbox{}
	b := newTelegram(t, f)
	var updates []map[string]any
	for i := range 60 {
		updates = append(updates, f.update("message", text(int64(77+i%3), fmt.Sprint(i))))
	}
	f.hand(updates...)
	stop := listening(t, b, in)
	until(t, "all confirmed", func() bool { return f.confirmed() == 161 })
	if len(in.all()) != 60 {
		t.Fatal(len(in.all()))
	}
	for i := range 3 {
		var want []string
		for n := i; n < 60; n += 3 {
			want = append(want, fmt.Sprint(n))
		}
		if got := words(in.all(), fmt.Sprint(77+i)); !slices.Equal(got, want) {
			t.Errorf("chat %d: %v", 77+i, got)
		}
	}
	until(t, "the commands", func() bool { return len(f.of("setMyCommands")) == 4 })
	stop()
	if gone := f.of("deleteWebhook"); len(gone) != 1 || len(gone[0]) != 0 {
		t.Errorf("%+v", gone)
	}
	ask := f.of("getUpdates")[0]
	if fmt.Sprint(ask["allowed_updates"]) != "[message edited_message callback_query my_chat_member]" {
		t.Errorf("%+v", ask)
	}
}

// What isn't on disk isn't confirmed: not while its turn lasts, and not when it failed. Those of other chats go on.
func TestPollingConfirmsAfterTheDisk(t *testing.T) {
	f := newFake(t)
	f.asked = make(chan int64)
	down := true
	in := &inbox{}
	in.fails = func(e channels.Event, _ int) error {
		if down && e.From.ID == "77" {
			return errors.New("not now")
		}
		return nil
	}
	f.hand(f.update("message", text(76, "a")), f.update("message", text(77, "b")), f.update("message", text(78, "c")), f.update("message", text(77, "d")))
	listening(t, newTelegram(t, f), in)
	if first := <-f.asked; first != 0 {
		t.Fatal(first)
	}
	for range 3 {
		if offset := <-f.asked; offset != 102 {
			t.Fatalf("confirmed up to %d while the second one isn't kept", offset)
		}
	}
	in.mu.Lock()
	down = false
	in.mu.Unlock()
	for offset := range f.asked {
		if offset == 105 {
			break
		}
		if offset != 102 {
			t.Fatal(offset)
		}
	}
	f.mu.Lock()
	f.asked = nil
	f.mu.Unlock()
	if got := words(in.all(), "77"); !slices.Equal(got, []string{"b", "d"}) {
		t.Fatal(got)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.tries["101"] != 1 || in.tries["103"] != 1 {
		t.Errorf("what was done was done again: %v", in.tries)
	}
}

// Who sends much at once has no more of it unconfirmed than the store knows again.
func TestPollingConfirmsInTime(t *testing.T) {
	f := newFake(t)
	in := &inbox{}
	most := 0
	in.fails = func(channels.Event, int) error { // in.mu is held
		most = max(most, len(in.events)+1-int(max(f.confirmed()-101, 0)))
		return nil
	}
	var updates []map[string]any
	for i := range 39 {
		updates = append(updates, f.update("message", text(77, fmt.Sprint(i))))
	}
	f.hand(updates...)
	stop := listening(t, newTelegram(t, f), in)
	until(t, "all confirmed", func() bool { return f.confirmed() == 140 })
	stop()
	if most > 12 || len(in.all()) != 39 {
		t.Fatalf("%d updates were done and not confirmed, of %d", most, len(in.all()))
	}
}

// An update that can't be held stops nothing but its own chat, and that not for ever.
func TestPollingGivesPoisonUp(t *testing.T) {
	f := newFake(t)
	now := noon
	var log bytes.Buffer
	in := &inbox{}
	in.fails = func(e channels.Event, _ int) error {
		now = now.Add(5 * time.Second) // in.mu is held
		if e.Words == "poison" {
			return errors.New("it doesn't fit")
		}
		return nil
	}
	b := newTelegram(t, f, logging(&log), func(c *Config) {
		c.Now = func() time.Time { in.mu.Lock(); defer in.mu.Unlock(); return now }
	})
	f.hand(f.update("message", text(77, "poison")), f.update("message", text(77, "after it")))
	stop := listening(t, b, in)
	until(t, "many tries", func() bool { in.mu.Lock(); defer in.mu.Unlock(); return in.tries["101"] > 10 })
	if f.confirmed() > 101 {
		t.Fatal("given up while nothing else went through")
	}
	f.hand(f.update("message", text(78, "hello")))
	until(t, "the one after it", func() bool { return f.confirmed() == 104 })
	if got := words(in.all(), "77"); !slices.Equal(got, []string{"after it"}) {
		t.Fatal(got)
	}
	stop()
	if !strings.Contains(log.String(), "given up") {
		t.Error(log.String())
	}
}

// A Telegram that refuses, breaks off or speaks gibberish is asked again; updates that can't be read are passed over.
func TestPollingThroughTrouble(t *testing.T) {
	f := newFake(t)
	var log bytes.Buffer
	in := &inbox{}
	f.refuses(
		refusal{method: "deleteWebhook", code: 500, description: "Internal Server Error", times: 2},
		refusal{method: "setMyCommands", code: 500, description: "Internal Server Error", times: 1},
		refusal{method: "getUpdates", code: 409, description: "Conflict: terminated by other getUpdates request", times: 1},
		refusal{method: "getUpdates", code: 502, raw: "<html>", times: 1},
		refusal{method: "getUpdates", code: 200, raw: `{"ok":true,"result":[{"update_id":99,"message":{"chat":5}},7,{"update_id":100,"poll":null}]}`, times: 1},
		refusal{method: "getUpdates", code: 200, raw: `{"ok":true`, times: 1},
	)
	f.hand(f.update("message", text(77, "hello")))
	stop := listening(t, newTelegram(t, f, logging(&log)), in)
	until(t, "it is confirmed", func() bool { return f.confirmed() == 102 })
	until(t, "the commands", func() bool { return len(f.of("setMyCommands")) == 5 })
	stop()
	if got := words(in.all(), "77"); !slices.Equal(got, []string{"hello"}) {
		t.Fatal(got)
	}
	if s := log.String(); strings.Contains(s, "AAbb") || strings.Contains(s, "html") {
		t.Errorf("the log tells too much:\n%s", s)
	}
}

// It ends when the turns under way are on disk, and not before.
func TestPollingEnds(t *testing.T) {
	f := newFake(t)
	in := &inbox{gate: make(chan struct{})}
	f.hand(f.update("message", text(77, "hello")))
	b := newTelegram(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Listen(ctx, in) }()
	until(t, "asked", func() bool { return len(f.of("getUpdates")) == 1 })
	in.gate <- struct{}{} // the turn is there, and takes its time
	cancel()
	if err := <-done; err != nil || len(in.all()) != 1 {
		t.Fatal(err, in.all())
	}
}

// Where Telegram calls, it is told where and with which secret.
func TestSetsTheWebhook(t *testing.T) {
	f := newFake(t)
	f.refuses(refusal{method: "setWebhook", code: 500, description: "Internal Server Error", times: 1})
	b := newTelegram(t, f, byWebhook)
	stop := listening(t, b, &inbox{})
	until(t, "the commands", func() bool { return len(f.of("setMyCommands")) == 4 })
	stop()
	set := f.of("setWebhook")
	if len(set) != 2 || set[1]["url"] != "https://talk.example.org/town"+b.Path() || set[1]["secret_token"] != secret || set[1]["max_connections"] != 20.0 ||
		fmt.Sprint(set[1]["allowed_updates"]) != "[message edited_message callback_query my_chat_member]" {
		t.Fatalf("%+v", set)
	}
	if len(f.of("getUpdates")) != 0 {
		t.Error("it asks as well")
	}
}

// After a week without any update Telegram begins to count anew, at any number: those are taken and confirmed as all others are.
func TestPollingAfterAQuietWeek(t *testing.T) {
	f := newFake(t)
	in := &inbox{}
	f.refuses(
		refusal{method: "getUpdates", code: 200, raw: `{"ok":true,"result":[` + string(encoded(t, f.update("message", text(77, "before")))) + `]}`, times: 1},
		refusal{method: "getUpdates", code: 200, raw: `{"ok":true,"result":[{"update_id":7,"message":` + string(encoded(t, text(77, "after"))) + `}]}`, times: 1},
	)
	stop := listening(t, newTelegram(t, f), in)
	until(t, "three calls", func() bool { return len(f.of("getUpdates")) == 3 })
	stop()
	asked := f.of("getUpdates")
	if fmt.Sprint(asked[1]["offset"], asked[2]["offset"]) != "102 8" || !slices.Equal(words(in.all(), "77"), []string{"before", "after"}) {
		t.Fatalf("%v, then %v: %v", asked[1]["offset"], asked[2]["offset"], words(in.all(), "77"))
	}
}
