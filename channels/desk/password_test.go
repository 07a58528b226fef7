package desk

import (
	"crypto/rand"
	"strings"
	"testing"
)

func TestPasswords(t *testing.T) {
	first, err := hashOnce()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Hash(password, rand.Reader)
	if err != nil || again == first || strings.ContainsAny(first, ",=$ \"'") || strings.Contains(first, password) {
		t.Fatal(first, again, err)
	}
	h, err := parseHash(first)
	if err != nil || !h.is(password) || h.is(password+" ") || h.is("") {
		t.Fatal(err)
	}
	for _, short := range []string{"", "ninechars", strings.Repeat("x", mostPassword+1)} {
		if _, err := Hash(short, rand.Reader); err == nil {
			t.Fatalf("%d characters will do", len(short))
		}
	}
	part := strings.Split(first, ":")
	for i, bad := range []string{"argon2i", "1", "0", "99", "%%", "AA"} {
		wrong := append([]string(nil), part...)
		wrong[i] = bad
		if CheckHash(strings.Join(wrong, ":")) == nil {
			t.Fatal("taken for a hash:", wrong)
		}
	}
	if _, err := New(Settings{Cases: &counter{}, Clerks: map[string]string{"Anna": password}}); err == nil {
		t.Fatal("a password in the settings, in place of its hash")
	}
}

func FuzzHash(f *testing.F) {
	good, err := hashOnce()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("argon2id:19456:2:1::")
	f.Add("argon2id:4294967295:4294967295:255:AAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseHash(s)
		if err != nil {
			return
		}
		// Whatever is taken can be reckoned with on a small machine.
		if h.memory > 1<<20 || h.memory < 8<<10 || h.passes == 0 || h.passes > 16 || h.threads == 0 || h.threads > 16 || len(h.sum) > 64 || len(h.sum) < 16 {
			t.Fatalf("%+v", h)
		}
	})
}
