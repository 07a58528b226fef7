package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels/outpost"
)

// visits has somebody answer on pages until the crowd ends: a visit is nobody's, so no vote.
func (c *crowd) visits(g *guest, who string) {
	for n := 1; !c.stop.Load(); n++ {
		name := fmt.Sprintf("%s-%d", who, n)
		c.thinks(g.chance)
		if !g.open() || !g.press("begin") {
			return
		}
		all := talks(name, n+1)
		for i, l := range all {
			c.thinks(g.chance)
			if !g.answers(l.words) {
				return
			}
			if g.way != nil { // the machine answers without the town
				c.quiet.answered(time.Now())
			}
			shown := g.text()
			if !strings.Contains(shown, l.next) {
				c.say("%s, page %d: after %q it showed %q, not %q", name, i+1, l.words, shown, l.next)
				return
			}
			if i == len(all)-1 {
				c.ended(name, n+1, shown)
				c.visited.Add(1)
			}
		}
		if !g.press("over") || strings.Contains(g.page, `value="over.yes"`) && !g.press("over.yes") {
			return
		}
	}
}

// titles are what somebody chooses on a page who would write a word elsewhere.
var titles = map[string]string{"WORDS": "Three words", "MEND": "Mend a street"}

// answers fills in the page on show with what somebody would write.
func (g *guest) answers(words string) bool {
	if words == "yes" {
		return g.press("next", "o", "1")
	}
	title := titles[words]
	if title == "" {
		return g.press("next", "t", words)
	}
	m := regexp.MustCompile(`value="(\d)"[^>]*><span class="num">\d</span> <span class="txt">` + title).FindStringSubmatch(g.page)
	if m == nil {
		g.tr.say("%q can't be chosen on %q", title, g.text())
		return false
	}
	return g.press("next", "o", m[1])
}

// kioskMachine has a townline of its own: it holds visits by itself, and forwards them when it can.
type kioskMachine struct {
	node
	screen string
}

// newMachine has the crowd use one that finds the town by the balancer.
func newMachine(t *testing.T, c *crowd, p *place, b *balancer) {
	t.Helper()
	m := &kioskMachine{node: node{t: t, dir: p.dir, listen: freeDoor(t)}}
	c.machine = m
	m.screen = "http://" + m.listen
	m.env = append(append(m.env, p.env...), c.env()...)
	m.command = []string{binary}
	m.part = []string{"kiosk", "--kiosk-centre", newFront(t, b), "--kiosk-name", "library", "--kiosk-dir", filepath.Join(p.dir, "machine"), "--kiosk-listen", m.listen}
	t.Cleanup(m.kill)
}

// newFront is the balancer as who isn't part of the test finds it: by an address.
func newFront(t *testing.T, b *balancer) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", "town"
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		resp, err := b.RoundTrip(r)
		if err != nil {
			panic(http.ErrAbortHandler) // as a connection breaks
		}
		defer resp.Body.Close()
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// machineKilled is kill -9 of the kiosk machine: what was answered there is forwarded once it is back.
func (w *wreck) machineKilled(chance *rand.Rand) error {
	w.waits(time.Duration(chance.IntN(300)) * time.Millisecond)
	w.machine.kill()
	w.waits(time.Duration(chance.IntN(1000)) * time.Millisecond)
	return w.machine.up()
}

// aside says why turns of the kiosk machine's were put aside, and when they were held.
func (w *wreck) aside() string {
	var all []string
	for i, n := range w.nodes {
		files, _ := filepath.Glob(filepath.Join(n.dir, "*"+asideEnding))
		more, _ := filepath.Glob(filepath.Join(n.dir, "*", "*"+asideEnding))
		for _, name := range append(files, more...) {
			put, err := outpost.ReadAside(name)
			for _, p := range put {
				all = append(all, fmt.Sprintf("node %d: %s, %v after the begin", i+1, p.Why, time.UnixMilli(p.At).Sub(w.begun).Round(time.Second)))
			}
			if err != nil {
				all = append(all, err.Error())
			}
		}
	}
	return strings.Join(all, "; ")
}

// forwarded waits until the machine has handed everything over, and ends it.
func (w *wreck) forwarded() error {
	if w.machine == nil || w.broken.Load() {
		return nil
	}
	figures := ""
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); {
		figures = get(w.t, w.machine.screen+"/metrics")
		if strings.Contains(figures, `townline_outpost_queue_turns{outpost="library"} 0`) && strings.Contains(figures, "townline_outpost_up 1") {
			for _, n := range w.nodes {
				if !strings.Contains(get(w.t, "http://"+n.listen+"/metrics"), "townline_outpost_aside 0") {
					return errors.New("something of the kiosk machine's was put aside: " + w.aside())
				}
			}
			return w.machine.ends()
		}
		pause := time.NewTimer(50 * time.Millisecond)
		<-pause.C
	}
	return fmt.Errorf("what was answered at the kiosk machine never reached the town: %s", w.machine.run.errs)
}
