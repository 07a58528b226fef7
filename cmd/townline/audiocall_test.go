package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/locales"
)

// A clerk listens to a whole call.
func TestAudioCall(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", "town").must(t, 0)
	p.dir = filepath.Join(p.dir, "town")
	p.run("", "audio", "call", "oak-park", "--out", "call.wav").must(t, 0, "(the call begins)", "(the caller presses", "call.wav: ", "of sound")
	wav, err := os.ReadFile(filepath.Join(p.dir, "call.wav"))
	if err != nil {
		t.Fatal(err)
	}
	if seconds := len(wav) / 16000; string(wav[:4]) != "RIFF" || seconds < 10 || seconds > 300 {
		t.Errorf("%d seconds", seconds)
	}
	p.run("", "audio", "call", "oak-park", "--out", "slow.wav", "--pace", "70", "--wide").must(t, 0)
	slow, err := os.ReadFile(filepath.Join(p.dir, "slow.wav"))
	if err != nil || len(slow) < len(wav)*5/2 {
		t.Errorf("slower, at twice the rate: %d bytes after %d, %v", len(slow), len(wav), err)
	}
	p.run("", "audio", "call", "oak-prak").must(t, 1, `there is no dialog "oak-prak"`)
	p.run("", "audio", "call", "oak-park", "--lang", "so").must(t, 2, "it is in en")
}

// Each dialog of the sample town can be listened to from its first word to its last, in each of its languages.
func TestCallsAreHeldToTheEnd(t *testing.T) {
	phrases, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := dialogs.Load(library.FS(), dialogs.Options{Locales: phrases})
	if problems.Errors() {
		t.Fatal(problems)
	}
	town := dialogtest.NewTown(phrases, set.All())
	for _, d := range set.All() {
		for _, lang := range d.AllLanguages() {
			log, err := holdCall(town, d, lang)
			if err != nil {
				var talk strings.Builder
				for _, l := range log[max(0, len(log)-8):] {
					talk.WriteString(l.Who + ": " + l.Words + "\n")
				}
				t.Errorf("%s in %s: %v\n%s", d.ID, lang, err, talk.String())
			}
		}
	}
}
