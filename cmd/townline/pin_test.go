package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestPINsAtTheDesk: a phone that several use, looked after while the town is open.
func TestPINsAtTheDesk(t *testing.T) {
	p := newPlace(t)
	r := p.serve()
	const phone = "+12025550101"
	text := func(words ...string) (last string) {
		for _, s := range words {
			last = r.text(phone, s)
		}
		return last
	}
	expect := func(got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Fatalf("want %q in %q", want, got)
		}
	}
	expect(text("PIN", "2", "4821", "4821"), "Your PIN is set")
	text("person", "LOCK PIN")
	ref := regexp.MustCompile(`\d{3}-\d{3}-\d`).FindString(p.run("", "requests", "list").out)
	if ref == "" {
		t.Fatal("no request was made")
	}
	p.run("", "requests", "show", ref, "--personal").must(t, 0, "don't speak of this to whoever answers")
	p.run("", "pin", phone).must(t, 0, "0 of 5")
	for range 5 {
		text("PIN 9307")
	}
	expect(text("PIN 4821"), "No PIN can be used")
	p.run("", "pin", "202 555 0101").must(t, 0, "5 of 5", "townline pin unlock "+phone)
	p.run("", "pin", "unlock", phone).must(t, 0, "can be used")
	expect(text("PIN 4821"), "Your PIN is open")
	text("LOCK PIN")

	p.run("", "pin", "new", phone).must(t, 2, "--reference")
	p.run("", "pin", "new", phone, "--reference", "482-173-7").must(t, 1, "no request")
	p.run("", "pin", "new", "+12025550102", "--reference", ref).must(t, 1, "not made behind a PIN")
	p.run("", "pin", "no number").must(t, 2, "not a telephone number")
	pin, _, _ := strings.Cut(p.run("", "pin", "new", phone, "--reference", ref).out, "\n")
	expect(text("PIN "+pin), "for this one time")
	expect(text("7305", "7305"), "Your PIN is set")
	text("LOCK PIN")
	expect(text("PIN 7305"), "Your PIN is open")
}
