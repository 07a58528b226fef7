package sip

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/sip/media"
	"github.com/townline/townline/dialogs/render"
)

// press is a key that comes by INFO.
func (d *dial) press(key string) {
	d.t.Helper()
	d.send("INFO", "Signal="+key+"\r\nDuration=160\r\n", "Content-Type: application/dtmf-relay")
	d.status(200)
}

// hears says whether sound comes from the town.
func (w *wire) hears(t testing.TB) {
	t.Helper()
	b := make([]byte, 2000)
	w.rtp.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, _, err := w.rtp.ReadFromUDP(b); err != nil || n < 12 || b[0] != 0x80 {
		t.Fatalf("no sound: %d bytes, %v", n, err)
	}
}

// The sound is there before the ACK is; keys are answers; the town knows the end.
func TestACall(t *testing.T) {
	o := open(t, nil)
	d := o.wire().dial()
	d.send("INVITE", d.sdp(), "P-Asserted-Identity: <tel:+12025550177>")
	res := d.status(180)
	ring, _ := res.To().Params.Get("tag")
	res = d.status(200)
	if tag, _ := res.To().Params.Get("tag"); tag == "" || tag != ring {
		t.Errorf("tags %q and %q", ring, tag)
	}
	if !strings.Contains(string(res.Body()), "m=audio") || res.Contact().Address.Port != o.addr.Port {
		t.Error(res)
	}
	d.hears(t)
	d.took(res)
	d.send("ACK", "")
	e := o.town.next(t)
	if e.Kind != channels.Dialed || e.From != (channels.Address{Kind: "tel", ID: "+12025550177"}) || e.To != "+12025550100" || e.Channel != Name || e.ID == "" || e.Withheld || e.Out {
		t.Errorf("%+v", e)
	}
	d.press("2")
	next := o.town.next(t)
	if next.Kind != channels.Message || next.Words != "2" || next.ID == e.ID || next.From != e.From {
		t.Errorf("%+v", next)
	}
	d.send("BYE", "")
	d.status(200)
	if e := o.town.next(t); e.Kind != channels.HungUp {
		t.Errorf("%+v", e)
	}
	eventually(t, func() bool { return o.Calls() == 0 })
	d.send("BYE", "")
	d.status(481)
	for _, told := range []string{"12025550177", "12025550123", "12025550100", "Signal"} {
		if strings.Contains(o.log.String(), told) {
			t.Errorf("the log tells %q:\n%s", told, o.log)
		}
	}
	eventually(t, func() bool { return strings.Contains(o.log.String(), e.ID[:24]) })
}

func TestACallThatDoesNotSayFromWhom(t *testing.T) {
	t.Parallel()
	o := open(t, nil)
	var from []channels.Address
	for range 2 {
		d := o.wire().dial()
		d.extra = []string{"Privacy: id"}
		d.up()
		e := o.town.next(t)
		if !e.Withheld || strings.Contains(e.From.ID, "202555") {
			t.Errorf("%+v", e)
		}
		from = append(from, e.From)
	}
	if from[0] == from[1] {
		t.Error("two callers are one")
	}
}

// An answer that nobody confirms is repeated, and then taken back by a BYE.
func TestNoACK(t *testing.T) {
	t.Parallel()
	o := open(t, nil)
	d := o.wire().dial()
	d.send("INVITE", d.sdp())
	d.took(d.status(200))
	d.cseq += 5
	d.send("ACK", "") // of another INVITE
	d.cseq -= 5
	again := 0
	for bye := false; !bye; {
		m, ok := d.packet(5 * time.Second)
		if !ok {
			t.Fatal("no BYE")
		}
		switch {
		case strings.HasPrefix(m.String(), "SIP/2.0 200"):
			again++
		case strings.HasPrefix(m.String(), "BYE "):
			bye = true
		default:
			t.Fatal(m)
		}
	}
	if again < 5 {
		t.Errorf("the answer came %d times more", again)
	}
	eventually(t, func() bool { return o.Calls() == 0 })
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.half) != 0 {
		t.Error(o.half)
	}
}

// Who rings off before we answer is called back; who takes it back later has a call.
func TestRungOffBeforeWeAnswer(t *testing.T) {
	o := open(t, func(c *Config) { c.Trunks[0].Ring = time.Hour })
	d := o.wire().dial()
	d.send("INVITE", d.sdp())
	d.status(180)
	d.send("CANCEL", "")
	d.status(200)
	d.status(487)
	e := o.town.next(t)
	if e.Kind != channels.Missed || e.From.ID != "+12025550123" || e.ID == "" {
		t.Errorf("%+v", e)
	}
	o.town.none(t)
	eventually(t, func() bool { return o.Calls() == 0 })
	anonymous := o.wire().dial()
	anonymous.extra = []string{"Privacy: id"}
	anonymous.send("INVITE", anonymous.sdp())
	anonymous.status(180)
	anonymous.send("CANCEL", "")
	anonymous.status(200)
	anonymous.status(487)
	eventually(t, func() bool { return o.Calls() == 0 })
	o.town.none(t) // nobody can be called back
}

// Some telephones send a BYE instead of a CANCEL.
func TestByeBeforeWeAnswer(t *testing.T) {
	o := open(t, func(c *Config) { c.Trunks[0].Ring = time.Hour })
	d := o.wire().dial()
	d.send("INVITE", d.sdp())
	invite := d.cseq
	d.took(d.status(180))
	d.send("BYE", "")
	d.status(200)
	d.cseq = invite
	d.status(487)
	if e := o.town.next(t); e.Kind != channels.Missed {
		t.Errorf("%+v", e)
	}
	eventually(t, func() bool { return o.Calls() == 0 })
}

// A trunk whose calls are called back turns them away before they cost anything.
func TestCallback(t *testing.T) {
	t.Parallel()
	o := open(t, func(c *Config) { c.Trunks[0].Callback = true })
	d := o.wire().dial()
	d.send("INVITE", d.sdp())
	d.status(603)
	d.send("ACK", "")
	if e := o.town.next(t); e.Kind != channels.Missed || e.From.ID != "+12025550123" {
		t.Errorf("%+v", e)
	}
	hidden := o.wire().dial()
	hidden.extra = []string{"Privacy: id"}
	hidden.up() // can't be called back
	if e := o.town.next(t); e.Kind != channels.Dialed {
		t.Errorf("%+v", e)
	}
}

func TestWhatIsNotTaken(t *testing.T) {
	t.Parallel()
	o := open(t, nil)
	for _, c := range []struct {
		method, body, headers string
		want                  int
		says                  string
	}{
		{"INVITE", "v=0", "Content-Type: text/plain", 415, "application/sdp"},
		{"INVITE", "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 4000 RTP/AVP 99\r\n", "", 488, ""},
		{"INVITE", "", "Require: replaces", 420, "Unsupported: replaces"},
		{"INVITE", "", "Session-Expires: 30", 422, "Min-SE: 90"},
		{"REFER", "", "Refer-To: <sip:+19005550100@premium.example>", 603, ""},
		{"MESSAGE", "hello", "Content-Type: text/plain", 405, "Allow: INVITE"},
		{"SUBSCRIBE", "", "Event: presence", 405, "Allow: INVITE"},
		{"BYE", "", "", 481, ""},
		{"INFO", "Signal=1", "Content-Type: application/dtmf-relay", 481, ""},
		{"NOTIFY", "", "Event: message-summary", 481, ""},
		{"OPTIONS", "", "", 200, "Allow: INVITE"},
	} {
		d := o.wire().dial()
		d.send(c.method, c.body, strings.Split(c.headers, "\n")...)
		if res := d.status(c.want); !strings.Contains(res.String(), c.says) {
			t.Errorf("%s: %s", c.method, res)
		}
		if c.method == "INVITE" {
			d.send("ACK", "")
		}
	}
	d := o.wire().dial()
	d.up()
	for _, c := range []struct {
		method, headers string
		want            int
	}{
		{"REFER", "Refer-To: <sip:+19005550100@premium.example>", 603},
		{"NOTIFY", "Event: refer", 489},
		{"OPTIONS", "X: y", 200},
		{"INFO", "Content-Type: text/plain", 415},
	} {
		d.send(c.method, "x", c.headers)
		d.status(c.want)
	}
	d.cseq -= 3
	d.send("OPTIONS", "")
	d.status(500) // out of order
	d.cseq += 3
	other := o.wire().dial()
	other.id, other.to, other.from, other.cseq = d.id, d.to, "<sip:thief@wire>;tag=x", 90
	other.send("BYE", "")
	other.status(481)
	if o.Calls() != 1 {
		t.Error(o.Calls())
	}
	if e := o.town.next(t); e.Kind != channels.Dialed {
		t.Error(e)
	}
	o.town.none(t)
}

func TestAsManyCallsAsMayBe(t *testing.T) {
	t.Parallel()
	o := open(t, func(c *Config) { c.MostCalls, c.MostHalfOpen = 3, 2 }, func(s *SIP) { s.t1 = 100 * time.Millisecond })
	first, second, third := o.wire().dial(), o.wire().dial(), o.wire().dial()
	first.send("INVITE", first.sdp())
	first.took(first.status(200))
	second.send("INVITE", second.sdp())
	second.took(second.status(200))
	third.send("INVITE", third.sdp())
	if res := third.status(503); res.GetHeader("Retry-After") == nil { // two are half open
		t.Error(res)
	}
	third.send("ACK", "")
	first.send("ACK", "")
	second.send("ACK", "")
	eventually(t, func() bool { o.mu.Lock(); defer o.mu.Unlock(); return len(o.half) == 0 })
	o.wire().dial().up()
	full := o.wire().dial()
	full.send("INVITE", full.sdp())
	full.status(503)
	full.send("ACK", "")
	first.send("BYE", "")
	first.status(200)
	eventually(t, func() bool { return o.Calls() == 2 })
	o.wire().dial().up()
}

// A call may come without a description: ours goes with the answer, theirs with the ACK.
func TestADescriptionThatComesLate(t *testing.T) {
	t.Parallel()
	o := open(t, nil)
	d := o.wire().dial()
	d.send("INVITE", "")
	res := d.status(200)
	if !strings.Contains(string(res.Body()), "m=audio") {
		t.Error(res)
	}
	d.took(res)
	d.send("ACK", d.sdp())
	d.hears(t)
	bad := o.wire().dial()
	bad.send("INVITE", "")
	bad.took(bad.status(200))
	bad.send("ACK", "")
	bad.reply(bad.request("BYE"), 200, "")
}

// Requests of ours go the way that the call came: by the proxies in between.
func TestRecordRoute(t *testing.T) {
	o := open(t, func(c *Config) {
		c.Trunks[0].Allow = prefixes("127.0.0.1/32")
	})
	d := o.wire().dial()
	at := d.conn.LocalAddr().String()
	d.up("Record-Route: <sip:"+at+";lr;x=1>, <sip:192.0.2.7:5070;lr>", "Record-Route: <sip:192.0.2.8;lr>")
	o.town.next(t)
	go o.close()
	bye := d.request("BYE")
	var routes []string
	for _, h := range bye.GetHeaders("Route") {
		routes = append(routes, h.Value())
	}
	want := fmt.Sprintf("<sip:%s;lr;x=1>|<sip:192.0.2.7:5070;lr>|<sip:192.0.2.8;lr>", at)
	if strings.Join(routes, "|") != want || bye.Recipient.String() != "sip:wire@"+at {
		t.Error(bye)
	}
	d.reply(bye, 200, "")
}

// What the town says last is said to its end before the BYE; when the line closes, a sentence comes before it.
func TestLastWords(t *testing.T) {
	o := open(t, nil)
	o.town.answers(func(e channels.Event) channels.Reply {
		return channels.Reply{Over: true, Pages: []render.Page{{Lang: "en", Spoken: []render.Spoken{{Words: "Goodbye."}}}}}
	})
	d := o.wire().dial()
	d.up()
	d.hears(t)
	d.reply(d.request("BYE"), 200, "")
	eventually(t, func() bool { return o.Calls() == 0 })
	if e := o.town.next(t); e.Kind != channels.Dialed {
		t.Errorf("%+v", e)
	}
	o.town.none(t)
}

func TestTheLineCloses(t *testing.T) {
	said := make(chan string, 100)
	o := open(t, func(c *Config) {
		voice := c.Voice
		c.Voice = func(ctx context.Context, p call.Part) (media.Sound, error) {
			said <- p.Words
			return voice(ctx, p)
		}
	})
	d := o.wire().dial()
	d.up()
	if e := o.town.next(t); e.Kind != channels.Dialed {
		t.Errorf("%+v", e)
	}
	if words := <-said; words != "Which one?" {
		t.Error(words)
	}
	done := make(chan bool)
	go func() { o.close(); close(done) }()
	if words := <-said; !strings.Contains(words, "call") {
		t.Errorf("the last words are %q", words)
	}
	d.reply(d.request("BYE"), 200, "")
	<-done
	if e := o.town.next(t); e.Kind != channels.HungUp {
		t.Errorf("%+v", e)
	}
}
