package sip

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// desks makes a line that passes calls on, with calls that go out to x.
func desks(x *provider, change ...func(*Trunk)) func(*Config) {
	return func(c *Config) {
		t := Trunk{Name: "trunk", Allow: prefixes("127.0.0.1/32"), Host: x.addr(), From: "+12025550100"}
		for _, f := range change {
			f(&t)
		}
		c.Trunks = []Trunk{t}
		c.Desks = map[string]string{"": "+12025550150", "roads": "sip:roads@" + x.addr()}
	}
}

// asksForAPerson is a town that passes the call on at once.
func asksForAPerson(desk string) func(channels.Event) channels.Reply {
	return func(e channels.Event) channels.Reply {
		if e.Kind == channels.Dialed {
			return channels.Reply{Pass: &channels.Pass{Desk: desk}, Pages: []render.Page{{Lang: "en", Spoken: []render.Spoken{{Words: "One moment."}}}}}
		}
		return question("Nobody is there. What now?")
	}
}

// A call is passed on by the trunk, to where the town's own configuration says.
func TestPassedOnByTheTrunk(t *testing.T) {
	t.Parallel()
	for desk, want := range map[string]string{"roads": "sip:roads@", "": "sip:+12025550150@", "unknown": "sip:+12025550150@"} {
		x := newProvider(t)
		o := open(t, desks(x))
		o.town.answers(asksForAPerson(desk))
		d := o.wire().dial()
		d.up()
		refer := d.request("REFER")
		if to := refer.GetHeader("Refer-To").Value(); !strings.HasPrefix(to, "<"+want+"127.0.0.1:") {
			t.Error(to)
		}
		d.reply(refer, 202, "")
		for i, state := range []string{"100 Trying", "180 Ringing", "200 OK"} {
			d.send("NOTIFY", "SIP/2.0 "+state+"\r\n", "Event: refer", "Subscription-State: "+[]string{"active", "active", "terminated;reason=noresource"}[i], "Content-Type: message/sipfrag")
			d.status(200)
		}
		d.reply(d.request("BYE"), 200, "")
		if e := o.town.next(t); e.Kind != channels.Dialed {
			t.Errorf("%+v", e)
		}
		eventually(t, func() bool { return o.Calls() == 0 })
		o.town.none(t)
		o.close()
	}
}

// Nobody answers at the desk: the caller is with the town again.
func TestNobodyAtTheDesk(t *testing.T) {
	t.Parallel()
	x := newProvider(t)
	o := open(t, desks(x))
	o.town.answers(asksForAPerson(""))
	d := o.wire().dial()
	d.up()
	d.reply(d.request("REFER"), 202, "")
	d.send("NOTIFY", "SIP/2.0 486 Busy Here\r\n", "Event: refer;id=2", "Subscription-State: terminated", "Content-Type: message/sipfrag")
	d.status(200)
	for _, want := range []channels.EventKind{channels.Dialed, channels.Returned} {
		if e := o.town.next(t); e.Kind != want {
			t.Errorf("%+v", e)
		}
	}
	d.hears(t)
	d.press("1")
	if e := o.town.next(t); e.Words != "1" {
		t.Errorf("%+v", e)
	}
}

// A trunk that says yes and then mayn't pass the call on has not asked the desk: we ring it.
func TestPassingOnIsForbidden(t *testing.T) {
	t.Parallel()
	x := newProvider(t)
	o := open(t, desks(x))
	o.town.answers(asksForAPerson("roads"))
	d := o.wire().dial()
	d.up()
	d.reply(d.request("REFER"), 202, "")
	d.send("NOTIFY", "SIP/2.0 403 Forbidden\r\n", "Event: refer", "Subscription-State: terminated", "Content-Type: message/sipfrag")
	c := x.rung()
	if c.invite.Recipient.User != "roads" {
		t.Error(c.invite)
	}
	c.takes()
	eventually(t, func() bool { return strings.Contains(o.log.String(), "passed on to a desk") })
	c.sends("BYE", "")
	eventually(t, func() bool { return o.Calls() == 0 })
}

// Where a trunk doesn't pass calls on, we ring the desk and join both; whoever rings off first ends it.
func TestJoinedWithTheDesk(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"caller", "desk"} {
		for _, bridge := range []bool{false, true} {
			x := newProvider(t)
			o := open(t, desks(x, func(t *Trunk) { t.Bridge = bridge }))
			o.town.answers(asksForAPerson("roads"))
			d := o.wire().dial()
			d.up()
			if !bridge {
				d.reply(d.request("REFER"), 405, "")
			}
			c := x.rung()
			if c.invite.Recipient.User != "roads" {
				t.Error(c.invite)
			}
			d.hears(t) // that it rings
			c.takes()
			eventually(t, func() bool { return strings.Contains(o.log.String(), "passed on to a desk") })
			if first == "caller" {
				d.send("BYE", "")
				d.status(200)
				c.says(c.asked("BYE"), 200, "")
			} else {
				c.sends("BYE", "")
				d.reply(d.request("BYE"), 200, "")
			}
			eventually(t, func() bool { return o.Calls() == 0 })
			o.town.next(t)
			o.town.none(t)
			o.close()
		}
	}
}

func TestTheDeskIsNotReached(t *testing.T) {
	t.Parallel()
	x := newProvider(t)
	o := open(t, desks(x, func(t *Trunk) { t.Bridge = true }))
	o.town.answers(asksForAPerson(""))
	d := o.wire().dial()
	d.up()
	x.says(x.rung().invite, 486, "")
	x.asked("ACK")
	o.town.next(t)
	if e := o.town.next(t); e.Kind != channels.Returned {
		t.Errorf("%+v", e)
	}
	// The caller rings off while the desk rings: that is taken back.
	d = o.wire().dial()
	d.up()
	c := x.rung()
	x.says(c.invite, 180, "")
	d.send("BYE", "")
	d.status(200)
	x.says(x.asked("CANCEL"), 200, "")
	x.says(c.invite, 487, "")
	x.asked("ACK")
	eventually(t, func() bool { return o.Calls() == 1 })
}

// A town without a desk, or without a way to it, has nobody to pass calls on to.
func TestNoDesk(t *testing.T) {
	t.Parallel()
	x := newProvider(t)
	o := open(t, func(c *Config) { desks(x)(c); c.Desks = nil })
	o.town.answers(asksForAPerson(""))
	o.wire().dial().up()
	for _, want := range []channels.EventKind{channels.Dialed, channels.Returned} {
		if e := o.town.next(t); e.Kind != want {
			t.Errorf("%+v", e)
		}
	}
}

func TestWhereADeskMayBe(t *testing.T) {
	for number, ok := range map[string]bool{
		"+12025550150": true, "202-555-0150": true, "104": true, "sip:roads@pbx.example:5070": true, "sip:roads@pbx.example?Replaces=x": true,
		"": false, "roads": false, "tel:+12025550150": false, "sip:": false, "12": true, "1": false,
	} {
		_, err := New(Config{Voice: beep, Phrases: phrases, Country: "US", Desks: map[string]string{"x": number}})
		if (err == nil) != ok {
			t.Errorf("%q: %v", number, err)
		}
	}
	o := open(t, nil)
	if uri, err := o.desk("sip:roads@pbx.example?Replaces=x", sip.Uri{}); err != nil || strings.Contains(uri.String(), "Replaces") {
		t.Error(uri.String(), err)
	}
}
