package kiosk_test

import (
	"bytes"
	"html"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/townline/townline/channels/kiosk"
)

// statements are the accessibility statement in each place and language, as it is sent.
func statements(t *testing.T, h *house) map[string]*caller {
	t.Helper()
	out := map[string]*caller{}
	for _, base := range bothPlaces {
		for _, lang := range everyLanguage {
			c := &caller{server: h.server, base: base, cookies: map[string]string{}, lang: lang}
			if err := c.get(base + "/accessibility"); err != nil {
				t.Fatal(err)
			}
			out[base+" "+lang] = c
		}
	}
	return out
}

// TestStatement: every language has a statement that is true here, leads back, and is held to the same rules as every page.
func TestStatement(t *testing.T) {
	h := newHouse(t)
	sent := map[string]string{}
	g := &gallery{}
	for name, c := range statements(t, h) {
		base, lang, _ := strings.Cut(name, " ")
		sent[name] = c.html
		g.all = append(g.all, sight{name: "statement", lang: lang, base: base, html: c.html, heads: c.heads})
		if c.bytes > 10_000 {
			t.Errorf("%s takes %d bytes with its headers, more than 10,000", name, c.bytes)
		}
		if c.at.lang != lang {
			t.Errorf("%s is in %s", name, c.at.lang)
		}
		for _, words := range []string{"Elmwood", "WCAG 2.2", "EN 301 549", "Section 508", "VVSG 2.0", "Soomaali", "+15550100"} {
			if !strings.Contains(html.UnescapeString(c.html), words) {
				t.Errorf("%s doesn't name %s", name, words)
			}
		}
		if strings.Contains(c.at.words, "${") {
			t.Errorf("%s has a gap that nothing fills", name)
		}
		if onWeb := base == "/web"; strings.Contains(c.html, `href="/web/accessibility/clauses"`) != onWeb {
			t.Errorf("%s: the link to the clauses is there: %t", name, !onWeb)
		}
	}
	for name, l := range nu(t, sent) {
		for _, f := range l {
			t.Errorf("%s: vnu: %s", name, f)
		}
	}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	screens := map[string]*screen{"/kiosk": newScreen(t, look{}), "/web": newScreen(t, look{wide: 412, high: 915})}
	for n, p := range g.all {
		s := screens[p.base]
		s.show(server.URL+g.path(n), p)
		for i, theme := range themes {
			if i != n%len(themes) && !*everyPage { // each page in one theme and size, all of them among the pages
				continue
			}
			s.dress(theme, sizes[i])
			for _, j := range judges {
				if j.name == "focus" && (p.lang != "en" || theme != "light") {
					continue
				}
				for _, f := range j.look(s, view{lang: p.lang, kiosk: p.base == "/kiosk", theme: theme}) {
					t.Errorf("%s, %s: %s: %s", p.called(), theme, j.name, f)
				}
			}
		}
	}
}

// TestStatementIsFound: the first page leads to the statement, in the middle of a conversation too it is shown in the visitor's
// language and look, and leads back to where they were.
func TestStatementIsFound(t *testing.T) {
	h := newHouse(t)
	for _, base := range bothPlaces {
		c, err := newCaller(h.server, base)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(c.html, `href="`+base+`/accessibility"`) {
			t.Errorf("%s: the first page has no link to it", base)
		}
		for _, do := range []string{"language.es", "settings", "theme.dark"} {
			if err := c.send(do, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.send("on", nil); err != nil {
			t.Fatal(err)
		}
		before := c.at.heading
		if err := c.get(base + "/accessibility"); err != nil {
			t.Fatal(err)
		}
		if c.at.lang != "es" || lookOf(c.html) != "2 dark 4" || c.at.heading == before {
			t.Errorf("%s: the statement is in %s, %s, and says %q", base, c.at.lang, lookOf(c.html), c.at.heading)
		}
		if machine := strings.Contains(c.html, `<dialog id="idle"`); machine != (base == "/kiosk") {
			t.Errorf("%s: the machine asks whether somebody is there: %t", base, machine)
		}
		if err := c.get(base); err != nil || c.at.heading != before {
			t.Errorf("%s: back is %q, not %q: %v", base, c.at.heading, before, err)
		}
	}
}

// TestPageOfClauses: the page has every clause of the table, with its verdict and its tests.
func TestPageOfClauses(t *testing.T) {
	_, pages := staffPages(t)
	for _, path := range []string{"/kiosk/accessibility/clauses", "/web/accessibility/clauses"} {
		page := html.UnescapeString(pages[path])
		rows := regexp.MustCompile(`<li><h3>`).FindAllString(page, -1)
		all := kiosk.Conformance()
		if len(rows) != len(all) {
			t.Errorf("%s has %d rows, not %d", path, len(rows), len(all))
		}
		for _, c := range all {
			if !strings.Contains(page, c.Number()+" "+c.Title) || !strings.Contains(page, "<p>"+c.Asks+"</p><p><b>"+c.Says()+"</b> "+c.Evidence()+"</p>") {
				t.Errorf("%s lacks %s %s", path, c.Standard, c.Number())
			}
		}
	}
}

// TestFormats: text and Markdown hold the same.
func TestFormats(t *testing.T) {
	all := kiosk.Conformance()
	for _, f := range []kiosk.Format{kiosk.Text, kiosk.Markdown} {
		var b bytes.Buffer
		if err := kiosk.WriteConformance(&b, f, all); err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if !strings.Contains(b.String(), c.Number()+" "+c.Title) || !strings.Contains(b.String(), c.Asks) || !strings.Contains(b.String(), c.Evidence()) {
				t.Errorf("%s lacks %s %s", f, c.Standard, c.Number())
			}
		}
	}
}
