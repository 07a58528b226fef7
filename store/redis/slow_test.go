package redis

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// slowly is a way to the server on which each answer takes so long.
func (s *server) slowly(by *atomic.Int64) (address string) {
	s.t.Helper()
	return s.through(func(b []byte) ([]byte, bool) {
		<-time.After(time.Duration(by.Load()))
		return b, false
	})
}

// through is a way to the server. Of each piece of its answers, goes says what goes on, and whether the way is cut then.
func (s *server) through(goes func(b []byte) (on []byte, cut bool)) (address string) {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", "127.0.0.1:"+s.port)
			if err != nil {
				near.Close()
				continue
			}
			go func() { _, _ = io.Copy(far, near); far.Close() }()
			go func() {
				defer near.Close()
				defer far.Close()
				b := make([]byte, 64<<10)
				for {
					n, err := far.Read(b)
					if err != nil {
						return
					}
					on, cut := goes(b[:n])
					if _, err := near.Write(on); err != nil || cut {
						return
					}
				}
			}()
		}
	}()
	return "redis://" + l.Addr().String()
}

// A server that answers, but late, holds up some turns and no more: what it is asked for is worth less than the wait. The bell still
// rings, and a server that is quick again is asked again.
func TestSlowServer(t *testing.T) {
	t.Parallel()
	s := start(t)
	var by atomic.Int64
	n, err := open(s.slowly(&by), "elmwood", 2*time.Second, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	heard := make(chan string, 100)
	go n.Hear(t.Context(), func(what string) { heard <- what })
	<-heard
	counted(t, s.join(), 2) // a node that is alone asks for no lease
	counted(t, n, 2)
	p := n.Pace("sms", 1)
	leased(n, t.Context(), ann)()
	p.Room(t.Context())
	n.Each(t.Context(), "sms", ann, 1, 1) // the scripts are there
	n.Ring(t.Context(), "before")
	s.until("has it back", func() bool { return strings.HasPrefix(s.say("EXISTS "+annsTurn), ":0") })
	by.Store(int64(800 * time.Millisecond))
	began := time.Now()
	for range 20 {
		leased(n, t.Context(), ann)()
		p.Room(t.Context())
		n.Each(t.Context(), "sms", ann, 1, 1)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("20 turns took %v", took)
	}
	if n.Away() {
		t.Error("it is taken for away")
	}
	go n.Ring(t.Context(), "slow")
	for got := ""; got != "slow"; {
		select {
		case got = <-heard:
		case <-time.After(15 * time.Second):
			t.Fatal("the bell isn't heard any more")
		}
	}
	by.Store(0)
	for end := time.Now().Add(15 * time.Second); n.slow.Load(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a server that is quick again isn't asked")
		}
	}
	give := leased(n, t.Context(), ben)
	if got := s.say("EXISTS " + bensTurn); !strings.HasPrefix(got, ":1") {
		t.Errorf("no lease after it: %s", got)
	}
	give()
}
