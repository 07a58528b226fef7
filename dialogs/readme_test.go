package dialogs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// TestReadmeExamples loads every example of README.md: whole dialogs, lists and translations as they are, steps inside a
// dialog around them.
func TestReadmeExamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	snippets := 0
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		text := block[1]
		if !strings.HasPrefix(text, "- ") {
			name := strings.Fields(text)[1]
			if strings.HasPrefix(text, "list: ") {
				name += ".places"
			}
			if strings.Contains(text, "\ntexts:") {
				name += ".es"
			}
			files[name+".yaml"] = text
			continue
		}
		snippets++
		name := "snippet-" + strconv.Itoa(snippets)
		head := "dialog: " + name + "\nversion: 1\ntitle: An example\nlanguage: en\n"
		if strings.Contains(text, "type: submit") || strings.Contains(text, "type: similar") {
			head += "purpose: request\nservice:\n  code: example\nsteps:\n"
		} else {
			head += "purpose: information\nsteps:\n"
		}
		body := "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
		if !strings.Contains(text, "type: end") {
			body += "  - id: the_end\n    type: end\n    say: Thank you.\n"
		}
		files[name+".yaml"] = head + body
	}
	files["street-light.yaml"] = strings.Replace(files["street-light.yaml"], "language: en\n", "language: en\nlanguages: [es]\n", 1)
	set, problems := load(t, files)
	if len(problems) > 0 {
		t.Errorf("the examples have problems:\n%s", problems)
	}
	if snippets < 8 || len(set.All()) != snippets+1 {
		t.Errorf("%d examples of steps, %d dialogs", snippets, len(set.All()))
	}
	for _, typ := range stepTypes() {
		if !strings.Contains(string(readme), "type: "+typ+"\n") && !strings.Contains(string(readme), "type: "+typ+" ") {
			t.Errorf("README.md has no example of a step of type %s", typ)
		}
	}
}

// codes are the problem codes in the code of this package: what stands where the functions that note problems take one.
func codes(t *testing.T) []string {
	t.Helper()
	place := map[string]int{"Add": 2, "Advise": 2, "note": 2, "bad": 1, "at": 1, "onStep": 1, "field": 2, "named": 2, "fail": 1}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	add := func(e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			code, _ := strconv.Unquote(l.Value)
			found[code] = true
		}
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok {
					if i, ok := place[s.Sel.Name]; ok && len(n.Args) > i+1 {
						add(n.Args[i])
					}
				}
			case *ast.CompositeLit:
				name, _ := n.Type.(*ast.Ident)
				for i, e := range n.Elts {
					if kv, ok := e.(*ast.KeyValueExpr); ok {
						if k, ok := kv.Key.(*ast.Ident); ok && k.Name == "Code" && name != nil && name.Name == "Problem" {
							add(kv.Value)
						}
					} else if name != nil && name.Name == "ConditionError" && i == 1 {
						add(e)
					}
				}
			}
			return true
		})
	}
	var list []string
	for code := range found {
		list = append(list, code)
	}
	sort.Strings(list)
	return list
}

// TestReadmeListsEveryProblem keeps the table of README.md and the code equal.
func TestReadmeListsEveryProblem(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "## Problems and how to mend them")
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\| (.+) \\| (.+) \\|$").FindAllStringSubmatch(table, -1) {
		listed = append(listed, row[1])
	}
	if !sort.StringsAreSorted(listed) {
		t.Error("the table is not in alphabetical order")
	}
	inCode := codes(t)
	if want, got := strings.Join(inCode, "\n"), strings.Join(listed, "\n"); want != got {
		t.Errorf("README.md lists\n%s\nthe code has\n%s", got, want)
	}
}

// TestEveryProblemHasAFixture: each code is shown by some file of testdata/check.
func TestEveryProblemHasAFixture(t *testing.T) {
	shown := ""
	files, err := filepath.Glob("testdata/check/*.golden")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		shown += string(content)
	}
	for _, code := range codes(t) {
		switch code {
		case "too-big", "unreadable", "use-deep": // TestTooBig, TestMissingPathsAndFolders, TestUseCanBeDeepButNotBottomless
			continue
		}
		if !strings.Contains(shown, "["+code+"]") {
			t.Errorf("no fixture shows %s", code)
		}
	}
}
