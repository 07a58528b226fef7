package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/townline/townline/channels/sip/media"
)

// Trunk is one way to the telephone network: a provider's, a gateway to a landline, a PBX of the town's own.
type Trunk struct {
	Name      string
	Host      string // where calls go out to: "sip.example.net", "192.0.2.1:5060"; "": none do
	Registrar string // that we register with; "": nobody asks for it
	Transport string // "udp", "tcp" or "tls"; "": udp

	Username, Password string // what we show when we are asked
	From               string // the number that our calls come from, E.164
	Theirs             Login  // what calls to us must show; empty: where they come from is enough
	Allow              []netip.Prefix

	SRTP     media.Encryption
	Expires  time.Duration // that a registration is asked to last; 0: an hour
	Ring     time.Duration // that a caller hears it ring before we answer
	Callback bool          // calls are turned away before they cost anything, and called back
	Bridge   bool          // a call is passed on by a second call, without asking the trunk to do it (REFER)
}

// Login is a name and a password.
type Login struct {
	Username, Password string
	Strict             bool // shown by SHA-256 alone, never by MD5
}

// trunk is a Trunk at work.
type trunk struct {
	Trunk
	host, registrar peer
	keys            keyring

	mu          sync.Mutex
	at          []netip.AddrPort // where Host and Registrar are, as last looked up
	registrarAt netip.AddrPort
	registered  bool
}

// peer is the name of a machine, and its port or 0.
type peer struct {
	name string
	port int
}

func (p peer) String() string {
	if p.port == 0 {
		return p.name
	}
	return net.JoinHostPort(p.name, strconv.Itoa(p.port))
}

func parsePeer(s string) (peer, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return peer{name: a.String()}, nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = s, "0"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strings.ContainsAny(host, " /@:;") && net.ParseIP(host) == nil {
		return peer{}, fmt.Errorf("%q is not the name of a machine, with a port or without", s)
	}
	return peer{host, int(n)}, nil
}

func newTrunk(c Trunk) (*trunk, error) {
	t := &trunk{Trunk: c}
	var err error
	if c.Host != "" {
		if t.host, err = parsePeer(c.Host); err != nil {
			return nil, fmt.Errorf("sip: trunk %s: %w", c.Name, err)
		}
	}
	if c.Registrar != "" {
		if t.registrar, err = parsePeer(c.Registrar); err != nil {
			return nil, fmt.Errorf("sip: trunk %s: %w", c.Name, err)
		}
	}
	switch t.Transport = strings.ToUpper(c.Transport); t.Transport {
	case "":
		t.Transport = "UDP"
	case "UDP", "TCP", "TLS":
	default:
		return nil, fmt.Errorf("sip: trunk %s: transport %q: udp, tcp or tls", c.Name, c.Transport)
	}
	switch {
	case c.From != "" && c.From[0] != '+':
		return nil, fmt.Errorf("sip: trunk %s: the number that calls come from begins with + and the country", c.Name)
	case (c.Theirs.Username == "") != (c.Theirs.Password == ""):
		return nil, fmt.Errorf("sip: trunk %s: a name and a password belong together", c.Name)
	case c.Host == "" && c.Registrar == "" && len(c.Allow) == 0 && c.Theirs.Username == "":
		return nil, fmt.Errorf("sip: trunk %s: nobody can call by it: it has no host, no addresses, no password", c.Name)
	}
	if t.Expires == 0 {
		t.Expires = time.Hour
	}
	return t, nil
}

// login is what we show.
func (t *trunk) login() Login { return Login{Username: t.Username, Password: t.Password} }

// is says whether the trunk is at a.
func (t *trunk) is(a netip.Addr) bool {
	if slices.ContainsFunc(t.Allow, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.at, func(at netip.AddrPort) bool { return at.Addr() == a })
}

// by says whether a request came in a way that is good enough: who encrypts is not rung by who doesn't.
func (t *trunk) by(req *sip.Request) bool { return t.Transport != "TLS" || req.Transport() == "TLS" }

// welcome says whether some trunk is at a.
func (s *SIP) welcome(a netip.Addr) bool {
	return slices.ContainsFunc(s.trunks, func(t *trunk) bool { return t.is(a) })
}

// anywhere says whether a trunk may come from anywhere, when it shows its password.
func (s *SIP) anywhere() bool {
	return slices.ContainsFunc(s.trunks, func(t *trunk) bool { return t.Theirs.Username != "" && len(t.Allow) == 0 })
}

// lookUp finds out where a machine is: what the name servers list for SIP (RFC 3263), or its address. The transport layer
// looks up by itself where TLS wants the name.
func (t *trunk) lookUp(ctx context.Context, p peer) (netip.AddrPort, error) {
	port := p.port
	if port == 0 {
		port = sip.DefaultPort(t.Transport)
	}
	if a, err := netip.ParseAddr(p.name); err == nil {
		at := netip.AddrPortFrom(a.Unmap(), uint16(port))
		t.found(at)
		return at, nil
	}
	name := p.name
	if p.port == 0 {
		service, proto := "sip", strings.ToLower(t.Transport)
		if proto == "tls" {
			service, proto = "sips", "tcp"
		}
		if _, records, err := net.DefaultResolver.LookupSRV(ctx, service, proto, p.name); err == nil && len(records) > 0 {
			name, port = strings.TrimSuffix(records[0].Target, "."), int(records[0].Port)
			for _, r := range records[1:] { // calls may come from any of them
				if all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", strings.TrimSuffix(r.Target, ".")); err == nil {
					for _, a := range all {
						t.found(netip.AddrPortFrom(a.Unmap(), r.Port))
					}
				}
			}
		}
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if len(all) == 0 {
		return netip.AddrPort{}, errors.New("no address")
	}
	best := all[0].Unmap()
	for _, a := range all {
		if a = a.Unmap(); a.Is4() && !best.Is4() {
			best = a
		}
		t.found(netip.AddrPortFrom(a, uint16(port)))
	}
	return netip.AddrPortFrom(best, uint16(port)), nil
}

// mostPlaces of one trunk are remembered; the oldest goes.
const mostPlaces = 32

func (t *trunk) found(at netip.AddrPort) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at = slices.DeleteFunc(t.at, func(old netip.AddrPort) bool { return old == at })
	t.at = append(t.at, at)
	if len(t.at) > mostPlaces {
		t.at = t.at[1:]
	}
}
