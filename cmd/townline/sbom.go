package main

import (
	"cmp"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// licences has the SPDX name of the licence of every module that is linked, a line each; the tests keep it so.
//
//go:embed licences.txt
var licences string

const goLicence = "BSD-3-Clause"

// materials are what the program is made of, in CycloneDX 1.6.
type materials struct {
	Format       string        `json:"bomFormat"`
	Spec         string        `json:"specVersion"`
	Version      int           `json:"version"`
	Metadata     materialsHead `json:"metadata"`
	Components   []component   `json:"components"`
	Dependencies []dependency  `json:"dependencies"`
}

type materialsHead struct {
	Component component `json:"component"`
}

type component struct {
	Type     string          `json:"type"`
	Ref      string          `json:"bom-ref"`
	Name     string          `json:"name"`
	Version  string          `json:"version"`
	Scope    string          `json:"scope,omitempty"`
	Hashes   []hash          `json:"hashes,omitempty"`
	Licences []licenceChoice `json:"licenses,omitempty"`
	PURL     string          `json:"purl"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type licenceChoice struct {
	Expression string `json:"expression"`
}

type dependency struct {
	Ref  string   `json:"ref"`
	Uses []string `json:"dependsOn,omitempty"`
}

// licenceOf is by module path.
func licenceOf() map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(licences) {
		if path, spdx, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			out[path] = spdx
		}
	}
	return out
}

// materialsOf lists what b was built from: the same for the same build, whenever it is asked for.
func materialsOf(b *debug.BuildInfo) materials {
	licence := licenceOf()
	self := part("application", b.Main.Path, cmp.Or(b.Main.Version, "(devel)"), "", "Apache-2.0")
	out := materials{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: materialsHead{self}}
	parts := map[string]component{"std": part("library", "std", strings.TrimPrefix(cmp.Or(b.GoVersion, runtime.Version()), "go"), "", goLicence)}
	for _, m := range b.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		parts[m.Path] = part("library", m.Path, m.Version, m.Sum, licence[m.Path])
	}
	uses := dependency{Ref: self.Ref}
	for _, path := range slices.Sorted(maps.Keys(parts)) {
		out.Components = append(out.Components, parts[path])
		uses.Uses = append(uses.Uses, parts[path].Ref)
	}
	out.Dependencies = []dependency{uses}
	return out
}

func part(kind, path, version, sum, licence string) component {
	purl := "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
	c := component{Type: kind, Ref: purl, Name: path, Version: version, PURL: purl}
	if kind == "library" {
		c.Scope = "required"
	}
	if b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:")); err == nil && len(b) > 0 {
		c.Hashes = []hash{{"SHA-256", hex.EncodeToString(b)}} // of go.sum
	}
	if licence != "" {
		c.Licences = []licenceChoice{{licence}}
	}
	return c
}

func writeMaterials(w io.Writer, b materials) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(b)
}
