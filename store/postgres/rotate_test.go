package postgres

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/storetest"
)

// The keys of a database are changed: everybody is found as before, earlier keys open nothing, and a copy from before can be put back.
func TestRotate(t *testing.T) {
	ctx, at, keys, dir := t.Context(), address(t), testKeys(t), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	phone := func(k *store.Keys) store.AddressKey { return k.Address("tel", "+15550000001") }
	voter := func(k *store.Keys) [16]byte { return k.Voter("budget", "tel:+15550000001") }
	s, err := Open(ctx, at, keys, Noting(filepath.Join(dir, "node")))
	must(err)
	speak(t, s, 0)
	speak(t, s, 1, func(c *store.Change) {
		c.OptOuts = []store.OptOut{{Address: phone(keys), Out: true, At: noon, Word: "STOP"}}
		c.Ballots = []store.Ballot{{Poll: "budget", Voter: voter(keys), ID: [16]byte{1}, Day: "2027-03-15", Record: []byte("yes"), Linked: true}}
	})
	copied := filepath.Join(dir, "copy")
	must(s.Backup(ctx, copied))
	must(keys.MakeNext(filepath.Join(dir, "next.key")))
	next, err := store.LoadKeys(filepath.Join(dir, "next.key"), "")
	must(err)
	node := filepath.Join(dir, "node")
	if err := Rotate(ctx, at, keys, next, node); err == nil || !strings.Contains(err.Error(), "somebody is at work") {
		t.Fatalf("keys were changed under a town at work: %v", err)
	}
	must(s.Close())
	for range 2 { // once more is no harm
		must(Rotate(ctx, at, keys, next, node))
	}
	if _, err := Open(ctx, at, keys); !errors.Is(err, store.ErrKeys) {
		t.Errorf("the earlier keys open it: %v", err)
	}
	finds := func(at string) {
		t.Helper()
		s, err := Open(ctx, at, next, Noting(node))
		must(err)
		defer s.Close()
		if r, ok, err := s.Find(ctx, phone(next)); err != nil || !ok || r != somebody(1) {
			t.Errorf("found %v, %v, %v", r, ok, err)
		}
		if row, err := s.Load(ctx, somebody(1)); err != nil || string(row.State) != "spoken words 1" {
			t.Errorf("%q, %v", row.State, err)
		}
		if out, err := s.OptedOut(ctx, phone(next)); err != nil || !out {
			t.Errorf("a STOP is forgotten: %v", err)
		}
		if linked, err := s.Linked(ctx, "budget", voter(next)); err != nil || !linked {
			t.Errorf("a vote is forgotten: %v", err)
		}
		for query, hash := range map[string][16]byte{"SELECT count(*) FROM address WHERE key = $1": phone(keys), "SELECT count(*) FROM roll WHERE voter = $1": voter(keys),
			"SELECT count(*) FROM optout WHERE address = $1": phone(keys)} {
			if n, err := number(ctx, s.pool, query, hash); err != nil || n != 0 {
				t.Errorf("%s: %d, %v: the earlier keys find somebody", query, n, err)
			}
		}
		var sealed []byte
		must(s.pool.QueryRow(ctx, "SELECT wrapped FROM resident_key WHERE resident = $1", [16]byte(somebody(1))).Scan(&sealed))
		if _, err := keys.Unwrap(somebody(1), sealed); err == nil {
			t.Error("the earlier keys open a resident's")
		}
	}
	finds(at)
	if b, err := os.ReadFile(node + ".stops"); err != nil || strings.Count(string(b), "STOP") != 1 {
		t.Errorf("beside the settings: %q, %v", b, err)
	}
	to := address(t)
	if err := Restore(ctx, copied, to, next, Noting(node)); !errors.Is(err, store.ErrKeys) {
		t.Fatalf("a copy from before: %v", err)
	}
	must(Restore(ctx, copied, to, next, Noting(node), After(keys)))
	finds(to)
}

// A node that was cut off while the keys were changed finds nobody a stranger, and writes nothing, when it comes back.
func TestRotateBehindANodesBack(t *testing.T) {
	ctx, at, keys := t.Context(), address(t), testKeys(t)
	s := open(t, at)
	speak(t, s, 1)
	row, err := s.Load(ctx, somebody(1))
	if err != nil {
		t.Fatal(err)
	}
	s.pool.Reset() // the server has given it up
	next := storetest.NextKeys(t, keys)
	for err = errAtWork; errors.Is(err, errAtWork); {
		err = Rotate(ctx, at, keys, next, filepath.Join(t.TempDir(), "node"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Find(ctx, keys.Address("tel", "+15550000001")); !errors.Is(err, store.ErrKeys) {
		t.Errorf("whoever it knows is a stranger: %v", err)
	}
	for _, c := range []store.Change{{Resident: somebody(2), At: noon}, {Resident: somebody(1), Read: row.Version, At: noon}} {
		if o, err := s.Commit(ctx, &c); !errors.Is(err, store.ErrKeys) {
			t.Errorf("a turn is written: %v, %v", o.Kind, err)
		}
	}
}

// A copy is put back by other means, and the keys are changed before any node has started: what the node's files know isn't lost.
func TestRotateHearsWhatWasNoted(t *testing.T) {
	ctx, at, to, keys, node := t.Context(), address(t), address(t), testKeys(t), filepath.Join(t.TempDir(), "node")
	s, err := Open(ctx, at, keys, Noting(node))
	if err != nil {
		t.Fatal(err)
	}
	speak(t, s, 0)
	speak(t, s, 1)
	copied := filepath.Join(t.TempDir(), "copy")
	if err := s.Backup(ctx, copied); err != nil {
		t.Fatal(err)
	}
	speak(t, s, 1, func(c *store.Change) {
		c.OptOuts = []store.OptOut{{Address: keys.Address("tel", "+15550000001"), Out: true, At: noon, Word: "STOP"}}
	})
	if err := errors.Join(s.Erase(ctx, somebody(0), noon), s.Close(), Restore(ctx, copied, to, keys)); err != nil {
		t.Fatal(err)
	}
	next := storetest.NextKeys(t, keys)
	if err := Rotate(ctx, to, keys, next, node); err != nil {
		t.Fatal(err)
	}
	s, err = Open(ctx, to, next, Noting(node))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if out, err := s.OptedOut(ctx, next.Address("tel", "+15550000001")); err != nil || !out {
		t.Errorf("a STOP is forgotten: %v", err)
	}
	if row, err := s.Load(ctx, somebody(0)); err != nil || row.Version != 0 {
		t.Errorf("who was erased is back: %v", err)
	}
}
