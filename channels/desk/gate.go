package desk

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"sync"
	"time"
)

const (
	shiftTime = 10 * time.Hour // after which a clerk gives their password again
	idleTime  = 2 * time.Hour  // without a look at the page
	mostOpen  = 1000           // sessions

	trySpan    = 15 * time.Minute
	tryHere    = 8   // wrong passwords of one clerk, from one address, within trySpan
	tryClerk   = 60  // of one clerk, from anywhere
	tryAll     = 600 // of all
	cookieName = "townline-desk"
	hashAtOnce = 2
)

// gate lets clerks in.
type gate struct {
	clerks map[string]hashed
	nobody hashed // is checked where there is no such clerk, so that it takes as long
	now    func() time.Time
	from   func(*http.Request) string
	busy   chan struct{}

	mu    sync.Mutex
	open  map[string]*shift
	wrong []wrongTry
}

// shift is one clerk at one browser.
type shift struct {
	clerk string
	csrf  string
	until time.Time
	seen  time.Time
}

type wrongTry struct {
	at          time.Time
	clerk, from string
	browser     string // that is known as the clerk's; "": a stranger's
}

func newGate(clerks map[string]string, now func() time.Time) (*gate, error) {
	g := &gate{clerks: map[string]hashed{}, now: now, from: func(r *http.Request) string { return host(r.RemoteAddr) }, open: map[string]*shift{}, busy: make(chan struct{}, hashAtOnce)}
	for name, s := range clerks {
		h, err := parseHash(s)
		if err != nil {
			return nil, err
		}
		g.clerks[name] = h
	}
	fake, err := Hash(rand.Text(), rand.Reader)
	if err != nil {
		return nil, err
	}
	g.nobody, err = parseHash(fake)
	return g, err
}

// outcome of a try to log in.
type outcome uint8

const (
	letIn outcome = iota + 1
	refused
	tooMany
)

// enter checks a password and begins a shift; id is what the browser keeps.
func (g *gate) enter(r *http.Request, clerk, password string) (id string, o outcome) {
	from, browser := g.from(r), g.browser(r, clerk)
	if g.limited(clerk, from, browser) {
		return "", tooMany
	}
	select {
	case g.busy <- struct{}{}:
	case <-r.Context().Done():
		return "", refused
	}
	if g.limited(clerk, from, browser) { // of many at once, the first are known to be wrong by now
		<-g.busy
		return "", tooMany
	}
	h, known := g.clerks[clerk]
	if !known {
		h = g.nobody
	}
	right := len(password) <= mostPassword && h.is(password) && known
	defer func() { <-g.busy }() // after it is counted
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if !right {
		g.wrong = append(g.wrong, wrongTry{now, clerk, from, browser})
		return "", refused
	}
	return g.begin(clerk, now), letIn
}

// begin opens a shift; the lock is held.
func (g *gate) begin(clerk string, now time.Time) string {
	for id, s := range g.open {
		if s.over(now) || len(g.open) >= mostOpen {
			delete(g.open, id)
		}
	}
	id := rand.Text()
	g.open[id] = &shift{clerk: clerk, csrf: rand.Text(), until: now.Add(shiftTime), seen: now}
	return id
}

func (s *shift) over(now time.Time) bool {
	return !now.Before(s.until) || now.Sub(s.seen) >= idleTime
}

// limited says whether a password was given wrongly too often lately. A known browser counts for itself alone.
func (g *gate) limited(clerk, from, browser string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, kept := g.now(), g.wrong[:0]
	here, of, all, own := 0, 0, 0, 0
	for _, w := range g.wrong {
		if now.Sub(w.at) >= trySpan {
			continue
		}
		kept = append(kept, w)
		if w.browser != "" {
			if w.browser == browser {
				own++
			}
			continue
		}
		all++
		if w.clerk == clerk {
			of++
			if w.from == from {
				here++
			}
		}
	}
	g.wrong = kept
	if browser != "" {
		return own >= tryHere
	}
	return here >= tryHere || of >= tryClerk || all >= tryAll
}

// shift finds the shift of a request; nil: there is none.
func (g *gate) shift(r *http.Request) *shift {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.open[c.Value]
	if s == nil {
		return nil
	}
	now := g.now()
	if s.over(now) {
		delete(g.open, c.Value)
		return nil
	}
	if r.URL.Query().Get("part") == "" { // a page that looks by itself isn't a person
		s.seen = now
	}
	return s
}

// of is the shift that was begun under an id.
func (g *gate) of(id string) *shift {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open[id]
}

// leave ends a shift.
func (g *gate) leave(r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		g.mu.Lock()
		delete(g.open, c.Value)
		g.mu.Unlock()
	}
}

// meant says whether a form is one that we gave to this shift.
func (s *shift) meant(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(s.csrf), []byte(r.PostFormValue("csrf"))) == 1
}
