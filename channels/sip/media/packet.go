package media

import "encoding/binary"

// packet is an RTP packet (RFC 3550, 5.1), read where it lies.
type packet struct {
	marker  bool
	payload uint8 // type
	seq     uint16
	stamp   uint32
	source  uint32 // SSRC
	body    []byte
}

const headerSize = 12

// readPacket takes off the header, its extension and the padding. Nothing that the packet claims reaches beyond it.
func readPacket(b []byte) (packet, bool) {
	if len(b) < headerSize || b[0]>>6 != 2 {
		return packet{}, false
	}
	p := packet{
		marker:  b[1]&0x80 != 0,
		payload: b[1] & 0x7f,
		seq:     binary.BigEndian.Uint16(b[2:]),
		stamp:   binary.BigEndian.Uint32(b[4:]),
		source:  binary.BigEndian.Uint32(b[8:]),
	}
	at := headerSize + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 {
		if len(b) < at+4 {
			return packet{}, false
		}
		at += 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
	}
	if at > len(b) {
		return packet{}, false
	}
	p.body = b[at:]
	if b[0]&0x20 != 0 {
		if len(p.body) == 0 {
			return packet{}, false
		}
		n := int(p.body[len(p.body)-1])
		if n == 0 || n > len(p.body) {
			return packet{}, false
		}
		p.body = p.body[:len(p.body)-n]
	}
	return p, true
}

// writeHeader fills the first bytes of b.
func (p packet) writeHeader(b []byte) {
	b[0], b[1] = 0x80, p.payload
	if p.marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], p.stamp)
	binary.BigEndian.PutUint32(b[8:], p.source)
}

// isRTCP tells both apart where they share a port (RFC 5761).
func isRTCP(b []byte) bool { return len(b) >= 8 && b[0]>>6 == 2 && b[1] >= 192 && b[1] <= 223 }
