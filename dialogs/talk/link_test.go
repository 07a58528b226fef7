package talk

import (
	"strings"
	"testing"
)

func TestParseLink(t *testing.T) {
	for words, want := range map[string]string{
		"482173": "482173", " 482 173 ": "482173", "482-173": "482173", "482173#": "482173", "٤٨٢ ١٧٣": "482173",
		"48217": "", "4821734": "", "482 17a": "", "": "", "482173629": "", strings.Repeat(" ", 61): "",
	} {
		got, ok := ParseLink(words)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v", words, got, ok)
		}
	}
	nine := "48217362" + string(CheckDigit("48217362"))
	if got, ok := ParseLink(GroupCode(nine)); !ok || got != nine {
		t.Errorf("%q: %q, %v", nine, got, ok)
	}
}

func FuzzParseLink(f *testing.F) {
	for _, s := range []string{"482173", "482 173 629", "٤٨٢ ١٧٣", "LINK 1", "#.- "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, words string) {
		got, ok := ParseLink(words)
		if ok && (len(got) != LinkDigits && len(got) != CodeDigits || strings.Trim(got, "0123456789") != "") {
			t.Errorf("%q: %q", words, got)
		}
	})
}
