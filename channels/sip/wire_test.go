package sip

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/sip/media"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// Most of these tests wait more than they work.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.fuzz").Value.String() == "" {
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// town is an Inbox that asks the same question again and again, and keeps what it heard.
type town struct {
	mu     sync.Mutex
	heard  []channels.Event
	reply  func(e channels.Event) channels.Reply
	signal chan channels.Event
	over   chan string // receipts of calls that are over
}

func newTown() *town {
	return &town{signal: make(chan channels.Event, 1000), over: make(chan string, 1000)}
}

func (t *town) Receive(_ context.Context, e channels.Event) (channels.Reply, error) {
	t.mu.Lock()
	t.heard = append(t.heard, e)
	reply := t.reply
	t.mu.Unlock()
	t.signal <- e
	if reply != nil {
		return reply(e), nil
	}
	return question("Which one?"), nil
}

// answers has it answer in another way.
func (t *town) answers(reply func(channels.Event) channels.Reply) {
	t.mu.Lock()
	t.reply = reply
	t.mu.Unlock()
}

func (t *town) Report(_ context.Context, _, receipt string, d channels.Delivery) error {
	if d.State == channels.Arrived && d.Took >= time.Second {
		t.over <- receipt
	}
	return nil
}

// next waits for the next event.
func (t *town) next(tb testing.TB) channels.Event {
	tb.Helper()
	select {
	case e := <-t.signal:
		return e
	case <-time.After(10 * time.Second):
		tb.Fatal("the town heard nothing")
		return channels.Event{}
	}
}

// none says that nothing more was heard.
func (t *town) none(tb testing.TB) {
	tb.Helper()
	select {
	case e := <-t.signal:
		tb.Fatalf("the town heard %+v", e)
	default:
	}
}

func question(words string) channels.Reply {
	return channels.Reply{Pages: []render.Page{{Lang: "en", Asks: "choice", Spoken: []render.Spoken{{Words: words}}, Listen: &render.Listen{Keys: 1, Wait: 10}}}}
}

// beep is what all words sound like: a tenth of a second of them.
func beep(_ context.Context, p call.Part) (media.Sound, error) {
	return tones(0.2, tone{600, 100}), nil
}

// diary is a log that tests can read.
type diary struct {
	mu sync.Mutex
	b  strings.Builder
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.b.Write(p)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.b.String()
}

// opened is a line that is open, on a port of its own.
type opened struct {
	*SIP
	t     testing.TB
	town  *town
	addr  *net.UDPAddr
	log   *diary
	close func() // and wait
}

// phrases of the house, in all languages.
var phrases = func() *locales.Catalogue {
	c, err := locales.Load()
	if err != nil {
		panic(err)
	}
	return c
}()

// open opens a line with fast timers. change may alter what it is made of, before and after.
func open(t testing.TB, change func(*Config), after ...func(*SIP)) *opened {
	t.Helper()
	log := &diary{}
	cfg := Config{
		Listen: []string{"udp:127.0.0.1:0"}, Trunks: []Trunk{{Name: "trunk", Allow: prefixes("127.0.0.1/32")}},
		Country: "US", Town: "Elmwood", Lang: "en", Phrases: phrases, Voice: beep,
		Log: slog.New(slog.NewTextHandler(log, nil)), Farewell: 2 * time.Second,
	}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.t1 = 20 * time.Millisecond
	for _, f := range after {
		f(s)
	}
	o := &opened{SIP: s, t: t, town: newTown(), log: log}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Listen(ctx, o.town) }()
	closed := sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(15 * time.Second):
			t.Error("the line didn't close")
		}
	})
	o.close = closed
	t.Cleanup(closed)
	eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.life != nil
	})
	for _, x := range s.sockets {
		if x.transport == "UDP" {
			o.addr = net.UDPAddrFromAddrPort(x.addr)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return o
}

func prefixes(all ...string) (out []netip.Prefix) {
	for _, p := range all {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// eventually waits until f is true.
func eventually(t testing.TB, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; {
		if f() {
			return
		}
		if time.Now().After(end) {
			t.Fatal("it never came to that")
		}
		wait := time.NewTimer(time.Millisecond)
		<-wait.C
	}
}

// wire is a telephone exchange whose every packet the test writes itself.
type wire struct {
	t    testing.TB
	conn *net.UDPConn
	line *opened
	rtp  *net.UDPConn
	ids  int
}

func (o *opened) wire() *wire {
	o.t.Helper()
	return o.wireAt("127.0.0.1")
}

func (o *opened) wireAt(ip string) *wire {
	o.t.Helper()
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)}, o.addr)
	if err != nil {
		o.t.Fatal(err)
	}
	rtp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { conn.Close(); rtp.Close() })
	return &wire{t: o.t, conn: conn, line: o, rtp: rtp}
}

// sdp is a description with PCMU, and keys at 101.
func (w *wire) sdp() string {
	at := w.rtp.LocalAddr().(*net.UDPAddr)
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n", at.IP, at.IP, at.Port)
}

// dial is one call from a wire.
type dial struct {
	*wire
	id, from, to string // Call-ID; From and To with their tags
	cseq         int
	branch       string // of the last INVITE
	target       string
	extra        []string // headers of every request
}

func (w *wire) dial() *dial {
	w.ids++
	id := fmt.Sprintf("c%d-%d@wire", w.conn.LocalAddr().(*net.UDPAddr).Port, w.ids)
	return &dial{wire: w, id: id, from: "<sip:+12025550123@wire>;tag=t" + strconv.Itoa(w.ids), to: "<sip:+12025550100@town>", target: "sip:+12025550100@town"}
}

// send sends a request of the call.
func (d *dial) send(method, body string, headers ...string) {
	d.t.Helper()
	if method != "ACK" && method != "CANCEL" {
		d.cseq++
		d.branch = "z9hG4bK" + token()
	}
	branch := d.branch
	if method == "ACK" {
		branch += "a" + strconv.Itoa(d.cseq)
	}
	at := d.conn.LocalAddr()
	lines := []string{
		method + " " + d.target + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=%s;rport", at, branch),
		"From: " + d.from, "To: " + d.to, "Call-ID: " + d.id,
		fmt.Sprintf("CSeq: %d %s", d.cseq, method), "Max-Forwards: 70", fmt.Sprintf("Contact: <sip:wire@%s>", at),
	}
	for _, h := range append(append([]string(nil), d.extra...), headers...) {
		if h != "" {
			lines = append(lines, h)
		}
	}
	if body != "" && !strings.Contains(strings.Join(headers, "\n"), "Content-Type") {
		lines = append(lines, "Content-Type: application/sdp")
	}
	d.raw(strings.Join(lines, "\r\n") + fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n", len(body)) + body)
}

func (w *wire) raw(packet string) {
	w.t.Helper()
	if _, err := w.conn.Write([]byte(packet)); err != nil {
		w.t.Fatal(err)
	}
}

// packet is the next message, or none within d.
func (w *wire) packet(d time.Duration) (sip.Message, bool) {
	w.t.Helper()
	b := make([]byte, 65536)
	w.conn.SetReadDeadline(time.Now().Add(d))
	n, err := w.conn.Read(b)
	if err != nil {
		return nil, false
	}
	m, err := sip.ParseMessage(b[:n])
	if err != nil {
		w.t.Fatalf("%v in\n%s", err, b[:n])
	}
	return m, true
}

// status waits for this answer to the last request; those that say that it goes on, and those to others, are passed over.
func (d *dial) status(code int) *sip.Response {
	d.t.Helper()
	for {
		m, ok := d.packet(5 * time.Second)
		if !ok {
			d.t.Fatalf("no answer; wanted %d", code)
		}
		res, ok := m.(*sip.Response)
		switch {
		case !ok:
			d.t.Fatalf("a request instead of %d:\n%s", code, m)
		case int(res.CSeq().SeqNo) != d.cseq:
		case res.StatusCode == code:
			return res
		case res.StatusCode >= 200:
			d.t.Fatalf("wanted %d:\n%s", code, res)
		}
	}
}

// request waits for a request; responses that come again are passed over.
func (w *wire) request(method string) *sip.Request {
	w.t.Helper()
	for {
		m, ok := w.packet(5 * time.Second)
		if !ok {
			w.t.Fatalf("no %s", method)
		}
		req, ok := m.(*sip.Request)
		switch {
		case !ok:
		case string(req.Method) == method:
			return req
		default:
			w.t.Fatalf("wanted %s:\n%s", method, req)
		}
	}
}

// reply answers a request.
func (w *wire) reply(req *sip.Request, code int, body string, headers ...string) {
	w.t.Helper()
	res := sip.NewResponseFromRequest(req, code, "Said", nil)
	if to := res.To(); code > 100 {
		to.Params.Add("tag", "w")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		res.AppendHeader(sip.NewHeader(name, value))
	}
	if code/100 == 2 && req.IsInvite() {
		res.AppendHeader(sip.NewHeader("Contact", fmt.Sprintf("<sip:wire@%s>", w.conn.LocalAddr())))
	}
	if body != "" {
		if res.ContentType() == nil {
			res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		}
		res.SetBody([]byte(body))
	}
	w.raw(res.String())
}

// up makes the call: INVITE, 200, ACK.
func (d *dial) up(headers ...string) *sip.Response {
	d.t.Helper()
	d.send("INVITE", d.sdp(), headers...)
	res := d.status(200)
	d.took(res)
	d.send("ACK", "")
	return res
}

var contactURI = regexp.MustCompile(`<([^>]+)>`)

// took remembers what an answer says of where to go on.
func (d *dial) took(res *sip.Response) {
	d.to = res.To().Value()
	if c := res.Contact(); c != nil {
		d.target = contactURI.FindStringSubmatch(c.Value())[1]
	}
}
