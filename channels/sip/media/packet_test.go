package media

import (
	"bytes"
	"testing"
)

// TestPacketsAreRead with all that may stand before and behind their sound; what claims more than there is, is left alone.
func TestPacketsAreRead(t *testing.T) {
	header := []byte{0x80, 0xe5, 0x12, 0x34, 0, 0, 0, 9, 0, 0, 0, 7}
	with := func(first byte, rest ...byte) []byte {
		b := append(bytes.Clone(header), rest...)
		b[0] = first
		return b
	}
	for _, c := range []struct {
		name string
		b    []byte
		body []byte
		ok   bool
	}{
		{"plain", with(0x80, 1, 2, 3), []byte{1, 2, 3}, true},
		{"empty", with(0x80), []byte{}, true},
		{"two others who contributed", with(0x82, 0, 0, 0, 1, 0, 0, 0, 2, 5), []byte{5}, true},
		{"an extension of one word", with(0x90, 0xbe, 0xde, 0, 1, 9, 9, 9, 9, 5), []byte{5}, true},
		{"padding", with(0xa0, 5, 6, 0, 0, 3), []byte{5, 6}, true},
		{"all of it", with(0xb1, 0, 0, 0, 1, 0xbe, 0xde, 0, 0, 5, 0, 2), []byte{5}, true},
		{"nothing but padding", with(0xa0, 0, 2), []byte{}, true},
		{"more padding than there is", with(0xa0, 5, 3), nil, false},
		{"padding of none", with(0xa0, 5, 0), nil, false},
		{"padding without a byte", with(0xa0), nil, false},
		{"an extension beyond the end", with(0x90, 0xbe, 0xde, 0, 2, 9, 9, 9, 9), nil, false},
		{"an extension without its length", with(0x90, 0xbe, 0xde, 0), nil, false},
		{"fifteen others, of whom none is there", with(0x8f, 1, 2, 3), nil, false},
		{"another version", with(0x40, 1), nil, false},
		{"short", header[:11], nil, false},
		{"nothing", nil, nil, false},
	} {
		p, ok := readPacket(c.b)
		if ok != c.ok || !bytes.Equal(p.body, c.body) {
			t.Errorf("%s: %x, %v", c.name, p.body, ok)
		}
		if ok && (!p.marker || p.payload != 101 || p.seq != 0x1234 || p.stamp != 9 || p.source != 7) {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
	again := make([]byte, headerSize)
	p, _ := readPacket(with(0x80))
	if p.writeHeader(again); !bytes.Equal(again, header) {
		t.Errorf("%x", again)
	}
}
