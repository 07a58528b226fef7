// Package desk is where clerks talk with residents: a page behind a password, and the same over a local socket for the terminal.
// It knows cases by names that say nothing of residents.
package desk

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/townline/townline/channels"
)

// Settings are what a Desk is made of.
type Settings struct {
	Town   string
	Zone   *time.Location
	Cases  channels.Cases
	Media  channels.CaseMedia
	Clerks map[string]string          // what Hash made of their passwords, by their names as residents read them
	Guest  string                     // where there are no clerks: whoever is at this very machine comes in under this name; "": nobody
	Hosts  []string                   // names, besides addresses of this machine, that a guest's browser may call it by
	Secure bool                       // residents and clerks reach the town over TLS
	Tongue func(tag string) string    // what a language is called; nil: its tag
	Now    func() time.Time           // nil: the machine's clock
	From   func(*http.Request) string // where a request comes from, behind whichever proxy; nil: whoever has the connection
	Log    *slog.Logger               // nil: none
}

// Desk is the clerks' page.
type Desk struct {
	s    Settings
	gate *gate

	mu    sync.Mutex
	guest *shift
}

// New makes a desk; the error is a clerk's whose hash is none.
func New(s Settings) (*Desk, error) {
	if s.Cases == nil {
		return nil, errors.New("desk: there is nobody to talk with")
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if s.Tongue == nil {
		s.Tongue = func(tag string) string { return tag }
	}
	g, err := newGate(s.Clerks, s.Now)
	if err != nil {
		return nil, err
	}
	if s.From != nil {
		g.from = s.From
	}
	return &Desk{s: s, gate: g}, nil
}

// Served says whether the page is there for anybody.
func (d *Desk) Served() bool { return len(d.s.Clerks) > 0 || d.s.Guest != "" }

// colleagues are all clerks but one.
func (d *Desk) colleagues(clerk string) (all []string) {
	for name := range d.s.Clerks {
		if name != clerk {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// at finds who is at the browser that asks; nil: nobody who may see anything.
func (d *Desk) at(r *http.Request) *shift {
	if len(d.s.Clerks) > 0 {
		return d.gate.shift(r)
	}
	if d.s.Guest == "" || !d.here(r) {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.guest == nil {
		d.gate.mu.Lock()
		d.guest = d.gate.open[d.gate.begin(d.s.Guest, d.s.Now())]
		d.gate.mu.Unlock()
	}
	return d.guest
}
