package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/townline/townline/store/postgres/pgtest"
)

var raceFor = flag.Duration("racefor", 10*time.Second, "how long BenchmarkRace measures each")

// racers talk at once.
const racers = 64

// BenchmarkRace holds the same signed dialog with a town on SQLite and with one on PostgreSQL and Redis, by a driver in a process of its
// own, beside what this machine can do at best in the same run. "make race" runs it.
func BenchmarkRace(b *testing.B) {
	driver := filepath.Join(b.TempDir(), "race")
	if out, err := exec.Command("go", "build", "-o", driver, "./race").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	b.Run("bound=append-and-sync", raceAppend)
	b.Run("bound=hello", func(b *testing.B) {
		url, pid := raceHello(b, driver)
		for range b.N {
			race(b, driver, url, url, "hello.txt", map[string]int{"hello": pid})
		}
	})
	b.Run("sqlite", func(b *testing.B) { raceTown(b, driver) })
	pg, err := pgtest.Start("-c", "fsync=on")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pg.Remove)
	b.Run("bound=pgbench", func(b *testing.B) { racePgbench(b, pg) })
	b.Run("postgres+redis", func(b *testing.B) {
		cache, pid := raceRedis(b)
		pid0, err := os.ReadFile(filepath.Join(pg.Dir, "data", "postmaster.pid"))
		if err != nil {
			b.Fatal(err)
		}
		var postmaster int
		if _, err := fmt.Sscan(string(pid0), &postmaster); err != nil {
			b.Fatal(err)
		}
		raceTown(b, driver, raceServer{"postgres", postmaster, "TOWNLINE_STORE_URL=" + pg.Empty(b)}, raceServer{"redis", pid, "TOWNLINE_REDIS_URL=" + cache})
	})
}

// raceServer is what a town needs beside itself.
type raceServer struct {
	name    string
	pid     int
	setting string
}

func raceTown(b *testing.B, driver string, beside ...raceServer) {
	p := newPlace(b)
	if a := p.run("", "init", "."); a.status != 0 {
		b.Fatal(a.err)
	}
	dialog, err := os.ReadFile("race/seven.yaml")
	if err != nil {
		b.Fatal(err)
	}
	p.write("dialogs/race.yaml", string(dialog))
	p.env = append(p.env, "TOWNLINE_PUBLIC_URL="+loadURL, "TOWNLINE_SMS_TWILIO_ACCOUNT_SID="+loadSID,
		"TOWNLINE_SMS_TWILIO_AUTH_TOKEN="+loadToken, "TOWNLINE_SMS_TWILIO_FROM=+12025550100", "TOWNLINE_LOG_LEVEL=warn")
	pids := map[string]int{}
	for _, s := range beside {
		p.env = append(p.env, s.setting)
		pids[s.name] = s.pid
	}
	r := p.serve("--preview", "off")
	pids["townline"] = r.cmd.Process.Pid
	if len(beside) > 0 { // a node that is alone asks for no leases
		pids["idle-townline"] = p.serve("--preview", "off").cmd.Process.Pid
	}
	for range b.N {
		race(b, driver, r.url+"/sms/twilio", loadURL+"/sms/twilio", "seven.txt", pids)
	}
}

// race runs the driver and reports what it measured.
func race(b *testing.B, driver, url, signed, steps string, pids map[string]int) {
	b.Helper()
	var watched []string
	for name, pid := range pids {
		watched = append(watched, fmt.Sprintf("%s=%d", name, pid))
	}
	cmd := exec.CommandContext(b.Context(), driver, "-json", "-url", url, "-signed-url", signed, "-account", loadSID, "-token", loadToken,
		"-steps", filepath.Join("race", steps), "-callers", fmt.Sprint(racers), "-for", raceFor.String(), "-pids", strings.Join(watched, ","))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	var got struct {
		Rate   float64            `json:"turns_per_second"`
		P50    float64            `json:"p50_ms"`
		P99    float64            `json:"p99_ms"`
		CPU    map[string]float64 `json:"cpu_us_per_turn"`
		Memory map[string]float64 `json:"memory_mb"`
		Driver float64            `json:"driver_cpu_us_per_turn"`
	}
	if err := json.Unmarshal(out, &got); err != nil || got.Rate == 0 {
		b.Fatalf("the driver said %s: %v", out, err)
	}
	b.ReportMetric(0, "ns/op") // one of a race says nothing
	b.ReportMetric(got.Rate, "turns/s")
	b.ReportMetric(got.P50, "p50-ms")
	b.ReportMetric(got.P99, "p99-ms")
	b.ReportMetric(got.Driver, "driver-µs/turn")
	for name := range pids {
		b.ReportMetric(got.CPU[name], name+"-µs/turn")
		b.ReportMetric(got.Memory[name], name+"-MB")
	}
}

// raceAppend is the bound of the disk: what 64 turns write, appended and synced at once.
func raceAppend(b *testing.B) {
	for range b.N {
		f, err := os.Create(filepath.Join(b.TempDir(), "log"))
		if err != nil {
			b.Fatal(err)
		}
		batch, turns, at := make([]byte, racers*1024), 0, int64(0)
		for begun := time.Now(); time.Since(begun) < min(*raceFor, 3*time.Second); turns += racers {
			if _, err := f.WriteAt(batch, at); err != nil {
				b.Fatal(err)
			}
			at = (at + int64(len(batch))) % (64 << 20)
			if err := syscall.Fdatasync(int(f.Fd())); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(turns)/time.Since(begun).Seconds(), "turns/s")
		}
		_ = f.Close()
	}
	b.ReportMetric(0, "ns/op")
}

// raceHello is the bound of HTTP.
func raceHello(b *testing.B, driver string) (url string, pid int) {
	cmd := exec.Command(driver, "-hello", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if url, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(url), cmd.Process.Pid
}

func raceRedis(b *testing.B) (address string, pid int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	at := l.Addr().String()
	_ = l.Close() // free now
	_, port, _ := net.SplitHostPort(at)
	cmd := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", b.TempDir())
	if err := cmd.Start(); err != nil {
		b.Fatalf("redis-server is needed for the race: install the package redis-server: %v", err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(10 * time.Second); ; {
		c, err := net.DialTimeout("tcp", at, time.Second)
		if err == nil {
			_ = c.Close()
			return "redis://" + at, cmd.Process.Pid
		}
		if time.Now().After(deadline) {
			b.Fatal("redis-server doesn't answer")
		}
	}
}

// racePgbench is the bound of PostgreSQL, by its own measure.
func racePgbench(b *testing.B, pg *pgtest.Server) {
	name := "pgbench"
	if _, err := exec.LookPath(name); err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
		if len(found) == 0 {
			b.Fatal("pgbench is needed for the race: install the package postgresql")
		}
		name = found[len(found)-1]
	}
	at := []string{"-h", pg.Dir, "-U", "town", "postgres"}
	if out, err := exec.Command(name, append([]string{"-i", "-q", "-s", "10"}, at...)...).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	for range b.N {
		out, err := exec.Command(name, append([]string{"-n", "-M", "prepared", "-j", "2", "-c", fmt.Sprint(racers), "-T", fmt.Sprint(int(max(raceFor.Seconds(), 1)))}, at...)...).CombinedOutput()
		if err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			var tps float64
			if n, _ := fmt.Sscanf(line, "tps = %f", &tps); n == 1 {
				b.ReportMetric(tps, "turns/s")
			}
		}
	}
	b.ReportMetric(0, "ns/op")
}
