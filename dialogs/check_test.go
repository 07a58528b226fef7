package dialogs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/golden"
	"github.com/townline/townline/locales"
)

// town is what the fixtures' town knows.
func town(t testing.TB) dialogs.Options {
	t.Helper()
	all, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	return dialogs.Options{
		Locales: all,
		Desks:   []string{"emergency-desk", "town-desk"},
		Now:     time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC),
	}
}

// schemas judges files as an editor does.
type schemas struct{ dialog, places, translation, tests *jsonschema.Schema }

func editors(t testing.TB) schemas {
	t.Helper()
	compile := func(name string, content []byte) *jsonschema.Schema {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		c.DefaultDraft(jsonschema.Draft7)
		if err := c.AddResource(name, doc); err != nil {
			t.Fatal(err)
		}
		s, err := c.Compile(name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	return schemas{compile("dialog.schema.json", dialogs.Schema()), compile("places.schema.json", dialogs.PlacesSchema()), compile("translation.schema.json", dialogs.TranslationSchema()), compile("tests.schema.json", dialogs.TestFileSchema())}
}

// verdict is what the schema says of a file.
func (s schemas) verdict(file string, content []byte) string {
	var top yaml.Node
	if err := yaml.Load(content, &top); err != nil {
		return "no YAML"
	}
	doc := value(&top)
	schema := s.dialog
	switch name := path.Base(file); {
	case strings.HasSuffix(name, ".test.yaml"):
		schema = s.tests
	case strings.HasSuffix(name, ".places.yaml"):
		schema = s.places
	case strings.Count(name, ".") > 1:
		schema = s.translation
	}
	if schema.Validate(doc) != nil {
		return "refused"
	}
	return "accepted"
}

// value is a node as editors read it, by YAML 1.2: days and yes are text.
func value(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return value(n.Content[0])
	case yaml.AliasNode:
		return value(n.Alias)
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			list = append(list, value(c))
		}
		return list
	case yaml.MappingNode:
		block := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			block[n.Content[i].Value] = value(n.Content[i+1])
		}
		return block
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true"
	case "!!int", "!!float":
		if strings.Trim(n.Value, "0123456789.-") == "" {
			return json.Number(n.Value)
		}
	}
	return n.Value
}

// TestCheck holds every fixture of testdata/check (one mistake each) against what the checker and the schema say of it.
func TestCheck(t *testing.T) {
	options, editor := town(t), editors(t)
	list, err := os.ReadDir("testdata/check")
	if err != nil {
		t.Fatal(err)
	}
	fixtures := 0
	for _, e := range list {
		if strings.HasSuffix(e.Name(), ".golden") {
			continue
		}
		fixtures++
		t.Run(strings.TrimSuffix(e.Name(), ".yaml"), func(t *testing.T) {
			var fsys fs.FS = os.DirFS("testdata/check")
			paths := []string{e.Name()}
			if e.IsDir() {
				fsys, paths = os.DirFS(filepath.Join("testdata/check", e.Name())), nil
			}
			set, problems := dialogs.Load(fsys, options, paths...)
			if strings.HasPrefix(e.Name(), "fine-") {
				if len(problems) > 0 {
					t.Errorf("a fine dialog has problems:\n%s", problems)
				}
			} else if len(problems) == 0 && e.Name() != "translation-fine" {
				t.Error("nothing was noticed")
			}
			for _, p := range problems {
				inside(t, fsys, p)
				if p.Hint == "" && p.Code != "too-many" {
					t.Errorf("%s has no mend", p.Code)
				}
			}
			if problems.Errors() && !e.IsDir() && len(set.All()) > 0 {
				t.Error("a dialog with errors was loaded")
			}
			var got strings.Builder
			err := fs.WalkDir(fsys, ".", func(p string, f fs.DirEntry, err error) error {
				if err != nil || f.IsDir() || !strings.HasSuffix(p, ".yaml") || !e.IsDir() && p != e.Name() {
					return err
				}
				content, err := fs.ReadFile(fsys, p)
				fmt.Fprintf(&got, "schema: %s: %s\n", p, editor.verdict(p, content))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&got, "\n%s", problems)
			golden.Compare(t, filepath.Join("testdata/check", strings.TrimSuffix(e.Name(), ".yaml")+".golden"), got.String())
		})
	}
	if fixtures < 60 {
		t.Errorf("%d fixtures; there should be 60 or more", fixtures)
	}
}

// inside checks that a problem points into its file.
func inside(t *testing.T, fsys fs.FS, p dialogs.Problem) {
	t.Helper()
	content, err := fs.ReadFile(fsys, p.File)
	if err != nil {
		t.Errorf("%s is about a file that is not there: %v", p.Code, err)
		return
	}
	lines := strings.Split(strings.TrimPrefix(string(content), "\ufeff"), "\n")
	if p.Line < 1 || p.Line > len(lines) {
		t.Errorf("%s points at line %d of %d", p.Code, p.Line, len(lines))
		return
	}
	if most := len([]rune(lines[p.Line-1])) + 1; p.Column < 1 || p.Column > most {
		t.Errorf("%s points at column %d of %d", p.Code, p.Column, most)
	}
}

func TestExamplesPassTheSchema(t *testing.T) {
	editor := editors(t)
	fsys := os.DirFS("testdata/examples")
	err := fs.WalkDir(fsys, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(fsys, p)
		if v := editor.verdict(p, content); v != "accepted" {
			t.Errorf("%s is %s", p, v)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
