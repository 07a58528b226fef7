package redis

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// server is a Redis of a test's own.
type server struct {
	t    testing.TB
	port string
	dir  string
	args []string
	cmd  *exec.Cmd
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func start(t testing.TB, args ...string) *server {
	t.Helper()
	s := &server{t: t, port: freePort(t), dir: t.TempDir(), args: args}
	s.start()
	t.Cleanup(s.kill)
	return s
}

// start starts it, with nothing in it.
func (s *server) start() {
	s.t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		s.t.Fatal("redis-server is needed to test what nodes share: install the package redis-server")
	}
	s.cmd = exec.Command(path, append([]string{"--port", s.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", s.dir}, s.args...)...)
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.until("answers", func() bool { return strings.Contains(s.say("PING"), "PONG") })
}

// say is one line to the server, and the first line of its answer.
func (s *server) say(line string) string {
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+s.port, time.Second)
	if err != nil {
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprintf(c, "%s\r\n", line)
	b := make([]byte, 4096)
	n, _ := c.Read(b)
	return string(b[:n])
}

func (s *server) until(what string, is func() bool) {
	s.t.Helper()
	for end := time.Now().Add(15 * time.Second); !is(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("waited in vain until it %s", what)
		}
	}
}

func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

func (s *server) pause()  { _ = s.cmd.Process.Signal(syscall.SIGSTOP) }
func (s *server) resume() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }

func (s *server) join() *Nodes {
	s.t.Helper()
	return joined(s.t, "redis://127.0.0.1:"+s.port)
}

func joined(t testing.TB, address string) *Nodes {
	t.Helper()
	// A machine that is busy with other tests is no trouble of the server's.
	n, err := open(address, "elmwood", 20*patience, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// hasty is a node that waits for the server no longer than a real one.
func (s *server) hasty() *Nodes {
	s.t.Helper()
	n, err := Open("redis://127.0.0.1:"+s.port, "elmwood", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = n.Close() })
	return n
}

// counted waits until a node knows of so many.
func counted(t testing.TB, n *Nodes, want int) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); n.Count() != want; <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d nodes are known, want %d", n.Count(), want)
		}
	}
}

// back waits until a node asks the server again.
func back(t testing.TB, n *Nodes) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); n.Away(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server doesn't come back")
		}
	}
}

// leased waits for a resident's turn, free or not.
func leased(n *Nodes, ctx context.Context, resident [16]byte) (give func()) {
	give, _ = n.Lease(ctx, resident)
	return give
}
