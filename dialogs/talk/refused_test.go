package talk

import (
	"bytes"
	"testing"

	"github.com/townline/townline/dialogs/engine"
)

// What came along and can't be kept is told, and that is all: the question stays open, tries aren't counted, words count.
func TestRefused(t *testing.T) {
	const sorry, first, second = "We can not open that.", "What is the problem?", "Street and number"
	refused := Heard{Refused: "@media.kind"}
	t.Run("alone", func(t *testing.T) {
		p := someone(t).says("FIX").hears(first)
		before := bytes.Clone(p.memory)
		for range 5 {
			p.hear(refused).hears(sorry, first)
		}
		if !bytes.Equal(p.memory, before) {
			t.Error("something is remembered of it")
		}
		p.says("1").hears(second).not(sorry)
	})
	t.Run("with words", func(t *testing.T) {
		p := someone(t).says("FIX")
		h := refused
		h.Words = "1"
		p.hear(h).hears(sorry, second)
	})
	t.Run("with something that can be kept", func(t *testing.T) {
		p := someone(t).says("FIX")
		h := refused
		h.Media = []engine.Media{{Type: "image/png", Ref: "media:1"}}
		p.hear(h).hears(sorry)
	})
	t.Run("by somebody new", func(t *testing.T) {
		someone(t).hear(refused).hears(sorry, "Elmwood")
	})
	t.Run("in the menu", func(t *testing.T) {
		p := someone(t).says("menu")
		before := bytes.Clone(p.memory)
		if p.hear(refused).hears(sorry); !bytes.Equal(p.memory, before) {
			t.Error("something is remembered of it")
		}
	})
	t.Run("after STOP", func(t *testing.T) {
		p := someone(t).says("FIX").says("STOP").hear(refused)
		if len(p.said.Pages) > 0 {
			t.Errorf("somebody who said STOP hears %q", p.text())
		}
	})
}
