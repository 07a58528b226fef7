package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTestsInDocumentsExist: each test that a document names, by its name or how that begins, is there.
func TestTestsInDocumentsExist(t *testing.T) {
	t.Parallel()
	function := regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz)[A-Z]\w*)\(`)
	var there []string
	err := filepath.WalkDir("../..", func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		b, err := os.ReadFile(file)
		for _, m := range function.FindAllSubmatch(b, -1) {
			there = append(there, string(m[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\b(?:Test|Benchmark|Fuzz)[A-Z]\w+`)
	documents(t, func(_, name string, text []byte) {
		for _, word := range named.FindAllString(string(text), -1) {
			if !slices.ContainsFunc(there, func(test string) bool { return strings.HasPrefix(test, word) }) {
				t.Errorf("%s names %s, and there is no such test", name, word)
			}
		}
	})
}
