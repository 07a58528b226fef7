package audio

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/locales"
)

func TestNumbersInPieces(t *testing.T) {
	for lang, numbers := range map[string]map[int]string{
		"en": {0: "0", 7: "7", 13: "13", 20: "20", 45: "40 5", 99: "90 9", 100: "100", 101: "100 1", 342: "300 40 2", 1000: "1 thousand", 1250: "1 thousand 200 50",
			2027: "2 thousand 20 7", 45_000: "40 5 thousand", 500_000: "500 thousand", 1_000_001: "1 million 1", 12_345_678: "12 million 300 40 5 thousand 600 70 8"},
		"es": {0: "0", 21: "21", 29: "29", 31: "30 y 1", 99: "90 y 9", 100: "100", 101: "ciento 1", 121: "ciento 21", 342: "300 40 y 2", 1000: "mil", 1001: "mil 1", 2027: "2 mil 27",
			21_000: "veintiún mil", 31_000: "30 y un mil", 31_001: "30 y un mil 1", 100_000: "100 mil", 1_000_000: "un millón", 2_000_000: "2 millones", 21_000_021: "veintiún millones 21", 1_001_000: "un millón mil"},
		"fr": {0: "0", 17: "17", 20: "20", 21: "20 et 1", 22: "20 2", 61: "60 et 1", 70: "60 10", 71: "60 et 11", 77: "60 17", 80: "80", 81: "80 1", 91: "80 11", 99: "80 19", 100: "cent", 101: "cent 1",
			200: "2 cent", 342: "3 cent 40 2", 1000: "mille", 1999: "mille 9 cent 80 19", 2027: "2 mille 20 7", 1_000_000: "1 million", 2_000_000: "2 millions"},
		"zh": {0: "0", 2: "2", 10: "10", 11: "10 1", 20: "2 10", 22: "2 10 2", 100: "1 百", 101: "1 百 零 1", 110: "1 百 1 10", 200: "两 百", 222: "两 百 2 10 2", 1000: "1 千", 1001: "1 千 零 1",
			1010: "1 千 零 1 10", 2027: "两 千 零 2 10 7", 10_000: "1 万", 20_000: "两 万", 10_001: "1 万 零 1", 11_000: "1 万 1 千", 120_305: "10 2 万 零 3 百 零 5"},
	} {
		g := grammarOf(lang)
		for n, want := range numbers {
			if got := strings.Join(g.say(n), " "); got != want {
				t.Errorf("%s: %d is %q, want %q", lang, n, got, want)
			}
		}
		for n := range 200_000 { // whatever it is, there are pieces for it
			if n > 2100 && n%97 != 0 {
				continue
			}
			for _, w := range g.say(n * 13) {
				if !slices.Contains(g.words, w) {
					t.Fatalf("%s: %d needs %q, which is no piece", lang, n*13, w)
				}
			}
		}
	}
	if grammarOf("so") != nil || grammarOf("es-MX") == nil {
		t.Error("Somali has no grammar, the Spanish of Mexico has that of Spanish")
	}
}

// studio is a town where a person recorded these lines: each a tone, told apart by the file's name.
func studio(t *testing.T, script, frames []Line, recorded func(Line) bool) *Shelf {
	t.Helper()
	dir := t.TempDir()
	tone := play(note{300, -20, 300 * time.Millisecond}).WAV()
	n := 0
	for _, l := range script {
		if !recorded(l) {
			continue
		}
		file := filepath.Join(dir, filepath.FromSlash(placeOfLine(l).file())+".wav")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(tone, byte(n), byte(n>>8)), 0o600); err != nil {
			t.Fatal(err)
		}
		n++
	}
	s := shelf(t, Stock{Dir: dir, Voice: voice(t), Script: script, Frames: frames})
	v, err := s.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	if err := writeIndex(dir, v.entries); err != nil {
		t.Fatal(err)
	}
	s.calls.looked = time.Time{}
	return s
}

// pieces are what words are put together of, in the words of each piece.
func pieces(s *Shelf, lang, words string) string {
	known := map[place]string{}
	for _, l := range s.book.lines {
		if l.Use != OnPages { // what is said there may be longer
			known[placeOfLine(l)] = l.Words
		}
	}
	c := composing{shelf: s, l: Line{Lang: lang, Words: words}}
	joints, ok := c.say(tidy(words), 0)
	if !ok {
		return "-"
	}
	var out []string
	for _, j := range joints {
		p, _ := placeOf(j.piece.File)
		name := "[" + known[p] + "]"
		switch j.pause {
		case afterComma:
			name += ","
		case afterSentence:
			name += "."
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

func sampleTown(t *testing.T, languages ...string) (script, frames []Line) {
	t.Helper()
	c := phrases(t)
	set, problems := dialogs.Load(library.FS(), dialogs.Options{Locales: c})
	if problems.Errors() {
		t.Fatal(problems)
	}
	frames = Frames(c, languages, set.All())
	return append(Script(c, languages, set.All()), Pieces(c, languages, frames)...), frames
}

// Sentences with something in them are put together where all of it is recorded.
func TestSentencesArePutTogether(t *testing.T) {
	languages := []string{"en", "es", "fr", "zh", "so"}
	script, frames := sampleTown(t, languages...)
	s := studio(t, script, frames, func(l Line) bool {
		return !strings.Contains(l.Words, "Nobody asked me")
	})
	day := time.Date(2027, 3, 22, 0, 0, 0, 0, time.UTC)
	date := func(lang string) string { return phrases(t).Language(lang).FormatDate(day, locales.Spoken) }
	option := func(lang, label string) string {
		return phrases(t).Language(lang).Phrase("@speech.option", locales.Spoken, locales.Arg{Name: "option", Value: label}, locales.Arg{Name: "digit", Value: "1"})
	}
	for _, c := range []struct{ lang, words, want string }{
		{"en", option("en", "A fact is not right"), "[For] [A fact is not right], [press] [1]."},
		{"en", option("en", "Nobody asked me"), "-"},
		{"en", option("en", "Zanzibar Higgins"), "-"},
		{"en", "I say it again. 4 8 2, 1 7 3, 5", "[I say it again.]. [4], [8], [2]. [1], [7], [3]. [5]"},
		{"en", date("en"), "[Monday], [20] [2] [March] [2] [thousand] [20] [7]"},
		{"es", date("es"), "[lunes], [22] [de] [marzo] [de] [2] [mil] [27]"},
		{"fr", date("fr"), "[lundi], [20] [2] [mars] [2] [mille] [20] [7]"},
		{"zh", date("zh"), "[2] [0] [2] [7] [年] [3月] [2] [10] [2] [日], [星期一]"},
		{"so", option("so", "4"), "[4], [riix] [1]."},
		{"so", "12", "-"}, // nobody told us how
		{"en", "$1,250", "[1] [thousand] [200] [50] [dollars]"},
		{"en", "1.5", "-"},
		{"es", "1,5", "-"},
		{"en", "What is wrong with it? A fact is not right", "[What is wrong with it?]. [A fact is not right]"},
		{"en", "What is wrong with it? I was away", "-"},
		{"en", "", ""},
	} {
		if got := pieces(s, c.lang, c.words); got != c.want {
			t.Errorf("%s: %q is put together of\n  %s, want\n  %s", c.lang, c.words, got, c.want)
		}
	}
	p, err := s.Speak(t.Context(), Utterance{Lang: "en", Words: option("en", "A fact is not right")})
	if err != nil || !p.Recorded || !near(p.Length().Seconds(), 4*0.3+0.03+0.2+0.03+0.13, 0.05) {
		t.Errorf("%v, %v", err, p.Length())
	}
	if p, err = s.Speak(t.Context(), Utterance{Lang: "en", Words: option("en", "Nobody asked me")}); err != nil || p.Recorded {
		t.Error("one piece is missing, and it is not one voice that says it all:", err)
	}
	if !s.Says(Utterance{Lang: "so", Words: option("so", "4")}) || s.Says(Utterance{Lang: "so", Words: option("so", "Zanzibar")}) || !s.Says(Utterance{Lang: "en", Words: "Zanzibar"}) {
		t.Error("Says: Somali has what was recorded, English a voice")
	}
	if p, err := s.Speak(t.Context(), Utterance{Lang: "so", Words: option("so", "4")}); err != nil || !p.Recorded {
		t.Error("Somali has no voice but that of people:", err)
	}
}

// Pieces are listed for who wants to record them; nothing is missing without them, and no machine makes them.
func TestPiecesAreListed(t *testing.T) {
	script, frames := sampleTown(t, "en", "zh")
	names := map[string]Line{}
	for _, l := range script {
		if l.Use == InPieces {
			names[placeOfLine(l).file()] = l
			if strings.Contains(l.Words, gap) || l.Words == "" {
				t.Errorf("%+v", l)
			}
		}
	}
	for file, words := range map[string]string{
		"recordings/en/town/number.thousand": "thousand", "recordings/en/town/number.20": "20", "recordings/en/town/month.3": "March", "recordings/en/town/day.1": "Monday",
		"recordings/zh/town/number.百": "百", "recordings/zh/town/day.2": "日",
	} {
		if got := names[file].Words; got != words {
			t.Errorf("%s: %q, want %q", file, got, words)
		}
	}
	for _, words := range []string{"For", "press", "Request"} { // around what is put in
		if !slices.ContainsFunc(script, func(l Line) bool { return l.Use == InPieces && l.Lang == "en" && l.Words == words }) {
			t.Errorf("%q is no piece", words)
		}
	}
	s := shelf(t, Stock{Dir: t.TempDir(), Voice: voice(t), Script: script, Frames: frames})
	v, err := s.Inventory()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range v.Wanting() {
		if i.Use == InPieces {
			t.Errorf("missing: %+v", i.Line)
		}
	}
	un := v.Unrecorded()
	if first := slices.IndexFunc(un, func(i Item) bool { return i.Use == InPieces }); first < 100 || slices.ContainsFunc(un[first:], func(i Item) bool { return i.Use != InPieces }) {
		t.Error("pieces come after whole texts")
	}
}

// Strange words are given up soon.
func TestComposingEnds(t *testing.T) {
	script, frames := sampleTown(t, "en")
	s := studio(t, script, frames, func(l Line) bool { return l.Key == "@figure.7" || strings.Contains(l.Key, ".part.") })
	for _, words := range []string{strings.Repeat("7 ", 140) + "x", strings.Repeat("7. 7: 7, ", 30) + "x", strings.Repeat("So far: 7. Request 7, 7: 7. ", 10) + "x"} {
		c := composing{shelf: s, l: Line{Lang: "en", Words: words}}
		if _, ok := c.say(words, 0); ok || c.looks > mostLooks*3/2 {
			t.Errorf("%.20q: %v, after %d looks", words, ok, c.looks)
		}
	}
}

func FuzzCompose(f *testing.F) {
	for _, words := range []string{"For 7, press 1.", "Monday, 22 March 2027", "2027年3月22日，星期一", "\xff", "1.5", "$1,250"} {
		f.Add(words)
	}
	s, err := NewShelf(Stock{Dir: f.TempDir(), Phrases: phrases(f), Frames: Frames(phrases(f), []string{"en", "zh"}, nil)})
	if err != nil {
		f.Fatal(err)
	}
	s.folder.spoken = map[string]bool{"en": true, "zh": true}
	f.Fuzz(func(t *testing.T, words string) {
		for _, lang := range []string{"en", "zh"} {
			c := composing{shelf: s, l: Line{Lang: lang, Words: words}}
			_, _ = c.say(tidy(words), 0)
		}
	})
}
