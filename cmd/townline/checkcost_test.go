package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/dialogs/cost"
)

func TestTheCostCardIsPrinted(t *testing.T) {
	var b strings.Builder
	short := cost.Walk{Menu: 21 * time.Second, Speech: 61 * time.Second, Waits: 59500 * time.Millisecond, Turns: 5, Keys: 7}
	long := cost.Walk{Menu: 21 * time.Second, Speech: 10 * time.Minute, Waits: time.Minute, Turns: 25, Keys: 31, Records: 2}
	cards := []cost.Card{{Dialog: "oak-park", Lang: "en", Call: cost.Span{Shortest: short, Longest: long}}, {Dialog: "bus", Lang: "zh", Call: cost.Span{Shortest: short, Longest: short, Cut: true}}}
	if err := tellCost(&b, cards); err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(b.String(), "\n\n")
	want := `
                        shortest                             longest
dialog   lang    menu  speech  whole turns  keys  own    speech  whole turns  keys  own
oak-park en      0:21    1:01   2:01     5     7    0     10:00  11:00    25    31    2
bus      zh*     0:21    1:01   2:01     5     7    0      1:01   2:01     5     7    0
* has more ways through it than could be tried: there may be a longer or a shorter one.

`
	if table != want[1:] {
		t.Errorf("got\n%s\nwant\n%s", table, want)
	}
	if !strings.Contains(b.String(), "1 s to press a key, 0.5 s of silence after it, 10 s for each answer") {
		t.Errorf("what is reckoned with is not told:\n%s", b.String())
	}
}

func TestCheckTellsTheCost(t *testing.T) {
	p := newPlace(t)
	p.run("", "init", "town").must(t, 0)
	p.run("", "check", "--cost", "town/dialogs/oak-park.yaml").must(t, 0, "at 150 a minute", "oak-park", "nothing to mend")
	a := p.run("", "check", "--cost", "--json")
	a.must(t, 0)
	var cards []costJSON
	if err := json.Unmarshal([]byte(a.out), &cards); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, c := range cards {
		seen[c.Dialog+" "+c.Lang] = true
		short, long := c.Call.Shortest, c.Call.Longest
		if short.Speech <= 0 || short.Whole <= short.Speech || long.Whole < short.Whole || short.Keys < 1 || len(short.Asked) == 0 {
			t.Errorf("%s %s: %+v", c.Dialog, c.Lang, c.Call)
		}
	}
	for _, want := range []string{"main-street en", "main-street es", "request-status zh", "request-status ar"} {
		if !seen[want] {
			t.Errorf("there is no card of %s", want)
		}
	}
}
