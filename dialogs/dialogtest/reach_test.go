package dialogtest_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// yard asks one question of each kind that has something to be reached; shed is another dialog of the same town.
var yard = map[string]string{
	"shed.yaml": "dialog: shed\nversion: 1\ntitle: The shed\npurpose: information\nlanguage: en\nstart: SHED\nsteps:\n  - id: bye\n    type: end\n    say: The shed is open.\n",
	"yard.yaml": `dialog: yard
version: 1
title: The yard
purpose: information
language: en
languages: [es]
start: YARD
steps:
  - id: what
    type: choice
    say: What is missing in the yard?
    options:
      bench: A bench
      tree: A tree
      lamp: A lamp
      swing: A swing
      bin: A litter bin
      tap: A water tap
      fence: A fence
      rack: A bicycle rack
      other: Something else
  - id: days
    type: number
    min: 1
    max: 7
    say: How many days a week are you there?
  - id: coins
    type: budget
    total: 5
    optional: true
    say: Share 5 coins.
    options:
      grass: Grass
      stones: Stones
  - id: bye
    type: end
    say: Thank you.
`,
	"yard.es.yaml": `dialog: yard
language: es
texts:
  title:
    source: The yard
    text: El patio
  what:
    source: "What is missing in the yard?"
    text: ¿Qué falta en el patio?
  what.bench:
    source: A bench
    text: Un banco
  what.tree:
    source: A tree
    text: Un árbol
  what.lamp:
    source: A lamp
    text: Una farola
  what.swing:
    source: A swing
    text: Un columpio
  what.bin:
    source: A litter bin
    text: Una papelera
  what.tap:
    source: A water tap
    text: Una fuente
  what.fence:
    source: A fence
    text: Una valla
  what.rack:
    source: A bicycle rack
    text: Un aparcabicis
  what.other:
    source: Something else
    text: Otra cosa
  days:
    source: How many days a week are you there?
    text: ¿Cuántos días a la semana viene?
  coins:
    source: Share 5 coins.
    text: Reparta 5 monedas.
  coins.grass:
    source: Grass
    text: Hierba
  coins.stones:
    source: Stones
    text: Piedras
  bye:
    source: Thank you.
    text: Gracias.
`,
}

func loadYard(t *testing.T) (*dialogs.Dialog, []*dialogs.Dialog, *locales.Catalogue) {
	t.Helper()
	words, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{}
	for name, text := range yard {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	set, problems := dialogs.Load(fsys, dialogs.Options{Locales: words})
	if problems.Errors() {
		t.Fatal(problems)
	}
	return set.Get("yard"), set.All(), words
}

// Each way to spoil a dialog, or its town, is found, and said of the right words on the right channels.
func TestReachFinds(t *testing.T) {
	tiny := render.USSD
	tiny.Name, tiny.Limit, tiny.Limit16 = "tiny", 6, 3
	reword := func(key, words string) func(*dialogs.Dialog, *dialogs.Dialog) {
		return func(d, _ *dialogs.Dialog) {
			es := map[string]dialogs.Text{}
			for k, v := range d.Translations["es"] {
				es[k] = v
			}
			if es[key] = (dialogs.Text{Text: words}); words == "gone" {
				delete(es, key)
			}
			d.Translations = map[string]map[string]dialogs.Text{"es": es}
		}
	}
	for _, test := range []struct {
		name   string
		spoil  func(d, shed *dialogs.Dialog)
		on     []render.Traits
		want   []string // parts of one problem, each
		absent []string
	}{
		{"nothing", func(_, _ *dialogs.Dialog) {}, nil, nil, []string{"problem"}},
		{"a number that begins something else", func(_, shed *dialogs.Dialog) { shed.Start = "3" }, nil,
			[]string{`yard.yaml:15:13: problem: nobody can choose "lamp" of "what" on sms`, "[option-unreachable]", `choose "lamp" of "what" by typing its digit on whatsapp, telegram in es`}, []string{`choose "tree"`}},
		{"an 8 that turns no page", func(_, shed *dialogs.Dialog) { shed.Start = "8" }, nil,
			[]string{`nobody can choose "rack" of "what" on`, `nobody can choose "other" of "what" on`}, []string{`choose "bench"`}},
		{"the words of another option", reword("what.tree", "UN  BANCO"), nil,
			[]string{`a page at "what" on sms, whatsapp, voice, ussd, telegram, kiosk in es can't be shown: two options are called "UN  BANCO"`, "yard.es.yaml:9:11"}, []string{"in en"}},
		{"the words of a command", reword("what.tap", "9"), nil, []string{`who answers "9" to "what" on sms, whatsapp, telegram in es does not choose "tap"`, "yard.es.yaml:27:"}, []string{"in en"}},
		{"a screen that is too small", func(_, _ *dialogs.Dialog) {}, []render.Traits{tiny}, []string{`a page at "what" on tiny in es can't be shown`, "[page-unfit]"}, nil},
		{"words that a language lacks", reword("what.lamp", "gone"), nil, []string{`"what.lamp" has no words in es`, "[words-missing]"}, []string{`in en`}},
		{"words that are blank", reword("what.lamp", ""), nil, []string{`"what.lamp" has no words in es`}, nil},
		{"a number that has no key", func(d, _ *dialogs.Dialog) { d.Steps[1].HasMin, d.Steps[1].Min = true, -3 }, nil,
			[]string{`nobody can answer "-3" to "days" on voice`, "[answer-unreachable]"}, []string{"kiosk"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, all, words := loadYard(t)
			town := dialogtest.NewTown(words, all)
			copied := *d
			copied.Steps = append([]dialogs.Step(nil), d.Steps...)
			for _, x := range all {
				if x.ID == "shed" {
					test.spoil(&copied, x)
				}
			}
			got := dialogtest.Reach(town, &copied, time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC), test.on...).String()
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("nothing says %q:\n%s", want, got)
				}
			}
			for _, absent := range test.absent {
				if strings.Contains(got, absent) {
					t.Errorf("it says %q:\n%s", absent, got)
				}
			}
			if testing.Verbose() {
				t.Log(got)
			}
		})
	}
}

func TestFault(t *testing.T) {
	option := func(id, digit string) render.Shown { return render.Shown{ID: id, Digit: digit, Label: id} }
	for _, test := range []struct {
		want string
		page render.Page
		on   render.Traits
	}{
		{"", render.Page{Text: "Yes?\n1 Yes", Options: []render.Shown{option("yes", "1")}}, render.SMS},
		{"it is 161 characters long, and 160 fit", render.Page{Text: strings.Repeat("a", 161)}, render.USSD},
		{"it is 71 characters long, and 70 fit", render.Page{Text: strings.Repeat("я", 71)}, render.USSD},
		{"it is empty", render.Page{Text: " \n"}, render.SMS},
		{"it is empty", render.Page{}, render.Kiosk},
		{"nothing is said", render.Page{}, render.Voice},
		{`a value is missing in "Hello ${name}"`, render.Page{Text: "Hello ${name}"}, render.SMS},
		{`the option "nine" has no key but "9"`, render.Page{Text: "?", Options: []render.Shown{option("nine", "9")}}, render.SMS},
		{"the key 2 stands for two options", render.Page{Text: "?", Options: []render.Shown{option("a", "2"), option("b", "2")}}, render.SMS},
		{"the option with the key 1 has no words", render.Page{Text: "?", Options: []render.Shown{{ID: "a", Digit: "1"}}}, render.SMS},
		{"it has 6 options", render.Page{Spoken: []render.Spoken{{Words: "?"}}, Options: make([]render.Shown, 6)}, render.Voice},
	} {
		if got := dialogtest.Fault(&test.page, test.on); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
