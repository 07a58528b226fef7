package dialogtest_test

import (
	"bytes"
	"io/fs"
	"strconv"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/library"
)

// What the loader takes, an editor that knows the schema takes too.
func TestSchemaTakesWhatTheLoaderTakes(t *testing.T) {
	schema := schema(t)
	if err := schema.Validate(read(t, everyKey)); err != nil {
		t.Errorf("every key: %v", err)
	}
	files, err := dialogtest.Find(library.FS())
	if err != nil || len(files) < 9 {
		t.Fatalf("%d test files: %v", len(files), err)
	}
	for _, file := range files {
		content, err := fs.ReadFile(library.FS(), file)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(read(t, string(content))); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, wrong := range []string{
		"dialog: bench\n", "dialog: bench\ntests: []\n", "dialog: bench\ntests: [{name: One, answer: {a: b}}]\n",
		"dialog: bench\ntests: [{name: One, talk: [{me: hi}]}]\n", "dialog: bench\ntests: [{name: One, desk: shut}]\n",
	} {
		if schema.Validate(read(t, wrong)) == nil {
			t.Errorf("the schema takes %s", wrong)
		}
		if _, problems := load(wrong); !problems.Errors() {
			t.Errorf("the loader takes %s", wrong)
		}
	}
}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(dialogs.TestFileSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("tests.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("tests.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// read makes of YAML what an editor shows a schema.
func read(t *testing.T, content string) any {
	t.Helper()
	var n yaml.Node
	if err := yaml.Load([]byte(content), &n); err != nil {
		t.Fatal(err)
	}
	return value(n.Content[0])
}

func value(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			out[n.Content[i].Value] = value(n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for _, c := range n.Content {
			out = append(out, value(c))
		}
		return out
	}
	if f, err := strconv.ParseFloat(n.Value, 64); err == nil && (n.Tag == "!!int" || n.Tag == "!!float") {
		return f
	}
	if n.Tag == "!!bool" {
		return n.Value == "true"
	}
	return n.Value
}
