package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What "make test" leaves out of the run with the race detector is tried without it: each test that ALONE names is in a folder of
// ONDISK or UNLIKE, and what does MORE without it is there.
func TestWhatRunsAloneIsRun(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string) string {
		m := regexp.MustCompile(`(?m)^` + name + ` = (.+)$`).FindSubmatch(b)
		if m == nil {
			t.Fatalf("the Makefile has no %s", name)
		}
		return strings.ReplaceAll(string(m[1]), "$$", "$")
	}
	alone, twice := regexp.MustCompile(value("ALONE")), strings.Fields(value("ONDISK")+" "+value("UNLIKE"))
	named := strings.Split(value("ALONE")+"|"+value("MORE"), "|")
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	found := map[string]bool{}
	err = filepath.WalkDir("../../", func(path string, d fs.DirEntry, err error) error {
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
