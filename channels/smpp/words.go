package smpp

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/townline/townline/dialogs/render"
)

// Alphabet is what a phone company means by data_coding 0, "SMSC default alphabet".
type Alphabet uint8

const (
	GSM    Alphabet = iota // GSM 7-bit, a septet an octet
	Packed                 // GSM 7-bit, eight septets in seven octets
	Latin1                 // ISO 8859-1
)

// script is how the octets of a message are to be read.
type script uint8

const (
	inGSM script = iota
	inLatin1
	inIA5
	inUCS2
	inCyrillic // ISO 8859-5
	inHebrew   // ISO 8859-8
	inOctets   // said to be no text
)

// scriptOf reads a data_coding: SMPP v3.4 §5.2.19 below 0x10, and 3GPP TS 23.038 clause 4 above, which many send on as it came.
func scriptOf(coding byte, own Alphabet) script {
	switch {
	case coding == 0x00:
		if own == Latin1 {
			return inLatin1
		}
		return inGSM
	case coding == 0x01:
		return inIA5
	case coding == 0x03:
		return inLatin1
	case coding == 0x06:
		return inCyrillic
	case coding == 0x07:
		return inHebrew
	case coding == 0x08:
		return inUCS2
	case coding == 0x0F: // of a menu: GSM 7-bit of no language in particular (TS 23.038 clause 5)
		return inGSM
	case coding < 0x10:
		return inOctets
	case coding < 0x80:
		return [...]script{inGSM, inOctets, inUCS2, inGSM}[coding>>2&3]
	case coding >= 0xE0 && coding < 0xF0:
		return inUCS2
	case coding >= 0xF0 && coding&0x04 != 0:
		return inOctets
	}
	return inGSM
}

// read makes words of octets. Whatever they are, nothing is lost to a whole message by one of them; ok is false where they are
// no words at all. GSM 7-bit stands a septet an octet by now.
func read(octets []byte, s script) (words string, ok bool) {
	switch s {
	case inUCS2:
		words = fromUCS2(octets)
	case inGSM:
		words = fromGSM(octets)
	case inCyrillic:
		words = fromTable(octets, charmap.ISO8859_5)
	case inHebrew:
		words = fromTable(octets, charmap.ISO8859_8)
	case inIA5: // many write GSM 7-bit under this name, npm's smpp for one: it shows where there are control characters
		if words = fromTable(octets, charmap.Windows1252); len(octets) > 0 && !printable(octets) {
			words = fromGSM(octets)
		}
	case inOctets:
		if !utf8.Valid(octets) || !printable(octets) {
			return "", false
		}
		words = string(octets)
	default:
		words = fromTable(octets, charmap.Windows1252)
	}
	return plain(words), true
}

// fromGSM reads GSM 7-bit. An octet above 0x7F says that it is something else, whatever data_coding says: UTF-8 where it can
// be, else Latin 1.
func fromGSM(octets []byte) string {
	for _, b := range octets {
		if b < 0x80 {
			continue
		}
		if utf8.Valid(octets) {
			return string(octets)
		}
		return fromTable(octets, charmap.Windows1252)
	}
	return render.DecodeGSM(octets)
}

func fromTable(octets []byte, m *charmap.Charmap) string {
	var b strings.Builder
	b.Grow(len(octets))
	for _, o := range octets {
		b.WriteRune(m.DecodeByte(o))
	}
	return b.String()
}

func fromUCS2(octets []byte) string {
	units := make([]uint16, 0, len(octets)/2)
	for i := 0; i+1 < len(octets); i += 2 {
		units = append(units, binary.BigEndian.Uint16(octets[i:]))
	}
	switch {
	case len(units) > 0 && units[0] == 0xFEFF:
		units = units[1:]
	case len(units) > 0 && units[0] == 0xFFFE: // the wrong way round
		for i := range units {
			units[i] = units[i]<<8 | units[i]>>8
		}
		units = units[1:]
	}
	return string(utf16.Decode(units))
}

func printable(octets []byte) bool {
	for _, b := range octets {
		if b < 0x20 && b != '\n' && b != '\r' && b != '\t' {
			return false
		}
	}
	return len(octets) > 0
}

// plain is s as a text message can carry it, without control characters: one of them makes some phones show nothing.
func plain(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 0x20 && c != '\n') || c >= 0x7F {
			return strings.Map(sendable, strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n"))
		}
	}
	return s
}

func sendable(r rune) rune {
	switch {
	case r == '\t', r == '\f':
		return ' '
	case r == '\r':
		return '\n'
	case r == '\n':
		return r
	case r < 0x20, r >= 0x7F && r < 0xA0, r == 0xFFFE, r == 0xFFFF:
		return -1
	}
	return r
}

// pack puts septets together, eight in seven octets, after fill bits that are left free (3GPP TS 23.038 clause 6.1.2.1.1). Where
// seven bits are over at the end, a carriage return fills them: noughts would be read as "@".
func pack(septets []byte, fill int) []byte {
	out := make([]byte, 0, (len(septets)*7+fill+7)/8)
	acc, n := uint(0), fill
	put := func(s byte) {
		acc |= uint(s&0x7f) << n
		for n += 7; n >= 8; n -= 8 {
			out = append(out, byte(acc))
			acc >>= 8
		}
	}
	for _, s := range septets {
		put(s)
	}
	if n == 1 && len(septets) > 0 { // seven bits of the last octet are free
		put('\r')
	}
	if n > 0 {
		out = append(out, byte(acc))
	}
	return out
}

// unpack takes septets apart, after fill bits. A last one that only fills the last octet is left out.
func unpack(octets []byte, fill int) []byte {
	bits := len(octets)*8 - fill
	if bits <= 0 {
		return nil
	}
	out := make([]byte, 0, bits/7)
	for at := fill; at+7 <= len(octets)*8; at += 7 {
		v := uint(octets[at/8]) >> (at % 8)
		if at%8 > 1 && at/8+1 < len(octets) {
			v |= uint(octets[at/8+1]) << (8 - at%8)
		}
		out = append(out, byte(v&0x7f))
	}
	if last := len(out) - 1; bits%7 == 0 && last >= 0 && (out[last] == '\r' || out[last] == 0) {
		out = out[:last]
	}
	return out
}
