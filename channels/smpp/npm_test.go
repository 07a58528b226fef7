package smpp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/peers"
)

// peer is an SMSC by others: npm's smpp.
type peer struct {
	t      testing.TB
	in     io.Writer
	events chan event
	port   int
}

type event struct {
	Event, Text, ID, To, From, Words, ITS, Command, SystemID string
	Status, Coding, ESM, Reports, Op, Port, N                int
	Header                                                   []string
	SAR                                                      []int
}

func startPeer(t testing.TB) *peer {
	t.Helper()
	p := &peer{t: t, events: make(chan event, 100000)}
	c := exec.Command("node", filepath.Join("testdata", "smsc.js"), peers.NPM(t, "smpp"))
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatalf("node is needed: install the package nodejs (%v)", err)
	}
	p.in = in
	read := make(chan struct{})
	go func() {
		defer close(read)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var e event
			if json.Unmarshal(lines.Bytes(), &e) == nil {
				p.events <- e
			}
		}
	}()
	t.Cleanup(func() {
		in.Close()
		<-read
		c.Wait()
		if errs.Len() > 0 {
			t.Errorf("npm's smpp says: %s", errs.String())
		}
	})
	p.port = p.wait("listen").Port
	return p
}

func (p *peer) wait(name string) event {
	p.t.Helper()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for {
		select {
		case e := <-p.events:
			if e.Event == name {
				return e
			}
		case <-late.C:
			p.t.Fatalf("npm's smpp never told of %q", name)
		}
	}
}

// tell tells it something in JSON.
func (p *peer) tell(what string) { io.WriteString(p.in, what+"\n") }

// set has it behave in some way from now on.
func (p *peer) set(how string) {
	p.t.Helper()
	p.tell(`{"set":true,` + how + `}`)
	p.wait("set")
}

// deliver has it hand over a message, and returns how that was answered.
func (p *peer) deliver(fields string) status {
	p.t.Helper()
	p.tell(`{"deliver":{"source_addr":"255712345678","source_addr_ton":1,"source_addr_npi":1,"destination_addr":"15001",` + fields + `}}`)
	return status(p.wait("answer").Status)
}

// toPeer opens a line to it.
func toPeer(t testing.TB, p *peer, change func(*Config)) *town {
	c := newSMSC(t)
	c.onBind = func(*session) bool { return true } // nobody binds there
	return openLine(t, c, func(g *Config) {
		g.dial, g.Address = nil, "127.0.0.1:"+strconv.Itoa(p.port)
		if change != nil {
			change(g)
		}
	})
}

// What two who never saw each other's code must agree on.
func TestAgainstNPM(t *testing.T) {
	p := startPeer(t)
	dir := t.TempDir()
	w := toPeer(t, p, func(c *Config) {
		m, _ := MenusOf("standard")
		m.Code = "*384*123#"
		c.Menus, c.Dir, c.SystemType = &m, dir, "VMA"
	})
	if b := p.wait("bind"); b.Command != "bind_transceiver" {
		t.Errorf("%+v", b)
	}
	t.Run("a text, and its receipt", func(t *testing.T) {
		id, err := w.text("Karibu! {1} é €")
		e := p.wait("submit")
		if err != nil || e.ID != id || e.Words != "Karibu! {1} é €" || e.To != "255712345678" || e.From != "15001" || e.Reports != 1 {
			t.Errorf("%q, %v, %+v", id, err, e)
		}
		if e := p.wait("receipt"); e.Status != 0 {
			t.Errorf("%+v", e)
		}
		if r := w.in.allReports(); len(r) != 1 || r[0].receipt != id || r[0].State != channels.Arrived {
			t.Errorf("%+v", r)
		}
	})
	t.Run("letters that GSM 7-bit lacks", func(t *testing.T) {
		if _, err := w.text("Добро 是 😀"); err != nil {
			t.Fatal(err)
		}
		if e := p.wait("submit"); e.Words != "Добро 是 😀" || e.Coding != 8 {
			t.Errorf("%+v", e)
		}
	})
	t.Run("a long text", func(t *testing.T) {
		text := strings.Repeat("Your street is swept on Monday. ", 8) + "End."
		if _, err := w.text(text); err != nil {
			t.Fatal(err)
		}
		first, second := p.wait("submit"), p.wait("submit")
		if first.Words+second.Words != text || len(first.Header) != 1 || first.Header[0][:4] != "0003" || first.Header[0][len(first.Header[0])-4:] != "0201" || second.Header[0][len(second.Header[0])-4:] != "0202" || first.Reports != 0 || second.Reports != 1 {
			t.Errorf("%+v\n%+v", first, second)
		}
	})
	t.Run("what comes in", func(t *testing.T) {
		before := len(w.in.all())
		for fields, want := range map[string]string{
			`"short_message":"HABARI yako {1}"`:                    "HABARI yako {1}",
			`"short_message":"Добро 😀"`:                            "Добро 😀",
			`"message_payload":"` + strings.Repeat("x", 300) + `"`: strings.Repeat("x", 300),
		} {
			if s := p.deliver(fields); s != statusOK {
				t.Errorf("answered with %v", s)
			}
			if all := w.in.all(); all[len(all)-1].Words != want {
				t.Errorf("%q, want %q", all[len(all)-1].Words, want)
			}
		}
		p.deliver(`"udh":"050003070202","short_message":" two"`)
		p.deliver(`"udh":"050003070201","short_message":"one"`)
		if all := w.in.all(); len(all) != before+4 || all[len(all)-1].Words != "one two" {
			t.Errorf("%+v", all)
		}
		w.in.fail(errAway)
		if s := p.deliver(`"short_message":"2"`); s != statusSystem {
			t.Errorf("answered with %v", s)
		}
		w.in.fail(nil)
	})
	t.Run("a menu", func(t *testing.T) {
		w.in.answer = func(e channels.Event) channels.Reply {
			r := say("1 Bus {x}\n2 Lamp")
			if e.Kind != channels.Dialed {
				r = say("Asante")
				r.Over = true
			}
			return r
		}
		if s := p.deliver(`"service_type":"USSD","ussd_service_op":1,"its_session_info":"0102","short_message":"*384*123#"`); s != statusOK {
			t.Errorf("answered with %v", s)
		}
		if e := p.wait("submit"); e.Op != 2 || e.ITS != "0102" || e.Words != "1 Bus {x}\n2 Lamp" {
			t.Errorf("%+v", e)
		}
		p.deliver(`"service_type":"USSD","ussd_service_op":18,"its_session_info":"0102","short_message":"1"`)
		if e := p.wait("submit"); e.Op != 17 || e.ITS != "0103" || e.Words != "Asante" {
			t.Errorf("%+v", e)
		}
		w.in.answer = nil
	})
	t.Run("poison", func(t *testing.T) {
		good := sm{from: resident, to: "15001", words: "1"}.body()
		for _, body := range [][]byte{append(good[:len(good):len(good)], 5, 1, 0xFF, 0xFF), good[:9]} {
			p.tell(`{"raw":"` + hex.EncodeToString(raw(deliverSM, 9001, body)) + `"}`)
		}
		p.tell(`{"raw":"` + hex.EncodeToString(raw(0x999, 9002, nil)) + `"}`)
		if e := p.wait("nack"); e.Status != int(statusBadCommand) {
			t.Errorf("%+v", e)
		}
		if s := p.deliver(`"short_message":"still here"`); s != statusOK {
			t.Errorf("answered with %v", s)
		}
		for late := time.Now().Add(5 * time.Second); !w.sms.turns.idle() && time.Now().Before(late); { // until they are on the disk
			runtime.Gosched()
		}
		if all, _, err := ReadUnread(dir, []byte("0123456789abcdef")); len(all) != 2 || err != nil {
			t.Errorf("%d are kept, %v", len(all), err)
		}
	})
	t.Run("refusals", func(t *testing.T) {
		for s, want := range map[status]string{0x58: "throttled", 0x14: "throttled", 0x08: "retry", 0x0B: "bad number"} {
			p.set(`"status":` + strconv.Itoa(int(s)))
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			_, err := w.sms.submit(ctx, w.sms.text(resident, &part{octets: []byte("x"), number: 1, total: 1}, true), false)
			cancel()
			if !strings.HasPrefix(what(err), want) {
				t.Errorf("%v: %v", s, err)
			}
		}
		p.set(`"status":0`)
	})
	t.Run("the line breaks", func(t *testing.T) {
		p.set(`"reset":1`)
		if _, err := w.text("x"); what(err) != "doubt" {
			t.Errorf("%v", err)
		}
		p.wait("bind")
		if _, err := w.text("y"); err != nil {
			t.Error(err)
		}
	})
	t.Run("goodbye", func(t *testing.T) {
		w.stop()
		p.wait("unbind")
	})
}
