package main

import (
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

var keyKills = flag.Int("key-kills", 4, "how often TestChangeOfKeysIsKilled kills a change of keys")

// Everything is written anew, and the files aren't changed yet: the town doesn't open, says what to do, and that is enough.
func TestChangeOfKeysCutShort(t *testing.T) {
	p := newPlace(t)
	in := func(name string) string { return filepath.Join(p.dir, name) }
	p.run("", "init", ".").must(t, 0)
	keys, err := store.LoadKeys(in("town.key"), "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(in("town.db"), keys)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := keys.MakeNext(in("town.key.next")); err != nil {
		t.Fatal(err)
	}
	next, err := store.LoadKeys(in("town.key.next"), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Rotate(in("town.db"), keys, next); err != nil {
		t.Fatal(err)
	}
	p.run("", "requests", "list").must(t, 1, `give "townline keys rotate" again`)
	if err := os.Link(in("town.key"), in("town.key.old")); err != nil { // and a step further
		t.Fatal(err)
	}
	p.run("", "keys", "rotate").must(t, 0, "The keys are "+next.Fingerprint()+" now, in place of "+keys.Fingerprint())
	p.run("", "requests", "list").must(t, 0)
	if old, err := store.LoadKeys(in("town.key.old"), ""); err != nil || old.Check() != keys.Check() {
		t.Errorf("the earlier keys aren't in town.key.old: %v", err)
	}
}

func TestKeysAreChanged(t *testing.T) {
	p := newPlace(t)
	in := func(name string) string { return filepath.Join(p.dir, name) }
	p.run("", "init", ".").must(t, 0)
	p.run("", "keys", "show").must(t, 1, "there is no town.key")
	r := p.serve()
	p.run("", "keys", "rotate").must(t, 1, `end "townline serve" first`)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	before := p.run("", "keys", "show")
	before.must(t, 0, "from town.key")
	p.run("", "backup", "copy.db").must(t, 0)
	p.run("", "keys", "rotate", "--finish").must(t, 1, "was cut short") // the one above made new keys
	p.run("", "requests", "list").must(t, 0)                            // nothing was written under them yet
	p.run("", "keys", "rotate").must(t, 0, "The keys are ", "in place of", "town.key.old")
	if after := p.run("", "keys", "show"); after.out == before.out {
		t.Errorf("the keys are the same: %s", after.out)
	}
	secret, err := os.ReadFile(in("town.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range strings.Fields(string(secret))[1:] {
		if shown := p.run("", "keys", "show").out; strings.Contains(shown, word[:8]) {
			t.Errorf("a secret is shown: %s", shown)
		}
	}
	p.run("", "requests", "list").must(t, 0)
	p.run("", "requests", "list", "--store-key-file", "town.key.old").must(t, 1, "not the keys that the database was written with")
	p.run("", "keys", "rotate").must(t, 1, "--finish")
	if err := p.serve().stop(); err != nil {
		t.Fatal(err)
	}

	// A copy from before can be put back while the earlier keys are kept.
	restore := func() answer {
		t.Helper()
		for _, name := range []string{"town.db", "town.db-wal", "town.db-shm"} {
			if err := os.Remove(in(name)); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		return p.run("", "restore", "copy.db")
	}
	restore().must(t, 0, "is in place")
	p.run("", "requests", "list").must(t, 0)
	p.run("", "keys", "rotate", "--finish").must(t, 0, "are destroyed here")
	if _, err := os.Stat(in("town.key.old")); !os.IsNotExist(err) {
		t.Error("the earlier keys are still there:", err)
	}
	p.run("", "keys", "rotate", "--finish").must(t, 0, "There are no earlier keys")
	restore().must(t, 1, "not the keys that the database was written with")
}

// A change of keys that is killed at any moment goes on when it is given again. Until then the town opens with one of the two, or says
// what to do.
func TestChangeOfKeysIsKilled(t *testing.T) {
	p := newPlace(t)
	in := func(name string) string { return filepath.Join(p.dir, name) }
	p.run("", "init", ".").must(t, 0)
	keys, err := store.LoadKeys(in("town.key"), "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(in("town.db"), keys)
	if err != nil {
		t.Fatal(err)
	}
	var r store.Resident
	for n := range 50 {
		r = store.Resident{byte(n + 1)}
		if _, err := s.Commit(t.Context(), &store.Change{Resident: r, At: time.Now(), State: []byte("words"), Link: []store.Address{{Key: keys.Address("tel", string(rune('0'+n))), Kind: "tel", Address: string(rune('0' + n))}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	p.run("", "keys", "rotate").must(t, 0)
	whole := time.Since(begun)
	p.run("", "keys", "rotate", "--finish").must(t, 0)
	killed, cut := 0, 0
	for killed < *keyKills {
		cmd := exec.Command(binary, "keys", "rotate")
		cmd.Dir, cmd.Env = p.dir, p.env
		cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ends := time.AfterFunc(rand.N(whole), func() { cmd.Process.Kill() })
		err := cmd.Wait()
		ends.Stop()
		if cmd.ProcessState.ExitCode() < 0 {
			killed++
			if a := p.run("", "requests", "list"); a.status != 0 {
				cut++
				a.must(t, 1, `give "townline keys rotate" again`)
			}
			continue
		}
		if err != nil { // the one before was over, but for the word of it
			p.run("", "keys", "rotate").must(t, 1, "--finish")
		}
		p.run("", "keys", "rotate", "--finish").must(t, 0)
	}
	if a := p.run("", "keys", "rotate"); a.status != 0 { // it was over, but for the word of it
		a.must(t, 1, "--finish")
	}
	now, err := store.LoadKeys(in("town.key"), "")
	if err != nil {
		t.Fatal(err)
	}
	if s, err = sqlite.Open(in("town.db"), now); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n := range 50 {
		who, ok, err := s.Find(t.Context(), now.Address("tel", string(rune('0'+n))))
		if row, e := s.Load(t.Context(), who); err != nil || e != nil || !ok || string(row.State) != "words" {
			t.Fatalf("%d: %q, %v, %v, %v", n, row.State, ok, err, e)
		}
	}
	t.Logf("%d kills, %d between the database and the file", killed, cut)
}
