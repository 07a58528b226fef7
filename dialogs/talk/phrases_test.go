package talk

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/townline/townline/locales"
)

// Every phrase that the code names is there to be said: what residents read is in locales, never in code.
func TestEveryPhraseNamedInCodeExists(t *testing.T) {
	all, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`^@[a-z]+(\.[a-z0-9_]+)*\.?$`)
	found := 0
	for _, dir := range []string{".", "../engine", "../render"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				s, err := strconv.Unquote(lit.Value)
				if err != nil || !key.MatchString(s) || strings.HasSuffix(s, ".") {
					return true
				}
				found++
				for _, tag := range all.Tags() {
					if !all.Language(tag).Has(s) {
						t.Errorf("%s names %q, which locales/%s.yaml lacks", file, s, tag)
					}
				}
				return true
			})
		}
	}
	if found < 40 {
		t.Fatalf("only %d phrases were found in the code: the test looks in the wrong place", found)
	}
}
