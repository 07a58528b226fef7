package render_test

import (
	"strings"
	"testing"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// A handset may have keys and nothing else.

func TestAKeyEndsChoicesOnAMenu(t *testing.T) {
	d, prompts := asked(t, "park", "things", render.USSD)
	w := wordsFor(catalogue(t), d, "en")
	prompts[len(prompts)-1].Given = []string{"dogs"}
	pages := render.Render(w, prompts, render.USSD)
	last := len(pages) - 1
	if last < 1 || !strings.HasSuffix(pages[last].Text, "\n8 That is all") {
		t.Fatalf("the last of %d screens is %q", len(pages), pages[last].Text)
	}
	for page, want := range map[int]string{0: "turned 1", last: "said +"} {
		if got := brief(render.Read(w, prompts, page, render.USSD, render.Heard{Words: "8"})); got != want {
			t.Errorf("8 on screen %d: got %q, want %q", page+1, got, want)
		}
	}
	prompts[len(prompts)-1].Given = nil
	if got := brief(render.Read(w, prompts, last, render.USSD, render.Heard{Words: "8"})); got != "turned 0" {
		t.Errorf("8 before anything was chosen: got %q", got)
	}
}

func TestAKeyBeforeTheQuestionIsNoAnswer(t *testing.T) {
	d, asks := asked(t, "park", "visits", render.USSD)
	w := wordsFor(catalogue(t), d, "en")
	question := asks[len(asks)-1]
	long := engine.Prompt{Words: strings.Repeat("The council decides in May. ", 8), Step: -1}
	prompts := []engine.Prompt{long, question}
	n := len(render.Render(w, prompts, render.USSD))
	if n != 2 {
		t.Fatalf("%d screens", n)
	}
	for _, test := range []struct {
		page   int
		traits render.Traits
		want   string
	}{{0, render.USSD, "turned 1"}, {1, render.USSD, "said 1"}, {0, render.SMS, "said 1"}} {
		if got := brief(render.Read(w, prompts, test.page, test.traits, render.Heard{Words: "1"})); got != test.want {
			t.Errorf("1 on page %d of %s: got %q, want %q", test.page+1, test.traits.Name, got, test.want)
		}
	}
	for n := 1; ; n++ { // until the question ends the first screen, and how to answer it is on the second
		if n == 160 {
			t.Fatal("no such screens")
		}
		prompts[0].Words = strings.Repeat("o", n)
		pages := render.Render(w, prompts, render.USSD)
		if len(pages) != 2 || !strings.Contains(pages[0].Text, "How many days") {
			continue
		}
		if got := brief(render.Read(w, prompts, 0, render.USSD, render.Heard{Words: "1"})); got != "said 1" {
			t.Errorf("on the screen with the question, %q: got %q", pages[0].Text, got)
		}
		return
	}
}

func TestADayIsAskedForInKeys(t *testing.T) {
	for lang, keys := range map[string]string{"en": "1503", "es": "1503", "fr": "1503", "zh": "0315", "ar": "1503", "so": "1503"} {
		d, prompts := asked(t, "park", "day", render.USSD)
		pages := render.Render(wordsFor(catalogue(t), d, lang), prompts, render.USSD)
		if !strings.Contains(pages[len(pages)-1].Text, keys) {
			t.Errorf("%s: no keys in %q", lang, pages[len(pages)-1].Text)
		}
		readAll(t, lang, render.USSD, d, prompts, []reading{{keys, "said 2027-03-15"}})
	}
}

func TestKeysAreNobodysOwnWordsOnAMenu(t *testing.T) {
	for _, step := range []string{"ideas", "where"} {
		d, prompts := asked(t, "park", step, render.USSD)
		readAll(t, "en", render.USSD, d, prompts, []reading{{"0", "told help"}, {"9", "told repeat"}, {"00", "told back"}, {"8", "unclear"}, {"More trees", "said More trees"}})
	}
}
