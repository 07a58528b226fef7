package sip

import (
	"bufio"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/townline/townline/channels"
)

// A telephone that sends nothing while nobody speaks is asked whether it is there, and goes on; one that doesn't know the call any
// more is gone.
func TestWhoSendsNothingIsAskedFirst(t *testing.T) {
	t.Parallel()
	o := open(t, nil, func(s *SIP) { s.still = 300 * time.Millisecond })
	d := o.wire().dial()
	d.up()
	for range 2 {
		d.reply(d.request("OPTIONS"), 405, "") // whatever it says of that: it is there
	}
	d.reply(d.request("OPTIONS"), 481, "")
	bye := d.request("BYE")
	d.reply(bye, 481, "")
	for {
		if e := o.town.next(t); e.Kind == channels.HungUp {
			break
		}
	}
}

// When the connection that a call came by is gone, the caller is told on a new one that the call ended; but nowhere else than where
// the call came from.
func TestTheConnectionOfACallIsGone(t *testing.T) {
	t.Parallel()
	for _, elsewhere := range []bool{false, true} {
		t.Run(fmt.Sprint("elsewhere ", elsewhere), func(t *testing.T) {
			t.Parallel()
			o := open(t, func(c *Config) { c.Listen = append(c.Listen, "tcp:127.0.0.1:0") })
			at := ""
			for _, x := range o.sockets {
				if x.transport == "TCP" {
					at = x.addr.String()
				}
			}
			home := "127.0.0.1"
			if elsewhere {
				home = "127.0.0.2"
			}
			ear, err := net.Listen("tcp", home+":0")
			if err != nil {
				t.Fatal(err)
			}
			defer ear.Close()
			conn, err := net.Dial("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			w := o.wire()
			request := func(method, to, body string, cseq int) string {
				return fmt.Sprintf("%s sip:+12025550100@%s SIP/2.0\r\nVia: SIP/2.0/TCP %s;branch=z9hG4bK%s%d\r\nFrom: <sip:+12025550123@wire>;tag=f\r\nTo: %s\r\n"+
					"Call-ID: gone@wire\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\nContact: <sip:wire@%s;transport=tcp>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
					method, at, conn.LocalAddr(), strings.ToLower(method), cseq, to, cseq, method, ear.Addr(), len(body), body)
			}
			fmt.Fprint(conn, request("INVITE", "<sip:+12025550100@town>", w.sdp(), 1))
			from := bufio.NewReader(conn)
			to := ""
			conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			for ok := false; ; {
				line, err := from.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				ok = ok || strings.HasPrefix(line, "SIP/2.0 200")
				if m := regexp.MustCompile(`^To: (.*;tag=\S+)`).FindStringSubmatch(line); m != nil && ok {
					to = m[1]
				}
				if ok && strings.TrimSpace(line) == "" {
					break
				}
			}
			fmt.Fprint(conn, request("ACK", to, "", 1))
			if e := o.town.next(t); e.Kind != channels.Dialed {
				t.Fatal(e)
			}
			conn.Close()
			go o.close()
			ear.(*net.TCPListener).SetDeadline(time.Now().Add(6 * time.Second))
			back, err := ear.Accept()
			if elsewhere {
				if err == nil {
					t.Error("a Contact made us send elsewhere")
				}
				return
			}
			if err != nil {
				t.Fatal("nobody was told:", err)
			}
			defer back.Close()
			back.SetReadDeadline(time.Now().Add(5 * time.Second))
			b := make([]byte, 4000)
			n, _ := back.Read(b)
			m, err := sip.ParseMessage(b[:n])
			if req, ok := m.(*sip.Request); err != nil || !ok || req.Method != sip.BYE || req.CallID().Value() != "gone@wire" {
				t.Errorf("%v %q", err, b[:n])
			}
			res := sip.NewResponseFromRequest(m.(*sip.Request), 200, "OK", nil)
			back.Write([]byte(res.String()))
		})
	}
}
