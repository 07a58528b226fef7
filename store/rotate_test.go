package store

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// changed are keys, those that come after them, and those after these.
func changed(t *testing.T) (all []*Keys, files []string) {
	t.Helper()
	dir := t.TempDir()
	for n, name := range []string{"first", "second", "third"} {
		file := filepath.Join(dir, name)
		if n > 0 {
			if err := all[n-1].MakeNext(file); err != nil {
				t.Fatal(err)
			}
			if err := all[n-1].MakeNext(file); err == nil {
				t.Fatal("a key file was written over")
			}
		}
		k, err := LoadKeys(file, "")
		if err != nil {
			t.Fatal(err)
		}
		all, files = append(all, k), append(files, file)
	}
	return all, files
}

func TestChangedKeys(t *testing.T) {
	all, files := changed(t)
	r := Resident{1, 2, 3}
	key, wrapped, err := all[0].NewKey(r)
	if err != nil {
		t.Fatal(err)
	}
	sealed := key.Seal(nil, []byte("words"), "state")
	address, voter := all[0].Address("tel", "+15550100"), all[0].Voter("budget", "tel:+15550100")
	for n, next := range all[1:] {
		was := all[n]
		if wrapped, err = was.Rewrap(next, r, wrapped); err != nil {
			t.Fatal(err)
		}
		address, voter = AddressKey(was.Anew(next, address)), was.Anew(next, voter)
		if address != next.Address("tel", "+15550100") || voter != next.Voter("budget", "tel:+15550100") {
			t.Errorf("what was stored under keys %d isn't found by the next", n+1)
		}
		if next.Lasting(address) != all[0].Address("tel", "+15550100") || next.Today(next.Lasting(address)) != address {
			t.Error("what is remembered of an address doesn't find it any more")
		}
		key, err := next.Unwrap(r, bytes.Clone(wrapped))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := key.Open(bytes.Clone(sealed), "state"); err != nil || string(b) != "words" {
			t.Errorf("%q, %v", b, err)
		}
		for _, earlier := range all[:n+1] {
			if _, err := earlier.Unwrap(r, bytes.Clone(wrapped)); err == nil {
				t.Error("earlier keys open what was wrapped under later ones")
			}
			if earlier.Address("tel", "+15550100") == address || earlier.Voter("budget", "tel:+15550100") == voter {
				t.Error("earlier keys find what is stored under later ones")
			}
			if earlier.Fingerprint() == next.Fingerprint() || earlier.Fits(checkOf(next)) {
				t.Error("keys can't be told apart")
			}
			if err := next.Follows(earlier); err != nil {
				t.Error(err)
			}
		}
		if err := all[0].Follows(next); err == nil {
			t.Error("a town's first keys come after others")
		}
		if next.Voter(TownsOwn, "row") != all[0].Voter(TownsOwn, "row") {
			t.Error("the town's own rows have other names")
		}
		if !bytes.Equal(next.Outposts(), all[0].Outposts()) {
			t.Error("what outposts seal can't be opened any more")
		}
	}
	other, _ := changed(t)
	if other[1].Follows(all[0]) == nil {
		t.Error("another town's keys come after this one's")
	}
	b, err := os.ReadFile(files[2])
	if err != nil {
		t.Fatal(err)
	}
	if k, err := LoadKeys("", string(b)); err != nil || k.Check() != all[2].Check() { // from the environment
		t.Error(err)
	}
	for _, text := range []string{string(b[:len(b)-8]), laterHead + "AAAA", laterHead, keysHead + string(b[len(laterHead):])} {
		if _, err := LoadKeys("", text); err == nil {
			t.Errorf("%q was taken for keys", text)
		}
	}
}

func checkOf(k *Keys) []byte {
	c := k.Check()
	return c[:]
}
