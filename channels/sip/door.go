package sip

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// door is a UDP socket that lets packets by only from where a trunk is. Whoever else rings is answered here, without
// anything being kept of it: once from time to time, since the sender of a packet can be made up.
type door struct {
	net.PacketConn
	line *SIP
}

// mostFailures in a row are those of a socket that is broken.
const mostFailures = 100

// ReadFrom is of a packet that may come in.
func (d *door) ReadFrom(b []byte) (int, net.Addr, error) {
	for failed := 0; ; {
		n, from, err := d.PacketConn.ReadFrom(b)
		if err != nil {
			if failed++; failed == mostFailures || errors.Is(err, net.ErrClosed) {
				return n, from, err
			}
			continue // of a packet that we sent and nobody took
		}
		failed = 0
		at := addrOf(from)
		if d.line.welcome(at.Addr()) || d.line.guard.admitted(at) {
			return n, from, nil
		}
		if answer := d.line.turnedAway(b[:n], at); answer != nil {
			d.PacketConn.WriteTo(answer, from)
		} else if d.line.guard.admitted(at) {
			return n, from, nil
		}
	}
}

// turnedAway is what a stranger is answered; nil: nothing. Who shows the password of a trunk that may come from anywhere is
// a stranger no longer.
func (s *SIP) turnedAway(packet []byte, at netip.AddrPort) []byte {
	if len(packet) < 20 || string(packet[:4]) == "SIP/" || string(packet[:4]) == "ACK " || !s.guard.may(at.Addr()) {
		return nil
	}
	msg, err := sip.ParseMessage(packet)
	req, ok := msg.(*sip.Request)
	if err != nil || !ok || req.SipVersion != "SIP/2.0" || req.Via() == nil || req.CSeq() == nil || req.From() == nil || req.To() == nil || req.CallID() == nil ||
		req.Via().ProtocolName != "SIP" || req.Via().Transport == "" || req.Via().Host == "" || req.CSeq().MethodName != req.Method {
		return nil
	}
	req.SetTransport("UDP")
	req.SetSource(at.String())
	if !s.anywhere() {
		return []byte(sip.NewResponseFromRequest(req, sip.StatusForbidden, "Forbidden", nil).String())
	}
	t, stale := s.shown(req, false)
	if t != nil {
		s.guard.admit(at)
		return nil
	}
	return []byte(s.challenge(req, stale).String())
}

// gate is a TCP socket that strangers get but a few connections of, and not for long.
type gate struct {
	net.Listener
	line *SIP
}

// Accept is of a connection that may come in.
func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return c, err
		}
		at := addrOf(c.RemoteAddr())
		if g.line.welcome(at.Addr()) {
			return c, nil
		}
		if g.line.guard.come(at.Addr()) {
			return &visitor{Conn: c, line: g.line, at: at, until: g.line.guard.now().Add(strangerTime)}, nil
		}
		c.Close()
	}
}

// visitor is a stranger's connection.
type visitor struct {
	net.Conn
	line  *SIP
	at    netip.AddrPort
	until time.Time
	gone  sync.Once
}

// Read ends when a stranger has said nothing of use for long enough.
func (v *visitor) Read(b []byte) (int, error) {
	if v.line.guard.admitted(v.at) {
		v.Conn.SetReadDeadline(time.Time{})
	} else {
		v.Conn.SetReadDeadline(v.until)
	}
	return v.Conn.Read(b)
}

// Close closes it.
func (v *visitor) Close() error {
	v.gone.Do(func() { v.line.guard.leave(v.at.Addr()) })
	return v.Conn.Close()
}

// addrOf is an address as we compare it: IPv4 is IPv4, whichever socket it came by.
func addrOf(a net.Addr) netip.AddrPort {
	at, _ := netip.ParseAddrPort(a.String())
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
}

// sourceOf is where a request came from.
func sourceOf(req *sip.Request) netip.AddrPort {
	at, _ := netip.ParseAddrPort(req.Source())
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
}
