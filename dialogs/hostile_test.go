package dialogs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/townline/townline/dialogs"
)

// hostile makes files that try to cost more than they are worth, n lines or marks long.
func hostile(n int) map[string]string {
	return map[string]string{
		"lists in lists":     "dialog: a\nsteps: " + strings.Repeat("[", n),
		"blocks in blocks":   "dialog: a\nsteps: " + strings.Repeat("{a: ", n),
		"list marks":         "dialog: a\nsteps:\n" + strings.Repeat("- ", n),
		"ever deeper":        deeper(n / 50),
		"many keys":          "dialog: a\n" + strings.Repeat("k: 1\n", n),
		"many insertions":    "dialog: a\ntitle: " + strings.Repeat("${x}", n),
		"many labels":        "dialog: a\nversion: 1\nlanguage: en\nsteps:\n  - id: a\n    type: scale\n    say: b\n    labels: [" + strings.Repeat("a b #,", n) + "]\n",
		"many broken quotes": "dialog: a\n" + strings.Repeat("k: \"x\" y\n", n),
		"many anchors":       "dialog: a\nsteps:\n" + strings.Repeat("  - &a *a\n", n),
		"many tabs":          "dialog: a\nsteps:\n" + strings.Repeat("\t- id: a\n", n),
		"many steps":         "dialog: a\nversion: 1\nlanguage: en\nsteps:\n" + strings.Repeat("  - id: a\n    type: say\n    say: ${b}\n", n/10),
	}
}

// TestHostileFiles: what a file costs grows with its length, not faster; its problems stay few.
func TestHostileFiles(t *testing.T) {
	cost := func(content string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, problems := load(t, map[string]string{"a.yaml": content})
		runtime.ReadMemStats(&after)
		if !problems.Errors() || len(problems) > 110 {
			t.Errorf("%d problems", len(problems))
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	small, large := hostile(10_000), hostile(40_000)
	base := cost("dialog: a\n")
	for name := range small {
		a, b := cost(small[name]), cost(large[name])
		if b > 8*a && b-a > 8*base {
			t.Errorf("%s: four times as long costs %d bytes instead of %d", name, b, a)
		}
	}
}

func TestTooBig(t *testing.T) {
	_, problems := load(t, map[string]string{"a.yaml": "dialog: a\n# " + strings.Repeat("x", dialogs.MaxFile)})
	if len(problems) != 1 || problems[0].Code != "too-big" {
		t.Errorf("got\n%s", problems)
	}
}

func TestUseCanBeDeepButNotBottomless(t *testing.T) {
	files := map[string]string{}
	for i := range 8 {
		name := "part" + strconv.Itoa(i)
		files[name+".yaml"] = "dialog: " + name + "\nversion: 1\nlanguage: en\nsteps:\n  - id: a\n    type: use\n    dialog: part" + strconv.Itoa(i+1) + "\n"
	}
	files["part8.yaml"] = "dialog: part8\nversion: 1\nlanguage: en\nsteps:\n  - id: a\n    type: say\n    say: Hello.\n"
	_, problems := load(t, files)
	if !problems.Errors() || problems[0].Code != "use-deep" || strings.Contains(problems.String(), "use-circle") {
		t.Errorf("got\n%s", problems)
	}
	delete(files, "part0.yaml")
	delete(files, "part1.yaml")
	delete(files, "part2.yaml")
	if _, problems := load(t, files); len(problems) > 0 {
		t.Errorf("got\n%s", problems)
	}
}

func deeper(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func FuzzLoad(f *testing.F) {
	for _, dir := range []string{"testdata/check", "testdata/examples"} {
		_ = filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(p, ".yaml") {
				content, _ := os.ReadFile(p)
				f.Add(content, strings.Count(filepath.Base(p), ".") > 1)
			}
			return nil
		})
	}
	options := town(f)
	f.Fuzz(func(t *testing.T, content []byte, translation bool) {
		fsys := fstest.MapFS{"street.yaml": {Data: content}, "common/place.yaml": {Data: []byte(place)}}
		if translation {
			fsys = fstest.MapFS{"visit.yaml": {Data: []byte(visit)}, "visit.es.yaml": {Data: content}, "common/place.yaml": {Data: []byte(place)}}
		}
		set, problems := dialogs.Load(fsys, options)
		for _, p := range problems {
			inside(t, fsys, p)
			_ = p.String()
		}
		for _, d := range set.All() {
			again, err := dialogs.Compile(dialogs.Bundle(d))
			if err != nil {
				t.Fatalf("a fine dialog does not compile again: %v\n%s", err, content)
			}
			if again.Pin != d.Pin {
				t.Fatalf("%v became %v", d.Pin, again.Pin)
			}
			for _, lang := range []string{"es", "fr"} {
				dialogs.Extract(d, lang)
			}
		}
	})
}

func FuzzCompile(f *testing.F) {
	f.Add(dialogs.Bundle(one(f, "visit", visitFiles())))
	f.Fuzz(func(t *testing.T, content []byte) {
		d, err := dialogs.Compile(content)
		if err != nil {
			return
		}
		for _, s := range d.Steps {
			s.When.Holds(func(int) ([]string, bool) { return []string{"1"}, true })
			d.Text("es", s.ID)
		}
	})
}
