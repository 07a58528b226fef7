package redis

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// works checks that everything that nodes share can be shared by way of an address.
func works(t *testing.T, address string) (a, b *Nodes) {
	t.Helper()
	a, b = joined(t, address), joined(t, address)
	counted(t, a, 2)
	counted(t, b, 2)
	for id := range byte(20) { // on all shards
		give := leased(a, t.Context(), [16]byte{id})
		if took := held(t, b, [16]byte{id}); !took {
			t.Fatal("two nodes have one resident's turn")
		}
		give()
	}
	const rate = 400
	one, two := a.Pace("sms", rate), b.Pace("sms", rate)
	keeps(t, rate, 2*time.Second, one, two)
	heard := make(chan string, 100)
	go b.Hear(t.Context(), func(what string) { heard <- what })
	for _, want := range []string{"", "outbox"} {
		select {
		case got := <-heard:
			if got != want {
				t.Fatalf("heard %q, want %q", got, want)
			}
		case <-time.After(15 * time.Second):
			t.Fatalf("%q was not heard", want)
		}
		a.Ring(t.Context(), "outbox")
	}
	if a.Away() || b.Away() {
		t.Fatal("it failed meanwhile")
	}
	return a, b
}

// held says whether somebody else has a resident's turn, without waiting for it.
func held(t *testing.T, n *Nodes, r [16]byte) bool {
	t.Helper()
	began := time.Now()
	done := make(chan func(), 1)
	go func() { done <- leased(n, t.Context(), r) }()
	select {
	case give := <-done:
		give()
		return time.Since(began) > leaseWait
	case <-time.After(20 * time.Millisecond):
		t.Cleanup(func() { (<-done)() })
		return true
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	ranges := []string{"0 5460", "5461 10922", "10923 16383"}
	var all []*server
	for _, s := range ranges {
		bus := freePort(t)
		n := start(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "1000")
		n.say("CLUSTER ADDSLOTSRANGE " + s)
		if len(all) > 0 {
			all[0].say("CLUSTER MEET 127.0.0.1 " + n.port + " " + bus)
		}
		all = append(all, n)
	}
	for i := range 200 { // as the server counts them
		key := turnOf(person(i))
		if got, want := strings.TrimSpace(all[0].say("CLUSTER KEYSLOT "+key)), fmt.Sprint(":", slot([]byte(key))); got != want {
			t.Fatalf("%s has slot %s, not %s", key, got, want)
		}
	}
	for _, n := range all {
		n.until("knows of all shards", func() bool {
			info := n.say("CLUSTER INFO")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3") && strings.Contains(info, "cluster_slots_ok:16384")
		})
	}
	a, b := works(t, "redis://127.0.0.1:"+all[0].port+",127.0.0.1:"+all[1].port+"?cluster=1")
	for _, n := range all {
		n.say("SCRIPT FLUSH")
	}
	leases := func() (n int) {
		for _, s := range all {
			var keys int
			fmt.Sscanf(s.say("DBSIZE"), ":%d", &keys)
			n += keys
		}
		return n
	}
	all[0].until("has only its lasting keys", func() bool { return leases() <= 2 }) // nodes, the pace
	before := leases()
	var together sync.WaitGroup
	for i := range 200 {
		together.Go(func() {
			n := []*Nodes{a, b}[i%2]
			give := leased(n, t.Context(), person(i))
			s := all[0]
			if at := slot([]byte(turnOf(person(i)))); at > 10922 {
				s = all[2]
			} else if at > 5460 {
				s = all[1]
			}
			if s.say("EXISTS "+turnOf(person(i))) != ":1\r\n" {
				t.Error("it isn't where it belongs")
			}
			give()
		})
	}
	together.Wait()
	all[0].until("has all leases back", func() bool { return leases() == before })

	// A shard that hangs holds up its own turns, and few of the others'.
	for i := range 200 { // each has a connection to hang on
		leased(a, t.Context(), person(i))()
	}
	all[2].pause()
	defer all[2].resume()
	for i := range 200 {
		together.Go(func() {
			began := time.Now()
			leased(a, t.Context(), person(i))()
			its := slot([]byte(turnOf(person(i)))) >= 10*slots/lanesOfMany
			if took := time.Since(began); took > a.patience/2 && !its || took > 2*a.patience {
				t.Errorf("a turn waited for %v, its shard hangs: %v", took, its)
			}
		})
	}
	together.Wait()
}

// The one that is written to dies, and the other takes its place.
func TestSentinel(t *testing.T) {
	t.Parallel()
	main := start(t)
	second := start(t, "--replicaof", "127.0.0.1 "+main.port)
	second.until("follows", func() bool { return strings.Contains(second.say("INFO replication"), "master_link_status:up") })
	watch := &server{t: t, port: freePort(t), dir: t.TempDir()}
	conf := filepath.Join(watch.dir, "sentinel.conf")
	if err := os.WriteFile(conf, []byte("port "+watch.port+"\nbind 127.0.0.1\ndir "+watch.dir+`
sentinel monitor town 127.0.0.1 `+main.port+` 1
sentinel down-after-milliseconds town 500
sentinel failover-timeout town 3000
`), 0o600); err != nil {
		t.Fatal(err)
	}
	watch.cmd = exec.Command("redis-server", conf, "--sentinel")
	if err := watch.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watch.kill)
	watch.until("knows of both", func() bool { return strings.Contains(watch.say("SENTINEL REPLICAS town"), second.port) })
	a, b := works(t, "redis://127.0.0.1:"+watch.port+"?sentinel=town")

	main.kill()
	leased(a, t.Context(), ann)()
	leased(b, t.Context(), ann)()
	second.until("takes its place", func() bool { return strings.Contains(second.say("ROLE"), "master") })
	for _, n := range []*Nodes{a, b} {
		back(t, n)
	}
	give := leased(a, t.Context(), ann)
	if !strings.HasPrefix(second.say("EXISTS "+annsTurn), ":1") {
		t.Error("no lease after it")
	}
	give()
}
