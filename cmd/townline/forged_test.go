package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/outpost"
	"github.com/townline/townline/config"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
)

// everyWay is a town that every provider over HTTP calls. What is secret has a mark to be found by.
const everyWay = `public_url: https://talk.example.org
town: {country: US}
sms:
  twilio: {account_sid: AC00000000000000000000000000000000, auth_token: MARKtwilio0123456789abcdef, from: "+12025550100", whatsapp: "+12025550101"}
  gateway: {secret: MARK-gateway-0123456789, from: "+12025550102"}
  kannel: {secret: MARK-kannel-0123456789, allow: 0.0.0.0/1, send_url: "http://127.0.0.1:1/send", username: town, password: MARK-kannel-password}
telegram: {token: "123456789:MARKtelegramAAAAAAAAAAAAAAAAAAAAAAAA", webhook: on, secret: MARK-telegram-secret, api: "http://127.0.0.1:1"}
voice: {twilio: {from: "+12025550103"}}
ussd:
  code: "*384*123#"
  gateways: [africastalking, hubtel, nalo, arkesel, beem, infobip, airtel, hollatags, plain]
  secrets: [africastalking=MARK-ussd-0123456789, hubtel=MARK-ussd-0123456789, nalo=MARK-ussd-0123456789, arkesel=MARK-ussd-0123456789, beem=MARK-ussd-0123456789, infobip=MARK-ussd-0123456789, airtel=MARK-ussd-0123456789, hollatags=MARK-ussd-0123456789, plain=MARK-ussd-0123456789]
kiosk: {outposts: [library=MARK-outpost-0123456789abcdef0123456789]}
`

// untouched is what forged requests may not come near.
type untouched struct {
	t    *testing.T
	what string
}

func (u *untouched) Receive(context.Context, channels.Event) (channels.Reply, error) {
	u.t.Errorf("%s: a turn was begun for a forgery", u.what)
	return channels.Reply{}, errors.New("no")
}

func (u *untouched) Report(context.Context, string, string, channels.Delivery) error {
	u.t.Errorf("%s: a forged report was taken", u.what)
	return errors.New("no")
}

// forgeries are requests as strangers make them, by the line that they are for: path, content type and body.
func forgeries() map[string][][3]string {
	const form, json = "application/x-www-form-urlencoded", "application/json"
	text := "MessageSid=SM1&CallSid=CA1&From=%2B14155550100&To=%2B12025550100&Body=HELP&SmsStatus=delivered&Digits=1"
	all := map[string][][3]string{
		"sms.twilio": {{"/sms/twilio", form, text}, {"/sms/twilio/status", form, text}, {"/sms/twilio", json, `{"Body":"HELP"}`}},
		"sms.gateway": {{"/sms/gateway", json, `{"id":"1","from":"+14155550100","text":"HELP"}`}, {"/sms/gateway/report", json, `{"id":"1","state":"failed"}`},
			{"GET /sms/gateway/outbox", "", ""}},
		"sms.kannel":   {{"/sms/kannel", form, "key=wrong&from=%2B14155550100&text=HELP"}, {"GET /sms/kannel?from=14155550100&text=HELP", "", ""}, {"GET /sms/kannel/dlr?id=1&type=2", "", ""}},
		"telegram":     {{"its own", json, `{"update_id":1,"message":{"message_id":1,"chat":{"id":1},"text":"HELP"}}`}},
		"voice.twilio": {{"/voice/twilio", form, text}, {"/voice/twilio/turn?n=1", form, text}, {"/voice/twilio/out", form, text}, {"/voice/twilio/status", form, text}},
		"outpost": {{"/outpost/library/sync", "application/octet-stream", strings.Repeat("x", 4000)}, {"/outpost/library/ask", "application/octet-stream", "x"},
			{"/outpost/nobody/ask", "application/octet-stream", "x"}},
	}
	dial := "sessionId=1&phoneNumber=%2B14155550100&text=&serviceCode=*384*123%23"
	for name, body := range map[string]string{"africastalking": dial, "airtel": dial, "hollatags": dial, "beem": "{}", "hubtel": "{}", "nalo": "{}", "arkesel": "{}", "plain": "{}"} {
		kind := form
		if body == "{}" {
			kind, body = json, `{"SessionId":"1","session_id":"1","Mobile":"14155550100","msisdn":"14155550100","Message":"*384*123#","Type":"Initiation"}`
		}
		all["ussd."+name] = [][3]string{{"/ussd/" + name, kind, body}, {"/ussd/" + name + "?key=wrong", kind, body}, {"GET /ussd/" + name + "?" + dial, "", ""}}
	}
	all["ussd.infobip"] = [][3]string{{"/ussd/infobip/session/1/start", json, `{"msisdn":"14155550100"}`}}
	return all
}

// fullTown makes the lines of everyWay without opening them.
func fullTown(t *testing.T) []channels.Channel {
	t.Helper()
	p := newPlace(t)
	p.write("townline.yaml", everyWay)
	p.write("key", "")
	c, err := config.Load(config.Source{File: p.dir + "/townline.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	c.USSD.Dir = t.TempDir()
	phrases, err := locales.Load()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := store.LoadKeys(p.dir+"/town.keys", "")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := openWays(&parts{config: c, phrases: phrases, log: slog.New(slog.DiscardHandler), keys: keys, metrics: prometheus.NewRegistry()}, false)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// Whatever a stranger sends to whichever way in, no store is touched for it, and it counts against where it comes from.
func TestForgeriesTouchNoStore(t *testing.T) {
	all := forgeries()
	doors := map[string]channels.Mounter{}
	for _, l := range fullTown(t) {
		if m, ok := l.(channels.Mounter); ok {
			doors[l.Name()] = m
		}
	}
	centre, err := outpost.NewCentre(outpost.CentreSettings{Outposts: map[string]string{"library": "MARK-outpost-0123456789abcdef0123456789"}, Seed: make([]byte, 32), Aside: t.TempDir() + "/aside"})
	if err != nil {
		t.Fatal(err)
	}
	defer centre.Close()
	doors["outpost"] = centre // its books are nil: it would panic
	for name, m := range doors {
		s := newServer(slog.New(slog.DiscardHandler), prometheus.NewRegistry(), nil)
		if p, ok := m.(interface{ Path() string }); ok {
			all[name][0][0] = p.Path()
		}
		in := &untouched{t: t}
		m.Mount(s.mux, in)
		h := s.handler()
		taken := 0
		for _, f := range all[name] {
			method, path, get := strings.Cut(f[0], " ")
			if !get {
				method, path = http.MethodPost, f[0]
			}
			r := httptest.NewRequest(method, path, strings.NewReader(f[2]))
			r.RemoteAddr = "198.51.100.7:5000"
			r.Header.Set("Content-Type", f[1])
			r.Header.Set("X-Twilio-Signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
			in.what = name + " " + f[0]
			if _, pattern := s.mux.Handler(r); pattern == "" {
				continue
			}
			taken++
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusForbidden && w.Code != http.StatusUnauthorized {
				t.Errorf("%s: a forgery gets %d", in.what, w.Code)
			}
			if v := s.sources.all[network(parseAddr(t, "198.51.100.7"))]; v == nil || v.refused == 0 || !v.known.IsZero() {
				t.Errorf("%s: it doesn't count against where it comes from", in.what)
			}
		}
		if taken == 0 {
			t.Errorf("there is no forgery for %s: add one to forgeries", name)
		}
	}
}

const hello = "TOWNLINE_TEST_HELLO"

// sayHello is the least that a server in Go can be, for comparison.
func sayHello() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
}

// BenchmarkForged measures what a request costs a server in CPU: forged, forged by who is shut out for it, and, for comparison, one
// that net/http answers with a word. The requests are written beforehand and sent ten at a time by eight callers.
func BenchmarkForged(b *testing.B) {
	p := newPlace(b)
	p.write("townline.yaml", everyWay+"proxies: [127.0.0.1]\nlog: {level: warn}\n")
	r := p.serve("--preview", "off")
	form := "MessageSid=SM00000000000000000000000000000001&AccountSid=AC00000000000000000000000000000000&From=%2B14155550100&To=%2B12025550100&Body=HELP&NumMedia=0"
	post := func(head string) string {
		return fmt.Sprintf("POST /sms/twilio HTTP/1.1\r\nHost: talk.example.org\r\nContent-Type: application/x-www-form-urlencoded\r\nX-Twilio-Signature: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n%sContent-Length: %d\r\n\r\n%s", head, len(form), form)
	}
	address, pid := startHello(b)
	town := strings.TrimPrefix(r.url, "http://")
	b.Run("hello", func(b *testing.B) { flood(b, address, pid, post(""), 10) })
	b.Run("forged", func(b *testing.B) { flood(b, town, r.cmd.Process.Pid, post(""), 10) })
	b.Run("shut out", func(b *testing.B) { flood(b, town, r.cmd.Process.Pid, post("X-Forwarded-For: 198.51.100.7\r\n"), 10) })
}

func flood(b *testing.B, address string, pid int, request string, atOnce int) {
	before := cpuOf(b, pid)
	left := make(chan int, b.N/atOnce+1)
	for n := b.N; n > 0; n -= atOnce {
		left <- min(n, atOnce)
	}
	close(left)
	done := make(chan error)
	for range 8 {
		go func() {
			var c net.Conn
			var in *bufio.Reader
			for n := range left {
				if c == nil {
					var err error
					if c, err = net.Dial("tcp", address); err != nil {
						done <- err
						return
					}
					in = bufio.NewReader(c)
				}
				_, _ = io.WriteString(c, strings.Repeat(request, n))
				for range n {
					resp, err := http.ReadResponse(in, nil)
					if err != nil {
						done <- err
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					if resp.Close {
						_ = c.Close()
						c = nil
					}
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	b.ReportMetric(float64((cpuOf(b, pid)-before)*1e6)/float64(b.N), "cpu-µs/request")
}

// cpuOf is what a process has used up, in seconds (Linux).
func cpuOf(b testing.TB, pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / 100
}

func startHello(b *testing.B) (address string, pid int) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), hello+"=1")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	address, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(address), cmd.Process.Pid
}

func parseAddr(t *testing.T, s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
