package outpost

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/store"
)

// A conversation is taken along from the machine, and from elsewhere to it.
func TestTakingAConversationAlong(t *testing.T) {
	w := newWorld(t, 14)
	b := w.booth("library", 0)
	b.sync()
	code := regexp.MustCompile(`\d{3} \d{3} \d{3}`)
	elsewhere := func(who, words, choice string) string {
		t.Helper()
		b.ids++
		e := channels.Event{Channel: "kiosk", ID: strings.Repeat("x", b.ids), From: channels.Address{Kind: "kiosk", ID: who}, Words: words, Choice: choice}
		r, err := w.x.Receive(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		return textOf(r)
	}
	// Away from the machine.
	b.says("ann", "WORDS", "one")
	along := b.event("ann", "")
	along.Choice = "carry"
	r, err := b.Receive(t.Context(), along)
	if err != nil {
		t.Fatal(err)
	}
	digits := code.FindString(textOf(r))
	if digits == "" {
		t.Fatal(textOf(r))
	}
	b.sync()
	w.expect(elsewhere("phone", digits, ""), "What is the second word?")
	elsewhere("phone", "two", "")
	elsewhere("phone", "three", "")
	w.expect(elsewhere("phone", "yes", ""), "Your receipt is")

	// To the machine.
	elsewhere("laptop", "WORDS", "")
	elsewhere("laptop", "four", "")
	digits = code.FindString(elsewhere("laptop", "", "carry"))
	w.expect(b.says("bob", digits), "What is the second word?")
	w.expect(b.says("bob", "five", "six", "yes"), "Your receipt is")
	b.sync()
	if got := w.polled("words"); !slices.Equal(got, []string{"four five six yes", "one two three yes"}) {
		t.Error(got)
	}
	if page := elsewhere("laptop", "seven", ""); strings.Contains(page, "third word") {
		t.Error("it goes on at both ends:", page)
	}
	w.expect(b.says("eve", digits), "do not know that code")
	if n := w.centre.aside.Len(); n != 0 {
		t.Error(n, "turns put aside")
	}
}

// A recording goes with its turn, under the name that the answer has for it.
func TestARecordingGoesAlong(t *testing.T) {
	w := newWorld(t, 15)
	b := w.booth("library", 0)
	b.sync()
	w.line.down = true
	b.says("ann", "WORDS")
	sound := append([]byte("OggS\x00\x02"), []byte("OpusHead"+strings.Repeat("what somebody said", 40))...)
	e := b.event("ann", "")
	e.Attached = []channels.Attachment{{Type: "audio/ogg", Bytes: sound}}
	r, err := b.Receive(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	w.expect(textOf(r), "What is the second word?")
	b.says("ann", "two", "three", "yes")
	w.line.down = false
	b.sync()
	found := 0
	err = w.disk.Responses(t.Context(), "words", func(resp store.Response) error {
		var rec engine.Record
		if err := engine.Decode(resp.Record, &rec); err != nil {
			return err
		}
		a, _ := rec.Answer("first")
		for _, m := range a.Media {
			id, ok := channels.MediaID(m.Ref)
			if !ok {
				t.Error(m.Ref)
			}
			kept, err := w.disk.Media(t.Context(), id)
			if err != nil || string(kept.Bytes) != string(sound) || kept.Type != "audio/ogg" {
				t.Errorf("%d bytes of %s: %v", len(kept.Bytes), kept.Type, err)
			}
			found++
		}
		return nil
	})
	if err != nil || found != 1 {
		t.Error(found, "recordings;", err)
	}
	// A secret vote takes none.
	b.says("bob", "HIDE")
	e = b.event("bob", "")
	e.Attached = []channels.Attachment{{Type: "audio/ogg", Bytes: sound}}
	if r, err = b.Receive(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	w.expect(textOf(r), "Which day should it close?")
}
