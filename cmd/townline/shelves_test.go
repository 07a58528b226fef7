package main

import (
	"testing"

	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/locales"
)

// TestDialogsChangeInTheMiddle: a page that was on show when the town's dialogs changed can be heard to its end, and the visitor's
// words are nowhere once they have gone.
func TestDialogsChangeInTheMiddle(t *testing.T) {
	phrases, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	voice, err := audio.FindVoice(t.Context(), audio.Speech{})
	if err != nil {
		t.Fatal("a voice is needed: install espeak-ng, lame and opus-tools:", err)
	}
	shelf := func() *audio.Shelf {
		s, err := audio.NewShelf(audio.Stock{Voice: voice, Phrases: phrases})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := (*shelves)(nil).after(shelf())
	key := before.Offer("ann", audio.Line{Lang: "en", Words: "My name is Rosa."})
	now := before.after(shelf())
	if c, err := now.Open(t.Context(), key, audio.MP3); err != nil || len(c.Bytes) == 0 {
		t.Fatal("the page on show has lost its voice:", err)
	}
	now.Forget("ann")
	for name, s := range map[string]*shelves{"the new one": now, "the old one": before} {
		if _, err := s.Open(t.Context(), key, audio.MP3); err == nil {
			t.Errorf("%s still has what ann typed", name)
		}
	}
	if last := now.after(shelf()); last.before == before.Sound {
		t.Error("every shelf there ever was is kept")
	}
}
