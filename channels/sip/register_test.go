package sip

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// provider is a machine of a telephone company: it is sent to before it knows by whom.
type provider struct {
	*wire
	listen *net.UDPConn
}

func newProvider(t testing.TB) *provider {
	t.Helper()
	listen, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	rtp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listen.Close(); rtp.Close() })
	return &provider{wire: &wire{t: t, rtp: rtp}, listen: listen}
}

func (x *provider) addr() string { return x.listen.LocalAddr().String() }

// asked is the next request of this method, with the way back.
func (x *provider) asked(method string) *sip.Request {
	x.t.Helper()
	req, _ := x.askedWithin(method, 5*time.Second)
	if req == nil {
		x.t.Fatalf("no %s", method)
	}
	return req
}

func (x *provider) askedWithin(method string, d time.Duration) (*sip.Request, bool) {
	x.t.Helper()
	b := make([]byte, 65536)
	for end := time.Now().Add(d); ; {
		x.listen.SetReadDeadline(end)
		n, from, err := x.listen.ReadFromUDP(b)
		if err != nil {
			return nil, false
		}
		m, err := sip.ParseMessage(b[:n])
		if err != nil {
			x.t.Fatalf("%v in\n%s", err, b[:n])
		}
		req, ok := m.(*sip.Request)
		if !ok || string(req.Method) != method {
			continue
		}
		req.SetSource(from.String())
		return req, true
	}
}

// says answers a request.
func (x *provider) says(req *sip.Request, code int, body string, headers ...string) {
	x.t.Helper()
	res := sip.NewResponseFromRequest(req, code, "Said", nil)
	if code > 100 && res.To() != nil {
		res.To().Params.Add("tag", "x")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		res.AppendHeader(sip.NewHeader(name, value))
	}
	if body != "" {
		res.AppendHeader(sip.NewHeader("Contact", "<sip:x@"+x.addr()+">"))
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		res.SetBody([]byte(body))
	}
	to, err := net.ResolveUDPAddr("udp", req.Source())
	if err != nil {
		x.t.Fatal(err)
	}
	if _, err := x.listen.WriteToUDP([]byte(res.String()), to); err != nil {
		x.t.Fatal(err)
	}
}

// right says whether a request shows this password, for this challenge, counted as it should be.
func (x *provider) right(req *sip.Request, header string, c digest.Challenge, user, pass string, count int) bool {
	x.t.Helper()
	h := req.GetHeader(header)
	if h == nil {
		return false
	}
	shown, err := digest.ParseCredentials(h.Value())
	if err != nil {
		x.t.Fatal(err)
	}
	if len(c.QOP) > 0 && shown.Nc != count {
		x.t.Errorf("counted %d, want %d", shown.Nc, count)
	}
	want, err := digest.Digest(&c, digest.Options{Method: req.Method.String(), URI: shown.URI, Username: user, Password: pass, Count: shown.Nc, Cnonce: shown.Cnonce})
	if err != nil {
		x.t.Fatal(err)
	}
	return shown.Username == user && shown.Response == want.Response && shown.URI == req.Recipient.Addr()
}

func registers(x *provider) func(*Config) {
	return func(c *Config) {
		c.Trunks = []Trunk{{Name: "trunk", Registrar: x.addr(), Username: "centre", Password: "s3cret", Expires: time.Hour}}
	}
}

// A registration is granted for as long as the registrar says, refreshed before that with the password at once and the next
// count, and taken back when the line closes.
func TestRegister(t *testing.T) {
	for _, c := range []digest.Challenge{
		{Realm: "x", Nonce: "n1", Algorithm: "MD5", QOP: []string{"auth"}},
		{Realm: "x", Nonce: "n1", Algorithm: "SHA-256", QOP: []string{"auth"}},
		{Realm: "x", Nonce: "n1"},
	} {
		t.Run(c.Algorithm, func(t *testing.T) {
			x := newProvider(t)
			o := open(t, registers(x), func(s *SIP) { s.gap = 50 * time.Millisecond })
			first := x.asked("REGISTER")
			if first.GetHeader("Authorization") != nil || first.Recipient.User != "" || first.To().Address.User != "centre" {
				t.Error(first)
			}
			x.says(first, 401, "", "WWW-Authenticate: "+c.String())
			second := x.asked("REGISTER")
			if !x.right(second, "Authorization", c, "centre", "s3cret", 1) || second.CSeq().SeqNo != first.CSeq().SeqNo+1 || second.CallID().Value() != first.CallID().Value() {
				t.Errorf("%s\n%s", first, second)
			}
			x.says(second, 200, "", "Contact: <sip:other@192.0.2.9:5060>;expires=7, "+second.Contact().Value()+";expires=11", "Expires: 99")
			eventually(t, func() bool { return o.Registered("trunk") })
			if o.Registered("nobody") {
				t.Error("nobody is registered")
			}
			go o.close()
			last := x.asked("REGISTER")
			if last.GetHeader("Expires").Value() != "0" || !x.right(last, "Authorization", c, "centre", "s3cret", 2) {
				t.Error(last)
			}
			x.says(last, 200, "")
		})
	}
}

// A wrong password is shown once, not again and again: some providers lock who does that.
func TestRegisterRefused(t *testing.T) {
	x := newProvider(t)
	o := open(t, registers(x), func(s *SIP) { s.gap = time.Hour; s.t1 = time.Minute })
	for i, nonce := range []string{"a", "b"} {
		req := x.asked("REGISTER")
		if (req.GetHeader("Authorization") != nil) != (i == 1) {
			t.Error(req)
		}
		x.says(req, 401, "", `WWW-Authenticate: Digest realm="x", nonce="`+nonce+`", qop="auth"`)
	}
	if req, ok := x.askedWithin("REGISTER", 100*time.Millisecond); ok {
		t.Errorf("shown again:\n%s", req)
	}
	eventually(t, func() bool { return strings.Contains(o.log.String(), "not registered") })
	if o.Registered("trunk") || strings.Contains(o.log.String(), "s3cret") || strings.Contains(o.log.String(), "centre") {
		t.Error(o.log.String())
	}
}

// A nonce that is too old is no wrong password; an interval that is too short is made longer; who doesn't answer is asked
// again later.
func TestRegisterMended(t *testing.T) {
	x := newProvider(t)
	o := open(t, registers(x), func(s *SIP) { s.gap = 20 * time.Millisecond })
	req := x.asked("REGISTER")
	x.says(req, 503, "")
	req = x.asked("REGISTER")
	x.says(req, 401, "", `WWW-Authenticate: Digest realm="x", nonce="a", qop="auth,auth-int", algorithm=md5`)
	req = x.asked("REGISTER")
	x.says(req, 401, "", `WWW-Authenticate: Digest realm="x", nonce="b", stale=TRUE, qop="auth"`)
	req = x.asked("REGISTER")
	if !x.right(req, "Authorization", digest.Challenge{Realm: "x", Nonce: "b", QOP: []string{"auth"}}, "centre", "s3cret", 1) {
		t.Error(req)
	}
	x.says(req, 423, "", "Min-Expires: 7200")
	req = x.asked("REGISTER")
	if req.GetHeader("Expires").Value() != "7200" {
		t.Error(req)
	}
	x.says(req, 200, "", "Expires: 7200")
	eventually(t, func() bool { return o.Registered("trunk") })
	go o.close()
	x.says(x.asked("REGISTER"), 200, "")
}

// A registration that lasts long doesn't keep us from looking where the trunk is now.
func TestLooksAgainWhileRegistered(t *testing.T) {
	x := newProvider(t)
	o := open(t, func(c *Config) { registers(x)(c); c.Trunks[0].Host = "nowhere.invalid" }, func(s *SIP) { s.gap = 20 * time.Millisecond })
	x.says(x.asked("REGISTER"), 200, "", "Expires: 3600")
	eventually(t, func() bool { return strings.Count(o.log.String(), "a trunk was not found") >= 3 })
	if req, ok := x.askedWithin("REGISTER", 50*time.Millisecond); ok || !o.Registered("trunk") {
		t.Errorf("registered again:\n%s", req)
	}
	go o.close()
	x.says(x.asked("REGISTER"), 200, "")
}

// A registration would be of no use when a NAT forgot the way to us.
func TestTheWayBackStaysOpen(t *testing.T) {
	x := newProvider(t)
	open(t, registers(x), func(s *SIP) { s.t1 = 2 * time.Millisecond })
	x.says(x.asked("REGISTER"), 200, "", "Expires: 3600")
	b := make([]byte, 100)
	x.listen.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := x.listen.Read(b); err != nil || string(b[:n]) != "\r\n\r\n" {
		t.Errorf("%q %v", b[:n], err)
	}
}

func TestGranted(t *testing.T) {
	ours := &sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "centre", Host: "192.0.2.1", Port: 5060}}
	for _, c := range []struct {
		headers string
		want    time.Duration
	}{
		{"Contact: <sip:centre@192.0.2.1:5060>;expires=60\r\nExpires: 300\r\n", time.Minute},
		{"Contact: <sip:other@192.0.2.9>;expires=10,<sip:centre@192.0.2.1:5060>;expires=60\r\n", time.Minute},
		{"Contact: <sip:other@192.0.2.9>;expires=10\r\nExpires: 300\r\n", 5 * time.Minute},
		{"Expires: 99999999\r\n", time.Hour},
		{"", time.Hour},
	} {
		m, err := sip.ParseMessage([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x\r\n" + c.headers + "\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := granted(m.(*sip.Response), ours, time.Hour); got != c.want {
			t.Errorf("%q: %v", c.headers, got)
		}
	}
}
