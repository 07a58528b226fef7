package ussd

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// door says who may call as a gateway. Nothing of a request is read before that is known.
type door struct {
	allow   []netip.Prefix // nil: from anywhere
	proxies []netip.Prefix // of the town's own, whose word on where a request comes from is taken
	secret  string         // "": none
}

var (
	errFrom  = errors.New("it comes from an address that may not call: see allow= in ussd.gateways")
	errProxy = errors.New("it came through a proxy: name the proxy's address in ussd.proxies")
	errKey   = errors.New("its key is wrong: see ussd.secrets")
)

// opens says why r is refused. key is what it shows.
func (d *door) opens(r *http.Request, key string) error {
	if d.allow != nil {
		from, err := d.from(r)
		if err != nil {
			return err
		}
		if !within(d.allow, from) {
			return errFrom
		}
	}
	if d.secret != "" {
		want, got := sha256.Sum256([]byte(d.secret)), sha256.Sum256([]byte(key))
		if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			return errKey
		}
	}
	return nil
}

// from is where a request comes from. A proxy's word is taken only of the town's own proxies: anybody can write the header.
// And behind a proxy that nobody named, everybody would seem to call from there.
func (d *door) from(r *http.Request) (netip.Addr, error) {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, errFrom
	}
	here := bare(at.Addr())
	forwarded := r.Header.Values("X-Forwarded-For")
	if !within(d.proxies, here) {
		if len(forwarded) > 0 || r.Header.Get("Forwarded") != "" {
			return netip.Addr{}, errProxy
		}
		return here, nil
	}
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		if here, err = netip.ParseAddr(strings.TrimSpace(hop)); err != nil {
			return netip.Addr{}, errFrom
		}
		if here = bare(here); !within(d.proxies, here) {
			return here, nil
		}
	}
	return here, nil // from a proxy itself
}

func bare(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func within(all []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(a) })
}
