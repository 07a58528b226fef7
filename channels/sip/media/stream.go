package media

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"time"
)

// stream is RTP both ways over one pair of ports: who sends to us, what they sent, and what we sent. Its session's lock
// guards it.
type stream struct {
	ports pair
	path  path
	guard guard
	seals *lock // nil: not encrypted
	opens *lock

	source uint32 // SSRC of ours
	seq    uint16
	stamp  uint32
	sent   uint32
	octets uint32
	quiet  bool // nothing was sent at the last beat

	begun    bool
	base     uint32
	highest  uint32 // with its overflows counted above 16 bits
	received int    // of this stream
	before   struct{ received, lost int }
	refused  int
	clock    uint32 // of the last packet of sound
	arrived  time.Time
	jitter   float64 // in ticks of its clock

	control report
}

func newStream(ports pair, allowed []netip.Prefix) *stream {
	var r [10]byte
	rand.Read(r[:])
	return &stream{ports: ports, guard: guard{allowed: allowed}, quiet: true,
		source: binary.BigEndian.Uint32(r[:]), stamp: binary.BigEndian.Uint32(r[4:]), seq: binary.BigEndian.Uint16(r[8:]) >> 1}
}

// follow goes where the descriptions say; news says whether they say anything new. Keys that stay the same go on counting.
func (s *stream) follow(p path, news bool) error {
	seals, opens := s.seals, s.opens
	if !p.encrypted {
		seals, opens = nil, nil
	} else {
		var err error
		if seals == nil || s.path.seals.key != p.seals.key || s.path.seals.suite != p.seals.suite {
			if seals, err = newLock(p.seals); err != nil {
				return err
			}
		}
		if opens == nil || s.path.opens.key != p.opens.key || s.path.opens.suite != p.opens.suite {
			if opens, err = newLock(p.opens); err != nil {
				return err
			}
		}
	}
	s.seals, s.opens = seals, opens
	s.path = p
	s.guard.describe(p.to, news)
	return nil
}

// to is where our packets go; ok is false while nobody knows.
func (s *stream) to() (at netip.AddrPort, ok bool) {
	at = s.path.to
	if s.guard.known {
		at = s.guard.from
	}
	return at, at.IsValid() && at.Port() != 0 && !at.Addr().IsUnspecified()
}

// take reads a packet, whose bytes it may change. It returns those of the other side only; fresh says that a new stream begins.
func (s *stream) take(b []byte, from netip.AddrPort, beat int64, sound, other agreed) (p packet, fresh, ok bool) {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	p, ok = s.read(b, sound, other)
	if !ok {
		s.refused++
		return packet{}, false, false
	}
	ok, fresh = s.guard.admit(from, p, s.opens != nil, beat)
	if !ok {
		s.refused++
		return packet{}, false, false
	}
	s.count(p, fresh)
	return p, fresh, true
}

func (s *stream) read(b []byte, sound, other agreed) (packet, bool) {
	if len(b) < headerSize || b[0]>>6 != 2 {
		return packet{}, false
	}
	if t := b[1] & 0x7f; !(sound.is && t == sound.takes) && !(other.is && t == other.takes) {
		return packet{}, false
	}
	if s.opens != nil {
		var err error
		if b, err = s.opens.openRTP(b, b); err != nil {
			return packet{}, false
		}
	}
	return readPacket(b)
}

// count keeps what RFC 3550, A.1 wants to know.
func (s *stream) count(p packet, fresh bool) {
	if fresh || !s.begun {
		s.before.received, s.before.lost = s.received+s.before.received, s.lost()
		s.begun, s.base, s.highest, s.received = true, uint32(p.seq), uint32(p.seq), 0
		s.arrived = time.Time{}
	}
	s.received++
	if ahead := int16(p.seq - uint16(s.highest)); ahead > 0 {
		s.highest += uint32(ahead)
	}
}

// arrive measures how evenly packets come (RFC 3550, A.8).
func (s *stream) arrive(p packet, now time.Time) {
	if !s.arrived.IsZero() {
		d := now.Sub(s.arrived).Seconds()*8000 - float64(int32(p.stamp-s.clock))
		s.jitter += (max(d, -d) - s.jitter) / 16
	}
	s.arrived, s.clock = now, p.stamp
}

func (s *stream) lost() int {
	if !s.begun {
		return 0
	}
	return s.before.lost + max(0, int(s.highest-s.base)+1-s.received)
}

// header is that of our next packet.
func (s *stream) header(payload uint8, marker bool, stamp uint32) packet {
	s.seq++
	s.sent++
	return packet{marker: marker, payload: payload, seq: s.seq, stamp: stamp, source: s.source}
}

// seal encrypts what is to be sent, in place. b has room for the tag behind it.
func (s *stream) seal(b []byte) ([]byte, error) {
	s.octets += uint32(len(b) - headerSize)
	if s.seals == nil {
		return b, nil
	}
	return s.seals.sealRTP(b, b)
}
