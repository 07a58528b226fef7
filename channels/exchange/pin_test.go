package exchange

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

// chooses sets a PIN by text; mine says what becomes of what was said before: "1" goes behind it, "2" stays, "" there was nothing.
func (w *town) chooses(from, pin, mine string) string {
	w.t.Helper()
	last := w.says(from, "PIN", "2", pin, pin)
	if mine != "" {
		w.expect(last, "Was it only you")
		last = w.says(from, mine)
	}
	w.expect(last, "Your PIN is set")
	return last
}

func (w *town) not(got string, unwanted ...string) {
	w.t.Helper()
	for _, s := range unwanted {
		if strings.Contains(got, s) {
			w.t.Fatalf("%q in:\n%s", s, got)
		}
	}
}

const nothingHere = "That PIN opens nothing here."

func TestSeveralResidentsOnOnePhone(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w := settle(t, on)
		w.expect(w.says(ann, "PARK", "1"), "How many days")
		w.expect(w.chooses(ann, "4821", "1"), "Go on")
		w.expect(w.says(ann, "1"), "How many days")
		// While it is open, it is theirs.
		w.expect(w.says(ann, "12"), "12")
		w.expect(w.says(ann, "LOCK PIN"), "Your PIN is closed")

		// Whoever takes the phone next was never here.
		w.not(w.says(ann, "hello"), "Go on", "Park survey?")
		w.expect(w.says(ann, "MEND"), "")
		w.expect(w.says(ann, "PIN 9350"), nothingHere)
		w.says(ann, "2")

		// And is what they were when somebody was there in between.
		w.expect(w.says(ann, "PIN 4821"), "Your PIN is open", "Park survey")
		w.expect(w.says(ann, "1"), "12")
		w.clock.pass(14 * time.Minute)
		w.not(w.says(ann, "yes"), "know that word")
		w.clock.pass(15 * time.Minute)
		if last := w.says(ann, "menu"); strings.Contains(last, "Park survey") && strings.Contains(last, "Not finished") {
			t.Fatal(last)
		}
		// A third one begins something of their own.
		w.chooses(ann, "7305", "2")
		w.expect(w.says(ann, "PARK", "2"), "How many days")
		w.expect(w.says(ann, "PIN 4821 PARK"), "") // straight over to the first
		w.expect(w.says(ann, "PIN 7305"), "Not finished: Park survey")
		w.expect(w.says(ann, "PIN 7305 MEND"), "")
	})
}

// TestAPINThatIsTaken is refused as one that is easy to guess, and counts.
func TestAPINThatIsTaken(t *testing.T) {
	w := settle(t)
	w.chooses(ann, "4821", "")
	w.says(ann, "LOCK PIN")
	taken := w.says(ann, "PIN", "2", "4821", "4821")
	if strings.Contains(taken, "Was it only") {
		taken = w.says(ann, "2")
	}
	easy := w.says(ann, "1234")
	if taken != easy {
		t.Fatalf("taken:\n%s\neasy:\n%s", taken, easy)
	}
	for range 3 {
		w.expect(w.says(ann, "4821", "4821"), "easy to guess")
	}
	w.expect(w.says(ann, "4821", "4821"), "No PIN can be used on this phone")
	if p, err := LookPINs(t.Context(), w.store, seals{}, ann, w.clock.Now()); err != nil || !p.Full || p.Locked {
		t.Fatalf("the desk doesn't see why: %+v, %v", p, err)
	}
	// Its own number's end is easy to guess as well.
	w.says(ben, "PIN", "2", ben[len(ben)-4:])
	w.expect(w.says(ben, ben[len(ben)-4:]), "easy to guess")
}

func TestWrongPINsLockTheNumber(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w := settle(t, on)
		w.chooses(ann, "4821", "")
		w.says(ann, "LOCK PIN")
		for i := range 4 {
			w.expect(w.says(ann, fmt.Sprint("PIN 930", i)), nothingHere)
		}
		// A right one forgives itself alone: whoever has one could try all others.
		w.expect(w.says(ann, "PIN 4821"), "Your PIN is open")
		w.says(ann, "LOCK PIN")
		w.expect(w.says(ann, "PIN 9305"), "No PIN can be used on this phone")
		// By every channel and server, whether right or not, however long.
		other, err := New(Settings{Store: w.store, Keys: seals{}, Town: w.x.town, Clock: w.clock, Entropy: chance(9), Channels: []channels.Channel{w.sms}})
		if err != nil {
			t.Fatal(err)
		}
		here := w.x
		w.x = other
		w.expect(w.says(ann, "PIN 4821"), "No PIN can be used")
		w.x = here
		w.clock.pass(100 * 24 * time.Hour)
		w.x.Tick(t.Context())
		w.expect(w.says(ann, "PIN 4821"), "No PIN can be used")
		w.expect(w.says(ben, "PIN 4821"), nothingHere)

		look := func() PINs {
			p, err := LookPINs(t.Context(), w.store, seals{}, ann, w.clock.Now())
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		if p := look(); !p.Locked || p.Tries != 5 {
			t.Fatalf("%+v", p)
		}
		if err := UnlockPINs(t.Context(), w.store, seals{}, ann, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		if p := look(); p.Locked || p.Tries != 0 {
			t.Fatalf("%+v", p)
		}
		w.expect(w.says(ann, "PIN 4821"), "Your PIN is open")
	})
}

func TestWrongPINsAreForgiven(t *testing.T) {
	w := settle(t)
	for day := range 30 {
		w.expect(w.says(ann, fmt.Sprint("PIN ", 9300+day)), nothingHere)
		w.clock.pass(24 * time.Hour)
	}
	w.clock.pass(24 * time.Hour)
	w.x.Tick(t.Context())
	if _, known, _ := w.store.Find(t.Context(), seals{}.Address(gateKind, ann)); known {
		t.Fatal("what counts no longer is kept")
	}
	if p, err := LookPINs(t.Context(), w.store, seals{}, ann, w.clock.Now()); err != nil || p.Tries != 0 {
		t.Fatal(p, err)
	}
}

// TestAWrongPINCountsOnce however often its message comes.
func TestAWrongPINCountsOnce(t *testing.T) {
	w := settle(t)
	for i := range 3 {
		e := w.text(ann, fmt.Sprint("PIN 930", i))
		first := w.hear(e)
		for range 4 {
			if again := w.hear(e); again != first {
				t.Fatalf("%q, then %q", first, again)
			}
		}
	}
	if p, _ := LookPINs(t.Context(), w.store, seals{}, ann, w.clock.Now()); p.Tries != 3 {
		t.Fatalf("%+v", p)
	}
}

// TestNothingIsSentToThePhone of what was said behind a PIN: no reminder, no call; the last words to somebody else that are on
// their way when they go behind it.
func TestNothingIsSentToThePhone(t *testing.T) {
	w, p := landline(t)
	w.says(ann, "PARK", "1")
	w.chooses(ann, "4821", "1")
	w.says(ann, "1", "12", "LOCK PIN")
	w.says(ben, "PARK", "1")
	for range 40 {
		w.clock.pass(6 * time.Hour)
		w.x.Tick(t.Context())
	}
	for _, l := range w.sms.letters() {
		if l.to.ID == ann {
			t.Fatalf("%+v", l)
		}
	}
	if len(w.sms.letters()) == 0 {
		t.Fatal("nobody was reminded, so that this shows nothing")
	}
	w.expect(w.says(ann, "PIN 4821"), "Nothing was sent", "Your PIN is open")
	p.expect(t)
}

// TestRepliesThatArePushedReachThem on a channel that can say nothing in its response.
func TestRepliesThatArePushedReachThem(t *testing.T) {
	w := settle(t, func(w *town, _ *Settings) { w.sms.traits.Pushed = true })
	last := func() string {
		w.x.Tick(t.Context())
		all := w.sms.letters()
		if len(all) == 0 {
			return ""
		}
		if l := all[len(all)-1]; l.to != (channels.Address{Kind: "tel", ID: ann}) {
			t.Fatalf("%+v", l.to)
		}
		return all[len(all)-1].text
	}
	for _, s := range []string{"PARK", "1", "PIN", "2", "4821", "4821", "1"} {
		w.says(ann, s)
		last()
	}
	w.expect(last(), "Your PIN is set")
	w.says(ann, "1")
	w.expect(last(), "How many days")
	w.says(ann, "LOCK PIN")
	w.expect(last(), "closed")
	w.says(ann, "PIN 4821")
	w.expect(last(), "Your PIN is open")
	// What waits for them isn't sent once the number said STOP.
	w.sms.fail = func(string, int) error { return channels.Retry(errors.New("busy"), time.Minute) }
	w.says(ann, "1")
	w.x.Tick(t.Context())
	w.sms.fail = nil
	n := len(w.sms.letters())
	w.says(ann, "STOP")
	w.clock.pass(5 * time.Minute)
	w.x.Tick(t.Context())
	for _, l := range w.sms.letters()[n:] {
		w.not(l.text, "How many days")
	}
}

func TestSTOPHoldsForTheNumber(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK", "1")
	w.chooses(ann, "4821", "2")
	w.says(ann, "STOP")
	if out, _ := w.store.OptedOut(t.Context(), seals{}.Address("tel", ann)); !out {
		t.Fatal("the number is not in the ledger")
	}
	w.clock.pass(time.Hour)
	if got := w.says(ann, "PARK"); strings.TrimSpace(got) != "" {
		t.Fatalf("who said STOP is let alone, whoever writes: %s", got)
	}
	if got := w.says(ann, "PIN 4821"); strings.TrimSpace(got) != "" {
		t.Fatal(got)
	}
	w.expect(w.says(ann, "START"), "How many days")
	w.expect(w.says(ann, "PIN 4821"), "Your PIN is open")
	w.expect(w.says(ann, "PARK"), "What should come first")
}

// TestBehindPINsAnswersAreCountedApart, and the number's own answer is neither told of them nor taken by them.
func TestBehindPINsAnswersAreCountedApart(t *testing.T) {
	w := settle(t)
	w.says(ann, "PARK")
	w.chooses(ann, "4821", "2")
	w.expect(w.says(ann, "NUMB"), "Behind a PIN, your answer is counted apart")
	w.expect(w.says(ann, "1", "yes"), "Your receipt is")
	if voted, err := w.store.Voted(t.Context(), "number-vote", numberVoter(seals{}, "number-vote", ann)); voted || err != nil {
		t.Fatal("it is marked as the number's", err)
	}
	w.says(ann, "LOCK PIN")
	w.not(w.says(ann, "NUMB"), "already", "counted apart")
	w.expect(w.says(ann, "2", "yes"), "Your receipt is")
	w.expect(w.says(ann, "NUMB"), "already")
	if got := w.polled("number-vote"); !slices.Equal(got, []string{"plan=monday agree=yes", "plan=sunday agree=yes"}) {
		t.Fatal(got)
	}
}

func TestErasingThoseWhoShareAPhone(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w := settle(t, on)
		w.says(ann, "PARK", "1")
		w.chooses(ann, "4821", "2")
		w.says(ann, "PARK", "2", "LOCK PIN")
		w.says(ann, "PIN 9300", "2") // counts
		// Whoever the number finds goes; nobody behind a PIN does, and what was tried still counts.
		w.expect(w.says(ann, "erase", "1"), "We keep nothing about you")
		if p, _ := LookPINs(t.Context(), w.store, seals{}, ann, w.clock.Now()); p.Tries != 1 {
			t.Fatalf("%+v", p)
		}
		w.expect(w.says(ann, "PIN 4821"), "Your PIN is open", "Park survey")
		// And the other way round.
		w.says(ann, "LOCK PIN", "PARK", "1")
		e := w.text(ann, "1")
		w.says(ann, "PIN 4821", "erase")
		first := w.hear(e)
		w.expect(first, "We keep nothing about you")
		if again := w.hear(e); again != first {
			t.Fatalf("%q, then %q", first, again)
		}
		w.expect(w.says(ann, "12"), "12")
		w.expect(w.says(ann, "PIN 4821"), nothingHere)
	})
}

// TestTheDeskGivesAPIN to who made a request behind one that they forgot.
func TestTheDeskGivesAPIN(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w := settle(t, on)
		w.chooses(ann, "4821", "")
		w.expect(w.says(ann, "person"), "")
		w.says(ann, "LOCK PIN")
		w.says(ben, "person")
		var theirs, bens string
		for _, r := range w.requests() {
			p, err := ParsePersonal(r.Personal)
			if err != nil {
				t.Fatal(err)
			}
			if p.Address == ann {
				theirs = r.Reference
				if p.Kind != pinKind {
					t.Fatalf("the desk isn't told that it is behind a PIN: %+v", p)
				}
			} else {
				bens = r.Reference
			}
		}
		for range 5 {
			w.says(ann, "PIN 9300")
		}
		give := func(number, reference string) (string, error) {
			return GivePIN(t.Context(), w.store, seals{}, number, reference, w.clock.Now(), rand.Reader)
		}
		for _, wrong := range [][2]string{{ben, theirs}, {ann, bens}, {ben, bens}} {
			if _, err := give(wrong[0], wrong[1]); !errors.Is(err, ErrNoPIN) {
				t.Fatal(wrong, err)
			}
		}
		if _, err := give(ann, "999-999-9"); !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		pin, err := give(ann, theirs)
		if err != nil || len(pin) != 6 {
			t.Fatal(pin, err)
		}
		w.expect(w.says(ann, "PIN 4821"), nothingHere)
		w.says(ann, "2")
		w.expect(w.says(ann, "PIN "+pin), "for this one time", "Choose 4 to 6 digits")
		w.expect(w.says(ann, "7305", "7305"), "Your PIN is set")
		w.says(ann, "LOCK PIN")
		w.expect(w.says(ann, "PIN "+pin), nothingHere)
		w.expect(w.says(ann, "PIN 7305"), "Your PIN is open")
		w.says(ann, "LOCK PIN")

		// One that nobody uses opens nothing after three days.
		if pin, err = give(ann, theirs); err != nil {
			t.Fatal(err)
		}
		w.clock.pass(onceFor)
		w.expect(w.says(ann, "PIN "+pin), nothingHere)
	})
}

// TestAConversationGoesAlongToAPhoneThatSeveralUse: who has it open there has it, and nobody has it twice.
func TestAConversationGoesAlongToAPhoneThatSeveralUse(t *testing.T) {
	w := settle(t)
	w.says(ben, "PARK", "1")
	code := codeIn(t, w.says(ben, "kiosk"))
	w.chooses(ann, "4821", "")
	c := &crashing{Store: w.store, n: 3} // it is theirs, and ben doesn't know yet
	w.x.store = c
	w.expect(w.says(ann, code), "How many days")
	w.x.store = w.store
	if c.n > 0 {
		t.Fatal("nothing went wrong, so that this shows nothing")
	}
	w.clock.pass(handover)
	w.not(w.says(ben, "hello"), "How many days")
	w.says(ann, "LOCK PIN")
	w.clock.pass(time.Hour)
	w.not(w.says(ben, "menu"), "Not finished")
	w.not(w.says(ann, "menu"), "Not finished")
	w.expect(w.says(ann, "PIN 4821"), "Park survey")
}

func FuzzGate(f *testing.F) {
	f.Add((&gate{Tries: 3, TriesAt: 5, Chosen: 1, ChosenAt: 7}).encode())
	f.Add([]byte{gateRow})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := decodeGate(b)
		if err != nil {
			return
		}
		if again, err := decodeGate(g.encode()); err != nil || again != g {
			t.Fatalf("%+v became %+v (%v)", g, again, err)
		}
		if g.forgive(noon); g.Tries < 0 || g.Chosen < 0 {
			t.Fatalf("%+v", g)
		}
		g.free()
	})
}
