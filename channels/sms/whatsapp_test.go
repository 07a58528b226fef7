package sms

import (
	"testing"

	"github.com/townline/townline/dialogs/render"
)

// A button tells on which page it stands, so that a press on an older one is known.
func TestButtonsTellTheirPage(t *testing.T) {
	p := render.Page{Text: "Buses?", Mark: "k3f9x2ab", Options: []render.Shown{{Digit: "1", Label: "Yes"}, {Digit: "8", Label: "More"}}}
	if got, want := variables(p), `{"1":"Buses?","2":"Yes","3":"1.k3f9x2ab","4":"More","5":"8.k3f9x2ab"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
