package sip

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// Who isn't a trunk is refused before anything is kept of them, and is never asked for a password where nobody has one.
func TestStrangers(t *testing.T) {
	o := open(t, func(c *Config) { c.Trunks[0].Allow = prefixes("192.0.2.0/24") })
	for i := range 3 {
		d := o.wire().dial()
		method := []string{"INVITE", "OPTIONS", "REGISTER"}[i]
		d.send(method, "")
		if res := d.status(403); res.CallID().Value() != d.id || res.GetHeader("WWW-Authenticate") != nil {
			t.Error(res)
		}
	}
	w := o.wire()
	w.dial().send("ACK", "")
	w.raw("rubbish that is long enough to be read\r\n\r\n")
	w.raw("INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP x\r\n\r\n")
	if m, ok := w.packet(50 * time.Millisecond); ok {
		t.Errorf("answered:\n%s", m)
	}
	o.town.none(t)
	if n := o.Calls(); n != 0 {
		t.Error(n)
	}
	for range 5 * oneBurst {
		w.dial().send("OPTIONS", "")
	}
	answered := 0
	for {
		if _, ok := w.packet(200 * time.Millisecond); !ok {
			break
		}
		answered++
	}
	if answered > 2*oneBurst { // a stretch may end in between
		t.Errorf("one stranger got %d answers", answered)
	}
}

// A flood of strangers gets few answers: the sender of a packet can be made up.
func TestAFloodOfStrangers(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	g := guard{now: func() time.Time { return now }}
	one, answered := netip.MustParseAddr("198.51.100.7"), 0
	for range 1000 {
		if g.may(one) {
			answered++
		}
	}
	if answered != oneBurst {
		t.Errorf("one address got %d answers", answered)
	}
	answered = 0
	for i := range 100_000 {
		if g.may(netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 1})) {
			answered++
		}
	}
	if answered > strangerBurst {
		t.Errorf("all got %d answers", answered)
	}
	now = now.Add(time.Minute)
	if !g.may(one) {
		t.Error("nobody is answered any more")
	}
	for range 2 * mostStrangers {
		g.come(one)
	}
	if g.total != mostOfOne {
		t.Errorf("one stranger has %d connections", g.total)
	}
	for i := range 2 * mostStrangers {
		g.come(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}))
	}
	if g.total != mostStrangers {
		t.Errorf("strangers have %d connections", g.total)
	}
	for i := range 2 * mostAdmitted {
		g.admit(netip.AddrPortFrom(one, uint16(i)))
	}
	if len(g.passed) > mostAdmitted {
		t.Errorf("%d addresses are kept", len(g.passed))
	}
	now = now.Add(admittedTime)
	if g.admitted(netip.AddrPortFrom(one, 1)) {
		t.Error("admitted for ever")
	}
}

// password makes a line whose trunk may come from anywhere, when it shows its password.
func password(c *Config) {
	c.Trunks = []Trunk{{Name: "roams", Theirs: Login{Username: "exchange", Password: "s3cret"}}}
}

// shows is the header that answers a challenge.
func shows(t *testing.T, res *sip.Response, algorithm, user, pass, method, uri string, count int) string {
	t.Helper()
	for _, h := range res.GetHeaders("WWW-Authenticate") {
		c, err := digest.ParseChallenge(h.Value())
		if err != nil {
			t.Fatal(err)
		}
		if c.Algorithm != algorithm {
			continue
		}
		shown, err := digest.Digest(c, digest.Options{Method: method, URI: uri, Username: user, Password: pass, Count: count, Cnonce: "c"})
		if err != nil {
			t.Fatal(err)
		}
		return "Authorization: " + shown.String()
	}
	t.Fatalf("%s is not offered", algorithm)
	return ""
}

func TestAPasswordFromAnywhere(t *testing.T) {
	for _, algorithm := range []string{"MD5", "SHA-256"} {
		t.Run(algorithm, func(t *testing.T) {
			o := open(t, password)
			d := o.wire().dial()
			d.send("OPTIONS", "")
			res := d.status(401)
			d.send("OPTIONS", "", shows(t, res, algorithm, "exchange", "wrong", "OPTIONS", d.target, 1))
			d.status(401)
			d.send("OPTIONS", "", shows(t, res, algorithm, "nobody", "s3cret", "OPTIONS", d.target, 1))
			again := d.status(401)
			if again.String() == res.String() || len(again.GetHeaders("WWW-Authenticate")) != 2 {
				t.Error(again)
			}
			d.send("OPTIONS", "", shows(t, res, algorithm, "exchange", "s3cret", "OPTIONS", d.target, 1))
			d.status(200)
		})
	}
}

// Who wants to be strict never takes MD5, nor offers it.
func TestAStrictPassword(t *testing.T) {
	o := open(t, func(c *Config) { password(c); c.Trunks[0].Theirs.Strict = true })
	d := o.wire().dial()
	d.send("OPTIONS", "")
	res := d.status(401)
	if len(res.GetHeaders("WWW-Authenticate")) != 1 {
		t.Error(res)
	}
	c, err := digest.ParseChallenge(res.GetHeader("WWW-Authenticate").Value())
	if err != nil {
		t.Fatal(err)
	}
	c.Algorithm = "MD5"
	shown, err := digest.Digest(c, digest.Options{Method: "OPTIONS", URI: d.target, Username: "exchange", Password: "s3cret", Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	d.send("OPTIONS", "", "Authorization: "+shown.String())
	d.status(401)
	d.send("OPTIONS", "", shows(t, res, "SHA-256", "exchange", "s3cret", "OPTIONS", d.target, 1))
	d.status(200)
}

// A password that was overheard on its way is of no use to another, nor twice, nor later.
func TestAPasswordIsShownOnce(t *testing.T) {
	var later atomic.Int64
	o := open(t, func(c *Config) {
		password(c)
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	d := o.wire().dial()
	d.send("INVITE", "v=0\r\n")
	res := d.status(401)
	d.send("ACK", "")
	header := shows(t, res, "SHA-256", "exchange", "s3cret", "INVITE", d.target, 1)
	req := func(from, header string) *sip.Request {
		m, err := sip.ParseMessage([]byte("INVITE sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP y;branch=z9hG4bK1\r\n" + header + "\r\n\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		m.SetSource(from)
		return m.(*sip.Request)
	}
	here := d.conn.LocalAddr().String()
	if x, _ := o.shown(req(here, header), true); x == nil {
		t.Fatal("the right password is wrong")
	}
	if x, stale := o.shown(req(here, header), true); x != nil || !stale {
		t.Error("shown twice")
	}
	if x, stale := o.shown(req("198.51.100.7:5060", header), true); x != nil || stale {
		t.Error("shown by another")
	}
	second := shows(t, res, "SHA-256", "exchange", "s3cret", "INVITE", d.target, 2)
	if x, _ := o.shown(req(here, second), true); x == nil {
		t.Error("a nonce counts up")
	}
	later.Store(int64(nonceTime))
	third := shows(t, res, "SHA-256", "exchange", "s3cret", "INVITE", d.target, 3)
	if x, stale := o.shown(req(here, third), true); x != nil || !stale {
		t.Error("shown too late")
	}
}

// When more nonces were used than can be remembered, those that were forgotten can't be used again.
func TestForgottenNonces(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := challenges{now: func() time.Time { return now }}
	first := c.nonce("here", now)
	if ours, fresh := c.good(first, "here"); !ours || !fresh || !c.count(first, 1) {
		t.Fatal("a nonce of ours isn't good")
	}
	for i := range mostNonces {
		now = now.Add(time.Millisecond)
		c.count(c.nonce("there", now), i+1)
	}
	if ours, fresh := c.good(first, "here"); !ours || fresh {
		t.Error("a nonce that was used is good again")
	}
	now = now.Add(time.Millisecond)
	if _, fresh := c.good(c.nonce("here", now), "here"); !fresh {
		t.Error("nobody can show a password any more")
	}
}

// Strangers get a few connections and a short time; trunks get theirs.
func TestStrangersByTCP(t *testing.T) {
	t.Parallel()
	at := ""
	o := open(t, func(c *Config) {
		c.Listen = append(c.Listen, "tcp:127.0.0.1:0")
		c.Trunks[0].Allow = prefixes("192.0.2.0/24")
	}, func(s *SIP) {
		start := time.Now()
		s.guard.now = func() time.Time { return start.Add(-strangerTime + 500*time.Millisecond) }
	})
	for _, x := range o.sockets {
		if x.transport == "TCP" {
			at = x.addr.String()
		}
	}
	var all []net.Conn
	for range mostOfOne + 2 {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all = append(all, c)
	}
	fmt.Fprintf(all[0], "OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/TCP y;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
	b := make([]byte, 2000)
	all[0].SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := all[0].Read(b); err != nil || !strings.HasPrefix(string(b[:n]), "SIP/2.0 403 ") {
		t.Error(err, string(b[:n]))
	}
	for i, c := range all {
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		began := time.Now()
		if _, err := c.Read(b); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("connection %d stays: %v after %v", i, err, time.Since(began))
		}
	}
	eventually(t, func() bool {
		o.guard.mu.Lock()
		defer o.guard.mu.Unlock()
		return o.guard.total == 0 && len(o.guard.inside) == 0
	})
}
