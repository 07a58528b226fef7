package main

import (
	"net/netip"
	"testing"
	"time"
)

// Who is shut out may open few connections more, enough for a neighbour's pages.
func TestWhoIsShutOutKnocksInVain(t *testing.T) {
	g := guard(t)
	now := time.Now()
	g.s.sources.now = func() time.Time { return now }
	at := netip.MustParsePrefix("198.51.100.7/32")
	open := func() (n int) {
		for range 10 * knocksAtOnce {
			if g.s.sources.connect(at) {
				g.s.sources.disconnect(at)
				n++
			}
		}
		return n
	}
	if n := open(); n != 10*knocksAtOnce {
		t.Errorf("who forged nothing opens %d", n)
	}
	g.flood("198.51.100.7", "", "POST /forged")
	if n := open(); n < knocksAtOnce || n > knocksAtOnce+1 {
		t.Errorf("who is shut out opens %d", n)
	}
	now = now.Add(time.Second)
	if n := open(); n < 49 || n > 51 {
		t.Errorf("a second later %d", n)
	}
	now = now.Add(refusedSpan)
	if n := open(); n != 10*knocksAtOnce {
		t.Errorf("when it is over, %d", n)
	}
}

// While strangers forge more than anybody could by mistake, from very many addresses, each of them gets a twelfth of what it would
// get alone. Who proved who they are, and who wants pages, notice nothing of it.
func TestInAFloodStrangersAreShutOutSooner(t *testing.T) {
	s := newSources(nil)
	now := time.Now()
	s.now = func() time.Time { return now }
	at := func(i int) origin {
		return origin{at: netip.PrefixFrom(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), 32)}
	}
	forges := func(o origin, most int) (taken int) {
		for range most {
			if s.begin(o, false, nil) == welcome {
				s.end(o, nil, true)
				taken++
			}
		}
		return taken
	}
	knocks := func(o origin) (n int) {
		for range 10 * knocksAtOnce {
			if s.connect(o.at) {
				s.disconnect(o.at)
				n++
			}
		}
		return n
	}
	provider := at(1)
	s.begin(provider, false, nil)
	s.trust(provider, nil)
	next := 2
	flood := func(forgeries int) {
		for n := 0; n < forgeries; n += floodRefused {
			forges(at(next), floodRefused)
			next++
		}
	}
	for range 10 { // as many in ten seconds are none
		flood(floodOf / 10)
		now = now.Add(time.Second)
	}
	if n := forges(at(next), 100); n != mostRefused {
		t.Errorf("without a flood %d forgeries are read of one source", n)
	}
	next++
	now = now.Add(time.Second)
	flood(floodOf)
	early := at(next - 1)
	if n := forges(early, 100); n != 0 {
		t.Errorf("of one who forged before the flood was noticed %d more are read", n)
	}
	if n := forges(at(next), 100); n != floodRefused {
		t.Errorf("in a flood %d forgeries are read of one source", n)
	}
	if n := knocks(at(next)); n < floodKnocksFirst || n > floodKnocksFirst+1 {
		t.Errorf("it opens %d connections then", n)
	}
	if s.begin(at(next), true, nil) != welcome {
		t.Error("a neighbour of it doesn't get a page")
	}
	s.end(at(next), nil, false)
	if n := knocks(at(next + 1)); n != 10*knocksAtOnce {
		t.Errorf("who forged nothing opens %d", n)
	}
	if n := forges(provider, 100); n != 100 {
		t.Errorf("of a provider's address, from which others forge too, %d are read", n)
	}
	now = now.Add(refusedSpan)
	if n := forges(at(next+2), 100); n != mostRefused {
		t.Errorf("a minute after the flood %d are read", n)
	}
}
