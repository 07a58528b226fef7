package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"
)

// phone is the other side of a call in these tests: a socket, and a description.
type phone struct {
	t      *testing.T
	conn   *net.UDPConn
	seq    uint16
	stamp  uint32
	source uint32
	seals  *lock
	opens  *lock
}

func newPhone(t *testing.T) *phone {
	t.Helper()
	return &phone{t: t, conn: socket(t, "127.0.0.1"), seq: 65530, stamp: 4294967000, source: 0x1234}
}

func socket(t *testing.T, at string) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(at), 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func (p *phone) at() netip.AddrPort { return p.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// offer describes it, with what else the m-line for sound says.
func (p *phone) offer(formats string, more ...string) []byte {
	return sdp(append([]string{fmt.Sprintf("m=audio %d RTP/AVP %s", p.at().Port(), formats)}, more...)...)
}

func sdp(lines ...string) []byte {
	return []byte("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" + strings.Join(lines, "\r\n") + "\r\n")
}

const events = "a=rtpmap:101 telephone-event/8000"

// next is the next packet of sound that comes.
func (p *phone) next() packet {
	p.t.Helper()
	b := make([]byte, 2000)
	for {
		p.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := p.conn.Read(b)
		if err != nil {
			p.t.Fatal(err)
		}
		if isRTCP(b[:n]) {
			continue
		}
		out := b[:n]
		if p.opens != nil {
			if out, err = p.opens.openRTP(nil, out); err != nil {
				p.t.Fatal(err)
			}
		}
		got, ok := readPacket(out)
		if !ok {
			p.t.Fatalf("not RTP: %x", out)
		}
		return got
	}
}

// pack is the next packet of the phone.
func (p *phone) pack(payload uint8, body []byte) []byte {
	b := make([]byte, headerSize, 2000)
	packet{payload: payload, seq: p.seq, stamp: p.stamp, source: p.source}.writeHeader(b)
	b = append(b, body...)
	p.seq++
	p.stamp += beatBytes
	if p.seals != nil {
		sealed, err := p.seals.sealRTP(nil, b)
		if err != nil {
			p.t.Fatal(err)
		}
		return sealed
	}
	return b
}

// event is one packet of a key.
func (p *phone) event(payload uint8, marker bool, stamp uint32, event byte, end bool, length int) []byte {
	b := make([]byte, headerSize, 2000)
	packet{marker: marker, payload: payload, seq: p.seq, stamp: stamp, source: p.source}.writeHeader(b)
	p.seq++
	flags := byte(10)
	if end {
		flags |= 0x80
	}
	return append(b, event, flags, byte(length>>8), byte(length))
}

// press is a whole key press as telephones send it.
func (p *phone) press(payload uint8, event byte, packets int) (out [][]byte) {
	stamp := p.stamp
	for i := range packets {
		out = append(out, p.event(payload, i == 0, stamp, event, false, (i+1)*beatBytes))
	}
	for range 3 {
		out = append(out, p.event(payload, false, stamp, event, true, (packets+1)*beatBytes))
	}
	p.stamp += uint32(packets+1) * beatBytes
	return out
}

func config(t *testing.T) Config {
	ports, err := NewPorts(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return Config{Bind: netip.MustParseAddr("127.0.0.1"), Ports: ports}
}

// answered is a call whose beats the test gives.
func answered(t *testing.T, c Config, offer []byte) (*Session, string) {
	t.Helper()
	s, answer, err := Answer(c, offer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, string(answer)
}

func (s *Session) beats(n int) {
	for range n {
		s.tick(1, 0)
	}
}

// waitFor waits until something of the session is so.
func waitFor(t *testing.T, s *Session, so func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		s.mu.Lock()
		is := so()
		s.mu.Unlock()
		if is {
			return
		}
		if time.Now().After(end) {
			t.Fatal("it never came to that")
		}
	}
}

type result struct {
	played time.Duration
	key    byte
	ok     bool
	wav    []byte
	err    error
}

func (s *Session) says(t *testing.T, sound Sound) <-chan result {
	t.Helper()
	done := make(chan result, 1)
	go func() {
		played, err := s.Play(context.Background(), sound)
		done <- result{played: played, err: err}
	}()
	waitFor(t, s, func() bool { return s.isPlaying })
	return done
}

// TestPromptArrivesByteForByte: what the phone gets is the prompt as G.711 or G.722 writes it, with silence around it, and
// without a gap in the packets' numbers or times.
func TestPromptArrivesByteForByte(t *testing.T) {
	for _, c := range []struct {
		format string
		codec  codec
	}{{"0", pcmu}, {"8", pcma}, {"9", wide}} {
		t.Run(c.codec.name(), func(t *testing.T) {
			p := newPhone(t)
			conf := config(t)
			conf.Wide = true
			s, _ := answered(t, conf, p.offer(c.format))
			rate := c.codec.rate()
			prompt := SoundOf(rate, speech(rate, 1990)) // not a whole number of packets
			s.beats(5)
			done := s.says(t, prompt)
			s.beats(100)
			if r := <-done; r.err != nil || r.played != 1990*time.Millisecond {
				t.Fatalf("played %v, %v", r.played, r.err)
			}
			s.beats(5)

			all := make([]int16, 5*rate/50, 110*rate/50)
			all = append(all, prompt.at(rate)...)
			want := make([]byte, 110*beatBytes)
			w := newWriter(c.codec)
			w.write(want, all[:cap(all)])

			first := p.next()
			got := bytes.Clone(first.body)
			for i := 1; i < 110; i++ {
				next := p.next()
				if next.seq != first.seq+uint16(i) || next.stamp != first.stamp+uint32(i*beatBytes) || next.source != first.source || next.marker {
					t.Fatalf("packet %d is out of order", i)
				}
				got = append(got, next.body...)
			}
			if !bytes.Equal(got, want) {
				t.Error("the prompt arrives changed")
			}
			if !first.marker || int(first.payload) != c.codec.payload() {
				t.Error("the first packet is no beginning")
			}
		})
	}
}

// TestKeySilencesAtOnce: no packet of the prompt leaves after a key has come, held or not, with or without a length.
func TestKeySilencesAtOnce(t *testing.T) {
	for _, payload := range []uint8{96, 101} {
		for _, length := range []int{0, 160} {
			p := newPhone(t)
			s, _ := answered(t, config(t), p.offer(fmt.Sprint("0 ", payload), fmt.Sprintf("a=rtpmap:%d telephone-event/8000", payload)))
			s.receive(p.pack(0, make([]byte, 160)), p.at())
			done := s.says(t, SoundOf(8000, speech(8000, 3000)))
			s.beats(10)
			s.receive(p.event(payload, true, p.stamp, 5, false, length), p.at())
			if r := <-done; r.err != nil || r.played != 200*time.Millisecond {
				t.Fatalf("played %v, %v", r.played, r.err)
			}
			s.beats(3)
			for i := range 13 {
				quiet := bytes.Count(p.next().body, []byte{0xff}) == 160
				if quiet != (i >= 10) {
					t.Fatalf("packet %d: quiet is %v", i, quiet)
				}
			}
			played, err := s.Play(context.Background(), SoundOf(8000, speech(8000, 100)))
			if played != 0 || err != nil {
				t.Errorf("with a key waiting, %v is said, %v", played, err)
			}
			key, ok, err := s.Key(context.Background(), 0)
			if key != '5' || !ok || err != nil {
				t.Errorf("the key is %q, %v, %v", key, ok, err)
			}
		}
	}
}

func TestCallsEndOnce(t *testing.T) {
	p := newPhone(t)
	s, _ := answered(t, config(t), p.offer("0 101", events))
	s.Start()
	done := make(chan error, 1)
	go func() {
		_, _, err := s.Key(context.Background(), time.Hour)
		done <- err
	}()
	p.next()
	first := s.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("who waits gets %v", err)
	}
	if first.Sent == 0 || first.Codec != "PCMU" || s.Close() != first {
		t.Errorf("%+v", first)
	}
	if _, err := s.Play(context.Background(), Sound{At8: make([]int16, 100)}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a closed call plays: %v", err)
	}
	s.Start()
}
