package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A town's folder is often a repository: whatever townline itself writes into it must not be committed with the dialogs.
func TestWhatIsKeptStaysOutOfTheRepository(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", ".").must(t, 0)
	names := func() (out []string) {
		all, err := os.ReadDir(p.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			out = append(out, f.Name())
		}
		return out
	}
	before := names()
	r := p.serve()
	r.text("+12025550101", "OAK")
	r.text("+12025550101", "erase")
	r.text("+12025550101", "1")
	p.run("", "backup", "monday.db").must(t, 0)
	ignore, err := os.ReadFile(filepath.Join(p.dir, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	for _, name := range names() {
		if slices.Contains(before, name) || strings.HasPrefix(name, "errors-") {
			continue
		}
		made = append(made, name)
		if !slices.ContainsFunc(strings.Fields(string(ignore)), func(pattern string) bool { ok, _ := filepath.Match(pattern, name); return ok }) {
			t.Errorf("%s could be committed", name)
		}
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".key", ".db", ".keys", ".erased"} {
		if !slices.ContainsFunc(made, func(name string) bool { return strings.HasSuffix(name, want) }) {
			t.Errorf("no file %s among %q", want, made)
		}
	}
}
