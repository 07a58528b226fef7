package media

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// proposal is what we offer, with the payload types that we read it by.
type proposal struct {
	audio, text      int // m-lines; text is -1 where none is offered
	codecs           []codec
	payloads         []uint8 // of the codecs
	keys             agreed
	plain, redundant agreed
	seals, textSeals []keyLine
	mux              bool
	proto            string
}

func (p proposal) payloadOf(c codec) (uint8, bool) {
	for i, k := range p.codecs {
		if k == c {
			return p.payloads[i], true
		}
	}
	return 0, false
}

// propose is what a town offers when it calls. Encryption that need not be is offered as RFC 8643 has it: a key beside
// the usual transport.
func propose(c Config) proposal {
	p := proposal{text: -1, mux: true, proto: "RTP/AVP", keys: agreed{101, 101, true}}
	if c.Wide {
		p.codecs = append(p.codecs, wide)
	}
	p.codecs = append(p.codecs, pcma, pcmu)
	for _, k := range p.codecs {
		p.payloads = append(p.payloads, uint8(k.payload()))
	}
	if c.SRTP == Required {
		p.proto = "RTP/SAVP"
	}
	if c.Text {
		p.text, p.plain, p.redundant = 1, agreed{98, 98, true}, agreed{100, 100, true}
	}
	if c.SRTP != Off {
		for i, s := range suites() {
			p.seals = append(p.seals, newKeyLine(strconv.Itoa(i+1), s))
			if c.Text {
				p.textSeals = append(p.textSeals, newKeyLine(strconv.Itoa(i+1), s))
			}
		}
	}
	return p
}

// again is the proposal that is in what was agreed already.
func (t terms) again() proposal {
	p := proposal{audio: t.path.place, text: -1, mux: t.path.mux, codecs: []codec{t.codec}, payloads: []uint8{t.sound.takes}, keys: t.keys}
	if t.path.encrypted {
		p.seals = []keyLine{t.path.seals}
	}
	if t.text != nil {
		p.text, p.plain, p.redundant = t.text.path.place, t.text.plain, t.text.redundant
		if t.text.path.encrypted {
			p.textSeals = []keyLine{t.text.path.seals}
		}
	}
	return p
}

// sheet writes SDP.
type sheet struct {
	b    strings.Builder
	addr netip.Addr
}

func (w *sheet) line(format string, args ...any) { fmt.Fprintf(&w.b, format+"\r\n", args...) }

// begin writes what stands before the m-lines. id names the session, version counts its descriptions.
func (w *sheet) begin(id uint64, version int) {
	family := "IP4"
	if w.addr.Is6() {
		family = "IP6"
	}
	w.line("v=0")
	w.line("o=- %d %d IN %s %s", id, version, family, w.addr)
	w.line("s=-")
	w.line("c=IN %s %s", family, w.addr)
	w.line("t=0 0")
}

// sound writes the m-line for sound.
func (w *sheet) sound(port int, proto string, codecs []codec, payloads []uint8, keys agreed, seals []keyLine, f flow) {
	list := ""
	for _, p := range payloads {
		list += " " + strconv.Itoa(int(p))
	}
	if keys.is {
		list += " " + strconv.Itoa(int(keys.takes))
	}
	w.line("m=audio %d %s%s", port, proto, list)
	for i, k := range codecs {
		w.line("a=rtpmap:%d %s/8000", payloads[i], k.name())
	}
	if keys.is {
		w.line("a=rtpmap:%d telephone-event/8000", keys.takes)
		w.line("a=fmtp:%d 0-15", keys.takes)
	}
	w.line("a=ptime:20")
	for _, k := range seals {
		w.line("a=crypto:%s", k)
	}
	w.line("a=%s", f)
}

// text writes the m-line for real-time text.
func (w *sheet) text(port int, proto string, plain, redundant agreed, seals []keyLine) {
	list := strconv.Itoa(int(plain.takes))
	if redundant.is {
		list = strconv.Itoa(int(redundant.takes)) + " " + list
	}
	w.line("m=text %d %s %s", port, proto, list)
	w.line("a=rtpmap:%d t140/1000", plain.takes)
	if redundant.is {
		w.line("a=rtpmap:%d red/1000", redundant.takes)
		w.line("a=fmtp:%d %[2]d/%[2]d/%[2]d", redundant.takes, plain.takes)
	}
	for _, k := range seals {
		w.line("a=crypto:%s", k)
	}
	w.line("a=sendrecv")
}

// offer writes a proposal.
func (p proposal) offer(addr netip.Addr, id uint64, version, port, textPort int) []byte {
	w := &sheet{addr: addr}
	w.begin(id, version)
	w.sound(port, p.proto, p.codecs, p.payloads, p.keys, p.seals, flow{true, true})
	w.line("a=rtcp-mux")
	if p.text >= 0 {
		w.text(textPort, p.proto, p.plain, p.redundant, p.textSeals)
		w.line("a=rtcp-mux")
	}
	return []byte(w.b.String())
}

// answer writes what was agreed, a line for each of theirs.
func (t terms) answer(addr netip.Addr, id uint64, version, port, textPort int) []byte {
	w := &sheet{addr: addr}
	w.begin(id, version)
	for i, p := range t.parts {
		switch {
		case i == t.path.place:
			w.sound(port, p.proto, []codec{t.codec}, []uint8{t.sound.takes}, t.keys, t.path.sealing(), flow{sends: t.flow.takes, takes: t.flow.sends})
			w.also(p, t.path)
		case t.text != nil && i == t.text.path.place:
			w.text(textPort, p.proto, t.text.plain, t.text.redundant, t.text.path.sealing())
			w.also(p, t.text.path)
		default:
			w.line("m=%s 0 %s %s", p.kind, p.proto, strings.Join(p.formats, " "))
			if p.mid != "" {
				w.line("a=mid:%s", p.mid)
			}
		}
	}
	return []byte(w.b.String())
}

func (w *sheet) also(p part, way path) {
	if way.mux {
		w.line("a=rtcp-mux")
	}
	if p.mid != "" {
		w.line("a=mid:%s", p.mid)
	}
}

func (way path) sealing() []keyLine {
	if way.encrypted {
		return []keyLine{way.seals}
	}
	return nil
}
