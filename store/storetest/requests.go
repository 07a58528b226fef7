package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

func requests(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	r, second := resident(), resident()
	opened := store.RequestEvent{Reference: "SL-4821", Kind: store.Opened, At: noon, By: "resident", Resident: r, Dialog: "street-light",
		Service: "LIGHT", Department: "works", Status: "open", Due: "2027-03-29", Label: "Light out, Elm Street", Place: "elm street",
		Channel: "sms", Record: []byte("record"), Personal: []byte("Ana, +15550100")}
	t.turn(r, func(c *store.Change) { c.Requests = []store.RequestEvent{opened} })
	join := func(who store.Resident, personal string) {
		t.turn(who, func(c *store.Change) {
			c.Requests = []store.RequestEvent{{Reference: "SL-4821", Kind: store.Joined, At: noon.Add(time.Hour), By: "resident", Resident: who,
				Channel: "ussd", Record: []byte("mine too"), Personal: []byte(personal)}}
		})
	}
	join(second, "Ben")
	join(second, "Ben") // counts once
	join(r, "")         // who opened it isn't counted
	join(resident(), "")
	t.must(t.Append(ctx, store.RequestEvent{Reference: "SL-4821", Kind: "status", At: noon.Add(2 * time.Hour), By: "clerk", Status: "closed", Text: "mended"}))
	t.must(t.Append(ctx, store.RequestEvent{Reference: "SL-4821", Kind: "note", At: noon.Add(3 * time.Hour), By: "clerk", Personal: []byte("called her")}))
	if err := t.Append(ctx, store.RequestEvent{Reference: "NOWHERE", Kind: "note", At: noon}); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("append to nothing: %v", err)
	}
	got, err := t.Request(ctx, "SL-4821")
	t.must(err)
	history := got.History
	got.History = nil
	t.equal("request", got, store.Request{Reference: "SL-4821", Dialog: "street-light", Service: "LIGHT", Department: "works", Status: "closed",
		Due: "2027-03-29", Label: "Light out, Elm Street", Place: "elm street", Opened: noon, Updated: noon.Add(3 * time.Hour), Channel: "sms",
		Joined: 2, Record: []byte("record"), Personal: []byte("Ana, +15550100"), Resident: r})
	t.equal("events", len(history), 7)
	t.equal("opened", history[0], opened)
	t.equal("joined", history[1], store.RequestEvent{Reference: "SL-4821", Kind: store.Joined, At: noon.Add(time.Hour), By: "resident", Resident: second,
		Channel: "ussd", Record: []byte("mine too"), Personal: []byte("Ben")})
	t.equal("status", history[5], store.RequestEvent{Reference: "SL-4821", Kind: "status", At: noon.Add(2 * time.Hour), By: "clerk", Status: "closed", Text: "mended"})
	t.equal("the clerk's note", string(history[6].Personal), "called her")
	if _, err := t.Request(ctx, "SL-0000"); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("no request: %v", err)
	}
	// Opened and joined in one turn.
	t.turn(r, func(c *store.Change) {
		c.Requests = []store.RequestEvent{{Reference: "SL-2", Kind: store.Opened, At: noon, Resident: r}, {Reference: "SL-2", Kind: "note", At: noon}}
	})
}

func requestQueries(tt *testing.T, open func(t *testing.T) store.Store) {
	t := begin(tt, open)
	ctx := t.Context()
	ana, ben := resident(), resident()
	for i := range 120 {
		t.turn(ana, func(c *store.Change) {
			e := store.RequestEvent{Reference: fmt.Sprintf("R-%03d", i), Kind: store.Opened, At: noon.Add(time.Duration(i/2) * time.Minute),
				Status: []string{"open", "closed"}[i%2], Dialog: []string{"light", "tree", "road"}[i%3], Service: "S" + fmt.Sprint(i%4),
				Department: "D" + fmt.Sprint(i%5), Place: "place " + fmt.Sprint(i%10), Resident: ana, Personal: []byte("Ana")}
			if i%2 == 1 {
				e.Resident = ben
				e.Personal = nil
			}
			c.Requests = []store.RequestEvent{e}
		})
	}
	t.turn(ben, func(c *store.Change) {
		c.Requests = []store.RequestEvent{{Reference: "R-000", Kind: store.Joined, At: noon, Resident: ben}}
	})
	for _, c := range []struct {
		name  string
		query store.RequestQuery
		keep  func(i int) bool
	}{
		{"all", store.RequestQuery{}, func(int) bool { return true }},
		{"dialog", store.RequestQuery{Dialog: "tree"}, func(i int) bool { return i%3 == 1 }},
		{"dialog, place, since", store.RequestQuery{Dialog: "light", Place: "place 3", Since: noon.Add(30 * time.Minute)},
			func(i int) bool { return i%3 == 0 && i%10 == 3 && i/2 >= 30 }},
		{"service, status", store.RequestQuery{Service: "S2", Status: "open"}, func(i int) bool { return i%4 == 2 && i%2 == 0 }},
		{"department", store.RequestQuery{Department: "D4"}, func(i int) bool { return i%5 == 4 }},
		{"opened or joined by", store.RequestQuery{Resident: ben, Limit: 200}, func(i int) bool { return i%2 == 1 || i == 0 }},
		{"limit", store.RequestQuery{Limit: 7}, func(i int) bool { return i >= 113 }},
		{"none", store.RequestQuery{Dialog: "light", Service: "nothing"}, func(int) bool { return false }},
	} {
		var want []string
		for i := 119; i >= 0; i-- {
			if c.keep(i) {
				want = append(want, fmt.Sprintf("R-%03d", i))
			}
		}
		want = want[:min(len(want), 100)]
		got, err := t.Requests(ctx, c.query)
		t.must(err)
		var names []string
		for _, r := range got {
			names = append(names, r.Reference)
			if r.History != nil {
				t.Fatalf("%s: a list holds histories", c.name)
			}
			if r.Resident == ana && string(r.Personal) != "Ana" {
				t.Fatalf("%s: personal %q", c.name, r.Personal)
			}
		}
		t.equal(c.name, names, want)
	}
}
