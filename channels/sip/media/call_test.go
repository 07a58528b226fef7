package media

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
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
		done := s.playing1(t, prompt)
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
	done := s.recording1(t, time.Minute, time.Minute)
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
	done := s.playing1(t, SoundOf(8000, speech(8000, 60)))
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

// TestRecordingIsWhatWasSaid: what comes is kept sample by sample, in whatever order it comes; what is lost is silence of its length.
func TestRecordingIsWhatWasSaid(t *testing.T) {
	for _, c := range []struct {
		name   string
		format string
		codec  codec
		change func(packets [][]byte) [][]byte
		lost   func(i int) bool
	}{
		{"µ-law", "0 101", pcmu, nil, nil},
		{"A-law", "8 101", pcma, nil, nil},
		{"wide", "9 101", wide, nil, nil},
		{"out of order", "0 101", pcmu, func(p [][]byte) [][]byte {
			for i := 1; i+4 < len(p); i += 5 {
				p[i], p[i+2], p[i+3] = p[i+3], p[i], p[i+2]
			}
			return p
		}, nil},
		{"wide, out of order and twice", "9 101", wide, func(p [][]byte) (q [][]byte) {
			for i := 1; i+2 < len(p); i += 3 {
				p[i], p[i+1] = p[i+1], p[i]
			}
			for _, b := range p {
				q = append(q, b, bytes.Clone(b))
			}
			return q
		}, nil},
		{"every seventh lost, and forty in a row", "0 101", pcmu, nil, func(i int) bool { return i%7 == 6 || i >= 50 && i < 90 }},
		{"lost and out of order", "8 101", pcma, func(p [][]byte) [][]byte {
			for i := 1; i+1 < len(p); i += 2 {
				p[i], p[i+1] = p[i+1], p[i]
			}
			return p
		}, func(i int) bool { return i%10 == 5 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPhone(t)
			conf := config(t)
			conf.Wide = true
			s, _ := answered(t, conf, p.offer(c.format, events))
			rate := c.codec.rate()
			pcm := speech(rate, 3000)
			w, r := newWriter(c.codec), newReader(c.codec)
			var packets [][]byte
			var want []int16
			size := rate / 50
			for i := range len(pcm) / size {
				body := make([]byte, beatBytes)
				w.write(body, pcm[i*size:(i+1)*size])
				b := p.pack(uint8(c.codec.payload()), body)
				if c.lost != nil && c.lost(i) {
					want = append(want, make([]int16, size)...)
					continue
				}
				want = append(want, r.read(make([]int16, size), body)...)
				packets = append(packets, b)
			}
			if c.change != nil {
				packets = c.change(packets)
			}
			done := s.recording1(t, time.Minute, 5*time.Second)
			for i, b := range packets {
				s.receive(b, p.at())
				if i%2 == 0 {
					s.beats(1)
				}
			}
			s.receive(p.event(101, true, p.stamp, 11, false, 0), p.at())
			got := <-done
			if got.err != nil || got.key != '#' {
				t.Fatalf("key %q, %v", got.key, got.err)
			}
			theirRate, heard, err := readWAV(got.wav)
			if err != nil || theirRate != rate || len(heard) != len(want) {
				t.Fatalf("%d samples at %d, %v; want %d", len(heard), theirRate, err, len(want))
			}
			for i := range want {
				if heard[i] != want[i] {
					t.Fatalf("sample %d is %d, want %d", i, heard[i], want[i])
				}
			}
			if s.got() != "" {
				t.Error("the key that ended it is told twice")
			}
		})
	}
}

func (s *Session) recording1(t *testing.T, most, silence time.Duration) <-chan result {
	t.Helper()
	done := make(chan result, 1)
	go func() {
		wav, key, err := s.Record(context.Background(), most, silence)
		done <- result{wav: wav, key: key, err: err}
	}()
	waitFor(t, s, func() bool { return s.recording != nil && s.alarm != 0 })
	return done
}

// TestRecordingEnds: by silence, by its length, by a key, and when the call ends; nothing said is nothing kept.
func TestRecordingEnds(t *testing.T) {
	quiet := make([]int16, 160)
	for i := range quiet {
		quiet[i] = int16(i%7 - 3)
	}
	say := func(s *Session, p *phone, pcm []int16, silence int) {
		w := newWriter(pcmu)
		body := make([]byte, 160)
		for at := 0; at+160 <= len(pcm); at += 160 {
			w.write(body, pcm[at:at+160])
			s.receive(p.pack(0, body), p.at())
			s.beats(1)
		}
		w.write(body, quiet)
		for range silence {
			s.receive(p.pack(0, body), p.at())
			s.beats(1)
		}
	}
	for _, c := range []struct {
		name   string
		does   func(s *Session, p *phone)
		length time.Duration // of the recording
		key    byte
		err    bool
	}{
		{"by silence, which isn't kept", func(s *Session, p *phone) { say(s, p, speech(8000, 1000), 101) }, 1250 * time.Millisecond, 0, false},
		{"by its length", func(s *Session, p *phone) { say(s, p, speech(8000, 5200), 0) }, 5 * time.Second, 0, false},
		{"by a key", func(s *Session, p *phone) { say(s, p, speech(8000, 1000), 10); s.PressKey('#') }, 1200 * time.Millisecond, '#', false},
		{"nothing said", func(s *Session, p *phone) { say(s, p, nil, 100) }, 0, 0, false},
		{"nothing sent at all", func(s *Session, p *phone) { s.beats(100) }, 0, 0, false},
		{"a click", func(s *Session, p *phone) { say(s, p, nil, 20); say(s, p, speech(8000, 60), 110) }, 0, 0, false},
		{"the caller rings off", func(s *Session, p *phone) { say(s, p, speech(8000, 1000), 10); s.Close() }, 1200 * time.Millisecond, 0, true},
		{"no packets in a pause", func(s *Session, p *phone) {
			say(s, p, speech(8000, 500), 0)
			s.beats(50)
			p.stamp += 50 * beatBytes
			say(s, p, speech(8000, 500), 101)
		}, 2250 * time.Millisecond, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPhone(t)
			s, _ := answered(t, config(t), p.offer("0 101", events))
			done := s.recording1(t, 5*time.Second, 2*time.Second)
			c.does(s, p)
			r := <-done
			if r.key != c.key || (r.err != nil) != c.err {
				t.Errorf("key %q, %v", r.key, r.err)
			}
			if c.length == 0 {
				if r.wav != nil {
					t.Errorf("%d bytes of nothing", len(r.wav))
				}
				return
			}
			sound, err := ReadWAV(r.wav)
			if err != nil {
				t.Fatal(err)
			}
			if d := sound.Length() - c.length; d < -60*time.Millisecond || d > 60*time.Millisecond {
				t.Errorf("%v long, want %v", sound.Length(), c.length)
			}
		})
	}
}

// TestSoftVoicesOnNoisyLines: whoever speaks is heard to speak, and a line that only hums is quiet.
func TestSoftVoicesOnNoisyLines(t *testing.T) {
	for _, c := range []struct{ speech, noise float64 }{{-20, -70}, {-30, -60}, {-40, -60}, {-35, -48}, {-20, -35}} { // dBFS
		said := speech(8000, 12000)
		power := 0.0
		for _, x := range said {
			power += float64(x) * float64(x)
		}
		gain := 32768 * math.Pow(10, c.speech/20) / math.Sqrt(power/float64(len(said)))
		noise := 32768 * math.Pow(10, c.noise/20) * math.Sqrt(3)
		r := rand.New(rand.NewPCG(1, 2))
		var v voice
		pause, longest, after := 0, 0, 0
		for i := range 1400 { // 2 s of noise, 12 s of speech, 14 s of noise
			pcm := make([]int16, 160)
			for k := range pcm {
				x := (2*r.Float64() - 1) * noise
				if at := (i-100)*160 + k; i >= 100 && at < len(said) {
					x += gain * float64(said[at])
				}
				pcm[k] = fromA(toA(int16(x)))
			}
			heard := v.in(pcm)
			switch {
			case i >= 100 && i < 700 && heard:
				pause = 0
			case i >= 100 && i < 700:
				pause++
				longest = max(longest, pause)
			case i >= 710 && heard:
				after++
			}
		}
		if longest > 50 || after > 2 {
			t.Errorf("speech at %v on a line at %v dBFS: a pause of %d ms, and %d packets of noise are speech", c.speech, c.noise, 20*longest, after)
		}
	}
}

// TestKeyInTheSoundIsNotRecorded: the tones that end a recording aren't part of it.
func TestKeyInTheSoundIsNotRecorded(t *testing.T) {
	p := newPhone(t)
	s, _ := answered(t, config(t), p.offer("0"))
	done := s.recording1(t, time.Minute, time.Minute)
	pcm := append(speech(8000, 1000), make([]int16, 1600)...)
	pcm = append(pcm, toneOf('#', 8000, 100, 0, 4000)...)
	w, body := newWriter(pcmu), make([]byte, 160)
	for at := 0; at < len(pcm); at += 160 {
		w.write(body, pcm[at:at+160])
		s.receive(p.pack(0, body), p.at())
	}
	r := <-done
	_, heard, err := readWAV(r.wav)
	if err != nil || r.key != '#' {
		t.Fatalf("key %q, %v", r.key, err)
	}
	var again tones
	if n := len(heard); n < 8000 || n > 9600 || again.hear(heard[n-800:]) != 0 || slices.Max(heard[n-400:]) > 100 {
		t.Errorf("%d samples, the last as loud as %d", n, slices.Max(heard[n-400:]))
	}
}

// TestEncryptedSoundIsTheSame: by SRTP the phone hears the same bytes, we hear the same bytes, and what was recorded on the
// way can't be played to us again.
func TestEncryptedSoundIsTheSame(t *testing.T) {
	for _, suite := range suites() {
		t.Run(suite.name, func(t *testing.T) {
			p := newPhone(t)
			theirs := newKeyLine("1", suite)
			conf := config(t)
			conf.SRTP = Required
			s, answer := answered(t, conf, sdp(fmt.Sprintf("m=audio %d RTP/SAVP 0 101", p.at().Port()), events, "a=crypto:"+theirs.String()))
			_, text, _ := strings.Cut(answer, "a=crypto:")
			text, _, _ = strings.Cut(text, "\r")
			ours, ok := readKeyLine(text)
			if !ok || ours.key == theirs.key {
				t.Fatal(answer)
			}
			var err error
			if p.seals, err = newLock(theirs); err != nil {
				t.Fatal(err)
			}
			if p.opens, err = newLock(ours); err != nil {
				t.Fatal(err)
			}
			prompt := SoundOf(8000, speech(8000, 1000))
			want := make([]byte, 50*beatBytes)
			w := newWriter(pcmu)
			w.write(want, prompt.At8)

			s.sound.seq = 65500 // its numbers begin again within the prompt
			done := s.playing1(t, prompt)
			s.beats(50)
			<-done
			var got []byte
			for range 50 {
				got = append(got, p.next().body...)
			}
			if !bytes.Equal(got, want) {
				t.Error("the prompt arrives changed")
			}

			s.mu.Lock()
			d, _ := s.report(s.sound, s.paper[:0], true)
			s.mu.Unlock()
			if b, err := p.opens.openRTCP(nil, d.b); err != nil || !newStream(pair{}, nil).readReports(b, time.Now()) || bytes.Contains(d.b, []byte(s.name)) {
				t.Errorf("our report can't be opened: %v", err)
			}
			plain := newStream(pair{}, nil).writeReport(nil, "x", time.Now(), false)
			sealed, err := p.seals.sealRTCP(nil, plain)
			if err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			if s.sound.takeReport(bytes.Clone(plain), p.at(), time.Now()) || !s.sound.takeReport(bytes.Clone(sealed), p.at(), time.Now()) || s.sound.takeReport(sealed, p.at(), time.Now()) {
				t.Error("of three reports, plain, encrypted and the same again, it isn't the second one that is taken")
			}
			s.mu.Unlock()

			recorded := s.recording1(t, time.Minute, time.Minute)
			var sent [][]byte
			for i := range 50 {
				b := p.pack(0, want[i*beatBytes:(i+1)*beatBytes])
				if bytes.Contains(b, want[i*beatBytes:i*beatBytes+16]) {
					t.Fatal("it isn't encrypted")
				}
				sent = append(sent, bytes.Clone(b))
				s.receive(b, p.at())
				if i == 20 { // the call is put on hold and goes on: with the same keys, and the count of packets
					for _, line := range []string{"a=sendonly", "a=sendrecv"} {
						if _, err := s.Renew(sdp(fmt.Sprintf("m=audio %d RTP/SAVP 0 101", p.at().Port()), events, "a=crypto:"+theirs.String(), line)); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			s.beats(3)
			for range 3 {
				p.next() // can be opened
			}
			for _, b := range sent {
				s.receive(bytes.Clone(b), p.at())
			}
			changed := bytes.Clone(p.pack(0, want[:160]))
			changed[30] ^= 1
			s.receive(changed, p.at())
			p.seals = nil
			s.receive(p.pack(0, want[:160]), p.at()) // not encrypted
			s.receive(p.event(101, true, p.stamp, 5, false, 0), p.at())
			s.PressKey('1')
			r := <-recorded
			_, heard, err := readWAV(r.wav)
			if err != nil || len(heard) != 8000 || r.key != '1' {
				t.Fatalf("%d samples, key %q, %v", len(heard), r.key, err)
			}
			for i, x := range heard {
				if toMu(x) != want[i] && want[i] != 0x7f {
					t.Fatalf("sample %d came changed", i)
				}
			}
			if got := s.Close(); got.Refused != 53 || got.Received != 50 || !got.Encrypted {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestNewKeysAreTaken: a re-INVITE may bring another key.
func TestNewKeysAreTaken(t *testing.T) {
	p := newPhone(t)
	conf := config(t)
	conf.SRTP = Required
	offer := func(k keyLine) []byte {
		return sdp(fmt.Sprintf("m=audio %d RTP/SAVP 0 101", p.at().Port()), events, "a=crypto:"+k.String())
	}
	first, second := newKeyLine("1", suites()[0]), newKeyLine("1", suites()[0])
	s, before := answered(t, conf, offer(first))
	p.seals, _ = newLock(first)
	s.receive(p.pack(0, make([]byte, 160)), p.at())
	after, err := s.Renew(offer(second))
	if err != nil || string(after) != before {
		t.Errorf("our key is another now: %v", err)
	}
	s.receive(p.pack(0, make([]byte, 160)), p.at())
	if got := s.account(); got.Refused != 1 {
		t.Errorf("the old key opens still: %+v", got)
	}
	p.seals, _ = newLock(second)
	s.receive(p.pack(0, make([]byte, 160)), p.at())
	if got := s.Close(); got.Received != 2 || got.Refused != 1 {
		t.Errorf("%+v", got)
	}
}

// TestSoundOfAnyRate: what is made of other rates is as long and as loud.
func TestSoundOfAnyRate(t *testing.T) {
	for _, rate := range []int{8000, 11025, 16000, 22050, 24000, 44100, 48000} {
		pcm := speech(rate, 1000)
		s := SoundOf(rate, pcm)
		if len(s.At8) != 8000 || len(s.At16) != 16000 || s.Length() != time.Second {
			t.Errorf("%d: %d and %d samples, %v", rate, len(s.At8), len(s.At16), s.Length())
		}
		for _, q := range []struct {
			rate int
			pcm  []int16
		}{{8000, s.At8}, {16000, s.At16}} {
			if q.rate > rate {
				continue
			}
			back := resample(q.pcm, q.rate, rate)
			n := min(len(back), len(pcm))
			ratio, _ := noiseRatio(pcm[:n-2000], back[:n-2000], 0)
			if ratio < 25 && !(q.rate == 8000 && rate > 8000) { // the hiss above 4 kHz can't be there
				t.Errorf("%d by %d: %.1f dB", rate, q.rate, ratio)
			}
		}
		read, err := ReadWAV(writeWAV(rate, pcm))
		if err != nil || len(read.At8) != 8000 {
			t.Errorf("%d as WAV: %v", rate, err)
		}
	}
	for _, b := range [][]byte{nil, []byte("RIFF"), writeWAV(1, nil), []byte("RIFF0000WAVEfmt \xff\xff\xff\xff")} {
		if _, err := ReadWAV(b); err == nil {
			t.Errorf("%q is no WAV", b)
		}
	}
}

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
