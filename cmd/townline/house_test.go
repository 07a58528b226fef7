package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/locales"
)

// TestMisfitsAreNotInService has the dialogs that don't fit every channel left out, and the others served.
func TestMisfitsAreNotInService(t *testing.T) {
	dir := t.TempDir()
	if _, err := makeTown(dir, "Elmwood", "UTC", time.Now().UTC()); err != nil {
		t.Fatal(err)
	}
	phrases, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	c := &config.Config{Dialogs: filepath.Join(dir, "dialogs"), Town: config.Town{Zone: time.UTC}}
	for misfit, want := range map[string]string{"": "oak-park street-light", "street-light": "oak-park", "oak-park": "street-light", "all": "nothing"} {
		var errs bytes.Buffer
		cmd := &cobra.Command{}
		cmd.SetErr(&errs)
		set, err := townDialogs(cmd, c, phrases, func(d *dialogs.Dialog) dialogs.Problems {
			return dialogs.Problems{{File: d.File, Line: 3, Column: 1, Code: "option-unreachable", Message: "nobody can choose it", Warning: misfit != "all" && d.ID != misfit}}
		})
		got := "nothing"
		if err == nil {
			var ids []string
			for _, d := range set.All() {
				ids = append(ids, d.ID)
			}
			got = strings.Join(ids, " ")
		}
		if !sameWords(got, want) {
			t.Errorf("with %q unfit, %q is in service, not %q", misfit, got, want)
		}
		if told := strings.Contains(errs.String(), "nobody can choose it"); told != (misfit != "") {
			t.Errorf("with %q unfit, it says %q", misfit, errs.String())
		}
	}
}

// sameWords compares without order.
func sameWords(a, b string) bool {
	left := strings.Fields(a)
	for _, w := range left {
		if !strings.Contains(b, w) {
			return false
		}
	}
	return len(left) == len(strings.Fields(b))
}
