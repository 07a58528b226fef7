// Package pgtest runs PostgreSQL servers for tests.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a PostgreSQL server of the tests' own, in a folder that goes with it.
type Server struct {
	Dir  string
	args []string // of the program, beside its own
	cmd  *exec.Cmd
	done chan error
	port int                 // of one that is spoken to over TCP
	as   *syscall.Credential // PostgreSQL refuses to run as root
}

// program finds one of PostgreSQL's, first where Debian puts them beside the path: what is on the path there is a wrapper.
func program(name string) (string, error) {
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		slices.Sort(found)
		return found[len(found)-1], nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is needed to test the store in PostgreSQL: install the package postgresql", name)
	}
	return path, nil
}

// Start makes a server. What is killed in tests is a process, and no machine fails: unless args say otherwise, it doesn't wait for its disk.
func Start(args ...string) (*Server, error) { return StartIn("", args...) }

// StartIn makes one whose folder is in another: "" is where temporary files are.
func StartIn(parent string, args ...string) (*Server, error) {
	s, err := newServer(parent, args)
	if err != nil {
		return nil, err
	}
	return s, s.make()
}

// make fills the folder, and starts the server.
func (s *Server) make() error {
	initdb, err := s.command("initdb", "-D", filepath.Join(s.Dir, "data"), "-A", "trust", "-U", "town", "--locale=C.UTF-8", "-E", "UTF8", "--no-sync")
	if err != nil {
		return err
	}
	if b, err := initdb.CombinedOutput(); err != nil {
		os.RemoveAll(s.Dir)
		return fmt.Errorf("initdb: %w: %s", err, b)
	}
	if err := s.Start(); err != nil {
		os.RemoveAll(s.Dir)
		return err
	}
	return nil
}

// Standby is a copy of a server that follows it, with args after the server's own.
func (s *Server) Standby(args ...string) (*Server, error) { return s.StandbyIn("", args...) }

// StandbyIn is one whose folder is in another.
func (s *Server) StandbyIn(parent string, args ...string) (*Server, error) {
	b, err := newServer(parent, slices.Concat(s.args, args))
	if err != nil {
		return nil, err
	}
	copies, err := b.command("pg_basebackup", "-D", filepath.Join(b.Dir, "data"), "-R", "-h", s.Dir, "-U", "town", "-c", "fast", "--no-sync")
	if err != nil {
		return nil, err
	}
	if text, err := copies.CombinedOutput(); err != nil {
		os.RemoveAll(b.Dir)
		return nil, fmt.Errorf("pg_basebackup: %w: %s", err, text)
	}
	if err := b.Start(); err != nil {
		os.RemoveAll(b.Dir)
		return nil, err
	}
	return b, nil
}

// newServer is a folder for one.
func newServer(parent string, args []string) (*Server, error) {
	dir, err := os.MkdirTemp(parent, "townline-pg")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, args: args}
	if os.Getuid() == 0 {
		who, err := user.Lookup("postgres")
		if err != nil {
			return nil, fmt.Errorf("PostgreSQL refuses to run as root, and there is no user postgres: install the package postgresql: %w", err)
		}
		uid, _ := strconv.Atoi(who.Uid)
		gid, _ := strconv.Atoi(who.Gid)
		s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Server) command(name string, args ...string) (*exec.Cmd, error) {
	path, err := program(name)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = s.Dir
	cmd.SysProcAttr = dies(&syscall.SysProcAttr{Credential: s.as})
	return cmd, nil
}

// Start starts it again.
func (s *Server) Start() error {
	cmd, err := s.command("postgres", append([]string{"-D", filepath.Join(s.Dir, "data"), "-k", s.Dir, "-c", "listen_addresses=", "-c", "max_connections=200",
		"-c", "fsync=off", "-c", "max_wal_size=2GB", "-c", "log_min_messages=fatal"}, s.args...)...)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.done = cmd, make(chan error, 1)
	go func(done chan error) { done <- cmd.Wait() }(s.done)
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := pgx.Connect(context.Background(), s.Address()); err == nil {
			return c.Close(context.Background())
		}
		select {
		case <-tick.C:
		case err := <-s.done:
			b, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
			return fmt.Errorf("PostgreSQL ended: %w: %s", err, b)
		case <-deadline:
			return fmt.Errorf("PostgreSQL doesn't answer after 30 s")
		}
	}
}

// Remove ends it, and takes its folder away.
func (s *Server) Remove() {
	s.Stop(syscall.SIGINT)
	os.RemoveAll(s.Dir)
}

// Stop ends it: SIGINT in order, SIGQUIT as a crash does.
func (s *Server) Stop(how syscall.Signal) {
	s.cmd.Process.Signal(how)
	<-s.done
	s.done <- nil // it may be stopped again
}

// Address is of its database.
func (s *Server) Address() string {
	at := "postgres://town@/postgres?host=" + s.Dir
	if s.port != 0 { // the name of the socket has it
		at += fmt.Sprintf("&port=%d", s.port)
	}
	return at
}

var schemas atomic.Int64

// Empty is the address of an empty database of its own: a schema.
func (s *Server) Empty(t testing.TB) string {
	t.Helper()
	base := s.Address()
	name := fmt.Sprintf("town%d", schemas.Add(1))
	c, err := pgx.Connect(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	return base + "&search_path=" + name
}
