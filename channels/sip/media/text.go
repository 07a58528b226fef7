package media

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"unicode/utf8"
)

// texting is real-time text beside the sound: T.140 in RTP with what was said before once more (RFC 4103).
type texting struct {
	stream *stream
	terms  textTerms
	paper  [512]byte

	// what we say
	waiting []byte
	begun   bool    // the mark of order was sent
	due     int64   // beat of the next packet
	past    [2]said // the older first
	idle    bool    // nothing to say again
	credit  float64 // characters that may be sent now
	last    int64   // beat of the last packet
	packet  [headerSize + 8 + 1 + 3*mostText + 64]byte

	// what we hear
	in      chan string
	heard   []byte // what in has no room for
	tidy    tidy
	started bool
	next    uint16
}

type said struct {
	text  [mostText]byte
	size  int
	stamp uint32
}

const (
	mostText    = 300     // bytes in a packet, and of what is said again
	mostWaits   = 8 << 10 // bytes
	textBeats   = 15      // 300 ms: as often as text is sent
	creditFor   = 10      // seconds over which the other side's characters a second count
	byteOrder   = "\ufeff"
	lostText    = "\ufffd"
	newLine     = "\u2028"
	oldestAgain = 16383 // ms: an older one can't be named
)

var errTooMuchText = errors.New("media: too much text waits already")

func newTexting(v *stream) *texting {
	return &texting{stream: v, in: make(chan string, 64), idle: true}
}

func (t *texting) follow(terms textTerms, news bool) error {
	if err := t.stream.follow(terms.path, news); err != nil {
		return err
	}
	if t.terms.perSecond == 0 {
		t.credit = float64(terms.perSecond * creditFor)
	}
	t.terms = terms
	return nil
}

// Text is the real-time text of the call (T.140): what comes in, a few characters at a time, with '\b' for what was taken
// back, '\n' for a new line and U+FFFD where something was lost; and a function that sends. The channel is closed with the
// session. Both are nil where no text was agreed.
func (s *Session) Text() (<-chan string, func(string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text == nil || s.terms.text == nil {
		return nil, nil
	}
	return s.text.in, s.say
}

func (s *Session) say(words string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	return s.text.say(words)
}

func (t *texting) say(words string) error {
	if len(t.waiting)+len(words) > mostWaits {
		return errTooMuchText
	}
	for _, r := range words {
		switch {
		case r == '\n':
			t.waiting = append(t.waiting, newLine...)
		case r == '\b' || r >= ' ' && r != 0x7f:
			t.waiting = utf8.AppendRune(t.waiting, r)
		}
	}
	return nil
}

// compose makes the next packet, where there is one to send.
func (t *texting) compose(beat int64) (datagram, bool) {
	t.deliver()
	t.stream.stamp += uint32(max(0, beat-t.last)) * 20
	rate := float64(t.terms.perSecond)
	t.credit = min(rate*creditFor, t.credit+rate*float64(max(0, beat-t.last))/50)
	t.last = beat
	to, ok := t.stream.to()
	if !ok || beat < t.due || t.idle && len(t.waiting) == 0 {
		return datagram{}, false
	}
	body := t.packet[headerSize:headerSize]
	now := said{stamp: t.stream.stamp}
	if !t.begun {
		t.begun = true
		now.size = copy(now.text[:], byteOrder)
	}
	n := 0
	for n < len(t.waiting) && t.credit >= 1 {
		_, width := utf8.DecodeRune(t.waiting[n:])
		if now.size+n+width > mostText {
			break
		}
		n += width
		t.credit--
	}
	now.size += copy(now.text[now.size:], t.waiting[:n])
	t.waiting = append(t.waiting[:0], t.waiting[n:]...)
	kind := t.terms.plain.sends
	if t.terms.redundant.is {
		kind = t.terms.redundant.sends
		for i := range t.past {
			old := &t.past[i]
			ago := now.stamp - old.stamp
			if ago > oldestAgain {
				ago, old.size = 0, 0
			}
			body = append(body, 0x80|t.terms.plain.sends)
			body = binary.BigEndian.AppendUint16(body, uint16(ago<<2)|uint16(old.size>>8))
			body = append(body, byte(old.size))
		}
		body = append(body, t.terms.plain.sends)
		body = append(body, t.past[0].text[:t.past[0].size]...)
		body = append(body, t.past[1].text[:t.past[1].size]...)
	}
	body = append(body, now.text[:now.size]...)
	header := t.stream.header(kind, t.idle, now.stamp)
	t.past[0], t.past[1] = t.past[1], now
	t.idle = !t.terms.redundant.is || t.past[0].size == 0 && t.past[1].size == 0
	t.due = beat + textBeats
	b := t.packet[:headerSize+len(body)]
	header.writeHeader(b)
	sealed, err := t.stream.seal(b)
	return datagram{t.stream.ports.rtp, to, sealed}, err == nil
}

func (s *Session) receiveText(b []byte, from netip.AddrPort) {
	if isRTCP(b) {
		s.receiveTextReport(b, from)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.terms.text == nil {
		return
	}
	t := s.text
	p, fresh, ok := t.stream.take(b, from, s.beat, t.terms.plain, t.terms.redundant)
	if !ok {
		return
	}
	s.heard = s.beat
	if fresh {
		t.started = false
	}
	t.hear(p)
	t.deliver()
}

func (s *Session) receiveTextReport(b []byte, from netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terms.text != nil && isRTCP(b) && s.text.stream.takeReport(b, from, s.c.Now()) {
		s.heard = s.beat
	}
}

// hear reads a packet, and what earlier ones said where they didn't come.
func (t *texting) hear(p packet) {
	missing := 0
	if t.started {
		ahead := int16(p.seq - t.next)
		if ahead < 0 && ahead > -1000 {
			return // it was said already, by a later one
		}
		missing = max(0, int(ahead))
	}
	blocks, ok := t.read(p)
	if !ok {
		return
	}
	now := blocks[len(blocks)-1]
	again := blocks[:len(blocks)-1]
	switch {
	case !t.started: // the first that comes may not be the first that was sent
	case missing > len(again):
		t.take([]byte(lostText))
	default:
		again = again[len(again)-missing:]
	}
	for _, b := range again {
		t.take(b)
	}
	t.take(now)
	t.started, t.next = true, p.seq+1
}

// read parts a packet into its blocks, the oldest first. There is always one.
func (t *texting) read(p packet) (blocks [][]byte, ok bool) {
	if !t.terms.redundant.is || p.payload != t.terms.redundant.takes {
		return [][]byte{p.body}, true
	}
	var sizes []int
	b := p.body
	for {
		if len(b) == 0 || b[0]&0x7f != t.terms.plain.takes {
			return nil, false
		}
		if b[0]&0x80 == 0 {
			b = b[1:]
			break
		}
		if len(b) < 4 || len(sizes) == 8 {
			return nil, false
		}
		sizes = append(sizes, int(b[2]&3)<<8|int(b[3]))
		b = b[4:]
	}
	for _, n := range sizes {
		if n > len(b) {
			return nil, false
		}
		blocks = append(blocks, b[:n])
		b = b[n:]
	}
	return append(blocks, b), true
}

func (t *texting) take(b []byte) {
	if len(t.heard)+len(b) <= mostWaits {
		t.heard = t.tidy.append(t.heard, b)
	}
}

// deliver hands on what was heard, when somebody takes it.
func (t *texting) deliver() {
	if len(t.heard) == 0 {
		return
	}
	select {
	case t.in <- string(t.heard):
		t.heard = t.heard[:0]
	default:
	}
}

// tidy leaves of T.140 what is text: no marks of order, colours or bells; one sign for a new line.
type tidy struct {
	escape byte // of an escape sequence: 0 none, 1 just begun, '[' up to its last letter
	cr     bool
}

func (t *tidy) append(out, in []byte) []byte {
	for len(in) > 0 {
		r, width := utf8.DecodeRune(in)
		in = in[width:]
		after := t.cr
		t.cr = r == '\r'
		switch {
		case t.escape == 1:
			t.escape = 0
			if r == '[' {
				t.escape = '['
			}
		case t.escape == '[':
			if r >= 0x40 && r <= 0x7e {
				t.escape = 0
			}
		case r == 0x1b:
			t.escape = 1
		case r == 0x9b:
			t.escape = '['
		case r == '\n' && after: // the new line was there already
		case r == '\n', r == '\r', r == 0x2028, r == 0x2029:
			out = append(out, '\n')
		case r == '\b' || r == 0x7f:
			out = append(out, '\b')
		case r < ' ', r >= 0x80 && r < 0xa0, r == 0xfeff:
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}
