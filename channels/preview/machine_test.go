package preview

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// glass is a machine that says who stands at it.
type glass struct {
	name, base string
	in         channels.Inbox
}

func (g *glass) Name() string          { return g.name }
func (g *glass) Traits() render.Traits { return render.Kiosk }
func (g *glass) Deliver(context.Context, channels.Address, render.Page, string) (string, error) {
	return "", channels.Gone(io.EOF, "page")
}

func (g *glass) Mount(mux *http.ServeMux, in channels.Inbox) {
	g.in = in
	serve := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "frame-ancestors 'self'")
		_, _ = g.in.Receive(r.Context(), channels.Event{Channel: g.name, From: channels.Address{Kind: g.name, ID: "visit" + g.base}})
		_, _ = io.WriteString(w, g.base)
	}
	mux.HandleFunc("GET "+g.base, serve)
	mux.HandleFunc("GET "+g.base+"/audio/{clip}", serve)
}

// Each person has a machine of their own, so that no visit is another's, and what guards the page guards it.
func TestAMachineForEachPerson(t *testing.T) {
	in, mux, saw := &town{}, http.NewServeMux(), map[string]string{}
	p := New(Town{
		Hosts: []string{"localhost"}, Here: true, Words: func() []StartWord { return nil }, Now: func() time.Time { return noon },
		Saw: func(a channels.Address, number string) { saw[a.ID] = number },
	})
	m := NewMachine(p, func(name, base string) Framed { return &glass{name: name, base: base} })
	p.Mount(mux, in)
	m.Mount(mux, in)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	for n, h := range Handsets() {
		for _, path := range []string{"", "/audio/x"} {
			if status, body := do(t, "GET", s.URL+MachinePath(n)+path, ""); status != http.StatusOK || body != MachinePath(n) {
				t.Errorf("%s: %d %s", MachinePath(n)+path, status, body)
			}
		}
		if got := saw["visit"+MachinePath(n)]; got != h.Number {
			t.Errorf("the visit of %s is %q's", h.Name, got)
		}
	}
	heard := len(in.heard)
	for _, path := range []string{"", "/audio/x"} {
		if status, _ := do(t, "GET", s.URL+MachinePath(0)+path, "", "Host", "evil.example"); status != http.StatusMisdirectedRequest {
			t.Errorf("%s by another name: %d", path, status)
		}
		if status, _ := do(t, "GET", s.URL+MachinePath(0)+path, "", "X-Forwarded-For", "203.0.113.5"); status != http.StatusForbidden {
			t.Errorf("%s through a proxy: %d", path, status)
		}
	}
	if status, _ := do(t, "GET", s.URL+"/preview/kiosk/9", ""); status != http.StatusNotFound {
		t.Errorf("nobody's machine: %d", status)
	}
	if len(in.heard) != heard {
		t.Error("who was refused was heard")
	}
	if _, body := do(t, "GET", s.URL+"/preview/town", ""); !strings.Contains(body, `"booth":true`) {
		t.Errorf("the page isn't told of the machine: %s", body)
	}
}

// A person at whom somebody looks is busy for everybody else, until that window has closed.
func TestWindows(t *testing.T) {
	p := New(Town{Now: func() time.Time { return noon }})
	if p.others(first, "a") {
		t.Error("somebody looks before anybody came")
	}
	leave := p.looks(first, "a")
	if p.others(first, "a") || !p.others(first, "b") || p.others(second, "b") {
		t.Error("a window is seen by itself, or not by another")
	}
	leave()
	if !p.others(first, "b") {
		t.Error("between two requests the window is gone")
	}
	p.watched[first]["a"].last = time.Now().Add(-2 * between)
	if p.others(first, "b") {
		t.Error("a window that closed still looks")
	}
	for n := range 3 * mostWindows {
		p.looks(first, strings.Repeat("w", 1+n%mostName)+string(rune('a'+n%26)))
	}
	if n := len(p.watched[first]); n > mostWindows {
		t.Errorf("%d windows are remembered", n)
	}
	p.looks(first, strings.Repeat("w", mostName+1))()
	p.looks("nobody", "")()
}

// The whole page, without sound, is small.
func TestThePageIsSmall(t *testing.T) {
	_, _, s := open(t)
	total := 0
	for _, file := range []string{"", "/app.js", "/phone.js", "/ussd.js", "/chat.js", "/machine.js", "/crossing.js", "/style.css", "/devices.css"} {
		status, body := do(t, "GET", s.URL+"/preview"+file, "")
		if status != http.StatusOK {
			t.Errorf("%s: %d", file, status)
		}
		total += len(body)
	}
	if total > 85_000 { // the machine in its frame has ten thousand more
		t.Errorf("%d bytes", total)
	}
}
