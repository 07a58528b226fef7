package postgres

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// TestLedger: the database is lost, and a copy from before takes its place: who was erased since stays so, and who said STOP since is let
// alone, whichever node they said it to. A node's files are enough.
func TestLedger(t *testing.T) {
	at, dir := address(t), t.TempDir()
	noting := func(at, node string) *Store {
		t.Helper()
		s, err := Open(t.Context(), at, testKeys(t), Noting(filepath.Join(dir, node)))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	key := func(n byte) store.AddressKey { return store.AddressKey{n} }
	says := func(s *Store, n int, of byte, out bool, minute int) {
		t.Helper()
		speak(t, s, n, func(c *store.Change) {
			c.OptOuts = []store.OptOut{{Address: key(of), Out: out, At: noon.Add(time.Duration(minute) * time.Minute), Channel: "sms", Word: "STOP"}}
		})
	}
	here, there := noting(at, "here"), noting(at, "there")
	for n := range 4 {
		speak(t, here, n)
	}
	says(here, 3, 1, true, 0)
	says(here, 3, 2, true, 0)
	copied := filepath.Join(dir, "copy")
	if err := here.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	if err := here.Erase(t.Context(), somebody(0), noon); err != nil {
		t.Fatal(err)
	}
	if err := there.Erase(t.Context(), somebody(1), noon); err != nil {
		t.Fatal(err)
	}
	says(here, 3, 1, false, 1)
	says(there, 3, 3, true, 1)
	says(there, 3, 4, true, 2)
	says(there, 3, 4, false, 3)
	if err := here.Sweep(t.Context(), noon); err != nil { // hears what was done there
		t.Fatal(err)
	}
	for _, s := range []*Store{here, there} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	lost := map[string]func() string{
		"restored": func() string { // by our own copy
			to := address(t)
			if err := Restore(t.Context(), copied, to, testKeys(t), Noting(filepath.Join(dir, "here"))); err != nil {
				t.Fatal(err)
			}
			return to
		},
		"put back": func() string { // by somebody else's means; the node is just started again
			to := address(t)
			if err := Restore(t.Context(), copied, to, testKeys(t)); err != nil {
				t.Fatal(err)
			}
			return to
		},
	}
	for name, again := range lost {
		t.Run(name, func(t *testing.T) {
			s := noting(again(), "here")
			defer s.Close()
			for n, there := range map[int]bool{0: false, 1: false, 2: true, 3: true} {
				if row, err := s.Load(t.Context(), somebody(n)); err != nil || (row.Version > 0) != there {
					t.Errorf("resident %d: version %d, %v", n, row.Version, err)
				}
			}
			for of, want := range map[byte]bool{1: false, 2: true, 3: true, 4: false} {
				if out, err := s.OptedOut(t.Context(), key(of)); err != nil || out != want {
					t.Errorf("address %d is stopped: %v, %v; want %v", of, out, err, want)
				}
			}
		})
	}
}

// TestLedgerUnderway: an erasure that was noted, and that the process didn't live to do, is done when it starts again. A STOP that can't be
// noted counts all the same, and the node says that it isn't well until it is noted.
func TestLedgerUnderway(t *testing.T) {
	at, file := address(t), filepath.Join(t.TempDir(), "node")
	s, err := Open(t.Context(), at, testKeys(t), Noting(file))
	if err != nil {
		t.Fatal(err)
	}
	speak(t, s, 1)
	speak(t, s, 2)
	if err := s.ledger.erase(somebody(1), noon); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file + ".stops"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file+".stops", 0o700); err != nil { // in its way
		t.Fatal(err)
	}
	speak(t, s, 2, func(c *store.Change) { c.OptOuts = []store.OptOut{{Address: store.AddressKey{7}, Out: true, At: noon}} })
	if out, err := s.OptedOut(t.Context(), store.AddressKey{7}); err != nil || !out {
		t.Error(out, err)
	}
	if err := s.Ping(t.Context()); err == nil {
		t.Error("a node that can't note a STOP says it is well")
	}
	if err := os.Remove(file + ".stops"); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(file + ".stops"); err != nil || len(b) == 0 {
		t.Error("nothing was noted", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), at, testKeys(t), Noting(file)); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if row, err := s.Load(t.Context(), somebody(1)); err != nil || row.Version != 0 {
		t.Error("still there", row.Version, err)
	}
	if row, err := s.Load(t.Context(), somebody(2)); err != nil || row.Version == 0 {
		t.Error("another is gone", err)
	}
}
