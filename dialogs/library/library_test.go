package library_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/golden"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
)

// channels are those that transcripts are kept for.
var channels = []string{"sms", "voice", "ussd", "telegram", "kiosk"}

func load(t testing.TB, fsys fs.FS) (*talk.Town, *dialogs.Set) {
	t.Helper()
	words, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := dialogs.Load(fsys, dialogs.Options{Locales: words})
	if problems.Errors() {
		t.Fatalf("problems:\n%s", problems)
	}
	return dialogtest.NewTown(words, set.All()), set
}

func TestConversations(t *testing.T) { dialogtest.Check(t, library.FS()) }

// The dialogs that the project was given to run stay as they were given.
func TestGivenDialogsAreUnchanged(t *testing.T) {
	for file, sum := range map[string]string{
		"main-street.yaml":      "67fcb9039638d5b608139a62006a6564136004b3574a4a52f5f69afb8d7fd7ca",
		"main-street.es.yaml":   "a07d192d53dedb3706269e76c846d9cde0a8c5a3ad48bac92c65dc03cd2e510a",
		"main-street.test.yaml": "a7a36772121fa541999854e6a51a64507d14c3f321fe37b248d29d59b8843fe5",
		"street-problem.yaml":   "6cf96ea6268f6ecc96dd9861aa141698f6a82707f04a5a97ba7737c4873f2cfd",
		"common/place.yaml":     "d7d818bcab71be03ec184e7ded0998d70b91b444b231db678c97442bc63622e3",
	} {
		content, err := fs.ReadFile(library.FS(), file)
		if err != nil {
			t.Fatal(err)
		}
		if got := sha256.Sum256(content); hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s was changed", file)
		}
	}
}

// What the checker advises on the sample town is known and meant: anything more is new.
func TestAdvice(t *testing.T) {
	meant := []string{
		"library-hours.yaml secret-carried",           // residents are told so before they vote
		"main-street.es.yaml translation-missing",     // `why` of a dialog that stays as it was given
		"street-problem.es.yaml translation-unlisted", // a translation to try, of another
	}
	_, problems := dialogs.Load(library.FS(), dialogs.Options{Now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)})
	var got []string
	for _, p := range problems {
		got = append(got, p.File+" "+p.Code)
	}
	if !slices.Equal(got, meant) {
		t.Errorf("the checker says:\n%s", problems)
	}
}

// Every dialog can be had in Spanish, and three or more in another language as well.
func TestLanguages(t *testing.T) {
	_, set := load(t, library.FS())
	more := 0
	for _, d := range set.All() {
		spoken := d.AllLanguages()
		if d.ID == "street-problem" {
			spoken = load1(t, inSpanish(t), d.ID).AllLanguages()
		}
		if !slices.Contains(spoken, "es") {
			t.Errorf("%s is not to be had in Spanish", d.ID)
		}
		if len(spoken) > 2 {
			more++
		}
	}
	if n := len(set.All()); n < 9 || more < 3 {
		t.Errorf("%d dialogs, %d of them in three languages or more", n, more)
	}
}

func load1(t testing.TB, fsys fs.FS, id string) *dialogs.Dialog {
	_, set := load(t, fsys)
	return set.Get(id)
}

// inSpanish is the sample town after its clerk has offered street-problem in Spanish, as the translation's file says.
func inSpanish(t testing.TB) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(library.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(library.FS(), p)
		if p == "street-problem.yaml" {
			content = []byte(strings.Replace(string(content), "language: en\n", "language: en\nlanguages: [es]\n", 1))
		}
		out[p] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestTranscripts holds the first conversation of each dialog on each channel and in each language, and compares all that
// is shown with the golden files. go test ./dialogs/library -run Transcripts -update writes them anew.
func TestTranscripts(t *testing.T) {
	town, set := load(t, inSpanish(t))
	tests, problems := dialogtest.All(library.FS(), set)
	if problems.Errors() {
		t.Fatal(problems)
	}
	want := map[string]bool{}
	for _, d := range set.All() {
		i := slices.IndexFunc(tests, func(x dialogtest.Test) bool {
			return x.Dialog == d.ID && x.Answers != nil && len(x.Channels) == len(channels)
		})
		if i < 0 {
			t.Errorf("%s has no conversation that is held on all channels", d.ID)
			continue
		}
		for _, lang := range d.AllLanguages() {
			for _, channel := range channels {
				name := fmt.Sprintf("%s.%s.%s.txt", d.ID, channel, lang)
				want[name] = true
				t.Run(name, func(t *testing.T) {
					got, failures := dialogtest.Transcript(town, d, tests[i], channel, lang)
					for _, f := range failures {
						t.Error(f)
					}
					golden.Compare(t, filepath.Join("testdata", "golden", name), got)
				})
			}
		}
	}
	golden.Only(t, filepath.Join("testdata", "golden"), want)
}
