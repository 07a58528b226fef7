package main

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

var forgers = flag.Bool("forgers", false, "BenchmarkForgers: 198.18.0.0/15 is this machine's, in a network of its own")

const forger = "TOWNLINE_TEST_FORGER"

// forge is a forger who takes no more trouble than it needs: a system call a step, and nothing looked at. It sends requests, so many at once, so
// many on a connection and so many from an address, and tells what came of it.
func forge(order string) {
	f := strings.Fields(order)
	at := netip.MustParseAddrPort(f[0])
	number := func(i int) int { n, _ := strconv.Atoi(f[i]); return n }
	atOnce, each, fromOne, all := number(1), number(2), number(3), number(4)
	runtime.LockOSThread()
	requests, buf := []byte(strings.Repeat(forgery(), atOnce)), make([]byte, 64<<10)
	answered, lines, refused, from := 0, 0, 0, 0
	for sent := 0; sent < all; {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			panic(err)
		}
		_ = syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1})
		if fromOne > 0 {
			from = sent / fromOne
		}
		if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{198, 19, byte(from >> 8), byte(from)}}); err != nil {
			panic(err)
		}
		if syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}) != nil {
			refused++ // shut out while it was being let in: that was its trouble too
			sent += atOnce
			_ = syscall.Close(fd)
			continue
		}
		lines++
	line:
		for on := 0; on < each && sent < all; on += atOnce {
			_, err := syscall.Write(fd, requests)
			sent += atOnce
			for got := 0; err == nil && got < atOnce; {
				n := 0
				if n, err = syscall.Read(fd, buf); err != nil || n == 0 {
					break line
				}
				now := bytes.Count(buf[:n], []byte("HTTP/1.1 "))
				got, answered = got+now, answered+now
			}
			if err != nil {
				break
			}
		}
		_ = syscall.Close(fd)
	}
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	fmt.Println(answered, lines, refused, used.Utime.Nano()+used.Stime.Nano())
	os.Exit(0)
}

// forgery is a text that Twilio never sent.
func forgery() string {
	form := "MessageSid=SM00000000000000000000000000000001&AccountSid=AC00000000000000000000000000000000&From=%2B14155550100&To=%2B12025550100&Body=HELP&NumMedia=0"
	return fmt.Sprintf("POST /sms/twilio HTTP/1.1\r\nHost: talk.example.org\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Twilio-Signature: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\nContent-Length: %d\r\n\r\n%s", len(form), form)
}

// BenchmarkForgers measures what forged requests cost in CPU: the forger, and the town with all its limits as they are shipped.
func BenchmarkForgers(b *testing.B) {
	if !*forgers {
		b.Skip("run: unshare -rn sh -c 'ip link set lo up; ip route add local 198.18.0.0/15 dev lo; go test ./cmd/townline -run ^$ -bench Forgers -benchtime 50000x -forgers'")
	}
	p := newPlace(b)
	p.write("townline.yaml", everyWay+"log: {level: warn}\n")
	r := p.serve("--preview", "off", "--listen", "198.18.0.1:0")
	for _, c := range []struct {
		name                  string
		atOnce, each, fromOne int
	}{
		{"one address, a connection a request", 1, 1, 0},
		{"one address, connections kept", 1, 1 << 30, 0},
		{"one address, ten at once", 10, 1 << 30, 0},
		{"many addresses, a connection a request", 1, 1, mostRefused - 10},
		{"many addresses, connections kept", 1, mostRefused - 10, mostRefused - 10},
		{"many addresses, ten at once", 10, mostRefused - 10, mostRefused - 10},
	} {
		b.Run(c.name, func(b *testing.B) {
			before := cpuOf(b, r.cmd.Process.Pid)
			self, err := os.Executable()
			if err != nil {
				b.Fatal(err)
			}
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d %d %d", forger, strings.TrimPrefix(r.url, "http://"), c.atOnce, c.each, c.fromOne, b.N))
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				b.Fatal(err)
			}
			ours := (cpuOf(b, r.cmd.Process.Pid) - before) * 1e6
			var answered, lines, refused, theirs float64
			if _, err := fmt.Sscan(string(out), &answered, &lines, &refused, &theirs); err != nil {
				b.Fatal(err, string(out))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(ours/float64(b.N), "town-µs/request")
			b.ReportMetric(theirs/1e3/float64(b.N), "forger-µs/request")
			b.ReportMetric(answered/float64(b.N), "answered")
			b.ReportMetric(lines/float64(b.N), "connections")
			b.ReportMetric(refused/float64(b.N), "refused")
		})
	}
}
