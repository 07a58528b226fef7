package render_test

import (
	"strings"
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

// A telephone has no key for a point.
func TestTheStarIsThePointOfANumber(t *testing.T) {
	d, prompts := asked(t, "park", "visits", render.Voice)
	d.Steps[d.Index("visits")].Whole = false
	w := wordsFor(catalogue(t), d, "en")
	page := render.Render(w, prompts, render.Voice)[0]
	if page.Listen.Keys != 2+3 {
		t.Errorf("%d keys", page.Listen.Keys)
	}
	told := ""
	for _, s := range page.Spoken {
		told += s.Words + " "
	}
	if !strings.Contains(told, "For two and a half, press 2, star, 5.") {
		t.Errorf("%q", told)
	}
	for keys, want := range map[string]string{"2*5": "said 2.5", "2*50": "said 2.5", "12": "said 12", "0*25": "said 0.25", "*": "told help", "2**5": "unclear", "2*": "said 2", "1*2*3": "unclear"} {
		if got := brief(render.Read(w, prompts, 0, render.Voice, render.Heard{Words: keys})); got != want {
			t.Errorf("%s: %s, want %s", keys, got, want)
		}
	}
	if got := brief(render.Read(w, prompts, 0, render.SMS, render.Heard{Words: "2*5"})); got != "unclear" {
		t.Errorf("in a text message: %s", got)
	}
}
