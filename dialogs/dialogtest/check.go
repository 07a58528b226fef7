package dialogtest

import (
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
)

// All reads every test file of a folder and its sub-folders. A test of a dialog that set lacks is a problem, and so is a
// dialog without a test, as advice.
func All(fsys fs.FS, set *dialogs.Set) ([]Test, dialogs.Problems) {
	files, err := Find(fsys)
	if err != nil {
		return nil, dialogs.Problems{{File: ".", Line: 1, Column: 1, Code: "unreadable", Message: "the folder can't be read: " + err.Error()}}
	}
	var names []string
	for _, d := range set.All() {
		names = append(names, d.ID)
	}
	var all []Test
	var problems dialogs.Problems
	for _, file := range files {
		tests, ps := Load(fsys, file)
		problems = append(problems, ps...)
		for _, t := range tests {
			if set.Get(t.Dialog) == nil && set.Draft(t.Dialog) != nil {
				problems = append(problems, dialogs.Problem{File: file, Line: 1, Column: 1, Code: "untried",
					Message: fmt.Sprintf("its conversations can't be held while %q has problems of its own", t.Dialog), Hint: "mend " + set.Draft(t.Dialog).File + " and its translations first"})
				break
			}
			if set.Get(t.Dialog) == nil {
				problems = append(problems, dialogs.Problem{File: file, Line: 1, Column: 1, Code: "unknown-dialog",
					Message: fmt.Sprintf("there is no dialog called %q", t.Dialog), Hint: meant(t.Dialog, names)})
				break
			}
			all = append(all, t)
		}
	}
	for _, d := range set.All() {
		if !slices.ContainsFunc(all, func(t Test) bool { return t.Dialog == d.ID }) {
			problems = append(problems, dialogs.Problem{File: d.File, Line: 1, Column: 1, Code: "untested", Warning: true,
				Message: "nothing tests this dialog", Hint: "write one conversation into " + d.ID + ".test.yaml"})
		}
	}
	problems.Sort()
	return all, problems
}

// Shelf is a catalogue that holds the dialogs of a set and no older versions.
type Shelf struct{ all []*dialogs.Dialog }

// NewShelf puts dialogs on a shelf, in menu order.
func NewShelf(all []*dialogs.Dialog) Shelf { return Shelf{all} }

// Current returns all dialogs.
func (s Shelf) Current() []*dialogs.Dialog { return s.all }

// Pinned finds a dialog by its pin, or returns nil.
func (s Shelf) Pinned(pin dialogs.Pin) *dialogs.Dialog {
	for _, d := range s.all {
		if d.ID == pin.ID && d.Version == pin.Version && d.Hash == pin.Hash {
			return d
		}
	}
	return nil
}

// NewTown is a town for tests, called Elmwood, that has these dialogs and speaks all their languages: that of most dialogs
// first, then in the order of the alphabet.
func NewTown(words *locales.Catalogue, all []*dialogs.Dialog) *talk.Town {
	count := map[string]int{}
	for _, d := range all {
		count[d.Language] += len(all)
		for _, l := range d.Languages {
			count[l]++
		}
	}
	var languages []string
	for l := range count {
		languages = append(languages, l)
	}
	slices.Sort(languages)
	if len(languages) > 0 {
		first := languages[0]
		for _, l := range languages {
			if count[l] > count[first] {
				first = l
			}
		}
		languages = append([]string{first}, slices.DeleteFunc(languages, func(l string) bool { return l == first })...)
	}
	return &talk.Town{
		Name: "Elmwood", Languages: languages, Zone: time.UTC, Emergency: "911", Country: "1",
		Locales: words, Dialogs: NewShelf(all),
	}
}

// Check loads a folder's dialogs and holds all its tests, each as a subtest.
func Check(t *testing.T, fsys fs.FS) {
	t.Helper()
	words, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := dialogs.Load(fsys, dialogs.Options{Locales: words})
	tests, more := All(fsys, set)
	if problems = append(problems, more...); problems.Errors() {
		t.Fatalf("problems:\n%s", problems)
	}
	town := NewTown(words, set.All())
	for _, test := range tests {
		t.Run(test.Dialog+"/"+test.Name, func(t *testing.T) {
			t.Parallel()
			for _, f := range Run(town, set.Get(test.Dialog), test).Failures {
				t.Error(f.String())
			}
		})
	}
}
