package dialogs_test

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/townline/townline/dialogs"
)

// A character is found in the file that it was written in, however it was written.
func TestWhereACharacterStands(t *testing.T) {
	d := one(t, "visit", map[string]string{
		"visit.yaml": strings.NewReplacer("say: What is it?", "say: |\n      What → is\n      → it?", "Something else", `"Something \u2192 else"`, "short: Home", "short: → Home", "[Very bad, Bad,", "[Very bad →, Bad →,").Replace(visit),
		"visit.es.yaml": strings.NewReplacer("What is it?", "\"What → is\\n→ it?\"", "source: Something else", "source: Something → else", "source: Very bad", "source: Very bad →", "source: Bad", "source: Bad →").Replace(visitSpanish) +
			"", "common/place.yaml": place, "common/place.es.yaml": placeSpanish,
	})
	for _, c := range []struct {
		lang, key string
		short     bool
		char      rune
		want      string
	}{
		{"en", "kind", false, '→', "visit.yaml 12:12, visit.yaml 13:7"},
		{"en", "kind.home", true, '→', "visit.yaml 17:16"},
		{"en", "kind.home", false, '→', ""},
		{"en", "kind.other", false, '→', "visit.yaml 21:14"}, // hidden by YAML's own way to write it: the wording
		{"en", "mood.-1", false, '→', "visit.yaml 30:30"},    // not that of the label before it
		{"es", "kind", false, 'é', "visit.es.yaml 9:14"},
		{"es-MX", "kind", false, 'é', "visit.es.yaml 9:14"},
		{"es", "at.where", false, 'ó', "common/place.es.yaml 6:13"},
		{"es", "at.where", false, 'x', ""},
		{"es", "nothing", false, 'x', ""},
		{"en", "at.where", false, 'W', "common/place.yaml 7:10"},
	} {
		var got []string
		for _, s := range d.Where(c.lang, c.key, c.short, c.char) {
			got = append(got, fmt.Sprintf("%s %d:%d", s.File, s.Line, s.Column))
			if _, caret, ok := strings.Cut(s.Excerpt, "\n"); !ok || !strings.HasSuffix(caret, "^") {
				t.Errorf("%s: the excerpt is %q", c.key, s.Excerpt)
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%c of %s in %s is at %q, want %q", c.char, c.key, c.lang, strings.Join(got, ", "), c.want)
		}
	}
	compiled, err := dialogs.Compile(dialogs.Bundle(d))
	if err != nil {
		t.Fatal(err)
	}
	if got := compiled.Where("en", "kind", false, '→'); got != nil {
		t.Errorf("a published dialog has no file, but %v", got)
	}
}

// In real dialogs, what stands at the places that are given is the character, as often as the wording has it.
func TestWhereInRealDialogs(t *testing.T) {
	fsys := os.DirFS("library/town")
	set, problems := dialogs.Load(fsys, dialogs.Options{})
	if problems.Errors() {
		t.Fatal(problems)
	}
	lines := map[string][]string{}
	found := 0
	for _, d := range set.All() {
		for _, lang := range d.AllLanguages() {
			for _, key := range d.Keys() {
				words, _ := d.Text(lang, key)
				for _, char := range words.Text {
					if char < 0x80 {
						continue
					}
					at := d.Where(lang, key, false, char)
					if len(at) != strings.Count(words.Text, string(char)) {
						t.Errorf("%s %s %s: %c is found %d times", d.ID, lang, key, char, len(at))
					}
					for _, s := range at {
						if lines[s.File] == nil {
							content, err := fs.ReadFile(fsys, s.File)
							if err != nil {
								t.Fatal(err)
							}
							lines[s.File] = strings.Split(string(content), "\n")
						}
						if line := []rune(lines[s.File][s.Line-1]); line[s.Column-1] != char {
							t.Errorf("%s %s %s: at %d:%d of %s stands %c, not %c", d.ID, lang, key, s.Line, s.Column, s.File, line[s.Column-1], char)
						}
						found++
					}
				}
			}
		}
	}
	if found < 500 {
		t.Errorf("only %d characters were found", found)
	}
}
