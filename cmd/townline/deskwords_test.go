package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
)

// answers is a town that answers all alike.
type answers struct{ what any }

func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	b, err := json.Marshal(a.what)
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(b))}, err
}

// What residents write doesn't steer a clerk's terminal, wherever it is shown.
func TestDeskShowsNothingThatSteersATerminal(t *testing.T) {
	const steers = "\x1b]0;owned\x07\x1b[2J\r"
	var out strings.Builder
	at := &terminal{client: &http.Client{Transport: answers{channels.CaseWhole{
		Shown: "shown" + steers, Answers: []channels.CaseAnswer{{Question: "asked" + steers, Answer: "answered" + steers}},
		Requests: []channels.CaseRequest{{Reference: "482-173-5", What: "wanted" + steers}},
		Letters:  []channels.CaseLetter{{Words: "said" + steers}},
	}}}, zone: time.UTC, out: &out, tongue: func(tag string) string { return tag }}
	if err := at.show(t.Context(), "c0ffee"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"shown", "asked", "answered", "wanted", "said"} {
		if !strings.Contains(out.String(), want) {
			t.Fatal(want, out.String())
		}
	}
	if strings.ContainsAny(out.String(), "\x1b\x07\r") {
		t.Fatalf("%q", out.String())
	}
}
