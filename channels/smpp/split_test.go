package smpp

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/townline/townline/dialogs/render"
)

func TestCut(t *testing.T) {
	for _, c := range []struct {
		name     string
		text     string
		long     Long
		alphabet Alphabet
		coding   byte
		octets   []int // of each part, with its header
	}{
		{"one", strings.Repeat("a", 160), UDH8, GSM, 0, []int{160}},
		{"one more", strings.Repeat("a", 161), UDH8, GSM, 0, []int{159, 14}},
		{"two", strings.Repeat("a", 306), UDH8, GSM, 0, []int{159, 159}},
		{"three", strings.Repeat("a", 459), UDH8, GSM, 0, []int{159, 159, 159}},
		{"two of a longer reference", strings.Repeat("a", 304), UDH16, GSM, 0, []int{159, 159}},
		{"parameters", strings.Repeat("a", 306), SAR, GSM, 0, []int{153, 153}},
		{"escapes aren't cut", strings.Repeat("{", 200), UDH8, GSM, 0, []int{158, 158, 6 + 96}},
		{"packed, one", strings.Repeat("a", 160), UDH8, Packed, 0, []int{140}},
		{"packed, two", strings.Repeat("a", 306), UDH8, Packed, 0, []int{140, 140}},
		{"packed, a longer reference", strings.Repeat("a", 304), UDH16, Packed, 0, []int{140, 140}},
		{"UCS-2, one", strings.Repeat("ж", 70), UDH8, GSM, 8, []int{140}},
		{"UCS-2, two", strings.Repeat("ж", 134), UDH8, GSM, 8, []int{140, 140}},
		{"UCS-2, a longer reference", strings.Repeat("ж", 132), UDH16, GSM, 8, []int{139, 139}},
		{"surrogates aren't cut", strings.Repeat("😀", 69), UDH8, GSM, 8, []int{138, 138, 6 + 12}},
		{"a family stays together", strings.Repeat("ж", 64) + "👨‍👩‍👧" + strings.Repeat("ж", 10), UDH8, GSM, 8, []int{6 + 128, 6 + 36}},
		{"Latin 1, one", strings.Repeat("ê", 160), UDH8, Latin1, 0, []int{160}},
		{"Latin 1, two", strings.Repeat("ê", 306), UDH8, Latin1, 0, []int{159, 159}},
		{"not in Latin 1", strings.Repeat("€", 70), UDH8, Latin1, 8, []int{140}},
	} {
		t.Run(c.name, func(t *testing.T) {
			parts, ok := cut(c.text, 7, c.long, c.alphabet)
			if !ok || len(parts) != len(c.octets) {
				t.Fatalf("%d parts, %v; want %d", len(parts), ok, len(c.octets))
			}
			for i, p := range parts {
				if len(p.octets) != c.octets[i] || p.coding != c.coding || p.number != i+1 || p.total != len(parts) {
					t.Errorf("part %d: %d octets, data_coding %d, %d of %d", i+1, len(p.octets), p.coding, p.number, p.total)
				}
			}
			if got := together(t, parts, c.long, c.alphabet); got != c.text {
				t.Errorf("read again: %q", got)
			}
		})
	}
	if _, ok := cut(strings.Repeat("a", 153*255+1), 1, UDH8, GSM); ok {
		t.Error("256 parts can't be counted")
	}
}

// together reads parts as a phone does.
func together(t testing.TB, parts []part, long Long, a Alphabet) string {
	t.Helper()
	u := unfinished{total: len(parts), parts: map[int]held{}}
	for _, p := range parts {
		in := incoming{user: p.octets, coding: p.coding}
		if p.header {
			in.class = classHeader
		}
		what, octets, head, err := in.open()
		switch {
		case err != nil:
			t.Fatal(err)
		case p.header && (what.number != p.number || what.total != p.total || what.ref != p.ref || what.wide != (long == UDH16)):
			t.Fatalf("the header of part %d says %+v", p.number, what)
		}
		s := scriptOf(p.coding, a)
		if s == inGSM && a == Packed {
			octets = unpack(octets, fillBits(head))
		}
		u.parts[p.number] = held{script: s, octets: octets}
	}
	return u.words()
}

// Texts of all kinds: nothing is lost, no part is too long, there are as many as the cost card says, and no character is cut
// unless that saves a part.
func TestCutAnything(t *testing.T) {
	letters := []string{"a", "e", " ", "é", "ü", "{", "€", "[", "^", "ж", "中", "😀", "👨‍👩‍👧", "e\u0301", "ñ", "\n", "@", "ş"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 700 {
		n, kinds := 1+r.IntN(500), 1+r.IntN(len(letters))
		var b strings.Builder
		for range n {
			b.WriteString(letters[r.IntN(kinds)])
		}
		text := b.String()
		for _, a := range []Alphabet{GSM, Packed, Latin1} {
			for _, long := range []Long{UDH8, UDH16, SAR} {
				parts, ok := cut(text, uint16(r.IntN(256)), long, a)
				if !ok {
					t.Fatalf("%q has too many parts", text)
				}
				for _, p := range parts {
					most := 160
					if p.coding == 8 || a == Packed {
						most = 140
					}
					if len(p.octets) > most || len(parts) > 1 && long == SAR && len(p.octets) > most-6 {
						t.Fatalf("a part of %q has %d octets", text, len(p.octets))
					}
				}
				if got := together(t, parts, long, a); got != text && !(a == Packed && strings.HasSuffix(text, "@")) {
					t.Fatalf("%q became %q", text, got)
				}
				if want := render.Count(text); a != Latin1 && long != UDH16 && len(parts) != want.Segments {
					t.Fatalf("%q: %d parts, the cost card says %d", text, len(parts), want.Segments)
				}
			}
		}
	}
}

func TestStretchKeepsCharactersWhole(t *testing.T) {
	text := strings.Repeat("👨‍👩‍👧", 12) // 8 units each: eight a part
	for _, s := range stretch(text, 67, units16) {
		if n := uniseg.GraphemeClusterCount(s); n*len("👨‍👩‍👧") != len(s) {
			t.Errorf("%q holds a piece of a character", s)
		}
	}
	// One character that no part can hold is cut all the same, between its marks.
	long := "a" + strings.Repeat("\u0301", 200)
	if got := stretch(long, 67, units16); strings.Join(got, "") != long || len(got) != 3 {
		t.Errorf("%d parts", len(got))
	}
}

func TestPack(t *testing.T) {
	// 3GPP TS 23.038 clause 6.1.2.1.1 by the example that everybody knows.
	if got := pack([]byte("hellohello"), 0); !bytes.Equal(got, []byte{0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37}) {
		t.Errorf("hellohello is % X", got)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 200 {
		septets := make([]byte, n)
		for i := range septets {
			septets[i] = byte(1 + r.IntN(127))
			if septets[i] == '\r' {
				septets[i] = 'x'
			}
		}
		for fill := range 7 {
			if got := unpack(pack(septets, fill), fill); !bytes.Equal(got, septets) {
				t.Fatalf("%d septets after %d bits: % X became % X", n, fill, septets, got)
			}
		}
	}
}

func FuzzCut(f *testing.F) {
	for _, s := range []string{"", "abc", strings.Repeat("{", 200), strings.Repeat("😀", 100), strings.Repeat("é", 170), "e\u0301" + strings.Repeat("\u0301", 300)} {
		f.Add(s, byte(0), byte(0))
	}
	f.Fuzz(func(t *testing.T, text string, long, a byte) {
		if !utf8.ValidString(text) || len(text) > 5000 {
			return
		}
		l, alphabet := Long(long%3), Alphabet(a%3)
		parts, ok := cut(text, 9, l, alphabet)
		if !ok {
			return
		}
		total := 0
		for _, p := range parts {
			total += len(p.octets)
			if len(p.octets) > 160 || len(p.octets) == 0 && text != "" {
				t.Fatalf("%d octets", len(p.octets))
			}
		}
		if got := together(t, parts, l, alphabet); alphabet == GSM && got != plain(text) && got != text {
			t.Fatalf("%q became %q", text, got)
		}
	})
}
