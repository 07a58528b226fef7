package dialogs_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/townline/townline/dialogs"
)

// where is a dialog that asks for a place of the town's list, by way of shared steps.
func where() map[string]string {
	return map[string]string{
		"spot.yaml": `dialog: spot
version: 1
title: A spot
purpose: information
language: en
languages: [es]
steps:
  - id: place
    type: use
    dialog: common/place
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
  bye:
    source: Thank you.
    text: Gracias.
`,
		"common/place.yaml": `dialog: common/place
version: 1
language: en
steps:
  - id: where
    type: place
    from: landmarks
    say: Where is it?
`,
		"common/place.es.yaml": `dialog: common/place
language: es
texts:
  where:
    source: Where is it?
    text: ¿Dónde es?
`,
		"town/landmarks.places.yaml": `list: landmarks
language: en
places:
  library:
    text: The library
    short: Library
    icon: library
    also: [the book house]
  bridge: Mill Bridge
`,
		"town/landmarks.places.es.yaml": `list: landmarks
language: es
texts:
  library:
    source: The library
    text: La biblioteca
    also: [los libros]
  bridge:
    source: Mill Bridge
    text: Mill Bridge
`,
	}
}

func TestAListIsTheOptionsOfAPlace(t *testing.T) {
	d := one(t, "spot", where())
	st := d.Steps[d.Index("place.where")]
	if len(st.Options) != 2 || st.Options[0].ID != "library" || st.Options[0].Key != "place.where.library" || st.Options[1].Text.Text != "Mill Bridge" {
		t.Fatalf("options %+v", st.Options)
	}
	for _, c := range []struct{ lang, key, text, icon, found string }{
		{"en", "place.where.library", "The library", "library", "en"},
		{"es", "place.where.library", "La biblioteca", "library", "es"},
		{"es-MX", "place.where.library", "La biblioteca", "library", "es"},
		{"es", "place.where.bridge", "Mill Bridge", "", "es"},
		{"fr", "place.where.library", "The library", "library", "en"},
	} {
		if got, found := d.Text(c.lang, c.key); got.Text != c.text || got.Icon != c.icon || found != c.found {
			t.Errorf("%s in %s is %+v, found in %s", c.key, c.lang, got, found)
		}
	}
	if es, _ := d.Text("es", "place.where.library"); !slices.Equal(es.Also, []string{"los libros"}) {
		t.Errorf("also %q", es.Also)
	}
	if !slices.Contains(d.Keys(), "place.where.library") {
		t.Errorf("keys %q", d.Keys())
	}
}

// What a list says is part of what is published: another list is another content, and it comes back from its bundle.
func TestAListIsPartOfThePin(t *testing.T) {
	files := where()
	d := one(t, "spot", files)
	again, err := dialogs.Compile(dialogs.Bundle(d))
	if err != nil || again.Pin != d.Pin || again.Steps[0].Options[0].Key != "place.where.library" {
		t.Fatalf("%v became %v: %v", d.Pin, again.Pin, err)
	}
	if es, _ := again.Text("es", "place.where.library"); es.Text != "La biblioteca" {
		t.Errorf("%+v", es)
	}
	change := func(file, old, new string) dialogs.Pin {
		changed := where()
		changed[file] = strings.Replace(changed[file], old, new, 1)
		return one(t, "spot", changed).Pin
	}
	if p := change("town/landmarks.places.yaml", "the book house", "the books"); p == d.Pin {
		t.Error("a synonym changed, and the pin did not")
	}
	if p := change("town/landmarks.places.es.yaml", "los libros", "libros"); p == d.Pin {
		t.Error("a translation changed, and the pin did not")
	}
	if p := change("town/landmarks.places.yaml", "places:", "# a note\nplaces:"); p != d.Pin {
		t.Error("a note changed the pin")
	}
}

// One dialog alone is the same as in its folder, wherever below it the list lies.
func TestOneFileFindsItsList(t *testing.T) {
	files := where()
	whole := one(t, "spot", files)
	files["town/other.places.yaml"] = "list: other\n" // nobody named it
	files[".old/landmarks.places.yaml"] = "list: landmarks\n"
	set, problems := load(t, files, "spot.yaml")
	if len(problems) > 0 {
		t.Fatalf("problems:\n%s", problems)
	}
	if got := set.Get("spot").Pin; got != whole.Pin {
		t.Errorf("%v alone, %v in its folder", got, whole.Pin)
	}
	if _, problems := load(t, files, "town/landmarks.places.es.yaml"); len(problems) > 0 {
		t.Errorf("the translation of a list alone:\n%s", problems)
	}
}

// A list may be written in another language than a dialog that names it.
func TestAListInAnotherLanguage(t *testing.T) {
	files := where()
	files["lugar.yaml"] = `dialog: lugar
version: 1
title: Un lugar
purpose: information
language: es
languages: [en]
steps:
  - id: donde
    type: place
    from: landmarks
    say: ¿Dónde es?
  - id: fin
    type: end
    say: Gracias.
`
	files["lugar.en.yaml"] = `dialog: lugar
language: en
texts:
  title:
    source: Un lugar
    text: A place
  donde:
    source: ¿Dónde es?
    text: Where is it?
  fin:
    source: Gracias.
    text: Thank you.
`
	set, problems := load(t, files)
	if len(problems) > 0 {
		t.Fatalf("problems:\n%s", problems)
	}
	d := set.Get("lugar")
	es, _ := d.Text("es", "donde.library")
	en, _ := d.Text("en", "donde.library")
	if d.Steps[0].Options[0].Text.Text != "La biblioteca" || es.Text != "La biblioteca" || en.Text != "The library" || es.Icon != "library" {
		t.Errorf("es %+v, en %+v", es, en)
	}
	delete(files, "town/landmarks.places.es.yaml")
	set, problems = load(t, files)
	if problems.Errors() || set.Get("lugar").Steps[0].Options[0].Text.Text != "The library" {
		t.Errorf("without a translation:\n%s", problems)
	}
	if got := problems.String(); !strings.Contains(got, "lugar.yaml:10:11: advice: these places of the list landmarks are not translated into es: library and bridge") {
		t.Errorf("problems:\n%s", got)
	}
}

// A dialog's own translation of a landmark goes before the list's.
func TestADialogCanCallALandmarkOtherwise(t *testing.T) {
	files := where()
	files["spot.es.yaml"] += "  place.where.library:\n    source: The library\n    text: La casa de los libros\n"
	d := one(t, "spot", files)
	if es, _ := d.Text("es", "place.where.library"); es.Text != "La casa de los libros" {
		t.Errorf("%+v", es)
	}
}

func TestABrokenListStopsItsDialogs(t *testing.T) {
	for _, file := range []string{"town/landmarks.places.yaml", "town/landmarks.places.es.yaml"} {
		files := where()
		files[file] += "nonsense: 1\n"
		set, problems := load(t, files)
		if !problems.Errors() || len(set.All()) > 0 {
			t.Errorf("%s: %d dialogs loaded, problems:\n%s", file, len(set.All()), problems)
		}
	}
}

// A town that has no lists is not asked for one.
func TestATownWithoutLists(t *testing.T) {
	files := where()
	delete(files, "town/landmarks.places.yaml")
	delete(files, "town/landmarks.places.es.yaml")
	for _, paths := range [][]string{nil, {"spot.yaml"}} {
		set, problems := load(t, files, paths...)
		if len(problems) > 0 {
			t.Fatalf("problems:\n%s", problems)
		}
		if st := set.Get("spot").Steps[0]; len(st.Options) != 0 || st.From != "landmarks" {
			t.Errorf("%+v", st)
		}
	}
}

func FuzzPlaces(f *testing.F) {
	lists, err := filepath.Glob("testdata/check/*.places.yaml")
	if err != nil || len(lists) == 0 {
		f.Fatal("no lists to begin with", err)
	}
	for _, file := range lists {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content, false)
	}
	files := where()
	f.Add([]byte(files["town/landmarks.places.yaml"]), false)
	f.Add([]byte(files["town/landmarks.places.es.yaml"]), true)
	options := town(f)
	f.Fuzz(func(t *testing.T, content []byte, translation bool) {
		fsys := fstest.MapFS{}
		for name, text := range where() {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if translation {
			fsys["town/landmarks.places.es.yaml"] = &fstest.MapFile{Data: content}
		} else {
			fsys["town/landmarks.places.yaml"] = &fstest.MapFile{Data: content}
		}
		set, problems := dialogs.Load(fsys, options)
		for _, p := range problems {
			inside(t, fsys, p)
		}
		for _, d := range set.All() {
			again, err := dialogs.Compile(dialogs.Bundle(d))
			if err != nil || again.Pin != d.Pin {
				t.Fatalf("%v became %v: %v", d.Pin, again.Pin, err)
			}
			for _, st := range d.Steps {
				for _, o := range st.Options {
					if es, _ := d.Text("es", o.Key); o.Text.Text == "" || es.Text == "" || len([]rune(o.Text.Text)) > 80 {
						t.Fatalf("a landmark has no fine name: %+v, %+v", o, es)
					}
				}
			}
		}
	})
}
