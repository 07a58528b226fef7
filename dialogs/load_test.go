package dialogs_test

import (
	"os"
	"testing"

	"github.com/townline/townline/dialogs"
)

func TestExamplesLoadUnchanged(t *testing.T) {
	set, problems := dialogs.Load(os.DirFS("testdata/examples"), dialogs.Options{})
	if problems.Errors() {
		t.Fatalf("the examples have problems:\n%s", problems)
	}
	for _, p := range problems {
		t.Logf("\n%s", p)
	}
	for _, id := range []string{"main-street", "street-problem"} {
		d := set.Get(id)
		if d == nil {
			t.Fatalf("%s was not loaded", id)
		}
		again, err := dialogs.Compile(dialogs.Bundle(d))
		if err != nil {
			t.Fatal(err)
		}
		if again.Pin != d.Pin {
			t.Errorf("%s: compiled again it is %v, was %v", id, again.Pin, d.Pin)
		}
	}
}
