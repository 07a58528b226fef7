package kiosk_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTextBrowser holds the sample consultation in w3m: no script, no style, a terminal. Keys are pressed as a person would;
// what is on the page is known from what w3m was sent.
func TestTextBrowser(t *testing.T) {
	h := newHouse(t)
	url, pages := h.watch()
	w := newTerminal(t, "w3m", "-cookie", "-o", "accept_language=en", "-o", "confirm_qq=0", url+"/web")
	p := w.shown(pages)
	for n := 0; !over(p); n++ {
		if n == 40 {
			t.Fatal("forty pages and no end")
		}
		d, err := mainStreet.on(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range d.digits {
			w.tab(p, "o="+g)
			w.press("\r")
			w.quiet()
		}
		for i, words := range d.typed {
			w.tab(p, p.fields[i].stop)
			w.press("\r")
			w.quiet()
			w.press("\x05\x15" + words + "\r") // to the end, and away with what is there
			w.quiet()
		}
		w.tab(p, "do="+d.do)
		w.press("\r")
		p = w.shown(pages)
	}
	if words := h.recorded("main-street"); len(words) != 1 || words[0] != mainStreetRecord {
		t.Errorf("kept %q, not %q", words, mainStreetRecord)
	}
}

// shown waits for the page that the browser gets, and until it is drawn.
func (w *terminal) shown(pages <-chan *sheet) *sheet {
	w.t.Helper()
	select {
	case p := <-pages:
		w.quiet()
		return p
	case <-time.After(20 * time.Second):
		w.t.Fatalf("no page came. The screen:\n%.3000s", w.said())
		return nil
	}
}

// tab goes from the top of the page to a control.
func (w *terminal) tab(p *sheet, stop string) {
	w.t.Helper()
	n := slices.Index(p.stops, stop)
	if n < 0 {
		w.t.Fatalf("there is no %s at %q: %v", stop, p.heading, p.stops)
	}
	w.press("g")
	w.quiet()
	w.press("^" + strings.Repeat("\t", n+1))
	w.quiet()
}

// TestReadAsText: without style, every page still reads in a sensible order, with its numbers and buttons apart.
func TestReadAsText(t *testing.T) {
	h := newHouse(t)
	for _, lang := range []string{"en", "es"} {
		for _, p := range sights(t, h, "/web", lang) {
			if p.then != "" {
				continue
			}
			t.Run(lang+"/"+p.name, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "page.html")
				if err := os.WriteFile(file, []byte(p.html), 0o600); err != nil {
					t.Fatal(err)
				}
				out, err := exec.CommandContext(t.Context(), "w3m", "-dump", "-cols", "80", "-I", "UTF-8", "-O", "UTF-8", "-T", "text/html", file).Output()
				if err != nil {
					t.Fatal(err)
				}
				dump := strings.Join(strings.Fields(string(out)), " ")
				s, err := read("", 200, strings.NewReader(p.html))
				if err != nil {
					t.Fatal(err)
				}
				wanted := []string{s.heading}
				for _, c := range s.cards {
					wanted = append(wanted, c.words)
				}
				if s.has("next") {
					wanted = append(wanted, s.buttons[slices.IndexFunc(s.buttons, func(b press) bool { return b.value == "next" })].words)
				}
				at := 0
				for _, words := range wanted {
					i := strings.Index(dump[at:], words)
					if i < 0 {
						t.Fatalf("%q is not read, or not in its place, in:\n%s", words, out)
					}
					at += i + len(words)
				}
				for _, glued := range []string{"style", "{", "undefined"} {
					if strings.Contains(dump, glued) {
						t.Errorf("%q is read", glued)
					}
				}
			})
		}
	}
}
