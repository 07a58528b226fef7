package sip

import (
	"net/netip"
	"sync"
	"time"
)

const (
	strangerTime  = 10 * time.Second // that a stranger's connection lasts
	mostStrangers = 64               // connections of strangers
	mostOfOne     = 4                // of one of them
	mostAdmitted  = 4096             // addresses that showed a password
	admittedTime  = 12 * time.Hour   // no call is longer
	strangerRate  = 20               // answers a second to all strangers
	strangerBurst = 100
	oneBurst      = 10 // answers to one network in a stretch
	oneStretch    = 10 * time.Second
	oneSlots      = 1024
)

// guard counts strangers. What it keeps doesn't grow with their number.
type guard struct {
	now func() time.Time

	mu     sync.Mutex
	left   float64 // answers that strangers may be given
	at     time.Time
	slots  [oneSlots]struct{ stretch, n int64 } // of networks, by a hash
	passed map[netip.AddrPort]time.Time
	inside map[netip.Addr]int
	total  int
}

// may says whether a stranger at a is answered.
func (g *guard) may(a netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	g.left = min(strangerBurst, g.left+strangerRate*now.Sub(g.at).Seconds())
	if g.at.IsZero() {
		g.left = strangerBurst
	}
	g.at = now
	slot := &g.slots[netHash(a)%oneSlots]
	if stretch := now.UnixNano() / int64(oneStretch); slot.stretch != stretch {
		slot.stretch, slot.n = stretch, 0
	}
	if g.left < 1 || slot.n >= oneBurst {
		return false
	}
	slot.n++
	g.left--
	return true
}

// netHash is of an address's network: who has one address of it may have all.
func netHash(a netip.Addr) (h uint32) {
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return 0
	}
	h = 2166136261
	for _, b := range p.Addr().AsSlice() {
		h = (h ^ uint32(b)) * 16777619
	}
	return h
}

// admit lets packets from an address by, which has shown a password.
func (g *guard) admit(a netip.AddrPort) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if g.passed == nil {
		g.passed = map[netip.AddrPort]time.Time{}
	}
	if len(g.passed) >= mostAdmitted {
		for at, until := range g.passed {
			if until.Before(now) {
				delete(g.passed, at)
			}
		}
	}
	if len(g.passed) < mostAdmitted {
		g.passed[a] = now.Add(admittedTime)
	}
}

func (g *guard) admitted(a netip.AddrPort) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	until, ok := g.passed[a]
	return ok && g.now().Before(until)
}

// come says whether a stranger may have a connection; then leave ends it.
func (g *guard) come(a netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total >= mostStrangers || g.inside[a] >= mostOfOne {
		return false
	}
	if g.inside == nil {
		g.inside = map[netip.Addr]int{}
	}
	g.total++
	g.inside[a]++
	return true
}

func (g *guard) leave(a netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if g.inside[a]--; g.inside[a] == 0 {
		delete(g.inside, a)
	}
}
