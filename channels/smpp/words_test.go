package smpp

import (
	"encoding/hex"
	"testing"
	"unicode/utf8"
)

func octetsOf(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name   string
		coding byte
		own    Alphabet
		octets string // hexadecimal
		want   string
		ok     bool
	}{
		{"GSM 7-bit", 0x00, GSM, "00 41 04 1B 65 1B 3C", "@Aè€[", true},
		{"an escape that nothing answers to", 0x00, GSM, "41 1B 41 42", "AAB", true},
		{"an escape at the end", 0x00, GSM, "41 1B", "A ", true},
		{"Latin 1 by mistake", 0x00, GSM, "41 E9", "Aé", true},
		{"Windows' quotes by mistake", 0x00, GSM, "93 41 94", "“A”", true},
		{"UTF-8 by mistake", 0x00, GSM, "41 C3 A9 D0 B6", "Aéж", true},
		{"the phone company's own is Latin 1", 0x00, Latin1, "40 E9", "@é", true},
		{"ASCII", 0x01, GSM, "40 41 5B", "@A[", true},
		{"GSM 7-bit by the name of ASCII", 0x01, GSM, "00 1B 28 31 1B 29", "@{1}", true},
		{"Latin 1", 0x03, GSM, "40 E9", "@é", true},
		{"Cyrillic", 0x06, GSM, "D6", "ж", true},
		{"Hebrew", 0x07, GSM, "F9 EC", "של", true},
		{"UCS-2", 0x08, GSM, "0416 D83D DE00", "Ж😀", true},
		{"UCS-2 with a mark", 0x08, GSM, "FEFF 0416", "Ж", true},
		{"UCS-2 the wrong way round", 0x08, GSM, "FFFE 1604", "Ж", true},
		{"UCS-2 with an octet too many", 0x08, GSM, "0416 04", "Ж", true},
		{"half a surrogate", 0x08, GSM, "D83D 0041", "\uFFFDA", true},
		{"octets", 0x04, GSM, "00 01 FF", "", false},
		{"octets that are words all the same", 0x04, GSM, "41 42", "AB", true},
		{"no octets", 0x04, GSM, "", "", false},
		{"Shift JIS isn't read, nor lost where it is plain", 0x05, GSM, "41", "A", true},
		{"a message that pops up", 0x10, GSM, "41 00", "A@", true},
		{"the same in UCS-2", 0x18, GSM, "0416", "Ж", true},
		{"the same in octets", 0x14, GSM, "00", "", false},
		{"message class of the phone", 0xF0, GSM, "41", "A", true},
		{"the same in octets", 0xF5, GSM, "00", "", false},
		{"a waiting message", 0xC8, GSM, "41", "A", true},
		{"a waiting message in UCS-2", 0xE8, GSM, "0416", "Ж", true},
		{"of a menu", 0x0F, GSM, "31 00", "1@", true},
		{"of a menu in UCS-2", 0x48, GSM, "0416", "Ж", true},
		{"control characters", 0x03, GSM, "41 00 07 0D 0A 09 42 0D 43", "A\n B\nC", true},
		{"nothing", 0x00, GSM, "", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			octets := octetsOf(t, stripped(c.octets))
			words, ok := read(octets, scriptOf(c.coding, c.own))
			if words != c.want || ok != c.ok {
				t.Errorf("got %q, %v; want %q, %v", words, ok, c.want, c.ok)
			}
		})
	}
}

func stripped(s string) string {
	var b []byte
	for i := range len(s) {
		if s[i] != ' ' {
			b = append(b, s[i])
		}
	}
	return string(b)
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("A\x1b\x41"), byte(0), byte(0))
	f.Add([]byte{0xD8, 0x3D}, byte(8), byte(0))
	f.Add([]byte{0x93, 0xE9}, byte(0), byte(1))
	f.Add([]byte{0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37}, byte(0), byte(2))
	f.Fuzz(func(t *testing.T, octets []byte, coding, fill byte) {
		words, ok := read(octets, scriptOf(coding, GSM))
		if !utf8.ValidString(words) || !ok && words != "" {
			t.Fatalf("%q", words)
		}
		for _, r := range words {
			if r < 0x20 && r != '\n' {
				t.Fatalf("%q holds a control character", words)
			}
		}
		if got := unpack(octets, int(fill%7)); len(got) > len(octets)*8/7 {
			t.Fatalf("%d octets became %d septets", len(octets), len(got))
		}
	})
}
