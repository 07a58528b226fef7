// Package golden compares what a test made with a file that people have looked at. Only tests import it; with -update they write the
// files anew, to be looked at in the diff.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Compare holds got against a file, and shows the first line that differs.
func Compare(t testing.TB, file, got string) {
	t.Helper()
	if *update && !t.Failed() {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if line, was, now := differ(string(want), got); line > 0 {
		t.Errorf("%s:%d:\n was: %s\n now: %s\nrun with -update when this is meant", file, line, was, now)
	}
}

// differ is the first line in which two texts differ; 0: none.
func differ(was, now string) (line int, a, b string) {
	if was == now {
		return 0, "", ""
	}
	wasLines, nowLines := strings.Split(was, "\n"), strings.Split(now, "\n")
	for i := range max(len(wasLines), len(nowLines)) {
		a, b = "(the end)", "(the end)"
		if i < len(wasLines) {
			a = wasLines[i]
		}
		if i < len(nowLines) {
			b = nowLines[i]
		}
		if a != b {
			return i + 1, a, b
		}
	}
	return 0, "", ""
}

// Only finds files of a folder that no test compares any more.
func Only(t testing.TB, folder string, want map[string]bool) {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !want[f.Name()] {
			t.Errorf("%s belongs to nothing any more", filepath.Join(folder, f.Name()))
		}
	}
}
