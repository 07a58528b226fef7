// Package library is the sample town: dialogs that a real town could publish as they are, with their translations and
// tests. A town of one's own begins with a copy of them.
package library

import (
	"embed"
	"io/fs"
)

//go:embed town
var town embed.FS

// FS is the sample town's folder of dialogs, as `townline check` and `townline serve` read it.
func FS() fs.FS {
	sub, err := fs.Sub(town, "town")
	if err != nil { // the name is right: it is embedded above
		panic(err)
	}
	return sub
}
