package channels

import (
	"errors"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestOrigin(t *testing.T) {
	own := Proxies{netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("10.0.0.2/32")}
	for _, c := range []struct {
		remote string
		hops   []string
		want   string
		err    error
	}{
		{"192.0.2.7:1", nil, "192.0.2.7", nil},
		{"[::ffff:192.0.2.7]:1", nil, "192.0.2.7", nil},
		{"[fe80::1%eth0]:1", nil, "fe80::1", nil},
		{"nonsense", nil, "", ErrNowhere},
		{"192.0.2.7:1", []string{"198.51.100.1"}, "", ErrProxy},
		{"10.0.0.3:1", []string{"198.51.100.1"}, "", ErrProxy},
		{"10.0.0.1:1", nil, "", ErrNowhere},
		{"10.0.0.1:1", []string{""}, "", ErrNowhere},
		{"10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1", nil},
		{"10.0.0.1:1", []string{"192.0.2.7, 198.51.100.1"}, "198.51.100.1", nil},
		{"10.0.0.1:1", []string{"192.0.2.7, 198.51.100.1 ,10.0.0.2"}, "198.51.100.1", nil},
		{"10.0.0.1:1", []string{"192.0.2.7,198.51.100.1", "10.0.0.2"}, "198.51.100.1", nil},
		{"10.0.0.1:1", []string{"192.0.2.7, 198.51.100.1:4711"}, "198.51.100.1", nil},
		{"10.0.0.1:1", []string{"192.0.2.7, [2001:db8::7]:4711 , 10.0.0.2:80"}, "2001:db8::7", nil},
		{"10.0.0.1:1", []string{"192.0.2.7, fe80::7%eth0"}, "fe80::7", nil},
		{"10.0.0.1:1", []string{"192.0.2.7, 198.51.100.1:x"}, "", ErrNowhere},
		{"10.0.0.1:1", []string{"198.51.100.1, nobody"}, "", ErrNowhere},
		{"10.0.0.1:1", []string{"10.0.0.2"}, "10.0.0.2", nil},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		if c.hops != nil {
			r.Header["X-Forwarded-For"] = c.hops
		}
		got, err := own.Origin(r)
		if !errors.Is(err, c.err) || err == nil && got.String() != c.want {
			t.Errorf("%s %q: %v, %v", c.remote, c.hops, got, err)
		}
	}
}

func TestNear(t *testing.T) {
	const public = "https://talk.example.org"
	for _, c := range []struct {
		remote, header, host, public string
		near                         bool
	}{
		{"127.0.0.1:1", "", "localhost:8080", public, true},
		{"10.0.0.3:1", "", "town1:8080", public, true},
		{"[fd00::3]:1", "", "[fd00::1]:8080", "", true},
		{"198.51.100.7:1", "", "talk.example.org", public, false},
		{"nonsense", "", "town1", "", false},
		{"10.0.0.3:1", "X-Forwarded-For", "town1", public, false},
		{"10.0.0.3:1", "X-Real-Ip", "town1", public, false},
		{"10.0.0.3:1", "Via", "town1", "", false},
		// A container's network and a balancer that says nothing bring everybody in by one address; the name that they call stays.
		{"172.17.0.1:1", "", "talk.example.org", public, false},
		{"127.0.0.1:1", "", "Talk.Example.Org:443", public, false},
		{"127.0.0.1:1", "", "talk.example.org.:443", public, false}, // the same name
		{"127.0.0.1:1", "", "127.0.0.1:8080", "http://127.0.0.1:8080", true},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Host = c.remote, c.host
		if c.header != "" {
			r.Header.Set(c.header, "198.51.100.1")
		}
		if got := Near(r, c.public); got != c.near {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func FuzzOrigin(f *testing.F) {
	f.Add("10.0.0.1:1", "192.0.2.7, 10.0.0.1")
	f.Add("[::1%x]:1", ",")
	own := Proxies{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, remote, hops string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = remote
		r.Header.Set("X-Forwarded-For", hops)
		a, err := own.Origin(r)
		if err == nil && (!a.IsValid() || a.Zone() != "" || a.Is4In6() || !own.Has(Peer(r))) {
			t.Errorf("%q %q: %v", remote, hops, a)
		}
	})
}
