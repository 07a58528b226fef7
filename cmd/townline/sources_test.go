package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/config"
)

// guarded is a server behind the town's own proxy at 10.0.0.1: its requests come from where a test likes.
type guarded struct {
	t *testing.T
	s *server
	h http.Handler

	host    string // that is called; "": example.com
	figures *prometheus.Registry
}

func guard(t *testing.T) *guarded {
	figures := prometheus.NewRegistry()
	s := newServer(slog.New(slog.DiscardHandler), figures, nil)
	s.sources = newSources([]netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")})
	s.mux.HandleFunc("POST /forged", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	s.mux.HandleFunc("POST /signed", func(w http.ResponseWriter, _ *http.Request) { channels.Trust(w) })
	s.mux.HandleFunc("GET /page", func(http.ResponseWriter, *http.Request) {})
	return &guarded{t: t, s: s, h: s.handler(), figures: figures}
}

// counted is a figure without labels.
func (g *guarded) counted(name string) float64 {
	g.t.Helper()
	all, err := g.figures.Gather()
	if err != nil {
		g.t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	g.t.Fatalf("there is no figure %s", name)
	return 0
}

func (g *guarded) ask(from, forwarded, what string) int {
	g.t.Helper()
	method, path, _ := strings.Cut(what, " ")
	r := httptest.NewRequest(method, path, strings.NewReader("words"))
	r.RemoteAddr = net.JoinHostPort(from, "5000")
	if g.host != "" {
		r.Host = g.host
	}
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	w := httptest.NewRecorder()
	g.h.ServeHTTP(w, r)
	return w.Code
}

func (g *guarded) flood(from, forwarded, what string) (last int) {
	g.t.Helper()
	for range mostRefused + 5 {
		last = g.ask(from, forwarded, what)
	}
	return last
}

// Who forges is shut out for a minute, and nobody else is.
func TestWhoForgesIsShutOut(t *testing.T) {
	for name, c := range map[string]struct {
		from, forwarded string // of the flood
		forges          int    // what its last forgery gets
		other, by       string // somebody else
	}{
		"from outside":                    {"198.51.100.7", "", 429, "198.51.100.8", ""},
		"who writes the header themself":  {"198.51.100.7", "203.0.113.1", 429, "203.0.113.1", ""},
		"by the town's proxy":             {"10.0.0.1", "198.51.100.7", 429, "10.0.0.1", "198.51.100.8"},
		"with a false hop before it":      {"10.0.0.1", "198.51.100.8, 198.51.100.7", 429, "10.0.0.1", "198.51.100.8"},
		"in one network of IPv6":          {"2001:db8:1:2::7", "", 429, "2001:db8:1:3::7", ""},
		"by a proxy that nobody named":    {"10.0.0.2", "198.51.100.7", 403, "10.0.0.2", "198.51.100.8"},
		"by one on this very machine":     {"127.0.0.1", "198.51.100.7", 403, "127.0.0.1", "198.51.100.8"},
		"from this machine":               {"127.0.0.1", "", 403, "127.0.0.1", ""},
		"with rubbish in place of a hop":  {"10.0.0.1", "nowhere", 403, "10.0.0.1", "198.51.100.8"},
		"from the house, without a proxy": {"10.0.0.2", "", 403, "10.0.0.2", ""}, // a container's network: everybody comes from there
	} {
		t.Run(name, func(t *testing.T) {
			g := guard(t)
			if got := g.flood(c.from, c.forwarded, "POST /forged"); got != c.forges {
				t.Errorf("after many forgeries the next gets %d, want %d", got, c.forges)
			}
			if got := g.ask(c.other, c.by, "GET /page"); got != 200 {
				t.Errorf("somebody else gets %d", got)
			}
		})
	}
	g := guard(t)
	now := time.Now()
	g.s.sources.now = func() time.Time { return now }
	if got := g.flood("198.51.100.7", "", "POST /forged"); got != 429 {
		t.Fatal(got)
	}
	if got := g.ask("198.51.100.7", "", "POST /signed"); got != 429 {
		t.Errorf("what is shut out is looked at: %d", got)
	}
	now = now.Add(refusedSpan)
	if got := g.ask("198.51.100.7", "", "POST /signed"); got != 200 {
		t.Errorf("it is shut out for longer than a minute: %d", got)
	}
}

// A library, or all of a phone company, may have one address: who forges from there keeps nobody from a page, nor do refusals that a page
// gives make anybody a forger.
func TestPagesStayOpenToNeighboursOfAForger(t *testing.T) {
	for _, page := range []string{"GET /web", "POST /web", "GET /kiosk/say.mp3", "GET /desk/login", "GET " + soundPath + "x.mp3"} {
		g := guard(t)
		g.s.mux.HandleFunc(page, func(http.ResponseWriter, *http.Request) {})
		g.flood("198.51.100.7", "", "POST /forged")
		if got := g.ask("198.51.100.7", "", page); got != 200 {
			t.Errorf("%s: a neighbour gets %d", page, got)
		}
		if got := g.ask("198.51.100.7", "", "POST /forged"); got != 429 {
			t.Errorf("the forger gets %d", got)
		}
		if !g.s.sources.connect(netip.MustParsePrefix("198.51.100.7/32")) {
			t.Error("a neighbour gets no connection")
		}
	}
	g := guard(t)
	g.s.mux.HandleFunc("POST /desk/login", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	g.flood("198.51.100.7", "", "POST /desk/login")
	if got := g.ask("198.51.100.7", "", "POST /signed"); got != 200 {
		t.Errorf("clerks who mistype their passwords shut out whoever signs: %d", got)
	}
}

// A balancer, and who watches, get an answer however many others are there; who comes through the balancer does not.
func TestProbesAreAnsweredInAFlood(t *testing.T) {
	g := guard(t)
	g.s.ready = func(context.Context) error { return nil }
	for i := range mostUnknown {
		g.s.sources.begin(origin{at: netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), 32)}, false, nil)
	}
	for _, c := range []struct {
		from, forwarded, what string
		want                  int
	}{
		{"10.0.0.1", "", "GET /readyz", 200}, {"10.0.0.2", "", "GET /metrics", 200}, {"127.0.0.1", "", "GET /healthz", 200},
		{"10.0.0.1", "198.51.100.7", "GET /readyz", 503}, {"198.51.100.7", "", "GET /readyz", 503}, {"10.0.0.1", "", "GET /page", 503},
	} {
		if got := g.ask(c.from, c.forwarded, c.what); got != c.want {
			t.Errorf("%s from %s %s gets %d, want %d", c.what, c.from, c.forwarded, got, c.want)
		}
	}
}

// The figures are for who is near, or for whom watch.readers names; a proxy that nobody named lets nobody else in, and is told of.
func TestFiguresStayInTheHouse(t *testing.T) {
	for _, c := range []struct {
		from, forwarded, host string
		readers               []netip.Prefix
		want                  int
	}{
		{"127.0.0.1", "", "localhost", nil, 200},
		{"10.0.0.2", "", "town1", nil, 200},
		{"198.51.100.7", "", "town1", nil, 404},
		{"10.0.0.2", "198.51.100.7", "town1", nil, 404},
		{"10.0.0.1", "10.0.0.3", "town1", nil, 404},
		{"172.17.0.1", "", "talk.example.org", nil, 404}, // a container's network, or a proxy that says nothing
		{"127.0.0.1", "", "talk.example.org", nil, 404},
		{"10.0.0.2", "", "town1", prefixes("10.0.0.9/32"), 404},
		{"10.0.0.9", "", "town1", prefixes("10.0.0.9/32"), 200},
		{"198.51.100.7", "", "talk.example.org", prefixes("198.51.100.7/32"), 200},
		{"10.0.0.1", "198.51.100.7", "talk.example.org", prefixes("198.51.100.7/32"), 200},
		{"10.0.0.1", "198.51.100.8", "talk.example.org", prefixes("198.51.100.7/32"), 404},
		{"10.0.0.2", "198.51.100.7", "talk.example.org", prefixes("198.51.100.7/32"), 404}, // who writes the header themself
		{"127.0.0.1", "", "localhost", prefixes("10.0.0.9/32"), 200},                       // doctor asks from here
		{"127.0.0.1", "198.51.100.7", "localhost", prefixes("10.0.0.9/32"), 404},
	} {
		g := guard(t)
		g.s.public, g.s.readers = "https://talk.example.org", c.readers
		g.host = c.host
		if got := g.ask(c.from, c.forwarded, "GET /metrics"); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
		if told := g.counted(unnamedFigure) > 0; told != (c.forwarded != "" && c.from != "10.0.0.1") {
			t.Errorf("%+v: told of a proxy: %v", c, told)
		}
	}
}

// Where the town's proxy is on the server itself, as it is in most towns, who asks from there without it is still heard.
func TestFiguresBesideAProxyOfOnesOwn(t *testing.T) {
	for forwarded, want := range map[string]int{"": 200, "198.51.100.8": 404} {
		g := guard(t)
		g.s.sources.proxies = prefixes("127.0.0.1/32")
		g.s.public, g.s.readers, g.host = "https://talk.example.org", prefixes("10.0.0.9/32"), "localhost"
		if got := g.ask("127.0.0.1", forwarded, "GET /metrics"); got != want {
			t.Errorf("from here, for %q: %d, want %d", forwarded, got, want)
		}
	}
}

func prefixes(all ...string) (out []netip.Prefix) {
	for _, one := range all {
		out = append(out, netip.MustParsePrefix(one))
	}
	return out
}

// What is traced proves who it is from as well.
func TestWhoIsTracedIsTrusted(t *testing.T) {
	g := guard(t)
	traces := newTracing(&config.Config{Watch: config.Watch{Traces: "http://" + free(t), Share: 1}}, slog.New(slog.DiscardHandler))
	defer traces.close(t.Context())
	g.s.follow = traces.requests
	g.h = g.s.handler()
	g.ask("198.51.100.7", "", "POST /signed")
	g.flood("198.51.100.7", "", "POST /forged")
	if got := g.ask("198.51.100.7", "", "POST /signed"); got != 200 {
		t.Errorf("a provider gets %d", got)
	}
}

// A provider's address is shared with its other customers: what one of them forges from there shuts out nobody who signs.
func TestAProvidersAddressStaysOpen(t *testing.T) {
	g := guard(t)
	now := time.Now()
	g.s.sources.now = func() time.Time { return now }
	if got := g.ask("198.51.100.7", "", "POST /signed"); got != 200 {
		t.Fatal(got)
	}
	g.flood("198.51.100.7", "", "POST /forged")
	if got := g.ask("198.51.100.7", "", "POST /signed"); got != 200 {
		t.Errorf("a provider gets %d", got)
	}
	now = now.Add(knownFor)
	if got := g.flood("198.51.100.7", "", "POST /forged"); got != 429 {
		t.Errorf("who signed once may forge for ever: %d", got)
	}
}

// Requests that prove nothing are let in only so many at once from one source; those that do count no more.
func TestOnlySoManyAtOnce(t *testing.T) {
	s := newSources(nil)
	a, b := origin{at: netip.MustParsePrefix("198.51.100.7/32")}, origin{at: netip.MustParsePrefix("198.51.100.8/32")}
	for range mostAtOnce {
		if v := s.begin(a, false, nil); v != welcome {
			t.Fatal(v)
		}
	}
	if v := s.begin(a, false, nil); v != crowded {
		t.Error("one source is let in without end")
	}
	if v := s.begin(b, false, nil); v != welcome {
		t.Error("another source is let in no more")
	}
	s.trust(a, nil)
	if v := s.begin(a, false, nil); v != welcome {
		t.Error("what proved who it is still counts")
	}
	for i := range mostUnknown {
		s.begin(origin{at: netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), 32)}, false, nil)
	}
	if v := s.begin(origin{at: netip.MustParsePrefix("192.0.2.1/32")}, true, nil); v != crowded {
		t.Error("many sources together are let in without end")
	}
	if s.open != mostUnknown {
		t.Errorf("%d requests are let in", s.open)
	}
	if v := s.begin(a, false, nil); v != welcome {
		t.Error("strangers keep a provider out")
	}
}

// Who sends slowly gives up the place to who doesn't: hundreds of requests that never end, from one address, keep nobody out who has
// the same.
func TestSlowRequestsGiveUpTheirPlaces(t *testing.T) {
	s := newServer(slog.New(slog.DiscardHandler), prometheus.NewRegistry(), nil)
	s.sources = newSources(prefixes("127.0.0.1/32"))
	var ahead atomic.Int64
	begun := time.Now()
	s.sources.now = func() time.Time { return begun.Add(time.Duration(ahead.Load())) }
	cut := make(chan error, mostAtOnce)
	s.mux.HandleFunc("POST /web", func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			cut <- err
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.serve(t.Context(), l)
	say := func(length int, body string) net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "POST /web HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.7\r\nContent-Length: %d\r\n\r\n%s", length, body)
		return c
	}
	status := func(c net.Conn) string {
		_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(line)
	}
	for range mostAtOnce {
		say(9, "slow")
	}
	until(t, 30*time.Second, "all are there", func() bool {
		s.sources.mu.Lock()
		defer s.sources.mu.Unlock()
		return s.sources.open == mostAtOnce
	})
	if got := status(say(5, "quick")); !strings.Contains(got, "503") {
		t.Errorf("what has only just begun is cut off: %s", got)
	}
	ahead.Add(int64(2 * slowAfter))
	for i := range 10 {
		if got := status(say(5, "quick")); !strings.Contains(got, "200") {
			t.Fatalf("the %d. neighbour gets %s", i+1, got)
		}
	}
	if err := <-cut; err == nil {
		t.Error("nobody was cut off")
	}
	s.sources.mu.Lock()
	defer s.sources.mu.Unlock()
	if f := s.sources.source(network(parseAddr(t, "198.51.100.7"))); f.open > mostAtOnce || len(f.coming.all) != s.sources.open || len(cut) > 9 {
		t.Errorf("%d have a place, %d are coming, %d more were cut off", f.open, len(f.coming.all), len(cut))
	}
}

// A picture that has come steadily for a minute by a weak line isn't what gives up its place to others, but what came later and says
// next to nothing.
func TestWhoSendsSteadilyKeepsTheirPlace(t *testing.T) {
	s := newSources(nil)
	now := time.Now()
	s.now = func() time.Time { return now }
	from := func(i byte) origin { return origin{at: network(netip.AddrFrom4([4]byte{198, 51, 100, i}))} }
	body := func(sent string) *arriving {
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/web", strings.NewReader(sent))
		r.ContentLength = 2 << 20
		return newArriving(w, r)
	}
	read := func(b *arriving) {
		if _, err := io.ReadFull(b, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
	}
	steady := body(strings.Repeat("p", 300_000))
	s.begin(from(1), true, steady)
	if _, err := io.ReadFull(steady, make([]byte, 300_000)); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	for i := range mostUnknown - 1 {
		b := body("drip")
		if v := s.begin(from(byte(1+i%32)), false, b); v != welcome {
			t.Fatal(v)
		}
		read(b)
	}
	now = now.Add(2 * slowAfter)
	for range 2 * mostAtOnce {
		if v := s.begin(from(1), false, body("")); v != welcome {
			break // all that are left have only just begun
		}
	}
	if v := s.begin(from(99), false, nil); v != welcome {
		t.Error("nobody else is let in:", v)
	}
	if steady.cut {
		t.Error("who sends steadily is cut off")
	}
	cut := body("rest")
	cut.hangUp()
	if n, err := cut.Read(make([]byte, 4)); n > 0 || err == nil {
		t.Errorf("what was cut off is still read: %d, %v", n, err)
	}
}

// What is remembered of sources doesn't grow with them, and those that proved who they are stay longest.
func TestSourcesAreForgotten(t *testing.T) {
	s := newSources(nil)
	at := func(i int) origin {
		return origin{at: netip.PrefixFrom(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), 32)}
	}
	known := origin{at: netip.MustParsePrefix("198.51.100.7/32")}
	s.begin(known, false, nil)
	s.trust(known, nil)
	for i := range 3 * mostSources {
		s.begin(at(i), false, nil)
		s.end(at(i), nil, true)
	}
	if len(s.all) > mostSources {
		t.Errorf("%d are remembered", len(s.all))
	}
	if s.all[known.at] == nil {
		t.Error("a provider was forgotten for who only forged")
	}
	for i := range 100 {
		s.begin(at(1e6+i), false, nil)
		s.end(at(1e6+i), nil, false)
	}
	if s.all[at(1e6).at] != nil {
		t.Error("who did nothing is remembered")
	}
}

// Connections count too: who opens many and says nothing finds the door closed, others don't.
func TestConnectionsAreCounted(t *testing.T) {
	s := newSources(nil)
	one, other := netip.MustParsePrefix("198.51.100.7/32"), netip.MustParsePrefix("198.51.100.8/32")
	for range mostLines {
		if !s.connect(one) {
			t.Fatal("too early")
		}
	}
	if s.connect(one) || !s.connect(other) {
		t.Error("the door is open to who has too many, or closed to who has none")
	}
	s.disconnect(one)
	if !s.connect(one) {
		t.Error("a connection that was closed still counts")
	}
	for i := 0; s.lines < mostAllLines; i++ {
		for range fewLines {
			s.connect(netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), 32))
		}
	}
	if s.connect(other) || !s.connect(netip.Prefix{}) {
		t.Error("when all are taken, who comes from outside gets one, or who comes from the house gets none")
	}
	s.begin(origin{at: other}, false, nil)
	s.trust(origin{at: other}, nil)
	if !s.connect(other) {
		t.Error("when all are taken, a provider gets none")
	}
}

// Who says nothing, or says it letter by letter, is hung up on; who speaks HTTP/2 is told that nobody does.
func TestSlowCallersAreHungUpOn(t *testing.T) {
	s := newServer(slog.New(slog.DiscardHandler), prometheus.NewRegistry(), nil)
	s.reads, s.header = 300*time.Millisecond, 150*time.Millisecond
	read := make(chan error, 1)
	s.mux.HandleFunc("POST /slow", func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.serve(t.Context(), l)
	say := func(words string) string {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprint(c, words)
		answer, err := io.ReadAll(bufio.NewReader(c))
		if err != nil && !strings.Contains(err.Error(), "reset") {
			t.Fatalf("%q: %v", words, err)
		}
		return string(answer)
	}
	if got := say("POST /slow HTTP/1.1\r\nHost: a\r\nX-Slow: "); strings.Contains(got, "200") {
		t.Errorf("half a header got %q", got)
	}
	say("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab")
	if err := <-read; err == nil {
		t.Error("half a body was taken for a whole one")
	}
	if got := say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 505") && !strings.HasPrefix(got, "HTTP/1.1 400") {
		t.Errorf("HTTP/2 got %q", got)
	}
	if got := say("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: " + strings.Repeat("x", 2*mostHeader) + "\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 431") {
		t.Errorf("a header without end got %.40q", got)
	}
	s.sources.mu.Lock()
	defer s.sources.mu.Unlock()
	if len(s.sources.all) > 0 {
		t.Errorf("callers who are gone are remembered: %v", s.sources.all)
	}
}
