package cost

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
)

// sample is the sample town and its dialogs.
func sample(t testing.TB) (*talk.Town, *dialogs.Set) {
	t.Helper()
	words, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := dialogs.Load(library.FS(), dialogs.Options{Locales: words})
	if problems.Errors() {
		t.Fatal(problems)
	}
	return dialogtest.NewTown(words, set.All()), set
}

// every holds each conversation that there is, from its beginning, and gives the least and the most.
func (s *search[W]) every(start stand, p plan, least, most *int64, ok *bool) {
	c := s.goOn(start.fork(), p, false)
	for _, step := range c.asked {
		if _, settled := p[step]; settled || len(s.answers[step]) < 2 {
			continue
		}
		for i := range s.answers[step] {
			s.every(start, p.with(step, i), least, most, ok)
		}
		return
	}
	if !c.whole {
		return
	}
	n := s.how.weight(&c.walk)
	if !*ok || n < *least {
		*least = n
	}
	if !*ok || n > *most {
		*most = n
	}
	*ok = true
}

// What is found by a few hundred conversations is what all of them together say.
func TestTheSearchMissesNothing(t *testing.T) {
	town, set := sample(t)
	for _, c := range []struct{ dialog, lang string }{{"main-street", "es"}, {"appeal", "es"}, {"town-hall", "fr"}, {"request-status", "ar"}} {
		d := set.Get(c.dialog)
		t.Run(c.dialog+" "+c.lang, func(t *testing.T) {
			t.Run("call", func(t *testing.T) { t.Parallel(); missesNothing(t, newSearch(town, d, c.lang, byCall(), mostWalks)) })
			t.Run("text", func(t *testing.T) { t.Parallel(); missesNothing(t, newSearch(town, d, c.lang, byText(), mostWalks)) })
			t.Run("menu", func(t *testing.T) {
				t.Parallel()
				missesNothing(t, newSearch(town, d, c.lang, byMenu(render.USSD), mostWalks))
			})
			t.Run("kiosk", func(t *testing.T) { t.Parallel(); missesNothing(t, newSearch(town, d, c.lang, byKiosk(), mostWalks)) })
			t.Run("chat", func(t *testing.T) {
				t.Parallel()
				missesNothing(t, newSearch(town, d, c.lang, byWhatsApp(), mostWalks))
			})
		})
	}
}

func missesNothing[W any](t *testing.T, few *search[W]) {
	all := newSearch(few.town, few.d, few.lang, few.how, mostWalks)
	got, ok := few.span()
	start, begun := all.begin()
	if !begun {
		t.Fatal("it doesn't begin")
	}
	var least, most int64
	var found bool
	all.every(start, plan{}, &least, &most, &found)
	if !ok || !found {
		t.Fatal("no way comes to its end")
	}
	if short, long := few.how.weight(&got.Shortest), few.how.weight(&got.Longest); short != least || long != most {
		t.Errorf("found %d to %d in %d conversations; in all %d there are %d to %d: %+v", short, long, few.walks, all.walks, least, most, got)
	}
	t.Logf("%d conversations instead of %d", few.walks, all.walks)
}

// Where there are more ways than can be tried, the way that was found is made better step by step, and it is told.
func TestTooManyWays(t *testing.T) {
	words, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("dialog: d\nversion: 1\ntitle: D\npurpose: information\nlanguage: en\nstart: MANY\nsteps:\n")
	for i := range 12 { // 7 to the power of 12
		fmt.Fprintf(&b, "  - id: q%d\n    type: choice\n    say: Which comes first, number %[1]d?\n    options: \n", i)
		for j, o := range []string{"Trees", "Buses", "Benches", "Lights", "Crossings", "Toilets", "Fountains"} {
			fmt.Fprintf(&b, "      o%d: %s\n", j, o)
		}
		fmt.Fprintf(&b, "  - id: t%d\n    type: yesno\n    when: q%[1]d is o3\n    say: Is it so?\n", i)
	}
	b.WriteString("  - id: z\n    type: end\n    say: Bye.\n")
	set, problems := dialogs.Load(fstest.MapFS{"d.yaml": {Data: []byte(b.String())}}, dialogs.Options{Locales: words})
	if problems.Errors() {
		t.Fatal(problems)
	}
	s := newSearch(dialogtest.NewTown(words, set.All()), set.Get("d"), "en", byText(), briefWalks)
	got, ok := s.span()
	if !ok || !got.Cut || got.Shortest.Messages != 13 || got.Longest.Messages != 25 {
		t.Errorf("found %d to %d messages, want 13 to 25; told that not all were tried: %v", got.Shortest.Messages, got.Longest.Messages, got.Cut)
	}
	if s.walks > 3*briefWalks+3 {
		t.Errorf("%d conversations were held", s.walks)
	}
}

// BenchmarkOf makes the cards of the whole sample town.
func BenchmarkOf(b *testing.B) {
	town, set := sample(b)
	for b.Loop() {
		for _, d := range set.All() {
			Of(town, d, render.USSD)
		}
	}
}

// BenchmarkOfCall looks for the calls alone.
func BenchmarkOfCall(b *testing.B) {
	town, set := sample(b)
	for b.Loop() {
		for _, d := range set.All() {
			for _, lang := range d.AllLanguages() {
				OfCall(town, d, lang)
			}
		}
	}
}
