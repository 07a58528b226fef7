package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// callee is somebody whom the town rings.
type callee struct {
	*provider
	invite *sip.Request
	cseq   int
}

// rung is the next call of the town's.
func (x *provider) rung() *callee {
	x.t.Helper()
	return &callee{provider: x, invite: x.asked("INVITE"), cseq: 100}
}

// takes answers the call, and waits for the ACK.
func (c *callee) takes(headers ...string) *sip.Request {
	c.t.Helper()
	c.says(c.invite, 180, "")
	c.says(c.invite, 200, c.sdp(), headers...)
	return c.asked("ACK")
}

// sends sends a request within the call.
func (c *callee) sends(method, body string, headers ...string) {
	c.t.Helper()
	c.cseq++
	lines := append([]string{
		method + " " + contactURI.FindStringSubmatch(c.invite.Contact().Value())[1] + " SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport", c.addr(), token()),
		"From: " + c.invite.To().Value() + ";tag=x", "To: " + c.invite.From().Value(), "Call-ID: " + c.invite.CallID().Value(),
		fmt.Sprintf("CSeq: %d %s", c.cseq, method), "Max-Forwards: 70", "Contact: <sip:x@" + c.addr() + ">",
	}, headers...)
	to, err := net.ResolveUDPAddr("udp", c.invite.Source())
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.listen.WriteToUDP([]byte(strings.Join(lines, "\r\n")+fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n", len(body))+body), to); err != nil {
		c.t.Fatal(err)
	}
}

func (c *callee) press(key string) {
	c.t.Helper()
	c.sends("INFO", "Signal="+key, "Content-Type: application/dtmf-relay")
}

// calls makes a line whose calls go out to x.
func calls(x *provider, change ...func(*Trunk)) func(*Config) {
	return func(c *Config) {
		t := Trunk{Name: "trunk", Host: x.addr(), From: "+12025550100", Username: "centre", Password: "s3cret"}
		for _, f := range change {
			f(&t)
		}
		c.Trunks = []Trunk{t}
	}
}

var ann = channels.Address{Kind: "tel", ID: "+12025550123"}

// delivery is a Deliver under way.
type delivery struct {
	receipt string
	err     error
}

func (o *opened) deliver(ctx context.Context, to channels.Address, p render.Page) <-chan delivery {
	done := make(chan delivery, 1)
	go func() {
		receipt, err := o.Deliver(ctx, to, p, "key")
		done <- delivery{receipt, err}
	}()
	return done
}

// Who is rung hears who is calling, and is asked nothing before they pressed 1.
func TestDeliver(t *testing.T) {
	x := newProvider(t)
	o := open(t, calls(x))
	done := o.deliver(t.Context(), ann, render.Page{})
	c := x.rung()
	if c.invite.Recipient.User != ann.ID || c.invite.From().Address.User != "+12025550100" || c.invite.GetHeader("Authorization") != nil {
		t.Error(c.invite)
	}
	ack := c.takes("Record-Route: <sip:"+x.addr()+";lr;n=1>", "Record-Route: <sip:192.0.2.1;lr>")
	if ack.GetHeaders("Route")[0].Value() != "<sip:192.0.2.1;lr>" || len(ack.GetHeaders("Route")) != 2 {
		t.Error(ack)
	}
	c.hears(t)
	o.town.none(t)
	c.press("1")
	d := <-done
	if d.err != nil || d.receipt == "" {
		t.Fatal(d.err)
	}
	if e := o.town.next(t); e.Kind != channels.Dialed || e.From != ann || !e.Out || !strings.HasPrefix(e.ID, d.receipt) {
		t.Errorf("%+v", e)
	}
	c.sends("BYE", "")
	if e := o.town.next(t); e.Kind != channels.HungUp {
		t.Errorf("%+v", e)
	}
	eventually(t, func() bool { return o.Calls() == 0 })
	if receipt := <-o.town.over; receipt != d.receipt { // and how long it lasted
		t.Errorf("the end of %q was told, not of %q", receipt, d.receipt)
	}
	for _, told := range []string{"2025550123", "2025550100", "s3cret"} {
		if strings.Contains(o.log.String(), told) {
			t.Errorf("the log tells %q:\n%s", told, o.log)
		}
	}
}

// A page that the town calls with is said once 1 was pressed.
func TestDeliverAPage(t *testing.T) {
	t.Parallel()
	x := newProvider(t)
	o := open(t, calls(x))
	done := o.deliver(t.Context(), ann, render.Page{Lang: "en", Over: true, Spoken: []render.Spoken{{Words: "Your light is mended."}}})
	c := x.rung()
	c.takes()
	c.press("1")
	if d := <-done; d.err != nil {
		t.Fatal(d.err)
	}
	c.says(c.asked("BYE"), 200, "")
	o.town.none(t)
}

// The password is shown to whoever asks for it, proxy or server; a wrong one once.
func TestDeliverWithAPassword(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code                   int
		question, answer, pass string
	}{
		{407, "Proxy-Authenticate", "Proxy-Authorization", "s3cret"},
		{401, "WWW-Authenticate", "Authorization", "s3cret"},
		{401, "WWW-Authenticate", "Authorization", "other"},
	} {
		x := newProvider(t)
		o := open(t, calls(x))
		done := o.deliver(t.Context(), ann, render.Page{})
		first := x.rung()
		ask := digest.Challenge{Realm: "x", Nonce: "n", Algorithm: "SHA-256", QOP: []string{"auth"}}
		x.says(first.invite, c.code, "", c.question+": "+ask.String())
		x.asked("ACK")
		second := x.rung()
		if second.invite.CallID().Value() != first.invite.CallID().Value() || second.invite.CSeq().SeqNo != first.invite.CSeq().SeqNo+1 || second.invite.Via().Value() == first.invite.Via().Value() {
			t.Errorf("%s\n%s", first.invite, second.invite)
		}
		if !x.right(second.invite, c.answer, ask, "centre", c.pass, 1) {
			if c.pass == "s3cret" {
				t.Error(second.invite)
			}
			x.says(second.invite, c.code, "", c.question+": "+ask.String())
			x.asked("ACK")
			d := <-done
			if after, ok := channels.Retrying(d.err); !ok || after < time.Minute {
				t.Error(d.err)
			}
			continue
		}
		second.takes()
		second.press("1")
		if d := <-done; d.err != nil {
			t.Error(d.err)
		}
		go o.close()
		x.says(x.asked("BYE"), 200, "")
	}
}

func TestDeliverIsNotTaken(t *testing.T) {
	for _, c := range []struct {
		code  int
		retry bool
	}{{486, true}, {600, true}, {480, true}, {503, true}, {408, true}, {404, false}, {484, false}, {604, false}, {410, false}, {603, false}, {607, false}, {302, false}, {403, true}} {
		x := newProvider(t)
		o := open(t, calls(x))
		done := o.deliver(t.Context(), ann, render.Page{})
		invite := x.rung().invite
		x.says(invite, c.code, "", "Contact: <sip:+19005550100@premium.example>")
		d := <-done
		_, retry := channels.Retrying(d.err)
		code, gone := channels.IsGone(d.err)
		if retry != c.retry || gone == c.retry || gone && code != fmt.Sprint(c.code) || strings.Contains(d.err.Error(), "202555") {
			t.Errorf("%d: %v", c.code, d.err)
		}
		if req, ok := x.askedWithin("INVITE", 10*time.Millisecond); ok {
			t.Errorf("%d: rung again\n%s", c.code, req)
		}
		o.close()
	}
	o := open(t, func(c *Config) { c.Trunks[0].Host = "127.0.0.1:9" })
	nowhere := open(t, func(c *Config) { c.Trunks[0].Host = "nowhere.invalid" })
	if _, err := nowhere.Deliver(t.Context(), ann, render.Page{}, ""); !errors.Is(err, channels.ErrNotRung) {
		t.Error(err)
	}
	for _, to := range []channels.Address{{Kind: "tel", ID: "withheld:X"}, {Kind: "tel", ID: "911"}, {Kind: "tel", ID: "sip:+12025550123@evil.example"}, {Kind: "tel", ID: "+12025550123@evil.example"}, {Kind: "tel", ID: "+1 202 555 0123"}, {Kind: "telegram", ID: "+12025550123"}, {}} {
		_, err := o.Deliver(t.Context(), to, render.Page{}, "")
		if _, gone := channels.IsGone(err); !gone {
			t.Errorf("%v: %v", to, err)
		}
	}
	closed, err := New(o.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := closed.Deliver(t.Context(), ann, render.Page{}, ""); err == nil {
		t.Error("rung on a line that isn't open")
	} else if _, ok := channels.Retrying(err); !ok {
		t.Error(err)
	}
}

// It isn't rung for ever; a call that is taken up in that very moment is ended.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	for _, taken := range []bool{false, true} {
		x := newProvider(t)
		o := open(t, func(c *Config) { calls(x)(c); c.Ringing = 100 * time.Millisecond })
		done := o.deliver(t.Context(), ann, render.Page{})
		c := x.rung()
		x.says(c.invite, 180, "")
		cancel := x.asked("CANCEL")
		if cancel.CSeq().SeqNo != c.invite.CSeq().SeqNo || cancel.Via().Value() != c.invite.Via().Value() {
			t.Error(cancel)
		}
		if taken {
			x.says(c.invite, 200, x.sdp())
			x.asked("ACK")
			x.says(x.asked("BYE"), 200, "")
		} else {
			x.says(cancel, 200, "")
			x.says(c.invite, 487, "")
		}
		d := <-done
		if _, ok := channels.Retrying(d.err); !ok || !errors.Is(d.err, errUnanswered) {
			t.Error(d.err)
		}
		o.close()
	}
}

// A line that closes rings nobody any longer.
func TestClosedWhileItRings(t *testing.T) {
	x := newProvider(t)
	o := open(t, calls(x))
	done := o.deliver(t.Context(), ann, render.Page{})
	c := x.rung()
	x.says(c.invite, 180, "")
	go o.close()
	x.says(x.asked("CANCEL"), 200, "")
	x.says(c.invite, 487, "")
	if d := <-done; d.err == nil {
		t.Error("delivered")
	} else if _, ok := channels.Retrying(d.err); !ok {
		t.Error(d.err)
	}
}

// A machine that answers presses nothing; who takes the call and rings off doesn't either.
func TestNobodyPresses(t *testing.T) {
	t.Parallel()
	x := newProvider(t)
	o := open(t, calls(x))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	done := o.deliver(ctx, ann, render.Page{})
	c := x.rung()
	c.takes()
	c.says(c.asked("BYE"), 200, "")
	if d := <-done; d.err == nil {
		t.Error("delivered to a machine")
	}
	second := o.deliver(t.Context(), ann, render.Page{})
	c = x.rung()
	c.takes()
	c.sends("BYE", "")
	if d := <-second; d.err == nil {
		t.Error("delivered to nobody")
	} else if _, ok := channels.Retrying(d.err); !ok {
		t.Error(d.err)
	}
	o.town.none(t)
}

// A trunk that doesn't work is gone around.
func TestAnotherTrunk(t *testing.T) {
	broken, works := newProvider(t), newProvider(t)
	o := open(t, func(c *Config) {
		calls(works)(c)
		first := c.Trunks[0]
		first.Name, first.Host = "broken", broken.addr()
		c.Trunks = []Trunk{first, c.Trunks[0]}
	})
	done := o.deliver(t.Context(), ann, render.Page{})
	broken.says(broken.rung().invite, 503, "")
	c := works.rung()
	c.takes()
	c.press("1")
	if d := <-done; d.err != nil {
		t.Error(d.err)
	}
	c.sends("BYE", "")
}
