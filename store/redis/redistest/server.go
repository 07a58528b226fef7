// Package redistest runs Redis servers for tests.
package redistest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Server is a Redis of the tests' own, with nothing in it. What it keeps goes with it.
type Server struct {
	dir string
	at  string
	cmd *exec.Cmd
}

// Start makes a server.
func Start() (*Server, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("redis-server is needed to test what nodes share: install the package redis-server")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	at := free.Addr().String()
	free.Close()
	dir, err := os.MkdirTemp("", "townline-redis")
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(at)
	s := &Server{dir: dir, at: at, cmd: exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir)}
	s.cmd.SysProcAttr = dies(&syscall.SysProcAttr{})
	if err := s.cmd.Start(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	if !s.answers() {
		s.Remove()
		return nil, errors.New("the Redis server doesn't answer after 30 s")
	}
	return s, nil
}

// answers waits until it does.
func (s *Server) answers() bool {
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-look.C {
		c, err := net.DialTimeout("tcp", s.at, time.Second)
		if err != nil {
			continue
		}
		_ = c.SetDeadline(time.Now().Add(time.Second))
		fmt.Fprint(c, "PING\r\n")
		b := make([]byte, 16)
		n, _ := c.Read(b)
		c.Close()
		if string(b[:n]) == "+PONG\r\n" {
			return true
		}
	}
	return false
}

// Address of it.
func (s *Server) Address() string { return "redis://" + s.at }

// Remove ends it, and takes its folder away.
func (s *Server) Remove() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	os.RemoveAll(s.dir)
}
