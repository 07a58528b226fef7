package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// withSIP gives a place a line by SIP, with nobody at the other end, and says where it listens.
func withSIP(t *testing.T, p *place) string {
	t.Helper()
	at := freeUDP(t)
	p.env = append(p.env, "TOWNLINE_SIP_LISTEN=udp:"+at, "TOWNLINE_SIP_TRUNKS=main host=127.0.0.1:9 allow=127.0.0.1 from=+12025550100", "TOWNLINE_TOWN_TIMEZONE=UTC")
	return at
}

func freeUDP(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

// options asks a SIP line whether it is there.
func options(t *testing.T, at string) string {
	t.Helper()
	c, err := net.Dial("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	from := c.LocalAddr().String()
	end := time.Now().Add(10 * time.Second)
	for b := make([]byte, 4096); time.Now().Before(end); {
		fmt.Fprintf(c, "OPTIONS sip:town@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d\r\nFrom: <sip:x@%s>;tag=1\r\nTo: <sip:town@%s>\r\nCall-ID: c%d\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
			at, from, time.Now().UnixNano(), from, at, time.Now().UnixNano())
		if err := c.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(b); err == nil && !strings.HasPrefix(string(b[:n]), "SIP/2.0 503") { // it is just opening
			return string(b[:n])
		}
	}
	return ""
}

func TestServeHoldsALine(t *testing.T) {
	p := newPlace(t)
	at := withSIP(t, p)
	town := p.serve()
	if got := options(t, at); !strings.HasPrefix(got, "SIP/2.0 200") {
		t.Fatalf("the line says %q", got)
	}
	if status, _ := town.get(soundPath + "nothing.wav"); status != 404 {
		t.Errorf("a sound that nobody made: %d", status)
	}
	if err := town.stop(); err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenPacket("udp", at)
	if err != nil {
		t.Fatalf("the line is held after the end: %v", err)
	}
	c.Close()
}

func TestCallLeavesWordForTheServer(t *testing.T) {
	p := newPlace(t)
	p.run("", "call", "+12025550142").must(t, 1, "no telephone line")
	withSIP(t, p)
	p.run("", "call", "+12025550142").must(t, 1, "there is no store")
	town := p.serve()
	if err := town.stop(); err != nil {
		t.Fatal(err)
	}
	p.run("", "call", "reception").must(t, 2, "is not a telephone number")
	p.run("", "call", "+12025550142", "--line", "voice").must(t, 2, `there is no line "voice"; there is sip`)
	p.run("", "call", "+18765550142").must(t, 1, "voice.callback.countries")
	p.run("", "call", "(202) 555-0142").must(t, 0, "+12025550142 is rung")
	p.run("", "call", "+12025550142").must(t, 1, "is not rung: it is about to be")
}

// packets is the other side of a trunk, by hand.
type packets struct {
	net.PacketConn
	t *testing.T
}

// next returns the next packet that begins so.
func (p packets) next(begins string) (string, net.Addr) {
	p.t.Helper()
	if err := p.SetReadDeadline(time.Now().Add(40 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	for b := make([]byte, 8192); ; {
		n, from, err := p.ReadFrom(b)
		if err != nil {
			p.t.Fatalf("no %q: %v", begins, err)
		}
		if strings.HasPrefix(string(b[:n]), begins) {
			return string(b[:n]), from
		}
	}
}

// TestAMissedCallIsReturnedByTheServer has somebody call a line that turns calls away: it rings them back.
func TestAMissedCallIsReturnedByTheServer(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	trunk := packets{c, t}
	p := newPlace(t)
	at := freeUDP(t)
	p.env = append(p.env, "TOWNLINE_SIP_LISTEN=udp:"+at, "TOWNLINE_SIP_TRUNKS=main host="+c.LocalAddr().String()+" allow=127.0.0.1 from=+12025550100 callback=on",
		"TOWNLINE_VOICE_CALLBACK_ON=on", "TOWNLINE_LIMITS_QUIET=off") // it may be night
	town := p.serve()
	options(t, at)
	to, err := net.ResolveUDPAddr("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	own := c.LocalAddr().String()
	sdp := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
	invite := fmt.Sprintf("INVITE sip:+12025550100@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKmissed\r\nFrom: <sip:+12025550142@%s>;tag=1\r\nTo: <sip:+12025550100@%s>\r\nCall-ID: missed-1\r\nCSeq: 1 INVITE\r\nContact: <sip:%s>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
		at, own, own, at, own, len(sdp), sdp)
	if _, err := c.WriteTo([]byte(invite), to); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	refused, from := trunk.next("SIP/2.0 6")
	tag := refused[strings.Index(refused, "To: "):]
	tag = tag[:strings.Index(tag, "\r\n")]
	fmt.Fprintf(writer{c, from}, "ACK sip:+12025550100@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKmissed\r\nFrom: <sip:+12025550142@%s>;tag=1\r\n%s\r\nCall-ID: missed-1\r\nCSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n", at, own, own, tag)
	back, _ := trunk.next("INVITE sip:+12025550142@")
	if !strings.Contains(back, "+12025550100") {
		t.Errorf("it doesn't say who calls:\n%s", back)
	}
	if took := time.Since(begun); took > 40*time.Second {
		t.Errorf("rung after %v", took)
	}
	if _, figures := town.get("/metrics"); !strings.Contains(figures, `townline_callbacks_total{outcome="queued"} 1`) {
		t.Error("the figures don't count it")
	}
}

// writer writes to one address.
type writer struct {
	net.PacketConn
	to net.Addr
}

func (w writer) Write(b []byte) (int, error) { return w.WriteTo(b, w.to) }
