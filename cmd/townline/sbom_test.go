package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/townline/townline/dialogs/golden"
)

// mayBeLinked are the licences that what is linked may have: none that asks for anything of who runs or passes on the program but the
// notice. MPL asks for changes to its own files alone.
var mayBeLinked = []string{"Apache-2.0", "MIT", "BSD-3-Clause", "BSD-2-Clause", "ISC", "MPL-2.0", "0BSD", "CC0-1.0", "Unlicense", "blessing"}

// lookedAt are files beside a licence that are none, and what they are.
var lookedAt = map[string]string{
	"modernc.org/memory LICENSE-LOGO":         "where a picture comes from that isn't linked",
	"modernc.org/sqlite LICENSE-3RD-PARTY.md": "what it was made with: what of it is linked is MIT, BSD, Apache or in the public domain",
}

// licenceWords are phrases that a licence has, and no other of these; the first that fits is it.
var licenceWords = []struct{ spdx, words string }{
	{"blessing", "dedicated to the public domain by the authors"}, // SQLite's
	{"AGPL", "gnu affero general public license"},
	{"LGPL", "gnu lesser general public license"},
	{"GPL", "gnu general public license"},
	{"SSPL", "server side public license"},
	{"BUSL", "business source license"},
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"MPL-2.0", "mozilla public license, version 2.0"},
	{"Apache-2.0", "apache license version 2.0"},
	{"Apache-2.0", "apache license, version 2.0"},
	{"BSD-3-Clause", "redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"},
	{"ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee"},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"CC0-1.0", "cc0 1.0 universal"},
	{"Unlicense", "free and unencumbered software released into the public domain"},
}

// classify names the licence of a text; "": none that is known.
func classify(text string) string {
	plain := strings.ToLower(strings.Join(strings.Fields(strings.NewReplacer("*", " ", "//", " ", "#", " ").Replace(text)), " "))
	for _, l := range licenceWords {
		at := strings.Index(plain, l.words)
		if at < 0 || strings.Contains(l.words, "gnu") && at > 200 { // others' licences name those
			continue
		}
		if l.spdx == "BSD-3-Clause" && !strings.Contains(plain, "endorse or promote") {
			return "BSD-2-Clause"
		}
		return l.spdx
	}
	return ""
}

type linkedModule struct{ path, dir string }

// linkedModules are the modules that the program is linked with, on the systems that it is made for.
func linkedModules(t *testing.T) []linkedModule {
	t.Helper()
	seen := map[string]linkedModule{}
	for _, system := range []string{"linux/amd64", "linux/arm64", "windows/amd64", "darwin/arm64"} {
		goos, arch, _ := strings.Cut(system, "/")
		cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}", ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+arch)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			if path, dir, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
				seen[path] = linkedModule{path, dir}
			}
		}
	}
	var all []linkedModule
	for _, m := range seen {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b linkedModule) int { return strings.Compare(a.path, b.path) })
	return all
}

// Every module that is linked has a licence file, each file in it is of a licence that we may link, and licences.txt says which.
func TestLicencesAllowLinking(t *testing.T) {
	var b strings.Builder
	for _, m := range linkedModules(t) {
		var found []string
		entries, err := os.ReadDir(m.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := strings.ToUpper(e.Name())
			if e.IsDir() || !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "COPYING") && !strings.HasPrefix(name, "UNLICENSE") || lookedAt[m.path+" "+e.Name()] != "" {
				continue
			}
			text, err := os.ReadFile(filepath.Join(m.dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			spdx := classify(string(text))
			if !slices.Contains(mayBeLinked, spdx) {
				t.Errorf("%s: %s is %q: it may not be linked, or nobody has looked at it", m.path, e.Name(), spdx)
			}
			if !slices.Contains(found, spdx) {
				found = append(found, spdx)
			}
		}
		if len(found) == 0 {
			t.Errorf("%s has no licence file", m.path)
			continue
		}
		slices.Sort(found)
		fmt.Fprintf(&b, "%s %s\n", m.path, strings.Join(found, " AND "))
	}
	golden.Compare(t, "licences.txt", b.String())
}

func TestLicencesAreTold(t *testing.T) {
	for text, want := range map[string]string{
		"GNU GENERAL PUBLIC LICENSE Version 3":          "GPL",
		"GNU AFFERO GENERAL\n   PUBLIC LICENSE":         "AGPL",
		"Apache License\n    Version 2.0, January 2004": "Apache-2.0",
		"ask me first": "",
		"GNU Lesser General Public License version 2.1": "LGPL",
	} {
		if got := classify(text); got != want {
			t.Errorf("%q is taken for %q", text, got)
		}
	}
}

// "townline version --sbom" is a bill of materials as CycloneDX has it, and lists what the binary says that it was built from.
func TestBillOfMaterials(t *testing.T) {
	p := newPlace(t)
	a := p.run("", "version", "--sbom")
	a.must(t, 0)
	const folder = "../../.ci/npm/node_modules/@cyclonedx/cyclonedx-library/res/schema/"
	c := jsonschema.NewCompiler()
	for _, name := range []string{"bom-1.6", "spdx", "jsf-0.82"} {
		f, err := os.Open(folder + name + ".SNAPSHOT.schema.json")
		if err != nil {
			t.Fatalf("the schema of CycloneDX is missing: run \"make peers\" (%v)", err)
		}
		schema, err := jsonschema.UnmarshalJSON(f)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		if err := c.AddResource("http://cyclonedx.org/schema/"+name+".SNAPSHOT.schema.json", withoutID(schema)); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.SNAPSHOT.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	check := func(text string) error {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	if err := check(a.out); err != nil {
		t.Error(err)
	}
	if check(strings.Replace(a.out, `"CycloneDX"`, `"Cyclone"`, 1)) == nil {
		t.Error("the schema lets anything through")
	}
	var got materials
	if err := json.Unmarshal([]byte(a.out), &got); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "version", "-m", binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := 0
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "dep" {
			continue
		}
		deps++
		if !slices.ContainsFunc(got.Components, func(c component) bool {
			return c.Name == f[1] && c.Version == f[2] && len(c.Licences) == 1 && len(c.Hashes) == 1
		}) {
			t.Errorf("%s is not in it, or without its licence", f[1])
		}
	}
	if deps < 20 || len(got.Components) != deps+1 {
		t.Errorf("%d components, of %d modules and Go itself", len(got.Components), deps)
	}
	if again := p.run("", "version", "--sbom"); again.out != a.out {
		t.Error("the same binary gives another bill")
	}
}

// withoutID lets a schema be found by its file's name, as the files name one another.
func withoutID(schema any) any {
	if m, ok := schema.(map[string]any); ok {
		delete(m, "$id")
	}
	return schema
}
