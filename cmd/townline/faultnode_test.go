package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/townline/townline/store"
)

// node is one server of a town under test.
type node struct {
	t       *testing.T
	dir     string
	env     []string
	command []string // what runs it: the program, with what puts it into a network of its own in front
	part    []string // what the program does; nil: it serves
	listen  string
	clock   string // the file that says how wrong its clock is
	slow    atomic.Int64

	mu   sync.Mutex
	run  *running
	past []string // what runs before this one said of turns that don't follow
}

// told is what it said of a kiosk machine's turns that don't follow what was entered.
func (n *node) told() []string {
	all := n.past
	if n.run == nil {
		return all
	}
	for line := range strings.Lines(n.run.errs.String()) {
		if strings.Contains(line, "doesn't follow") || strings.Contains(line, "put aside") {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}

// clocks in the environment turns the test binary into a townline whose clock is off by what this file says, in seconds.
const clocks = "CLOCK_IS_OFF_BY"

// wrongClock is a clock that somebody has moved.
type wrongClock struct {
	file string
	off  atomic.Int64
}

func newWrongClock(file string) *wrongClock {
	c := &wrongClock{file: file}
	look := func() {
		b, _ := os.ReadFile(file)
		s, _ := strconv.Atoi(string(b))
		c.off.Store(int64(time.Duration(s) * time.Second))
	}
	look()
	go func() {
		for range time.Tick(50 * time.Millisecond) {
			look()
		}
	}()
	return c
}

func (c *wrongClock) Now() time.Time                         { return time.Now().Add(time.Duration(c.off.Load())) }
func (c *wrongClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// newNodes are so many servers of one town in a folder.
func newNodes(t *testing.T, p *place, env []string, many int) (all []*node) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range faultDialogs {
		p.write("dialogs/"+name+".yaml", text)
	}
	p.write("townline.yaml", "dialogs: dialogs\ntown: {name: Elmwood, timezone: UTC}\nstore: {url: 'sqlite:store/town.db', key_file: town.key}\n")
	if err := os.MkdirAll(filepath.Join(p.dir, "store"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := store.LoadKeys(filepath.Join(p.dir, "town.key"), ""); err != nil { // nodes that begin at once don't all make them
		t.Fatal(err)
	}
	for i := range many {
		n := &node{t: t, dir: p.dir, command: []string{binary}, listen: freeDoor(t), clock: filepath.Join(p.dir, fmt.Sprint("clock", i))}
		if many > 1 { // they have no disk in common
			n.dir = filepath.Join(p.dir, fmt.Sprint("node", i))
			p.write(fmt.Sprintf("node%d/townline.yaml", i), "dialogs: ../dialogs\ntown: {name: Elmwood, timezone: UTC}\nstore: {key_file: ../town.key}\n")
		}
		if i == 0 && many > 1 && *faultOlder != "" {
			n.command = []string{*faultOlder}
		}
		n.env = append(append(n.env, p.env...), env...)
		n.env = append(n.env, fmt.Sprintf("TOWNLINE_USSD_DIR=%s", filepath.Join(p.dir, fmt.Sprint("ussd", i))))
		if i == many-1 { // the last one's clock can be moved
			n.command = []string{self}
			n.env = append(n.env, clocks+"="+n.clock)
		}
		all = append(all, n)
		t.Cleanup(n.kill)
	}
	return all
}

func freeDoor(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// up starts it, as often as it takes, as whatever keeps servers running does.
func (n *node) up() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.run != nil {
		return nil
	}
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		args := slices.Concat(n.command[1:], n.part)
		if n.part == nil {
			args = append(args, "serve", "--listen", n.listen)
		}
		if n.run, err = launch(n.command[0], n.dir, n.env, args[0], args[1:]...); err == nil {
			return nil
		}
		pause := time.NewTimer(100 * time.Millisecond)
		<-pause.C
	}
	return fmt.Errorf("it doesn't start: %w", err)
}

// kill is kill -9.
func (n *node) kill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.run != nil {
		_ = n.run.cmd.Process.Kill()
		_ = n.run.cmd.Wait()
		n.past = n.told()
		n.run = nil
	}
}

// ends asks it to end.
func (n *node) ends() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.run == nil {
		return nil
	}
	err := n.run.stop()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, n.run.errs)
	}
	n.past = n.told()
	n.run = nil
	return err
}

func (n *node) signal(s syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.run != nil {
		_ = n.run.cmd.Process.Signal(s)
	}
}

// turnClock makes its clock wrong.
func (n *node) turnClock(by time.Duration) {
	if err := os.WriteFile(n.clock+".new", []byte(strconv.Itoa(int(by/time.Second))), 0o600); err != nil {
		n.t.Error(err)
	}
	if err := os.Rename(n.clock+".new", n.clock); err != nil {
		n.t.Error(err)
	}
}

// balancer gives each request to the next node, and to another where one takes no connection. It knows nothing of who asks.
type balancer struct {
	nodes []*node
	ways  []*http.Transport
	next  atomic.Uint64
	lost  atomic.Int64 // answers that got lost on their way back
	calm  bool         // none does

	mu     sync.Mutex
	chance *rand.Rand
}

func newBalancer(nodes []*node, seed uint64) *balancer {
	b := &balancer{nodes: nodes, chance: rand.New(rand.NewPCG(seed, 2))}
	for _, n := range nodes {
		b.ways = append(b.ways, &http.Transport{MaxIdleConnsPerHost: 64, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			c, err := (&net.Dialer{Timeout: 300 * time.Millisecond}).DialContext(ctx, network, n.listen)
			if err != nil {
				return nil, closed{err}
			}
			return &slowConn{Conn: c, by: &n.slow}, nil
		}})
	}
	return b
}

// closed is a node that takes no connection.
type closed struct{ error }

// slowConn is a way on which each answer takes longer.
type slowConn struct {
	net.Conn
	by *atomic.Int64
}

func (c *slowConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if d := time.Duration(c.by.Load()); d > 0 && n > 0 {
		pause := time.NewTimer(d)
		<-pause.C
	}
	return n, err
}

func (b *balancer) RoundTrip(req *http.Request) (*http.Response, error) {
	var err error
	for range b.nodes {
		i := int(b.next.Add(1)) % len(b.nodes)
		try := req.Clone(req.Context())
		if req.GetBody != nil {
			if try.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
		var resp *http.Response
		if resp, err = b.ways[i].RoundTrip(try); err == nil {
			b.mu.Lock()
			lose := !b.calm && b.chance.IntN(150) == 0
			b.mu.Unlock()
			if lose {
				_ = resp.Body.Close()
				b.lost.Add(1)
				return nil, errors.New("the answer got lost")
			}
			return resp, nil
		}
		var shut closed
		if !errors.As(err, &shut) {
			return nil, err
		}
	}
	return nil, err
}
