package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/townline/townline/store/postgres/pgtest"
)

// pair is a PostgreSQL that is written to, and one that follows it, for which every commit waits; either can have either part.
type pair struct {
	t       *testing.T
	sites   [2]site
	disks   [2]string // folders that can be full; "": none can
	servers [2]*pgtest.Server
	main    int
}

func newPair(t *testing.T, c *country, dir string) *pair {
	t.Helper()
	d := &pair{t: t, sites: [2]site{c.site(), c.site()}}
	for i := range d.disks {
		disk := filepath.Join(dir, fmt.Sprint("disk", i))
		if err := os.Mkdir(disk, 0o755); err != nil {
			t.Fatal(err)
		}
		if !small(t, disk, 512) {
			break
		}
		d.disks[i] = disk
	}
	who := filepath.Join(dir, "who.conf")
	if err := os.WriteFile(who, []byte("local all all trust\nlocal replication all trust\nhost all all all trust\nhost replication all all trust\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := d.sites[0].inside(func() (err error) {
		d.servers[0], err = pgtest.StartIn(d.disks[0], "-c", "listen_addresses="+d.sites[0].addr, "-c", "hba_file="+who, "-c", "max_wal_size=128MB", "-c", "wal_keep_size=256MB", "-c", "wal_sender_timeout=5s",
			"-c", "wal_receiver_timeout=5s", "-c", "wal_retrieve_retry_interval=500ms")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, s := range d.servers {
			if s != nil {
				s.Thaw()
				s.Stop(syscall.SIGQUIT)
				_ = os.RemoveAll(s.Dir)
			}
		}
	})
	if err := d.follows(); err != nil {
		t.Fatal(err)
	}
	return d
}

// address is what nodes have: they find the one that is written to.
func (d *pair) address() string {
	return fmt.Sprintf("postgres://town@%s,%s/postgres?sslmode=disable", d.sites[0].addr, d.sites[1].addr)
}

// tells has the server that is written to, or the other, do something.
func (d *pair) tells(server int, queries ...string) error {
	ctx, done := context.WithTimeout(context.Background(), 10*time.Second)
	defer done()
	c, err := pgx.Connect(ctx, d.servers[server].Address())
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	for _, q := range queries {
		if _, err := c.Exec(ctx, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	return nil
}

// is waits until a query of a server has an answer.
func (d *pair) is(server int, query string) error {
	var err error
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); {
		if err = d.tells(server, "DO $$ BEGIN IF NOT EXISTS ("+query+") THEN RAISE 'not yet'; END IF; END $$"); err == nil {
			return nil
		}
		pause := time.NewTimer(20 * time.Millisecond)
		<-pause.C
	}
	return fmt.Errorf("in vain: %s: %w", query, err)
}

// follows makes the other server anew from the one that is written to.
func (d *pair) follows() error {
	other := 1 - d.main
	err := d.sites[other].inside(func() (err error) {
		d.servers[other], err = d.servers[d.main].StandbyIn(d.disks[other], "-c", "listen_addresses="+d.sites[other].addr, "-c", "primary_conninfo=user=town connect_timeout=2 host="+d.sites[d.main].addr)
		return err
	})
	if err != nil {
		return err
	}
	return d.waitsForBoth()
}

// waitsForBoth has every commit wait for the other server again, once that follows.
func (d *pair) waitsForBoth() error {
	if err := d.is(d.main, "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"); err != nil {
		return err
	}
	return d.tells(d.main, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
}

// promotes puts the other server in the place of one that is lost, which is made anew after it.
func (d *pair) promotes() error {
	lost := d.servers[d.main]
	d.main = 1 - d.main
	if err := d.tells(d.main, "SELECT pg_promote(false)"); err != nil {
		return err
	}
	if err := d.is(d.main, "SELECT 1 WHERE NOT pg_is_in_recovery()"); err != nil {
		return err
	}
	if err := os.RemoveAll(lost.Dir); err != nil {
		return err
	}
	return d.follows()
}

func (d *pair) again(server int) error {
	return d.sites[server].inside(d.servers[server].Again)
}

// cache is a Redis, and another that follows it, with three Sentinels beside the nodes.
type cache struct {
	t       *testing.T
	sites   [2]site
	servers [2]*exec.Cmd
	watch   []site
	dir     string
}

func newCache(t *testing.T, c *country, nodes []site, dir string) *cache {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redis-server is needed to test what nodes share: install the package redis-server")
	}
	r := &cache{t: t, sites: [2]site{c.site(), c.site()}, watch: nodes, dir: dir}
	t.Cleanup(func() { r.kill(0); r.kill(1) })
	r.starts(0)
	r.starts(1, "--replicaof", r.sites[0].addr+" 6379")
	for i, s := range nodes {
		conf := filepath.Join(dir, fmt.Sprintf("sentinel%d.conf", i))
		text := "port 26379\nbind " + s.addr + "\nprotected-mode no\ndir " + dir + "\nsentinel announce-ip " + s.addr + "\nsentinel announce-port 26379\nsentinel monitor town " + r.sites[0].addr + " 6379 2\n" +
			"sentinel down-after-milliseconds town 1000\nsentinel failover-timeout town 4000\n"
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		watch := exec.Command("redis-server", conf, "--sentinel")
		if err := s.inside(watch.Start); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = watch.Process.Kill(); _ = watch.Wait() })
	}
	for _, s := range nodes {
		r.until("SENTINEL MASTER town", s.addr+":26379", "num-other-sentinels\r\n$1\r\n2", "num-slaves\r\n$1\r\n1")
	}
	return r
}

func (r *cache) address() string {
	var all []string
	for _, s := range r.watch {
		all = append(all, s.addr+":26379")
	}
	return "redis://" + strings.Join(all, ",") + "?sentinel=town&tls=off"
}

// starts starts one, with nothing in it.
func (r *cache) starts(i int, args ...string) {
	cmd := exec.Command("redis-server", append([]string{"--port", "6379", "--bind", r.sites[i].addr, "--protected-mode", "no", "--save", "", "--appendonly", "no", "--dir", r.dir, "--replica-announce-ip", r.sites[i].addr}, args...)...)
	if err := r.sites[i].inside(cmd.Start); err != nil {
		r.t.Error(err)
		return
	}
	r.servers[i] = cmd
	r.until("PING", r.sites[i].addr+":6379", "PONG")
}

func (r *cache) kill(i int) {
	if c := r.servers[i]; c != nil {
		_ = c.Process.Kill()
		_ = c.Wait()
		r.servers[i] = nil
	}
}

// main is which is written to, once all Sentinels say so and the other one follows it. One that comes back after the other took its
// place says that it is written to until Sentinel tells it otherwise.
func (r *cache) main() (int, error) {
	said := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		for i, s := range r.sites {
			role := r.asks(s.addr+":6379", "ROLE")
			agreed := strings.Contains(role, "master") && strings.Contains(role, r.sites[1-i].addr) &&
				strings.Contains(r.asks(r.sites[1-i].addr+":6379", "ROLE"), "connected")
			for _, w := range r.watch {
				said = r.asks(w.addr+":26379", "SENTINEL GET-MASTER-ADDR-BY-NAME town")
				agreed = agreed && strings.Contains(said, s.addr)
			}
			if agreed {
				return i, nil
			}
		}
		pause := time.NewTimer(50 * time.Millisecond)
		<-pause.C
	}
	return 0, fmt.Errorf("the Sentinels don't agree: %s", said)
}

// begins does something to the Redis that is written to.
func (r *cache) begins(do func(main int)) error {
	main, err := r.main()
	if err == nil {
		do(main)
	}
	return err
}

// asks is one line to a server, and what it answers within a second.
func (r *cache) asks(addr, line string) string {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprintf(c, "%s\r\n", line)
	b := make([]byte, 8192)
	n, _ := c.Read(b)
	return string(b[:n])
}

func (r *cache) until(line, addr string, want ...string) {
	said := ""
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		said = r.asks(addr, line)
		all := true
		for _, w := range want {
			all = all && strings.Contains(said, w)
		}
		if all {
			return
		}
		pause := time.NewTimer(20 * time.Millisecond)
		<-pause.C
	}
	r.t.Errorf("%s: Redis at %s says %q", line, addr, said)
}

// faults are what happens to the databases, to Redis and to the ways between them and the nodes.
func (w *wreck) faultsAround(c *country, here site, sites []site, d *pair, r *cache) []fault {
	some := func(chance *rand.Rand, most time.Duration) {
		w.waits(most/4 + time.Duration(chance.Int64N(int64(most))))
	}
	cut := func(most time.Duration, pick func(*rand.Rand) (site, []site)) func(*rand.Rand) error {
		return func(chance *rand.Rand) error {
			from, all := pick(chance)
			for _, to := range all {
				mend, err := c.cut(from, to)
				defer mend()
				if err != nil {
					return err
				}
			}
			some(chance, most)
			return nil
		}
	}
	node := func(chance *rand.Rand) site { return sites[chance.IntN(len(sites))] }
	all := []fault{
		{"database lost, standby promoted", dataPart, func(*rand.Rand) error {
			d.servers[d.main].Stop(syscall.SIGQUIT)
			return d.promotes()
		}},
		{"Redis killed, Sentinel takes the other", redisPart, func(*rand.Rand) error {
			return r.begins(func(main int) {
				r.kill(main)
				r.until("ROLE", r.sites[1-main].addr+":6379", "master")
				r.starts(main)
			})
		}},
		{"asked to end", nodesPart, w.asked}, {"frozen", nodesPart, w.frozen}, {"kiosk machine killed", machinePart, w.machineKilled}, {"slow way", nodesPart, w.slowed}, {"clock moved", nodesPart, w.moved},
		{"database killed", dataPart, func(*rand.Rand) error {
			d.servers[d.main].Stop(syscall.SIGKILL)
			return d.again(d.main)
		}},
		{"database restarted", dataPart, func(*rand.Rand) error {
			d.servers[d.main].Stop(syscall.SIGINT)
			return d.again(d.main)
		}},
		{"database frozen", dataPart, func(chance *rand.Rand) error {
			d.servers[d.main].Freeze()
			some(chance, 5*time.Second)
			d.servers[d.main].Thaw()
			return nil
		}},
		{"database slow", dataPart, func(chance *rand.Rand) error {
			for range 30 {
				d.servers[d.main].Freeze()
				w.waits(40 * time.Millisecond)
				d.servers[d.main].Thaw()
				w.waits(20 * time.Millisecond)
			}
			return nil
		}},
		{"standby killed", dataPart, func(*rand.Rand) error { // no commit returns until it is back
			d.servers[1-d.main].Stop(syscall.SIGKILL)
			return d.again(1 - d.main)
		}},
		{"Redis frozen", redisPart, func(chance *rand.Rand) error {
			return r.begins(func(main int) {
				_ = r.servers[main].Process.Signal(syscall.SIGSTOP)
				some(chance, 3*time.Second)
				_ = r.servers[main].Process.Signal(syscall.SIGCONT)
			})
		}},
		{"Redis emptied", redisPart, func(*rand.Rand) error {
			return r.begins(func(main int) { r.asks(r.sites[main].addr+":6379", "FLUSHALL") })
		}},
		{"all of Redis gone, back empty", redisPart, func(chance *rand.Rand) error {
			return r.begins(func(main int) {
				r.kill(0)
				r.kill(1)
				some(chance, 3*time.Second)
				r.starts(main)
				r.starts(1-main, "--replicaof", r.sites[main].addr+" 6379")
			})
		}},
	}
	if d.disks[0] != "" {
		all = append(all, fault{"database's disk full", dataPart, func(chance *rand.Rand) error { return w.fills(d, d.main, chance) }},
			fault{"standby's disk full", dataPart, func(chance *rand.Rand) error { return w.fills(d, 1-d.main, chance) }})
	}
	if c.hub == "" {
		return all
	}
	return append(all, []fault{
		{"cut off from the database", waysPart, cut(6*time.Second, func(chance *rand.Rand) (site, []site) { return node(chance), d.sites[:] })},
		{"cut off from Redis", waysPart, cut(4*time.Second, func(chance *rand.Rand) (site, []site) { return node(chance), r.sites[:] })},
		{"cut off from the balancer", waysPart, cut(3*time.Second, func(chance *rand.Rand) (site, []site) { return node(chance), []site{here} })},
		{"narrow way", waysPart, func(chance *rand.Rand) error {
			mend, err := c.narrow(node(chance))
			defer mend()
			some(chance, 3*time.Second)
			return err
		}},
		{"database cut off from its standby, then lost", dataPart, func(chance *rand.Rand) error {
			mend, err := c.cut(d.sites[0], d.sites[1])
			if err != nil {
				return err
			}
			some(chance, 6*time.Second)
			d.servers[d.main].Stop(syscall.SIGQUIT)
			mend()
			return d.promotes()
		}},
	}...)
}
