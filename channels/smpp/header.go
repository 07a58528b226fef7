package smpp

import (
	"encoding/binary"
	"errors"
)

// piece says which part of which long message a deliver_sm is. total is 0 where it is none.
type piece struct {
	ref    uint16
	wide   bool // the reference has two octets
	sar    bool // it came in optional parameters
	number int
	total  int
}

var errHeader = errors.New("its user data header is longer than it is")

// classHeader is the bit of esm_class that says that the message begins with a user data header (SMPP v3.4 §5.2.12).
const classHeader = 0x40

// open takes what was sent apart: which part of what it is, and the words' octets behind the header. n is the length of that.
func (in *incoming) open() (p piece, octets []byte, n int, err error) {
	octets = in.user
	if in.class&classHeader != 0 {
		if p, n, err = header(octets); err != nil {
			return piece{}, nil, 0, err
		}
		octets = octets[n:]
	}
	if p.total == 0 {
		p = in.segment()
	}
	return p, octets, n, nil
}

// header reads a user data header: of all its elements the one that says which part this is. A reference that makes no sense
// is none at all, as TS 23.040 clause 9.2.3.24.1 wants it.
func header(octets []byte) (p piece, n int, err error) {
	if len(octets) == 0 {
		return piece{}, 0, errHeader
	}
	n = int(octets[0]) + 1
	if len(octets) < n {
		return piece{}, 0, errHeader
	}
	for rest := octets[1:n]; len(rest) > 0; {
		if len(rest) < 2 || len(rest) < 2+int(rest[1]) {
			return piece{}, 0, errHeader
		}
		value := rest[2 : 2+rest[1]]
		switch {
		case rest[0] == concat8 && len(value) == 3:
			p = piece{ref: uint16(value[0]), total: int(value[1]), number: int(value[2])}
		case rest[0] == concat16 && len(value) == 4:
			p = piece{ref: binary.BigEndian.Uint16(value), wide: true, total: int(value[2]), number: int(value[3])}
		}
		rest = rest[2+len(value):]
	}
	return p.sane(), n, nil
}

// segment reads the sar parameters. A message is one of several only with all three.
func (in *incoming) segment() piece {
	ref, ok1 := in.number(tagSarReference)
	total, ok2 := in.number(tagSarTotal)
	number, ok3 := in.number(tagSarNumber)
	if !ok1 || !ok2 || !ok3 {
		return piece{}
	}
	return piece{ref: uint16(ref), wide: true, sar: true, total: total, number: number}.sane()
}

// sane is p, or nothing where it says the impossible. A message of one part isn't one of several.
func (p piece) sane() piece {
	if p.total < 2 || p.total > mostParts || p.number < 1 || p.number > p.total {
		return piece{}
	}
	return p
}
