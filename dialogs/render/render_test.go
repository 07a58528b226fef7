package render_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/golden"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

var today = time.Date(2027, 1, 11, 0, 0, 0, 0, time.UTC) // a Monday

var loadLocales = sync.OnceValues(locales.Load)

func catalogue(t testing.TB) *locales.Catalogue {
	t.Helper()
	c, err := loadLocales()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var loadTown = sync.OnceValues(func() (*dialogs.Set, dialogs.Problems) {
	return dialogs.Load(os.DirFS("testdata/dialogs"), dialogs.Options{})
})

// town is the dialogs that the tests are held with.
func town(t testing.TB) *dialogs.Set {
	t.Helper()
	set, problems := loadTown()
	if problems.Errors() {
		t.Fatal(problems.String())
	}
	return set
}

func wordsFor(c *locales.Catalogue, d *dialogs.Dialog, lang string) *render.Words {
	return &render.Words{
		Dialog: d, Lang: c.Language(lang), Catalogue: c, Languages: []string{"en", "es"},
		Town: "Elmwood", Country: "1", Emergency: "911", Today: today,
	}
}

// given is a full set of answers, for reviews and insertions.
func given(d *dialogs.Dialog, before int) []engine.Answer {
	var out []engine.Answer
	for i := range d.Steps[:before] {
		st := &d.Steps[i]
		a := engine.Answer{Step: i}
		switch st.Type {
		case dialogs.Choice, dialogs.Scale:
			a.Values = []string{st.Options[0].ID}
		case dialogs.Choices:
			a.Values = []string{st.Options[0].ID, st.Options[1].ID}
		case dialogs.Rank:
			for _, o := range st.Options {
				a.Values = append(a.Values, o.ID)
			}
		case dialogs.Budget:
			a.Values = []string{"5", "3", "2"}
		case dialogs.YesNo, dialogs.Consent:
			a.Values = []string{"yes"}
		case dialogs.Number:
			a.Values = []string{"12"}
		case dialogs.Date:
			a.Values = []string{"2027-03-15"}
		case dialogs.Words, dialogs.Place:
			a.Values = []string{"By the old mill, where the road bends and the water stands after rain"}
		case dialogs.Photo:
			a.Media = []engine.Media{{Type: "image/jpeg", Ref: "m1"}}
		case dialogs.Contact:
			a.Values = []string{"+12025550100"}
		case dialogs.Similar:
			a.Values = []string{"none"}
		default:
			continue
		}
		out = append(out, a)
	}
	return out
}

// state is a conversation that has come to a step, everything before it answered.
func state(d *dialogs.Dialog, step int) *engine.State {
	s := &engine.State{Version: engine.Version, Lang: d.Language, Pin: d.Pin, Step: step, Answers: given(d, step), Ref: "482-173-5", Due: "2027-01-18", Seed: 7, Hint: true}
	for s.From = step; s.From > 0 && !d.Steps[s.From-1].Type.Asks(); s.From-- {
	}
	if s.From == 0 {
		s.From = -1
	}
	if d.Steps[step].Type == dialogs.Similar {
		s.Found = []engine.Found{{Ref: "111-222-3", What: "Hole in the road, Mill Lane 4"}, {Ref: "111-333-4", What: "Hole in the road, Mill Lane 9"}}
	}
	return s
}

// shown is what is on show at a step.
func shown(d *dialogs.Dialog, step int, t render.Traits) []engine.Prompt {
	if st := &d.Steps[step]; st.Type == dialogs.End {
		s := state(d, step)
		p := engine.Prompt{Key: st.ID, Step: step}
		for _, name := range d.Insertions(st.ID) {
			a := engine.Arg{Name: name, Kind: engine.ArgAnswer, Step: d.Index(name)}
			switch name {
			case "reference":
				a = engine.Arg{Name: name, Kind: engine.ArgReference, Value: s.Ref}
			case "due":
				a = engine.Arg{Name: name, Kind: engine.ArgDate, Value: s.Due}
			default:
				a.Answer, _ = s.Answer(a.Step)
			}
			p.Args = append(p.Args, a)
		}
		return []engine.Prompt{p}
	}
	return engine.Show(d, state(d, step), t.Can, today.Add(10*time.Hour))
}

func TestPages(t *testing.T) {
	c := catalogue(t)
	for _, d := range town(t).All() {
		for _, lang := range d.AllLanguages() {
			for _, traits := range render.Channels() {
				name := fmt.Sprintf("%s.%s.%s", d.ID, lang, traits.Name)
				t.Run(name, func(t *testing.T) {
					w := wordsFor(c, d, lang)
					var b strings.Builder
					for i := range d.Steps {
						if !d.Steps[i].Type.Asks() && d.Steps[i].Type != dialogs.End {
							continue
						}
						for _, p := range render.Render(w, shown(d, i, traits), traits) {
							fmt.Fprintf(&b, "== %s %d/%d", d.Steps[i].ID, p.Number, p.Of)
							if traits.GSM {
								n := render.Count(p.Text)
								fmt.Fprintf(&b, " gsm=%v units=%d segments=%d", n.GSM, n.Units, n.Segments)
							}
							b.WriteString("\n" + p.String() + "\n")
							for _, o := range p.Options {
								fmt.Fprintf(&b, "   [%s] %s %q %s\n", o.Digit, o.ID, o.Label, o.Icon)
							}
						}
					}
					golden.Compare(t, filepath.Join("testdata", "golden", name+".txt"), b.String())
				})
			}
		}
	}
}
