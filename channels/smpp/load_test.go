package smpp

import (
	"bufio"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

var mostTexts = flag.Int("texts", 5000, "texts in the test of what becomes of each when the phone company misbehaves")

// asSMSC in the environment has the test's program be a phone company that takes everything, in a process of its own.
const asSMSC = "TOWNLINE_TEST_AS_SMSC"

func TestMain(m *testing.M) {
	if os.Getenv(asSMSC) == "" {
		os.Exit(m.Run())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	go func() {
		io.Copy(io.Discard, os.Stdin) // until whoever began it is gone
		os.Exit(0)
	}()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go quick(conn, nil)
	}
}

// quick serves a connection as fast as it can. judge, where there is one, says what becomes of each submit_sm.
func quick(conn net.Conn, judge func(f frame) deed) {
	defer conn.Close()
	in := newReader(conn)
	var out []byte
	n := 0
	for {
		f, _, err := next(in)
		if err != nil {
			return
		}
		sequence := f.sequence()
		switch f.command() {
		case bindTransceiv, bindTransmit, bindReceiver:
			out = append(out, raw(f.command()|response, sequence, []byte("quick\x00"))...)
		case enquireLink, unbind:
			out = append(out, raw(f.command()|response, sequence, nil)...)
		case submitSM:
			d := deed{}
			if judge != nil {
				d = judge(f)
			}
			if d.wait > 0 {
				if len(out) > 0 {
					conn.Write(out)
					out = out[:0]
				}
				time.Sleep(d.wait)
			}
			if d.reset {
				conn.(*net.TCPConn).SetLinger(0)
				return
			}
			if d.forget {
				break
			}
			n++
			id := ""
			if d.status == 0 {
				id = strconv.Itoa(n)
			}
			out = binary.BigEndian.AppendUint32(out, uint32(headerLen+len(id)+1))
			out = binary.BigEndian.AppendUint32(out, submitSM|response)
			out = binary.BigEndian.AppendUint32(out, uint32(d.status))
			out = binary.BigEndian.AppendUint32(out, sequence)
			out = append(append(out, id...), 0)
		}
		if in.Buffered() < headerLen && len(out) > 0 {
			if _, err := conn.Write(out); err != nil {
				return
			}
			out = out[:0]
		}
	}
}

// deed is what a phone company does with a submit_sm.
type deed struct {
	status status
	wait   time.Duration // before anything
	reset  bool          // the connection
	forget bool          // it
}

// Each text is accounted for, whatever the phone company does: taken once, never taken, or in doubt. -texts 100000 for the long run.
func TestEachIsAccountedFor(t *testing.T) {
	n := *mostTexts
	var mu sync.Mutex
	took := make(map[string]int, n) // how often each was taken
	chance := rand.New(rand.NewPCG(7, 7))
	judge := func(f frame) deed {
		m, err := take(asDeliverFrame(f))
		if err != nil {
			t.Errorf("what was sent can't be read: %v", err)
			return deed{forget: true}
		}
		words := string(m.user)
		mu.Lock()
		defer mu.Unlock()
		switch p := chance.IntN(10000); {
		case p < 10:
			return deed{reset: true}
		case p < 20: // taken, and the answer is lost
			took[words]++
			return deed{reset: true}
		case p < 25:
			return deed{forget: true}
		case p < 28:
			took[words]++
			return deed{wait: 300 * time.Millisecond}
		case p < 60:
			return deed{status: 0x58}
		case p < 90:
			return deed{status: 0x14}
		case p < 300:
			return deed{status: 0x08}
		case p < 500:
			return deed{status: 0x0B}
		}
		took[words]++
		return deed{}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go quick(conn, judge)
		}
	}()
	w := toPort(t, l.Addr().(*net.TCPAddr).Port, func(c *Config) {
		c.Receipts = false
		c.times = times{connect: time.Second, write: time.Second, enquire: time.Second, answer: 500 * time.Millisecond, again: 10 * time.Millisecond, longest: 50 * time.Millisecond, stall: 150 * time.Millisecond}
	})
	w.sms.gate.slowest = 20 * time.Millisecond
	const deliverers = 100
	results := make([]string, n)
	var next atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range deliverers {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
				_, err := w.sms.Deliver(ctx, channels.Address{Kind: "tel", ID: resident}, render.Page{Text: "text " + strconv.Itoa(i)}, "k")
				cancel()
				kind, _, _ := strings.Cut(what(err), " ")
				results[i] = kind
			}
		})
	}
	all.Wait()
	mu.Lock()
	defer mu.Unlock()
	counts, wrong := map[string]int{}, 0
	for i, kind := range results {
		counts[kind]++
		times := took["text "+strconv.Itoa(i)]
		ok := times == 0
		switch kind {
		case "taken":
			ok = times == 1
		case "doubt":
			ok = times <= 1
		case "throttled", "retry", "bad", "gone":
		default:
			ok = false
		}
		if !ok {
			wrong++
			if wrong < 10 {
				t.Errorf("text %d is said to be %q and was taken %d times", i, kind, times)
			}
		}
	}
	t.Logf("%d texts in %v: %v, %d binds; unaccounted: %d", n, time.Since(began).Round(time.Millisecond), counts, 1+strings.Count(w.log.String(), "opened again"), wrong)
	if counts["taken"] < n/2 || n >= 5000 && (counts["doubt"] == 0 || counts["throttled"] == 0 || counts["bad"] == 0) {
		t.Errorf("%v: that was no trouble", counts)
	}
}

// toPort opens a line to a phone company on this machine.
func toPort(t testing.TB, port int, change func(*Config)) *town {
	c := newSMSC(t)
	c.onBind = func(*session) bool { return true } // nobody binds there
	return openLine(t, c, func(g *Config) {
		g.dial, g.Address, g.Window = nil, "127.0.0.1:"+strconv.Itoa(port), 100
		if change != nil {
			change(g)
		}
	})
}

// BenchmarkDeliver sends through a window of 100 to a phone company in a process of its own.
func BenchmarkDeliver(b *testing.B) {
	for _, c := range []struct {
		name     string
		receipts bool
	}{{"plain", false}, {"receipts", true}} {
		b.Run(c.name, func(b *testing.B) {
			self, err := os.Executable()
			if err != nil {
				b.Fatal(err)
			}
			p := exec.Command(self)
			p.Env = append(os.Environ(), asSMSC+"=1")
			in, err := p.StdinPipe()
			if err != nil {
				b.Fatal(err)
			}
			out, err := p.StdoutPipe()
			if err != nil {
				b.Fatal(err)
			}
			if err := p.Start(); err != nil {
				b.Fatal(err)
			}
			defer p.Wait()
			defer in.Close()
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				b.Fatal(err)
			}
			port, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				b.Fatal(err)
			}
			w := toPort(b, port, func(g *Config) { g.Receipts = c.receipts })
			to, page := channels.Address{Kind: "tel", ID: resident}, render.Page{Text: "1. Yes\n2. No\n3. Not sure, call me back"}
			if _, err := w.sms.Deliver(b.Context(), to, page, "k"); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var next atomic.Int64
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
					defer cancel()
					for next.Add(1) <= int64(b.N) {
						if _, err := w.sms.Deliver(ctx, to, page, "k"); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submit_sm/s")
		})
	}
}
