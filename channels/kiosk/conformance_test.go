package kiosk_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/townline/townline/channels/kiosk"
)

// successCriteria are those of WCAG 2.2 by their level, as the Recommendation lists them: 86, without 4.1.1, which it removed.
var successCriteria = map[string]string{
	"A": `1.1.1 1.2.1 1.2.2 1.2.3 1.3.1 1.3.2 1.3.3 1.4.1 1.4.2 2.1.1 2.1.2 2.1.4 2.2.1 2.2.2 2.3.1 2.4.1 2.4.2 2.4.3 2.4.4
		2.5.1 2.5.2 2.5.3 2.5.4 3.1.1 3.2.1 3.2.2 3.2.6 3.3.1 3.3.2 3.3.7 4.1.2`,
	"AA": `1.2.4 1.2.5 1.3.4 1.3.5 1.4.3 1.4.4 1.4.5 1.4.10 1.4.11 1.4.12 1.4.13 2.4.5 2.4.6 2.4.7 2.4.11 2.5.7 2.5.8 3.1.2
		3.2.3 3.2.4 3.3.3 3.3.4 3.3.8 4.1.3`,
	"AAA": `1.2.6 1.2.7 1.2.8 1.2.9 1.3.6 1.4.6 1.4.7 1.4.8 1.4.9 2.1.3 2.2.3 2.2.4 2.2.5 2.2.6 2.3.2 2.3.3 2.4.8 2.4.9 2.4.10
		2.4.12 2.4.13 2.5.5 2.5.6 3.1.3 3.1.4 3.1.5 3.1.6 3.2.5 3.3.5 3.3.6 3.3.9`,
}

// onlyIn22 are the criteria that WCAG 2.1, and so EN 301 549 V3.2.1, does not have.
var onlyIn22 = strings.Fields("2.4.11 2.4.12 2.4.13 2.5.7 2.5.8 3.2.6 3.3.7 3.3.8 3.3.9")

// TestConformance: the table is whole, says of each clause how we know, and names no test that isn't there.
func TestConformance(t *testing.T) {
	all := kiosk.Conformance()
	seen := map[string]bool{}
	level := map[string]string{}
	hardware := map[string]bool{}
	for _, c := range all {
		name := string(c.Standard) + " " + c.Number()
		if key := name + c.Title; seen[key] {
			t.Errorf("%s stands there twice", name)
		} else {
			seen[key] = true
		}
		if c.Title == "" || c.Asks == "" || c.ID == "" && c.Draft == "" {
			t.Errorf("%s doesn't say what it asks", name)
		}
		switch c.Verdict {
		case kiosk.Proved:
			if len(c.Tests) == 0 {
				t.Errorf("%s is proved by nothing", name)
			}
		case kiosk.ByHand, kiosk.NotMet, kiosk.DoesNotApply, kiosk.Hardware:
			if c.Note == "" && len(c.Like) == 0 {
				t.Errorf("%s: %s, and nobody knows why", name, c.Verdict)
			}
		default:
			t.Errorf("%s has the verdict %q", name, c.Verdict)
		}
		if (c.Verdict == kiosk.Hardware) != slices.Contains(kiosk.Places(), c.Place) {
			t.Errorf("%s is %s, and on the installation sheet under %q", name, c.Verdict, c.Place)
		}
		if c.Verdict == kiosk.Hardware && c.Standard == kiosk.EN {
			hardware[c.ID] = true
		}
		if c.Standard == kiosk.WCAG {
			level[c.ID] = c.Level
		}
	}
	for _, c := range all {
		for _, id := range c.Like {
			if !hardware[id] {
				t.Errorf("%s %s is like EN 301 549, %s, which asks nothing of the machine", c.Standard, c.Number(), id)
			}
		}
	}
	want := map[string]string{}
	for l, list := range successCriteria {
		for _, id := range strings.Fields(list) {
			want[id] = l
		}
	}
	if len(want) != 86 {
		t.Fatalf("WCAG 2.2 has 86 success criteria, not %d", len(want))
	}
	if !maps.Equal(level, want) {
		for id, l := range want {
			if level[id] != l {
				t.Errorf("WCAG %s is of level %s, not %q", id, l, level[id])
			}
		}
		for id := range level {
			if want[id] == "" {
				t.Errorf("there is no WCAG %s", id)
			}
		}
	}
	for _, wrong := range wrongNames(t, all) {
		t.Error(wrong)
	}
}

// TestWebMeetsWCAG: on the web no clause of levels A and AA of WCAG 2.1 is unmet, which is what EN 301 549, 9.1 to 9.4 ask.
func TestWebMeetsWCAG(t *testing.T) {
	n := 0
	for _, c := range kiosk.Conformance() {
		if c.Standard != kiosk.WCAG || c.Level == "AAA" || slices.Contains(onlyIn22, c.ID) {
			continue
		}
		n++
		if c.Verdict == kiosk.NotMet && c.Only == "" {
			t.Errorf("%s %s is not met: %s", c.ID, c.Title, c.Note)
		}
		if c.Only != "" && (c.Verdict != kiosk.NotMet || len(c.Tests) == 0) {
			t.Errorf("%s: what is unmet at the machine alone needs a test for the web", c.ID)
		}
	}
	if n != 49 { // of the 50 of WCAG 2.1 without 4.1.1
		t.Errorf("%d clauses, not 49", n)
	}
}

// TestWrongNamesAreSeen is the test of the test.
func TestWrongNamesAreSeen(t *testing.T) {
	for _, name := range []string{"channels/kiosk TestThatIsNotThere", "channels/nowhere TestPages", "TestPages", "channels/kiosk TestScreenshots"} {
		if len(wrongNames(t, []kiosk.Clause{{Verdict: kiosk.Proved, Tests: []string{name}}})) == 0 {
			t.Errorf("nobody sees that %q proves nothing", name)
		}
	}
	source := `package p
import "testing"
func TestSkipped(t *testing.T) { if broken() { t.Skip("later") }; check(t) }
func TestEmpty(t *testing.T) {}
func TestNever(t *testing.T) { if *flag == "" { return }; check(t) }
func TestReal(t *testing.T) { check(t) }
`
	f, err := parser.ParseFile(token.NewFileSet(), "p_test.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := testsIn(f)
	if want := map[string]string{"TestSkipped": "is skipped", "TestEmpty": "tests nothing", "TestNever": "does nothing unless it is asked", "TestReal": ""}; !maps.Equal(got, want) {
		t.Errorf("found %v", got)
	}
}

// wrongNames are the tests that the table names and that prove nothing.
func wrongNames(t *testing.T, all []kiosk.Clause) (wrong []string) {
	t.Helper()
	known := map[string]map[string]string{} // by folder
	for _, c := range all {
		for _, name := range c.Tests {
			dir, test, _ := strings.Cut(name, " ")
			if known[dir] == nil {
				known[dir] = map[string]string{}
				files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(dir), "*_test.go"))
				if err != nil {
					t.Fatal(err)
				}
				for _, file := range files {
					f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
					if err != nil {
						t.Fatal(err)
					}
					maps.Copy(known[dir], testsIn(f))
				}
			}
			if what, ok := known[dir][test]; !ok {
				wrong = append(wrong, c.Number()+" names "+name+", which is not there")
			} else if what != "" {
				wrong = append(wrong, c.Number()+" names "+name+", which "+what)
			}
		}
	}
	return wrong
}

// testsIn are the tests of a file, each with what is wrong with it: "" for one that runs.
func testsIn(f *ast.File) map[string]string {
	out := map[string]string{}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Test") || fn.Name.Name == "TestMain" || len(fn.Type.Params.List) != 1 {
			continue
		}
		what := ""
		if len(fn.Body.List) == 0 {
			what = "tests nothing"
		} else if first, ok := fn.Body.List[0].(*ast.IfStmt); ok && len(first.Body.List) == 1 {
			if back, ok := first.Body.List[0].(*ast.ReturnStmt); ok && len(back.Results) == 0 {
				what = "does nothing unless it is asked"
			}
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, s.Sel.Name) {
				what = "is skipped"
			}
			return true
		})
		out[fn.Name.Name] = what
	}
	return out
}
