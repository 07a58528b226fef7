package cost_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/cost"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/library"
	"github.com/townline/townline/locales"
)

var update = flag.Bool("update", false, "write the golden file anew: after calls say something else")

// What calls take is in a file, so that a review shows what new wording costs the caller.
func TestTheSampleTown(t *testing.T) {
	words, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	set, problems := dialogs.Load(library.FS(), dialogs.Options{Locales: words})
	if problems.Errors() {
		t.Fatal(problems)
	}
	town := dialogtest.NewTown(words, set.All())
	var b strings.Builder
	for _, d := range set.All() {
		cards := cost.Of(town, d)
		if len(cards) != len(d.AllLanguages()) {
			t.Errorf("%s can't be finished by telephone in some language: %d cards", d.ID, len(cards))
		}
		for _, c := range cards {
			for _, one := range []struct {
				name string
				w    cost.Walk
			}{{"shortest", c.Call.Shortest}, {"longest", c.Call.Longest}} {
				fmt.Fprintf(&b, "%s %s %s: menu %.1f s, speech %.1f s, waits %.1f s, %d turns, %d keys, %d recordings: %s\n", c.Dialog, c.Lang, one.name,
					one.w.Menu.Seconds(), one.w.Speech.Seconds(), one.w.Waits.Seconds(), one.w.Turns, one.w.Keys, one.w.Records, strings.Join(one.w.Asked, " "))
			}
			if c.Call.Cut {
				t.Errorf("%s in %s: not all ways were tried", c.Dialog, c.Lang)
			}
		}
	}
	golden(t, "sample-town.txt", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	had := strings.Split(string(want), "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(had) || had[i] != line {
			t.Errorf("calls take something else than testdata/%s says (-update writes it anew):\n%s", name, line)
		}
	}
}
