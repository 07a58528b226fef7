package store

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestKeyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "town.key")
	first, err := LoadKeys(file, "")
	if err != nil {
		t.Fatal(err)
	}
	stat, err := os.Stat(file)
	if err != nil || stat.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", stat.Mode(), err)
	}
	again, err := LoadKeys(file, "")
	if err != nil || again.Check() != first.Check() {
		t.Fatalf("read again, other keys (%v)", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, t1 := range []string{string(text), strings.Fields(string(text))[1]} {
		k, err := LoadKeys("not looked at", t1)
		if err != nil || k.Check() != first.Check() {
			t.Fatalf("from text %q: other keys (%v)", t1, err)
		}
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKeys(file, ""); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Fatalf("a file that the group may read: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Fatalf("left behind: %v, %v", entries, err)
	}
}

func TestKeyFileRefused(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"empty":    "",
		"rubbish":  "what?",
		"short":    base64.StdEncoding.EncodeToString(make([]byte, 31)),
		"long":     base64.StdEncoding.EncodeToString(make([]byte, 33)),
		"cut":      keysHead + "AAAA",
		"two keys": keysHead + base64.StdEncoding.EncodeToString(make([]byte, 32)) + " " + base64.StdEncoding.EncodeToString(make([]byte, 32)),
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKeys(file, ""); err == nil {
			t.Errorf("%s: a key file was accepted", name)
		} else if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: the message shows what the file holds: %v", name, err)
		}
		if b, _ := os.ReadFile(file); string(b) != text {
			t.Errorf("%s: the file was written over", name)
		}
	}
	if _, err := LoadKeys("", ""); err == nil {
		t.Error("keys out of nothing")
	}
	if _, err := LoadKeys(filepath.Join(dir, "no", "such", "folder"), ""); err == nil {
		t.Error("keys in a folder that isn't there")
	}
}

// TestKeyFileMadeOnce: several processes that start together agree on the keys.
func TestKeyFileMadeOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "town.key")
	var wg sync.WaitGroup
	all := make([][16]byte, 8)
	for i := range all {
		wg.Go(func() {
			k, err := LoadKeys(file, "")
			if err != nil {
				t.Error(err)
				return
			}
			all[i] = k.Check()
		})
	}
	wg.Wait()
	for _, c := range all {
		if c != all[0] {
			t.Fatal("two processes hold different keys")
		}
	}
}

func testKeys(t testing.TB, b byte) *Keys {
	t.Helper()
	k, err := newKeys(bytes.Repeat([]byte{b}, 32), nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAddressAndVoter(t *testing.T) {
	k, other := testKeys(t, 1), testKeys(t, 2)
	if k.Address("tel", "+15550100") != testKeys(t, 1).Address("tel", "+15550100") {
		t.Fatal("an address isn't found again")
	}
	seen := map[[16]byte]string{}
	for name, v := range map[string][16]byte{
		"tel":           k.Address("tel", "+15550100"),
		"other number":  k.Address("tel", "+15550101"),
		"other kind":    k.Address("telegram", "+15550100"),
		"shifted":       k.Address("tel+", "15550100"),
		"other town":    other.Address("tel", "+15550100"),
		"voter":         k.Voter("bridge", "+15550100"),
		"voter, park":   k.Voter("park", "+15550100"),
		"other voter":   k.Voter("bridge", "+15550101"),
		"voter, town":   other.Voter("bridge", "+15550100"),
		"check":         k.Check(),
		"another check": other.Check(),
		"shifted voter": k.Voter("bridge+", "15550100"),
	} {
		if same, ok := seen[v]; ok {
			t.Errorf("%s and %s are the same", name, same)
		}
		seen[v] = name
	}
}

func TestSealing(t *testing.T) {
	k := testKeys(t, 1)
	r, other := Resident{1}, Resident{2}
	key, wrapped, err := k.NewKey(r)
	if err != nil {
		t.Fatal(err)
	}
	plain := []byte("the bus is late")
	sealed := key.Seal([]byte("before"), plain, "state")
	if !bytes.HasPrefix(sealed, []byte("before")) || len(sealed) != 6+len(plain)+Sealing || bytes.Contains(sealed, []byte("bus")) {
		t.Fatalf("sealed: %q", sealed)
	}
	sealed = sealed[6:]
	if bytes.Equal(sealed, key.Seal(nil, plain, "state")) {
		t.Fatal("sealing twice gives the same")
	}
	again, err := k.Unwrap(r, bytes.Clone(wrapped))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(bytes.Clone(sealed), "state"); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := again.Open(bytes.Clone(sealed), "reply"); err == nil {
		t.Error("opened as something else")
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := again.Open(bad, "state"); err == nil {
			t.Fatalf("byte %d was changed and nobody noticed", i)
		}
		if _, err := again.Open(bytes.Clone(sealed[:i]), "state"); err == nil {
			t.Fatalf("cut to %d bytes and nobody noticed", i)
		}
	}
	if _, err := k.Unwrap(other, bytes.Clone(wrapped)); err == nil {
		t.Error("another resident's key was opened as theirs")
	}
	if _, err := testKeys(t, 2).Unwrap(r, bytes.Clone(wrapped)); err == nil {
		t.Error("another town opened a key")
	}
}

func FuzzKeyText(f *testing.F) {
	f.Add(keysHead + base64.StdEncoding.EncodeToString(make([]byte, 32)))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := LoadKeys("", text)
		if text == "" {
			if err == nil {
				t.Fatal("keys out of nothing")
			}
			return
		}
		if (k == nil) == (err == nil) || errors.Is(err, ErrKeys) {
			t.Fatal(k, err)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	k, err := newKeys(bytes.Repeat([]byte{1}, 32), nil)
	if err != nil {
		b.Fatal(err)
	}
	key, wrapped, err := k.NewKey(Resident{})
	if err != nil {
		b.Fatal(err)
	}
	state := make([]byte, 512)
	b.Run("seal", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf = key.Seal(buf[:0], state, "state")
		}
	})
	b.Run("unwrap", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.Unwrap(Resident{}, bytes.Clone(wrapped)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
