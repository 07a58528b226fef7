package media

import "net/netip"

// guard decides whose packets are the other side's. Behind a router, sound doesn't come from where its description says;
// so the first source that shows itself to be in earnest is taken (symmetric RTP), and nobody else after it. In order:
//
//   - the address in the description is believed at its first packet, or takes over from another at its third;
//   - another source is believed at the third packet in a row of one stream, or at the first one that SRTP proves;
//   - after a re-INVITE that says something new another may take over once more, but not while the present one still sends.
type guard struct {
	described netip.AddrPort // its address may be unknown
	allowed   []netip.Prefix

	known  bool
	from   netip.AddrPort
	source uint32 // SSRC
	heard  int64  // beat of the last packet
	again  bool   // another may take over

	trying [4]candidate
	next   int
}

type candidate struct {
	from   netip.AddrPort
	source uint32
	seq    uint16
	count  int
}

const (
	inEarnest = 3 // packets in a row
	fallen    = 5 // beats without a packet of the present source
)

// describe is told where packets should come from, at first and at every re-INVITE; news says whether it isn't the same
// description again, which only keeps a call alive.
func (g *guard) describe(at netip.AddrPort, news bool) {
	if news || at != g.described {
		g.again = g.known
	}
	g.described = at
}

// admit says whether p is the other side's, and whether it is the first of a new stream.
func (g *guard) admit(from netip.AddrPort, p packet, proven bool, beat int64) (ours, fresh bool) {
	if g.known && from == g.from && p.source == g.source {
		g.heard = beat
		return true, false
	}
	described := from == g.described
	need := inEarnest
	switch {
	case g.known && from == g.from: // the same device begins a new stream
	case described && g.known:
	case described:
		need = 1
	case g.known && !(g.again && beat-g.heard >= fallen), !g.mayCome(from):
		return false, false
	}
	if proven {
		need = 1
	}
	if g.tries(from, p) < need {
		return false, false
	}
	if g.known && from != g.from && !described {
		g.again = false
	}
	g.known, g.from, g.source, g.heard = true, from, p.source, beat
	g.trying = [4]candidate{}
	return true, true
}

func (g *guard) mayCome(from netip.AddrPort) bool {
	if len(g.allowed) == 0 || from.Addr() == g.described.Addr() {
		return true
	}
	for _, p := range g.allowed {
		if p.Contains(from.Addr()) {
			return true
		}
	}
	return false
}

// tries counts the packets in a row of a stream that isn't believed yet.
func (g *guard) tries(from netip.AddrPort, p packet) int {
	for i := range g.trying {
		c := &g.trying[i]
		if c.count == 0 || c.from != from || c.source != p.source {
			continue
		}
		switch p.seq {
		case c.seq + 1:
			c.count++
		case c.seq: // the same again proves nothing
		default:
			c.count = 1
		}
		c.seq = p.seq
		return c.count
	}
	g.trying[g.next] = candidate{from, p.source, p.seq, 1}
	g.next = (g.next + 1) % len(g.trying)
	return 1
}
