package sip

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestCaller(t *testing.T) {
	for _, c := range []struct{ name, headers, want string }{
		{"from", "From: \"Ann\" <sip:+12025550123@a.example>;tag=1", "+12025550123"},
		{"national", "From: <sip:2025550123@a.example;user=phone>;tag=1", "+12025550123"},
		{"tel", "From: <tel:+12025550123>;tag=1", "+12025550123"},
		{"written out", "From: <tel:+1-202-555-0123;phone-context=x>;tag=1", "+12025550123"},
		{"asserted", "From: <sip:desk@a.example>;tag=1\nP-Asserted-Identity: <sip:+12025550199@a.example>", "+12025550199"},
		{"asserted twice", "From: <sip:1000@a.example>;tag=1\nP-Asserted-Identity: \"A, B\" <sip:x@a.example>, <tel:+12025550199>", "+12025550199"},
		{"asserted first", "From: <sip:+12025550123@a.example>;tag=1\nP-Asserted-Identity: <tel:+12025550199>", "+12025550199"},
		{"private", "From: <sip:+12025550123@a.example>;tag=1\nP-Asserted-Identity: <tel:+12025550199>\nPrivacy: id", ""},
		{"private, listed", "From: <sip:+12025550123@a.example>;tag=1\nPrivacy: critical;id", ""},
		{"not private", "From: <sip:+12025550123@a.example>;tag=1\nPrivacy: none", "+12025550123"},
		{"anonymous", "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1\nP-Asserted-Identity: <tel:+12025550199>", ""},
		{"anonymous host", "From: <sip:+12025550123@anonymous.invalid>;tag=1", ""},
		{"restricted", "From: <sip:Restricted@a.example>;tag=1", ""},
		{"in keys", "From: <sip:+266696687@a.example>;tag=1", ""},
		{"extension", "From: <sip:104@a.example>;tag=1", ""},
		{"name", "From: <sip:ann@a.example>;tag=1", ""},
		{"nobody", "From: <sip:a.example>;tag=1", ""},
	} {
		m, err := sip.ParseMessage([]byte("INVITE sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP y\r\n" + strings.ReplaceAll(c.headers, "\n", "\r\n") + "\r\n\r\n"))
		if err != nil {
			t.Fatal(c.name, err)
		}
		if got, ok := caller(m.(*sip.Request), "US"); got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q %v, want %q", c.name, got, ok, c.want)
		}
	}
	if a, b := withheld(), withheld(); a == b || a.Kind != "tel" {
		t.Error(a, b)
	}
}

func TestInfoKey(t *testing.T) {
	for body, want := range map[string]byte{
		"Signal=5\r\nDuration=160\r\n": '5', "Signal= *\r\nDuration=160": '*', "signal=#": '#', "Duration=160\r\nSignal=0\r\n": '0', "Signal=10": '*', "Signal=11": '#',
		"Signal=12": 'A', "Signal=15": 'D', "5": '5', "5\r\n": '5', " 7 ": '7', "d": 'D',
		"": 0, "Signal=": 0, "Signal=16": 0, "Signal=!": 0, "hello": 0, "Signal=55": 0, "Duration=5": 0,
	} {
		if got, ok := infoKey([]byte(body)); got != want && ok || ok != (want != 0) {
			t.Errorf("%q: %q %v, want %q", body, got, ok, want)
		}
	}
}

func TestFragment(t *testing.T) {
	for body, want := range map[string]int{"SIP/2.0 200 OK\r\n": 200, "SIP/2.0 180": 180, "SIP/2.0 603 Declined": 603, "SIP/2.0 999 x": 0, "SIP/2.0 2": 0, "": 0, "HTTP/1.1 200 OK": 0} {
		if got := fragment([]byte(body)); got != want {
			t.Errorf("%q: %d, want %d", body, got, want)
		}
	}
}

func TestSplitList(t *testing.T) {
	got := splitList(`<sip:a@b;x=1,2>;lr, "C, \"D\"" <sip:c@d>,e`)
	if want := []string{"<sip:a@b;x=1,2>;lr", `"C, \"D\"" <sip:c@d>`, "e"}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%q", got)
	}
}
