package media

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// description is what one side says about the media of a call: SDP, RFC 4566, as far as a telephone line needs it.
type description struct {
	version string // o=: the same version again describes the same
	parts   []part
}

// part is one m-line with what belongs to it.
type part struct {
	kind    string // audio, text, video, …
	proto   string // RTP/AVP, …
	formats []string
	mid     string

	to    netip.AddrPort // where its RTP is to go; the port is 0 for a part that is refused, the address invalid for one by name
	rtcp  netip.AddrPort
	mux   bool // RTP and RTCP at one port
	flow  flow
	names map[string]string // payload type → encoding name/clock, as rtpmap has it
	fmtp  map[string]string
	keys  []keyLine
}

// flow is which way sound goes, as its sender says it.
type flow struct{ sends, takes bool }

func (f flow) String() string {
	switch f {
	case flow{true, false}:
		return "sendonly"
	case flow{false, true}:
		return "recvonly"
	case flow{false, false}:
		return "inactive"
	}
	return "sendrecv"
}

func flowOf(word string) (flow, bool) {
	for _, f := range []flow{{true, true}, {true, false}, {false, true}, {false, false}} {
		if f.String() == word {
			return f, true
		}
	}
	return flow{}, false
}

var (
	errNotSDP  = errors.New("what came is not SDP")
	errTooMuch = errors.New("the description is too long")
)

const (
	mostSDP     = 32 << 10
	mostParts   = 16
	mostFormats = 64
)

// readSDP is lenient: it takes what telephones send, and passes over what it doesn't know.
func readSDP(b []byte) (*description, error) {
	if len(b) > mostSDP {
		return nil, errTooMuch
	}
	d := &description{}
	var here, session part
	session.flow = flow{true, true}
	finish := func() error {
		if here.kind == "" {
			return nil
		}
		if len(d.parts) == mostParts {
			return errTooMuch
		}
		d.parts = append(d.parts, here)
		return nil
	}
	sawVersion := false
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\r\n")
		if len(line) < 2 || line[1] != '=' {
			continue
		}
		value := strings.TrimSpace(line[2:])
		at := &here
		if here.kind == "" {
			at = &session
		}
		switch line[0] {
		case 'v':
			sawVersion = true
		case 'o':
			if f := strings.Fields(value); len(f) >= 3 {
				d.version = f[1] + " " + f[2]
			}
		case 'c':
			if addr, ok := readConnection(value); ok {
				at.to = netip.AddrPortFrom(addr, at.to.Port())
			} else {
				at.to = netip.AddrPortFrom(netip.Addr{}, at.to.Port())
			}
		case 'm':
			if err := finish(); err != nil {
				return nil, err
			}
			var ok bool
			if here, ok = readPart(value, session); !ok {
				return nil, errNotSDP
			}
		case 'a':
			at.attribute(value)
		}
	}
	if err := finish(); err != nil {
		return nil, err
	}
	if !sawVersion || len(d.parts) == 0 {
		return nil, errNotSDP
	}
	for i := range d.parts {
		d.parts[i].settle()
	}
	return d, nil
}

// readConnection reads a c= line. A name instead of an address is left to what comes in: ok, but no address.
func readConnection(value string) (netip.Addr, bool) {
	f := strings.Fields(value)
	if len(f) != 3 {
		return netip.Addr{}, false
	}
	text, _, _ := strings.Cut(f[2], "/")
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

func readPart(value string, session part) (part, bool) {
	f := strings.Fields(value)
	if len(f) == 3 && f[1] == "0" { // a refused one may name no format
		f = append(f, "0")
	}
	if len(f) < 4 || len(f) > mostFormats+3 {
		return part{}, false
	}
	number, _, _ := strings.Cut(f[1], "/")
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return part{}, false
	}
	return part{kind: strings.ToLower(f[0]), proto: f[2], formats: f[3:], flow: session.flow,
		to: netip.AddrPortFrom(session.to.Addr(), uint16(port))}, true
}

func (p *part) attribute(value string) {
	name, value, _ := strings.Cut(value, ":")
	switch name {
	case "rtpmap", "fmtp":
		number, rest, ok := strings.Cut(value, " ")
		into := &p.names
		if name == "fmtp" {
			into = &p.fmtp
		}
		if *into == nil {
			*into = make(map[string]string)
		}
		if ok && len(*into) < mostFormats {
			(*into)[number] = strings.ToLower(strings.TrimSpace(rest))
		}
	case "rtcp":
		f := strings.Fields(value)
		if len(f) == 0 {
			return
		}
		port, err := strconv.ParseUint(f[0], 10, 16)
		if err != nil {
			return
		}
		var addr netip.Addr
		if len(f) == 4 {
			addr, _ = readConnection(strings.Join(f[1:], " "))
		}
		p.rtcp = netip.AddrPortFrom(addr, uint16(port))
	case "rtcp-mux":
		p.mux = true
	case "mid":
		if len(value) <= 32 && !strings.ContainsAny(value, " \t") {
			p.mid = value
		}
	case "crypto":
		if k, ok := readKeyLine(value); ok && len(p.keys) < 8 {
			p.keys = append(p.keys, k)
		}
	default:
		if f, ok := flowOf(name); ok {
			p.flow = f
		}
	}
}

// settle fills in what follows from the rest.
func (p *part) settle() {
	if p.to.Addr().IsUnspecified() { // how hold was said before RFC 3264
		p.flow.takes = false
	}
	switch {
	case p.mux:
		p.rtcp = p.to
	case p.rtcp.Port() == 0 && p.to.Port() < 65535:
		p.rtcp = netip.AddrPortFrom(p.to.Addr(), p.to.Port()+1)
	case !p.rtcp.Addr().IsValid():
		p.rtcp = netip.AddrPortFrom(p.to.Addr(), p.rtcp.Port())
	}
}

// encoding is the name and clock of a payload type.
func (p *part) encoding(format string) string {
	if name, ok := p.names[format]; ok {
		return name
	}
	switch format { // those that need no rtpmap
	case "0":
		return "pcmu/8000"
	case "8":
		return "pcma/8000"
	case "9":
		return "g722/8000"
	}
	return ""
}

// plain and secret say which way the packets of a part are written; neither is one that we can't speak (DTLS).
func (p *part) plain() bool  { return p.proto == "RTP/AVP" || p.proto == "RTP/AVPF" }
func (p *part) secret() bool { return p.proto == "RTP/SAVP" || p.proto == "RTP/SAVPF" }

func payloadType(format string) (uint8, bool) {
	n, err := strconv.ParseUint(format, 10, 7)
	if err != nil || n >= 64 && n < 96 { // these would be taken for RTCP (RFC 5761)
		return 0, false
	}
	return uint8(n), true
}
