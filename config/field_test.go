package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// What won't do in an entry is said with the entry's name, the value and how to mend it.
func TestFieldsThatWillNotDo(t *testing.T) {
	for entry, want := range map[string]string{
		"sip: {trunks: main expires=5}":         `main: "5" is no expires that will do: write seconds, from 60 to 86400`,
		"sip: {trunks: main expires=86401}":     `write seconds, from 60 to 86400`,
		"sip: {trunks: main strict=perhaps}":    `main: "perhaps" is no strict that will do: write on or off`,
		"sip: {trunks: main srtp=some}":         `write one of: off, offered, required`,
		"sip: {trunks: main allow=here}":        `write an address or a network`,
		"sip: {trunks: main regitrar=x}":        `main: there is no "regitrar=x": did you mean registrar=?`,
		"smpp: {operators: mtn window=0}":       `mtn: "0" is no window that will do: write a number from 1 to 1000`,
		"smpp: {operators: mtn window=1001}":    `write a number from 1 to 1000`,
		"smpp: {operators: mtn enquire=1s}":     `write a time from 5s to 10m0s, such as 10s`,
		"smpp: {operators: mtn enquire=11m}":    `write a time from 5s to 10m0s, such as 10s`,
		"smpp: {operators: mtn service=mobile}": `write 1 to 5 characters`,
		"smpp: {operators: mtn service=}":       `write 1 to 5 characters`,
		"smpp: {operators: mtn code=384}":       `write it with its stars and its hash key`,
		"ussd: {gateways: hubtel code=384}":     `write it with its stars and its hash key`,
		"ussd: {gateways: hubtel allow=all}":    `write an address or a network`,
	} {
		var found Mistakes
		if _, err := Load(Source{File: write(t, entry+"\n")}); !errors.As(err, &found) {
			t.Errorf("%s: %v", entry, err)
			continue
		}
		if said := func(m Mistake) bool { return strings.Contains(m.Message+": "+m.Mend, want) }; !slices.ContainsFunc(found, said) {
			t.Errorf("%s: want %q in %v", entry, want, found)
		}
	}
}
