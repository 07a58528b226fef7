package sqlite

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/storetest"
)

const rotatedPhone = "+15550123"

// known is a town of one resident who has said STOP and voted, and another.
func known(t testing.TB, file string, keys *store.Keys) (r store.Resident) {
	t.Helper()
	s, err := Open(file, keys)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r = store.Resident{1, 2, 3}
	a := keys.Address("tel", rotatedPhone)
	for n, c := range []store.Change{
		{Resident: r, At: noon, State: []byte("words"), Inbound: store.Inbound{1}, Reply: []byte("reply"), Link: []store.Address{{Key: a, Kind: "tel", Address: rotatedPhone}},
			OptOuts: []store.OptOut{{Address: a, Out: true, At: noon, Channel: "sms", Word: "STOP"}},
			Ballots: []store.Ballot{{Poll: "budget", Voter: keys.Voter("budget", "tel:"+rotatedPhone), ID: [16]byte{7}, Day: "2027-03-15", Record: []byte("yes"), Linked: true}}},
		{Resident: store.Resident{9}, At: noon, State: []byte("other"), Link: []store.Address{{Key: keys.Address("tel", "+15550199"), Kind: "tel", Address: "+15550199"}}},
	} {
		if o, err := s.Commit(t.Context(), &c); err != nil || o.Kind != store.Applied {
			t.Fatal(n, o, err)
		}
	}
	return r
}

// finds checks that a town is recognised under keys.
func finds(t testing.TB, file string, keys *store.Keys, r store.Resident) {
	t.Helper()
	s, err := Open(file, keys)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, a := t.Context(), keys.Address("tel", rotatedPhone)
	if got, ok, err := s.Find(ctx, a); err != nil || !ok || got != r {
		t.Errorf("found %v, %v, %v", got, ok, err)
	}
	if row, err := s.Load(ctx, r); err != nil || string(row.State) != "words" {
		t.Errorf("%q, %v", row.State, err)
	}
	if b, _, err := s.Reply(ctx, r, store.Inbound{1}); err != nil || string(b) != "reply" {
		t.Errorf("%q, %v", b, err)
	}
	if all, err := s.Addresses(ctx, r); err != nil || len(all) != 1 || all[0].Address != rotatedPhone || all[0].Key != a {
		t.Errorf("%+v, %v", all, err)
	}
	if out, err := s.OptedOut(ctx, a); err != nil || !out {
		t.Errorf("a STOP is forgotten: %v", err)
	}
	voter := keys.Voter("budget", "tel:"+rotatedPhone)
	if voted, err := s.Voted(ctx, "budget", voter); err != nil || !voted {
		t.Errorf("a vote is forgotten: %v", err)
	}
	if linked, err := s.Linked(ctx, "budget", voter); err != nil || !linked {
		t.Errorf("a ballot's link is lost: %v", err)
	}
	stops, err := readStops(stopsOf(file))
	if err != nil || len(stops) != 1 || stops[0].Address != a {
		t.Errorf("beside the database: %+v, %v", stops, err)
	}
}

// traces are places in a database's files where something stands.
func traces(t testing.TB, file string, what []byte) (where []string) {
	t.Helper()
	for _, name := range []string{file, file + "-wal", stopsOf(file)} {
		b, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(b, what) {
			where = append(where, filepath.Base(name))
		}
	}
	return where
}

func TestRotate(t *testing.T) {
	file, keys := filepath.Join(t.TempDir(), "town.db"), testKeys(t)
	r := known(t, file, keys)
	finds(t, file, keys, r)
	var wrapped []byte
	e := end(t, file, true)
	if _, err := e.t.one(func(q statement) error { wrapped = column(q, 0); return nil }, "SELECT wrapped FROM resident_key WHERE resident = ?", r); err != nil {
		t.Fatal(err)
	}
	e.Close()
	next := storetest.NextKeys(t, keys)
	s := open(t, file)
	if err := Rotate(file, keys, next); !errors.Is(err, errAtWork) {
		t.Fatalf("keys were changed under a town at work: %v", err)
	}
	s.Close()
	if err := Rotate(file, next, storetest.NextKeys(t, next)); !errors.Is(err, store.ErrKeys) {
		t.Errorf("keys were changed that the town doesn't have: %v", err)
	}
	address, voter := keys.Address("tel", rotatedPhone), keys.Voter("budget", "tel:"+rotatedPhone)
	for what, b := range map[string][]byte{"a wrapped key": wrapped, "an address's hash": address[:], "a voter's": voter[:]} {
		if traces(t, file, b) == nil {
			t.Fatalf("%s isn't there before", what)
		}
	}
	for range 2 { // once more is no harm
		if err := Rotate(file, keys, next); err != nil {
			t.Fatal(err)
		}
		finds(t, file, next, r)
	}
	for what, b := range map[string][]byte{"a wrapped key": wrapped, "an address's hash": address[:], "a voter's": voter[:]} {
		if where := traces(t, file, b); where != nil {
			t.Errorf("%s is still in %v", what, where)
		}
	}
	if _, err := Open(file, keys); !errors.Is(err, store.ErrKeys) {
		t.Errorf("the earlier keys open it: %v", err)
	}
	later := storetest.NextKeys(t, next)
	if err := Rotate(file, next, later); err != nil {
		t.Fatal(err)
	}
	finds(t, file, later, r)
}

// A copy from before is put back with the keys of its day in hand; STOPs since are known by the new ones.
func TestRestoreFromBeforeRotation(t *testing.T) {
	dir, keys := t.TempDir(), testKeys(t)
	file, copied := filepath.Join(dir, "town.db"), filepath.Join(dir, "copy.db")
	r := known(t, file, keys)
	s := open(t, file)
	if err := s.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	s.Close()
	next := storetest.NextKeys(t, keys)
	if err := Rotate(file, keys, next); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := Restore(copied, file, next); !errors.Is(err, store.ErrKeys) {
		t.Fatalf("a copy from before: %v", err)
	}
	if err := Restore(copied, file, next, keys); err != nil {
		t.Fatal(err)
	}
	finds(t, file, next, r)
}

// Whoever is erased can't be read with any keys, in any file but a copy's .keys.
func TestErasedIsShredded(t *testing.T) {
	dir, keys := t.TempDir(), testKeys(t)
	file, copied := filepath.Join(dir, "town.db"), filepath.Join(dir, "copy.db")
	r := known(t, file, keys)
	s := open(t, file)
	var wrapped []byte
	if err := s.read(t.Context(), func(db *tables) error {
		_, err := db.one(func(q statement) error { wrapped = column(q, 0); return nil }, "SELECT wrapped FROM resident_key WHERE resident = ?", r)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	if traces(t, file, wrapped) == nil {
		t.Fatal("the resident's key isn't there before")
	}
	if err := s.Erase(t.Context(), r, noon); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{file, copied} {
		if where := traces(t, f, wrapped); where != nil {
			t.Errorf("the key of somebody who was erased is in %v", where)
		}
	}
	if b, err := os.ReadFile(keysOf(copied)); err != nil || !bytes.Contains(b, wrapped) {
		t.Errorf("it isn't where it is said to be: %v", err)
	}
	s.Close()
	if err := Rotate(file, keys, storetest.NextKeys(t, keys)); err != nil { // nor does a change of keys bring it back
		t.Error(err)
	}
	if where := traces(t, file, wrapped); where != nil {
		t.Errorf("the key of somebody who was erased is in %v", where)
	}
}
