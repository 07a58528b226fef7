package dialogs_test

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/townline/townline/dialogs"
)

func stepTypes() []string {
	var names []string
	for _, t := range dialogs.Types() {
		names = append(names, string(t))
	}
	return names
}

// TestSchemaKnowsTheSameKeys: for each type of step, the schema allows the keys that the loader allows.
func TestSchemaKnowsTheSameKeys(t *testing.T) {
	var schema struct {
		Definitions struct {
			Step struct {
				Properties map[string]struct {
					Enum        []string
					Description string
				}
				AllOf []struct {
					If struct {
						Properties map[string]struct{ Const string }
					}
					Then struct {
						PropertyNames struct{ Enum []string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(dialogs.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	step := schema.Definitions.Step
	if !reflect.DeepEqual(step.Properties["type"].Enum, stepTypes()) {
		t.Errorf("types %v", step.Properties["type"].Enum)
	}
	for name, p := range step.Properties {
		if p.Description == "" {
			t.Errorf("%s has no help", name)
		}
	}
	seen := map[string]bool{}
	for _, rule := range step.AllOf {
		typ := rule.If.Properties["type"].Const
		seen[typ] = true
		// The loader lists the keys of a type when it refuses one.
		_, problems := load(t, map[string]string{"a.yaml": "dialog: a\nversion: 1\nlanguage: en\nsteps:\n  - id: x\n    type: " + typ + "\n    nonsense: 1\n"})
		keys := ""
		for _, p := range problems {
			if p.Code == "unknown-key" {
				keys = strings.TrimPrefix(p.Hint, "the keys are: ")
			}
		}
		if want := strings.Join(rule.Then.PropertyNames.Enum, ", "); keys != want {
			t.Errorf("%s: the loader has %s, the schema %s", typ, keys, want)
		}
	}
	if len(seen) != len(stepTypes()) {
		t.Errorf("the schema has rules for %d of %d types", len(seen), len(stepTypes()))
	}
}

// TestSchemaIsPlain: draft-07 and no oneOf, whose mistakes blame the wrong branch.
func TestSchemaIsPlain(t *testing.T) {
	for _, schema := range [][]byte{dialogs.Schema(), dialogs.PlacesSchema(), dialogs.TranslationSchema(), dialogs.TestFileSchema()} {
		if strings.Contains(string(schema), "oneOf") || !strings.Contains(string(schema), "http://json-schema.org/draft-07/schema#") {
			t.Error("the schema is not plain draft-07")
		}
	}
}

// TestSchemaRefusesWhatItCan counts the fixtures that an editor already marks: names and meaning are the checker's.
func TestSchemaAndCheckerAgree(t *testing.T) {
	list, err := os.ReadDir("testdata/check")
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, e := range list {
		if !strings.HasSuffix(e.Name(), ".golden") {
			continue
		}
		content, err := os.ReadFile("testdata/check/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`(?m)^schema: .*: refused$`).Match(content) {
			continue
		}
		refused++
		if !strings.Contains(string(content), ": problem: ") {
			t.Errorf("%s: the schema refuses what the checker lets pass", e.Name())
		}
	}
	if refused < 20 {
		t.Errorf("the schema refuses only %d fixtures", refused)
	}
}
