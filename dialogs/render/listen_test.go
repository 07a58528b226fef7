package render_test

import (
	"testing"

	"github.com/townline/townline/dialogs/render"
)

// A line knows nothing of questions but what a page tells it: how many keys, or whose voice, and for how long.
func TestWhatALineWaitsFor(t *testing.T) {
	for _, c := range []struct {
		dialog, step string
		want         render.Listen
	}{
		{"park", "build", render.Listen{Keys: 1, Wait: 10}},
		{"park", "hedge", render.Listen{Keys: 1, Wait: 10}},
		{"park", "things", render.Listen{Keys: 1, Wait: 10}},
		{"park", "visits", render.Listen{Keys: 2, Wait: 10}},
		{"park", "day", render.Listen{Keys: 4, Wait: 10}},
		{"park", "reach", render.Listen{Keys: 15, Wait: 10}},
		{"park", "ideas", render.Listen{Keys: 1, Wait: 10}}, // a voice would tell whose confidential answers these are
		{"street-problem", "details", render.Listen{Keys: 1, Wait: 10, Record: 120, Pause: 4}},
		{"street-problem", "place.where", render.Listen{Keys: 1, Wait: 10, Record: 30, Pause: 4}},
		{"main-street", "coins", render.Listen{Keys: 2, Wait: 10}},
	} {
		d, prompts := asked(t, c.dialog, c.step, render.Voice)
		for _, p := range render.Render(wordsFor(catalogue(t), d, "en"), prompts, render.Voice) {
			if p.Listen == nil || *p.Listen != c.want {
				t.Errorf("%s of %s: %+v, want %+v", c.step, c.dialog, p.Listen, c.want)
			}
		}
	}
	d, _ := asked(t, "park", "build", render.Voice)
	last := shown(d, d.Index("receipt"), render.Voice)
	for _, p := range render.Render(wordsFor(catalogue(t), d, "en"), last, render.Voice) {
		if p.Listen != nil {
			t.Errorf("after the last words it waits for %+v", p.Listen)
		}
	}
	for _, p := range render.Render(wordsFor(catalogue(t), d, "en"), shown(d, d.Index("build"), render.SMS), render.SMS) {
		if p.Listen != nil {
			t.Errorf("a text waits for %+v", p.Listen)
		}
	}
}
