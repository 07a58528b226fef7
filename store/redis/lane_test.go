package redis

import (
	"bytes"
	"context"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// listener hears what a node sends.
type listener struct {
	mu    sync.Mutex
	trips int
	said  []string // commands, and what scripts do
}

func (l *listener) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (l *listener) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, c goredis.Cmder) error {
		l.hears(c)
		return next(ctx, c)
	}
}

func (l *listener) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, all []goredis.Cmder) error {
		l.hears(all...)
		return next(ctx, all)
	}
}

func (l *listener) hears(all ...goredis.Cmder) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var leases []string
	for _, c := range all {
		word := c.Name()
		if word == "evalsha" {
			switch c.Args()[1] {
			case lookAgain.Hash():
				word = "look"
			case giveBack.Hash():
				word = "give"
			default:
				continue
			}
		}
		if word != "hello" {
			leases = append(leases, word)
		}
	}
	if len(leases) == 0 {
		return
	}
	l.trips++
	l.said = append(l.said, leases...)
}

func (l *listener) heard() (trips int, said []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trips, slices.Clone(l.said)
}

// listens begins to hear a node's leases.
func listens(n *Nodes) *listener {
	l := new(listener)
	n.client.AddHook(l)
	return l
}

// among is a node that isn't alone.
func (s *server) among(address string) *Nodes {
	s.t.Helper()
	counted(s.t, s.join(), 1)
	n := joined(s.t, address)
	counted(s.t, n, 2)
	return n
}

func (s *server) address() string { return "redis://127.0.0.1:" + s.port }

// empty waits until all leases are back, as long as none has run out by itself.
func (s *server) empty() {
	s.t.Helper()
	for end := time.Now().Add(leaseLasts - 2*time.Second); s.say("DBSIZE") != ":1\r\n"; <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("leases stay: %s", s.say("KEYS *"))
		}
	}
}

func person(i int) [16]byte { return [16]byte{byte(i), byte(i >> 8), 7} }

func turnOf(r [16]byte) string { return "townline:elmwood:turn:" + hex.EncodeToString(r[:]) }

// farOff is a node to which every answer takes so long; it had a lease before, so that the server knows what it is asked for.
func (s *server) farOff(by time.Duration) *Nodes {
	s.t.Helper()
	var is atomic.Int64
	n := s.among(s.slowly(&is))
	leased(n, s.t.Context(), ben)()
	s.empty()
	is.Store(int64(by))
	return n
}

// Turns that go on at the same time ask for their leases, and give them back, together.
func TestLeasesGoTogether(t *testing.T) {
	t.Parallel()
	s := start(t)
	n := s.farOff(10 * time.Millisecond)
	ear := listens(n)
	const people, turns = 64, 5
	var all sync.WaitGroup
	for i := range people {
		all.Go(func() {
			for range turns {
				give := leased(n, t.Context(), person(i))
				if s.say("EXISTS "+turnOf(person(i))) != ":1\r\n" {
					t.Error("nobody has it")
				}
				give()
			}
		})
	}
	all.Wait()
	s.empty()
	trips, said := ear.heard()
	if len(said) != 2*people*turns || slices.Contains(said, "look") {
		t.Errorf("%d commands for %d leases", len(said), people*turns)
	}
	if trips > len(said)/8 {
		t.Errorf("%d round trips for %d commands", trips, len(said))
	}
	t.Logf("%d commands in %d round trips", len(said), trips)
}

// Whoever is next finds given back what was given back, without a second look: on this node at once.
func TestNextTurn(t *testing.T) {
	t.Parallel()
	s := start(t)
	const by = 100 * time.Millisecond
	n := s.farOff(by)
	ear := listens(n)
	for range 3 {
		give := leased(n, t.Context(), ann)
		began := time.Now()
		give()
		if took := time.Since(began); took >= by {
			t.Errorf("giving back waits for %v", took)
		}
	}
	if _, said := ear.heard(); slices.Contains(said, "look") {
		t.Errorf("somebody had it still: %q", said)
	}
	leased(n, t.Context(), ben)()
	s.empty()
}

// Who gives up waiting cancels nobody else's lease, and leaves none behind.
func TestWhoGivesUp(t *testing.T) {
	t.Parallel()
	s := start(t)
	n := s.farOff(100 * time.Millisecond)
	var all sync.WaitGroup
	leaves, cancel := context.WithCancel(t.Context())
	all.Go(func() { leased(n, leaves, ann)() })
	s.until("has a lease", func() bool { return s.say("EXISTS "+annsTurn) == ":1\r\n" })
	cancel() // before the answer is here
	for i := range 16 {
		all.Go(func() {
			ctx := t.Context()
			if i%2 == 0 {
				some, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
				defer cancel()
				ctx = some
			}
			give := leased(n, ctx, person(i))
			if i%2 == 1 && s.say("EXISTS "+turnOf(person(i))) != ":1\r\n" {
				t.Error("it was given up with others'")
			}
			give()
		})
	}
	all.Wait()
	s.empty()
	if n.Away() || n.slow.Load() {
		t.Error("who gives up says nothing of the server")
	}
}

// breaks is a way to the server that is cut, while it is to be, after three leases of an answer.
func (s *server) breaks(now *atomic.Bool) (address string) {
	s.t.Helper()
	return s.through(func(b []byte) (on []byte, cut bool) {
		cut = now.Load() && bytes.HasPrefix(b, []byte("+OK\r\n"))
		if cut {
			b = b[:len("+OK\r\n")*3]
		}
		return b, cut
	})
}

// A server that breaks off in the middle of its answers: nobody waits, and nobody's lease stays behind once it is back, neither those
// that it had given, nor one that was to be given back meanwhile.
func TestBreaksOff(t *testing.T) {
	t.Parallel()
	s := start(t)
	var now atomic.Bool
	n := s.among(s.breaks(&now))
	held := leased(n, t.Context(), person(9))
	l := n.lanes[0]
	var asking []*lease
	l.mu.Lock() // until all are there
	now.Store(true)
	for i := range 8 {
		r := n.leaseOf(person(i))
		r.errand = taking
		r.where.Store(asked)
		l.queue, asking = append(l.queue, r), append(asking, r)
	}
	l.idle = false
	l.mu.Unlock()
	l.look()
	for i, r := range asking {
		if v := <-r.done; v != without { // the library tells none of them apart
			t.Errorf("%d: %v", i, v)
		}
	}
	if s.say("EXISTS "+turnOf(person(1))) != ":1\r\n" || s.say("EXISTS "+turnOf(person(7))) != ":1\r\n" {
		t.Fatal("it wasn't done: what is there to give back?")
	}
	held()
	held() // which is nothing
	now.Store(false)
	back(t, n)
	s.empty()
}

// What a server refuses to take back, as one whose replicas are gone does, it is given once it takes it.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	n := s.among(s.address())
	give := leased(n, t.Context(), ann)
	s.say("CONFIG SET min-replicas-to-write 1")
	give()
	s.until("is taken for away", n.Away)
	s.say("CONFIG SET min-replicas-to-write 0")
	back(t, n)
	s.empty()
}

// What was to be given back is, however soon a node closes; and a server that hangs doesn't keep it from closing.
func TestCloseGivesBack(t *testing.T) {
	t.Parallel()
	s := start(t)
	n := s.among(s.address())
	var gives []func()
	for i := range 3 * mostTogether {
		gives = append(gives, leased(n, t.Context(), person(i)))
	}
	if s.say("EXISTS "+turnOf(person(7))) != ":1\r\n" {
		t.Fatal("nobody has it")
	}
	for _, give := range gives {
		give()
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.say("DBSIZE"); got != ":1\r\n" {
		t.Errorf("keys stay: %s", got)
	}
	leased(n, t.Context(), ann)() // what comes late does no harm

	hasty := s.hasty()
	counted(t, hasty, 2)
	give := leased(hasty, t.Context(), ann)
	s.pause()
	defer s.resume()
	began := time.Now()
	give()
	_ = hasty.Close()
	if took := time.Since(began); took > 4*patience {
		t.Errorf("closing took %v", took)
	}
}

// A server that has forgotten the scripts learns them again, and nobody notices.
func TestForgottenScripts(t *testing.T) {
	t.Parallel()
	s := start(t)
	a := s.among(s.address())
	b := s.join()
	counted(t, b, 3)
	give := leased(a, t.Context(), ann)
	s.say("SCRIPT FLUSH")
	got := make(chan func(), 1)
	go func() { got <- leased(b, t.Context(), ann) }()
	s.until("knows how to look again", func() bool { return strings.HasPrefix(s.say("SCRIPT EXISTS "+lookAgain.Hash()), "*1\r\n:1") })
	s.say("SCRIPT FLUSH")
	give()
	(<-got)()
	s.empty()
	if a.Away() || b.Away() {
		t.Error("it is taken for away")
	}
}

// A node that is alone for a while asks for no lease, and one that isn't any more does.
func TestAlone(t *testing.T) {
	t.Parallel()
	s := start(t)
	n := s.join()
	ear := listens(n)
	leased(n, t.Context(), ann)() // it can't know yet
	s.until("has a node that knows it is alone", n.alone.Load)
	s.empty()
	before, _ := ear.heard()
	leased(n, t.Context(), ann)()
	if after, _ := ear.heard(); before == 0 || after != before {
		t.Errorf("%d round trips before, %d after", before, after)
	}
	s.join()
	counted(t, n, 2)
	give := leased(n, t.Context(), ann)
	if s.say("EXISTS "+annsTurn) != ":1\r\n" {
		t.Error("no lease with somebody else there")
	}
	give()
}

// What a node sees of others: it is alone when it saw none for as long as one would have shown.
func TestWhoIsAlone(t *testing.T) {
	begin := time.Now()
	type look struct {
		after time.Duration
		count int64 // -1: nobody knows
		alone bool
	}
	for name, all := range map[string][]look{
		"from the beginning":    {{0, 1, false}, {gone - 1, 1, false}, {gone, 1, true}, {gone + beat, 2, false}, {gone + 2*beat, 1, false}, {2*gone + 2*beat, 1, true}},
		"a server begins empty": {{0, 2, false}, {beat, 1, false}, {2 * beat, 2, false}, {3 * beat, 1, false}, {gone + 2*beat, 1, false}, {gone + 3*beat, 1, true}},
		"the server is away":    {{0, 1, false}, {gone, 1, true}, {gone + beat, -1, false}, {gone + 2*beat, 1, false}, {2*gone + beat, 1, false}, {2*gone + 2*beat, 1, true}},
		"nobody answered yet":   {{0, -1, false}, {gone, -1, false}, {gone + beat, 1, false}},
	} {
		n := new(Nodes)
		for _, l := range all {
			if n.sees(begin.Add(l.after), l.count, l.count > 0); n.alone.Load() != l.alone {
				t.Errorf("%s, after %v: alone is %v", name, l.after, !l.alone)
			}
		}
	}
}

// Where something else lies at a key of ours, the server is well all the same: nobody waits for what that key is for, and it is told once.
func TestOddKeys(t *testing.T) {
	t.Parallel()
	s := start(t)
	counted(t, s.join(), 1)
	var told logged
	n, err := open(s.address(), "elmwood", 20*patience, slog.New(slog.NewTextHandler(&told, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	counted(t, n, 2)
	for _, key := range []string{annsTurn, "townline:elmwood:pace:sms", "townline:elmwood:each:sms:" + hex.EncodeToString(ann[:])} {
		s.say("RPUSH " + key + " theirs")
	}
	began := time.Now()
	for range 3 {
		leased(n, t.Context(), ann)()
		n.Pace("sms", 10).Room(t.Context())
		if _, known := n.Each(t.Context(), "sms", ann, 1, 1); known {
			t.Error("it is known what one resident gets")
		}
	}
	if took := time.Since(began); took > leaseWait {
		t.Errorf("three turns took %v", took)
	}
	give := leased(n, t.Context(), ben)
	if s.say("EXISTS "+bensTurn) != ":1\r\n" {
		t.Error("somebody else's lease isn't taken")
	}
	give()
	s.say("SET townline:elmwood:nodes theirs")
	for range 2 {
		n.live(t.Context())
	}
	if n.Away() {
		t.Error("it is taken for away")
	}
	lines := told.String()
	for _, kind := range []string{"turn", "pace", "each", "nodes"} {
		if strings.Count(lines, "townline:elmwood:"+kind) != 1 {
			t.Errorf("not one line of %q:\n%s", kind, lines)
		}
	}
	if strings.Contains(lines, hex.EncodeToString(ann[:4])) {
		t.Errorf("a resident is named:\n%s", lines)
	}
}

// logged is what was logged so far.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// More turns at once than a lane may hold go on without, and nobody waits for them.
func TestCrowd(t *testing.T) {
	n := &Nodes{patience: time.Hour}
	a := &lane{nodes: n, wake: make(chan struct{}, 1)}
	n.lanes = []*lane{a}
	for range mostAsked {
		if !a.add(&lease{nodes: n, lane: a}) {
			t.Fatal("there is no room")
		}
	}
	if a.add(&lease{nodes: n, lane: a}) {
		t.Error("there is no end to it")
	}
	if !a.add(&lease{nodes: n, lane: a, errand: giving}) {
		t.Error("what is given back finds no room")
	}
}
