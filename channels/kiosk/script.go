package kiosk

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"strings"
)

//go:embed page/*.js
var scripts embed.FS

// parts of the script that a page needs beside app.js, which every page has.
type parts struct {
	Kiosk  bool // the machine in a public place: fingers, keys, switches, idle
	Fields bool // something is typed or counted
	Record bool // the voice can be recorded
	Scan   bool // one switch; only with Kiosk
}

// script returns what stands in a page's one script element, and its hash as a content security policy names it. The parts
// stand in one function, so that they know each other. Comments and indentation are left out.
func script(p parts) (js, hash string) {
	var b strings.Builder
	b.WriteString("(()=>{\"use strict\"\n")
	for _, part := range []struct {
		name   string
		needed bool
	}{{"app", true}, {"kiosk", p.Kiosk}, {"fields", p.Fields}, {"record", p.Record}, {"scan", p.Kiosk && p.Scan}} {
		if !part.needed {
			continue
		}
		source, err := scripts.ReadFile("page/" + part.name + ".js")
		if err != nil {
			panic(err) // it is embedded
		}
		for line := range strings.Lines(string(source)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				b.WriteString(line)
				b.WriteByte('\n')
			}
		}
	}
	b.WriteString("})()")
	js = b.String()
	sum := sha256.Sum256([]byte(js))
	return js, "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
