package exchange

import (
	"strconv"
	"testing"

	"github.com/townline/townline/channels"
)

func TestARecordingIsKeptWhileItIsPlayedBack(t *testing.T) { onEachStore(t, testHeldRecording) }

// What is recorded on a call is on disk before it is played back; done again, it goes; confirmed, it stays; and a call that ends
// before it was confirmed loses nothing.
func testHeldRecording(t *testing.T, on setting) {
	w := telling(t, on)
	n := 0
	call := func(kind channels.EventKind, words string, along ...[]byte) string {
		n++
		e := w.online(ann, words, along...)
		e.Channel, e.From.Kind, e.ID, e.Kind = "voice", "tel", "call-"+strconv.Itoa(n), kind
		return w.hear(e)
	}
	call(channels.Dialed, "")
	w.expect(call(channels.Message, "NOTE"), "Tell us about it.")
	w.expect(call(channels.Message, "", sound(1)), "This is what you said.")
	w.kept(1)
	w.expect(call(channels.Message, "2"), "Once more")
	w.kept(0)
	w.expect(call(channels.Message, "", sound(2)), "This is what you said.")
	w.expect(call(channels.Message, "1"), "Anything else?")
	w.kept(1)
	w.expect(call(channels.Message, "", sound(3)), "This is what you said.")
	if said := call(channels.HungUp, ""); said != "" {
		t.Fatalf("said into the void: %q", said)
	}
	w.kept(2)
	w.expect(call(channels.Dialed, ""), "You have not finished")
	w.expect(call(channels.Message, "1"), "You answered this one before")
	w.expect(call(channels.Message, "8"), "check your answers")
	call(channels.Message, "1")
	w.expect(call(channels.Message, "1"), "do better?")
	w.kept(2)
	all := w.requests()
	if len(all) != 1 {
		t.Fatalf("%d requests", len(all))
	}
	media := named(t, all[0].Record)
	w.have(media["words"][0], sound(2))
	w.have(media["more"][0], sound(3))
}
