package redis

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var ann, ben = [16]byte{1}, [16]byte{2}

const (
	annsTurn = "townline:elmwood:turn:01000000000000000000000000000000"
	bensTurn = "townline:elmwood:turn:02000000000000000000000000000000"
)

// Two nodes hold many turns of one resident, and never two at once.
func TestOneTurnAtATime(t *testing.T) {
	s := start(t)
	nodes := []*Nodes{s.join(), s.join()}
	var inside, most atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				give := leased(nodes[i%2], t.Context(), ann)
				now := inside.Add(1)
				for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
				}
				leased(nodes[1-i%2], t.Context(), ben)()
				inside.Add(-1)
				give()
			}
		})
	}
	all.Wait()
	if most.Load() != 1 {
		t.Fatalf("%d turns of one resident at once", most.Load())
	}
	s.until("has all leases back", func() bool { return s.say("DBSIZE") == ":1\r\n" }) // the list of nodes is there
}

// Whoever comes back late doesn't give away the turn of the next.
func TestLateGive(t *testing.T) {
	s := start(t)
	a, b := s.join(), s.join()
	late := leased(a, t.Context(), ann)
	s.say("FLUSHALL") // as if it had run out
	next := leased(b, t.Context(), ann)
	late()
	leased(a, t.Context(), ben)() // so that it has been given
	if n := s.say("EXISTS " + annsTurn); !strings.HasPrefix(n, ":1") {
		t.Fatal("the next one's turn was given away")
	}
	next()
}

// A node that died with a turn holds nobody up for long, and who doesn't want to wait any more needn't.
func TestLeaseOfADeadNode(t *testing.T) {
	t.Parallel()
	s := start(t)
	a, b := s.join(), s.join()
	leased(a, t.Context(), ann)
	began := time.Now()
	leased(b, t.Context(), ann)()
	if took := time.Since(began); took < leaseWait || took > leaseWait+time.Second {
		t.Errorf("waited for %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	began = time.Now()
	leased(b, ctx, ann)()
	if took := time.Since(began); took > time.Second {
		t.Errorf("waited for %v", took)
	}
	if b.Away() {
		t.Error("who gives up waiting says nothing of the server")
	}
	if n := s.say("PTTL " + annsTurn); strings.HasPrefix(n, ":-") {
		t.Error("the lease never runs out")
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	s := start(t)
	a, b := s.join(), s.join()
	counted(t, a, 2)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	counted(t, a, 1)
	s.say(fmt.Sprintf("ZADD townline:elmwood:nodes %d crashed", time.Now().UnixMilli()))
	counted(t, a, 2)
	counted(t, a, 1) // it gave no sign for a while
	if n := s.say("TTL townline:elmwood:nodes"); strings.HasPrefix(n, ":-") {
		t.Error("the list never runs out")
	}
}

func TestBell(t *testing.T) {
	t.Parallel()
	s := start(t)
	a, b := s.join(), s.join()
	heard := make(chan string, 100)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { b.Hear(ctx, func(what string) { heard <- what }); close(ended) }()
	next := func(want string) {
		t.Helper()
		for {
			select {
			case got := <-heard:
				if got == want {
					return
				}
				if got != "" { // it may join more than once
					t.Fatalf("heard %q, want %q", got, want)
				}
			case <-time.After(15 * time.Second):
				t.Fatalf("%q was not heard", want)
			}
		}
	}
	next("")
	a.Ring(t.Context(), "outbox")
	next("outbox")
	s.kill()
	a.Ring(t.Context(), "lost")
	s.start()
	next("") // it may have missed something
	back(t, a)
	a.Ring(t.Context(), "outbox")
	next("outbox")
	stop()
	<-ended
}

// leaves takes what there is room for on some nodes at once, for so long. It returns how much that was a second, and how much of
// the time in which anybody asked: a busy machine may stop them all for longer than a pace makes up for.
func leaves(t *testing.T, long time.Duration, all ...*Pace) (perSecond, awake float64) {
	t.Helper()
	var mu sync.Mutex
	var sum int
	begin := time.Now()
	end := begin.Add(long)
	took := make([][]time.Time, len(all))
	var each sync.WaitGroup
	for at, p := range all {
		each.Go(func() {
			for i := 0; time.Now().Before(end); i++ {
				n, wait := p.Room(t.Context())
				if n == 0 {
					<-time.After(wait)
					continue
				}
				if i%10 == 0 {
					n += 3 // a long one
				}
				p.Take(n)
				mu.Lock()
				sum += n
				took[at] = append(took[at], time.Now())
				mu.Unlock()
			}
		})
	}
	each.Wait()
	if !all[0].alone { // what one node lets pass by, the other takes
		took = [][]time.Time{slices.SortedFunc(slices.Values(slices.Concat(took...)), time.Time.Compare)}
	}
	var stood time.Duration
	for _, times := range took {
		last := begin
		for _, at := range append(times, end) {
			stood += max(0, at.Sub(last)-lateness) / time.Duration(len(took))
			last = at
		}
	}
	if long >= time.Second && stood > long/3 { // what is shorter only begins
		t.Errorf("for %v of %v nobody asked", stood, long)
	}
	return float64(sum) / long.Seconds(), float64(sum) / (long - stood).Seconds()
}

// keeps checks that some nodes together keep to a rate.
func keeps(t *testing.T, rate float64, long time.Duration, all ...*Pace) {
	t.Helper()
	leaves(t, 200*time.Millisecond, all...) // what a fresh bucket has room for
	whole, awake := leaves(t, long, all...)
	if whole > 1.02*rate || awake < .98*rate {
		t.Errorf("%.1f a second, %.1f of the time that anybody asked, want %.0f", whole, awake, rate)
	}
}

// Two nodes, one rate.
func TestRateOfTwoNodes(t *testing.T) {
	s := start(t)
	const rate = 400
	a, b := s.join().Pace("sms", rate), s.join().Pace("sms", rate)
	keeps(t, rate, 3*time.Second, a, b)
	if n := s.say("PTTL townline:elmwood:pace:sms"); strings.HasPrefix(n, ":-") {
		t.Error("the pace is kept forever")
	}
}

// What one resident gets is counted by all nodes together, and by none without the server.
func TestRateOfOneResident(t *testing.T) {
	s := start(t)
	a, b := s.join(), s.join()
	if wait, known := a.Each(t.Context(), "telegram", ann, 2, 3); wait != 0 || !known {
		t.Errorf("the first waits for %v, %v", wait, known)
	}
	if wait, known := b.Each(t.Context(), "telegram", ann, 2, 1); wait < time.Second || wait > 1500*time.Millisecond || !known {
		t.Errorf("the next waits for %v, %v", wait, known)
	}
	for _, other := range []struct {
		name string
		who  [16]byte
	}{{"telegram", ben}, {"sms", ann}} {
		if wait, known := b.Each(t.Context(), other.name, other.who, 2, 1); wait != 0 || !known {
			t.Errorf("%v waits for %v, %v", other, wait, known)
		}
	}
	if n := s.say("PTTL townline:elmwood:each:telegram:01000000000000000000000000000000"); strings.HasPrefix(n, ":-") {
		t.Error("it is kept forever")
	}
	s.kill()
	leased(a, t.Context(), ann)()
	if _, known := a.Each(t.Context(), "telegram", ann, 2, 1); known {
		t.Error("known by whom?")
	}
}

// Two towns on one server have nothing in common.
func TestTwoTowns(t *testing.T) {
	s := start(t)
	ours := s.join()
	theirs, err := Open("redis://127.0.0.1:"+s.port, "oakville", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	counted(t, ours, 1)
	counted(t, theirs, 1)
	defer leased(ours, t.Context(), ann)()
	if held(t, theirs, ann) {
		t.Error("a turn is leased to another town")
	}
	heard := make(chan string, 10)
	go theirs.Hear(t.Context(), func(what string) { heard <- what })
	<-heard
	ours.Ring(t.Context(), "outbox")
	theirs.Ring(t.Context(), "own")
	if got := <-heard; got != "own" {
		t.Errorf("heard %q of another town", got)
	}
}

// Without the server two nodes together keep to the rate, each at half; what comes back empty makes up for nothing.
func TestRateWithoutServer(t *testing.T) {
	s := start(t)
	const rate = 400
	x, y := s.join(), s.join()
	counted(t, x, 2)
	counted(t, y, 2)
	a, b := x.Pace("sms", rate), y.Pace("sms", rate)
	leaves(t, 200*time.Millisecond, a, b)
	s.kill()
	leaves(t, 500*time.Millisecond, a, b) // until both know
	keeps(t, rate, 2*time.Second, a, b)
	s.start()
	back(t, x)
	back(t, y)
	keeps(t, rate, 2*time.Second, a, b)
}

// Whatever happens to the server, nobody waits for long: the first who asks does, and the rest not at all.
func TestTrouble(t *testing.T) {
	for name, trouble := range map[string]struct{ begin, end func(*server) }{
		"killed": {(*server).kill, (*server).start},
		"paused": {(*server).pause, (*server).resume},
		"full":   {func(s *server) { s.say("CONFIG SET maxmemory 1") }, func(s *server) { s.say("CONFIG SET maxmemory 0") }},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			n := s.hasty()
			counted(t, s.join(), 2) // a node that is alone asks for no lease
			leased(n, t.Context(), ann)()
			trouble.begin(s)
			began := time.Now()
			for range 100 {
				leased(n, t.Context(), ann)()
				n.Ring(t.Context(), "outbox")
				n.Pace("sms", 1).Room(t.Context())
			}
			if took := time.Since(began); took > 4*patience {
				t.Errorf("100 turns took %v", took)
			}
			trouble.end(s)
			back(t, n)
			give := leased(n, t.Context(), ben)
			if got := s.say("EXISTS " + bensTurn); !strings.HasPrefix(got, ":1") {
				t.Errorf("no lease after it: %s", got)
			}
			give()
		})
	}
}

// A server that isn't there yet doesn't keep a node from starting.
func TestStartsWithout(t *testing.T) {
	n := joined(t, "redis://127.0.0.1:"+freePort(t))
	if !n.Away() {
		t.Error("who answered?")
	}
	leased(n, t.Context(), ann)()
	if got, _ := n.Pace("sms", 1000).Room(t.Context()); n.Count() != 1 || got > 1 {
		t.Errorf("%d nodes, room for %d", n.Count(), got)
	}
}

func TestAddress(t *testing.T) {
	o, err := parse("rediss://town:h%40sh@a.example,b.example:7000/?sentinel=main")
	if err != nil || !slices.Equal(o.Addrs, []string{"a.example:6379", "b.example:7000"}) || o.Username != "town" || o.Password != "h@sh" || o.MasterName != "main" || o.TLSConfig == nil || o.TLSConfig.MinVersion < tls.VersionTLS12 {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = parse("redis://:hush@localhost/2"); err != nil || o.Password != "hush" || o.DB != 2 || o.TLSConfig != nil {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = parse("redis://a:1,b:2?cluster=1"); err != nil || !o.IsClusterMode || len(o.Addrs) != 2 {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = parse("redis://a?tls=off"); err != nil || o.TLSConfig != nil {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range []string{"", "localhost:6379", "http://a", "redis://", "redis://a,b", "redis://a:0", "redis://a:1:2", "redis://hush@a,", "redis://a/x", "redis://a/1?cluster=1", "redis://a?sentinel=", "redis://a?hush=1", "redis://a?tls=on", "rediss://a?tls=off", "redis://:hush%@a"} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q is taken", bad)
		} else if strings.Contains(err.Error(), "hush") {
			t.Errorf("%q shows a password: %v", bad, err)
		}
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("redis://a:1,b?cluster=1")
	f.Add("rediss://u:p@[::1]:2/3?sentinel=x")
	f.Fuzz(func(t *testing.T, s string) {
		o, err := parse(s)
		if err == nil && len(o.Addrs) == 0 {
			t.Errorf("%q has no host", s)
		}
	})
}

// Nodes that begin while the server is away divide a rate among as many as another counts, and who counted fewer sends no more than its part
// once it has asked again.
func TestBegunWithoutTheServer(t *testing.T) {
	const limit, seconds = 20.0, 60
	var nodes []*Nodes
	for i := range 3 {
		n, err := open("redis://127.0.0.1:1", "elmwood", 50*time.Millisecond, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		if n.Count() != 1 {
			t.Fatalf("%d nodes, and nobody has counted", n.Count())
		}
		n.CountBy(t.Context(), func(context.Context) (int, error) { return i, nil }) // those before it
		if n.Count() != i+1 {
			t.Errorf("node %d counts %d", i, n.Count())
		}
		nodes = append(nodes, n)
	}
	all, now, sent := func(context.Context) (int, error) { return 3, nil }, time.Now(), 0
	var paces []*Pace
	for _, n := range nodes {
		n.ask(t.Context(), all, 0)
		n.ask(t.Context(), func(context.Context) (int, error) { return 0, errAway }, 0) // then it is as it was
		paces = append(paces, n.Pace("sms", limit))
	}
	for range seconds * 100 {
		now = now.Add(10 * time.Millisecond)
		for _, p := range paces {
			if n, _ := p.roomAlone(now); n > 0 {
				p.granted = 0
				sent += n
			}
		}
	}
	if got := float64(sent) / seconds; got > 1.02*limit || got < 0.9*limit {
		t.Errorf("%.1f a second, the limit is %v", got, limit)
	}
}

// What began without the server asks again by and by, while it is away.
func TestCountedAgainWhileAway(t *testing.T) {
	t.Parallel()
	n, err := open("redis://127.0.0.1:1", "elmwood", 50*time.Millisecond, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	n.CountBy(t.Context(), func(context.Context) (int, error) { return 4, nil })
	for end := time.Now().Add(15 * time.Second); n.Count() != 4; <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it still counts %d", n.Count())
		}
	}
}
