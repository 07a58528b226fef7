package render_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// codes lists what Fits finds in a dialog, as "step code".
func codes(t *testing.T, yaml string, channels ...render.Traits) []string {
	t.Helper()
	set, problems := dialogs.Load(fstest.MapFS{"d.yaml": {Data: []byte(yaml)}}, dialogs.Options{})
	if len(set.All()) != 1 {
		t.Fatal(problems.String())
	}
	d := set.All()[0]
	var out []string
	for _, p := range render.Fits(wordsFor(catalogue(t), d, "en"), channels...) {
		if p.File != "d.yaml" || p.Line < 1 || p.Column < 1 || p.Hint == "" {
			t.Errorf("no place or no hint: %+v", p)
		}
		if !slices.Contains(out, p.Code) {
			out = append(out, p.Code)
		}
	}
	slices.Sort(out)
	return out
}

const headed = "dialog: d\nversion: 1\ntitle: D\npurpose: information\nlanguage: en\nstart: DDD\nsteps:\n"

func TestFits(t *testing.T) {
	long := strings.Repeat("We ask you to read all of this before you answer. ", 8)
	for _, test := range []struct {
		name, steps string
		want        []string
	}{
		{"all is well", "  - id: a\n    type: choice\n    say: Which?\n    options:\n      one_way: Left\n      other_way: Right\n  - id: z\n    type: end\n    say: Bye.\n", nil},
		{"long words", "  - id: a\n    type: choice\n    say: " + long + "\n    options:\n      l: Left\n      r: Right\n  - id: z\n    type: end\n    say: Bye.\n", []string{"long-speech", "many-segments"}},
		{"labels that are numbers", "  - id: a\n    type: choice\n    say: How many?\n    options:\n      n: None\n      o: One\n      t: Two\n  - id: z\n    type: end\n    say: Bye.\n", []string{"digit-unclear"}},
		{"a dear sign", "  - id: a\n    type: yesno\n    say: Do you want a tree → on your street, in the bend by the old mill?\n  - id: z\n    type: end\n    say: Bye.\n", []string{"odd-character"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := codes(t, headed+test.steps); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestFitsTellsWhatCallsLeaveOut(t *testing.T) {
	for id, want := range map[string]string{"main-street": `"first_other"`, "street-problem": ""} {
		var told []string
		for _, p := range render.Fits(wordsFor(catalogue(t), town(t).Get(id), "en")) {
			if p.Code == "words-left-out" {
				told = append(told, p.Message)
			}
		}
		if want == "" && told != nil || want != "" && (len(told) != 1 || !strings.Contains(told[0], want)) {
			t.Errorf("%s: told %v", id, told)
		}
	}
}

func TestFitsNamesALanguageWithoutPhrases(t *testing.T) {
	d := *town(t).Get("main-street")
	d.Languages = []string{"es", "xx"}
	for _, p := range render.Fits(wordsFor(catalogue(t), &d, "en")) {
		if p.Code == "own-words-missing" && strings.Contains(p.Message, "xx") && p.Warning {
			return
		}
	}
	t.Error("xx was not named")
}

func TestExamplesFit(t *testing.T) {
	for _, d := range town(t).All() {
		if problems := render.Fits(wordsFor(catalogue(t), d, "en")); problems.Errors() {
			t.Error(problems.String())
		}
	}
}

// TestFitsFindsAPageTooLong holds a dialog to a channel too small for the line that leads on.
func TestFitsFindsAPageTooLong(t *testing.T) {
	d := town(t).Get("main-street")
	tiny := render.Traits{Name: "tiny", Can: engine.Can{Form: engine.Text}, GSM: true, Limit: 4, Limit16: 2}
	var found []string
	for _, p := range render.Fits(wordsFor(catalogue(t), d, "en"), tiny) {
		if p.Code == "page-too-long" && !p.Warning && p.Hint != "" {
			found = append(found, p.Message)
		}
	}
	if want := `"tie" of main-street does not fit on tiny in en: a page has 4 characters too many`; !slices.Contains(found, want) {
		t.Errorf("got %q\nwant %q", found, want)
	}
}
