package exchange

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

var codeForm = regexp.MustCompile(`\d{3} \d{3} \d{3}`)

// at is an event of somebody at the kiosk.
func (w *town) at(visitor, words string) channels.Event {
	e := w.text(visitor, words)
	e.Channel, e.From.Kind = "kiosk", "kiosk"
	return e
}

func (w *town) press(visitor, choice string) channels.Event {
	e := w.at(visitor, "")
	e.Choice = choice
	return e
}

// carried is a town where somebody at the kiosk has answered the first question of the survey and has a code.
func carried(t *testing.T, change ...setting) (*town, string) {
	t.Helper()
	w := settle(t, change...)
	w.hear(w.at("visitor", "PARK"))
	w.expect(w.hear(w.press("visitor", "1")), "How many days")
	got := w.hear(w.press("visitor", "carry"))
	w.expect(got, "Your code is below", "How many days")
	code := codeForm.FindString(got)
	if code == "" {
		t.Fatalf("no code in:\n%s", got)
	}
	return w, code
}

func TestTakenAlongToThePhone(t *testing.T) { onEachStore(t, testTakenAlongToThePhone) }

func testTakenAlongToThePhone(t *testing.T, on setting) {
	w, code := carried(t, on)
	w.expect(w.says(ann, strings.ReplaceAll(code, " ", "")), "How many days")
	w.expect(w.says(ann, "12", "1", "yes"), "Your receipt is")
	if got := w.polled("survey"); !slices.Equal(got, []string{"first=trees often=12 agree=yes"}) {
		t.Fatal(got)
	}
	w.expect(w.hear(w.at("visitor", "5")), "You took this along")
	w.expect(w.hear(w.at("visitor", code)), "We do not know that code")
	w.expect(w.says(ben, code), "We do not know that code")
	w.expect(w.says(ann, code), "We do not know that code")
	if got := w.polled("survey"); len(got) != 1 {
		t.Fatal(got)
	}
}

func TestTakenAlongFromThePhone(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK", "1")
	code := codeForm.FindString(w.says(ann, "kiosk"))
	w.hear(channels.Event{Channel: "kiosk", ID: "in", From: channels.Address{Kind: "kiosk", ID: "visitor"}, Kind: channels.Dialed})
	w.expect(w.hear(w.at("visitor", code)), "How many days")
	w.expect(w.says(ann, "12"), "You took this along")
	w.expect(w.hear(w.at("visitor", "7")), "check your answers")
}

// Two who have the same code: the first has the conversation, whatever the second does.
func TestOneCodeOneTaker(t *testing.T) {
	w, code := carried(t)
	w.expect(w.says(ann, code), "How many days")
	w.expect(w.says(ben, code), "We do not know that code")
}

func TestTheSameCodeAskedForTwice(t *testing.T) {
	w, code := carried(t)
	if again := codeForm.FindString(w.hear(w.press("visitor", "carry"))); again != code {
		t.Errorf("%s, then %s", code, again)
	}
}

func TestACodeGrowsOld(t *testing.T) {
	w, code := carried(t)
	w.clock.pass(4 * 24 * time.Hour)
	w.expect(w.says(ann, code), "We do not know that code")
	w.expect(w.hear(w.press("visitor", "carry")), "How many days")
}

// The turn that redeems a code fails at its own commit, and nobody tries again: the conversation is nobody else's for a
// moment, and then goes on where it was.
func TestTakenAlongWhenTheCommitFails(t *testing.T) {
	to := &twice{}
	w, code := carried(t, onTwice(to))
	commits := 0
	to.before = func() {
		if commits++; commits == 1 { // the mark gets through, the turn doesn't
			to.mu.Lock()
			to.fail = errors.New("the disk is full")
			to.mu.Unlock()
		}
	}
	if _, err := w.x.Receive(t.Context(), w.text(ann, code)); err == nil {
		t.Fatal("accepted")
	}
	to.fail, to.before = nil, nil
	w.expect(w.says(ben, code), "We do not know that code")
	answer := w.at("visitor", "12")
	if _, err := w.x.Receive(t.Context(), answer); err == nil {
		t.Error("answered while it is being taken along")
	}
	w.clock.pass(handover)
	w.expect(w.hear(answer), "check your answers")
	w.expect(w.says(ann, code), "We do not know that code")
}

// The process dies after the taker's commit and before the conversation is let go of.
func TestTakenAlongAndNotLetGoOf(t *testing.T) {
	to := &twice{}
	w, code := carried(t, onTwice(to))
	commits := 0
	to.before = func() {
		if commits++; commits == 2 { // the mark and the turn get through
			to.mu.Lock()
			to.fail = errors.New("killed")
			to.mu.Unlock()
		}
	}
	w.expect(w.says(ann, code), "How many days")
	to.fail, to.before = nil, nil
	w.clock.pass(time.Hour)
	w.expect(w.hear(w.at("visitor", "5")), "You took this along")
	w.expect(w.says(ann, "12", "1", "yes"), "Your receipt is")
	if got := w.polled("survey"); len(got) != 1 {
		t.Fatal(got)
	}
}

func TestTakenAlongWhenTheProviderTriesAgain(t *testing.T) {
	to := &twice{}
	w, code := carried(t, onTwice(to))
	e := w.text(ann, code)
	commits := 0
	to.before = func() {
		if commits++; commits == 1 {
			to.mu.Lock()
			to.fail = errors.New("the disk is full")
			to.mu.Unlock()
		}
	}
	if _, err := w.x.Receive(t.Context(), e); err == nil {
		t.Fatal("accepted")
	}
	to.fail, to.before = nil, nil
	first := w.hear(e)
	w.expect(first, "How many days")
	if again := w.hear(e); again != first {
		t.Errorf("again: %s", again)
	}
}

func TestTheCodeIsTexted(t *testing.T) {
	w, code := carried(t)
	e := w.press("visitor", "carry")
	e.Words = "202 555 0147"
	w.expect(w.hear(e), "the code is on its way")
	send := func() []letter {
		w.x.Tick(t.Context())
		return w.sms.letters()
	}
	got := send()
	if len(got) != 1 || got[0].to != (channels.Address{Kind: "tel", ID: "+12025550147"}) || !strings.Contains(got[0].text, code) {
		t.Fatalf("%+v", got)
	}
	// The number is nobody's yet: who texts from it without the code is somebody new.
	if _, known, _ := w.store.Find(t.Context(), seals{}.Address("tel", "+12025550147")); known {
		t.Error("a number that was only typed is taken for the resident's")
	}
	w.expect(w.says("+12025550147", code), "How many days")

	e = w.press("visitor", "carry")
	e.Words = "12"
	w.hear(w.at("visitor", "PARK"))
	w.expect(w.hear(e), "does not look like a phone number")
}

func TestTheCodeIsNotTextedToWhoSaidStop(t *testing.T) {
	w, _ := carried(t)
	w.says("+12025550147", "STOP")
	e := w.press("visitor", "carry")
	e.Words = "202 555 0147"
	w.expect(w.hear(e), "the code is on its way") // nobody is told who said STOP
	if s, err := w.store.Stats(t.Context()); err != nil || s.Queued != 0 {
		t.Errorf("%+v %v", s, err)
	}
}

func TestFewNumbersAreTexted(t *testing.T) {
	w, _ := carried(t)
	for _, number := range []string{"202 555 0141", "202 555 0142", "202 555 0143", "202 555 0144"} {
		e := w.press("visitor", "carry")
		e.Words = number
		w.hear(e)
	}
	if s, err := w.store.Stats(t.Context()); err != nil || s.Queued != mostTexts {
		t.Errorf("%+v %v", s, err)
	}
}

// A number of nine digits is an answer where a number is asked for, whatever its check digit.
func TestACodeIsNoAnswer(t *testing.T) {
	w, code := carried(t)
	w.says(ann, "PARK", "1")
	if got := w.says(ann, strings.ReplaceAll(code, " ", "")); strings.Contains(got, "go on with") {
		t.Errorf("the number was taken for a code: %s", got)
	}
}

func TestLooking(t *testing.T) {
	w := settle(t)
	look := func(id string) string {
		e := w.at("visitor", "")
		e.Kind, e.ID = channels.Looked, id
		return w.hear(e)
	}
	if got := look("x"); got != "" {
		t.Errorf("a stranger sees %s", got)
	}
	if _, known, _ := w.store.Find(t.Context(), store.AddressKey(seals{}.Address("kiosk", "visitor"))); known {
		t.Error("looking makes a resident")
	}
	first := w.at("visitor", "PARK")
	shown := w.hear(first)
	for range 3 {
		if got := look(first.ID); got != shown {
			t.Errorf("looking at the reply again: %s", got)
		}
		w.expect(look("another"), "What should come first?")
	}
	w.hear(w.press("visitor", "1"))
	w.hear(w.at("visitor", "12"))
	w.hear(w.press("visitor", "1"))
	last := w.press("visitor", "1")
	w.expect(w.hear(last), "Your receipt is")
	w.expect(look(last.ID), "Your receipt is")
	if got := w.polled("survey"); len(got) != 1 {
		t.Errorf("looking left %v", got)
	}
}

func TestTheDevicesLanguageCounts(t *testing.T) {
	w := settle(t)
	w.x.town.Languages = []string{"en", "es"}
	e := channels.Event{Channel: "kiosk", ID: "in", From: channels.Address{Kind: "kiosk", ID: "visitor"}, Kind: channels.Dialed, Lang: "es-MX"}
	w.expect(w.hear(e), "¿")
}

// A code is for one conversation: it opens no other of the same resident's, before it or after it.
func TestACodeOpensItsOwnConversationOnly(t *testing.T) {
	w, code := carried(t)
	w.hear(w.at("visitor", "12"))
	w.hear(w.press("visitor", "1"))
	w.expect(w.hear(w.press("visitor", "1")), "Your receipt is")
	w.expect(w.hear(w.at("visitor", "MEND")), "What is the problem?")
	w.expect(w.says(ann, code), "We do not know that code")
	got := w.hear(w.press("visitor", "carry"))
	w.expect(got, "What is the problem?")
	if other := codeForm.FindString(got); other == code {
		t.Error("one code for two conversations")
	} else {
		w.expect(w.says(ben, other), "What is the problem?")
	}
}

func TestACodeOpensWhatWasSetAside(t *testing.T) {
	w, code := carried(t)
	w.hear(w.press("visitor", "menu"))
	w.expect(w.hear(w.at("visitor", "MEND")), "What is the problem?")
	w.expect(w.says(ann, code), "How many days")
	w.expect(w.hear(w.press("visitor", "1")), "Where")
	w.expect(w.says(ben, code), "We do not know that code")
	w.expect(w.says(ann, "12", "1", "yes"), "Your receipt is")
	if got := w.hear(w.press("visitor", "menu")); strings.Contains(got, "go on with") {
		t.Errorf("what was taken along is still here: %s", got)
	}
	w.expect(w.hear(w.at("visitor", "PARK")), "What should come first?")
}

// The process dies before the conversation is let go of, and the taker has sent the answers before anybody comes back to it.
func TestTakenAlongSentAndNotLetGoOf(t *testing.T) {
	to := &twice{}
	w, code := carried(t, onTwice(to))
	commits := 0
	to.before = func() {
		if commits++; commits == 2 { // the mark and the turn get through
			to.mu.Lock()
			to.fail = errors.New("killed")
			to.mu.Unlock()
		}
	}
	w.expect(w.says(ann, code), "How many days")
	to.fail, to.before = nil, nil
	w.expect(w.says(ann, "12", "1", "yes"), "Your receipt is")
	w.clock.pass(time.Hour)
	w.expect(w.hear(w.at("visitor", "5")), "You took this along")
	w.hear(w.press("visitor", "1"))
	w.hear(w.press("visitor", "1"))
	if got := w.polled("survey"); len(got) != 1 {
		t.Fatal(got)
	}
}
