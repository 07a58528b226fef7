package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/sip/media"
	"github.com/townline/townline/dialogs/render"
)

// Two towns ring each other, by every transport: one calls, the other answers and presses what is to be pressed.
func TestTwoTowns(t *testing.T) {
	t.Parallel()
	own := certificate(t)
	for _, c := range []struct {
		transport, at string
		srtp          media.Encryption
	}{{"udp", "127.0.0.1", media.Off}, {"udp", "[::1]", media.Offered}, {"tcp", "127.0.0.1", media.Off}, {"tls", "127.0.0.1", media.Required}} {
		t.Run(c.transport+" "+c.at, func(t *testing.T) {
			t.Parallel()
			listen := func(cfg *Config) {
				cfg.Listen, cfg.TLS = []string{c.transport + ":" + c.at + ":0"}, own
				cfg.Trunks = []Trunk{{Name: "trunk", Allow: prefixes("127.0.0.1/32", "::1/128"), Transport: c.transport, SRTP: c.srtp}}
			}
			there := open(t, listen, usual)
			here := open(t, func(cfg *Config) {
				listen(cfg)
				cfg.Trunks[0].Host, cfg.Trunks[0].From = there.sockets[0].addr.String(), "+12025550100"
			}, usual)
			done := here.deliver(t.Context(), ann, render.Page{})
			e := there.town.next(t)
			if e.From.ID != "+12025550100" || e.To != ann.ID {
				t.Errorf("%+v", e)
			}
			var theirs *leg
			there.mu.Lock()
			for _, l := range there.legs {
				theirs = l
			}
			there.mu.Unlock()
			// What the town there says goes on; its line presses the key that the town here waits for.
			eventually(t, func() bool {
				theirs.do(t.Context(), theirs.request("INFO", []byte("Signal=1"), "application/dtmf-relay"))
				select {
				case d := <-done:
					if d.err != nil {
						t.Error(d.err)
					}
					return true
				default:
					return false
				}
			})
			if e := here.town.next(t); e.Kind != channels.Dialed {
				t.Errorf("%+v", e)
			}
			if c.at == "127.0.0.1" && c.transport != "udp" && theirs.contact().Address.UriParams.String() == "" {
				t.Error(theirs.contact())
			}
			here.close()
			for {
				if e := there.town.next(t); e.Kind == channels.HungUp {
					break
				}
			}
			eventually(t, func() bool { return strings.Contains(there.log.String(), "call ended") })
			if encrypted := strings.Contains(there.log.String(), "encrypted=true"); encrypted != (c.srtp != media.Off) {
				t.Errorf("encrypted is %v", encrypted)
			}
		})
	}
}

// Who can't show a certificate that is trusted is not rung, and who rings without encryption where there should be is not
// taken for the trunk.
func TestAnotherCertificate(t *testing.T) {
	there := open(t, func(cfg *Config) {
		cfg.Listen, cfg.TLS, cfg.Trunks[0].Transport = []string{"tls:127.0.0.1:0", "udp:127.0.0.1:0"}, certificate(t), "tls"
	}, usual)
	here := open(t, func(cfg *Config) {
		cfg.TLS = &tls.Config{RootCAs: certificate(t).RootCAs}
		cfg.Trunks = []Trunk{{Name: "trunk", Host: there.sockets[0].addr.String(), Transport: "tls"}}
	}, usual)
	if _, err := here.Deliver(t.Context(), ann, render.Page{}, ""); err == nil {
		t.Error("rung by whoever")
	} else if _, ok := channels.Retrying(err); !ok || strings.Contains(err.Error(), "202555") {
		t.Error(err)
	}
	d := there.wire().dial()
	d.send("INVITE", d.sdp())
	d.status(403)
	there.town.none(t)
}

// A line that closed can be opened again.
func TestOpenedAgain(t *testing.T) {
	o := open(t, nil)
	o.close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Listen(ctx, o.town) }()
	eventually(t, func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return !o.closing
	})
	o.addr = net.UDPAddrFromAddrPort(o.sockets[0].addr)
	d := o.wire().dial()
	d.up()
	d.send("BYE", "")
	d.status(200)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A socket that breaks ends Listen, so that the line can be opened anew.
func TestASocketBreaks(t *testing.T) {
	s, err := New(Config{Listen: []string{"udp:127.0.0.1:0"}, Voice: beep, Phrases: phrases, Trunks: []Trunk{{Name: "trunk", Allow: prefixes("127.0.0.1/32")}}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Listen(t.Context(), newTown()) }()
	eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.life != nil
	})
	s.sockets[0].Close()
	select {
	case err := <-done:
		if !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it goes on listening")
	}
}

// What trunks are told is the address that they reach us by.
func TestAdvertise(t *testing.T) {
	t.Parallel()
	o := open(t, func(c *Config) { c.Advertise = "203.0.113.5" })
	d := o.wire().dial()
	d.send("INVITE", d.sdp())
	res := d.status(200)
	if res.Contact().Address.Host != "203.0.113.5" || !strings.Contains(string(res.Body()), "c=IN IP4 203.0.113.5\r\n") {
		t.Error(res)
	}
	d.took(res)
	d.send("ACK", "")
}

// The same call by two ways is one.
func TestMerged(t *testing.T) {
	t.Parallel()
	o := open(t, nil)
	d := o.wire().dial()
	d.up()
	other := o.wire().dial()
	other.id, other.from = d.id, d.from
	other.send("INVITE", other.sdp())
	other.status(482)
	other.send("ACK", "")
}

// A call that is very long ends with a sentence.
func TestTheLongestCall(t *testing.T) {
	t.Parallel()
	o := open(t, func(c *Config) { c.Longest = 300 * time.Millisecond })
	d := o.wire().dial()
	d.up()
	d.reply(d.request("BYE"), 200, "")
	if e := o.town.next(t); e.Kind != channels.Dialed {
		t.Errorf("%+v", e)
	}
	if e := o.town.next(t); e.Kind != channels.HungUp {
		t.Errorf("%+v", e)
	}
}
