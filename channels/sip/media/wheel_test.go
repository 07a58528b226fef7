package media

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWheelKeepsTime: every call ticks every 20 ms, at times that don't move; a standstill is skipped and told, and nothing
// comes in a burst after it.
func TestWheelKeepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wheel
		type tick struct {
			at    time.Duration
			beats int
			late  time.Duration
		}
		start := time.Now()
		ticks := make([][]tick, spokes)
		riders := make([]*rider, spokes)
		for i := range riders {
			riders[i] = &rider{tick: func(beats int, late time.Duration) {
				ticks[i] = append(ticks[i], tick{time.Since(start), beats, late})
				if i == 3 && len(ticks[i]) == 10 {
					time.Sleep(7 * time.Millisecond) // the machine is busy
				}
				if i == 3 && len(ticks[i]) == 20 {
					time.Sleep(333 * time.Millisecond) // the machine stands still
				}
			}}
			w.join(riders[i])
		}
		time.Sleep(2*time.Second - time.Millisecond)
		for _, r := range riders {
			w.leave(r)
			w.leave(r)
		}
		time.Sleep(time.Second)
		for i, all := range ticks {
			beats := 0
			for k, one := range all {
				beats += one.beats
				due := one.at - one.late
				if first := all[0].at - all[0].late; (due-first)%beat != 0 || int(due-first)/int(beat) != beats-all[0].beats {
					t.Fatalf("call %d: tick %d is due at %v, the first at %v, after %d beats", i, k, due, first, beats)
				}
				if one.late >= beat || k > 0 && one.at-all[k-1].at < beat-all[k-1].late {
					t.Errorf("call %d: tick %d is only %v after the one before", i, k, one.at-all[k-1].at)
				}
			}
			if beats < 97 || beats > 100 || len(all) > 86 || len(all) < 80 {
				t.Errorf("call %d: %d ticks for %d beats in 2 s", i, len(all), beats)
			}
		}
	})
}

// TestWheelStops: when nobody is on it, no goroutine is left; the next call starts it again.
func TestWheelStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w wheel
		for range 3 {
			n := 0
			r := &rider{tick: func(int, time.Duration) { n++ }}
			w.join(r)
			time.Sleep(time.Second)
			w.leave(r)
			if n < 49 || n > 50 {
				t.Errorf("%d ticks in a second", n)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if w.turning {
				t.Error("it turns for nobody")
			}
		}
	})
}

// TestNothingIsLeft: calls that have ended leave no goroutine and no port behind.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	var ports *Ports
	for first := 40000; ; first += 100 {
		var err error
		if ports, err = NewPorts(first, first+41); err != nil {
			t.Fatal(err)
		}
		if one, err := ports.take(netip.MustParseAddr("127.0.0.1")); err == nil {
			one.close()
			ports.giveBack(one)
			break
		}
	}
	c := Config{Bind: netip.MustParseAddr("127.0.0.1"), Ports: ports, Text: true}
	most := len(ports.free)
	for range 3 {
		var calls []*Session
		for {
			p := newPhone(t)
			s, _, err := Answer(c, sdp(fmt.Sprintf("m=audio %d RTP/AVP 0", p.at().Port()), "m=text 4000 RTP/AVP 98", "a=rtpmap:98 t140/1000"))
			if err == ErrNoPort {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			s.Start()
			go s.Key(context.Background(), time.Hour)
			go s.Play(context.Background(), Sound{At8: make([]int16, 80000)})
			p.next()
			calls = append(calls, s)
		}
		if len(calls) < 5 {
			t.Fatalf("%d calls found ports", len(calls))
		}
		for _, s := range calls {
			s.Close()
		}
		if len(ports.free) != most {
			t.Fatalf("%d of %d pairs of ports came back", len(ports.free), most)
		}
	}
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(end) {
			b := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, b[:runtime.Stack(b, true)])
		}
	}
}

// TestPorts: pairs, each once, within the range; what was given back comes last.
func TestPorts(t *testing.T) {
	for _, c := range [][2]int{{0, 10}, {10, 10}, {11, 12}, {65534, 65536}, {-2, 4}, {20, 10}} {
		if _, err := NewPorts(c[0], c[1]); err == nil {
			t.Errorf("%v is a range", c)
		}
	}
	p, err := NewPorts(45001, 45010)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(len(p.free)); got != "4" {
		t.Errorf("%s pairs", got)
	}
	loopback := netip.MustParseAddr("127.0.0.1")
	first, err := p.take(loopback)
	if err != nil {
		t.Skip("the ports of this test are in use")
	}
	first.close()
	p.giveBack(first)
	if first.port%2 != 0 || first.port < 45002 || first.port > 45008 || p.free[len(p.free)-1] != first.port {
		t.Errorf("%d, then %v", first.port, p.free)
	}
	if _, err := p.take(netip.MustParseAddr("192.0.2.1")); err != ErrNoPort || len(p.free) != 4 {
		t.Errorf("an address that isn't ours: %v", err)
	}
	if _, _, err := Answer(Config{Bind: netip.MustParseAddr("0.0.0.0"), Ports: p}, sdp("m=audio 4000 RTP/AVP 0")); err == nil || !strings.Contains(err.Error(), "advertise") {
		t.Errorf("nobody can send to 0.0.0.0: %v", err)
	}
}

// TestReports: what we report is what came, and ends with a goodbye; from theirs we know how long a packet takes.
func TestReports(t *testing.T) {
	p := newPhone(t)
	c := config(t)
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	c.Now = func() time.Time { return now }
	s, answer := answered(t, c, p.offer("0", "a=rtcp-mux"))
	if !strings.Contains(answer, "a=rtcp-mux") {
		t.Fatal(answer)
	}
	other := newStream(pair{}, nil)
	other.source, p.source = 77, 77
	for i := range 100 {
		b := p.pack(0, make([]byte, 160))
		if i%10 != 9 {
			s.receive(b, p.at())
		}
		now = now.Add(20 * time.Millisecond)
	}
	s.beats(3)
	s.sound.control = report{} // whatever was reported on the way
	written := func(s *Session) []byte {
		b := s.sound.writeReport(nil, s.name, now, false)
		return b
	}
	b := written(s)
	if !isRTCP(b) || len(b)%4 != 0 || b[1] != senderReport || b[0]&31 != 1 {
		t.Fatalf("%x", b)
	}
	if got := fmt.Sprintf("%d packets, %d bytes, of %d: %d/256 lost, %d in all", u32(b, 20), u32(b, 24), u32(b, 28), b[32], u32(b, 32)&0xffffff); got != "3 packets, 480 bytes, of 77: 23/256 lost, 9 in all" {
		t.Error(got)
	}
	// The other side hears it, and answers 80 ms later; 30 ms of that it took for itself.
	if !other.readReports(b, now.Add(25*time.Millisecond)) {
		t.Fatal("our report can't be read")
	}
	other.begun, other.guard.source = true, s.sound.source
	back := other.writeReport(nil, "x", now.Add(55*time.Millisecond), true)
	now = now.Add(80 * time.Millisecond)
	s.receive(back, p.at()) // at the same port as sound
	if got := s.Close(); got.RoundTrip < 49*time.Millisecond || got.RoundTrip > 51*time.Millisecond || got.Lost != 9 || got.Received != 90 || got.Jitter > time.Microsecond {
		t.Errorf("%+v", got)
	}
	for _, bad := range [][]byte{nil, b[:7], b[:len(b)-1], b[28:], append(b[:3:3], 200)} {
		if other.readReports(bad, now) {
			t.Errorf("%x is a report", bad)
		}
	}
}

func u32(b []byte, at int) uint32 {
	return uint32(b[at])<<24 | uint32(b[at+1])<<16 | uint32(b[at+2])<<8 | uint32(b[at+3])
}

// TestReportsAreSent: five seconds or so apart, and once more at the end, to the port that the other side names.
func TestReportsAreSent(t *testing.T) {
	p, control := newPhone(t), newPhone(t)
	s, _ := answered(t, config(t), p.offer("0", fmt.Sprintf("a=rtcp:%d", control.at().Port())))
	s.started = true
	s.sound.control.due = nextReport(0)
	s.beats(2000)
	s.started = true
	s.life.Lock()
	s.c.Ports.wheel.join(&s.rider) // Close takes it off again
	s.life.Unlock()
	s.Close()
	n, last := 0, []byte(nil)
	b := make([]byte, 2000)
	for {
		control.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		size, err := control.conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		n++
		last = b[:size]
		if last[len(last)-7] == goodbye {
			break
		}
	}
	if n < 5 || n > 18 {
		t.Errorf("%d reports in 40 s", n)
	}
}
