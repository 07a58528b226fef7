package kiosk

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"strings"
)

// minified is page/*.js in one function, made small by a test (go test -run Minified -update), with a line "//! NAME" before
// each part.
//
//go:embed page/script.min.js
var minified string

// parts of the script beside those that every page has.
type parts struct {
	Kiosk  bool // the machine in a public place: fingers, keys, switches, idle
	Record bool // the voice can be recorded
	Scan   bool // one switch; only with Kiosk
	Plain  bool // nothing is typed, counted or recorded on the page
}

// script returns what stands in a page's one script element, and its hash as a content security policy names it. A page that
// answers a POST is shown in place of the one before, under its policy: that names the hashes of all scripts of the channel.
func script(p parts) (js, hash string) {
	var b strings.Builder
	for i, part := range strings.Split(minified, "//! ") {
		name, code, _ := strings.Cut(part, "\n")
		switch {
		case i == 0:
			b.WriteString(part) // the function's head
		case name == "app", name == "fields" && !p.Plain, name == "end", name == "kiosk" && p.Kiosk, name == "record" && p.Record && !p.Plain, name == "scan" && p.Kiosk && p.Scan:
			b.WriteString(code)
		}
	}
	js = b.String()
	sum := sha256.Sum256([]byte(js))
	return js, "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
