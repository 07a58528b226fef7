package exchange

import (
	"fmt"
	"strings"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/talk"
)

// come is somebody new at a page who types one thing.
func (w *town) come(visitor, words string) string {
	w.hear(channels.Event{Channel: "kiosk", ID: "in " + visitor, From: channels.Address{Kind: "kiosk", ID: visitor}, Kind: channels.Dialed})
	return w.hear(w.at(visitor, words))
}

func TestCodesAreNotGuessedOnPages(t *testing.T) {
	w, code := carried(t)
	wrong := func(n int) string {
		digits := fmt.Sprintf("%08d", n)
		return digits + string(talk.CheckDigit(digits))
	}
	for n := range mostGuesses {
		w.expect(w.come(fmt.Sprint("guest ", n), wrong(n)), "We do not know that code")
	}
	w.expect(w.come("late", code), "try again later")
	w.clock.pass(guessSpan)
	w.expect(w.come("later", code), "How many days")
}

func TestWhoTextsIsNotKeptFromACode(t *testing.T) {
	w, code := carried(t)
	for n := range mostGuesses {
		digits := fmt.Sprintf("%08d", n)
		w.come(fmt.Sprint("guest ", n), digits+string(talk.CheckDigit(digits)))
	}
	w.expect(w.says(ann, code), "How many days")
}

func TestVotersAreNotGuessedOnPages(t *testing.T) {
	w := settle(t)
	if err := w.store.Reserve(t.Context(), "roll-vote", [][16]byte{CodeVoter(w.x.keys, "roll-vote", "K7MP42")}); err != nil {
		t.Fatal(err)
	}
	for n := range mostVoters {
		visitor := fmt.Sprint("guest ", n)
		w.come(visitor, "ROLLV")
		w.hear(w.at(visitor, fmt.Sprintf("AAA%03d", n)))
	}
	w.come("late", "ROLLV")
	w.expect(w.hear(w.at("late", "K7MP42")), "try again later")
	w.clock.pass(guessSpan)
	w.expect(w.hear(w.at("late", "K7MP42")), "Which day")
}

// A page is nobody's phone: it can't be used to send texts to a stranger without end, or to anybody.
func TestPagesTextOnlySoMuch(t *testing.T) {
	queued := func(w *town) int {
		s, err := w.store.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return int(s.Queued)
	}
	ask := func(w *town, visitor, number string) {
		w.come(visitor, "PARK")
		e := w.press(visitor, "carry")
		e.Words = number
		if got := w.hear(e); !strings.Contains(got, "the code is on its way") {
			t.Fatal(got)
		}
	}
	one := settle(t)
	for n := range 2 * mostAlike {
		ask(one, fmt.Sprint("guest ", n), "202 555 0147")
	}
	if got := queued(one); got != mostAlike {
		t.Errorf("%d texts to one number", got)
	}
	many := settle(t)
	for n := range mostSent + 5 {
		ask(many, fmt.Sprint("guest ", n), fmt.Sprintf("202 55%d %04d", n%7+2, n))
	}
	if got := queued(many); got != mostSent {
		t.Errorf("%d texts", got)
	}
	many.clock.pass(textSpan)
	ask(many, "the next day", "202 555 0147")
	if got := queued(many); got != mostSent+1 {
		t.Errorf("%d texts the next day", got)
	}
}
