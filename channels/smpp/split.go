package smpp

import (
	"encoding/binary"
	"unicode/utf16"

	"github.com/rivo/uniseg"

	"github.com/townline/townline/dialogs/render"
)

// Long is how a message longer than one text goes out, as the phone company wants it.
type Long uint8

const (
	UDH8  Long = iota // a user data header with a reference of one octet
	UDH16             // with one of two octets, which leaves a character less for words
	SAR               // optional parameters sar_…; the phone company makes the header
)

// Information elements of a user data header (3GPP TS 23.040 clause 9.2.3.24).
const (
	concat8  = 0x00
	concat16 = 0x08
)

// mostParts is the most that a part's number can count to.
const mostParts = 255

// part is what one submit_sm carries.
type part struct {
	coding byte
	header bool   // octets begin with a user data header
	octets []byte // short_message
	number int    // 1 …
	total  int
	ref    uint16
}

// letters is how a text is written in octets.
type letters struct {
	coding byte
	one    int              // most units of a single message
	width  func(string) int // in units
	write  func(text string, fill int) []byte
}

// lettersFor are GSM 7-bit where that holds every character, or what stands in its place, else UCS-2.
func lettersFor(text string, a Alphabet) letters {
	switch {
	case a == Latin1 && isLatin1(text):
		// On the air it is GSM 7-bit again, or UCS-2; lengths are counted as if it were the first.
		return letters{one: 160, width: septetsAtLeast, write: func(s string, _ int) []byte { return toLatin1(s) }}
	case a != Latin1 && render.Count(text).GSM:
		return letters{one: 160, width: septetsAtLeast, write: func(s string, fill int) []byte {
			codes, _ := render.EncodeGSM(s)
			if a == Packed {
				return pack(codes, fill)
			}
			return codes
		}}
	}
	return letters{coding: 0x08, one: 70, width: units16, write: func(s string, _ int) []byte { return toUCS2(s) }}
}

// room is how many units each of several parts has (3GPP TS 23.040 clause 9.2.3.24.1 and .8). With SAR the phone company makes
// the header in the end, of which we can't know the size; references stay below 256 so that it may be the short one.
func (l letters) room(long Long) int {
	n := 153
	if l.coding == 0x08 {
		n = 67
	}
	if long == UDH16 {
		n--
	}
	return n
}

// cut makes the parts of a text. None ends within an escape pair or a surrogate pair, nor within what a reader takes for one
// character, unless that made more parts. ok is false where there would be more parts than can be counted.
func cut(text string, ref uint16, long Long, a Alphabet) (parts []part, ok bool) {
	l := lettersFor(text, a)
	if l.width(text) <= l.one {
		return []part{{coding: l.coding, octets: l.write(text, 0), number: 1, total: 1}}, true
	}
	stretches := stretch(text, l.room(long), l.width)
	if len(stretches) > mostParts {
		return nil, false
	}
	for i, s := range stretches {
		p := part{coding: l.coding, number: i + 1, total: len(stretches), ref: ref}
		head := p.head(long)
		p.header = len(head) > 0
		p.octets = append(head, l.write(s, fillBits(len(head)))...)
		parts = append(parts, p)
	}
	return parts, true
}

// fillBits brings septets after a header of n octets to where the next septet begins (3GPP TS 23.040 clause 9.2.3.24).
func fillBits(n int) int { return (7 - n*8%7) % 7 }

// head is the user data header of a part.
func (p *part) head(long Long) []byte {
	switch long {
	case UDH8:
		return []byte{5, concat8, 3, byte(p.ref), byte(p.total), byte(p.number)}
	case UDH16:
		return []byte{6, concat16, 4, byte(p.ref >> 8), byte(p.ref), byte(p.total), byte(p.number)}
	}
	return nil
}

// stretch parts text so that none is wider than most.
func stretch(text string, most int, width func(string) int) []string {
	fine := fill(text, most, width, nextRune)
	if whole := fill(text, most, width, nextCluster); len(whole) <= len(fine) {
		return whole
	}
	return fine
}

func fill(text string, most int, width func(string) int, next func(string) int) []string {
	var all []string
	begin, end, used := 0, 0, 0
	for end < len(text) {
		n := next(text[end:])
		w := width(text[end : end+n])
		if w > most { // one character with very many marks
			n = nextRune(text[end:])
			w = width(text[end : end+n])
		}
		if used+w > most {
			all = append(all, text[begin:end])
			begin, used = end, 0
		}
		end, used = end+n, used+w
	}
	return append(all, text[begin:end])
}

func nextCluster(s string) int {
	seg, _, _, _ := uniseg.FirstGraphemeClusterInString(s, -1)
	return len(seg)
}

func nextRune(s string) int {
	for i := range s {
		if i > 0 {
			return i
		}
	}
	return len(s)
}

// septetsAtLeast counts septets, and of characters that GSM 7-bit lacks one each.
func septetsAtLeast(s string) int {
	if l := render.Count(s); l.GSM {
		return l.Units
	}
	n := 0
	for _, r := range s {
		n += max(1, render.Count(string(r)).Units)
	}
	return n
}

func isLatin1(s string) bool {
	for _, r := range s {
		if r > 0xFF {
			return false
		}
	}
	return true
}

func toLatin1(s string) []byte {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		out = append(out, byte(r))
	}
	return out
}

func units16(s string) int {
	n := 0
	for _, r := range s {
		n += max(1, utf16.RuneLen(r))
	}
	return n
}

func toUCS2(s string) []byte {
	out := make([]byte, 0, 2*len(s))
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.BigEndian.AppendUint16(out, u)
	}
	return out
}
