package media

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/townline/townline/channels/g711"
	"github.com/townline/townline/channels/hearing"
)

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
			done := s.records(t, time.Minute, 5*time.Second)
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

func (s *Session) records(t *testing.T, most, silence time.Duration) <-chan result {
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
			done := s.records(t, 5*time.Second, 2*time.Second)
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
		var v hearing.Voice
		pause, longest, after := 0, 0, 0
		for i := range 1400 { // 2 s of noise, 12 s of speech, 14 s of noise
			pcm := make([]int16, 160)
			for k := range pcm {
				x := (2*r.Float64() - 1) * noise
				if at := (i-100)*160 + k; i >= 100 && at < len(said) {
					x += gain * float64(said[at])
				}
				pcm[k] = g711.FromA(g711.ToA(int16(x)))
			}
			heard := v.In(pcm)
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
	done := s.records(t, time.Minute, time.Minute)
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
