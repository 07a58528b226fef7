package exchange

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

func TestReminderAfterADay(t *testing.T) { onEachStore(t, testReminderAfterADay) }

func testReminderAfterADay(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "PARK", "1")
	w.clock.pass(23 * time.Hour)
	w.x.Tick(t.Context())
	if got := w.sms.texts(); len(got) != 0 {
		t.Fatalf("early: %q", got)
	}
	w.clock.pass(time.Hour + time.Minute)
	w.x.Tick(t.Context())
	w.x.Tick(t.Context())
	got := w.sms.texts()
	if len(got) != 1 || !strings.Contains(got[0], "Park survey") {
		t.Fatal(got)
	}
	w.expect(w.says(ann, "12"), "check your answers")
}

// The engine sets the timer once and moves it when it rings early: an answer costs no timer.
func TestReminderCountsFromTheLastAnswer(t *testing.T) {
	onEachStore(t, testReminderCountsFromTheLastAnswer)
}

func testReminderCountsFromTheLastAnswer(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "PARK")
	w.clock.pass(23 * time.Hour)
	w.says(ann, "1")
	w.clock.pass(2 * time.Hour)
	w.x.Tick(t.Context())
	if got := w.sms.texts(); len(got) != 0 {
		t.Fatalf("two hours after an answer: %q", got)
	}
	w.clock.pass(22 * time.Hour)
	w.x.Tick(t.Context())
	if got := w.sms.texts(); len(got) != 1 {
		t.Fatal(got)
	}
}

func TestExpiry(t *testing.T) { onEachStore(t, testExpiry) }

func testExpiry(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "PARK", "1")
	w.clock.pass(25 * time.Hour)
	w.x.Tick(t.Context())
	w.clock.pass(3 * 24 * time.Hour)
	w.x.Tick(t.Context())
	if s, _ := w.store.Stats(t.Context()); s.Timers != 0 {
		t.Fatalf("%+v", s)
	}
	if got := w.says(ann, "12"); strings.Contains(got, "check your answers") {
		t.Fatalf("went on after it had expired:\n%s", got)
	}
	if got := w.polled("survey"); len(got) != 0 {
		t.Fatal(got)
	}
}

// A resident who only ever called has no channel that can be pushed on: nothing is sent down a dead line.
func TestNoReminderForACall(t *testing.T) {
	w := settle(t)
	call := channels.Event{Channel: "voice", ID: "1", From: channels.Address{Kind: "tel", ID: ann}, Kind: channels.Dialed}
	w.hear(call)
	call.Kind = channels.Message
	for i, s := range []string{"PARK", "1"} {
		call.ID, call.Words = string(rune('a'+i)), s
		w.hear(call)
	}
	if s, _ := w.store.Stats(t.Context()); s.Timers == 0 {
		t.Fatal("no timer was set")
	}
	w.clock.pass(25 * time.Hour)
	w.x.Tick(t.Context())
	if n := len(w.inside().outbox); n != 0 {
		t.Fatalf("%d messages", n)
	}
}

func TestReminderWaitsForTheMorning(t *testing.T) {
	morning := noon.Add(44 * time.Hour) // 8:00 on Wednesday
	w := settle(t, func(_ *town, s *Settings) {
		s.Quiet = func(_ string, now time.Time) time.Time {
			if now.Before(morning) {
				return morning
			}
			return now
		}
	})
	w.clock.pass(12 * time.Hour)
	w.says(ann, "PARK")
	w.clock.pass(25 * time.Hour) // 1:00 at night
	w.x.Tick(t.Context())
	if got := w.sms.texts(); len(got) != 0 {
		t.Fatalf("sent at night: %q", got)
	}
	w.clock.pass(7 * time.Hour)
	w.x.Tick(t.Context())
	if got := w.sms.texts(); len(got) != 1 {
		t.Fatal(got)
	}
}

func TestTimerTurnConflicts(t *testing.T) {
	s := &twice{}
	w := settle(t, onTwice(s))
	w.says(ann, "PARK")
	w.clock.pass(25 * time.Hour)
	s.conflicts = 3
	w.x.Tick(t.Context())
	if got := w.sms.texts(); len(got) != 1 {
		t.Fatal(got)
	}
}

// A timer whose turn fails is let alone for a while, and stands in nobody's way.
func TestTimerThatFails(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK")
	w.says(ben, "PARK")
	r, _, _ := w.store.Find(t.Context(), seals{}.Address("tel", ann))
	m := w.inside()
	good := m.rows[r].state
	m.rows[r].state = []byte{99}
	w.clock.pass(25 * time.Hour)
	w.x.Tick(t.Context())
	if got := w.sms.letters(); len(got) != 1 || got[0].to.ID != ben {
		t.Fatal(got)
	}
	m.rows[r].state = good
	w.x.Tick(t.Context())
	if len(w.sms.letters()) != 1 {
		t.Fatal("tried again at once")
	}
	w.clock.pass(ringPause)
	w.x.Tick(t.Context())
	if len(w.sms.letters()) != 2 {
		t.Fatal("not tried again")
	}
}

func TestTimerOfSomebodyErased(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK")
	m := w.inside()
	ghost := store.Resident{1, 2, 3}
	m.timers[timerKey{ghost, "remind:survey"}] = noon
	w.x.Tick(t.Context())
	if _, still := m.timers[timerKey{ghost, "remind:survey"}]; still {
		t.Fatal("it rings for ever")
	}
	if _, back := m.rows[ghost]; back {
		t.Fatal("the turn of a timer brought somebody back")
	}
}

// Run sleeps until something is due, never less than a second, and wakes when a turn queues something.
func TestRunSleeps(t *testing.T) {
	w := settle(t)
	w.clock.slept = make(chan time.Duration, 100)
	w.sms.began = make(chan struct{}, 10)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { w.x.Run(ctx); close(ran) }()
	for range 2 {
		if d := <-w.clock.slept; d != longestSleep {
			t.Fatalf("slept %v with nothing to do", d)
		}
	}
	w.says(ann, "PARK")
	for range 25 * 60 {
		w.clock.pass(longestSleep)
		for range 2 {
			if d := <-w.clock.slept; d < shortestSleep || d > longestSleep {
				t.Fatalf("slept %v", d)
			}
		}
		if len(w.states()) > 0 {
			break
		}
	}
	<-w.sms.began
	stop()
	<-ran
	if got := w.clock.Now().Sub(noon); got < 24*time.Hour || got > 24*time.Hour+longestSleep {
		t.Fatalf("reminded after %v", got)
	}
}

func TestStoreIsAwayWhileWorking(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK")
	w.clock.pass(25 * time.Hour)
	w.x.store = away{w.store}
	w.x.Tick(t.Context())
	w.x.store = w.store
	w.clock.pass(shortestSleep)
	w.x.Tick(t.Context())
	if got := w.sms.texts(); len(got) != 1 {
		t.Fatal(got)
	}
}

// away is a store that can't be reached.
type away struct{ store.Store }

var errAway = errors.New("connection refused")

func (away) Timers(context.Context, time.Time, int) ([]store.Timer, error) { return nil, errAway }
func (away) NextTimer(context.Context) (time.Time, error)                  { return time.Time{}, errAway }
func (away) NextMessage(context.Context, string, uint8) (time.Time, error) {
	return time.Time{}, errAway
}
func (away) Claim(context.Context, store.Want, time.Time, time.Duration) ([]store.Message, error) {
	return nil, errAway
}
