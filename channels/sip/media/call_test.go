package media

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestAddressesOfBothVersions: a line is bound to one version of IP, or to both.
func TestAddressesOfBothVersions(t *testing.T) {
	for _, c := range []struct{ bind, phone string }{{"::1", "::1"}, {"::", "127.0.0.1"}, {"::", "::1"}, {"0.0.0.0", "127.0.0.1"}} {
		t.Run(c.bind+" and "+c.phone, func(t *testing.T) {
			conn, err := net.ListenPacket("udp", net.JoinHostPort(c.phone, "0"))
			if err != nil {
				t.Skip("this machine has no such address")
			}
			defer conn.Close()
			p := newPhone(t)
			p.conn = conn.(*net.UDPConn)
			conf := config(t)
			conf.Bind, conf.Advertise = netip.MustParseAddr(c.bind), p.at().Addr()
			family := "IP4"
			if p.at().Addr().Is6() {
				family = "IP6"
			}
			offer := strings.Replace(string(p.offer("0 101", events)), "IP4 127.0.0.1\r\nt=", family+" "+c.phone+"\r\nt=", 1)
			s, answer := answered(t, conf, []byte(offer))
			if !strings.Contains(answer, "c=IN "+family+" "+c.phone) {
				t.Fatal(answer)
			}
			s.Start()
			p.next()
			to := netip.AddrPortFrom(p.at().Addr(), uint16(s.sound.ports.port))
			if _, err := p.conn.WriteToUDPAddrPort(p.event(101, true, 1, 7, false, 160), to); err != nil {
				t.Fatal(err)
			}
			if key, ok, err := s.Key(context.Background(), 10*time.Second); key != '7' || !ok || err != nil {
				t.Errorf("%q, %v, %v", key, ok, err)
			}
		})
	}
}

// TestHoldStopsAPrompt: on hold nothing is sent and nothing is missed; afterwards the prompt goes on where it was.
func TestHoldStopsAPrompt(t *testing.T) {
	for _, held := range []string{"a=sendonly", "a=inactive", "c=IN IP4 0.0.0.0"} {
		p := newPhone(t)
		s, _ := answered(t, config(t), p.offer("0 101", events))
		prompt := SoundOf(8000, speech(8000, 400))
		done := s.says(t, prompt)
		s.beats(7)
		if _, err := s.Renew(p.offer("0 101", events, held)); err != nil || !s.Held() {
			t.Fatal(held, err)
		}
		s.beats(100)
		s.receive(p.press(101, 5, 5)[0], p.at()) // a key on hold is none for us
		if _, err := s.Renew(p.offer("0 101", events)); err != nil || s.Held() {
			t.Fatal(err)
		}
		s.beats(13)
		if r := <-done; r.err != nil || r.played != 400*time.Millisecond {
			t.Fatalf("%s: %+v", held, r)
		}
		want := make([]byte, 20*beatBytes)
		w := newWriter(pcmu)
		w.write(want, prompt.At8)
		first := p.next()
		got := bytes.Clone(first.body)
		for i := 1; i < 20; i++ {
			next := p.next()
			stamp := first.stamp + uint32(i)*beatBytes
			if i >= 7 {
				stamp += 100 * beatBytes // time goes on
			}
			if next.seq != first.seq+uint16(i) || next.stamp != stamp || next.marker != (i == 7) {
				t.Fatalf("packet %d: %+v", i, next)
			}
			got = append(got, next.body...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s changes the prompt", held)
		}
	}
}

// TestAMovedPhoneIsFollowed: a re-INVITE with another address is sent to from its next packet on.
func TestAMovedPhoneIsFollowed(t *testing.T) {
	p, moved := newPhone(t), newPhone(t)
	s, _ := answered(t, config(t), p.offer("0 101", events))
	s.receive(p.pack(0, make([]byte, 160)), p.at())
	s.beats(1)
	p.next()
	if _, err := s.Renew(moved.offer("0 101", events)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.receive(moved.pack(0, make([]byte, 160)), moved.at())
	}
	s.beats(1)
	moved.next()
}

// TestAnotherStreamGoesOn: a device that begins anew, with other numbers and another clock, is heard on, and its keys count.
func TestAnotherStreamGoesOn(t *testing.T) {
	p := newPhone(t)
	s, _ := answered(t, config(t), p.offer("0 101", events))
	body := make([]byte, 160)
	w := newWriter(pcmu)
	pcm := speech(8000, 200)
	w.write(body, pcm[:160])
	p.stamp = 100000
	s.receive(p.pack(0, body), p.at())
	s.receive(p.press(101, 5, 1)[0], p.at())
	if got := s.got(); got != "5" {
		t.Fatalf("keys %q", got)
	}
	done := s.records(t, time.Minute, time.Minute)
	for range 10 {
		w.write(body, pcm[:160])
		s.receive(p.pack(0, body), p.at())
	}
	p.source, p.seq, p.stamp = 555, p.seq-20, p.stamp+30000
	for range 10 {
		s.receive(p.pack(0, body), p.at())
	}
	p.stamp = 99000
	s.receive(p.press(101, 5, 1)[0], p.at())
	r := <-done
	_, heard, err := readWAV(r.wav)
	if err != nil || r.key != '5' || len(heard) != 18*160 { // two of the new stream's packets weren't sure yet
		t.Errorf("key %q, %d samples, %v", r.key, len(heard), err)
	}
}

// TestStandstillIsSkipped: after the machine stood still, one packet leaves, not many; its time says what was skipped, and
// nothing of the prompt is missing.
func TestStandstillIsSkipped(t *testing.T) {
	p := newPhone(t)
	s, _ := answered(t, config(t), p.offer("0"))
	done := s.says(t, SoundOf(8000, speech(8000, 60)))
	s.beats(1)
	s.tick(18, 7*time.Millisecond)
	s.beats(1)
	if r := <-done; r.played != 60*time.Millisecond {
		t.Errorf("played %v", r.played)
	}
	a, b, c := p.next(), p.next(), p.next()
	if b.stamp-a.stamp != 18*beatBytes || c.stamp-b.stamp != beatBytes || b.seq != a.seq+1 || c.seq != b.seq+1 {
		t.Errorf("%d %d, %d %d, %d %d", a.seq, a.stamp, b.seq, b.stamp, c.seq, c.stamp)
	}
	if got := s.Close().Late; got != 347*time.Millisecond {
		t.Errorf("late by %v", got)
	}
}

// TestGone: a minute without a packet is the end, but not on hold, and not while RTCP comes.
func TestGone(t *testing.T) {
	p := newPhone(t)
	s, _ := answered(t, config(t), p.offer("0"))
	gone := func() bool {
		select {
		case <-s.Gone():
			return true
		default:
			return false
		}
	}
	s.receive(p.pack(0, make([]byte, 160)), p.at())
	s.beats(2990)
	report := newStream(pair{}, nil).writeReport(nil, "x", time.Now(), false)
	s.receiveReport(report, netip.AddrPortFrom(p.at().Addr(), 999))
	s.beats(2990)
	if _, err := s.Renew(p.offer("0", "a=inactive")); err != nil {
		t.Fatal(err)
	}
	s.beats(9000)
	if _, err := s.Renew(p.offer("0")); err != nil {
		t.Fatal(err)
	}
	s.beats(2999)
	s.receiveReport(report, at("192.0.2.99:1")) // of somebody else
	if gone() {
		t.Fatal("it was given up too early")
	}
	s.beats(1)
	if !gone() {
		t.Fatal("it isn't given up")
	}
	s.beats(5000)
}
