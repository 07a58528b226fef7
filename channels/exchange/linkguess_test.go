package exchange

import (
	"fmt"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// Codes are guessed from one address, on across a restart, and after all was erased.
func TestGuessingCodesFromOneAddress(t *testing.T) { onEachStore(t, testGuessingFromOne) }

func testGuessingFromOne(t *testing.T, on setting) {
	w := settle(t, on)
	code := w.linkCode(ann)
	for i := range 5 {
		w.expect(w.chats("77", fmt.Sprintf("LINK 00000%d", i)), "We do not know that code")
	}
	w.expect(w.chats("77", "LINK 000009"), "too many codes")
	w.expect(w.chats("77", "LINK "+code), "too many codes")
	w.chats("77", "erase", "yes")
	w.expect(w.chats("77", "LINK "+code), "too many codes")
	w.open(Settings{Keys: seals{}, Clock: w.clock, Entropy: chance(9), Channels: []channels.Channel{
		&post{name: "voice", traits: render.Voice}, &post{name: "ussd", traits: render.USSD}, &post{name: "telegram", traits: render.Telegram}, &post{name: "kiosk", traits: render.Kiosk},
	}})
	w.expect(w.chats("77", "LINK "+code), "too many codes")
	w.expect(w.chats("88", "LINK "+code), "Put this together") // nobody else is kept out
	w.clock.pass(2 * time.Hour)
	w.expect(w.chats("77", "LINK 000000"), "We do not know that code")
	w.expect(w.chats("77", "LINK 000000"), "too many codes")
}

// Codes are guessed from very many addresses: short ones are looked at no more, and those who want to put two phones together get
// longer ones.
func TestGuessingCodesFromManyAddresses(t *testing.T) { onEachStore(t, testGuessingFromMany) }

func testGuessingFromMany(t *testing.T, on setting) {
	w := settle(t, on)
	code := w.linkCode(ann)
	for i := range mostShort {
		w.expect(w.chats(fmt.Sprint(1000+i), "LINK 000000"), "We do not know that code")
	}
	for range mostFrom + 1 { // what isn't looked at counts for nobody
		w.expect(w.chats("77", "LINK "+code), "We take no short codes just now")
	}
	w.clock.pass(11 * time.Minute)
	long := w.linkCode(ann)
	if len(long) != len("123 456 789") {
		t.Fatalf("a code of %q", long)
	}
	w.expect(w.chats("77", "LINK "+long), "Put this together")
	w.clock.pass(time.Hour)
	if short := w.linkCode(ann); len(short) != len("123 456") {
		t.Fatalf("a code of %q", short)
	}
}

// What was right isn't counted.
func TestACodeThatIsRightIsNotCounted(t *testing.T) {
	w := settle(t)
	code := w.linkCode(ann)
	for range 8 {
		w.expect(w.chats("77", "LINK "+code), "Put this together")
		w.chats("77", "no")
	}
}

// Codes asked for without end: five a day.
func TestCodesAskedForWithoutEnd(t *testing.T) {
	w := settle(t)
	for range 5 {
		w.linkCode(ann)
		w.clock.pass(11 * time.Minute)
	}
	w.expect(w.says(ann, "LINK"), "You had many codes today")
	w.linkCode(ben)
	w.clock.pass(24 * time.Hour)
	w.linkCode(ann)
}
