package kiosk_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// sight is one page to look at.
type sight struct {
	name    string
	lang    string
	base    string
	cookies map[string]string // whose visit it is: with these, base shows the page (but where it is the answer to a form)
	posted  bool              // it is the answer to a form
	then    string            // what is done in the page once it is open
	html    string
	heads   http.Header
	bytes   int // that were sent for it, with headers
}

// kindOf names a page by what it asks.
func kindOf(s *sheet) string {
	has := func(prefix string) bool {
		for _, b := range s.buttons {
			if strings.HasPrefix(b.value, prefix) {
				return true
			}
		}
		return false
	}
	switch {
	case s.has("begin"):
		return "welcome"
	case over(s):
		return "end"
	case has("change."):
		return "review"
	case s.photo:
		return "photo"
	case len(s.fields) > 0:
		switch f := s.fields[0]; {
		case f.name == "v":
			return "budget"
		case f.name == "day":
			return "date"
		case f.kind == "textarea":
			return "text"
		case f.kind == "numeric" || f.kind == "decimal":
			return "number"
		case f.kind == "tel":
			return "contact"
		default:
			return "place"
		}
	case len(s.cards) > 0 && s.cards[0].many:
		return "choices"
	case len(s.cards) > 0:
		return "choice"
	}
	return "?"
}

// ordinary is what somebody in a hurry answers, in any language.
func ordinary(s *sheet, fair string) (do string, v url.Values) {
	switch kindOf(s) {
	case "welcome":
		return "begin", nil
	case "photo", "contact":
		return "skip", nil
	case "review":
		return "next", nil
	case "budget":
		return "next", url.Values{"v": {"5", "3", "2"}}
	case "date":
		return "next", url.Values{"day": {"1"}, "month": {"12"}, "year": {"2026"}}
	case "number":
		return "next", url.Values{"t": {"2"}}
	case "text", "place":
		return "next", url.Values{"t": {"Main Street 12"}}
	}
	for _, c := range s.cards {
		if strings.Contains(c.words, fair) {
			return "next", url.Values{c.name: {c.digit}}
		}
	}
	return "next", url.Values{s.cards[0].name: {s.cards[0].digit}}
}

// sights are all the pages there are in one place and language: the fair from its first page to its last, and what stands
// beside that way.
func sights(t testing.TB, h *house, base, lang string) []sight {
	t.Helper()
	set, err := townDialogs()
	if err != nil {
		t.Fatal(err)
	}
	title, _ := set.Get("fair").Text(lang, "title")
	fair := title.Text
	var out []sight
	take := func(c *caller, name, then string, posted bool) {
		out = append(out, sight{name: name, lang: lang, base: base, cookies: maps.Clone(c.cookies), posted: posted, then: then, html: c.html, heads: c.heads, bytes: c.bytes})
	}
	come := func() *caller {
		c := &caller{server: h.server, base: base, cookies: map[string]string{}, lang: lang}
		if err := c.get(base); err != nil {
			t.Fatal(err)
		}
		return c
	}
	step := func(c *caller, do string, v url.Values) {
		t.Helper()
		if err := c.send(do, v); err != nil {
			t.Fatalf("%s, %q, %s: %v", lang, c.at.heading, do, err)
		}
	}
	// the way to the nth page, by a visitor who then stays there
	way := func(n int) *caller {
		c := come()
		for range n {
			do, v := ordinary(c.at, fair)
			step(c, do, v)
		}
		return c
	}
	seen := map[string]int{}
	at := map[string]int{} // the first page of each kind
	for n := range 40 {
		c := way(n)
		kind := kindOf(c.at)
		if kind == "?" {
			t.Fatalf("what is %q? %.300s", c.at.heading, c.at.words)
		}
		if kind == "choice" && n == 1 {
			kind = "menu"
		}
		if seen[kind]++; seen[kind] == 1 {
			at[kind] = n
			take(c, kind, "", false)
		} else {
			take(c, fmt.Sprintf("%s %d", kind, seen[kind]), "", false)
		}
		if kind == "end" {
			break
		}
	}
	for _, kind := range []string{"welcome", "menu", "choice", "choices", "budget", "number", "date", "text", "place", "review", "contact", "end"} {
		if seen[kind] == 0 {
			t.Fatalf("there is no page that asks for %s", kind)
		}
	}
	for _, a := range []struct {
		name, from, do string
		v              url.Values
	}{
		{"code", "welcome", "code", nil},
		{"code, wrong", "welcome", "code", url.Values{"then": {"next"}}},
		{"settings", "choice", "settings", nil},
		{"start over", "choice", "over", nil},
		{"help", "choice", "help", nil},
		{"take along", "choice", "carry", nil},
		{"choice, nothing chosen", "choice", "next", nil},
		{"number, too many", "number", "next", url.Values{"t": {"99"}}},
		{"date, wrong", "date", "next", url.Values{"day": {"31"}, "month": {"2"}, "year": {"2027"}}},
		{"budget, too much", "budget", "next", url.Values{"v": {"9", "9", "9"}}},
		{"text, capitals", "text", "key.layout." + lang + "-caps", nil},
		{"text, signs", "text", "key.layout.signs", nil},
		{"changed", "review", "change.people", nil},
	} {
		c := way(at[a.from])
		if !c.at.has(a.do) && a.do != "next" {
			continue
		}
		before := c.at
		step(c, a.do, a.v)
		if a.v.Get("then") != "" {
			step(c, a.v.Get("then"), url.Values{"t": {"123 456"}})
		}
		take(c, a.name, "", c.at.hidden.Get("token") == before.hidden.Get("token"))
	}
	take(way(at["choice"]), "choice, chosen", `document.querySelector("[name=o]").click()`, false)
	take(way(at["choices"]), "choices, chosen", `document.querySelector("[name=o]").click()`, false)
	if base == "/kiosk" {
		take(way(at["choice"]), "still there", `document.getElementById("idle").showModal()`, false)
	}
	take(way(at["choice"]), "line lost", `document.getElementById("net").textContent=document.getElementById("net").dataset.wait||"?"`, false)
	return out
}

// gallery serves sights as they were sent.
type gallery struct{ all []sight }

func (g *gallery) path(n int) string { return fmt.Sprintf("/sight/%d", n) }

func (g *gallery) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var n int
	if _, err := fmt.Sscanf(r.URL.Path, "/sight/%d", &n); err != nil || n < 0 || n >= len(g.all) {
		http.NotFound(w, r)
		return
	}
	for _, name := range []string{"Content-Type", "Content-Security-Policy", "Permissions-Policy"} {
		if v := g.all[n].heads.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	http.ServeContent(w, r, "", noon, bytes.NewReader([]byte(g.all[n].html)))
}
