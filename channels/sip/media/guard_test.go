package media

import (
	"net/netip"
	"strings"
	"testing"
)

func at(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }

// TestWhoseSound goes through what packets a guard takes: each line is a source, its SSRC, its number and what comes of it.
func TestWhoseSound(t *testing.T) {
	const caller, router, thief = "192.0.2.1:4000", "198.51.100.1:9000", "203.0.113.6:6000"
	type step struct {
		from   string
		source uint32
		seq    uint16
		taken  bool
		beat   int64
		renew  string // a re-INVITE that describes this, before the packet
		proven bool
	}
	for _, c := range []struct {
		name    string
		allowed string
		steps   []step
	}{
		{"the described address is believed at once, and nobody after it", "", []step{
			{from: caller, source: 1, seq: 10, taken: true},
			{from: thief, source: 2, seq: 1}, {from: thief, source: 2, seq: 2}, {from: thief, source: 2, seq: 3}, {from: thief, source: 2, seq: 4, beat: 100},
			{from: thief, source: 1, seq: 11, beat: 100},
			{from: caller, source: 1, seq: 11, taken: true},
		}},
		{"behind a router, three in a row", "", []step{
			{from: router, source: 1, seq: 65535}, {from: router, source: 1, seq: 0}, {from: router, source: 1, seq: 1, taken: true},
			{from: thief, source: 1, seq: 2}, {from: thief, source: 1, seq: 3}, {from: thief, source: 1, seq: 4}, {from: thief, source: 1, seq: 5},
		}},
		{"packets at random aren't three in a row", "", []step{
			{from: thief, source: 1, seq: 5}, {from: thief, source: 1, seq: 9}, {from: thief, source: 1, seq: 70}, {from: thief, source: 1, seq: 70}, {from: thief, source: 1, seq: 71},
			{from: thief, source: 2, seq: 72}, {from: thief, source: 3, seq: 73},
		}},
		{"the described address takes over from whoever was first", "", []step{
			{from: thief, source: 9, seq: 1}, {from: thief, source: 9, seq: 2}, {from: thief, source: 9, seq: 3, taken: true},
			{from: caller, source: 1, seq: 10}, {from: caller, source: 1, seq: 11}, {from: caller, source: 1, seq: 12, taken: true},
			{from: thief, source: 9, seq: 4}, {from: thief, source: 9, seq: 5}, {from: thief, source: 9, seq: 6}, {from: thief, source: 9, seq: 7},
		}},
		{"somebody beside, who sends as well, doesn't keep it from a router", "", []step{
			{from: router, source: 1, seq: 1}, {from: thief, source: 2, seq: 1}, {from: router, source: 1, seq: 2}, {from: thief, source: 3, seq: 1},
			{from: router, source: 1, seq: 3, taken: true},
		}},
		{"one packet that is proven is enough", "", []step{
			{from: router, source: 1, seq: 1, proven: true, taken: true},
			{from: thief, source: 1, seq: 2, proven: true},
		}},
		{"another stream of the same device", "", []step{
			{from: caller, source: 1, seq: 1, taken: true},
			{from: caller, source: 2, seq: 100}, {from: caller, source: 2, seq: 101}, {from: caller, source: 2, seq: 102, taken: true},
			{from: caller, source: 1, seq: 2},
		}},
		{"after a re-INVITE another may take over, once the old one has fallen silent", "", []step{
			{from: router, source: 1, seq: 1}, {from: router, source: 1, seq: 2}, {from: router, source: 1, seq: 3, taken: true},
			{renew: caller, from: thief, source: 5, seq: 1}, {from: thief, source: 5, seq: 2}, {from: thief, source: 5, seq: 3},
			{from: router, source: 1, seq: 4, beat: 4, taken: true},
			{from: "198.51.100.1:9002", source: 1, seq: 5, beat: 9}, {from: "198.51.100.1:9002", source: 1, seq: 6, beat: 10}, {from: "198.51.100.1:9002", source: 1, seq: 7, beat: 11, taken: true},
			{from: thief, source: 5, seq: 4, beat: 40}, {from: thief, source: 5, seq: 5, beat: 41}, {from: thief, source: 5, seq: 6, beat: 42}, {from: thief, source: 5, seq: 7, beat: 43},
		}},
		{"a re-INVITE that says the same again lets nobody in", "", []step{
			{from: caller, source: 1, seq: 1, taken: true},
			{renew: "same " + caller, from: thief, source: 5, seq: 1, beat: 20}, {from: thief, source: 5, seq: 2, beat: 21}, {from: thief, source: 5, seq: 3, beat: 22},
		}},
		{"a re-INVITE moves it, and the new place is believed", "", []step{
			{from: caller, source: 1, seq: 1, taken: true},
			{renew: "192.0.2.9:5000", from: "192.0.2.9:5000", source: 7, seq: 1}, {from: "192.0.2.9:5000", source: 7, seq: 2}, {from: "192.0.2.9:5000", source: 7, seq: 3, taken: true},
			{from: caller, source: 1, seq: 2}, {from: caller, source: 1, seq: 3}, {from: caller, source: 1, seq: 4},
		}},
		{"only from where the trunk is", "198.51.100.0/24", []step{
			{from: thief, source: 5, seq: 1}, {from: thief, source: 5, seq: 2}, {from: thief, source: 5, seq: 3}, {from: thief, source: 5, seq: 4},
			{from: router, source: 1, seq: 1}, {from: router, source: 1, seq: 2}, {from: router, source: 1, seq: 3, taken: true},
		}},
		{"and from another port of the described address", "198.51.100.0/24", []step{
			{from: "192.0.2.1:4444", source: 1, seq: 1}, {from: "192.0.2.1:4444", source: 1, seq: 2}, {from: "192.0.2.1:4444", source: 1, seq: 3, taken: true},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := guard{}
			if c.allowed != "" {
				g.allowed = []netip.Prefix{netip.MustParsePrefix(c.allowed)}
			}
			g.describe(at(caller), true)
			for i, s := range c.steps {
				if s.renew != "" {
					g.describe(at(strings.TrimPrefix(s.renew, "same ")), !strings.HasPrefix(s.renew, "same "))
				}
				if taken, _ := g.admit(at(s.from), packet{source: s.source, seq: s.seq}, s.proven, s.beat); taken != s.taken {
					t.Fatalf("step %d (%s): taken is %v", i+1, s.from, taken)
				}
			}
		})
	}
}

// TestThiefHearsNothing: whoever sends to our port gets none of the call's sound, and presses none of its keys.
func TestThiefHearsNothing(t *testing.T) {
	p, thief := newPhone(t), newPhone(t)
	s, _ := answered(t, config(t), p.offer("0 101", events))
	s.receive(p.pack(0, make([]byte, 160)), p.at())
	for range 20 {
		s.receive(thief.pack(0, make([]byte, 160)), thief.at())
	}
	thief.source = p.source // who knows the caller's SSRC, too
	for _, b := range thief.press(101, 5, 5) {
		s.receive(b, thief.at())
	}
	p2 := *p
	p2.source = 99 // another stream from the same address, of which we know nothing
	s.receive(p2.event(101, true, 1, 5, false, 160), p.at())
	s.receive(p.pack(8, make([]byte, 160)), p.at())          // a payload that wasn't agreed
	s.receive(p.pack(101, []byte{5}), p.at())                // no key in it
	s.receive(p.event(101, true, 1, 16, false, 160), p.at()) // no key of a telephone
	s.beats(3)
	for range 3 {
		p.next()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := s.account(); len(s.keyboard.waiting) != 0 || s.sound.guard.from != p.at() || got.Received != 3 || got.Refused != 30 {
		t.Errorf("keys %v, from %v, %+v", s.keyboard.waiting, s.sound.guard.from, got)
	}
}

// TestSoundGoesBackToTheRouter: a telephone whose description names an address of its own house is answered where it is.
func TestSoundGoesBackToTheRouter(t *testing.T) {
	p := newPhone(t)
	s, _ := answered(t, config(t), sdp("m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.200"))
	for range 3 {
		s.receive(p.pack(0, make([]byte, 160)), p.at())
	}
	s.beats(1)
	p.next()
}
