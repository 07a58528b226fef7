package exchange

import (
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
)

func TestAClerkGoesBackToAPageThatWasSent(t *testing.T) {
	onEachStore(t, testAClerkGoesBackToAPageThatWasSent)
}

func testAClerkGoesBackToAPageThatWasSent(t *testing.T, on setting) {
	w := settle(t, on)
	w.says(ann, "person")
	act := channels.CaseAct{Case: w.waiting().ID, Kind: channels.CaseSay, Clerk: anna, Words: "Hello", Token: "a1"}
	for _, words := range []string{"Hello", "Which street is it?", "Hello"} {
		act.Words = words
		if err := w.x.Act(t.Context(), act); err != nil {
			t.Fatal(err)
		}
	}
	w.said("Anna: Hello", "Anna: Which street is it?")
	// The answer to the last was lost on its way, and it is sent once more with the other button.
	act.Kind = channels.CaseClose
	if err := w.x.Act(t.Context(), act); err != nil {
		t.Fatal(err)
	}
	w.nobodyWaits()
	w.pushed()
	all := strings.Join(w.texts(), "\n")
	if strings.Count(all, "Hello") != 1 || !strings.Contains(all, "Anna has ended this talk") {
		t.Fatal(all)
	}
}

func TestWordsBesideAnActThatSaysNothing(t *testing.T) {
	w := settle(t)
	w.says(ann, "person")
	w.done(anna, channels.CaseTake, "at once")
	if err := w.x.Act(t.Context(), channels.CaseAct{Case: w.waiting().ID, Kind: channels.CaseHandOver, Clerk: anna, To: bert, Words: "see to it", Token: "a1"}); err != nil {
		t.Fatal(err)
	}
	w.said()
}

func TestWhoIsTakenAndNotAnsweredWaits(t *testing.T) {
	w := settle(t, func(_ *town, s *Settings) { s.AnswerWithin = 2 * time.Hour })
	w.says(ann, "person")
	w.done(anna, channels.CaseTake, "")
	w.clock.pass(3 * time.Hour)
	if !w.waiting().Overdue {
		t.Fatal("Anna took them and went home")
	}
	w.done(anna, channels.CaseSay, "Hello")
	if w.waiting().Overdue {
		t.Fatal("it was answered")
	}
}

func TestWhoStoppedTextsAndAsksOnACallIsCalled(t *testing.T) {
	hours, err := ParseHours("Mon-Fri 9:00-11:00")
	if err != nil {
		t.Fatal(err)
	}
	w := settle(t, func(_ *town, s *Settings) { s.Calendar.Hours = hours })
	w.says(cat, "MEND", "STOP")
	w.expect(w.presses(cat, "0", "person"), "A person will call you")
	if c := w.waiting(); c.Reach != channels.Called || c.Call != cat {
		t.Fatalf("they were told that somebody calls: %+v", c)
	}
	w.says(cat, "START", "STOP") // and now they don't want that either
	if c := w.waiting(); c.Reach != channels.Unwanted || c.Call != "" {
		t.Fatalf("%+v", c)
	}
}
