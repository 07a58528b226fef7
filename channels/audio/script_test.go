package audio

import (
	"slices"
	"strings"
	"testing"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/locales"
)

func written(lang, dialog, key, words string) Line {
	return Line{Lang: lang, Dialog: dialog, Key: key, Words: words}
}

// Every text that the sample town's dialogs can say is in the script, or is put together when it is on show.
func TestScriptIsWhole(t *testing.T) {
	c := phrases(t)
	set, problems := dialogs.Load(library.FS(), dialogs.Options{Locales: c})
	if problems.Errors() {
		t.Fatal(problems)
	}
	script := Script(c, c.Tags(), set.All())
	in := map[Line]bool{}
	for _, l := range script {
		if in[l] {
			t.Errorf("twice: %+v", l)
		}
		in[l] = true
		in[written(l.Lang, l.Dialog, l.Key, l.Words)] = true
		if l.Words == "" || strings.Contains(l.Words, "${") {
			t.Errorf("can't be said: %+v", l)
		}
	}
	var wanted []Line
	for _, d := range set.All() {
		for i := range d.Steps {
			s := &d.Steps[i]
			wanted = append(wanted, written(d.Language, d.ID, s.ID, s.Say.Text), written(d.Language, d.ID, s.ID, s.Say.Speech), written(d.Language, d.ID, s.ID+".why", s.Why.Text),
				written(d.Language, d.ID, s.ID+".closed", s.Closed.Text), written(d.Language, d.ID, s.ID+".refuse", s.Refuse.Text))
			for _, o := range s.Options {
				wanted = append(wanted, written(d.Language, d.ID, o.Key, o.Text.Text), written(d.Language, d.ID, o.Key, o.Text.Speech))
			}
		}
		wanted = append(wanted, written(d.Language, d.ID, "title", d.Title.Text), written(d.Language, d.ID, "decides", d.Decides.Text))
		for lang, texts := range d.Translations {
			for key, text := range texts {
				wanted = append(wanted, written(lang, d.ID, key, text.Text), written(lang, d.ID, key, text.Speech))
			}
		}
	}
	count := 0
	for _, l := range wanted {
		if l.Words == "" || len(dialogs.Insertions(l.Words)) > 0 {
			continue
		}
		if count++; !in[l] {
			t.Errorf("missing: %+v", l)
		}
	}
	if count < 300 {
		t.Errorf("only %d texts were looked for", count)
	}
	for _, tag := range c.Tags() {
		for _, key := range []string{"@audio.gap", "@help.on", "@yes", "@sign.comma", "@figure.7"} {
			if !slices.ContainsFunc(script, func(l Line) bool { return l.Lang == tag && l.Key == key && l.Dialog == "" }) {
				t.Errorf("%s has no %s", tag, key)
			}
		}
	}
	onPhone := Line{Lang: "en", Key: "@help.on", Words: c.Language("en").Phrase("@help.on", locales.Spoken)}
	if onScreen := c.Language("en").Phrase("@help.on", locales.Screen); onScreen == onPhone.Words || !in[onPhone] {
		t.Errorf("%q, which is said on the phone, is missing, or is on the screen too: %q", onPhone.Words, onScreen)
	}
	if got := Script(c, []string{"es"}, set.All()); slices.ContainsFunc(got, func(l Line) bool { return l.Lang != "es" }) || len(got) < 100 {
		t.Errorf("%d lines for Spanish alone", len(got))
	}
}

func TestLettersOfKeys(t *testing.T) {
	got := Spelled("es", []string{"a", "A", "ñ", "'", "7", "", "Ñ"})
	if want := []Line{written("es", "", "@key.a", "a"), written("es", "", "@key.ñ", "ñ")}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	s := shelf(t, Stock{})
	if s.Key("es", "Ñ") != s.Key("es", "ñ") || s.Key("es", "No") == s.Key("es", "no") {
		t.Error("a letter alone has one name; words are as they are written")
	}
}

func TestWhatIsPrintedIsNotSpoken(t *testing.T) {
	c := phrases(t)
	frames := Frames(c, c.Tags(), nil)
	for _, l := range slices.Concat(Script(c, c.Tags(), nil), frames, Pieces(c, c.Tags(), frames)) {
		if strings.HasPrefix(l.Key, "@card.") {
			t.Errorf("nobody says %+v", l)
		}
	}
}
