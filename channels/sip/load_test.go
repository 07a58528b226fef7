package sip

import (
	"context"
	"flag"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/peers"
	"github.com/townline/townline/channels/sip/media"
)

var (
	manyCalls = flag.Int("calls", 50, "calls that TestManyCalls holds at once")
	callTime  = flag.Duration("calltime", 5*time.Second, "how long each of them is")
)

// stream is the sound of one call on its way to the caller.
type stream struct {
	first, last uint16
	n           int
	seen        map[uint16]bool
	at          time.Duration
	stamp       uint32
	jitter      float64 // RFC 3550, in ms
	gap         time.Duration
	skipped     int // beats that were left out
}

// Ports of our sound, where a capture must know it from others'.
const firstPort, lastPort = 22000, 23999

func ownPorts(t testing.TB) *media.Ports {
	t.Helper()
	p, err := media.NewPorts(firstPort, lastPort)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ear keeps what is needed of each packet of sound.
type ear struct {
	mu      sync.Mutex
	streams map[[2]uint32]*stream
}

func (e *ear) take(p packet) {
	format, seq, stamp, ssrc, ok := p.rtp()
	if !ok || format != 0 || p.from < firstPort || p.from > lastPort {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	key := [2]uint32{ssrc, uint32(p.from)}
	s := e.streams[key]
	if s == nil {
		s = &stream{first: seq, last: seq, seen: map[uint16]bool{}, at: p.at, stamp: stamp}
		e.streams[key] = s
	} else {
		passed := p.at - s.at
		due := time.Duration(int32(stamp-s.stamp)) * time.Second / 8000
		s.jitter += (math.Abs(float64(passed-due))/1e6 - s.jitter) / 16
		s.gap = max(s.gap, passed)
		if beats := int(int32(stamp-s.stamp)) / 160; beats > 1 {
			s.skipped += beats - 1
		}
		s.at, s.stamp = p.at, stamp
	}
	s.seen[seq] = true
	if int16(seq-s.last) > 0 {
		s.last = seq
	}
	s.n++
}

// Many calls at once, sound both ways: none fails, and no packet is lost. How even they come is stated beside a thread that
// does nothing but wake up every 20 ms; "-calls 300 -calltime 20s" with GOMAXPROCS=1 is the measurement for one core.
func TestManyCalls(t *testing.T) {
	if slow {
		*manyCalls = min(*manyCalls, 5)
	}
	playsCaptures(t)
	peers.Program(t, "sip-tester", "sipp")
	said := speech(*callTime + time.Second)
	o := open(t, func(c *Config) {
		c.MostCalls, c.MostHalfOpen = 2*(*manyCalls), *manyCalls+1
		c.Ports = ownPorts(t)
		c.Voice = func(context.Context, call.Part) (media.Sound, error) { return said, nil }
	}, usual)
	r := newRecorder(t)
	with := behaviour{Formats: "0", Keys: []pressed{{Capture: r.voice(*callTime), Pause: 100}}, Goes: int(*callTime / time.Millisecond)}
	e := &ear{streams: map[[2]uint32]*stream{}}
	sniffer := sniff(t, e.take)
	idle := newIdler()
	before := spent(t)
	began := time.Now()
	err := sipp(t, scenario(t, "caller.xml", with), "-m", strconv.Itoa(*manyCalls), "-l", strconv.Itoa(*manyCalls), "-r", strconv.Itoa(max(*manyCalls/4, 10)), o.addr.String())
	wall, cpu := time.Since(began), spent(t)-before
	late := idle.stop()
	eventually(t, func() bool { return o.Calls() == 0 })
	sniffer.close()
	if err != nil {
		t.Error(err)
	}
	if len(e.streams) != *manyCalls {
		t.Errorf("%d streams for %d calls", len(e.streams), *manyCalls)
	}
	var jitters, gaps []float64
	lost, sent, skipped := 0, 0, 0
	for _, s := range e.streams {
		lost += int(s.last-s.first) + 1 - len(s.seen)
		sent += s.n
		skipped += s.skipped
		jitters, gaps = append(jitters, s.jitter), append(gaps, float64(s.gap)/1e6)
		if enough := int(*callTime/(20*time.Millisecond)) * 9 / 10; s.n+s.skipped < enough {
			t.Errorf("a call had %d packets of at least %d", s.n, enough)
		}
	}
	if lost > 0 {
		t.Errorf("%d packets of %d were lost", lost, sent)
	}
	slices.Sort(jitters)
	slices.Sort(gaps)
	if len(jitters) > 0 {
		t.Logf("%d calls of %v on %d cores: %d packets, %d lost, %d beats skipped; jitter median %.2f ms, worst %.2f ms; longest gap (20 is ideal) median %.1f ms, worst %.1f ms; CPU of line, capture and test %v in %v; a thread that only wakes up every 20 ms was late by %s",
			*manyCalls, *callTime, runtime.GOMAXPROCS(0), sent, lost, skipped, jitters[len(jitters)/2], jitters[len(jitters)-1], gaps[len(gaps)/2], gaps[len(gaps)-1],
			cpu.Round(10*time.Millisecond), wall.Round(10*time.Millisecond), late)
	}
}

// spent is the processor time of this process.
func spent(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// idler wakes up every 20 ms, and keeps by how much too late.
type idler struct {
	done chan bool
	out  chan string
}

func newIdler() *idler {
	i := &idler{make(chan bool), make(chan string)}
	go i.run()
	return i
}

func (i *idler) run() {
	runtime.LockOSThread()
	var late []float64
	next := time.Now()
	for {
		next = next.Add(20 * time.Millisecond)
		timer := time.NewTimer(time.Until(next))
		select {
		case <-timer.C:
			late = append(late, float64(time.Since(next))/1e6)
		case <-i.done:
			slices.Sort(late)
			if len(late) == 0 {
				late = []float64{0}
			}
			i.out <- fmt.Sprintf("median %.2f ms, 99 of 100 %.2f ms, worst %.2f ms", late[len(late)/2], late[len(late)*99/100], late[len(late)-1])
			return
		}
	}
}

func (i *idler) stop() string {
	close(i.done)
	return <-i.out
}

// speech is a sound that is no silence anywhere.
func speech(d time.Duration) media.Sound {
	return tones(0.2, tone{300, int(d/time.Millisecond) / 2}, tone{500, int(d/time.Millisecond) / 2})
}

// voice is sound in PCMU, for so long.
func (r *recorder) voice(d time.Duration) string {
	var packets [][]byte
	for range d / (20 * time.Millisecond) {
		payload := make([]byte, 160)
		for i := range payload {
			payload[i] = muLaw(int16(3000 * math.Sin(2*math.Pi*200*float64(i)/8000)))
		}
		packets = append(packets, r.rtp(0, len(packets) == 0, r.stamp, payload))
		r.stamp += 160
	}
	return r.save(packets)
}
