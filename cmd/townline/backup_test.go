package main

import (
	"os"
	"path/filepath"
	"testing"
)

// What kiosk machines forwarded and a person has to look at is nowhere else any more: a copy has it too.
func TestACopyHasWhatWasPutAside(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", ".").must(t, 0)
	if err := p.serve().stop(); err != nil {
		t.Fatal(err)
	}
	p.run("", "backup", "before.db").must(t, 0)
	if _, err := os.Stat(filepath.Join(p.dir, "before.db.aside")); !os.IsNotExist(err) {
		t.Error("nothing was put aside, and is copied:", err)
	}
	p.write("town.aside", "sealed turns")
	p.run("", "backup", "copy.db").must(t, 0, "copy.db.aside")
	info, err := os.Stat(filepath.Join(p.dir, "copy.db.aside"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	for _, f := range []string{"town.db", "town.db-wal", "town.db-shm"} {
		if err := os.Remove(filepath.Join(p.dir, f)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	p.write("town.aside", "") // of a server that was started meanwhile
	p.run("", "restore", "copy.db").must(t, 0, "is in place")
	if b, err := os.ReadFile(filepath.Join(p.dir, "town.aside")); err != nil || string(b) != "sealed turns" {
		t.Errorf("%q %v", b, err)
	}

	// What was put aside since is newer than the copy: it stays.
	if err := os.Remove(filepath.Join(p.dir, "town.db")); err != nil {
		t.Fatal(err)
	}
	p.write("town.aside", "more sealed turns")
	p.run("", "restore", "copy.db").must(t, 0, "is in place")
	if b, err := os.ReadFile(filepath.Join(p.dir, "town.aside")); err != nil || string(b) != "more sealed turns" {
		t.Errorf("%q %v", b, err)
	}
}
