package kiosk

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/townline/townline/dialogs"
)

// TestIcons: what a dialog may name is what the pages can show, and nothing in a pictogram could do harm or be announced.
func TestIcons(t *testing.T) {
	list, err := fs.ReadDir(icons, "icons")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range list {
		name := strings.TrimSuffix(f.Name(), ".svg")
		names = append(names, name)
		svg := string(icon(name))
		if !strings.HasPrefix(svg, `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor"`) || !strings.HasSuffix(svg, "</svg>") || !strings.Contains(svg, ` aria-hidden="true">`) {
			t.Errorf("%s is not a plain pictogram: %s", name, svg)
		}
		for _, bad := range []string{"id=", "style", "script", "href", "onload", "class", "#", "http", "<title", "\n"} {
			if strings.Contains(svg, bad) {
				t.Errorf("%s holds %q", name, bad)
			}
		}
		if len(svg) > 700 {
			t.Errorf("%s has %d bytes", name, len(svg))
		}
	}
	if got := dialogs.Icons(); !slices.Equal(got, names) {
		t.Errorf("dialogs.Icons lists\n%v\nthe folder has\n%v", got, names)
	}
	if len(names) < 40 {
		t.Errorf("%d pictograms", len(names))
	}
}

func TestIconNamesAreNoPaths(t *testing.T) {
	for _, name := range []string{"", "nothing", "../icons", "README.md", "bus.svg", "icons/bus"} {
		if got := icon(name); got != "" {
			t.Errorf("%q gives %q", name, got)
		}
	}
	if icon("bus") == "" {
		t.Error("there is no bus")
	}
}
