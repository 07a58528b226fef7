package kiosk

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
)

var remake = flag.Bool("remake", false, "make page/script.min.js anew")

// order of the parts in the script.
var order = []string{"app", "kiosk", "fields", "record", "scan"}

// TestMinified makes the script small, and sees that what is embedded was made from what is in the folder.
func TestMinified(t *testing.T) {
	var b strings.Builder
	b.WriteString("(()=>{\"use strict\";\n")
	for _, name := range order {
		source, err := os.ReadFile("page/" + name + ".js")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "//! %s\n%s", name, source)
	}
	b.WriteString("//! end\n})()\n")
	r := api.Transform(b.String(), api.TransformOptions{MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true, LegalComments: api.LegalCommentsInline, Charset: api.CharsetUTF8})
	for _, e := range r.Errors {
		t.Fatal(e.Text)
	}
	if *remake {
		if err := os.WriteFile("page/script.min.js", r.Code, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if minified != string(r.Code) {
		t.Error("page/*.js changed: go test ./channels/kiosk -run Minified -remake")
	}
}
