package render_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/render"
)

// oddly is what Fits says of dear characters in a dialog of one question, with a translation into Spanish.
func oddly(t *testing.T, english, spanish string, channels ...render.Traits) dialogs.Problems {
	t.Helper()
	fsys := fstest.MapFS{"d.yaml": {Data: []byte(strings.Replace(headed, "language: en\n", "language: en\nlanguages: [es]\n", 1) +
		"  - id: q\n    type: yesno\n    say: Is it you?\n  - id: a\n    type: choice\n    say: " + english + "\n    options:\n      l: Left\n      r: Right\n  - id: z\n    type: end\n    say: Bye.\n")},
		"d.es.yaml": {Data: []byte("dialog: d\nlanguage: es\ntexts:\n  title:\n    source: D\n    text: D\n  q:\n    source: Is it you?\n    text: Es usted?\n  a:\n    source: " + english + "\n    text: " + spanish +
			"\n  a.l:\n    source: Left\n    text: Izquierda\n  a.r:\n    source: Right\n    text: Derecha\n  z:\n    source: Bye.\n    text: Gracias.\n")}}
	set, problems := dialogs.Load(fsys, dialogs.Options{})
	if len(set.All()) != 1 {
		t.Fatal(problems.String())
	}
	var out dialogs.Problems
	for _, p := range render.Fits(wordsFor(catalogue(t), set.All()[0], "en"), channels...) {
		if p.Code == "odd-character" {
			out = append(out, p)
		}
	}
	return out
}

func TestDearCharactersAreNamed(t *testing.T) {
	long := "We ask all who live near the old mill by the river, and all who pass by it, which way you would go."
	for _, c := range []struct{ name, english, spanish, want string }{
		{"one letter, which Spanish needs", "Which?", "¿Qué camino prefiere usted para llegar rápido al molino viejo del pueblo?",
			"d.es.yaml:12:51: advice: á (U+00E1) makes \"a\" 2 text messages instead of 1 and 2 screens of a USSD menu instead of 1, in es [odd-character]\n" +
				"    |     text: ¿Qué camino prefiere usted para llegar rápido al molino viejo del pueblo?\n    |                                                   ^\n" +
				"    = use other words, or a `short` variant without these letters"},
		{"the same twice, and another", "Which?", "¿Qué camino prefiere usted para llegar rápido, y más rápido aún, al molino?",
			"d.es.yaml:12:51: advice: á (U+00E1) here and at 12:61 and ú (U+00FA) at 12:72 make \"a\" 2 text messages"},
		{"quotes beside a letter: they aren't what is dear", "Which?", "\"¿Qué camino prefiere usted para llegar “rápido” al molino viejo del pueblo?\"",
			"d.es.yaml:12:53: advice: á (U+00E1) makes \"a\" 2 text messages"},
		{"a sign that can be written otherwise", "Which way → would you go, from the mill by the river to the town hall?", "¿Izquierda?",
			"d.yaml:14:20: advice: → (U+2192) makes \"a\" 2 text messages instead of 1 and 2 screens of a USSD menu instead of 1, in en [odd-character]\n" +
				"    |     say: Which way → would you go, from the mill by the rive…\n    |                    ^\n" +
				"    = write \"->\" instead of →"},
		{"a sign that can't", "Which way 🚲 would you go, from the mill by the river to the town hall?", "¿Izquierda?",
			"= leave 🚲 out"},
		{"a short one", "Which → way?", "¿Izquierda?", ""},
		{"quotes and dashes, which are sent as their twins", "“Which way” – would you go… from the mill’s door by the river to the town hall?", "¿Izquierda?", ""},
		{"an alphabet of its own", "Which?", "选哪一条路从磨坊到市政厅？选哪一条路从磨坊到市政厅？选哪一条路从磨坊到市政厅？选哪一条路从磨坊到市政厅？选哪一条路从磨坊到市政厅？选哪一条路", ""},
		{"as many with it as without", "Which?", "¿Qué camino rápido?", ""},
		{"long enough without", long, "¿Izquierda?", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := oddly(t, c.english, c.spanish).String()
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// Where nothing is paid by characters, none is dear.
func TestDearCharactersMatterWhereTheyAreCounted(t *testing.T) {
	words := "¿Qué camino prefiere usted para llegar rápido al molino viejo del pueblo?"
	if got := oddly(t, "Which?", words, render.WhatsApp, render.Kiosk, render.Voice); got != nil {
		t.Errorf("got %s", got)
	}
	if got := oddly(t, "Which?", words, render.SMS).String(); !strings.Contains(got, "makes \"a\" 2 text messages instead of 1, in es") {
		t.Errorf("got %s", got)
	}
	if got := oddly(t, "Which?", words, render.USSD).String(); !strings.Contains(got, "makes \"a\" 2 screens of a USSD menu instead of 1, in es") {
		t.Errorf("got %s", got)
	}
}

// What is advised helps: done without the characters that are named, the sample town's replies cost what was said.
func TestTheAdviceIsTrue(t *testing.T) {
	found := 0
	for _, d := range town(t).All() {
		for _, p := range render.Fits(wordsFor(catalogue(t), d, "en")) {
			if p.Code != "odd-character" {
				continue
			}
			found++
			if !strings.HasSuffix(p.File, ".es.yaml") || p.Line < 5 || p.Column < 10 || p.Excerpt == "" {
				t.Errorf("it doesn't point at a wording: %s", p)
			}
		}
	}
	if found == 0 {
		t.Error("main-street in Spanish was not noticed")
	}
}
