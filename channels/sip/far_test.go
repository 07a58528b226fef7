package sip

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/channeltest"
)

// Where the line and its trunk are on the cable.

var (
	lineAt     = netip.MustParseAddrPort("127.0.0.1:5060")
	trunkAt    = netip.MustParseAddrPort("127.0.0.2:5060")
	strangerAt = netip.MustParseAddrPort("127.0.0.3:5060")
)

// endOfWords is a sound that no word has.

// written says words by a sound of which each sample is a letter, in µ-law, and silence for as long as it takes to say them: what

// the far end hears is what went over the wire.

// farEnd is the trunk, and all telephones behind it.

type farEnd struct {
	t     testing.TB
	cable *cable
	plug  *plug

	mu    sync.Mutex
	calls map[string]*farCall // by Call-ID
	by    map[string]*farCall // the one that a number is in
	how   channeltest.Outage
	got   []string
	sent  map[string][][]byte // what a message was made of, by its id
}

// farCall is a call, as a telephone has it.

func newFarEnd(t testing.TB) *farEnd {
	f := &farEnd{t: t, cable: newCable(), calls: map[string]*farCall{}, by: map[string]*farCall{}, sent: map[string][][]byte{}}
	var err error
	if f.plug, err = f.cable.open(trunkAt); err != nil {
		t.Fatal(err)
	}
	go f.reads(f.plug)
	return f
}

// Close takes the plugs out.

func (f *farEnd) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		c.rtp.Close()
	}
	return f.plug.Close()
}

// reads reads what comes to the trunk.

func (f *farEnd) reads(from *plug) {
	for {
		b := make([]byte, 65536)
		n, _, err := from.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		m, err := sip.ParseMessage(b[:n])
		if err != nil {
			continue // a packet that keeps a way open
		}
		f.mu.Lock()
		c := f.calls[m.CallID().Value()]
		f.mu.Unlock()
		switch m := m.(type) {
		case *sip.Response:
			if c != nil && !m.IsProvisional() {
				select {
				case c.answered <- m:
				default:
				}
			}
		case *sip.Request:
			f.asked(m, c)
		}
	}
}

// asked is a request of the line's.

func (f *farEnd) asked(req *sip.Request, c *farCall) {
	f.mu.Lock()
	how := f.how
	f.mu.Unlock()
	switch {
	case req.Method == sip.INVITE && c == nil:
		switch how {
		case channeltest.Unheard:
		case channeltest.Babbles:
			f.raw(f.plug, []byte("SIP/2.0 zz\r\n\r\n"))
		case channeltest.Hangs:
			f.reply(req, 100, "")
		case channeltest.CutsOff:
			f.reply(req, 180, "")
			f.reply(req, 480, "")
		case channeltest.Broken:
			f.reply(req, 500, "")
		case channeltest.Declines:
			f.reply(req, 603, "")
		default:
			f.rung(req)
		}
	case req.Method == sip.BYE && c != nil:
		c.ends()
		f.reply(req, 200, "")
	case req.Method == sip.ACK, req.Method == sip.CANCEL:
	default:
		f.reply(req, 200, "")
	}
}

// rung is a call of the town's: it is taken, 1 is pressed, and listened to.

func (f *farEnd) rung(req *sip.Request) {
	c := f.call(req.CallID().Value())
	c.sound = soundAt(req.Body())
	c.from, c.to = req.To().Value()+";tag=far", req.From().Value() // the other way round: it is our end now
	c.target = target(req.Contact().Value())
	f.reply(req, 200, c.sdp())
	go c.listens()
	go func() {
		c.hears(0)
		at := len(c.said())
		c.press('1')
		c.hears(at)
		f.mu.Lock()
		f.got = append(f.got, strings.Join(c.said()[at:], " "))
		f.mu.Unlock()
		c.ringsOff()
	}()
}

func (f *farEnd) call(id string) *farCall {
	rtp, err := f.cable.open(netip.AddrPortFrom(trunkAt.Addr(), 0))
	if err != nil {
		f.t.Fatal(err)
	}
	c := &farCall{far: f, id: id, rtp: rtp, answered: make(chan *sip.Response, 8)}
	f.mu.Lock()
	f.calls[id] = c
	f.mu.Unlock()
	return c
}

func (f *farEnd) raw(by *plug, packet []byte) { _, _ = by.WriteToUDPAddrPort(packet, lineAt) }

func (f *farEnd) reply(req *sip.Request, code int, body string) {
	res := sip.NewResponseFromRequest(req, code, "Said", nil)
	if code > 100 {
		if _, there := res.To().Params.Get("tag"); !there {
			res.To().Params.Add("tag", "far")
		}
	}
	if code == 200 {
		res.AppendHeader(sip.NewHeader("Contact", "<sip:far@"+trunkAt.String()+">"))
	}
	if body != "" {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	}
	res.SetBody([]byte(body))
	f.raw(f.plug, []byte(res.String()))
}

// soundAt is where a description wants sound to go.

// request is one of a call's; a branch of its own unless one is given.

// answer waits for what the line says to the last request.

// dials makes a call, by packets that are the same each time.

func (f *farEnd) dials(m channeltest.Message) channeltest.Answer {
	f.mu.Lock()
	c := f.calls[m.Visit]
	f.mu.Unlock()
	fresh := c == nil
	if fresh {
		c = f.call(m.Visit)
		c.from, c.to, c.target, c.cseq = "<sip:"+m.From+"@far.example.org>;tag=t"+m.Visit, "<sip:+12025550100@town>", "sip:+12025550100@town", 1
		f.keeps(m.ID, c.request("INVITE", m.ID, c.sdp()))
	}
	f.again(f.plug, lineAt, m.ID)
	res := c.answer(5 * time.Second)
	a := judge(res)
	if a.Verdict != channeltest.Taken || !fresh {
		a.Shown = c.hears(len(c.said()))
		return a
	}
	c.to, c.target, c.sound = res.To().Value(), target(res.Contact().Value()), soundAt(res.Body())
	f.raw(f.plug, c.request("ACK", token(), ""))
	f.mu.Lock()
	f.by[m.From] = c
	f.mu.Unlock()
	go c.listens()
	go c.breathes()
	a.Shown = c.hears(0)
	return a
}

// judge is what a telephone company makes of an answer.

func (f *farEnd) keeps(id string, packets ...[]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent[id] = append(f.sent[id], packets...)
}

// again sends what a message is made of.

func (f *farEnd) again(by *plug, to netip.AddrPort, id string) {
	f.mu.Lock()
	all := slices.Clone(f.sent[id])
	f.mu.Unlock()
	for _, b := range all {
		_, _ = by.WriteToUDPAddrPort(b, to)
		time.Sleep(20 * time.Millisecond)
	}
}

// Send dials, presses keys or rings off, and listens.

func (f *farEnd) Send(m channeltest.Message) channeltest.Answer {
	f.mu.Lock()
	c := f.by[m.From]
	f.mu.Unlock()
	switch {
	case m.Kind == channels.Dialed:
		if c != nil && c.id != m.Visit {
			c.ringsOff()
		}
		return f.dials(m)
	case c == nil || c.isOver():
		return channeltest.Answer{Verdict: channeltest.Lost, Said: "there is no call"}
	case m.Kind == channels.HungUp:
		c.ringsOff()
		return channeltest.Answer{Verdict: channeltest.Taken}
	}
	f.makes(c, m)
	had := len(c.said())
	f.again(c.rtp, c.sound, m.ID)
	return channeltest.Answer{Verdict: channeltest.Taken, Shown: c.hears(had)}
}

// makes makes the packets of a message, once.

func (f *farEnd) makes(c *farCall, m channeltest.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sent[m.ID] != nil {
		return
	}
	keys := strings.TrimFunc(m.Words, func(r rune) bool { return !strings.ContainsRune("0123456789*#", r) })
	if keys != "" && m.Page != nil && m.Page.Listen != nil && m.Page.Listen.Keys > 1 {
		keys += "#"
	}
	f.sent[m.ID] = [][]byte{}
	for i := range len(keys) {
		f.sent[m.ID] = append(f.sent[m.ID], c.keyed(keys[i])...)
	}
}

// keyed are the packets of one key (RFC 4733).

// rtpPacket is one packet of the telephone's; the caller holds the lock.

// breathes sends a packet of silence now and then, as a telephone does that saves packets.

// listens reads the sound that comes, letter by letter.

// hears waits until nothing more is said, and gives what was said since; or what was said last, where that is nothing.

// Break has calls of the town's go wrong. How long a trunk takes none it doesn't say.

func (f *farEnd) Break(how channeltest.Outage) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.how = how
	return how != channeltest.Busy
}

// Got are the words that were heard once 1 was pressed.

func (f *farEnd) Got() []string {
	time.Sleep(20 * time.Second) // it is said by now
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got)
}

// Good is an INVITE.

func (f *farEnd) Good() []byte {
	c := farCall{far: f, id: "good", from: "\"zanzibar\" <sip:+12025550104@far.example.org>;tag=good", to: "<sip:+12025550100@town>", target: "sip:+12025550100@town", cseq: 1, rtp: &plug{at: trunkAt}}
	return c.request("INVITE", "good", c.sdp())
}

// Spoil sends anything, from the trunk or from a stranger. A call that comes of it is ended.

func (f *farEnd) Spoil(body []byte, signed bool) channeltest.Answer {
	at := trunkAt.Addr()
	if !signed {
		at = strangerAt.Addr()
	}
	by, err := f.cable.open(netip.AddrPortFrom(at, 0))
	if err != nil {
		f.t.Fatal(err)
	}
	defer by.Close()
	f.raw(by, body)
	var final *sip.Response
	for late := time.After(2 * time.Second); final == nil; {
		select {
		case got := <-by.came:
			if m, err := sip.ParseMessage(got.b); err == nil {
				if res, ok := m.(*sip.Response); ok && !res.IsProvisional() {
					final = res
				}
			}
		case <-late:
			return channeltest.Answer{Verdict: channeltest.Lost}
		}
	}
	if a := judge(final); a.Verdict != channeltest.Taken || final.CSeq().MethodName != sip.INVITE || final.Contact() == nil {
		return a
	}
	c := &farCall{far: f, id: final.CallID().Value(), from: final.From().Value(), to: final.To().Value(), target: target(final.Contact().Value()), cseq: int(final.CSeq().SeqNo)}
	f.raw(by, c.request("ACK", token(), ""))
	c.cseq++
	f.raw(by, c.request("BYE", token(), ""))
	time.Sleep(time.Second)
	return channeltest.Answer{Verdict: channeltest.Taken, Said: "200"}
}

// Forge rings from elsewhere, presses keys in a call of somebody else's, and ends it.

func (f *farEnd) Forge(m channeltest.Message) map[string]channeltest.Answer {
	out := map[string]channeltest.Answer{}
	f.mu.Lock()
	c := f.by[m.From]
	f.mu.Unlock()
	f.makes(c, m)
	other, err := f.cable.open(strangerAt)
	if err != nil {
		f.t.Fatal(err)
	}
	defer other.Close()
	from := func(name string, by *plug, to netip.AddrPort, packets ...[]byte) {
		for _, b := range packets {
			_, _ = by.WriteToUDPAddrPort(b, to)
			time.Sleep(20 * time.Millisecond)
		}
		a := channeltest.Answer{Verdict: channeltest.Lost}
		for late := time.After(time.Second); ; {
			select {
			case got := <-by.came:
				if m, err := sip.ParseMessage(got.b); err == nil {
					if res, ok := m.(*sip.Response); ok && !res.IsProvisional() {
						a = judge(res)
					}
				}
				continue
			case <-late:
			}
			break
		}
		out[name] = a
	}
	f.mu.Lock()
	keys := slices.Clone(f.sent[m.ID])
	f.mu.Unlock()
	from("keys from elsewhere", other, c.sound, keys...)
	var late [][]byte
	for _, b := range keys {
		b = slices.Clone(b)
		b[8]++ // another stream
		late = append(late, b)
	}
	from("another stream's keys from elsewhere", other, c.sound, late...)
	bye := farCall{far: f, id: c.id, from: c.from, to: c.to, target: c.target, cseq: c.cseq + 1}
	from("a goodbye from elsewhere", other, lineAt, bye.request("BYE", token(), ""))
	bye.to = strings.Replace(c.to, "tag=", "tag=x", 1)
	own, err := f.cable.open(netip.AddrPortFrom(trunkAt.Addr(), 0))
	if err != nil {
		f.t.Fatal(err)
	}
	defer own.Close()
	from("a goodbye to another call", own, lineAt, bye.request("BYE", token(), ""))
	dial := farCall{far: f, id: "forged", from: "<sip:" + m.From + "@far.example.org>;tag=f", to: "<sip:+12025550100@town>", target: "sip:+12025550100@town", cseq: 1, rtp: other}
	from("a call from elsewhere", other, lineAt, dial.request("INVITE", token(), dial.sdp()))
	return out
}
