package sip

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/townline/townline/channels/sip/media"
)

// cable is a network without a machine: packets that are sent are there at once, within a bubble of testing/synctest, too.
type cable struct {
	mu    sync.Mutex
	plugs map[netip.AddrPort]*plug
	next  uint16
}

func newCable() *cable { return &cable{plugs: map[netip.AddrPort]*plug{}, next: 20000} }

// plug is a socket on it.
type plug struct {
	on     *cable
	at     netip.AddrPort
	came   chan letter
	closed chan struct{}
	once   sync.Once
}

type letter struct {
	b    []byte
	from netip.AddrPort
}

var (
	_ media.Socket   = (*plug)(nil)
	_ net.PacketConn = (*plug)(nil)
)

// open puts a plug in. Port 0 is a free one: an even one, with the next one free.
func (c *cable) open(at netip.AddrPort) (*plug, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.Port() == 0 {
		c.next += 2
		at = netip.AddrPortFrom(at.Addr(), c.next)
	}
	if c.plugs[at] != nil {
		return nil, &net.OpError{Op: "listen", Net: "udp", Err: net.ErrClosed}
	}
	p := &plug{on: c, at: at, came: make(chan letter, 512), closed: make(chan struct{})}
	c.plugs[at] = p
	return p, nil
}

// packets opens a socket for a line.
func (c *cable) packets(host string) (net.PacketConn, error) {
	at, err := netip.ParseAddrPort(host)
	if err != nil {
		return nil, err
	}
	return c.open(at)
}

func (c *cable) ports() *media.Ports {
	p, err := media.NewPorts(0, 0)
	if err != nil {
		panic(err)
	}
	p.Open = func(at netip.AddrPort) (media.Socket, error) { return c.open(at) }
	return p
}

func (p *plug) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	p.on.mu.Lock()
	other := p.on.plugs[netip.AddrPortFrom(to.Addr().Unmap(), to.Port())]
	p.on.mu.Unlock()
	if other == nil { // as with any network, nobody says so
		return len(b), nil
	}
	select {
	case other.came <- letter{append([]byte(nil), b...), p.at}:
	default: // too many: lost
	}
	return len(b), nil
}

func (p *plug) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case got := <-p.came:
		return copy(b, got.b), got.from, nil
	case <-p.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (p *plug) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := p.ReadFromUDPAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

func (p *plug) WriteTo(b []byte, to net.Addr) (int, error) {
	return p.WriteToUDPAddrPort(b, addrOf(to))
}

func (p *plug) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(p.at) }

func (p *plug) Close() error {
	p.once.Do(func() {
		close(p.closed)
		p.on.mu.Lock()
		delete(p.on.plugs, p.at)
		p.on.mu.Unlock()
	})
	return nil
}

// Nobody waits for less than for ever here.
func (p *plug) SetDeadline(time.Time) error      { return nil }
func (p *plug) SetReadDeadline(time.Time) error  { return nil }
func (p *plug) SetWriteDeadline(time.Time) error { return nil }
