package media

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"sync"
)

// ErrNoPort says that all ports of the range are in use: the call is refused with 503, to be tried again later.
var ErrNoPort = errors.New("media: no free port for RTP")

// Ports are the pairs of UDP ports that a line may use: an even one for RTP, the next one for RTCP. All calls of a line
// share one Ports, and with it the wheel that keeps their time.
type Ports struct {
	// Open opens a socket, before the first call if it is set; nil: the machine's.
	Open func(at netip.AddrPort) (Socket, error)

	wheel wheel

	mu   sync.Mutex
	free []int // even ports; what was given back goes to the end, so that late packets of an old call meet nobody
	any  bool
}

// Socket is what packets go through; *net.UDPConn is one.
type Socket interface {
	ReadFromUDPAddrPort(b []byte) (n int, from netip.AddrPort, err error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (n int, err error)
	LocalAddr() net.Addr
	Close() error
}

// NewPorts is the range from first to last, both taken along. 0, 0 is any port that the machine has free.
func NewPorts(first, last int) (*Ports, error) {
	p := &Ports{}
	if first == 0 && last == 0 {
		p.any = true
		return p, nil
	}
	if first < 1 || last > 65535 || first+first%2+1 > last {
		return nil, fmt.Errorf("media: no pair of ports between %d and %d", first, last)
	}
	for at := first + first%2; at < last; at += 2 {
		p.free = append(p.free, at)
	}
	// A port that nobody can guess: the first call after a start isn't always at the same place.
	cut, err := rand.Int(rand.Reader, big.NewInt(int64(len(p.free))))
	if err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	p.free = append(p.free[cut.Int64():], p.free[:cut.Int64()]...)
	return p, nil
}

// pair are two sockets at neighbouring ports.
type pair struct {
	rtp, rtcp Socket
	port      int
}

func (p pair) close() {
	p.rtp.Close()
	p.rtcp.Close()
}

// take binds the next free pair.
func (p *Ports) take(at netip.Addr) (pair, error) {
	if p.any {
		for range 200 {
			if got, err := p.bind(at, 0); err == nil {
				return got, nil
			}
		}
		return pair{}, ErrNoPort
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.free { // another program may sit on one of them
		got, err := p.bind(at, p.free[i])
		if err == nil {
			p.free = append(p.free[:i], p.free[i+1:]...)
			return got, nil
		}
	}
	return pair{}, ErrNoPort
}

// giveBack takes a closed pair; its ports are the last to be taken again.
func (p *Ports) giveBack(used pair) {
	if p.any {
		return
	}
	p.mu.Lock()
	p.free = append(p.free, used.port)
	p.mu.Unlock()
}

// bind opens both sockets, or none. Port 0 is one that the machine chooses.
func (p *Ports) bind(at netip.Addr, port int) (pair, error) {
	rtp, err := p.open(netip.AddrPortFrom(at, uint16(port)))
	if err != nil {
		return pair{}, err
	}
	if port == 0 {
		port = rtp.LocalAddr().(*net.UDPAddr).Port
		if port%2 != 0 || port == 65535 {
			rtp.Close()
			return pair{}, ErrNoPort
		}
	}
	rtcp, err := p.open(netip.AddrPortFrom(at, uint16(port+1)))
	if err != nil {
		rtp.Close()
		return pair{}, err
	}
	return pair{rtp: rtp, rtcp: rtcp, port: port}, nil
}

func (p *Ports) open(at netip.AddrPort) (Socket, error) {
	if p.Open != nil {
		return p.Open(at)
	}
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, err
	}
	return c, nil
}
