package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// socket is one address that the line listens at.
type socket struct {
	transport string // "UDP", "TCP", "TLS"
	addr      netip.AddrPort
	packets   net.PacketConn // of UDP
	streams   net.Listener   // of TCP and TLS
}

// Close closes it.
func (s socket) Close() {
	if s.packets != nil {
		s.packets.Close()
	}
	if s.streams != nil {
		s.streams.Close()
	}
}

// listenAt is one line of Config.Listen.
type listenAt struct{ network, host string }

func parseListen(line string) (listenAt, error) {
	network, host, _ := strings.Cut(line, ":")
	if _, _, err := net.SplitHostPort(host); err != nil {
		return listenAt{}, fmt.Errorf("sip: listen at %q: write it like udp:0.0.0.0:5060", line)
	}
	switch network {
	case "udp", "tcp", "tls":
		return listenAt{network, host}, nil
	}
	return listenAt{}, fmt.Errorf("sip: listen at %q: udp, tcp and tls are what a line can be reached by", line)
}

// open opens all sockets, or none.
func (s *SIP) open() (open []socket, err error) {
	defer func() {
		if err != nil {
			for _, o := range open {
				o.Close()
			}
		}
	}()
	for _, line := range s.cfg.Listen {
		l, err := parseListen(line)
		if err != nil {
			return open, err
		}
		o := socket{transport: strings.ToUpper(l.network)}
		var at net.Addr
		switch l.network {
		case "udp":
			packets, err := s.cfg.packets(l.host)
			if err != nil {
				return open, fmt.Errorf("sip: %w", err)
			}
			o.packets, at = &door{PacketConn: packets, line: s}, packets.LocalAddr()
		default:
			streams, err := net.Listen("tcp", l.host)
			if err != nil {
				return open, fmt.Errorf("sip: %w", err)
			}
			at = streams.Addr()
			streams = &gate{Listener: streams, line: s}
			if l.network == "tls" {
				if s.cfg.TLS == nil {
					streams.Close()
					return open, errors.New("sip: listen by tls: there is no certificate")
				}
				streams = tls.NewListener(streams, s.cfg.TLS)
			}
			o.streams = streams
		}
		if o.addr, err = netip.ParseAddrPort(at.String()); err != nil {
			o.Close()
			return open, fmt.Errorf("sip: %w", err)
		}
		open = append(open, o)
	}
	return open, nil
}

// serve reads a socket until it is closed.
func (s *SIP) serve(o socket) error {
	switch o.transport {
	case "UDP":
		return s.server.ServeUDP(o.packets)
	case "TCP":
		return s.server.ServeTCP(o.streams)
	}
	return s.server.ServeTLS(o.streams)
}

// awaitServing waits until sipgo knows its UDP sockets: before that it would open another one for what we send.
func (s *SIP) awaitServing(open []socket) {
	for _, o := range open {
		for range 1000 {
			if o.packets == nil {
				break
			}
			if _, err := s.ua.TransportLayer().GetConnection(o.transport, o.packets.LocalAddr().String()); err == nil {
				break
			}
			wait := time.NewTimer(time.Millisecond)
			<-wait.C
		}
	}
}

// socketFor is what a request to there leaves by: for UDP the socket we listen at, so that the answer finds a way through
// a NAT.
func (s *SIP) socketFor(transport string, to netip.Addr) (socket, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found socket
	ok := false
	for _, o := range s.sockets {
		if o.transport != transport {
			continue
		}
		if a := o.addr.Addr(); a.IsUnspecified() && (a.Is6() || to.Is4()) || a.Is4() == to.Is4() {
			return o, true
		}
		found, ok = o, true
	}
	return found, ok
}

// reached is where we say that we can be reached by whoever is at to.
func (s *SIP) reached(transport string, to netip.Addr) (host string, port int) {
	o, ok := s.socketFor(transport, to)
	if ok {
		port = int(o.addr.Port())
	}
	if s.cfg.Advertise != "" {
		return s.cfg.Advertise, port
	}
	if ok && !o.addr.Addr().IsUnspecified() {
		return o.addr.Addr().String(), port
	}
	return leaving(to).String(), port
}

// leaving is our address that packets to another one leave from. Nothing is sent.
func leaving(to netip.Addr) netip.Addr {
	c, err := net.Dial("udp", netip.AddrPortFrom(to, 5060).String())
	if err != nil {
		return netip.IPv4Unspecified()
	}
	defer c.Close()
	at, _ := netip.ParseAddrPort(c.LocalAddr().String())
	return at.Addr().Unmap()
}

// lookUpAdvertised is the address of Config.Advertise; the zero one where there is none.
func (s *SIP) lookUpAdvertised(ctx context.Context) (netip.Addr, error) {
	if s.cfg.Advertise == "" {
		return netip.Addr{}, nil
	}
	if a, err := netip.ParseAddr(s.cfg.Advertise); err == nil {
		return a, nil
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", s.cfg.Advertise)
	if err != nil || len(all) == 0 {
		return netip.Addr{}, fmt.Errorf("sip: advertise %s: %w", s.cfg.Advertise, err)
	}
	for _, a := range all {
		if a.Unmap().Is4() {
			return a.Unmap(), nil
		}
	}
	return all[0], nil
}
