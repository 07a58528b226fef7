package media

import (
	"testing"
	"time"

	"github.com/townline/townline/channels/g711"
)

// two are calls of two phones, joined.
func two(t *testing.T, a, b string) (s, r *Session, p, q *phone) {
	t.Helper()
	c := config(t)
	c.Wide = true
	p, q = newPhone(t), newPhone(t)
	s, _ = answered(t, c, p.offer(a, events))
	r, _ = answered(t, c, q.offer(b, events))
	if err := s.Bridge(r); err != nil {
		t.Fatal(err)
	}
	return s, r, p, q
}

// TestJoinedCallsHearEachOther: whatever codecs they speak, what one says the other hears, a little later.
func TestJoinedCallsHearEachOther(t *testing.T) {
	for _, c := range []struct {
		a, b   string
		x, y   codec
		better float64 // dB
	}{{"0 101", "0 101", pcmu, pcmu, 100}, {"0 101", "8 101", pcmu, pcma, 25}, {"9 101", "9 101", wide, wide, 20}, {"0 101", "9 101", pcmu, wide, 20}, {"9 101", "8 101", wide, pcma, 20}} {
		t.Run(c.x.name()+" to "+c.y.name(), func(t *testing.T) {
			s, r, p, q := two(t, c.a, c.b)
			rate := c.x.rate()
			w, theirs := newWriter(c.x), newReader(c.y)
			pcm := speech(8000, 2000)
			if rate == 16000 {
				pcm = resampled(pcm, 8000, 16000)
			}
			var heard []int16
			for i := range 110 {
				body := make([]byte, beatBytes)
				frame := make([]int16, rate/50)
				if at := i * len(frame); at < len(pcm) {
					copy(frame, pcm[at:])
				}
				w.write(body, frame)
				if i >= 3 || i%2 == 0 { // one is lost before it begins
					s.receive(p.pack(uint8(c.x.payload()), body), p.at())
				}
				s.beats(1)
				r.beats(1)
				heard = append(heard, theirs.read(make([]int16, 320), q.next().body)...)
			}
			want := pcm
			if rate == 8000 { // and what µ-law leaves of it
				want = make([]int16, len(pcm))
				for i, x := range pcm {
					want[i] = g711.FromMu(g711.ToMu(x))
				}
			}
			if c.y == wide && rate == 8000 {
				want = resampled(want, 8000, 16000)
			}
			if c.y != wide && rate == 16000 {
				want = resampled(want, 16000, 8000)
			}
			ratio, delay := noiseRatio(want, heard, c.y.rate()/5)
			if c.y != wide && rate == 16000 { // the filters' delay may be half a sample
				if r, d := noiseRatio(resampled(pcm[1:], 16000, 8000), heard, c.y.rate()/5); r > ratio {
					ratio, delay = r, d
				}
			}
			t.Logf("%.1f dB after %v", ratio, time.Duration(delay)*time.Second/time.Duration(c.y.rate()))
			if ratio < c.better || delay > c.y.rate()/10 {
				t.Errorf("%.1f dB after %d samples", ratio, delay)
			}
		})
	}
}

// TestKeysGoOverTheBridge: the other side gets them as a telephone sends them, and we as well.
func TestKeysGoOverTheBridge(t *testing.T) {
	s, r, p, q := two(t, "0 101", "8 101")
	for _, b := range append(p.press(101, 5, 5), p.press(101, 11, 5)...) {
		s.receive(b, p.at())
	}
	r.beats(40)
	var keys keyboard
	n := 0
	for i := range 40 {
		b := q.next()
		if b.payload == 101 {
			n++
			keys.event(b, int64(i), time.Time{})
		}
	}
	got := ""
	for len(keys.waiting) > 0 {
		got += string(keys.take().key)
	}
	if mine := s.got(); got != "5#" || mine != "5#" || n != 2*(keyBeats+keyEnds-1) || r.got() != "" {
		t.Errorf("there %q in %d packets, here %q", got, n, mine)
	}
}

// TestManyKeysGoOverTheBridge: nobody takes them here, and they go there all the same.
func TestManyKeysGoOverTheBridge(t *testing.T) {
	s, r, _, _ := two(t, "0 101", "0 101")
	for i := range 2 * mostWaiting {
		want := keyNames[i%10]
		s.PressKey(want)
		if key, ok := r.joint.key(); !ok || key != want {
			t.Fatalf("key %d: %q, %v", i, key, ok)
		}
	}
}

// TestKeysHoldNothingUp: the packets of a key have numbers too; the sound after them isn't waited for.
func TestKeysHoldNothingUp(t *testing.T) {
	s, r, p, _ := two(t, "0 101", "0 101")
	r.beats(1)
	heard := func() int {
		r.joint.mu.Lock()
		defer r.joint.mu.Unlock()
		return r.joint.size / 160
	}
	for range 3 {
		s.receive(p.pack(0, make([]byte, 160)), p.at())
	}
	keys := p.press(101, 5, 1)
	keys[2], keys[3] = keys[3], keys[2]
	for _, b := range keys {
		s.receive(b, p.at())
	}
	for i := range 4 {
		s.receive(p.pack(0, make([]byte, 160)), p.at())
		if got := heard(); got != 4+i {
			t.Fatalf("after %d packets the other side has %d", 4+i, got)
		}
	}
	lost := p.press(101, 6, 1) // one of a key's is lost: that is waited for
	for _, b := range append(lost[:1:1], lost[2:]...) {
		s.receive(b, p.at())
	}
	for i, want := range []int{7, 7, 10} {
		s.receive(p.pack(0, make([]byte, 160)), p.at())
		if got := heard(); got != want {
			t.Fatalf("%d packets after the key the other side has %d, want %d", i+1, got, want)
		}
	}
}

func TestBridgesEnd(t *testing.T) {
	s, r, _, q := two(t, "0 101", "0 101")
	if s.Bridge(r) == nil || s.Bridge(s) == nil {
		t.Error("a call is joined twice")
	}
	r.Part()
	if s.other != nil || r.other != nil {
		t.Error("they are still joined")
	}
	if err := s.Bridge(r); err != nil {
		t.Error(err)
	}
	s.Close()
	r.beats(1)
	q.next()
	if r.other != nil || r.Bridge(s) == nil {
		t.Error("a call is joined with one that has ended")
	}
}

// TestJointsCatchUp: clocks that differ neither fill it nor leave it empty for good.
func TestJointsCatchUp(t *testing.T) {
	var j joint
	frame := make([]int16, 160)
	j.take(frame)
	most := 0
	for i := range 5000 {
		j.say(frame, 8000)
		if i%10 == 0 {
			j.say(frame, 8000) // ten percent too fast
		}
		j.take(frame)
		most = max(most, j.size)
	}
	if most > 8000/5 {
		t.Errorf("%d samples wait", most)
	}
	silent := 0
	for i := range 5000 {
		if i%10 != 0 {
			j.say(frame, 8000)
		}
		if j.take(frame) == 0 {
			silent++
		}
	}
	if silent > 1500 {
		t.Errorf("%d of 5000 are silence", silent)
	}
}
