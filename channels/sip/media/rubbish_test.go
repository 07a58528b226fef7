package media

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

func FuzzRTP(f *testing.F) {
	p := packet{marker: true, payload: 101, seq: 65535, stamp: 1, source: 7}
	b := make([]byte, headerSize)
	p.writeHeader(b)
	f.Add(append(b, 5, 0x8a, 0, 160))
	f.Add(append([]byte{0xb1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 9, 0xbe, 0xde, 0, 1, 1, 2, 3, 4}, 0xff, 0xff, 0xff, 3))
	f.Add([]byte{0x81, 200, 0, 12, 0, 0, 0, 7})
	f.Add(newStream(pair{}, nil).writeReport(nil, "name", time.Now(), true))
	s, end := listener(f)
	defer end()
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, ok := readPacket(b); ok && len(q.body)+headerSize > len(b) {
			t.Fatalf("%x has a body of %d", b, len(q.body))
		}
		s.receive(bytes.Clone(b), at("127.0.0.1:4000"))
		s.receiveReport(bytes.Clone(b), at("127.0.0.1:4001"))
		s.beats(1)
		s.recording.pcm = s.recording.pcm[:0]
		s.keyboard.waiting = s.keyboard.waiting[:0]
	})
}

// listener is a call that hears everything, in-band keys as well, and records it.
func listener(t testing.TB) (*Session, func()) {
	ports, err := NewPorts(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := Answer(Config{Bind: netip.MustParseAddr("127.0.0.1"), Ports: ports, Wide: true}, sdp("m=audio 4000 RTP/AVP 9 101", events))
	if err != nil {
		t.Fatal(err)
	}
	s.terms.keys.takes = 101
	s.recording = newRecording(16000, time.Hour, time.Hour, 0)
	s.sound.path.to = netip.AddrPort{}
	return s, func() { s.Close() }
}

// TestRubbish sends 20,000 packets that are nearly right to a call, and as many descriptions: nothing breaks, and the call goes on.
func TestRubbish(t *testing.T) {
	s, end := listener(t)
	defer end()
	p := newPhone(t)
	from := at("127.0.0.1:4000")
	r := rand.New(rand.NewPCG(1, 2))
	mutate := func(b []byte) []byte {
		b = bytes.Clone(b)
		for range 1 + r.IntN(4) {
			if len(b) == 0 {
				break
			}
			switch i := r.IntN(len(b)); r.IntN(5) {
			case 0:
				b = b[:i]
			case 1:
				b = append(b[:i], append([]byte{byte(r.Uint32())}, b[i:]...)...)
			case 2:
				b = append(b[:i], b[min(len(b), i+1+r.IntN(8)):]...)
			default:
				b[i] ^= 1 << r.IntN(8)
			}
		}
		return b
	}
	report := newStream(pair{}, nil).writeReport(nil, "name", time.Now(), true)
	for i := range 20000 {
		var b []byte
		switch i % 3 {
		case 0:
			b = p.pack(9, make([]byte, 160))
		case 1:
			b = p.event(101, i%2 == 0, p.stamp, byte(i%16), i%5 == 0, i%2000)
		default:
			b = report
		}
		s.receive(mutate(b), from)
		if i%50 == 0 {
			s.recording.pcm = s.recording.pcm[:0]
			s.got()
		}
	}
	s.receive(p.pack(9, make([]byte, 160)), from)
	s.got()
	s.PressKey('5')
	if s.got() != "5" {
		t.Error("the call doesn't go on")
	}
	offers := [][]byte{
		sdp("m=audio 4000 RTP/AVP 9 8 0 101", events, "a=rtcp-mux", "m=text 4002 RTP/AVP 100 98", "a=rtpmap:98 t140/1000", "a=rtpmap:100 red/1000", "a=fmtp:100 98/98/98"),
		sdp("m=video 4000 RTP/AVP 99", "m=audio 4000/2 RTP/SAVPF 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+keyText+"|2^31", "a=rtcp:4001 IN IP4 10.0.0.1", "a=mid:x"),
	}
	c := Config{Bind: netip.MustParseAddr("127.0.0.1"), Wide: true, Text: true, SRTP: Offered}
	for i := range 20000 {
		checkSDP(t, c, mutate(offers[i%2]))
	}
}
