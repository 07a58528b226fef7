package cost

import (
	"testing"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/locales"
)

// every holds each conversation that there is, and gives the shortest and the longest.
func (s *search) every(p plan, span *Span, ok *bool) {
	asked, w, whole := s.hold(p)
	for _, step := range asked {
		if _, settled := p[step]; settled || len(s.answers[step]) < 2 {
			continue
		}
		for i := range s.answers[step] {
			s.every(p.with(step, i), span, ok)
		}
		return
	}
	if !whole {
		return
	}
	if !*ok || w.Whole() < span.Shortest.Whole() {
		span.Shortest = w
	}
	if !*ok || w.Whole() > span.Longest.Whole() {
		span.Longest = w
	}
	*ok = true
}

// What is found by a few hundred conversations is what all of them together say.
func TestTheSearchMissesNothing(t *testing.T) {
	words, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := dialogs.Load(library.FS(), dialogs.Options{Locales: words})
	if problems.Errors() {
		t.Fatal(problems)
	}
	town := dialogtest.NewTown(words, set.All())
	for _, c := range []struct{ dialog, lang string }{{"main-street", "en"}, {"main-street", "es"}, {"appeal", "es"}, {"town-hall", "fr"}, {"request-status", "ar"}} {
		t.Run(c.dialog+" "+c.lang, func(t *testing.T) {
			t.Parallel()
			d := set.Get(c.dialog)
			few, all := newSearch(town, d, c.lang), newSearch(town, d, c.lang)
			got, ok := few.span()
			var want Span
			var found bool
			all.every(plan{}, &want, &found)
			if !ok || !found {
				t.Fatal("no way comes to its end")
			}
			if got.Shortest.Whole() != want.Shortest.Whole() || got.Longest.Whole() != want.Longest.Whole() {
				t.Errorf("found %v to %v in %d conversations; in all %d there are %v to %v", got.Shortest.Whole(), got.Longest.Whole(), few.walks,
					all.walks, want.Shortest.Whole(), want.Longest.Whole())
			}
			t.Logf("%d conversations instead of %d", few.walks, all.walks)
		})
	}
}
