package media

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"
)

// report is what both sides tell each other about their packets (RTCP, RFC 3550, 6).
type report struct {
	due      int64 // beat of our next one
	expected uint32
	received int
	heard    netip.AddrPort // where theirs comes from, if it isn't where they said
	theirs   uint32         // middle of the time in their last report
	at       time.Time      // and when it came
	trip     time.Duration  // there and back
}

const (
	senderReport   = 200
	receiverReport = 201
	sourceNames    = 202
	goodbye        = 203
)

// nextReport is five seconds from now, more or less, so that not all calls report at once.
func nextReport(beat int64) int64 { return beat + 125 + rand.Int64N(251) }

// ntp is a time as RTCP writes it.
func ntp(t time.Time) uint64 {
	const from1900 = 2208988800
	return uint64(t.Unix()+from1900)<<32 | uint64(t.Nanosecond())<<32/uint64(time.Second)
}

// write makes a report, with a goodbye at the end of the call. name is what RTCP calls the call, not anybody's name.
func (s *stream) writeReport(b []byte, name string, now time.Time, leaving bool) []byte {
	be := binary.BigEndian
	start := len(b)
	kind := byte(receiverReport)
	if s.sent > 0 {
		kind = senderReport
	}
	blocks := byte(0)
	if s.begun {
		blocks = 1
	}
	b = append(b, 0x80|blocks, kind, 0, 0)
	b = be.AppendUint32(b, s.source)
	if kind == senderReport {
		b = be.AppendUint64(b, ntp(now))
		b = be.AppendUint32(b, s.stamp)
		b = be.AppendUint32(b, s.sent)
		b = be.AppendUint32(b, s.octets)
	}
	if s.begun {
		expected := s.highest - s.base + 1
		share := 0
		if e, lost := int(expected-s.control.expected), int(expected-s.control.expected)-(s.received-s.control.received); e > 0 && lost > 0 {
			share = min(255, lost*256/e)
		}
		s.control.expected, s.control.received = expected, s.received
		since := uint32(0)
		if s.control.theirs != 0 {
			since = uint32(now.Sub(s.control.at).Seconds() * 65536)
		}
		b = be.AppendUint32(b, s.guard.source)
		b = be.AppendUint32(b, uint32(share)<<24|uint32(min(s.lost(), 0x7fffff)))
		b = be.AppendUint32(b, s.highest)
		b = be.AppendUint32(b, uint32(s.jitter))
		b = be.AppendUint32(b, s.control.theirs)
		b = be.AppendUint32(b, since)
	}
	be.PutUint16(b[start+2:], uint16((len(b)-start)/4-1))

	start = len(b)
	b = append(b, 0x81, sourceNames, 0, 0)
	b = be.AppendUint32(b, s.source)
	b = append(b, 1, byte(len(name)))
	b = append(b, name...)
	b = append(b, 0)
	for (len(b)-start)%4 != 0 {
		b = append(b, 0)
	}
	be.PutUint16(b[start+2:], uint16((len(b)-start)/4-1))
	if leaving {
		b = append(b, 0x81, goodbye, 0, 1)
		b = be.AppendUint32(b, s.source)
	}
	return b
}

// takeReport reads what the other side reports, and says whether it was theirs.
func (s *stream) takeReport(b []byte, from netip.AddrPort, now time.Time) bool {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	known := s.path.rtcp.Addr()
	if s.guard.known {
		known = s.guard.from.Addr()
	}
	if s.opens != nil {
		var err error
		if b, err = s.opens.openRTCP(b, b); err != nil {
			return false
		}
	} else if from.Addr() != known && from.Addr() != s.path.rtcp.Addr() {
		return false
	}
	if !s.readReports(b, now) {
		return false
	}
	s.control.heard = from
	return true
}

// readReports walks through a compound packet. Nothing in it is believed but its two times.
func (s *stream) readReports(b []byte, now time.Time) bool {
	be := binary.BigEndian
	first := true
	for len(b) > 0 {
		if len(b) < 8 || b[0]>>6 != 2 {
			return false
		}
		size := 4 * (int(be.Uint16(b[2:])) + 1)
		if size < 8 || size > len(b) || first && b[1] != senderReport && b[1] != receiverReport {
			return false
		}
		one := b[:size]
		b, first = b[size:], false
		blocks := one[8:]
		switch one[1] {
		case senderReport:
			if len(one) < 28 {
				return false
			}
			s.control.theirs, s.control.at = uint32(be.Uint64(one[8:])>>16), now
			blocks = one[28:]
		case receiverReport:
		default:
			continue
		}
		for range one[0] & 0x1f {
			if len(blocks) < 24 {
				return false
			}
			last, since := be.Uint32(blocks[16:]), be.Uint32(blocks[20:])
			if be.Uint32(blocks) == s.source && last != 0 {
				trip := time.Duration(uint32(ntp(now)>>16)-last-since) * time.Second / 65536
				if trip < 10*time.Second { // else a clock jumped
					s.control.trip = trip
				}
			}
			blocks = blocks[24:]
		}
	}
	return !first
}

// reportsTo is where our reports go.
func (s *stream) reportsTo() (netip.AddrPort, bool) {
	if s.path.mux {
		return s.to()
	}
	at := s.path.rtcp
	switch {
	case s.control.heard.IsValid():
		at = s.control.heard
	case s.guard.known && s.guard.from != s.path.to && s.guard.from.Port() < 65535: // behind a router: the next port there, most likely
		at = netip.AddrPortFrom(s.guard.from.Addr(), s.guard.from.Port()+1)
	}
	return at, at.IsValid() && at.Port() != 0 && !at.Addr().IsUnspecified()
}
