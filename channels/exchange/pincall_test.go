package exchange

import (
	"fmt"
	"testing"
	"time"

	"github.com/townline/townline/channels"
)

// TestWrongPINsAreForgiven one a day.
// TestAForgedCallLocksCallsAlone: any call can show any number.
func TestAForgedCallLocksCallsAlone(t *testing.T) {
	onEachStore(t, func(t *testing.T, on setting) {
		w, _ := landline(t, on)
		w.chooses(ann, "4821", "")
		w.says(ann, "LOCK PIN")
		look := func(wrong, locked, calls, callsLocked any) {
			t.Helper()
			p, err := LookPINs(t.Context(), w.store, seals{}, ann, w.clock.Now())
			if err != nil || p.Tries != wrong || p.Locked != locked || p.Calls.Tries != calls || p.Calls.Locked != callsLocked {
				t.Fatalf("%+v, %v", p, err)
			}
		}
		asked := func(dialed channels.Reply) string {
			return textOf(w.picks(ann, w.picks(ann, dialed, "pin"), "@pin.have"))
		}
		w.expect(asked(w.on(ann, "0")), "Press the digits of your PIN")
		for i := range 4 {
			w.expect(textOf(w.picks(ann, w.key(ann, fmt.Sprintf("930%d#", i)), "@pin.again")), "Press the digits of your PIN")
		}
		w.expect(textOf(w.key(ann, "9305#")), "No PIN can be used on a call")
		w.ringsOff(ann)
		asked(w.on(ann, "0"))
		w.expect(textOf(w.key(ann, "4821#")), "No PIN can be used on a call")
		w.ringsOff(ann)
		look(0, false, 5, true)

		w.expect(w.says(ann, "PIN 4821"), "Your PIN is open")
		w.says(ann, "LOCK PIN")
		h := &dialler{w: w, number: ann}
		h.dials()
		w.expect(h.keys("PIN 4821"), "Your PIN is open")
		onTheirs := func() string {
			w.rung = true
			defer func() { w.rung = false }()
			asked(w.on(ann, "0"))
			return textOf(w.key(ann, "4821#"))
		}
		w.expect(onTheirs(), "Your PIN is open")
		w.ringsOff(ann)

		// Who has the phone locks the rest, and the desk opens both.
		for i := range 5 {
			w.says(ann, fmt.Sprint("PIN 940", i))
		}
		look(5, true, 5, true)
		w.expect(onTheirs(), "No PIN can be used on this phone")
		w.ringsOff(ann)
		if err := UnlockPINs(t.Context(), w.store, seals{}, ann, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		look(0, false, 0, false)
		w.expect(w.says(ann, "PIN 4821"), "Your PIN is open")
		w.says(ann, "LOCK PIN")
		asked(w.on(ann, "0"))
		w.expect(textOf(w.key(ann, "4821#")), "Your PIN is open")
	})
}

// TestChoosingOnAForgedCall: PINs that are chosen there leave as many to choose as there were.
func TestChoosingOnAForgedCall(t *testing.T) {
	w, _ := landline(t)
	w.chooses(ann, "4821", "")
	w.says(ann, "LOCK PIN")
	w.picks(ann, w.picks(ann, w.on(ann, "0"), "pin"), "@pin.choose")
	for range mostChosen {
		w.key(ann, "4821#")
		w.expect(textOf(w.key(ann, "4821#")), "easy to guess")
	}
	w.key(ann, "7305#")
	w.expect(textOf(w.key(ann, "7305#")), "No PIN can be used on a call")
	w.ringsOff(ann)
	w.chooses(ann, "7305", "")
}

func TestAPINOnACall(t *testing.T) {
	w, p := landline(t)
	w.says(ann, "PARK", "1")
	w.chooses(ann, "4821", "1")
	w.says(ann, "LOCK PIN")
	r := w.on(ann, "0")
	r = w.picks(ann, w.picks(ann, r, "pin"), "@pin.have")
	w.expect(textOf(r), "Press the digits of your PIN")
	r = w.key(ann, "4821#")
	w.expect(textOf(r), "Your PIN is open until you hang up", "Park survey")
	r = w.key(ann, "1")
	w.expect(textOf(r), "How many days")
	w.ringsOff(ann)
	// A key that comes after that is theirs.
	w.key(ann, "12#")
	// The next call is anybody's, however soon.
	w.not(textOf(w.on(ann)), "not finished")
	w.ringsOff(ann)
	w.passes(time.Hour)
	p.expect(t) // nobody is rung
	// So is a call of the town's.
	out := w.call(ann, channels.Dialed, "")
	out.Out = true
	w.not(w.hear(out), "not finished")

	// One is chosen on a call as well, and what follows there is behind it.
	r = w.picks(ben, w.picks(ben, w.on(ben, "0"), "pin"), "@pin.choose")
	w.expect(textOf(r), "Choose 4 to 6 digits")
	w.expect(textOf(w.key(ben, "4821#")), "Press the same PIN once more")
	r = w.key(ben, "4821#")
	w.expect(textOf(r), "Your PIN is set")
	r = w.picks(ben, r, "survey")
	w.expect(textOf(r), "What should come first")
	w.ringsOff(ben)
	w.not(textOf(w.on(ben)), "not finished")
	w.ringsOff(ben)
	w.expect(w.says(ben, "PIN 4821"), "Your PIN is open", "Not finished: Park survey")
}

// TestACallTakesNobodysWordsBehindItsPIN: any call can show any number.
func TestACallTakesNobodysWordsBehindItsPIN(t *testing.T) {
	w, _ := landline(t)
	w.says(ann, "PARK", "1")
	w.picks(ann, w.picks(ann, w.on(ann, "0"), "pin"), "@pin.choose")
	w.key(ann, "4821#")
	said := textOf(w.key(ann, "4821#"))
	w.expect(said, "Your PIN is set", "What was said before is not behind it")
	w.not(said, "not finished")
	w.ringsOff(ann)
	w.expect(textOf(w.on(ann)), "not finished")
	w.ringsOff(ann)
	w.not(w.says(ann, "PIN 4821"), "Not finished")
	w.says(ann, "LOCK PIN")
	w.expect(w.says(ann, "hello"), "Not finished: Park survey")
}

// picks presses the digit of an option, and 8 as long as it isn't said.
func (w *town) picks(number string, r channels.Reply, id string) channels.Reply {
	w.t.Helper()
	for range 6 {
		for _, pg := range r.Pages {
			for _, o := range pg.Options {
				if o.ID == id {
					return w.key(number, o.Digit)
				}
			}
		}
		r = w.key(number, "8")
	}
	w.t.Fatalf("no %q in %s", id, textOf(r))
	return r
}

func (w *town) key(number, words string) channels.Reply {
	w.t.Helper()
	r, err := w.x.Receive(w.t.Context(), w.call(number, channels.Message, words))
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}
