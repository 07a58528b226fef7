package render_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// fits says what is wrong with a page of text.
func fits(p render.Page, t render.Traits) string {
	if t.Form != engine.Text || t.Limit == 0 {
		return ""
	}
	n := render.Count(p.Text)
	switch {
	case !utf8.ValidString(p.Text):
		return "is torn inside a character"
	case t.GSM && n.GSM && n.Units > t.Limit, t.GSM && !n.GSM && n.Units > t.Limit16:
		return fmt.Sprintf("takes %+v", n)
	case t.GSM && n.GSM && n.Segments > (t.Limit+152)/153, t.GSM && !n.GSM && n.Segments > (t.Limit16+66)/67:
		return fmt.Sprintf("takes %d segments", n.Segments)
	case !t.GSM && len(p.Text) > t.Limit && utf16Units(p.Text) > t.Limit:
		return "is too long"
	}
	return ""
}

func utf16Units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

var vocabulary = strings.Fields("a the bus street trees benches Main corner light 4 12 road, water. Who? Yes! €5 naïve árbol señor 公交车 树木和阴凉。 شارع المدينة، waddada 😀 👩‍👩‍👧 well-known https://town.example/plan “quoted” it’s – e\u0301tude")

func phraseOf(r *rand.Rand, n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = vocabulary[r.IntN(len(vocabulary))]
		if r.IntN(200) == 0 {
			words[i] = strings.Repeat("long", 1+r.IntN(80))
		}
	}
	return strings.Join(words, " ")
}

// anyPrompts makes up what could be on show.
func anyPrompts(r *rand.Rand) []engine.Prompt {
	say := func(n int) engine.Prompt {
		return engine.Prompt{Key: "words", Step: -1, Args: []engine.Arg{{Name: "w", Value: phraseOf(r, n)}}}
	}
	var out []engine.Prompt
	for range r.IntN(3) {
		out = append(out, say(1+r.IntN(60)))
	}
	q := say(1 + r.IntN(30))
	q.Asks = []engine.Asks{dialogs.Choice, engine.Pick, dialogs.Words, dialogs.Rank, dialogs.Number}[r.IntN(5)]
	q.Skip = r.IntN(2) == 0
	if q.Asks != dialogs.Words && q.Asks != dialogs.Number {
		for i := range 1 + r.IntN(20) {
			q.Options = append(q.Options, engine.Option{ID: fmt.Sprintf("o%d", i), Words: phraseOf(r, 1+r.IntN(8)), Place: i})
		}
	}
	return append(out, q)
}

// wordy is a dialog whose one text is whatever is put in.
func wordy(t testing.TB) *dialogs.Dialog {
	return town(t).Get("words")
}

func TestEveryPageFits(t *testing.T) {
	c := catalogue(t)
	d := wordy(t)
	r := rand.New(rand.NewPCG(3, 4))
	channels := append(render.Channels(),
		render.Traits{Name: "long ussd", Can: engine.Can{Form: engine.Text, Piecewise: true}, Short: true, GSM: true, Limit: 182, Limit16: 80, Star: "00"},
		render.Traits{Name: "tiny", Can: engine.Can{Form: engine.Text}, GSM: true, Limit: 60, Limit16: 40})
	pages, several := 0, 0
	for i := range 6000 {
		w := wordsFor(c, d, c.Tags()[i%len(c.Tags())])
		prompts := anyPrompts(r)
		traits := channels[i%len(channels)]
		got := render.Render(w, prompts, traits)
		if len(got) == 0 {
			t.Fatal("no page")
		}
		if !reflect.DeepEqual(got, render.Render(w, prompts, traits)) {
			t.Fatal("the same prompts give other pages")
		}
		reached := map[string]bool{}
		var all strings.Builder
		for n, p := range got {
			pages++
			if wrong := fits(p, traits); wrong != "" {
				t.Fatalf("seed 3,4 round %d, %s page %d %s:\n%s", i, traits.Name, n, wrong, p.Text)
			}
			if p.Number != n+1 || p.Of != len(got) {
				t.Fatalf("page %d of %d says %d of %d", n+1, len(got), p.Number, p.Of)
			}
			groups := map[int]bool{}
			for _, o := range p.Options {
				if o.ID == "" {
					continue
				}
				reached[o.ID] = true
				for _, x := range prompts[len(prompts)-1].Options {
					if x.ID == o.ID {
						groups[x.Place/7] = true
						if o.Digit != fmt.Sprint(x.Place%7+1) {
							t.Fatalf("option %d has digit %s", x.Place, o.Digit)
						}
					}
				}
			}
			if len(groups) > 1 {
				t.Fatalf("a page mixes groups: %v", p.Options)
			}
			if traits.Options > 0 && len(p.Options) > traits.Options+1 {
				t.Fatalf("%d options at a time", len(p.Options))
			}
			all.WriteString(p.String() + "\n")
		}
		several += len(got) - 1
		if len(reached) != len(prompts[len(prompts)-1].Options) {
			t.Fatalf("%d options of %d can be reached", len(reached), len(prompts[len(prompts)-1].Options))
		}
		inOrder(t, traits, prompts, all.String())
	}
	if several < 1000 {
		t.Fatalf("only %d further pages", several)
	}
}

// inOrder says whether all words are on the pages, in order and whole.
func inOrder(t *testing.T, traits render.Traits, prompts []engine.Prompt, all string) {
	t.Helper()
	rest := squeezed(all)
	for _, p := range prompts {
		words := []string{p.Args[0].Value}
		for _, o := range p.Options {
			words = append(words, o.Words)
		}
		for _, text := range words {
			for _, word := range strings.Fields(text) {
				word = squeezed(word)
				at := strings.Index(rest, word)
				if at < 0 && utf8.RuneCountInString(word) > 20 { // parted over pages, which is all right only when it is long
					continue
				}
				if at < 0 {
					for _, cluster := range clustersOf(word) { // Chinese goes on on the next page between any two characters
						if at = strings.Index(rest, cluster); at < 0 {
							t.Fatalf("%s: %q of %q is missing", traits.Name, cluster, text)
						}
						rest = rest[at+len(cluster):]
					}
					continue
				}
				rest = rest[at+len(word):]
			}
		}
	}
}

func clustersOf(word string) []string {
	var out []string
	g := uniseg.NewGraphemes(word)
	for g.Next() {
		out = append(out, g.Str())
	}
	return out
}

// squeezed makes texts comparable across the typographic twins of thrifty pages.
func squeezed(s string) string {
	return strings.NewReplacer("“", "\"", "”", "\"", "’", "'", "–", "-").Replace(s)
}

func TestAWordIsNeverTorn(t *testing.T) {
	c := catalogue(t)
	w := wordsFor(c, wordy(t), "en")
	long := strings.Repeat("x", 200)
	zalgo := "e" + strings.Repeat("\u0301", 300)
	for _, test := range []struct{ name, words, never string }{
		{"words", strings.Repeat("benches ", 60), "benc\n"},
		{"emoji", strings.Repeat("👩‍👩‍👧", 40), "👩\n"},
	} {
		pages := render.Render(w, []engine.Prompt{{Key: "words", Step: -1, Args: []engine.Arg{{Name: "w", Value: test.words}}}}, render.USSD)
		for _, p := range pages {
			if strings.Contains(p.Text+"\n", test.never) || strings.HasPrefix(p.Text, "\u200d") {
				t.Errorf("%s: torn: %q", test.name, p.Text)
			}
		}
		if len(pages) < 2 {
			t.Errorf("%s: %d pages prove nothing", test.name, len(pages))
		}
	}
	accents := strings.Repeat("e\u0301", 100) // a word without end, each of its letters two characters
	for _, p := range render.Render(w, []engine.Prompt{{Key: "words", Step: -1, Args: []engine.Arg{{Name: "w", Value: accents}}}}, render.USSD) {
		if strings.HasPrefix(p.Text, "\u0301") || strings.Contains(p.Text, "e\n") {
			t.Errorf("a letter is torn from its accent: %q", p.Text)
		}
	}
	for _, words := range []string{long, zalgo} { // longer than a page: parted all the same, and it fits
		for _, p := range render.Render(w, []engine.Prompt{{Key: "words", Step: -1, Args: []engine.Arg{{Name: "w", Value: words}}}}, render.USSD) {
			if wrong := fits(p, render.USSD); wrong != "" {
				t.Errorf("%q %s", p.Text, wrong)
			}
		}
	}
}

// TestAPairAtTheEdgeOfASegment has texts that fill three segments to the last unit, with a pair that must not be torn
// where one ends: they need a fourth.
func TestAPairAtTheEdgeOfASegment(t *testing.T) {
	w := wordsFor(catalogue(t), wordy(t), "en")
	for _, test := range []struct {
		letter, pair string
		segment      int
	}{{"a", "€", 153}, {"ж", "😀", 67}} {
		text := strings.Repeat(test.letter+" ", test.segment) // two units each
		runes := []rune(text)
		at := test.segment - 1
		text = string(runes[:at]) + test.pair + string(runes[at+2:])
		text += strings.Repeat(test.letter, 3*test.segment-render.Count(text).Units)
		if n := render.Count(text); n.Units != 3*test.segment || n.Segments != 4 {
			t.Fatalf("%+v proves nothing", n)
		}
		pages := render.Render(w, []engine.Prompt{{Key: "words", Step: -1, Args: []engine.Arg{{Name: "w", Value: text}}}}, render.SMS)
		for _, p := range pages {
			if wrong := fits(p, render.SMS); wrong != "" {
				t.Errorf("%s %s", p.Text, wrong)
			}
		}
	}
}

func TestLabelsFitTheirButtons(t *testing.T) {
	c := catalogue(t)
	d := wordy(t)
	label := "A rather long label for a small button 👩‍👩‍👧"
	ask := func(n int) []engine.Prompt {
		p := engine.Prompt{Key: "words", Asks: engine.Pick, Step: -1}
		for i := range n {
			p.Options = append(p.Options, engine.Option{ID: fmt.Sprint("o", i), Words: label, Place: i})
		}
		return []engine.Prompt{p}
	}
	for _, test := range []struct {
		traits render.Traits
		n      int
		want   string
	}{
		{render.WhatsApp, 3, "A rather long label…"},
		{render.WhatsApp, 4, "A rather long label for…"},
		{render.Telegram, 4, label},
		{render.SMS, 3, label},
	} {
		p := render.Render(wordsFor(c, d, "en"), ask(test.n), test.traits)[0]
		if got := p.Options[0].Label; got != test.want {
			t.Errorf("%s, %d options: got %q, want %q", test.traits.Name, test.n, got, test.want)
		}
	}
}

func TestInsertions(t *testing.T) {
	c := catalogue(t)
	w := wordsFor(c, wordy(t), "en")
	text := func(p engine.Prompt, traits render.Traits) string {
		page := render.Render(w, []engine.Prompt{p}, traits)[0]
		return page.String()
	}
	word := func(kind engine.ArgKind, value string) engine.Prompt {
		return engine.Prompt{Key: "words", Step: -1, Args: []engine.Arg{{Name: "w", Kind: kind, Value: value}}}
	}
	for _, test := range []struct {
		name   string
		prompt engine.Prompt
		traits render.Traits
		want   string
	}{
		{"a resident's words can't insert", word(engine.ArgWords, "${town} $${w} ${"), render.Kiosk, "${town} $${w} ${"},
		{"nor break lines", word(engine.ArgWords, "two\nlines\x00\u202e"), render.Kiosk, "two lines"},
		{"a day", word(engine.ArgDate, "2027-03-15"), render.SMS, "15 March"},
		{"no day", word(engine.ArgDate, "soon"), render.SMS, "soon"},
		{"a reference", word(engine.ArgReference, "482-173-5"), render.SMS, "482-173-5"},
		{"a reference is spelled and said twice", word(engine.ArgReference, "482-173-5"), render.Voice, "4 8 2, 1 7 3, 5\nI say it again. 4 8 2, 1 7 3, 5"},
		{"a language by its own name", word(engine.ArgLanguage, "es"), render.SMS, "Español"},
		{"the others, not the one in use", word(engine.ArgLanguage, "en es fr"), render.Kiosk, "Español, Français"},
		{"the town", engine.Prompt{Key: "hall", Step: -1}, render.SMS, "This is Elmwood. Words."},
		{"whom to call in danger", engine.Prompt{Key: "@emergency", Step: -1}, render.SMS, "Danger now? Call 911."},
	} {
		if got := text(test.prompt, test.traits); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// On a screen in Arabic the groups of a number stay in order; text channels get it bare, to be sent back as it is.
func TestANumberKeepsItsOrderFromRightToLeft(t *testing.T) {
	w := wordsFor(catalogue(t), nil, "ar")
	ref := engine.Arg{Name: "reference", Kind: engine.ArgReference, Value: "482-173-5"}
	p := []engine.Prompt{{Key: "@status.nodue", Step: -1, Args: []engine.Arg{ref}}}
	for _, test := range []struct {
		traits render.Traits
		want   string
	}{{render.Kiosk, "\u2066482-173-5\u2069"}, {render.Web, "\u2066482-173-5\u2069"}, {render.SMS, " 482-173-5،"}} {
		page := render.Render(w, p, test.traits)[0]
		if got := page.String(); !strings.Contains(got, test.want) {
			t.Errorf("%s: %q has no %q", test.traits.Name, got, test.want)
		}
		if test.traits.Form == engine.Screen && (len(page.Blocks) != 2 || page.Blocks[1].Words != "482-173-5") {
			t.Errorf("%s: on its own it is %+v", test.traits.Name, page.Blocks)
		}
	}
}

func TestNothingOnShow(t *testing.T) {
	if pages := render.Render(wordsFor(catalogue(t), nil, "en"), nil, render.SMS); pages != nil {
		t.Errorf("got %v", pages)
	}
	in := render.Read(wordsFor(catalogue(t), nil, "en"), nil, 0, render.SMS, render.Heard{Words: "2"})
	if in.Kind != engine.Unclear {
		t.Errorf("got %s", brief(in))
	}
	in = render.Read(wordsFor(catalogue(t), nil, "en"), nil, 0, render.SMS, render.Heard{Words: "stop"})
	if brief(in) != "told stop" {
		t.Errorf("got %s", brief(in))
	}
}

func FuzzRender(f *testing.F) {
	f.Add("Main Street", "buses\x00trees", 160, 70, 9, true, byte(0))
	f.Add("公交车。树木", "树木\x00阴凉", 60, 40, 3, true, byte(1))
	f.Add("👩‍👩‍👧 e\u0301\u0301", "\xff", 1024, 0, 20, false, byte(2))
	c := catalogue(f)
	d := wordy(f)
	f.Fuzz(func(t *testing.T, words, labels string, limit, limit16, options int, gsm bool, form byte) {
		traits := render.Traits{Can: engine.Can{Form: engine.Form(form%3) + 1}, GSM: gsm, Limit: 60 + max(0, limit)%4000, Limit16: 40 + max(0, limit16)%2000, Options: int(form) % 8}
		p := engine.Prompt{Key: "words", Asks: engine.Pick, Step: -1, Args: []engine.Arg{{Name: "w", Value: words}}}
		names := strings.Split(labels, "\x00")
		for i := range max(0, options) % 30 {
			p.Options = append(p.Options, engine.Option{ID: fmt.Sprint("o", i), Words: names[i%len(names)], Place: i})
		}
		w := wordsFor(c, d, "en")
		prompts := []engine.Prompt{{Key: "words", Step: -1, Args: p.Args}, p}
		pages := render.Render(w, prompts, traits)
		if len(pages) == 0 {
			t.Fatal("no page")
		}
		for n, p := range pages {
			if wrong := fits(p, traits); wrong != "" && utf8.ValidString(words) && utf8.ValidString(labels) {
				t.Fatalf("page %d %s: %q", n, wrong, p.Text)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	c := catalogue(f)
	set := town(f)
	type question struct {
		d       *dialogs.Dialog
		prompts []engine.Prompt
		traits  render.Traits
	}
	var questions []question
	for _, d := range set.All() {
		for i := range d.Steps {
			if d.Steps[i].Type.Asks() {
				for _, traits := range []render.Traits{render.SMS, render.Voice, render.USSD, render.Kiosk} {
					questions = append(questions, question{d, shown(d, i, traits), traits})
				}
			}
		}
	}
	for i, words := range []string{"2", "buses", "5 3 2", "213", "tomorrow", "yes", "+1 202 555 0100", "geo:52,4", "*", "8", "not buses", "公交车", "اثنين", "\u200f٢", "1 and 3", "all on buses"} {
		f.Add(words, i*7, i%3)
	}
	f.Fuzz(func(t *testing.T, words string, which, page int) {
		q := questions[uint(which)%uint(len(questions))]
		w := wordsFor(c, q.d, "en")
		w.Languages = c.Tags()
		in := render.Read(w, q.prompts, page, q.traits, render.Heard{Words: words})
		switch in.Kind {
		case engine.Said, engine.Unclear, engine.Unsure, engine.Told, engine.Turned:
		default:
			t.Fatalf("kind %d", in.Kind)
		}
		if in.Kind == engine.Unsure && len(in.Values) < 2 {
			t.Fatalf("unsure of %v", in.Values)
		}
		open := q.prompts[len(q.prompts)-1]
		switch open.Asks {
		case dialogs.Choice, dialogs.Choices, dialogs.Rank, dialogs.YesNo, dialogs.Scale, dialogs.Consent, dialogs.Similar:
			for _, v := range in.Values {
				known := in.Kind == engine.Told
				for _, o := range open.Options {
					known = known || o.ID == v
				}
				if !known {
					t.Fatalf("%q gave %v", words, in.Values)
				}
			}
		}
		for _, v := range in.Values {
			if !utf8.ValidString(v) || strings.ContainsAny(v, "\x00\u202e\u200f") {
				t.Fatalf("%q", v)
			}
		}
	})
}

func BenchmarkRenderSMS(b *testing.B) {
	d := town(b).Get("main-street")
	w := wordsFor(catalogue(b), d, "en")
	prompts := shown(d, d.Index("first"), render.SMS)
	b.ReportAllocs()
	for b.Loop() {
		render.Render(w, prompts, render.SMS)
	}
}

func BenchmarkRead(b *testing.B) {
	d := town(b).Get("main-street")
	w := wordsFor(catalogue(b), d, "en")
	prompts := shown(d, d.Index("first"), render.SMS)
	for _, words := range []string{"2", "More frequent buses", "busess", "I want more frequent buses please", "help", "mumble"} {
		b.Run(words, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				render.Read(w, prompts, 0, render.SMS, render.Heard{Words: words})
			}
		})
	}
}
