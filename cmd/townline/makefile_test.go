package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// theMakefile gives the value of a name in it.
func theMakefile(t *testing.T) (value func(name string) string) {
	t.Helper()
	b, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) string {
		t.Helper()
		m := regexp.MustCompile(`(?m)^` + name + ` = (.+)$`).FindSubmatch(b)
		if m == nil {
			t.Fatalf("the Makefile has no %s", name)
		}
		return strings.ReplaceAll(string(m[1]), "$$", "$")
	}
}

// Nothing happens at the same time in the folders that "make test" never tries with the race detector.
func TestCalmFoldersAreCalm(t *testing.T) {
	t.Parallel()
	calm := regexp.MustCompile(`^(` + theMakefile(t)("CALM") + `)$`)
	atOnce := regexp.MustCompile(`(?m)^\s*go |\.Go\(|\bParallel\(|RunParallel|\bsync\b|net\.Listen|httptest`)
	found := 0
	for _, under := range []string{"channels", "store"} {
		err := filepath.WalkDir("../../"+under, func(path string, d fs.DirEntry, err error) error {
			folder := filepath.ToSlash(strings.TrimPrefix(path, "../../"))
			if err != nil || !d.IsDir() || !calm.MatchString(folder) {
				return err
			}
			found++
			files, err := filepath.Glob(filepath.Join(path, "*.go"))
			for _, file := range files {
				b, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				if s := atOnce.Find(b); s != nil {
					t.Errorf("%s has %q: the folder belongs to those that are tried with the race detector", file, s)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if named := strings.Count(calm.String(), "|") + 1; found != named {
		t.Errorf("%d folders are named as calm, %d are there", named, found)
	}
}

// What "make test" leaves out of the run with the race detector is tried without it: each test that ALONE names is in a folder of
// ONDISK or UNLIKE, and what does MORE without it is there.
func TestWhatRunsAloneIsRun(t *testing.T) {
	t.Parallel()
	value := theMakefile(t)
	alone, twice := regexp.MustCompile(value("ALONE")), strings.Fields(value("ONDISK")+" "+value("UNLIKE"))
	named := strings.Split(value("ALONE")+"|"+value("MORE"), "|")
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	found := map[string]bool{}
	err := filepath.WalkDir("../../", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder := "./" + filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, "../../")))
		for _, m := range function.FindAllSubmatch(b, -1) {
			name := string(m[1])
			for _, part := range named {
				if strings.HasPrefix(name, strings.TrimSuffix(part, "$")) {
					found[part] = true
				}
			}
			if !alone.MatchString(name) || !strings.HasPrefix(folder, "./channels/") && !strings.HasPrefix(folder, "./store/") {
				continue
			}
			run := false
			for _, u := range twice {
				run = run || folder == u || strings.HasSuffix(u, "/...") && strings.HasPrefix(folder+"/", strings.TrimSuffix(u, "..."))
			}
			if !run {
				t.Errorf("%s in %s is left out with the race detector and never run without it", name, folder)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, part := range named {
		if !found[part] {
			t.Errorf("there is no test %s", part)
		}
	}
}
