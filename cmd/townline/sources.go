package main

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/config"
)

// What one source may do that hasn't proved who it is. A source is an IPv4 address or a network of IPv6 (/64), as its owner can take any
// address in there.
const (
	mostAtOnce  = 256  // requests of one source that prove nothing yet
	mostUnnamed = 1024 // of all together who come by a proxy in the house that nobody named
	mostUnknown = 4096 // of all sources; as many again of those that proved who they are

	mostLines    = 512 // connections of one source
	fewLines     = 64  // once more than half of all are taken
	mostAllLines = 8192
	mostOfKnown  = 1024 // more, for sources that proved who they are

	mostRefused = 60 // requests of one source that were refused as forged, within a minute, until it is shut out for the rest of it
	refusedSpan = time.Minute

	// A source that is shut out may still open so many connections in a second, as its neighbours may want pages: more are closed before a byte
	// of them is read, which costs whoever opens them more than us.
	knocksEach   = time.Second / 50
	knocksAtOnce = 100

	// A flood is so many forgeries by strangers within a second, wherever from. For a minute after it each of them is shut out
	// sooner and may knock less: whoever has many addresses, and leaves each before it is shut out, would pay less than us else.
	floodOf          = 1000
	floodRefused     = 5
	floodKnocksEach  = time.Second / 2
	floodKnocksFirst = 10

	// slowAfter is how long a request may be on its way before it has to give up its place to another, where places are wanting and it
	// comes more slowly than all others: who holds places by sending next to nothing keeps nobody else of the same address out.
	slowAfter = 250 * time.Millisecond

	// knownFor is how long a source that once proved who it is isn't shut out for what others do from there. A small town hears from a
	// provider a few times a week.
	knownFor    = 7 * 24 * time.Hour
	mostSources = 16 << 10 // that are remembered
)

// sources counts what comes from where. Providers send from addresses that they share with their other customers, and a town's
// residents share those of their phone company: what proves who it is counts no longer, what can't be told apart is never shut out, and
// nobody from the pages.
type sources struct {
	proxies channels.Proxies
	now     func() time.Time

	mu    sync.Mutex
	all   map[netip.Prefix]*source
	lines int
	open  int // requests that prove nothing yet

	forged int       // by strangers, since
	since  time.Time // not longer ago than a second
	flood  time.Time // until when there is one

	coming coming // those of them that are not there whole
}

type source struct {
	lines, open int
	refused     int
	since       time.Time // the refusals are counted
	known       time.Time // when it last proved who it is
	knocks      time.Time // until when it has used up its connections while it is shut out
	coming      coming
}

// origin is where a request comes from.
type origin struct {
	at     netip.Prefix // zero: this machine
	proxy  bool         // it came by one of the town's own
	shared bool         // by others who can't be told apart: it comes by a proxy that nobody named, or as if from the house
	near   bool         // from the house or a proxy, with nobody named behind
}

// verdict on a request that begins.
type verdict uint8

const (
	welcome verdict = iota
	crowded         // too many at once
	shutOut         // too much that was forged
)

// ownProxies are those of a town.
func ownProxies(c *config.Config) channels.Proxies { return slices.Concat(c.Proxies, c.USSD.Proxies) }

func newSources(proxies []netip.Prefix) *sources {
	return &sources{proxies: proxies, now: time.Now, all: map[netip.Prefix]*source{}}
}

// of is where r comes from.
func (s *sources) of(r *http.Request) origin {
	here := channels.Peer(r)
	if !here.IsValid() {
		return origin{shared: true}
	}
	if !s.proxies.Has(here) {
		o := origin{at: network(here)}
		if channels.InHouse(here) { // a router or a container's network brings everybody in by one address
			o.shared, o.near = true, !channels.Forwarded(r)
			if here.IsLoopback() && o.near {
				return origin{}
			}
		}
		return o
	}
	from, err := s.proxies.Origin(r)
	if err != nil {
		return origin{at: network(here), proxy: true, shared: true, near: !channels.Forwarded(r)}
	}
	return origin{at: network(from), proxy: true}
}

// name is where r comes from, for who counts by it.
func (s *sources) name(r *http.Request) string { return s.of(r).at.String() }

func network(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // a has more bits than that
	return p
}

// begin counts a request; where it is welcome, call end. Nobody is shut out of pages. body is what is still to come of it; nil: nothing.
func (s *sources) begin(o origin, page bool, body *arriving) verdict {
	if o == (origin{}) {
		return welcome
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.source(o.at)
	most, all := mostAtOnce, mostUnknown
	now := s.now()
	known := f.isKnown(now)
	switch {
	case o.shared:
		most = mostUnnamed
	case known:
		most = mostUnknown
	case s.isShut(f, now) && !page:
		return shutOut
	}
	if known { // strangers can't fill what is theirs
		all = 2 * mostUnknown
	}
	if f.open >= most && !s.cut(&f.coming, now) || s.open >= all && !s.cut(&s.coming, now) {
		return crowded
	}
	f.open++
	s.open++
	if body != nil {
		body.of, body.since = f, now
		f.coming.add(body)
		s.coming.add(body)
	}
	return welcome
}

// cut takes a place from the request that comes most slowly, if any does; the lock is held.
func (s *sources) cut(from *coming, now time.Time) bool {
	b := from.slowest(now)
	if b == nil {
		return false
	}
	s.leave(b.of, b)
	b.cut = true
	b.hangUp()
	return true
}

// leave gives up the place of a request; the lock is held.
func (s *sources) leave(f *source, body *arriving) {
	if body != nil {
		if body.cut {
			return
		}
		f.coming.drop(body)
		s.coming.drop(body)
	}
	f.open--
	s.open--
}

// trust counts a request no longer: it proved who it is from.
func (s *sources) trust(o origin, body *arriving) {
	if o == (origin{}) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.source(o.at)
	f.known = s.now()
	f.refused = 0
	s.leave(f, body)
}

// end is the end of a request that proved nothing; refused: it was taken for a forgery.
func (s *sources) end(o origin, body *arriving, refused bool) {
	if o == (origin{}) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.source(o.at)
	s.leave(f, body)
	if now := s.now(); refused {
		if now.Sub(f.since) >= refusedSpan {
			f.since, f.refused = now, 0
		}
		f.refused++
		if !o.shared && !f.isKnown(now) {
			s.swells(now)
		}
	}
	s.drop(o.at, f)
}

func (f *source) isKnown(now time.Time) bool { return !f.known.IsZero() && now.Sub(f.known) < knownFor }

// swells counts a forgery by a stranger; the lock is held.
func (s *sources) swells(now time.Time) {
	if now.Sub(s.since) >= time.Second {
		s.since, s.forged = now, 0
	}
	if s.forged++; s.forged >= floodOf {
		s.flood = now.Add(refusedSpan)
	}
}

// isShut says whether what f sends is refused unread; the lock is held.
func (s *sources) isShut(f *source, now time.Time) bool {
	most := mostRefused
	if now.Before(s.flood) {
		most = floodRefused
	}
	return f.refused >= most && now.Sub(f.since) < refusedSpan
}

// mayKnock says whether a source may open one more connection: one that is shut out may open few; the lock is held.
func (s *sources) mayKnock(f *source, now time.Time) bool {
	if !s.isShut(f, now) {
		return true
	}
	each, first := knocksEach, time.Duration(knocksAtOnce)
	if now.Before(s.flood) {
		each, first = floodKnocksEach, floodKnocksFirst
	}
	if least := now.Add(-first * each); f.knocks.Before(least) {
		f.knocks = least
	}
	if f.knocks.After(now) {
		return false
	}
	f.knocks = f.knocks.Add(each)
	return true
}

// source is what is known of one; the lock is held.
func (s *sources) source(at netip.Prefix) *source {
	f := s.all[at]
	if f == nil {
		if len(s.all) >= mostSources {
			s.forget()
		}
		f = &source{}
		s.all[at] = f
	}
	return f
}

// drop forgets a source that there is nothing to remember of; the lock is held.
func (s *sources) drop(at netip.Prefix, f *source) {
	if f.lines == 0 && f.open == 0 && f.refused == 0 && f.known.IsZero() {
		delete(s.all, at)
	}
}

// forget forgets some that are not here: first those who proved nothing; the lock is held.
func (s *sources) forget() {
	for _, proved := range [...]bool{false, true} {
		gone := 0
		for at, f := range s.all { // in no order
			if f.lines == 0 && f.open == 0 && (proved || f.known.IsZero()) {
				delete(s.all, at)
				if gone++; gone >= mostSources/8 {
					return
				}
			}
		}
		if gone > 0 {
			return
		}
	}
}

// lined counts the connections that l takes, and closes those that are too many before a byte of them is read.
type lined struct {
	net.Listener
	s *sources
}

func (l lined) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		at := l.s.lineOf(c.RemoteAddr())
		if l.s.connect(at) {
			return &heldLine{Conn: c, s: l.s, at: at}, nil
		}
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0) // nothing of it stays
		}
		_ = c.Close()
	}
}

// lineOf is where a connection comes from; zero: from the house, or by a proxy of the town's.
func (s *sources) lineOf(a net.Addr) netip.Prefix {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Prefix{}
	}
	here := at.Addr().Unmap().WithZone("")
	if channels.InHouse(here) || s.proxies.Has(here) {
		return netip.Prefix{}
	}
	return network(here)
}

func (s *sources) connect(at netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at == (netip.Prefix{}) { // may always: an operator has to get in
		s.lines++
		return true
	}
	f := s.source(at)
	most, all := mostLines, mostAllLines
	if f.isKnown(s.now()) {
		all += mostOfKnown
	} else if s.lines > mostAllLines/2 {
		most = fewLines
	}
	if s.lines >= all || f.lines >= most || !s.mayKnock(f, s.now()) {
		s.drop(at, f)
		return false
	}
	f.lines++
	s.lines++
	return true
}

func (s *sources) disconnect(at netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines--
	if at != (netip.Prefix{}) {
		f := s.source(at)
		f.lines--
		s.drop(at, f)
	}
}

// heldLine is a connection that is counted until it is closed.
type heldLine struct {
	net.Conn
	s    *sources
	at   netip.Prefix
	once sync.Once
}

func (c *heldLine) Close() error {
	c.once.Do(func() { c.s.disconnect(c.at) })
	return c.Conn.Close()
}
