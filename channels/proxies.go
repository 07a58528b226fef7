package channels

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Proxies are a town's own, whose word on where a request comes from is taken: anybody can write X-Forwarded-For.
type Proxies []netip.Prefix

var (
	// ErrNowhere is for a request of which can't be told where it comes from.
	ErrNowhere = errors.New("it can't be told where it comes from")
	// ErrProxy is for a request by a proxy that nobody named: behind it everybody would seem to call from there.
	ErrProxy = errors.New("it came by a proxy: name the proxy's address in proxies")
)

// Has says whether a is one of them.
func (p Proxies) Has(a netip.Addr) bool { return Within(p, a) }

// Within says whether a is in any of all.
func Within(all []netip.Prefix, a netip.Addr) bool {
	for _, one := range all {
		if one.Contains(a) {
			return true
		}
	}
	return false
}

// Origin is where r comes from: the last hop that isn't a proxy of the town's.
func (p Proxies) Origin(r *http.Request) (netip.Addr, error) {
	here := Peer(r)
	switch {
	case !here.IsValid():
		return here, ErrNowhere
	case p.Has(here):
	case len(r.Header["X-Forwarded-For"]) > 0 || len(r.Header["Forwarded"]) > 0:
		return netip.Addr{}, ErrProxy
	default:
		return here, nil
	}
	lines := r.Header["X-Forwarded-For"]
	if len(lines) == 0 {
		return netip.Addr{}, ErrNowhere
	}
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			hop := rest
			comma := strings.LastIndexByte(rest, ',')
			if more = comma >= 0; more {
				rest, hop = rest[:comma], rest[comma+1:]
			}
			a, ok := hopAddr(strings.TrimSpace(hop))
			if !ok {
				return netip.Addr{}, ErrNowhere
			}
			if here = a.Unmap().WithZone(""); !p.Has(here) {
				return here, nil
			}
		}
	}
	return here, nil // from a proxy itself
}

// hopAddr reads one entry of X-Forwarded-For. Some balancers write the port, too, and then IPv6 in brackets.
func hopAddr(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a, true
	}
	at, err := netip.ParseAddrPort(s)
	return at.Addr(), err == nil
}

// Peer is who has the connection; the zero Addr: it can't be told.
func Peer(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// Forwarded says whether a proxy shows that it brings r from somebody else.
func Forwarded(r *http.Request) bool {
	for _, name := range [...]string{"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip"} {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	return false
}

// InHouse says whether a is of this machine or of a network that can't be reached from outside.
func InHouse(a netip.Addr) bool { return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() }

// Near says whether r comes from the house, and by nobody else's hand as far as can be seen: for what is no secret, but nobody else's matter
// either. Who calls by the name in publicURL was let in from outside by something that doesn't show it.
func Near(r *http.Request, publicURL string) bool {
	if !InHouse(Peer(r)) || Forwarded(r) {
		return false
	}
	u, err := url.Parse(publicURL)
	return err != nil || u.Host == "" || IsHouse(u.Hostname()) || !strings.EqualFold(hostName(r.Host), hostName(u.Host))
}

// IsHouse says whether a name is none that anybody outside could call.
func IsHouse(name string) bool {
	a, err := netip.ParseAddr(name)
	return err == nil && InHouse(a) || strings.EqualFold(name, "localhost")
}

// hostName is the name in a Host header, without the dot that may end it.
func hostName(host string) string {
	return strings.TrimSuffix((&url.URL{Host: host}).Hostname(), ".")
}
