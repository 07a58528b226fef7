package exchange

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The phone is another's by now, or always was: its holder reads nothing of what was said before, and the other is told.
func TestLeavingAPhone(t *testing.T) { onEachStore(t, testLeaving) }

func testLeaving(t *testing.T, on setting) {
	w := settle(t, on)
	w.expect(w.says(ann, "PART"), "Nothing else is together")
	w.says(ann, "PARK", "1", "12")
	w.link(ann, "77")
	w.expect(w.says(ann, "PART"), "Shall this phone or chat leave")
	w.expect(w.says(ann, "yes"), "You begin anew here")
	if got := w.says(ann, "hello"); strings.Contains(got, "not finished") || strings.Contains(got, "12") {
		t.Errorf("what was said before is shown: %s", got)
	}
	w.expect(w.chats("77", "1"), "check your answers", "12")
	w.expect(w.chats("77", "PART"), "Nothing else is together")
}

// STOP from one of them keeps nobody from leaving it.
func TestLeavingAfterSTOP(t *testing.T) { onEachStore(t, testLeavingStopped) }

func testLeavingStopped(t *testing.T, on setting) {
	w := settle(t, on)
	w.link(ann, "77")
	w.chats("77", "STOP")
	w.expect(w.says(ann, "PART"), "Shall this phone or chat leave")
	w.expect(w.says(ann, "no"), "Nothing was changed")
	if !w.same() {
		t.Fatal("it left")
	}
	w.expect(w.says(ann, "PART", "yes"), "You begin anew here")
	for _, again := range []string{w.says(ann, "PART"), w.says(ann, "hello"), w.chats("77", "PART")} {
		if again != "" {
			t.Errorf("said to somebody who said STOP: %s", again)
		}
	}
	if w.same() {
		t.Fatal("it is there yet")
	}
}

// Who was put together with another phone, and is alone again, can go behind a PIN with all that they said: nothing is sent to the phone
// from then on.
func TestBehindAPINAfterLeaving(t *testing.T) { onEachStore(t, testPINAfterLeaving) }

func testPINAfterLeaving(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "PARK", "1")
	w.says(ben, "LINK "+w.linkCode(ann))
	w.expect(w.says(ben, "yes"), "both now")
	w.expect(w.says(ben, "PART", "yes"), "You begin anew here")
	w.x.Tick(t.Context())
	sent := len(w.sms.letters())
	w.expect(w.says(ann, "1", "PIN", "2", "6042", "6042"), "Was it only you")
	w.expect(w.says(ann, "1"), "Your PIN is set")
	for range 2 {
		w.clock.pass(20 * time.Hour)
		w.x.Tick(t.Context())
	}
	all := slices.DeleteFunc(w.sms.letters()[sent:], func(l letter) bool { return l.to.ID == "" }) // the store in memory has no address then
	if len(all) > 0 {
		t.Fatalf("sent to a phone that others use: %v", all)
	}
	if got := w.says(ann, "hello"); strings.Contains(got, "inished") {
		t.Fatalf("found without the PIN: %s", got)
	}
	w.expect(w.says(ann, "PIN 6042"), "inished")
}
