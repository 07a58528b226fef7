package dialogs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/golden"
)

// one loads the dialog called id from files written here.
func one(t testing.TB, id string, files map[string]string) *dialogs.Dialog {
	t.Helper()
	set, problems := load(t, files)
	if problems.Errors() {
		t.Fatalf("%s has problems:\n%s", id, problems)
	}
	d := set.Get(id)
	if d == nil {
		t.Fatalf("%s was not loaded", id)
	}
	return d
}

func load(t testing.TB, files map[string]string, paths ...string) (*dialogs.Set, dialogs.Problems) {
	t.Helper()
	return dialogs.Load(folder(files), town(t), paths...)
}

func folder(files map[string]string) fs.FS {
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return fsys
}

const visit = `dialog: visit
version: 3
title: A visit
purpose: request
service: {code: visit, department: care, days: 3}
language: en
languages: [es]
steps:
  - id: kind
    type: choice
    say: What is it?
    options:
      home:
        text: At home
        short: Home
        icon: house
        also: [my place, "7"]
      office: At the office
      other: Something else
  - id: at
    type: use
    when: kind is home
    dialog: common/place
  - id: mood
    type: scale
    optional: true
    min: -2
    labels: [Very bad, Bad, Neither, Good, Very good]
    say: How are you?
  - id: day
    type: date
    from: tomorrow
    to: 2 weeks
    say: Which day, ${kind}?
    retry: [A day please., "A day, like Monday."]
  - id: saved
    type: submit
  - id: bye
    type: end
    say: Your number is ${reference}. We come to ${at.where}.
`

const place = `dialog: common/place
version: 1
language: en
steps:
  - id: where
    type: place
    say: Where is it?
  - id: floor
    type: number
    min: 0
    max: 30
    when: where is answered
    say: Which floor of ${where}?
`

const placeSpanish = `dialog: common/place
language: es
texts:
  where:
    source: Where is it?
    text: ¿Dónde está?
  floor:
    source: "Which floor of ${where}?"
    text: "¿Qué piso de ${where}?"
`

const visitSpanish = `dialog: visit
language: es
texts:
  title:
    source: A visit
    text: Una visita
  kind:
    source: What is it?
    text: ¿Qué es?
  kind.home:
    source: At home
    text: En casa
    also: [mi casa]
  kind.office:
    source: At the office
    text: En la oficina
  kind.other:
    source: Something else
    text: Otra cosa
  mood:
    source: How are you?
    text: ¿Cómo está?
  mood.-2:
    source: Very bad
    text: Muy mal
  mood.-1:
    source: Bad
    text: Mal
  mood.0:
    source: Neither
    text: Regular
  mood.1:
    source: Good
    text: Bien
  mood.2:
    source: Very good
    text: Muy bien
  day:
    source: "Which day, ${kind}?"
    text: "¿Qué día, ${kind}?"
  day.retry.1:
    source: A day please.
    text: Un día por favor.
  day.retry.2:
    source: "A day, like Monday."
    text: "Un día, como lunes."
  bye:
    source: "Your number is ${reference}. We come to ${at.where}."
    text: "Su número es ${reference}. Vamos a ${at.where}."
`

func visitFiles() map[string]string {
	return map[string]string{"visit.yaml": visit, "visit.es.yaml": visitSpanish, "common/place.yaml": place, "common/place.es.yaml": placeSpanish}
}

func TestExamplesLoadUnchanged(t *testing.T) {
	set, problems := dialogs.Load(os.DirFS("testdata/examples"), town(t))
	for _, p := range problems {
		// The Spanish file leaves out why a question is asked: that is advice, and the only one.
		if !p.Warning || p.Code != "translation-missing" {
			t.Errorf("\n%s", p)
		}
	}
	for _, id := range []string{"main-street", "street-problem"} {
		if set.Get(id) == nil {
			t.Errorf("%s was not loaded", id)
		}
	}
	if n := len(set.All()); n != 2 {
		t.Errorf("%d dialogs; the shared steps are none of their own", n)
	}
}

func TestMenuIsInTheOrderOfTitles(t *testing.T) {
	set, _ := dialogs.Load(os.DirFS("testdata/examples"), town(t))
	var titles []string
	for _, d := range set.All() {
		titles = append(titles, d.Title.Text)
	}
	if want := []string{"Main Street plan", "Report a street problem"}; !reflect.DeepEqual(titles, want) {
		t.Errorf("got %q", titles)
	}
}

func TestOneFileBringsWhatItNeeds(t *testing.T) {
	set, problems := load(t, map[string]string{
		"town/visit.yaml": visit, "town/visit.es.yaml": visitSpanish,
		"town/common/place.yaml": place, "town/common/place.es.yaml": placeSpanish,
		"town/other.yaml": "dialog: broken\n",
	}, "town/visit.yaml")
	if problems.Errors() {
		t.Fatalf("\n%s", problems)
	}
	if d := set.Get("visit"); d == nil || d.Index("at.where") < 0 {
		t.Error("the steps of common/place are missing")
	}
}

func TestUseCopiesStepsIn(t *testing.T) {
	d := one(t, "visit", visitFiles())
	var ids, whens []string
	for _, s := range d.Steps {
		ids = append(ids, s.ID)
		if s.When != nil {
			whens = append(whens, s.ID+": "+s.When.Source)
		}
	}
	if want := "kind at.where at.floor mood day saved bye"; strings.Join(ids, " ") != want {
		t.Errorf("steps %s, want %s", strings.Join(ids, " "), want)
	}
	if want := "at.where: kind is home; at.floor: kind is home and at.where is answered"; strings.Join(whens, "; ") != want {
		t.Errorf("conditions %s, want %s", strings.Join(whens, "; "), want)
	}
	if got, lang := d.Text("es", "at.floor"); got.Text != "¿Qué piso de ${at.where}?" || lang != "es" {
		t.Errorf("the part says %q in %s", got.Text, lang)
	}
	if got := d.Insertions("at.floor"); !reflect.DeepEqual(got, []string{"at.where"}) {
		t.Errorf("the part inserts %q", got)
	}
}

func TestStepsAsCompiled(t *testing.T) {
	d := one(t, "visit", visitFiles())
	kind := d.Steps[d.Index("kind")]
	if o := kind.Options[0]; o.Text.Short != "Home" || o.Text.Icon != "house" || !reflect.DeepEqual(o.Text.Also, []string{"my place", "7"}) || o.Key != "kind.home" {
		t.Errorf("the first option is %+v", o)
	}
	if kind.Options[0].Last || !kind.Options[2].Last {
		t.Error("other does not stay last")
	}
	mood := d.Steps[d.Index("mood")]
	if mood.Min != -2 || mood.Max != 2 || mood.Options[0].ID != "-2" || mood.Options[4].ID != "2" || mood.Options[4].Text.Text != "Very good" {
		t.Errorf("the scale is %+v", mood)
	}
	day := d.Steps[d.Index("day")]
	if today := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC); day.Earliest.On(today).Day() != 2 || day.Latest.On(today).Day() != 15 {
		t.Errorf("days %+v to %+v", day.Earliest, day.Latest)
	}
	if len(day.Retry) != 2 {
		t.Errorf("retries %+v", day.Retry)
	}
	if t2, lang := d.Text("es-MX", "kind.home"); t2.Text != "En casa" || lang != "es" || t2.Icon != "house" {
		t.Errorf("es-MX gets %+v in %s", t2, lang)
	}
	if t2, lang := d.Text("so", "kind.home"); t2.Text != "At home" || lang != "en" {
		t.Errorf("so gets %+v in %s", t2, lang)
	}
	if t2, _ := d.Text("en", "nothing"); !t2.IsZero() {
		t.Errorf("an unknown key gives %+v", t2)
	}
}

func TestTimesAreTheTowns(t *testing.T) {
	zone := time.FixedZone("here", -5*3600)
	options := town(t)
	options.Zone = zone
	content, err := os.ReadFile("testdata/check/fine-consultation.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ closes, want string }{
		{"2027-03-31 20:00", "2027-03-31T20:00:00-05:00"},
		{"2027-03-31", "2027-04-01T00:00:00-05:00"}, // the last day counts whole
	} {
		set, problems := dialogs.Load(folder(map[string]string{"fine-consultation.yaml": strings.Replace(string(content), "2027-03-31 20:00", c.closes, 1)}), options)
		if problems.Errors() {
			t.Fatal(problems)
		}
		d := set.Get("fine-consultation")
		if got := d.Closes.Format(time.RFC3339); got != c.want {
			t.Errorf("closes %s: %s", c.closes, got)
		}
		if got := d.Opens.Format(time.RFC3339); got != "2026-11-01T00:00:00-05:00" {
			t.Errorf("opens %s", got)
		}
	}
}

func TestRollAsksForTheCodeFirst(t *testing.T) {
	content, err := os.ReadFile("testdata/check/fine-consultation.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := one(t, "fine-consultation", map[string]string{"fine-consultation.yaml": strings.Replace(string(content), "who: anyone", "who: roll", 1)})
	if s := d.Steps[0]; s.Type != dialogs.Code || s.ID != "roll_code" || !s.Say.IsZero() {
		t.Errorf("the first step is %+v", s)
	}
	if d.Index("first") != 1 {
		t.Error("the other steps did not move down")
	}
}

func TestBundle(t *testing.T) {
	for _, id := range []string{"main-street", "street-problem", "visit"} {
		d := one(t, "visit", visitFiles())
		if id != "visit" {
			set, _ := dialogs.Load(os.DirFS("testdata/examples"), town(t))
			d = set.Get(id)
		}
		b := dialogs.Bundle(d)
		again, err := dialogs.Compile(b)
		if err != nil {
			t.Fatal(err)
		}
		if again.Pin != d.Pin {
			t.Errorf("%s: %v became %v", id, d.Pin, again.Pin)
		}
		if !reflect.DeepEqual(dialogs.Bundle(again), b) {
			t.Errorf("%s: bundled again it differs", id)
		}
		for _, key := range d.Keys() {
			for _, lang := range d.AllLanguages() {
				was, in := d.Text(lang, key)
				is, now := again.Text(lang, key)
				if !reflect.DeepEqual(was, is) || in != now {
					t.Errorf("%s: %s in %s was %+v, is %+v", id, key, lang, was, is)
				}
			}
			if !reflect.DeepEqual(d.Insertions(key), again.Insertions(key)) {
				t.Errorf("%s: the insertions of %s differ", id, key)
			}
		}
		for i := range d.Steps {
			was, is := d.Steps[i], again.Steps[i]
			was.Pos, was.When, is.When = dialogs.Position{}, nil, nil
			if !reflect.DeepEqual(was, is) {
				t.Errorf("%s: step %d was\n%+v, is\n%+v", id, i, was, is)
			}
		}
	}
}

func TestHashKnowsContentOnly(t *testing.T) {
	pin := one(t, "visit", visitFiles()).Pin
	same := map[string]func(map[string]string){
		"comments and space": func(f map[string]string) { f["visit.yaml"] = "# mine\n\n" + visit + "\n\n" },
		"windows":            func(f map[string]string) { f["visit.yaml"] = strings.ReplaceAll(visit, "\n", "\r\n") },
		"quotes": func(f map[string]string) {
			f["visit.yaml"] = strings.Replace(visit, "say: What is it?", `say: "What is it?"`, 1)
		},
		"blanks in a when": func(f map[string]string) {
			f["visit.yaml"] = strings.Replace(visit, "kind is home", "(kind  is home)", 1)
		},
		"another folder": func(f map[string]string) {
			for name, content := range visitFiles() {
				delete(f, name)
				f["town/"+name] = content
			}
		},
		"the order of a translation": func(f map[string]string) {
			line := "  title:\n    source: A visit\n    text: Una visita\n"
			f["visit.es.yaml"] = strings.Replace(visitSpanish, line, "", 1) + line
		},
	}
	for name, change := range same {
		files := visitFiles()
		change(files)
		if got := one(t, "visit", files).Pin; got != pin {
			t.Errorf("%s: %v, was %v", name, got, pin)
		}
	}
	other := map[string]func(map[string]string){
		"a word": func(f map[string]string) {
			f["visit.yaml"] = strings.Replace(visit, "also: [my place", "also: [our place", 1)
		},
		"a condition": func(f map[string]string) {
			f["visit.yaml"] = strings.Replace(visit, "kind is home", "kind is not other", 1)
		},
		"a translation": func(f map[string]string) {
			f["visit.es.yaml"] = strings.Replace(visitSpanish, "En casa", "En mi casa", 1)
		},
		"a part": func(f map[string]string) { f["common/place.yaml"] = strings.Replace(place, "max: 30", "max: 40", 1) },
		"the translation of a part": func(f map[string]string) {
			f["common/place.es.yaml"] = strings.Replace(placeSpanish, "Dónde", "En dónde", 1)
		},
		"a bound": func(f map[string]string) {
			f["visit.yaml"] = strings.Replace(visit, "from: tomorrow", "from: today", 1)
		},
		"the days": func(f map[string]string) { f["visit.yaml"] = strings.Replace(visit, "days: 3", "days: 4", 1) },
		"the order of options": func(f map[string]string) {
			f["visit.yaml"] = strings.Replace(strings.Replace(visit, "      office: At the office\n", "", 1), "    options:\n", "    options:\n      office: At the office\n", 1)
		},
		"a length of time": func(f map[string]string) {
			f["visit.yaml"] = strings.Replace(visit, "language: en\n", "language: en\nexpire_after: 9 days\n", 1)
		},
	}
	seen := map[string]string{pin.Hash: "nothing"}
	for name, change := range other {
		files := visitFiles()
		change(files)
		got := one(t, "visit", files).Pin
		if was, ok := seen[got.Hash]; ok {
			t.Errorf("%s gives the same hash as %s", name, was)
		}
		seen[got.Hash] = name
	}
	if len(pin.Hash) != 16 {
		t.Errorf("the hash is %q", pin.Hash)
	}
}

func TestCompileRefusesOtherBytes(t *testing.T) {
	b := string(dialogs.Bundle(one(t, "visit", visitFiles())))
	for name, bad := range map[string]string{
		"nothing":          "",
		"no JSON":          "dialog: visit",
		"a newer format":   strings.Replace(b, `"townline": 1`, `"townline": 2`, 1),
		"an unknown field": strings.Replace(b, `"version": 3`, `"version": 3, "speed": 1`, 1),
		"an unknown type":  strings.Replace(b, `"type": "scale"`, `"type": "slope"`, 1),
		"a bad condition":  strings.Replace(b, "kind is home", "kind is cellar", 1),
		"a later step":     strings.Replace(b, "kind is home and at.where", "kind is home and mood", 1),
		"no steps":         `{"townline": 1, "steps": []}`,
	} {
		if bad == b {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := dialogs.Compile([]byte(bad)); err == nil {
			t.Errorf("%s: compiled", name)
		}
	}
}

func TestBrokenDialogsStayOut(t *testing.T) {
	files := visitFiles()
	fine, err := os.ReadFile("testdata/check/fine-request.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files["fine-request.yaml"] = string(fine)
	for _, broken := range []string{"visit.yaml", "visit.es.yaml", "common/place.yaml", "common/place.es.yaml"} {
		spoilt := map[string]string{}
		for name, content := range files {
			spoilt[name] = content
		}
		spoilt[broken] += "nonsense: yes\n"
		set, problems := load(t, spoilt)
		if !problems.Errors() || set.Get("visit") != nil || set.Get("fine-request") == nil {
			t.Errorf("%s is broken: visit %v, the other %v", broken, set.Get("visit"), set.Get("fine-request"))
		}
	}
}

func TestExtract(t *testing.T) {
	files := visitFiles()
	files["visit.es.yaml"] = strings.NewReplacer(
		"source: What is it?", "source: What was it?", // stale
		"  mood:\n    source: How are you?\n    text: ¿Cómo está?\n", "", // new
		"  title:", "  gone:\n    source: Old words\n    text: \"Ya: no\"\n  title:", // no longer there
	).Replace(visitSpanish)
	set, problems := load(t, files)
	if !problems.Errors() || set.Get("visit") != nil {
		t.Fatalf("stale and missing texts pass:\n%s", problems)
	}
	d := set.Draft("visit")
	if text, lang := d.Text("es", "kind"); text.Text != "What is it?" || lang != "en" {
		t.Errorf("a stale translation is said: %q in %s", text.Text, lang)
	}
	got := string(dialogs.Extract(d, "es"))
	golden.Compare(t, filepath.Join("testdata", "extract.es.golden"), got)

	// Taking out what was extracted changes nothing more, and the file loads.
	files["visit.es.yaml"] = got
	files["visit.yaml"] = strings.Replace(visit, "languages: [es]\n", "", 1) // not offered in Spanish yet
	if again := string(dialogs.Extract(one(t, "visit", files), "es")); again != got {
		t.Errorf("extracted again it differs:\n%s\n%s", got, again)
	}
	fresh := string(dialogs.Extract(d, "fr"))
	if strings.Count(fresh, "    text:\n") != strings.Count(fresh, "source:") || strings.Contains(fresh, "at.where:") {
		t.Errorf("a new language begins as\n%s", fresh)
	}
	files["visit.fr.yaml"] = fresh
	one(t, "visit", files)
}

func TestProblemsAsText(t *testing.T) {
	_, problems := load(t, map[string]string{"a.yaml": "dialog: a\nversion: 日本 # x\nlanguage: en\nsteps:\n  - {id: x, type: end, say: Bye.}\n"})
	got := problems.String()
	want := "a.yaml:2:10: problem: here must stand a whole number from 1 to 1000000 [not-a-number]\n" +
		"    | version: 日本 # x\n    |          ^\n    = write it in digits, for example 10\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if !problems.Errors() || len(problems.JSON()) == 0 || string(dialogs.Problems(nil).JSON()) != "[]\n" {
		t.Error("JSON")
	}
}

func TestMissingPathsAndFolders(t *testing.T) {
	_, problems := load(t, map[string]string{"a/b.yaml": visit}, "nowhere.yaml")
	if len(problems) != 1 || problems[0].Code != "unreadable" {
		t.Errorf("got\n%s", problems)
	}
}

func BenchmarkText(b *testing.B) {
	d := one(b, "visit", visitFiles())
	b.ReportAllocs()
	for b.Loop() {
		if t, _ := d.Text("es-MX", "kind.home"); t.Text == "" {
			b.Fatal("no text")
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	content := dialogs.Bundle(one(b, "visit", visitFiles()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dialogs.Compile(content); err != nil {
			b.Fatal(err)
		}
	}
}

func TestHiddenAndOtherFilesAreLeftOut(t *testing.T) {
	files := visitFiles()
	files[".drafts/broken.yaml"] = "dialog: broken\n"
	files[".broken.yaml"] = "dialog: broken\n"
	files["townline.yaml"] = "listen: 127.0.0.1:8080\n"
	files["visit.test.yaml"] = "dialog: visit\ntests: nonsense\n"
	files["notes.txt"] = "dialog: broken\n"
	one(t, "visit", files)
}
