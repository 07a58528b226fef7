package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/locales"
)

// What a call puts together of the town's own words is in the script, so that it can be made and recorded beforehand; what
// comes of a resident's answers is not.
func TestCallLines(t *testing.T) {
	phrases, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := dialogs.Load(library.FS(), dialogs.Options{Locales: phrases})
	if problems.Errors() {
		t.Fatal(problems)
	}
	c := &config.Config{Town: config.Town{Name: "Elmwood", Languages: []string{"en", "es"}}}
	script := audio.Script(phrases, c.Town.Languages, set.All())
	lines := callLines(c, phrases, set.All(), script, time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC))
	script = append(script, lines...)
	names := map[string]bool{}
	for _, l := range lines {
		name := l.Lang + "/" + l.Dialog + "/" + l.Key
		if names[name] {
			t.Errorf("two texts are recorded as %s", name)
		}
		names[name] = true
		if l.Use != audio.OnCalls || strings.Contains(l.Words, "${") || l.Lang != "en" && l.Lang != "es" {
			t.Errorf("%+v", l)
		}
	}
	for _, want := range []string{"en/bus-survey/wait.said.3", "es/appeal/wrong.said.facts", "en//@menu.said.main-street", "es//@welcome"} {
		if !names[want] {
			t.Errorf("%s is missing", want)
		}
	}
	// of a whole call little is left that is not in the script
	known := map[[2]string]bool{}
	for _, l := range script {
		known[[2]string{l.Lang, l.Words}] = true
	}
	said, new := 0, []string{}
	for _, d := range set.All() {
		log, err := holdCall(callTown(c, phrases, set.All()), d, d.Language)
		if err != nil {
			t.Fatal(d.ID, err)
		}
		for _, l := range log {
			if l.Page == nil {
				continue
			}
			for _, s := range l.Page.Spoken {
				lang := s.Lang
				if lang == "" {
					lang = l.Page.Lang
				}
				if said++; lang == "en" && !known[[2]string{lang, s.Words}] && !slices.Contains(new, s.Words) {
					new = append(new, s.Words)
				}
			}
		}
	}
	if len(new)*4 > said || slices.ContainsFunc(new, func(w string) bool { return strings.HasPrefix(w, "Hello") }) {
		t.Errorf("of %d things that calls say %d are not in the script:\n%s", said, len(new), strings.Join(new, "\n"))
	}
}
