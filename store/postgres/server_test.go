package postgres

import (
	"bytes"
	"context"
	"encoding/base64"
	"flag"
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

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/storetest"
)

// server is a PostgreSQL server of the tests' own, in a folder that goes with it.
type server struct {
	dir  string
	cmd  *exec.Cmd
	done chan error
	as   *syscall.Credential // PostgreSQL refuses to run as root
}

var theServer *server

func TestMain(m *testing.M) {
	flag.Parse()
	s, err := startServer()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	theServer = s
	code := m.Run()
	s.stop(syscall.SIGINT)
	os.RemoveAll(s.dir)
	os.Exit(code)
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

func startServer() (*server, error) {
	s, err := newServer()
	if err != nil {
		return nil, err
	}
	initdb, err := s.command("initdb", "-D", filepath.Join(s.dir, "data"), "-A", "trust", "-U", "town", "--locale=C.UTF-8", "-E", "UTF8", "--no-sync")
	if err != nil {
		return nil, err
	}
	if b, err := initdb.CombinedOutput(); err != nil {
		os.RemoveAll(s.dir)
		return nil, fmt.Errorf("initdb: %w: %s", err, b)
	}
	if err := s.start(); err != nil {
		os.RemoveAll(s.dir)
		return nil, err
	}
	return s, nil
}

// standby is a copy of a server that follows it.
func (s *server) standby() (*server, error) {
	b, err := newServer()
	if err != nil {
		return nil, err
	}
	copies, err := b.command("pg_basebackup", "-D", filepath.Join(b.dir, "data"), "-R", "-h", s.dir, "-U", "town", "-c", "fast", "--no-sync")
	if err != nil {
		return nil, err
	}
	if text, err := copies.CombinedOutput(); err != nil {
		os.RemoveAll(b.dir)
		return nil, fmt.Errorf("pg_basebackup: %w: %s", err, text)
	}
	if err := b.start(); err != nil {
		os.RemoveAll(b.dir)
		return nil, err
	}
	return b, nil
}

// newServer is a folder for one.
func newServer() (*server, error) {
	dir, err := os.MkdirTemp("", "townline-pg")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
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

func (s *server) command(name string, args ...string) (*exec.Cmd, error) {
	path, err := program(name)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Pdeathsig: syscall.SIGQUIT}
	return cmd, nil
}

func (s *server) start() error {
	cmd, err := s.command("postgres", "-D", filepath.Join(s.dir, "data"), "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200",
		"-c", "shared_buffers="+sharedBuffers(), "-c", "fsync="+fsync(), "-c", "max_wal_size=2GB", "-c", "log_min_messages=fatal")
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
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
		if c, err := pgx.Connect(context.Background(), s.address()); err == nil {
			return c.Close(context.Background())
		}
		select {
		case <-tick.C:
		case err := <-s.done:
			b, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("PostgreSQL ended: %w: %s", err, b)
		case <-deadline:
			return fmt.Errorf("PostgreSQL doesn't answer after 30 s")
		}
	}
}

// fsync is off where nothing is measured and no machine fails: what is killed here is a process.
func fsync() string {
	if benchmarks() {
		return "on"
	}
	return "off"
}

func sharedBuffers() string {
	if benchmarks() {
		return "1GB"
	}
	return "128MB"
}

func benchmarks() bool { return flag.Lookup("test.bench").Value.String() != "" }

// stop ends it: SIGINT in order, SIGQUIT as a crash does.
func (s *server) stop(how syscall.Signal) {
	s.cmd.Process.Signal(how)
	<-s.done
}

func (s *server) address() string { return "postgres://town@/postgres?host=" + s.dir }

var schemas atomic.Int64

// address is of an empty database of its own.
func address(t testing.TB) string {
	t.Helper()
	base := theServer.address()
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

// testKeys are the same in every test.
func testKeys(t testing.TB) *store.Keys {
	t.Helper()
	k, err := store.LoadKeys("", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func open(t testing.TB, address string) *Store {
	t.Helper()
	s, err := Open(t.Context(), address, testKeys(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, address(t)) })
}
