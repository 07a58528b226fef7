package cost

import (
	"testing"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/library"
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
			t.Run("call", func(t *testing.T) { t.Parallel(); missesNothing(t, newSearch(town, d, c.lang, byCall())) })
			t.Run("text", func(t *testing.T) { t.Parallel(); missesNothing(t, newSearch(town, d, c.lang, byText())) })
			t.Run("menu", func(t *testing.T) { t.Parallel(); missesNothing(t, newSearch(town, d, c.lang, byMenu())) })
			t.Run("kiosk", func(t *testing.T) { t.Parallel(); missesNothing(t, newSearch(town, d, c.lang, byKiosk())) })
			t.Run("chat", func(t *testing.T) { t.Parallel(); missesNothing(t, newSearch(town, d, c.lang, byWhatsApp())) })
		})
	}
}

func missesNothing[W any](t *testing.T, few *search[W]) {
	all := newSearch(few.town, few.d, few.lang, few.how)
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

// BenchmarkOf makes the cards of the whole sample town.
func BenchmarkOf(b *testing.B) {
	town, set := sample(b)
	for b.Loop() {
		for _, d := range set.All() {
			Of(town, d)
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
