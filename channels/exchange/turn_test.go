package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

const ann, ben = "+15550101", "+15550102"

// twice is a store that says Conflict a number of times before it commits, or fails.
type twice struct {
	store.Store
	mu        sync.Mutex
	conflicts int
	fail      error // of Commit
	failErase error
	before    func() // runs before each commit that gets through
	away      bool   // nothing can be counted or looked up
}

func (s *twice) Commit(ctx context.Context, c *store.Change) (store.Outcome, error) {
	s.mu.Lock()
	conflict, fail, before := s.conflicts > 0, s.fail, s.before
	if conflict {
		s.conflicts--
	}
	s.mu.Unlock()
	switch {
	case fail != nil:
		return store.Outcome{}, fail
	case conflict:
		return store.Outcome{Kind: store.Conflict}, nil
	}
	if before != nil {
		before()
	}
	return s.Store.Commit(ctx, c)
}

func (s *twice) Erase(ctx context.Context, r store.Resident, now time.Time, last ...store.Parting) error {
	if s.failErase != nil {
		return s.failErase
	}
	return s.Store.Erase(ctx, r, now, last...)
}

func (s *twice) Stats(ctx context.Context) (store.Stats, error) {
	if s.away {
		return store.Stats{}, errAway
	}
	return s.Store.Stats(ctx)
}

func (s *twice) Cases(ctx context.Context, desk string, n int) ([]store.Case, error) {
	if s.away {
		return nil, errAway
	}
	return s.Store.Cases(ctx, desk, n)
}

func (s *twice) NextTimer(ctx context.Context) (time.Time, error) {
	if s.away {
		return time.Time{}, errAway
	}
	return s.Store.NextTimer(ctx)
}

func onTwice(to *twice) setting {
	return func(w *town, s *Settings) { to.Store, w.store = w.store, to }
}

func TestConversationLeavesARecord(t *testing.T) { onEachStore(t, testConversationLeavesARecord) }

func testConversationLeavesARecord(t *testing.T, on setting) {
	w := settle(t, on)
	w.expect(w.says(ann, "PARK"), "What should come first?", "1 More trees")
	w.expect(w.says(ann, "1", "12"), "check your answers")
	w.expect(w.says(ann, "1", "yes"), "Your receipt is")
	if got := w.polled("survey"); !slices.Equal(got, []string{"first=trees often=12 agree=yes"}) {
		t.Fatal(got)
	}
}

func TestRepeatedMessageGetsTheSameReply(t *testing.T) {
	onEachStore(t, testRepeatedMessageGetsTheSameReply)
}

func testRepeatedMessageGetsTheSameReply(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "OPENV", "2")
	last := w.text(ann, "yes")
	reply := w.hear(last)
	w.expect(reply, "Your receipt is")
	for range 2 {
		if again := w.hear(last); again != reply {
			t.Fatalf("repeated: %q, first: %q", again, reply)
		}
	}
	for range 15 { // the last of the sixteen that are remembered
		w.says(ann, "HIDE")
	}
	if again := w.hear(last); again != reply {
		t.Fatalf("repeated late: %q, first: %q", again, reply)
	}
	if got := w.polled("open-vote"); len(got) != 1 {
		t.Fatal(got)
	}
}

func TestFirstMessageRepeatedAtOnce(t *testing.T) {
	w := settle(t)
	first := w.text(ann, "PARK")
	replies := make([]string, 8)
	var all sync.WaitGroup
	for i := range replies {
		all.Go(func() {
			r, err := w.x.Receive(t.Context(), first)
			if err != nil {
				t.Error(err)
			}
			replies[i] = textOf(r)
		})
	}
	all.Wait()
	for _, r := range replies {
		if r != replies[0] || r == "" {
			t.Fatalf("%q and %q", r, replies[0])
		}
	}
	if n := w.inside().commits; n != 1 {
		t.Fatalf("%d commits", n)
	}
}

func TestManyMessagesOfOneResidentAtOnce(t *testing.T) {
	w := settle(t)
	w.says(ann, "MEND", "2")
	var all sync.WaitGroup
	for range 20 {
		e := w.text(ann, "help")
		all.Go(func() {
			if _, err := w.x.Receive(t.Context(), e); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := w.inside().commits; n != 22 {
		t.Fatalf("%d commits: a turn was lost or held twice", n)
	}
	w.x.residents.mu.Lock()
	defer w.x.residents.mu.Unlock()
	if n := len(w.x.residents.held); n != 0 {
		t.Fatalf("%d locks are kept", n)
	}
}

func TestWhoWaitsForATurnCanLeave(t *testing.T) {
	w := settle(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	s := &twice{Store: w.store, before: func() { close(entered); <-leave }}
	w.x.store = s
	done := make(chan error, 1)
	go func() {
		_, err := w.x.Receive(t.Context(), w.text(ann, "PARK"))
		done <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.x.Receive(ctx, channels.Event{Channel: "sms", ID: "x", From: channels.Address{Kind: "tel", ID: ann}, Words: "1"})
	if _, retry := channels.Retrying(err); !retry || !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestConflictStepsAgain(t *testing.T) {
	for _, n := range []int{1, 2, attempts - 1} {
		s := &twice{}
		w := settle(t, onTwice(s))
		w.says(ann, "MEND", "2")
		s.conflicts = n
		w.expect(w.says(ann, "Main and Elm"), "Your number is")
		all, err := w.store.Requests(t.Context(), store.RequestQuery{})
		if err != nil || len(all) != 1 {
			t.Fatal(err, all)
		}
		if one, err := w.store.Request(t.Context(), all[0].Reference); err != nil || len(one.History) != 1 {
			t.Fatal(err, one)
		}
		if n >= 3 && len(all[0].Reference) <= len("482-173-5") {
			t.Fatalf("after %d references that may have been taken, %s is no longer", n, all[0].Reference)
		}
	}
}

func TestConflictWithoutEnd(t *testing.T) {
	s := &twice{}
	w := settle(t, onTwice(s))
	w.says(ann, "PARK")
	s.conflicts = attempts
	e := w.text(ann, "1")
	_, err := w.x.Receive(t.Context(), e)
	if _, retry := channels.Retrying(err); !retry || !errors.Is(err, errContested) {
		t.Fatal(err)
	}
	w.expect(w.hear(e), "How many days") // the provider tries again
}

func TestNothingIsAcceptedWithoutTheStore(t *testing.T) {
	s := &twice{fail: errors.New("disk full")}
	w := settle(t, onTwice(s))
	e := w.text(ann, "PARK")
	r, err := w.x.Receive(t.Context(), e)
	if _, retry := channels.Retrying(err); !retry || len(r.Pages) > 0 {
		t.Fatal(err, r)
	}
	s.fail = nil
	w.expect(w.hear(e), "What should come first?")
}

func TestEventsThatCantBe(t *testing.T) {
	w := settle(t)
	for name, e := range map[string]channels.Event{
		"no address":      {Channel: "sms", ID: "1", Words: "hello"},
		"unknown channel": {Channel: "pigeon", ID: "1", From: channels.Address{Kind: "tel", ID: ann}},
	} {
		_, err := w.x.Receive(t.Context(), e)
		if _, retry := channels.Retrying(err); err == nil || retry {
			t.Errorf("%s: %v: the provider would try again in vain", name, err)
		}
	}
}

func TestBegunByTextGoneOnByPhone(t *testing.T) { onEachStore(t, testBegunByTextGoneOnByPhone) }

func testBegunByTextGoneOnByPhone(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "PARK", "1")
	call := channels.Event{Channel: "voice", ID: "c1", From: channels.Address{Kind: "tel", ID: ann}, Kind: channels.Dialed}
	w.expect(w.hear(call), "Park survey")
	call.ID, call.Kind, call.Words = "c2", channels.Message, "1"
	w.expect(w.hear(call), "How many days")
	call.ID, call.Kind, call.Words = "c3", channels.HungUp, ""
	if got := w.hear(call); got != "" {
		t.Fatalf("said into the void: %q", got)
	}
	w.expect(w.says(ann, "12"), "1 Go on") // the question was heard on a call and never shown in a text
	w.expect(w.says(ann, "1"), "How many days")
	w.expect(w.says(ann, "12"), "check your answers")
	w.says(ann, "1", "yes")
	if got := w.polled("survey"); !slices.Equal(got, []string{"first=trees often=12 agree=yes"}) {
		t.Fatal(got)
	}
}

func TestHangingUpMakesNobody(t *testing.T) { onEachStore(t, testHangingUpMakesNobody) }

func testHangingUpMakesNobody(t *testing.T, on setting) {
	w := settle(t, on)
	w.hear(channels.Event{Channel: "voice", ID: "1", From: channels.Address{Kind: "tel", ID: ann}, Kind: channels.HungUp})
	if s, _ := w.store.Stats(t.Context()); s.Conversations != 0 {
		t.Fatal(s)
	}
}

func TestStopCountsOnEveryAddress(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK")
	r, _, _ := w.store.Find(t.Context(), seals{}.Address("tel", ann))
	m := w.inside()
	chat := store.Address{Key: seals{}.Address("telegram", "77"), Kind: "telegram", Address: "77"}
	given := store.Address{Key: seals{}.Address(contactKind, "x"), Kind: contactKind, Address: ben}
	m.addresses[chat.Key] = owned{r, chat}
	m.addresses[given.Key] = owned{r, given}

	stop := w.text(ann, "STOP")
	w.expect(w.hear(stop), "")
	for _, a := range []store.Address{{Key: seals{}.Address("tel", ann)}, chat} {
		if out, _ := w.store.OptedOut(t.Context(), a.Key); !out {
			t.Errorf("%s is not stopped", a.Kind)
		}
	}
	if got := w.says(ann, "1"); got != "" {
		t.Errorf("said to somebody who said STOP: %q", got)
	}
	w.clock.pass(25 * time.Hour)
	w.x.Tick(t.Context())
	if got := w.sms.letters(); len(got) != 0 {
		t.Errorf("sent to somebody who said STOP: %q", got)
	}
	w.says(ann, "START")
	if out, _ := w.store.OptedOut(t.Context(), chat.Key); out {
		t.Error("START did not count on the chat")
	}
	if out, _ := w.store.OptedOut(t.Context(), given.Key); out {
		t.Error("a number that may be another's stays stopped")
	}
}

func TestErase(t *testing.T) { onEachStore(t, testErase) }

func testErase(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "MEND", "2", "Main and Elm", "STOP", "START", "erase")
	yes := w.text(ann, "1")
	reply := w.hear(yes)
	if reply == "" {
		t.Fatal("erased without a word")
	}
	if _, known, _ := w.store.Find(t.Context(), seals{}.Address("tel", ann)); known {
		t.Fatalf("still known after:\n%s", reply)
	}
	if again := w.hear(yes); again != reply {
		t.Fatalf("repeated: %q, first: %q", again, reply)
	}
	if s, _ := w.store.Stats(t.Context()); s.Conversations != 0 || s.Timers != 0 || s.Requests != 1 {
		t.Fatalf("%+v", s)
	}
}

// Some gateways count their messages anew after a restart: an id that somebody erased used once is another's first word.
func TestAnotherMessageWithTheIDOfWhoWasErased(t *testing.T) {
	w := settle(t)
	first := w.text(ann, "PARK")
	w.hear(first)
	w.says(ann, "erase")
	last := w.text(ann, "1")
	w.hear(last)
	for _, e := range []channels.Event{first, last} {
		e.From.ID, e.Words = ben, "PARK"
		w.expect(w.hear(e), "What should come first?")
	}
}

// The process died, or the store failed, between the turn that erases and the erasing.
func TestEraseIsMadeGood(t *testing.T) {
	for name, c := range map[string]struct {
		then func(*town, channels.Event) string
		want string
		left int64
	}{
		"by its timer":            {func(w *town, _ channels.Event) string { w.x.Tick(t.Context()); return "" }, "", 0},
		"by the next message":     {func(w *town, _ channels.Event) string { return w.says(ann, "PARK") }, "What should come first?", 1},
		"after the same one":      {func(w *town, e channels.Event) string { r := w.hear(e); w.x.Tick(t.Context()); return r }, "nothing about you", 0},
		"the same one after that": {func(w *town, e channels.Event) string { w.x.Tick(t.Context()); return w.hear(e) }, "nothing about you", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := &twice{failErase: errors.New("locked")}
			w := settle(t, onTwice(s))
			w.says(ann, "OPENV", "2", "erase")
			yes := w.text(ann, "1")
			w.hear(yes)
			first, _, _ := w.store.Find(t.Context(), seals{}.Address("tel", ann))
			s.failErase = nil
			w.x.erased = erasures{} // another process
			w.expect(c.then(w, yes), c.want)
			if r, known, _ := w.store.Find(t.Context(), seals{}.Address("tel", ann)); known && r == first {
				t.Fatal("still there")
			}
			if got, _ := w.store.Stats(t.Context()); got.Conversations != c.left {
				t.Fatalf("%+v", got)
			}
		})
	}
}

func TestStopOutlivesErasing(t *testing.T) { onEachStore(t, testStopOutlivesErasing) }

func testStopOutlivesErasing(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "PARK", "STOP")
	r, _, _ := w.store.Find(t.Context(), seals{}.Address("tel", ann))
	if err := w.x.eraseNow(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	if got := w.says(ann, "hello"); got != "" {
		t.Fatalf("said to somebody who said STOP: %q", got)
	}
	w.expect(w.says(ann, "START", "PARK"), "What should come first?")
	if out, _ := w.store.OptedOut(t.Context(), seals{}.Address("tel", ann)); out {
		t.Fatal("START did not count")
	}
}

func TestFloodOfOneResident(t *testing.T) {
	var l locks[int]
	ctx, cancel := context.WithCancel(t.Context())
	if err := l.take(ctx, 1); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	ready := make(chan struct{}, queueLimit)
	for range queueLimit - 1 {
		all.Go(func() {
			ready <- struct{}{}
			if err := l.take(ctx, 1); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	for {
		l.mu.Lock()
		users := l.held[1].users
		l.mu.Unlock()
		if users == queueLimit {
			break
		}
		select {
		case <-ready:
		default:
		}
	}
	if err := l.take(ctx, 1); !errors.Is(err, errCrowded) {
		t.Fatal(err)
	}
	if err := l.take(ctx, 2); err != nil {
		t.Fatal("another resident has to wait:", err)
	}
	cancel()
	all.Wait()
	l.give(1)
	l.give(2)
	if len(l.held) != 0 {
		t.Fatal(fmt.Sprint(l.held))
	}
}
