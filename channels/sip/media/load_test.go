//go:build unix

package media

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	loadCalls = flag.Int("calls", 300, "how many calls BenchmarkCalls holds")
	loadTime  = flag.Duration("calltime", 3*time.Second, "for how long")
	idleTime  = flag.Duration("idletime", 0, "how long TestIdleClock keeps a clock that does nothing else; 0: not at all")
)

// BenchmarkCalls holds many calls on one core, each sending and receiving, and says how late their packets leave, beside a
// clock with nothing to do, which another process keeps in the same seconds. It holds them on the wheel, and as a
// goroutine each, which is what was weighed against it:
//
//	go test ./channels/sip/media -run '^$' -bench Calls -benchtime 1x -calls 300 -calltime 30s
func BenchmarkCalls(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, c := range []struct {
		name  string
		codec codec
		srtp  Encryption
		own   bool
	}{{"wheel", pcma, Off, false}, {"goroutines", pcma, Off, true}, {"wheel,SRTP", pcma, Required, false}, {"wheel,G722", wide, Off, false}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				load(b, c.codec, c.srtp, c.own)
			}
		})
	}
}

// TestIdleClock is that other process: it says how late a goroutine with a time to keep wakes up when nothing else is to be done.
func TestIdleClock(t *testing.T) {
	if *idleTime == 0 {
		t.Skip("only for BenchmarkCalls")
	}
	var late []time.Duration
	for due := time.Now().Add(beat); len(late) < int(*idleTime/beat); due = due.Add(beat) {
		<-time.After(time.Until(due))
		late = append(late, time.Since(due))
	}
	fmt.Printf("idle %v %v\n", milliseconds(late, 99), milliseconds(late, 100))
}

func milliseconds(all []time.Duration, percent int) float64 {
	slices.Sort(all)
	return float64(all[(len(all)-1)*percent/100].Microseconds()) / 1000
}

func load(b *testing.B, k codec, srtp Encryption, own bool) {
	ports, err := NewPorts(0, 0)
	if err != nil {
		b.Fatal(err)
	}
	c := Config{Bind: netip.MustParseAddr("127.0.0.1"), Ports: ports, Wide: k == wide, SRTP: srtp}
	prompt := SoundOf(16000, speech(16000, 1000))
	var calls []*Session
	var mu sync.Mutex
	var late []time.Duration
	late = make([]time.Duration, 0, *loadCalls*(int(*loadTime/beat)+100))
	skipped := 0
	for range *loadCalls / 2 { // two calls that talk to each other
		one, offer, err := Offer(c)
		if err != nil {
			b.Fatal(err)
		}
		other, answer, err := Answer(c, offer)
		if err != nil {
			b.Fatal(err)
		}
		if err := one.Accept(answer); err != nil {
			b.Fatal(err)
		}
		calls = append(calls, one, other)
	}
	for _, s := range calls {
		tick := s.rider.tick
		s.rider.tick = func(beats int, by time.Duration) {
			tick(beats, by)
			mu.Lock()
			late = append(late, by+time.Duration(beats-1)*beat)
			skipped += beats - 1
			mu.Unlock()
		}
	}
	var idle bytes.Buffer
	other := exec.Command(os.Args[0], "-test.run=^TestIdleClock$", "-idletime="+loadTime.String())
	other.Stdout = &idle
	if err := other.Start(); err != nil {
		b.Fatal(err)
	}
	before := cpu(b)
	start := time.Now()
	stop := make(chan struct{})
	var work sync.WaitGroup
	for i, s := range calls {
		s.mu.Lock()
		s.playing, s.isPlaying = slices.Repeat(prompt.at(k.rate()), int(*loadTime/time.Second)+1), true
		s.mu.Unlock()
		if !own {
			s.Start()
			continue
		}
		s.mu.Lock()
		s.listen()
		s.mu.Unlock()
		work.Go(func() { ownClock(s, start.Add(time.Duration(i)*beat/time.Duration(len(calls))), stop) })
	}
	<-time.After(*loadTime)
	close(stop)
	work.Wait()
	var all Stats
	for _, s := range calls {
		if own {
			s.life.Lock()
			s.started = false
			s.life.Unlock()
		}
		one := s.Close()
		all.Sent += one.Sent
		all.Received += one.Received
		all.Lost += one.Lost
		all.Refused += one.Refused
		all.Jitter = max(all.Jitter, one.Jitter)
	}
	wall := time.Since(start)
	used := cpu(b) - before
	var idle99, idleWorst float64
	if err := other.Wait(); err != nil {
		b.Fatal(err)
	}
	if _, err := fmt.Sscanf(idle.String(), "idle %g %g", &idle99, &idleWorst); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(idle99, "idle-p99-ms")
	b.ReportMetric(idleWorst, "idle-worst-ms")
	b.ReportMetric(used.Seconds()/wall.Seconds(), "cores")
	b.ReportMetric(milliseconds(late, 50), "p50-ms")
	b.ReportMetric(milliseconds(late, 99), "p99-ms")
	b.ReportMetric(milliseconds(late, 100), "worst-ms")
	b.ReportMetric(float64(skipped), "skipped")
	b.ReportMetric(float64(all.Lost+all.Refused), "lost")
	b.ReportMetric(float64(all.Sent)/wall.Seconds(), "packets/s")
	b.ReportMetric(0, "ns/op")
}

// ownClock is a call that keeps its own time.
func ownClock(s *Session, due time.Time, stop <-chan struct{}) {
	timer := time.NewTimer(0)
	<-timer.C
	for {
		due = due.Add(beat)
		timer.Reset(time.Until(due))
		select {
		case <-timer.C:
		case <-stop:
			return
		}
		late, beats := time.Since(due), 1
		if late >= beat {
			beats += int(late / beat)
			due = due.Add(late / beat * beat)
			late %= beat
		}
		s.rider.tick(beats, late)
	}
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchmarkTick is one packet sent by a call, the system's part of it included.
func benchmarkTick(b *testing.B, format string, srtp Encryption) {
	ports, err := NewPorts(0, 0)
	if err != nil {
		b.Fatal(err)
	}
	c := Config{Bind: netip.MustParseAddr("127.0.0.1"), Ports: ports, Wide: true, SRTP: srtp}
	lines := []string{"m=audio 9 RTP/AVP " + format}
	if srtp != Off {
		lines = []string{"m=audio 9 RTP/SAVP " + format, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + keyText}
	}
	s, _, err := Answer(c, sdp(lines...))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	s.playing, s.isPlaying = SoundOf(16000, speech(16000, 1000)).at(s.terms.codec.rate()), true
	prompt := s.playing
	b.ReportAllocs()
	for b.Loop() {
		if len(s.playing) < 1000 {
			s.playing = prompt
		}
		s.tick(1, 0)
	}
}

func BenchmarkTickPCMA(b *testing.B) { benchmarkTick(b, "8", Off) }
func BenchmarkTickG722(b *testing.B) { benchmarkTick(b, "9", Off) }
func BenchmarkTickSRTP(b *testing.B) { benchmarkTick(b, "8", Required) }

// benchmarkReceive is one packet taken.
func benchmarkReceive(b *testing.B, formats string, srtp Encryption, ready func(s *Session)) {
	ports, err := NewPorts(0, 0)
	if err != nil {
		b.Fatal(err)
	}
	c := Config{Bind: netip.MustParseAddr("127.0.0.1"), Ports: ports, SRTP: srtp}
	theirs := newKeyLine("1", suites()[0])
	lines := []string{"m=audio 4000 RTP/AVP " + formats, events}
	if srtp != Off {
		lines = []string{"m=audio 4000 RTP/SAVP " + formats, events, "a=crypto:" + theirs.String()}
	}
	s, _, err := Answer(c, sdp(lines...))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	ready(s)
	p := phone{}
	if srtp != Off {
		if p.seals, err = newLock(theirs); err != nil {
			b.Fatal(err)
		}
	}
	from := netip.MustParseAddrPort("127.0.0.1:4000")
	body := make([]byte, 160)
	packet := make([]byte, 0, 2000)
	b.ReportAllocs()
	for b.Loop() {
		if p.seals == nil {
			packet = packet[:headerSize+160]
			packetOf(&p).writeHeader(packet)
		} else {
			b.StopTimer()
			packet = append(packet[:0], p.pack(8, body)...)
			b.StartTimer()
		}
		s.receive(packet, from)
	}
	if s.sound.refused > 0 {
		b.Errorf("%d packets were refused", s.sound.refused)
	}
}

func packetOf(p *phone) packet {
	p.seq++
	p.stamp += beatBytes
	return packet{payload: 8, seq: p.seq, stamp: p.stamp, source: p.source}
}

func BenchmarkReceive(b *testing.B) {
	benchmarkReceive(b, "8 101", Off, func(*Session) {})
}
func BenchmarkReceiveSRTP(b *testing.B) {
	benchmarkReceive(b, "8 101", Required, func(*Session) {})
}
func BenchmarkReceiveInBand(b *testing.B) {
	benchmarkReceive(b, "8", Off, func(*Session) {})
}
func BenchmarkReceiveRecording(b *testing.B) {
	benchmarkReceive(b, "8 101", Off, func(s *Session) {
		s.recording = newRecording(8000, 24*time.Hour, time.Hour, 0)
		s.recording.pcm = make([]int16, 0, 8000*60)
		s.recording.most = 8000 * 60
	})
}

// TestNothingIsAllocated by a packet that is sent or taken.
func TestNothingIsAllocated(t *testing.T) {
	for _, srtp := range []Encryption{Off, Required} {
		p := newPhone(t)
		c := config(t)
		c.SRTP = srtp
		theirs := newKeyLine("1", suites()[0])
		proto := "RTP/AVP"
		if srtp != Off {
			proto = "RTP/SAVP"
			p.seals, _ = newLock(theirs)
		}
		s, _ := answered(t, c, sdp("m=audio 9 "+proto+" 8 101", events, "a=crypto:"+theirs.String()))
		s.sound.control.due = 1 << 40
		var packets [][]byte
		for range 1100 {
			packets = append(packets, slices.Clip(p.pack(8, make([]byte, 160))))
		}
		for range 3 {
			s.receive(packets[0], p.at())
			packets = packets[1:]
		}
		s.playing, s.isPlaying = make([]int16, 8000*60), true
		s.beats(1)
		if n := testing.AllocsPerRun(500, func() { s.tick(1, 0) }); n != 0 {
			t.Errorf("%s: %v allocations to send a packet", proto, n)
		}
		if n := testing.AllocsPerRun(500, func() { s.receive(packets[0], p.at()); packets = packets[1:] }); n != 0 {
			t.Errorf("%s: %v allocations to take a packet", proto, n)
		}
	}
}
