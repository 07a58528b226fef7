package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/townline/townline/store"
	"github.com/townline/townline/store/postgres"
	"github.com/townline/townline/store/sqlite"
)

var (
	faults     = flag.Int("faults", 0, "how often each fault is done in TestFaults…, longer; 0: some of them once")
	faultSeed  = flag.Uint64("fault-seed", 1, "what the order and the length of faults and the crowd's choices begin with")
	faultKill  = flag.Int("fault-kills", 2, "kills in each round of faults")
	faultFor   = flag.Duration("fault-for", 0, "no fault is begun after so long; 0: however long it takes")
	faultCrowd = flag.Int("fault-crowd", 3, "people on each channel")
	faultRush  = flag.Duration("fault-pace", 400*time.Millisecond, "how long people wait between two messages")
	beside     = flag.Bool("fault-beside", false, "break different parts of the town at the same time, each part on its own")
	faultOnly  = flag.String("fault-only", "", "faults whose names have this in them, and kills")
	faultOlder = flag.String("fault-older", "", "a townline built from an older commit: the first node runs it, and makes the tables")
	heldOut    = flag.Duration("fault-patience", 3*time.Second, "how long chats wait in the end for messages that a server took with it; claims hold for two minutes")
)

// mostShort is how many faults a short run does.
const mostShort = 6

// fault breaks something, leaves it broken for a while and mends it.
type fault struct {
	name string
	part string // of the town: what breaks the same part isn't done at the same time
	do   func(chance *rand.Rand) error
}

// The parts that are broken.
const (
	nodesPart   = "nodes"
	killsPart   = "nodes that are killed"
	dataPart    = "database"
	redisPart   = "Redis"
	machinePart = "kiosk machine"
	waysPart    = "ways"
)

// wreck is a town whose parts are broken one after the other while a crowd talks with it.
type wreck struct {
	*crowd
	t      *testing.T
	nodes  []*node
	door   *balancer
	chance *rand.Rand
	begun  time.Time
	worked time.Duration

	tally    sync.Mutex
	silent   map[string][]time.Duration // how long nothing was answered, by fault
	now      int                        // faults that are on
	with     []int                      // how many began while so many others were on
	starts   []time.Duration            // how long nodes took to start after kills
	full     int                        // times that PostgreSQL ended since its disk was full
	cutShort int                        // nodes that were asked to end and cut requests off
}

// worked is how long this process and those that it waited for have used a processor.
func worked() (all time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var used syscall.Rusage
		if syscall.Getrusage(who, &used) == nil {
			all += time.Duration(used.Utime.Nano() + used.Stime.Nano())
		}
	}
	return all
}

func newWreck(t *testing.T, nodes []*node, c *crowd, b *balancer) *wreck {
	return &wreck{t: t, nodes: nodes, crowd: c, door: b, chance: rand.New(rand.NewPCG(*faultSeed, 77)), silent: map[string][]time.Duration{}, begun: time.Now(), worked: worked()}
}

// long is how long something is broken: as told in a long run, a quarter of it in a short one.
func (w *wreck) long(d time.Duration) time.Duration {
	if *faults == 0 {
		d /= 4
	}
	return d
}

// some is one of the nodes.
func (w *wreck) some(chance *rand.Rand) *node { return w.nodes[chance.IntN(len(w.nodes))] }

// waits lets time pass; false: it is over.
func (w *wreck) waits(d time.Duration) bool {
	if w.broken.Load() {
		return false
	}
	end := time.NewTimer(d)
	defer end.Stop()
	for look := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-end.C:
			look.Stop()
			return true
		case <-look.C:
			if w.broken.Load() {
				look.Stop()
				return false
			}
		}
	}
}

func (w *wreck) errs() string {
	var all strings.Builder
	for i, n := range w.nodes {
		for _, line := range n.told() {
			fmt.Fprintf(&all, "node %d: %s\n", i+1, line)
		}
		if n.run != nil {
			text := n.run.errs.String()
			fmt.Fprintf(&all, "node %d: …%s\n", i+1, text[max(0, len(text)-800):])
		}
	}
	return all.String()
}

// kill is kill -9 of one node at any moment.
func (w *wreck) kill(chance *rand.Rand) error {
	w.waits(time.Duration(chance.IntN(300)) * time.Millisecond)
	n := w.some(chance)
	n.kill()
	w.waits(time.Duration(chance.IntN(300)) * time.Millisecond)
	begun := time.Now()
	err := n.up()
	w.tally.Lock()
	w.starts = append(w.starts, time.Since(begun))
	w.tally.Unlock()
	return err
}

// asked has a node end in the midst of traffic, as an upgrade does.
func (w *wreck) asked(chance *rand.Rand) error {
	n := w.some(chance)
	if err := n.ends(); err != nil {
		if !*beside || !strings.Contains(err.Error(), "requests were cut off") {
			return err
		}
		w.tally.Lock()
		w.cutShort++ // what it waited for was away for longer than it may take to end: it says so, and whoever was cut off asks again
		w.tally.Unlock()
	}
	return n.up()
}

// frozen stops a node for longer than anything that it holds is held for.
func (w *wreck) frozen(chance *rand.Rand) error {
	n := w.some(chance)
	n.signal(syscall.SIGSTOP)
	w.waits(3*time.Second + w.long(9*time.Second))
	n.signal(syscall.SIGCONT)
	return nil
}

// slowed has answers of a node come late.
func (w *wreck) slowed(chance *rand.Rand) error {
	n := w.some(chance)
	n.slow.Store(int64(time.Duration(200+chance.IntN(400)) * time.Millisecond))
	w.waits(w.long(2 * time.Second))
	n.slow.Store(0)
	return nil
}

// moved has the clock of the last node be wrong, in both directions, for a while.
func (w *wreck) moved(chance *rand.Rand) error {
	n := w.nodes[len(w.nodes)-1]
	for _, by := range []time.Duration{time.Duration(1+chance.IntN(100)) * time.Second, -time.Duration(1+chance.IntN(100)) * time.Second, 0} {
		n.turnClock(by)
		w.waits(w.long(2 * time.Second))
	}
	return nil
}

// TestFaultsOnOneFile breaks a town on SQLite in every way while people talk with it by texts, menus, chats, calls and pages.
func TestFaultsOnOneFile(t *testing.T) {
	t.Parallel()
	w, p := oneFile(t)
	full := filepath.Join(p.dir, "store", "full")
	all := []fault{{"asked to end", nodesPart, w.asked}, {"frozen", nodesPart, w.frozen}, {"kiosk machine killed", machinePart, w.machineKilled},
		{"clock moved", nodesPart, w.moved}, {"slow way", nodesPart, w.slowed}}
	if small(t, filepath.Join(p.dir, "store"), 96) {
		all = append(all, fault{"disk full", nodesPart, func(chance *rand.Rand) error {
			if err := fill(full); err != nil {
				return err
			}
			w.waits(time.Second + time.Duration(chance.IntN(1000))*time.Millisecond)
			w.nodes[0].kill() // it acknowledges nothing any more until it is started again
			return os.Remove(full)
		}})
	}
	w.begins(*faultCrowd)
	w.rounds(all)
	w.closes()
	s := p.opens()
	defer s.Close()
	w.holds(t, s)
	w.tells()
}

func oneFile(t *testing.T) (*wreck, *place) {
	p := newPlace(t)
	c := newCrowd(t, "127.0.0.1")
	nodes := newNodes(t, p, c.env(), 1)
	b := newBalancer(nodes, *faultSeed)
	c.client.Transport = b
	newMachine(t, c, p, b)
	return newWreck(t, nodes, c, b), p
}

// begins starts all nodes, and has the crowd begin.
func (w *wreck) begins(each int) {
	w.t.Helper()
	for _, n := range w.nodes {
		if err := n.up(); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := w.machine.up(); err != nil {
		w.t.Fatal(err)
	}
	w.begin(each, *faultSeed)
	w.waits(500 * time.Millisecond)
}

// closes waits until everybody has finished and everything has come to the town, and ends it.
func (w *wreck) closes() {
	w.end()
	if err := w.forwarded(); err != nil {
		w.say("%v", err)
	}
	for _, n := range w.nodes {
		if err := n.ends(); err != nil {
			w.say("asked to end, it ended with %v", err)
		}
	}
}

// TestFaultsOnNodes breaks a town of three nodes, each in a network of its own, on a PostgreSQL with a standby that every commit waits
// for, and a Redis with a Sentinel beside each node, while people talk with it through a balancer that knows nothing of who asks.
func TestFaultsOnNodes(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	if err := os.Chmod(filepath.Dir(p.dir), 0o755); err != nil { // PostgreSQL isn't root
		t.Fatal(err)
	}
	country, here := newCountry(t)
	var sites []site
	for range 3 {
		sites = append(sites, country.site())
	}
	d := newPair(t, country, p.dir)
	r := newCache(t, country, sites, p.dir)
	c := newCrowd(t, here.addr)
	nodes := newNodes(t, p, append(c.env(), "TOWNLINE_STORE_URL="+d.address(), "TOWNLINE_REDIS_URL="+r.address()), 3)
	for i, n := range nodes {
		n.listen = sites[i].addr + ":8080"
		if sites[i].space != "" {
			n.command = append([]string{"ip", "netns", "exec", sites[i].space}, n.command...)
		}
	}
	b := newBalancer(nodes, *faultSeed)
	c.client.Transport = b
	newMachine(t, c, p, b)
	w := newWreck(t, nodes, c, b)
	w.begins(*faultCrowd)
	w.rounds(w.faultsAround(country, here, sites, d, r))
	w.closes()
	keys, err := store.LoadKeys(filepath.Join(p.dir, "town.key"), "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), d.servers[d.main].Address(), keys)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w.holds(t, s)
	w.tells()
}

// TestFaultsAreCaught holds a town that nothing happened to against what people were told, and then against tales: each must be
// caught. Without a fault nothing comes to a chat twice.
func TestFaultsAreCaught(t *testing.T) {
	t.Parallel()
	w, p := oneFile(t)
	w.door.calm, w.pace = true, 100*time.Millisecond
	w.begins(2)
	for !w.talked() && w.waits(20*time.Millisecond) {
	}
	w.closes()
	s := p.opens()
	defer s.Close()
	w.holds(t, s)
	if len(w.wrong) > 0 {
		t.Fatal(w.wrong)
	}
	var name, number string
	for name = range w.done {
	}
	for number = range w.reports {
	}
	call, visit := w.who(isCall), w.who(isVisit)
	for tale, tell := range map[string]func() (undo func()){
		"a conversation that was never held":  func() func() { w.done["nobody-1"] = true; return func() { delete(w.done, "nobody-1") } },
		"a record that nobody was told of":    func() func() { delete(w.done, name); return func() { w.done[name] = true } },
		"a call that was never held":          func() func() { w.done["990001"] = true; return func() { delete(w.done, "990001") } },
		"a call that nobody heard the end of": func() func() { delete(w.done, call); return func() { w.done[call] = true } },
		"a visit that the kiosk machine lost": func() func() { w.done["machine9-1"] = true; return func() { delete(w.done, "machine9-1") } },
		"a visit that nobody saw the end of":  func() func() { delete(w.done, visit); return func() { w.done[visit] = true } },
		"a vote that isn't in the box":        func() func() { w.votes.Add(1); return func() { w.votes.Add(-1) } },
		"a vote that nobody cast":             func() func() { w.votes.Add(-1); return func() { w.votes.Add(1) } },
		"a report that was lost":              func() func() { w.reports["999-999-9"] = "nobody"; return func() { delete(w.reports, "999-999-9") } },
		"a report that is there twice": func() func() {
			was := w.reports[number]
			delete(w.reports, number)
			return func() { w.reports[number] = was }
		},
		"a message that never came": func() func() {
			for range 100 { // more than there may be in the outbox
				w.chats.held = append(w.chats.held, waiting{7_000_000, "never"})
			}
			return func() { w.chats.held = nil }
		},
		"a message that came twice": func() func() {
			for range 2 {
				w.chats.shows(7_000_000, "What is the second word after nothing?", false)
			}
			return func() {}
		},
		"a number that two got": func() func() {
			w.ended("nobody-2", 2, "Thank you for it. Your number is "+number)
			was := w.reports[number]
			return func() { w.reports[number] = was }
		},
	} {
		undo := tell()
		w.holds(t, s)
		undo()
		if len(w.wrong) == 0 {
			t.Errorf("%s was not caught", tale)
		}
		w.wrong = nil
		w.broken.Store(false)
	}
}

// talked says whether there is enough to tell tales of.
func (w *wreck) talked() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.done) > 5 && len(w.reports) > 1 && w.who(isCall) != "" && w.who(isVisit) != ""
}

// who is a conversation that ran to its end.
func (w *wreck) who(is func(name string) bool) string {
	for name := range w.done {
		if is(name) {
			return name
		}
	}
	return ""
}

func isCall(name string) bool  { return !strings.Contains(name, "-") }
func isVisit(name string) bool { return strings.HasPrefix(name, "machine") }

// opens opens the file of a town that has ended.
func (p *place) opens() store.Store {
	p.t.Helper()
	keys, err := store.LoadKeys(filepath.Join(p.dir, "town.key"), "")
	if err != nil {
		p.t.Fatal(err)
	}
	s, err := sqlite.Open(filepath.Join(p.dir, "store", "town.db"), keys)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}
