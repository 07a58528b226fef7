package channels

import (
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/townline/townline/dialogs/talk"
)

var referenceForm = regexp.MustCompile(`^\d{3}-\d{3}-\d$`)

func chance(seed byte) io.Reader { return rand.NewChaCha8([32]byte{seed}) }

func TestReference(t *testing.T) {
	entropy := chance(7)
	seen := map[string]bool{}
	var leading [10]int
	for range 2000 {
		r, err := NewReference(entropy, ReferenceDigits)
		if err != nil {
			t.Fatal(err)
		}
		if !referenceForm.MatchString(r) || len(r) != len("482-173-5") {
			t.Fatal(r)
		}
		seen[r] = true
		leading[r[0]-'0']++
		if got, ok := ParseReference(r); !ok || got != r {
			t.Fatal(r, got, ok)
		}
	}
	if len(seen) < 1990 || leading[0] != 0 {
		t.Fatal(len(seen), leading)
	}
	for d, n := range leading[1:] {
		if n < 150 || n > 300 {
			t.Errorf("%d leads %d of 2000", d+1, n)
		}
	}
	if long, _ := NewReference(entropy, OutpostReferenceDigits); len(long) != len("482-173-904-5") {
		t.Fatal(long)
	} else if _, ok := ParseReference(long); !ok {
		t.Fatal(long)
	}
}

// Every wrong digit and every two neighbours swapped are noticed.
func TestReferenceCheckDigit(t *testing.T) {
	entropy := chance(8)
	for range 300 {
		r, err := NewReference(entropy, ReferenceDigits)
		if err != nil {
			t.Fatal(err)
		}
		digits := strings.ReplaceAll(r, "-", "")
		for i := range digits {
			for d := byte('0'); d <= '9'; d++ {
				wrong := digits[:i] + string(d) + digits[i+1:]
				if _, ok := ParseReference(wrong); ok && d != digits[i] {
					t.Fatalf("%s passes for %s", wrong, r)
				}
			}
			if i > 0 && digits[i] != digits[i-1] {
				swapped := digits[:i-1] + string(digits[i]) + string(digits[i-1]) + digits[i+1:]
				if _, ok := ParseReference(swapped); ok {
					t.Fatalf("%s passes for %s", swapped, r)
				}
			}
		}
	}
}

func TestParseReference(t *testing.T) {
	const want = "572-000-4" // the digits 572 and their check digit are the example of Damm's thesis
	if talk.CheckDigit("572") != '4' {
		t.Fatal("not Damm's check digit")
	}
	ref := grouped("482173")
	plain := strings.ReplaceAll(ref, "-", "")
	for _, s := range []string{ref, plain, "SR " + ref, strings.Join(strings.Split(plain, ""), " "), " " + plain + ".", "٤٨٢١٧٣" + plain[6:], "４８２１７３" + plain[6:]} {
		if got, ok := ParseReference(s); !ok || got != ref {
			t.Errorf("%q: %q %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "1", "4821735000", "no number", want + "0", strings.Repeat("1", 100)} {
		if got, ok := ParseReference(s); ok {
			t.Errorf("%q was read as %s", s, got)
		}
	}
}

func FuzzParseReference(f *testing.F) {
	f.Add("482-173-5")
	f.Add("４８２ ١٧٣ 5")
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := ParseReference(s)
		if !ok {
			return
		}
		if again, ok := ParseReference(r); !ok || again != r {
			t.Fatalf("%q: %q, then %q", s, r, again)
		}
	})
}
