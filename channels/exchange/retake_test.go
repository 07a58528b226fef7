package exchange

import (
	"slices"
	"testing"

	"github.com/townline/townline/channels"
)

// An outpost takes a conversation along and is cut off. Whoever had it goes on with it meanwhile: only one of the two counts.

func TestTakenToAnOutpostAndSentWhereItWas(t *testing.T) {
	w, code := carried(t)
	g := w.guest("far").says(code, "12", "1", "yes")
	w.clock.pass(handover)
	w.expect(w.hear(w.at("visitor", "5")), "check your answers")
	w.expect(w.hear(w.press("visitor", "1")), "May the town keep")
	w.expect(w.hear(w.press("visitor", "1")), "Your receipt is")
	if got := g.adopt(g.turns...); slices.ContainsFunc(got, func(v channels.Verdict) bool { return v != channels.Refused }) {
		t.Errorf("verdicts %v", got)
	}
	if len(g.put) != len(g.turns) || g.put[0] != whyMoved {
		t.Errorf("put aside for %v", g.put)
	}
	if got := w.polled("survey"); !slices.Equal(got, []string{"first=trees often=5 agree=yes"}) {
		t.Fatal(got)
	}
}

func TestTakenToAnOutpostAndGoneOnWithWhereItWas(t *testing.T) {
	w, code := carried(t)
	g := w.guest("far").says(code, "12", "1", "yes")
	w.clock.pass(handover)
	w.expect(w.hear(w.at("visitor", "5")), "check your answers")
	g.all(channels.Entered, g.adopt(g.turns...))
	w.expect(w.hear(w.press("visitor", "1")), "You took this along")
	if got := w.polled("survey"); !slices.Equal(got, []string{"first=trees often=12 agree=yes"}) {
		t.Fatal(got)
	}
}

func TestTakenToAnOutpostThenElsewhere(t *testing.T) {
	w, code := carried(t)
	g := w.guest("far").says(code, "12", "1", "yes")
	w.clock.pass(handover)
	another := codeForm.FindString(w.hear(w.press("visitor", "carry")))
	if another == code {
		t.Fatal("the code that was used up is given again")
	}
	w.expect(w.says(ann, another, "7", "1", "yes"), "Your receipt is")
	if got := g.adopt(g.turns...); got[0] != channels.Refused || g.put[0] != whyMoved {
		t.Errorf("verdicts %v, put aside for %v", got, g.put)
	}
	if got := w.polled("survey"); !slices.Equal(got, []string{"first=trees often=7 agree=yes"}) {
		t.Fatal(got)
	}
}
