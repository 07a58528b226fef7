package outpost

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
)

// A turn with a recording in it, which fills a report by itself, holds up nobody when the centre can't enter it: what others
// said goes first, and it is put aside in the end.
func TestAPoisonedRecording(t *testing.T) {
	w := newWorld(t, 40)
	b := w.booth("library", 0)
	b.sync()
	poisoned := ""
	w.centre.s.Books = books{w.x, func(turn channels.Turn) (channels.Verdict, error) {
		if len(turn.Attached) > 0 {
			poisoned = turn.From.ID
		}
		if turn.From.ID == poisoned {
			return 0, errors.New("never")
		}
		return 0, nil
	}}
	w.line.down = true
	b.says("ann", "WORDS")
	w.line.down = false
	b.sync()
	e := b.event("ann", "")
	sound := strings.Repeat("what somebody said ", mostWeight/16)
	e.Attached = []channels.Attachment{{Type: "audio/ogg", Bytes: append([]byte("OggS\x00\x02"), []byte("OpusHead"+sound)...)}}
	if _, err := b.Receive(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	for n := range 2 * patience {
		b.says("bob", "WORDS", "a", "b", "c", "yes")
		more := true
		var err error
		for range 5 {
			if more, err = b.contact(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !more {
				break
			}
		}
		if more {
			t.Fatal("it calls again and again without a pause")
		}
		if got := len(w.polled("words")); got != n+1 {
			t.Fatalf("%d of %d records", got, n+1)
		}
	}
	if waiting, _ := b.Waiting(); waiting != 0 {
		t.Error(waiting, "turns wait")
	}
	if all := w.centre.aside.All(); len(all) != 1 || all[0].Why != "failing" {
		t.Errorf("put aside: %d", len(all))
	}
}

// More turns than fit in a report, of a visit that the centre can't enter, hold up nobody either.
func TestALongPoisonedVisit(t *testing.T) {
	w := newWorld(t, 41)
	b := w.booth("library", 0)
	b.sync()
	poisoned := ""
	w.centre.s.Books = books{w.x, func(turn channels.Turn) (channels.Verdict, error) {
		if poisoned == "" {
			poisoned = turn.From.ID
		}
		if turn.From.ID == poisoned {
			return 0, errors.New("never")
		}
		return 0, nil
	}}
	b.says("ann", "WORDS")
	for range mostParcels + 20 {
		b.says("ann", "help")
	}
	b.says("bob", "WORDS", "a", "b", "c", "yes")
	for range 5 {
		w.clock.pass(time.Minute)
		if _, err := b.contact(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(w.polled("words")); got != 1 {
		t.Error(got, "records")
	}
}
