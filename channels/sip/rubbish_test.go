package sip

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// good are packets as they should be: what the spoiled ones are made of.
func good(w *wire, d *dial) []string {
	at := w.conn.LocalAddr().String()
	head := func(method, to, id string) string {
		return method + " sip:+12025550100@town SIP/2.0\r\nVia: SIP/2.0/UDP " + at + ";branch=z9hG4bKBRANCH;rport\r\nFrom: \"Ann\" <sip:+12025550123@wire;user=phone>;tag=t1\r\nTo: " + to +
			"\r\nCall-ID: " + id + "\r\nCSeq: 7 " + method + "\r\nMax-Forwards: 70\r\nContact: <sip:ann@" + at + ";transport=udp>;+sip.instance=\"x\"\r\n"
	}
	withBody := func(kind, body string) string {
		return fmt.Sprintf("Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s", kind, len(body), body)
	}
	return []string{
		head("INVITE", "<sip:town@town>", "new") + "P-Asserted-Identity: \"A\" <tel:+12025550177>, <sip:x@y>\r\nPrivacy: none\r\nSession-Expires: 1800;refresher=uac\r\nMin-SE: 90\r\nSupported: timer, 100rel\r\nRecord-Route: <sip:192.0.2.1;lr>, <sip:192.0.2.2;lr>\r\nAllow: INVITE, UPDATE\r\n" + withBody("application/sdp", w.sdp()),
		head("INVITE", d.to, d.id) + withBody("application/sdp", w.sdp()+"a=sendonly\r\n"),
		head("ACK", d.to, d.id) + "Content-Length: 0\r\n\r\n",
		head("CANCEL", "<sip:town@town>", "new") + "Content-Length: 0\r\n\r\n",
		head("OPTIONS", "<sip:town@town>", "o") + "Accept: application/sdp\r\nContent-Length: 0\r\n\r\n",
		head("INFO", d.to, d.id) + withBody("application/dtmf-relay", "Signal=1\r\nDuration=160\r\n"),
		head("UPDATE", d.to, d.id) + "Session-Expires: 90\r\n" + withBody("application/sdp", w.sdp()),
		head("NOTIFY", d.to, d.id) + "Event: refer\r\nSubscription-State: terminated\r\n" + withBody("message/sipfrag", "SIP/2.0 200 OK\r\n"),
		head("REFER", d.to, d.id) + "Refer-To: <sip:+19005550100@x>\r\nContent-Length: 0\r\n\r\n",
		head("REGISTER", "<sip:town@town>", "r") + "Authorization: Digest username=\"a\", realm=\"townline\", nonce=\"bm9uY2U\", uri=\"sip:x\", response=\"00\", qop=auth, nc=00000001, cnonce=\"c\"\r\nContent-Length: 0\r\n\r\n",
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP " + at + ";branch=z9hG4bKBRANCH\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: new\r\nCSeq: 7 INVITE\r\nContact: <sip:x@y>\r\nContent-Length: 0\r\n\r\n",
	}
}

// spoil changes a packet here and there.
func spoil(r *rand.Rand, all []string) []byte {
	b := []byte(strings.ReplaceAll(all[r.IntN(len(all))], "BRANCH", fmt.Sprint(r.Uint32())))
	for range 1 + r.IntN(4) {
		if len(b) == 0 {
			break
		}
		at := r.IntN(len(b))
		switch r.IntN(8) {
		case 0:
			b[at] = byte(r.Uint32())
		case 1:
			b = b[:at]
		case 2:
			b = append(b[:at:at], append([]byte(strings.Repeat(string(b[at]), 1+r.IntN(2000))), b[at:]...)...)
		case 3: // a line away
			lines := bytes.Split(b, []byte("\r\n"))
			i := r.IntN(len(lines))
			b = bytes.Join(append(lines[:i:i], lines[i+1:]...), []byte("\r\n"))
		case 4: // a line twice
			lines := bytes.Split(b, []byte("\r\n"))
			i := r.IntN(len(lines))
			b = bytes.Join(append(lines[:i:i], append([][]byte{lines[i]}, lines[i:]...)...), []byte("\r\n"))
		case 5: // a piece of another
			other := all[r.IntN(len(all))]
			from := r.IntN(len(other))
			b = append(b[:at:at], other[from:from+r.IntN(len(other)-from)]...)
		case 6: // another number
			for i := at; i < len(b); i++ {
				if b[i] >= '0' && b[i] <= '9' {
					b = append(b[:i:i], append([]byte([]string{"0", "-1", "99999999999999999999", "4294967296", "65536"}[r.IntN(5)]), b[i+1:]...)...)
					break
				}
			}
		case 7:
			b = bytes.Replace(b, []byte([]string{";", ":", "<", ">", "\"", " ", "\r\n", "@", "="}[r.IntN(9)]), []byte{byte(r.Uint32())}, 1+r.IntN(3))
		}
	}
	return b[:min(len(b), 60000)]
}

// Twenty thousand spoiled packets from a trunk: the line stays up, holds its calls, and keeps nothing of them.
func TestRubbish(t *testing.T) {
	const packets = 20_000
	o := open(t, func(c *Config) { c.MostHalfOpen, c.MostCalls = 50, 100 })
	healthy := o.wire().dial()
	healthy.up()
	o.town.next(t)
	go func() {
		for range o.town.signal { // whatever the town hears from rubbish
		}
	}()
	w := o.wire()
	d := w.dial()
	d.up()
	all, r := good(w, d), rand.New(rand.NewPCG(1, 2))
	probe := o.wire()
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range packets {
		if b := spoil(r, all); len(b) > 0 {
			w.conn.Write(b)
		}
		if i%100 == 99 {
			p := probe.dial()
			p.send("OPTIONS", "")
			p.status(200)
		}
	}
	d.send("BYE", "")
	eventually(t, func() bool { // what had begun by mistake is over once no ACK came
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.half) == 0
	})
	o.mu.Lock()
	for key, l := range o.legs {
		if l.callID != healthy.id {
			delete(o.legs, key) // confirmed by an ACK that was right by chance
		}
	}
	o.mu.Unlock()
	if n := o.Calls(); n != 1 {
		t.Errorf("%d calls are left", n)
	}
	healthy.send("BYE", "")
	healthy.status(200)
	runtime.GC()
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 100<<20 {
		t.Errorf("%d MB are kept", grown>>20)
	}
	for _, told := range []string{"2025550123", "2025550100", "2025550177"} {
		if strings.Contains(o.log.String(), told) {
			t.Error("the log tells a number")
		}
	}
}

// FuzzPacket is everything that reads a packet, without a line that is open.
func FuzzPacket(f *testing.F) {
	for _, p := range []string{
		"INVITE sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP y;branch=z9hG4bK1;rport\r\nFrom: \"A\" <sip:+12025550123@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContact: <sip:a@192.0.2.1:5060>\r\n" +
			"P-Asserted-Identity: <tel:+12025550177>\r\nPrivacy: id;critical\r\nSession-Expires: 1800;refresher=uas\r\nRecord-Route: <sip:p;lr>, <sip:q;lr>\r\nRequire: timer\r\nAllow: INVITE,BYE\r\n\r\nv=0\r\n",
		"INFO sip:x@y SIP/2.0\r\nVia: SIP/2.0/TCP y\r\nFrom: <tel:+1>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 2 INFO\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=11\r\nDuration=100\r\n",
		"REGISTER sip:y SIP/2.0\r\nVia: SIP/2.0/UDP y\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 2 REGISTER\r\nAuthorization: Digest username=\"exchange\", realm=\"townline\", nonce=\"AAAA\", uri=\"sip:y\", qop=auth, nc=00000001, cnonce=\"c\", response=\"0\"\r\n\r\n",
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP y\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 2 INVITE\r\nContact: <sip:x@y>;expires=60\r\nExpires: 60\r\nSession-Expires: 90;refresher=uac\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"n\", qop=\"auth\", algorithm=MD5\r\n\r\n",
		"NOTIFY sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP y\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 2 NOTIFY\r\nEvent: refer\r\n\r\nSIP/2.0 200 OK\r\n",
	} {
		f.Add([]byte(p))
	}
	s, err := New(Config{Voice: beep, Phrases: phrases, Country: "US", Trunks: []Trunk{{Name: "roams", Theirs: Login{Username: "exchange", Password: "s3cret"}}}})
	if err != nil {
		f.Fatal(err)
	}
	start := time.Now()
	s.guard.now = func() time.Time { start = start.Add(time.Second); return start } // everybody is answered
	at := netip.MustParseAddrPort("198.51.100.7:5060")
	f.Fuzz(func(t *testing.T, packet []byte) {
		if answer := s.turnedAway(packet, at); len(answer) > 0 {
			if m, err := sip.ParseMessage(answer); err != nil {
				t.Fatalf("%v in our answer\n%s", err, answer)
			} else if res, ok := m.(*sip.Response); !ok || res.StatusCode != 401 {
				t.Fatalf("a stranger is answered\n%s", answer)
			}
		}
		m, err := sip.ParseMessage(packet)
		if err != nil {
			return
		}
		fragment(m.Body())
		if key, ok := infoKey(m.Body()); ok && !strings.ContainsRune("0123456789*#ABCD", rune(key)) {
			t.Fatalf("%q is no key", key)
		}
		methods(m)
		listed(m, "Require", "Supported")
		s.sessionAsked(m)
		switch m := m.(type) {
		case *sip.Request:
			m.SetSource(at.String())
			m.SetTransport("UDP")
			if m.From() == nil || m.To() == nil || m.CallID() == nil || m.CSeq() == nil || m.Via() == nil {
				return
			}
			if number, ok := caller(m, "US"); ok && (number[0] != '+' || len(number) > 16) {
				t.Fatalf("%q is no number", number)
			}
			if x, _ := s.shown(m, true); x != nil {
				t.Fatal("a password was guessed")
			}
			if l, err := s.newLeg(m, s.trunks[0]); err == nil {
				_ = l.tagged(m, 200, "OK", []byte("v=0\r\n")).String()
				_ = l.request(sip.BYE, nil, "").String()
			}
		case *sip.Response:
			granted(m, &sip.ContactHeader{Address: sip.Uri{Host: "y"}}, time.Hour)
			var k keyring
			k.take(m, &[2]bool{})
			req := sip.NewRequest(sip.REGISTER, sip.Uri{Scheme: "sip", Host: "y"})
			k.show(req, Login{Username: "a", Password: "b"})
		}
	})
}
