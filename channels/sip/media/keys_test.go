package media

import (
	"context"
	"encoding/binary"
	"math"
	"os/exec"
	"testing"
	"time"
)

// got are the keys that wait.
func (s *Session) got() (keys string) {
	for {
		k, ok, err := s.Key(context.Background(), 0)
		if !ok || err != nil {
			return keys
		}
		keys += string(k)
	}
}

// TestPressCountsOnce: however a press is told, it is one key.
func TestPressCountsOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		tell func(s *Session, p *phone, send func(...[]byte))
		want string
	}{
		{"one press, with its end three times", func(s *Session, p *phone, send func(...[]byte)) { send(p.press(101, 5, 5)...) }, "5"},
		{"the same key twice", func(s *Session, p *phone, send func(...[]byte)) {
			send(p.press(101, 5, 5)...)
			send(p.press(101, 5, 5)...)
		}, "55"},
		{"its first packet three times, and an end much later", func(s *Session, p *phone, send func(...[]byte)) {
			packets := p.press(101, 8, 3)
			send(packets[0], packets[0], packets[0])
			send(packets[1:4]...)
			s.beats(30)
			send(packets[4:]...)
		}, "8"},
		{"all keys", func(s *Session, p *phone, send func(...[]byte)) {
			for i := range 16 {
				send(p.press(101, byte(i), 2)...)
			}
		}, keyNames},
		{"the first packets lost", func(s *Session, p *phone, send func(...[]byte)) { send(p.press(101, 7, 5)[3:]...) }, "7"},
		{"the ends lost, then the same key with its first packet lost", func(s *Session, p *phone, send func(...[]byte)) {
			send(p.press(101, 7, 8)[:8]...)
			s.beats(10)
			send(p.press(101, 7, 5)[1:]...)
		}, "77"},
		{"only the last end comes, late", func(s *Session, p *phone, send func(...[]byte)) {
			first := p.press(101, 1, 5)
			send(first[:6]...)
			send(p.press(101, 2, 5)...)
			send(first[7])
		}, "12"},
		{"all of a press comes once more, long after another", func(s *Session, p *phone, send func(...[]byte)) {
			first := p.press(101, 1, 5)
			send(first...)
			s.beats(100)
			send(p.press(101, 2, 5)...)
			s.beats(100)
			send(first...)
		}, "12"},
		{"held for ten seconds, in two events", func(s *Session, p *phone, send func(...[]byte)) {
			stamp := p.stamp
			for i := 1; i <= 400; i++ {
				send(p.event(101, i == 1, stamp, 3, false, i*160))
				s.beats(1)
			}
			send(p.event(101, false, stamp, 3, false, 65535))
			for i := 1; i <= 90; i++ {
				send(p.event(101, false, stamp+65535, 3, false, i*160))
				s.beats(1)
			}
			for range 3 {
				send(p.event(101, false, stamp+65535, 3, true, 91*160))
			}
		}, "3"},
		{"a device whose clock goes on within a press", func(s *Session, p *phone, send func(...[]byte)) {
			for i := range 8 {
				send(p.event(101, i == 0, p.stamp+uint32(i)*160, 4, i > 5, (i+1)*160))
				s.beats(1)
			}
		}, "4"},
		{"by INFO alone", func(s *Session, p *phone, send func(...[]byte)) { s.PressKey('#'); s.PressKey('x'); s.PressKey('*') }, "#*"},
		{"the same key twice by INFO", func(s *Session, p *phone, send func(...[]byte)) { s.PressKey('1'); s.PressKey('1') }, "11"},
		{"by RTP and by INFO", func(s *Session, p *phone, send func(...[]byte)) {
			send(p.press(101, 1, 5)...)
			s.PressKey('1')
			s.PressKey('2')
			send(p.press(101, 2, 5)...)
			send(p.press(101, 2, 5)...)
			s.PressKey('2')
		}, "122"},
		{"by RTP once and by INFO twice", func(s *Session, p *phone, send func(...[]byte)) {
			send(p.press(101, 1, 5)...)
			s.PressKey('1')
			s.PressKey('1')
		}, "11"},
		{"by INFO at the end of a long press", func(s *Session, p *phone, send func(...[]byte)) {
			stamp := p.stamp
			for i := 1; i <= 150; i++ {
				send(p.event(101, i == 1, stamp, 6, false, i*160))
				s.beats(1)
			}
			s.PressKey('6')
		}, "6"},
		{"by INFO much later is another press", func(s *Session, p *phone, send func(...[]byte)) {
			send(p.press(101, 1, 5)...)
			s.beats(60)
			s.PressKey('1')
		}, "11"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPhone(t)
			s, _ := answered(t, config(t), p.offer("0 101", events))
			s.receive(p.pack(0, make([]byte, 160)), p.at())
			c.tell(s, p, func(packets ...[]byte) {
				for _, b := range packets {
					s.receive(b, p.at())
				}
			})
			if got := s.got(); got != c.want {
				t.Errorf("keys %q, want %q", got, c.want)
			}
		})
	}
}

// TestWaitingForKeys: a wait lasts as long as it says, counted in what is sent, and not while the caller has us on hold.
func TestWaitingForKeys(t *testing.T) {
	p := newPhone(t)
	c := config(t)
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	c.Now = func() time.Time { return now }
	s, _ := answered(t, c, p.offer("0 101", events))
	ask := func() <-chan result {
		done := make(chan result, 1)
		go func() {
			key, ok, err := s.Key(context.Background(), 10*time.Second)
			done <- result{key: key, ok: ok, err: err}
		}()
		waitFor(t, s, func() bool { return s.alarm != 0 })
		return done
	}
	done := ask()
	s.beats(499)
	if _, err := s.Renew(p.offer("0 101", events, "a=sendonly")); err != nil {
		t.Fatal(err)
	}
	s.beats(5000)
	select {
	case r := <-done:
		t.Fatalf("it gave up while on hold: %+v", r)
	default:
	}
	if _, err := s.Renew(p.offer("0 101", events)); err != nil {
		t.Fatal(err)
	}
	s.beats(1)
	if r := <-done; r.ok || r.err != nil {
		t.Fatalf("%+v", r)
	}

	done = ask()
	s.PressKey('3')
	if r := <-done; r.key != '3' || !r.ok {
		t.Fatalf("%+v", r)
	}
	s.PressKey('4')
	pressed := now
	now = now.Add(time.Minute)
	if key, at, ok, err := s.Press(context.Background(), time.Second); key != '4' || !at.Equal(pressed) || !ok || err != nil {
		t.Errorf("%q at %v, %v, %v", key, at, ok, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, ok, err := s.Key(ctx, time.Hour); ok || err != context.Canceled {
		t.Errorf("%v, %v", ok, err)
	}
}

// toneOf is the sound of a key, as loud as both parts say, with a pause after it.
func toneOf(key byte, rate, length, pause int, loud float64) []int16 {
	rows, columns := [4]float64{697, 770, 852, 941}, [4]float64{1209, 1336, 1477, 1633}
	place := 0
	for i := range len(toneKeys) {
		if toneKeys[i] == key {
			place = i
		}
	}
	pcm := make([]int16, (length+pause)*rate/1000)
	for i := range length * rate / 1000 {
		x := 2 * math.Pi * float64(i) / float64(rate)
		pcm[i] = int16(loud * (math.Sin(rows[place/4]*x) + math.Sin(columns[place%4]*x)))
	}
	return pcm
}

// TestKeysInTheSound: where no telephone-event was agreed, keys are heard; else their sound is left alone.
func TestKeysInTheSound(t *testing.T) {
	for _, c := range []struct {
		format string
		codec  codec
		want   string
	}{{"0", pcmu, toneKeys}, {"8", pcma, toneKeys}, {"9", wide, toneKeys}, {"0 101", pcmu, ""}} {
		p := newPhone(t)
		conf := config(t)
		conf.Wide = true
		s, _ := answered(t, conf, p.offer(c.format, events))
		var pcm []int16
		for i := range len(toneKeys) {
			pcm = append(pcm, toneOf(toneKeys[i], c.codec.rate(), 65, 75, 4000)...)
		}
		w, size := newWriter(c.codec), c.codec.rate()/50
		for at := 0; at+size <= len(pcm); at += size {
			body := make([]byte, beatBytes)
			w.write(body, pcm[at:at+size])
			s.receive(p.pack(uint8(c.codec.payload()), body), p.at())
		}
		if got := s.got(); got != c.want {
			t.Errorf("%s: keys %q, want %q", c.format, got, c.want)
		}
	}
}

// TestSpeechPressesNoKeys: nothing that is said is taken for a key.
func TestSpeechPressesNoKeys(t *testing.T) {
	var heard tones
	samples := [][]int16{speech(8000, 20000)}
	if _, err := exec.LookPath("espeak-ng"); err == nil {
		out, err := exec.Command("espeak-ng", "--stdout", "-s", "122", "The quick brown fox asks the town for a bus to Main Street at nine in the evening. "+
			"Old streets, new parks: press one, press two, press three. Eeee, oooo, aaaa, uuuu, iiii.").Output()
		if err != nil {
			t.Fatal(err)
		}
		said, err := ReadWAV(out)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, said.At8)
	}
	for _, pcm := range samples {
		for at := 0; at+160 <= len(pcm); at += 160 {
			if key := heard.hear(pcm[at : at+160]); key != 0 {
				t.Errorf("key %q after %d ms of speech", key, at/8)
			}
		}
	}
}

// TestTonesLastLongEnough: a chirp is no key, and a key that is broken off for a moment is one.
func TestTonesLastLongEnough(t *testing.T) {
	long := toneOf('5', 8000, 1000, 0, 4000)
	quiet := make([]int16, 1000)
	for _, c := range []struct {
		name  string
		parts [][]int16
		want  string
	}{
		{"20 ms", [][]int16{quiet, long[:160], quiet}, ""},
		{"50 ms", [][]int16{quiet, long[:400], quiet}, "5"},
		{"a second", [][]int16{quiet, long, quiet}, "5"},
		{"broken off for 12 ms", [][]int16{long[:510], quiet[:102], long[612:1122], quiet}, "5"},
		{"twice", [][]int16{long[:510], quiet[:510], long[:510], quiet}, "55"},
		{"one of both tones alone", [][]int16{soundOf(770, 4000), quiet}, ""},
		{"too soft", [][]int16{toneOf('5', 8000, 500, 0, 60), quiet}, ""},
	} {
		var heard tones
		got := ""
		for _, part := range c.parts {
			for at := 0; at < len(part); at += 102 {
				if key := heard.hear(part[at:min(at+102, len(part))]); key != 0 {
					got += string(key)
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: keys %q, want %q", c.name, got, c.want)
		}
	}
}

// soundOf is one sine wave for half a second.
func soundOf(hz, loud float64) []int16 {
	pcm := make([]int16, 4000)
	for i := range pcm {
		pcm[i] = int16(loud * math.Sin(2*math.Pi*hz*float64(i)/8000))
	}
	return pcm
}

func BenchmarkTones(b *testing.B) {
	var t tones
	pcm := speech(8000, 20)
	b.ReportAllocs()
	for b.Loop() {
		t.hear(pcm)
	}
}

// TestEventsAreBytes: what a broken event says is left alone.
func TestEventsAreBytes(t *testing.T) {
	var k keyboard
	for n := range 4 {
		if k.event(packet{body: make([]byte, n)}, 0, time.Time{}) {
			t.Errorf("%d bytes are a key", n)
		}
	}
	b := binary.BigEndian.AppendUint32(nil, 0xff000000)
	if k.event(packet{body: b}, 0, time.Time{}) {
		t.Error("event 255 is a key")
	}
	for i := range 200 {
		k.press(keyNames[i%10], byInfo, int64(i), time.Time{})
	}
	if len(k.waiting) != mostWaiting {
		t.Errorf("%d keys wait", len(k.waiting))
	}
}
