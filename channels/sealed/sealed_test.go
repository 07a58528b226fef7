package sealed

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var secret = []byte("a secret of the town's own")

func newFolder(t *testing.T) *Folder {
	return &Folder{Box: NewBox(secret, "test 1"), Dir: t.TempDir() + "/kept", Ends: ".kept", About: "test"}
}

func TestFolder(t *testing.T) {
	f := newFolder(t)
	if names, err := f.Names(); err != nil || len(names) != 0 {
		t.Fatal(names, err)
	}
	for _, name := range []string{"b", "a"} {
		if err := f.Write(name, []byte("+12025550101 keyed "+name)); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := f.Names(); err != nil || !slices.Equal(names, []string{"a", "b"}) {
		t.Fatal(names, err)
	}
	if plain, err := f.Read("a"); err != nil || string(plain) != "+12025550101 keyed a" {
		t.Fatalf("%q, %v", plain, err)
	}
	b, err := os.ReadFile(f.Path("a"))
	if err != nil || bytes.Contains(b, []byte("2025550101")) {
		t.Fatalf("%q, %v", b, err)
	}
	if err := f.Remove("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read("a"); err == nil {
		t.Fatal("it is still there")
	}
}

// What was half written when the process died is no file.
func TestAFileIsWholeOrNotThere(t *testing.T) {
	f := newFolder(t)
	if err := f.Write("a", []byte("whole")); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Path("a"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.Path("b")+".new", b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if names, err := f.Names(); err != nil || !slices.Equal(names, []string{"a"}) {
		t.Fatal(names, err)
	}
	if err := f.Write("b", []byte("again")); err != nil {
		t.Fatal(err)
	}
	if plain, err := f.Read("b"); err != nil || string(plain) != "again" {
		t.Fatalf("%q, %v", plain, err)
	}
}

func TestWhatDoesNotOpen(t *testing.T) {
	sealed := NewBox(secret, "test 1").Seal([]byte("words"), "a")
	for name, open := range map[string]func() ([]byte, error){
		"another secret": func() ([]byte, error) { return NewBox([]byte("another"), "test 1").Open(sealed, "a") },
		"another use":    func() ([]byte, error) { return NewBox(secret, "test 2").Open(sealed, "a") },
		"about another":  func() ([]byte, error) { return NewBox(secret, "test 1").Open(sealed, "b") },
		"cut":            func() ([]byte, error) { return NewBox(secret, "test 1").Open(sealed[:len(sealed)-1], "a") },
		"a few octets":   func() ([]byte, error) { return NewBox(secret, "test 1").Open(sealed[:5], "a") },
	} {
		if plain, err := open(); err == nil {
			t.Errorf("%s opens it: %q", name, plain)
		}
	}
}

// The parts of what is marked don't run into one another.
func TestMarks(t *testing.T) {
	b := NewBox(secret, "test 1")
	seen := map[Mark]string{}
	for _, parts := range [][]string{{"ab", "c"}, {"a", "bc"}, {"abc"}, {"abc", ""}, {}} {
		var octets [][]byte
		for _, p := range parts {
			octets = append(octets, []byte(p))
		}
		for _, use := range []string{"x", "y"} {
			m, name := b.Mark(use, octets...), fmt.Sprint(use, " of ", strings.Join(parts, "+"), len(parts))
			if other, ok := seen[m]; ok {
				t.Errorf("%s is marked as %s", name, other)
			}
			seen[m] = name
		}
	}
}

func FuzzOpen(f *testing.F) {
	b := NewBox(secret, "test 1")
	f.Add(b.Seal([]byte("words"), "a"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if plain, err := b.Open(sealed, "b"); err == nil {
			t.Errorf("%q", plain)
		}
	})
}
