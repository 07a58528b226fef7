package engine

import (
	"slices"
	"testing"

	"github.com/townline/townline/locales"
)

func TestKeysAloneAreEnoughOnAMenu(t *testing.T) {
	h := hold(t, load(t, town))
	h.can.Piecewise, h.can.Live = true, true
	h.upto("order").tell(locales.Help)
	if p := h.last.Prompts[len(h.last.Prompts)-1]; !slices.ContainsFunc(p.Options, func(o Option) bool { return o.ID == "skip" }) {
		t.Errorf("what may be left out can't be: %+v", p.Options)
	}
	h.say("on").do(Input{Kind: Unclear}).wants("@retry.choice.1 order")
	h.tell(locales.Help).say("skip")
	if h.do(Input{Kind: Unclear}).wants("@retry.number.1 coins"); h.s.Step != h.d.Index("coins") {
		t.Errorf("at %d", h.s.Step)
	}
	h.tell(locales.Help)
	if p := h.last.Prompts[len(h.last.Prompts)-1]; slices.ContainsFunc(p.Options, func(o Option) bool { return o.ID == "skip" }) {
		t.Error("what is needed may be left out")
	}
}
