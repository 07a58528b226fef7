package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/townline/townline/store/postgres/pgtest"
)

// One server alone has a town that is in one file; commands work beside it, and the next server has it once that one is gone.
func TestOneServerOnAFile(t *testing.T) {
	p := newPlace(t)
	r := p.serve()
	second := p.run("", "serve", "--listen", "127.0.0.1:0")
	second.must(t, 1, `another "townline serve" has townline.db`, "PostgreSQL")
	if strings.Contains(second.out, "open at") {
		t.Error(second)
	}
	p.run("", "requests").must(t, 0)
	if got := r.text("+12025550101", "MENU"); got == "" {
		t.Error("the first one doesn't answer any more")
	}
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait()
	if err := p.serve().stop(); err != nil {
		t.Fatal(err)
	}
}

// startRedis starts a server on a free port and returns its address.
func startRedis(t *testing.T, args ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command("redis-server", append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir()}, args...)...)
	if err := cmd.Start(); errors.Is(err, exec.ErrNotFound) {
		t.Fatal("redis-server is needed to test what nodes share: install the package redis-server")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	until(t, 30*time.Second, "redis answers", func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
	return "redis://" + address
}

// until waits until something is so, and returns how long it took.
func until(t *testing.T, most time.Duration, what string, so func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !so() {
		if time.Since(began) > most {
			t.Fatalf("%s: not within %v", what, most)
		}
		<-time.After(10 * time.Millisecond)
	}
	return time.Since(began)
}

// has says whether a server has a duty.
func (r *running) has(duty string) bool {
	_, figures := r.get("/metrics")
	return strings.Contains(figures, fmt.Sprintf("townline_duty{duty=%q} 1", duty))
}

// Two servers of a town: Telegram is asked by one at a time, dialogs that one publishes the other begins too, and when one is told to end,
// or is killed, the other has what it had, and nobody's message is lost or answered twice.
func TestTwoServers(t *testing.T) {
	database, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(database.Remove)
	firm := newChatFirm(t)
	var asking, most atomic.Int32
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/getUpdates") {
			now := asking.Add(1)
			for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
			}
			defer asking.Add(-1)
		}
		firm.serve(w, r)
	}))
	t.Cleanup(api.Close)
	p := newPlace(t)
	p.run("", "init", ".").must(t, 0)
	p.env = append(p.env, "TOWNLINE_STORE_URL="+database.Empty(t), "TOWNLINE_REDIS_URL="+startRedis(t), "TOWNLINE_TELEGRAM_TOKEN="+botToken, "TOWNLINE_TELEGRAM_API="+api.URL,
		"TOWNLINE_NODES_LEAVE=1s", "TOWNLINE_LIMITS_RATE=telegram=1000 each=1000")
	a := p.serve("--preview", "on")
	until(t, 20*time.Second, "the first has all there is", func() bool { return a.has("timers") && a.has("line telegram") })

	if err := os.CopyFS(filepath.Join(p.dir, "newer"), os.DirFS(filepath.Join(p.dir, "dialogs"))); err != nil {
		t.Fatal(err)
	}
	p.change("newer/oak-park.yaml", "Benches in the shade", "Benches in the sun")
	p.change("newer/oak-park.yaml", "version: 1", "version: 2")
	p.change("newer/oak-park.es.yaml", "source: Benches in the shade", "source: Benches in the sun")
	if got := a.text("+12025550101", "OAK"); !strings.Contains(got, "shade") {
		t.Fatal(got)
	}
	b := p.serve("--preview", "on", "--dialogs", "newer")
	took := until(t, 20*time.Second, "a dialog is published", func() bool { return strings.Contains(a.errs.String(), "another server published") })
	t.Logf("a dialog that one publishes is the other's %v after that one is ready", took.Round(10*time.Millisecond))
	if got := a.text("+12025550102", "OAK"); !strings.Contains(got, "sun") {
		t.Error(got)
	}
	if got := b.text("+12025550101", "repeat"); !strings.Contains(got, "shade") {
		t.Errorf("begun with the old words: %q", got)
	}
	if b.has("timers") || b.has("line telegram") {
		t.Error("the second took over from the first")
	}
	if _, figures := b.get("/metrics"); !regexp.MustCompile(`(?m)^townline_clock_ahead_seconds -?(0\.|\d+(\.\d+)?e-)\d+$`).MatchString(figures) {
		t.Error("the database's clock was not looked at")
	}

	// People write all the time; each has an answer, once.
	const writers = 60
	wrote := make(chan bool)
	go func() {
		defer close(wrote)
		for n := range writers {
			firm.hands(written(int64(100+n), "OAK"))
			<-time.After(50 * time.Millisecond)
		}
	}()
	<-time.After(500 * time.Millisecond)
	told := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- a.stop() }()
	took = until(t, time.Second, "a balancer is told", func() bool { status, _ := a.get("/readyz"); return status == http.StatusServiceUnavailable })
	if status, _ := a.get("/healthz"); status != http.StatusOK || took > 500*time.Millisecond {
		t.Errorf("it isn't there any more (%d), and said so after %v", status, took)
	}
	until(t, 5*time.Second, "the timers are taken over", func() bool { return b.has("timers") })
	timers := time.Since(told)
	until(t, 15*time.Second, "the line is taken over", func() bool { return b.has("line telegram") })
	line := time.Since(told)
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, a.errs)
	}
	end := time.Since(told)
	if timers > 2500*time.Millisecond || line > 4*time.Second || end < time.Second || end > 8*time.Second {
		t.Errorf("timers after %v, Telegram after %v, the end after %v", timers, line, end)
	}
	t.Logf("told to end: timers are the other's after %v, Telegram after %v, ended after %v", timers.Round(time.Millisecond), line.Round(time.Millisecond), end.Round(time.Millisecond))
	<-wrote
	for range writers {
		if got := firm.answers(t); !strings.Contains(got, "Benches") {
			t.Error(got)
		}
	}

	a = p.serve("--preview", "on", "--dialogs", "newer")
	if err := b.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = b.cmd.Wait()
	took = until(t, timersMost, "the timers are taken over", func() bool { return a.has("timers") })
	t.Logf("killed: timers are the other's after %v", took.Round(10*time.Millisecond))
	if len(firm.sent) > 0 {
		t.Errorf("answered again: %q", <-firm.sent)
	}
	if most.Load() != 1 {
		t.Errorf("Telegram was asked by %d at once", most.Load())
	}
}

// timersMost is how long timers wait at most for another server, once theirs was killed, and a busy machine.
const timersMost = 10 * time.Second
