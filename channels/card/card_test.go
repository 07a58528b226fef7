package card_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels/card"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

var day = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func sample(t *testing.T) (card.Settings, *dialogs.Set) {
	t.Helper()
	words, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := dialogs.Load(library.FS(), dialogs.Options{Locales: words})
	if problems.Errors() {
		t.Fatal(problems)
	}
	return card.Settings{Talk: dialogtest.NewTown(words, set.All()), Number: "555 0100", Texts: "555 0111", Now: day}, set
}

// Whoever calls hears what stands on the card: the same questions in the same order, with the same keys.
func TestTheCardSaysWhatTheCallSays(t *testing.T) {
	s, set := sample(t)
	for _, d := range set.All() {
		for _, lang := range d.AllLanguages() {
			t.Run(d.ID+" "+lang, func(t *testing.T) {
				sheet := card.Of(s, d, lang, 2, 5)
				at, heard := 0, 0
				for _, page := range call(t, s, d, lang) {
					for _, o := range page.Options {
						if o.ID == "" || o.Digit == "" {
							continue
						}
						heard++
						for at < len(sheet.Questions) && !offers(sheet.Questions[at], o) {
							at++
						}
						if at == len(sheet.Questions) {
							t.Fatalf("the call offers %q on %s, which the card lacks after what came before: %+v", o.Label, o.Digit, sheet.Questions)
						}
					}
				}
				if heard == 0 {
					t.Error("nothing was heard")
				}
			})
		}
	}
}

func offers(q card.Question, o render.Shown) bool {
	return slices.ContainsFunc(q.Keys, func(k card.Key) bool { return k.Key == o.Digit && k.Does == o.Label })
}

// call holds a call by keys alone, and gives the pages of the dialog's own questions.
func call(t *testing.T, s card.Settings, d *dialogs.Dialog, lang string) []render.Page {
	t.Helper()
	start := day
	if !d.Opens.IsZero() {
		start = d.Opens
	}
	r := dialogtest.NewResident(s.Talk, render.Voice, start)
	r.Speaks(lang)
	r.Meets(dialogtest.Test{Roll: []string{"482715"}, Found: []dialogtest.Known{{Found: engine.Found{Ref: "311-204-7", What: "Hole", State: "open", Due: "2027-03-15"}}}})
	if err := r.Opens(d); err != nil {
		t.Fatal(err)
	}
	var out []render.Page
	last := ""
	for range 60 {
		st := r.Asked()
		if r.End != "" {
			return out
		}
		if st == nil { // whether that was heard right
			r.Presses("1")
			continue
		}
		if st.ID == last && st.Type != dialogs.Choices { // asked part by part: what is left has been said
			return out
		}
		page := r.Pages[len(r.Pages)-1]
		if st.ID != last {
			out = append(out, page)
		}
		switch {
		case st.Type == dialogs.Code:
			r.Says("482715")
		case st.Type == dialogs.Status:
			r.Says("311-204-7")
		case st.ID == last || st.Optional:
			r.Skips()
		case st.Type == dialogs.Choices:
			r.Says(page.Options[0].Digit)
		case st.Type == dialogs.Number:
			r.Says("3")
		case st.Type == dialogs.Date, st.Type == dialogs.Place, st.Type == dialogs.Words, st.Type == dialogs.Budget:
			return out
		default:
			r.Presses(page.Options[0].Digit)
		}
		last = st.ID
	}
	return out
}

func TestASheet(t *testing.T) {
	s, set := sample(t)
	s.CallBack = true
	sheet := card.Of(s, set.Get("main-street"), "en", 3, 5)
	if sheet.Title != "Main Street plan" || !slices.Equal(sheet.Path, []string{"3"}) || len(sheet.Questions) != 6 {
		t.Errorf("%q, by %v, with %d questions", sheet.Title, sheet.Path, len(sheet.Questions))
	}
	q := sheet.Questions[1]
	if q.Number != "Question 2" || q.Words != "What should the city improve first on Main Street?" || q.Keys[3] != (card.Key{Key: "8", Does: "More choices"}) {
		t.Errorf("%+v", q)
	}
	if other := card.Of(s, set.Get("street-problem"), "en", 3, 5).Questions[1]; other.Some == "" || len(other.Keys) != 2 {
		t.Errorf("a question that is not for everybody: %+v", other)
	}
	if order := sheet.Questions[2]; !strings.Contains(strings.Join(order.How, " "), "leave this one out, press 8") {
		t.Errorf("how to leave it out is not told: %+v", order)
	}
	notes := strings.Join(sheet.Notes, " ")
	for _, want := range []string{"3 to 5 minutes", "31 March 2027", "Nothing is lost", "let it ring once", "Your phone company"} {
		if !strings.Contains(strings.ToLower(notes), strings.ToLower(want)) {
			t.Errorf("%q is not told: %s", want, notes)
		}
	}
	if !strings.HasPrefix(sheet.Decided, "The city council decides") {
		t.Errorf("who decides: %q", sheet.Decided)
	}
	if far := card.Of(s, set.Get("city-budget"), "fr", 0, 0); !slices.Equal(far.Path, []string{"8", "8", "2"}) {
		t.Errorf("by %v to the budget", far.Path)
	}
	s.Texts = ""
	if quiet := card.Of(s, set.Get("main-street"), "en", 3, 5); quiet.Text != "" {
		t.Errorf("a word to text where no texts are taken: %q", quiet.Text)
	}
}

func TestTheTownsSheet(t *testing.T) {
	s, set := sample(t)
	for _, lang := range s.Talk.Languages {
		sheet := card.OfTown(s, lang)
		for _, d := range set.All() {
			if d.Hidden || d.Opens.After(day) || !d.Closes.IsZero() && !day.Before(d.Closes) {
				continue
			}
			title, _ := d.Text(lang, "title")
			want := func(k card.Key) bool { return k.Does == title.Text && k.Word == d.Start }
			if !slices.ContainsFunc(sheet.Questions[0].Keys, want) {
				t.Errorf("%s: %q with the word %q is not on the sheet", lang, title.Text, d.Start)
			}
		}
	}
}

func TestThePage(t *testing.T) {
	s, set := sample(t)
	sheet := card.Of(s, set.Get("request-status"), "ar", 1, 2)
	sheet.Title = `<b>"Town"</b>`
	page, err := card.HTML(card.Letter, []card.Sheet{sheet})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"size: letter", `lang="ar" dir="rtl">`, "&lt;b&gt;", "555\u00a00100"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(string(page), "<script") || strings.Contains(string(page), "http") {
		t.Error("the page fetches or runs something")
	}
	if _, err := card.HTML("a3", nil); err == nil {
		t.Error("a3 is a paper")
	}
}

// Who calls for the first time is asked for their language before anything else: the card says so, and which key it is.
func TestTheCardLeadsThroughAFirstCall(t *testing.T) {
	s, set := sample(t)
	for _, lang := range s.Talk.Languages {
		r := dialogtest.NewResident(s.Talk, render.Voice, day)
		r.Comes(render.Voice)
		for range 3 {
			page := r.Pages[len(r.Pages)-1]
			if i := slices.IndexFunc(page.Options, func(o render.Shown) bool { return o.ID == lang }); i >= 0 {
				for _, sheet := range []card.Sheet{card.Of(s, set.Get("city-budget"), lang, 0, 0), card.OfTown(s, lang)} {
					if !strings.Contains(sheet.First, page.Options[i].Digit) {
						t.Errorf("%s: the key %s is not told: %q", lang, page.Options[i].Digit, sheet.First)
					}
				}
				lang = ""
				break
			}
			r.Presses("8")
		}
		if lang != "" {
			t.Errorf("%s is not on offer", lang)
		}
	}
	s.Talk.Languages = []string{"en"}
	if sheet := card.Of(s, set.Get("main-street"), "en", 0, 0); sheet.First != "" {
		t.Errorf("a town of one language asks for none: %q", sheet.First)
	}
}
