package sip

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/channeltest"
	"github.com/townline/townline/channels/g711"
	"github.com/townline/townline/channels/sip/media"
)

const endOfWords = '\n'

func written(_ context.Context, p call.Part) (media.Sound, error) {
	words := p.Words + string(endOfWords)
	at8 := make([]int16, 80*len(words))
	for i, letter := range []byte(words) {
		at8[i] = g711.FromMu(letter)
	}
	return media.Sound{At8: at8}, nil
}

type farCall struct {
	far      *farEnd
	id       string
	from, to string // with their tags
	target   string
	cseq     int
	rtp      *plug
	sound    netip.AddrPort // of the line
	answered chan *sip.Response

	mu    sync.Mutex
	seq   uint16
	stamp uint32
	heard []string
	half  []byte
	last  []string
	over  bool
}

func (c *farCall) sdp() string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n", c.rtp.at.Addr(), c.rtp.at.Port())
}

var mediaLine = regexp.MustCompile(`(?m)^m=audio (\d+) `)

func soundAt(sdp []byte) netip.AddrPort {
	m := mediaLine.FindSubmatch(sdp)
	if m == nil {
		return netip.AddrPort{}
	}
	port, _ := strconv.ParseUint(string(m[1]), 10, 16)
	return netip.AddrPortFrom(lineAt.Addr(), uint16(port))
}

func target(contact string) string { return contactURI.FindStringSubmatch(contact)[1] }

func (c *farCall) request(method, branch, body string) []byte {
	kind := ""
	if body != "" {
		kind = "Content-Type: application/sdp\r\n"
	}
	return []byte(fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\nContact: <sip:far@%s>\r\n%sContent-Length: %d\r\n\r\n%s",
		method, c.target, trunkAt, branch, c.from, c.to, c.id, c.cseq, method, trunkAt, kind, len(body), body))
}

func (c *farCall) answer(most time.Duration) *sip.Response {
	late := time.After(most)
	for {
		select {
		case res := <-c.answered:
			if int(res.CSeq().SeqNo) == c.cseq {
				return res
			}
		case <-late:
			return nil
		}
	}
}

func judge(res *sip.Response) channeltest.Answer {
	switch {
	case res == nil:
		return channeltest.Answer{Verdict: channeltest.Lost, Said: "nothing"}
	case res.IsSuccess():
		return channeltest.Answer{Verdict: channeltest.Taken, Said: "200"}
	case res.StatusCode >= 500 && res.StatusCode < 600:
		return channeltest.Answer{Verdict: channeltest.Later, Said: strconv.Itoa(res.StatusCode)}
	}
	return channeltest.Answer{Verdict: channeltest.Refused, Said: strconv.Itoa(res.StatusCode)}
}

func (c *farCall) keyed(key byte) (all [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stamp += 8000
	for i := range 5 {
		c.seq++
		body := []byte{byte(strings.IndexByte("0123456789*#ABCD", key)), 10, 0, 0}
		if i > 2 {
			body[1] |= 0x80
		}
		binary.BigEndian.PutUint16(body[2:], uint16(160*min(i+1, 4)))
		all = append(all, c.rtpPacket(101, i == 0, body))
	}
	return all
}

func (c *farCall) rtpPacket(kind byte, marker bool, body []byte) []byte {
	b := make([]byte, 12, 12+len(body))
	b[0], b[1] = 0x80, kind
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], c.seq)
	binary.BigEndian.PutUint32(b[4:], c.stamp)
	binary.BigEndian.PutUint32(b[8:], 0x70726f62)
	return append(b, body...)
}

func (c *farCall) press(key byte) {
	for _, b := range c.keyed(key) {
		_, _ = c.rtp.WriteToUDPAddrPort(b, c.sound)
		time.Sleep(20 * time.Millisecond)
	}
}

func (c *farCall) breathes() {
	silence := make([]byte, 160)
	for i := range silence {
		silence[i] = 0xff
	}
	for !c.isOver() {
		c.mu.Lock()
		c.seq++
		c.stamp += 16000
		b := c.rtpPacket(0, false, silence)
		c.mu.Unlock()
		if _, err := c.rtp.WriteToUDPAddrPort(b, c.sound); err != nil {
			return
		}
		time.Sleep(2 * time.Second)
	}
}

func (c *farCall) listens() {
	b := make([]byte, 2048)
	for {
		n, _, err := c.rtp.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if n < 12 || b[1]&0x7f != 0 {
			continue
		}
		c.mu.Lock()
		for _, letter := range b[12:n] {
			switch letter {
			case 0xff, 0x7f:
			case endOfWords:
				c.heard, c.half = append(c.heard, string(c.half)), nil
			default:
				c.half = append(c.half, letter)
			}
		}
		c.mu.Unlock()
	}
}

func (c *farCall) hears(since int) []string {
	for last, still, most := since, 0, 50; still < most && !c.isOver(); still++ {
		time.Sleep(100 * time.Millisecond)
		if n := len(c.said()); n > last {
			last, still, most = n, 0, 25
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.heard) > since {
		c.last = slices.Clone(c.heard[since:])
	}
	return c.last
}

func (c *farCall) said() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.heard)
}

func (c *farCall) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

func (c *farCall) ends() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	c.rtp.Close()
}

func (c *farCall) ringsOff() {
	if c.isOver() {
		return
	}
	c.cseq++
	c.far.raw(c.far.plug, c.request("BYE", token(), ""))
	c.answer(2 * time.Second)
	c.ends()
}
