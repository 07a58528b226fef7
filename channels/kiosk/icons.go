package kiosk

import (
	"embed"
	"html/template"
	"strings"
)

// icons are the pictograms, one file each: single-coloured, drawn with currentColor in a box of 24 by 24, hidden from
// screen readers, because the words always stand beside them. icons/README.md says where they come from.
//
//go:embed icons/*.svg
var icons embed.FS

// icon is the pictogram called name (dialogs.Icons lists them), to be put into a page as it is; "" for a name that is
// not in the set.
func icon(name string) template.HTML {
	if name == "" || strings.ContainsAny(name, "/.") {
		return ""
	}
	svg, err := icons.ReadFile("icons/" + name + ".svg")
	if err != nil {
		return ""
	}
	return template.HTML(strings.Replace(strings.TrimSpace(string(svg)), ` xmlns="http://www.w3.org/2000/svg"`, "", 1)) // a file of ours
}
