package render_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// landmarks is a dialog that asks for one of nine places, or any other.
func landmarks(t testing.TB) *dialogs.Dialog {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range map[string]string{
		"spot.yaml": `dialog: spot
version: 1
title: A spot
purpose: information
language: en
languages: [es]
steps:
  - id: where
    type: place
    from: landmarks
    say: Where is it?
  - id: answers
    type: review
  - id: bye
    type: end
    say: Thank you.
`,
		"spot.es.yaml": `dialog: spot
language: es
texts:
  title:
    source: A spot
    text: Un lugar
  where:
    source: Where is it?
    text: ¿Dónde es?
  bye:
    source: Thank you.
    text: Gracias.
`,
		"landmarks.places.yaml": `list: landmarks
language: en
places:
  library:
    text: The library, Main Street
    short: Main library
    icon: library
    also: [the library, the book house]
  market: Saturday market
  bridge: Mill Bridge
  park: Oak Park
  school: Hill School
  clinic: The clinic
  hall:
    text: Town Hall
    speech: the old town hall
  plaza: Market square
  pond: The pond
`,
		"landmarks.places.es.yaml": `list: landmarks
language: es
texts:
  library:
    source: The library, Main Street
    text: La biblioteca, Main Street
    also: [la biblioteca]
  market:
    source: Saturday market
    text: Oak Park del sábado
    also: [Oak Park, mercado del río]  # Oak Park is what another card says, so it stays Oak Park
  plaza:
    source: Market square
    text: La plaza
`,
	} {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	set, problems := dialogs.Load(fsys, dialogs.Options{})
	if problems.Errors() {
		t.Fatal(problems)
	}
	return set.Get("spot")
}

// Whoever names a landmark in any of its own words is understood, everywhere alike; other words stay as they are.
func TestReadsALandmarkByItsNames(t *testing.T) {
	d := landmarks(t)
	library := "said The library, Main Street"
	table := map[string][]reading{
		"en": {
			{"The library, Main Street", library}, {"  the LIBRARY main street!", library}, {"main library", library}, {"the book house", library},
			{"La biblioteca", library}, {"la biblioteca, main street", library},
			{"the old town hall", "said Town Hall"}, {"la plaza", "said Market square"}, {"oak park", "said Oak Park"},
			{"library", "said library"}, {"The libary", "said The libary"}, {"behind the library", "said behind the library"}, {"the library please", "said the library please"},
			{"market", "said market"}, {"pond", "said pond"}, {"plaza", "said plaza"}, {"12 Oak Street", "said 12 Oak Street"},
			{"geo:52.1,4.3", "said geo:52.1,4.3"},
		},
		"es": {
			{"la biblioteca", library}, {"The Library, Main Street", library}, {"main library", library}, {"LA PLAZA", "said Market square"},
			{"Oak Park", "said Oak Park"}, {"mercado del río", "said Saturday market"}, {"Mill Bridge", "said Mill Bridge"}, {"biblioteca", "said biblioteca"},
		},
	}
	for _, traits := range append(render.Channels(), render.Web) {
		prompts := shown(d, 0, traits)
		for lang, readings := range table {
			readAll(t, lang, traits, d, prompts, readings)
		}
		help := reading{"help", "told help"}
		if traits.Form == engine.Screen { // where there is a button for it
			help.want = "said help"
		}
		readAll(t, "en", traits, d, prompts, []reading{help})
	}
}

// On a screen the landmarks are cards, seven a page, beside the field; nowhere else is the list read out.
func TestLandmarksAreCardsOnScreens(t *testing.T) {
	d, c := landmarks(t), catalogue(t)
	for _, traits := range append(render.Channels(), render.Web) {
		w := wordsFor(c, d, "es")
		prompts := shown(d, 0, traits)
		pages := render.Render(w, prompts, traits)
		if traits.Form != engine.Screen {
			for _, p := range pages {
				if slices.ContainsFunc(p.Options, func(o render.Shown) bool { return o.ID != "" }) || strings.Contains(p.String(), "biblioteca") {
					t.Errorf("%s reads the list: %s", traits.Name, p.String())
				}
			}
			continue
		}
		var got []string
		for n, p := range pages {
			if p.Entry == nil || p.Entry.Limit != 200 {
				t.Errorf("page %d of %s has no field: %+v", n, traits.Name, p.Entry)
			}
			for _, o := range p.Options {
				got = append(got, fmt.Sprintf("%s %s %s %s", o.Digit, o.Label, o.Icon, brief(render.Read(w, prompts, n, traits, render.Heard{Choice: o.Digit}))))
			}
		}
		want := []string{
			"1 La biblioteca, Main Street library said The library, Main Street", "2 Oak Park del sábado  said Saturday market", "3 Mill Bridge  said Mill Bridge",
			"4 Oak Park  said Oak Park", "5 Hill School  said Hill School", "6 The clinic  said The clinic", "7 Town Hall  said Town Hall", "8 Ver las otras opciones  turned 1",
			"1 La plaza  said Market square", "2 The pond  said The pond", "8 Ver las otras opciones  turned 0",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s:\n%s", traits.Name, strings.Join(got, "\n"))
		}
		for _, r := range []struct {
			heard render.Heard
			want  string
		}{
			{render.Heard{Words: "2"}, "said 2"}, {render.Heard{Choice: "bridge"}, "said Mill Bridge"}, {render.Heard{Choice: "0"}, "told help"},
			{render.Heard{Choice: "1 2"}, "unclear"}, {render.Heard{Choice: "nothing"}, "unclear"}, {render.Heard{Choice: "*"}, "told back"},
		} {
			if got := brief(render.Read(w, prompts, 0, traits, r.heard)); got != r.want {
				t.Errorf("%+v on %s: got %q, want %q", r.heard, traits.Name, got, r.want)
			}
		}
	}
}

// A landmark is read back in the resident's language, and its card is chosen when it is asked again.
func TestALandmarkIsReadBack(t *testing.T) {
	d, c := landmarks(t), catalogue(t)
	w := wordsFor(c, d, "es")
	s := state(d, 1)
	s.Answers = []engine.Answer{{Step: 0, Values: []string{"The library, Main Street"}}}
	page := render.Render(w, engine.Show(d, s, render.Kiosk.Can, today), render.Kiosk)[0].String()
	if !strings.Contains(page, "La biblioteca, Main Street") {
		t.Errorf("read back as\n%s", page)
	}
	again := func(answer string) render.Page {
		s := state(d, 0)
		s.Back = true
		s.Answers = []engine.Answer{{Step: 0, Values: []string{answer}}}
		return render.Render(w, engine.Show(d, s, render.Kiosk.Can, today), render.Kiosk)[0]
	}
	if p := again("The library, Main Street"); !p.Options[0].Chosen || p.Options[1].Chosen || len(p.Entry.Values) > 0 {
		t.Errorf("chosen %+v, typed %q", p.Options, p.Entry.Values)
	}
	if p := again("12 Oak Street"); p.Options[0].Chosen || len(p.Entry.Values) != 1 || p.Entry.Values[0] != "12 Oak Street" {
		t.Errorf("chosen %+v, typed %q", p.Options, p.Entry.Values)
	}
}

// Every card can be pressed: nothing to mend for the checker.
func TestLandmarksFit(t *testing.T) {
	d := landmarks(t)
	for _, lang := range []string{"en", "es"} {
		if problems := render.Fits(wordsFor(catalogue(t), d, lang)); problems.Errors() {
			t.Errorf("%s", problems)
		}
	}
}

func BenchmarkReadLandmark(b *testing.B) {
	var list strings.Builder
	list.WriteString("list: landmarks\nlanguage: en\nplaces:\n")
	for i := range 200 {
		fmt.Fprintf(&list, "  stop_%d:\n    text: The corner by stop number %d\n    also: [corner %d, stop %d]\n", i, i, i, i)
	}
	set, problems := dialogs.Load(fstest.MapFS{
		"landmarks.places.yaml": {Data: []byte(list.String())},
		"spot.yaml":             {Data: []byte("dialog: spot\nversion: 1\ntitle: A spot\npurpose: information\nlanguage: en\nsteps:\n  - id: where\n    type: place\n    from: landmarks\n    say: Where is it?\n  - id: bye\n    type: end\n    say: Thank you.\n")},
	}, dialogs.Options{})
	if problems.Errors() {
		b.Fatal(problems)
	}
	d := set.Get("spot")
	w, prompts := wordsFor(catalogue(b), d, "en"), shown(d, 0, render.SMS)
	b.ReportAllocs()
	for b.Loop() {
		if in := render.Read(w, prompts, 0, render.SMS, render.Heard{Words: "behind the old mill"}); in.Values[0] != "behind the old mill" {
			b.Fatal(in)
		}
	}
}
