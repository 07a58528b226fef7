package sip

import (
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// A re-INVITE puts the call on hold and takes it up again; it may move the sound elsewhere. What can't be is refused, and the
// call goes on.
func TestHoldAndResume(t *testing.T) {
	o := open(t, nil)
	d := o.wire().dial()
	d.up()
	d.hears(t)
	d.send("INVITE", d.sdp()+"a=sendonly\r\n")
	if res := d.status(200); !strings.Contains(string(res.Body()), "a=recvonly") || res.Contact() == nil {
		t.Error(res)
	}
	d.send("INVITE", d.sdp()) // before the ACK of the last one
	if res := d.status(500); res.GetHeader("Retry-After") == nil {
		t.Error(res)
	}
	d.send("ACK", "")
	d.cseq--
	d.send("ACK", "")
	d.cseq++
	d.send("INVITE", strings.ReplaceAll(d.sdp(), "m=audio", "m=video"))
	d.status(488)
	d.send("ACK", "")
	moved := o.wire()
	d.send("UPDATE", moved.sdp())
	if res := d.status(200); !strings.Contains(string(res.Body()), "m=audio") || strings.Contains(string(res.Body()), "recvonly") {
		t.Error(res)
	}
	moved.hears(t)
	d.send("INVITE", "")
	if res := d.status(200); !strings.Contains(string(res.Body()), "m=audio") {
		t.Error(res)
	}
	d.send("ACK", d.sdp())
	d.send("BYE", "")
	d.status(200)
}

// A call that was put on hold is taken up again by a re-INVITE that brings no description, as many a PBX does it; and stays on
// hold where what comes with the ACK says so.
func TestResumedWithoutADescription(t *testing.T) {
	t.Parallel()
	o := open(t, nil)
	d := o.wire().dial()
	d.up()
	held := func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, l := range o.legs {
			return l.media.Held()
		}
		return false
	}
	d.send("INVITE", d.sdp()+"a=inactive\r\n")
	if res := d.status(200); !strings.Contains(string(res.Body()), "a=inactive") {
		t.Error(res)
	}
	d.send("ACK", "")
	for _, again := range []string{"a=sendonly\r\n", ""} {
		d.send("INVITE", "")
		if res := d.status(200); !strings.Contains(string(res.Body()), "a=sendrecv") {
			t.Error(res)
		}
		d.send("ACK", d.sdp()+again)
		eventually(t, func() bool { return held() == (again != "") })
	}
	d.send("BYE", "")
	d.status(200)
}

// quick has sessions that last as long as a test may.
func quick(s *SIP) { s.least = time.Second }

// Who offers to refresh is refreshed by; who stops is taken to be gone.
func TestASessionLapses(t *testing.T) {
	t.Parallel()
	o := open(t, nil, quick)
	d := o.wire().dial()
	res := d.up("Session-Expires: 1;refresher=uac", "Supported: timer")
	if h := res.GetHeader("Session-Expires"); h == nil || h.Value() != "1;refresher=uac" || res.GetHeader("Require").Value() != "timer" {
		t.Error(res)
	}
	began := time.Now()
	d.send("UPDATE", "", "Session-Expires: 2;refresher=uac", "Supported: timer")
	if res := d.status(200); res.GetHeader("Session-Expires").Value() != "2;refresher=uac" {
		t.Error(res)
	}
	d.reply(d.request("BYE"), 200, "")
	if lasted := time.Since(began); lasted < time.Second {
		t.Errorf("gone after %v", lasted)
	}
}

// Who can't refresh is refreshed by us, by re-INVITE where there is no UPDATE. When both do so at once, one waits.
func TestASessionIsRefreshed(t *testing.T) {
	t.Parallel()
	o := open(t, nil, quick)
	d := o.wire().dial()
	res := d.up("Session-Expires: 1")
	if h := res.GetHeader("Session-Expires"); h == nil || h.Value() != "1;refresher=uas" || res.GetHeader("Require") != nil {
		t.Error(res)
	}
	again := d.request("INVITE")
	if again.GetHeader("Session-Expires").Value() != "1;refresher=uac" || !strings.Contains(string(again.Body()), "m=audio") {
		t.Error(again)
	}
	d.send("INVITE", d.sdp())
	d.status(491)
	d.send("ACK", "")
	d.reply(again, 491, "")
	d.request("ACK")
	second := d.request("INVITE")
	if second.CSeq().SeqNo <= again.CSeq().SeqNo {
		t.Error(second)
	}
	d.reply(second, 200, d.sdp(), "Session-Expires: 1;refresher=uac")
	ack := d.request("ACK")
	if ack.CSeq().SeqNo != second.CSeq().SeqNo || len(ack.Body()) > 0 {
		t.Error(ack)
	}
	third := d.request("INVITE")
	d.reply(third, 481, "")
	d.request("ACK")
	d.reply(d.request("BYE"), 481, "")
	eventually(t, func() bool { return o.Calls() == 0 })

	by := o.wire().dial()
	by.up("Session-Expires: 1;refresher=uas", "Supported: timer", "Allow: INVITE, ACK, BYE, UPDATE")
	if req := by.request("UPDATE"); len(req.Body()) > 0 || req.Contact() == nil {
		t.Error(req)
	}
}

// Who doesn't want to refresh just now is asked again, and not hung up on while the session lasts; then it is.
func TestARefreshIsRefused(t *testing.T) {
	t.Parallel()
	o := open(t, nil, quick)
	d := o.wire().dial()
	began := time.Now()
	d.up("Session-Expires: 6;refresher=uas", "Supported: timer", "Allow: INVITE, ACK, BYE, UPDATE")
	d.reply(d.request("UPDATE"), 500, "", "Retry-After: 1")
	d.reply(d.request("UPDATE"), 200, "")
	for {
		m, ok := d.packet(5 * time.Second)
		if !ok {
			t.Fatal("a session that nobody refreshes goes on")
		}
		req, ok := m.(*sip.Request)
		if !ok {
			continue
		}
		if req.Method == sip.BYE {
			d.reply(req, 200, "")
			break
		}
		d.reply(req, 503, "")
	}
	if lasted := time.Since(began); lasted < 6*time.Second {
		t.Errorf("hung up on after %v", lasted)
	}
}

// Who says that there is UPDATE, and then doesn't take it, is refreshed by re-INVITE.
func TestARefreshByTheOtherWay(t *testing.T) {
	t.Parallel()
	o := open(t, nil, quick)
	d := o.wire().dial()
	d.up("Session-Expires: 6;refresher=uas", "Supported: timer", "Allow: INVITE, ACK, BYE, UPDATE")
	d.reply(d.request("UPDATE"), 501, "")
	d.reply(d.request("INVITE"), 200, d.sdp())
	d.request("ACK")
}

func TestMethods(t *testing.T) {
	m, err := sip.ParseMessage([]byte("OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP x\r\nAllow: invite, ACK\r\nAllow: Update\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := methods(m); !got["INVITE"] || !got["UPDATE"] || got["BYE"] {
		t.Error(got)
	}
}
