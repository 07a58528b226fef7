package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// country is networks of a test's own: sites, each a namespace of the kernel's, joined by a hub, which can cut any two off from each
// other without either being told.
type country struct {
	t     *testing.T
	first int    // of the numbers in its addresses
	hub   string // "": there are no networks
	sites int
}

// site is one of its networks; the test itself is at number 0.
type site struct {
	space string // "": the machine's own
	addr  string
}

// newCountry makes it. Who isn't root can make no networks: then sites are addresses of this machine, and none can be cut off.
func newCountry(t *testing.T) (*country, site) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Log("only root can make networks: nothing is cut off, and no way is narrow")
		c := &country{t: t, first: 64 + os.Getpid()%128}
		return c, site{addr: c.addr(0)}
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Fatal("ip is needed to make networks for the test: install the package iproute2")
	}
	c := &country{t: t, first: 64 + os.Getpid()%128}
	c.hub = fmt.Sprintf("town%d-hub", os.Getpid())
	c.makes(c.hub)
	c.ip("netns", "exec", c.hub, "sysctl", "-qw", "net.ipv4.ip_forward=1")
	here := site{addr: c.addr(0)}
	out := fmt.Sprintf("town%d", os.Getpid())
	c.ip("link", "add", out, "type", "veth", "peer", "name", "way0", "netns", c.hub)
	c.ip("addr", "add", here.addr+"/30", "dev", out)
	c.ip("link", "set", out, "up")
	c.joins(0)
	c.ip("route", "add", fmt.Sprintf("10.%d.0.0/16", c.first), "via", c.gate(0))
	return c, here
}

func (c *country) addr(n int) string {
	if c.hub == "" {
		return fmt.Sprintf("127.%d.%d.2", c.first, n)
	}
	return fmt.Sprintf("10.%d.%d.2", c.first, n)
}

func (c *country) gate(n int) string { return fmt.Sprintf("10.%d.%d.1", c.first, n) }

func (c *country) makes(space string) {
	c.ip("netns", "add", space)
	c.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", space).Run() })
	c.ip("-n", space, "link", "set", "lo", "up")
}

// joins has the hub's end of a way answer.
func (c *country) joins(n int) {
	way := fmt.Sprint("way", n)
	c.ip("-n", c.hub, "addr", "add", c.gate(n)+"/30", "dev", way)
	c.ip("-n", c.hub, "link", "set", way, "up")
}

// site makes another.
func (c *country) site() site {
	c.t.Helper()
	c.sites++
	if c.hub == "" {
		return site{addr: c.addr(c.sites)}
	}
	s := site{space: fmt.Sprintf("town%d-%d", os.Getpid(), c.sites), addr: c.addr(c.sites)}
	c.makes(s.space)
	c.ip("-n", c.hub, "link", "add", fmt.Sprint("way", c.sites), "type", "veth", "peer", "name", "out", "netns", s.space)
	c.ip("-n", s.space, "addr", "add", s.addr+"/30", "dev", "out")
	c.ip("-n", s.space, "link", "set", "out", "up")
	c.joins(c.sites)
	c.ip("-n", s.space, "route", "add", "default", "via", c.gate(c.sites))
	return s
}

func (c *country) ip(args ...string) {
	c.t.Helper()
	if b, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		c.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, b)
	}
}

// cut drops everything between two sites until mend is called.
func (c *country) cut(a, b site) (mend func(), err error) {
	for _, way := range [][2]site{{a, b}, {b, a}} {
		if err := c.rule("add", way[0], way[1]); err != nil {
			return func() {}, err
		}
	}
	return func() { _ = c.rule("del", a, b); _ = c.rule("del", b, a) }, nil
}

func (c *country) rule(what string, from, to site) error {
	if b, err := exec.Command("ip", "-n", c.hub, "rule", what, "from", from.addr, "to", to.addr, "blackhole").CombinedOutput(); err != nil {
		return fmt.Errorf("ip rule %s: %w: %s", what, err, b)
	}
	return nil
}

// narrow has what goes to a site come slowly: 400 kbit/s, the rest waits or is dropped.
func (c *country) narrow(s site) (mend func(), err error) {
	way := "way" + strings.TrimPrefix(s.space, fmt.Sprintf("town%d-", os.Getpid()))
	if b, err := exec.Command("tc", "-n", c.hub, "qdisc", "add", "dev", way, "root", "tbf", "rate", "400kbit", "burst", "4kb", "latency", "800ms").CombinedOutput(); err != nil {
		return func() {}, fmt.Errorf("tc: %w: %s", err, b)
	}
	return func() { _ = exec.Command("tc", "-n", c.hub, "qdisc", "del", "dev", way, "root").Run() }, nil
}

// inside starts processes in a site: do runs with its network.
func (s site) inside(do func() error) error {
	if s.space == "" {
		return do()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
	if err != nil {
		return err
	}
	defer own.Close()
	there, err := os.Open(filepath.Join("/run/netns", s.space))
	if err != nil {
		return err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	err = do()
	if back := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); back != nil {
		panic(back) // the thread must not be used again
	}
	return err
}
