package main

import (
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
	"github.com/townline/townline/store/storetest"
)

var moveKills = flag.Int("move-kills", 5, "how often TestMoveIsKilled kills a move")

// A move that is killed at any moment goes on when it is given again, and ends with everything there.
func TestMoveIsKilled(t *testing.T) {
	p := newPlace(t)
	keys, err := store.LoadKeys(filepath.Join(p.dir, "town.key"), "")
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string) *sqlite.Store {
		t.Helper()
		s, err := sqlite.Open(filepath.Join(p.dir, name), keys)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open("town.db")
	e := storetest.Fill(t, s, 20)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(p.dir, "town.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"twin.db", "timed.db"} {
		p.write(name, string(b))
	}
	twin := open("twin.db")
	defer twin.Close()
	key := []string{"--store-key-file", "town.key"}
	begun := time.Now()
	p.run("", append(key, "move", "sqlite:timed.db", "timed2.db")...).must(t, 0, "resident_key: 18 moved", "conversation: 18 compared", "Everything is in sqlite:timed2.db")
	whole := time.Since(begun)

	from, killed := "town.db", 0
	for n := 0; killed < *moveKills; n++ {
		to := filepath.Join(p.dir, "moved") + string(rune('a'+n%26)) + ".db"
		over := false
		for !over {
			cmd := exec.Command(binary, append(key, "move", from, to)...)
			cmd.Dir, cmd.Env = p.dir, p.env
			cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			select {
			case err := <-done:
				if err != nil {
					p.run("", append(key, "move", from, to)...).must(t, 0) // to see why
					t.Fatal(err)
				}
				over = true
			case <-time.After(rand.N(whole)):
				cmd.Process.Kill()
				if <-done != nil {
					killed++
				} else {
					over = true
				}
			}
		}
		from = to
	}
	s, err = sqlite.Open(from, keys)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e.Check(t, twin, s)
	t.Logf("%d kills, a move takes %v", killed, whole)
}

// A town that moved can't be opened where it was, and is told where to look; nobody moves while it is open.
func TestMoveAndServe(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", ".").must(t, 0)
	r := p.serve()
	p.run("", "move", "town.db", "new.db").must(t, 1, `end "townline serve" first`)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	p.run("", "move", "town.db", "postgres://town:hush@db/town").must(t, 2, "a password may not stand here")
	p.run("", "move", "town.db", "town.db").must(t, 2, "FROM and TO are one")
	p.run("", "move", "town.db").must(t, 2, "where should it move to?")
	p.run("", "move", "none.db", "new.db").must(t, 1, "there is no store")
	p.run("", "move", "--back", "town.db").must(t, 1, "nothing was moved away from")
	p.run("", "move", "town.db", "new.db").must(t, 0, "Everything is in sqlite:new.db, and compared")
	for _, args := range [][]string{{"serve"}, {"backup", "copy.db"}, {"requests", "list"}} {
		p.run("", args...).must(t, 1, "the town moved to sqlite:new.db on ", "name that as store.url")
	}
	p.run("", "move", "town.db", "new.db").must(t, 0)
	p.run("", "move", "--back", "town.db", "new.db").must(t, 1, "the move is over")
	p.change("townline.yaml", "sqlite:town.db", "sqlite:new.db")
	if err := p.serve().stop(); err != nil {
		t.Fatal(err)
	}
}
