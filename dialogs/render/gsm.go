package render

import (
	"strings"
	"unicode/utf8"
)

// The GSM 7-bit default alphabet and its extension table: 3GPP TS 23.038 clauses 6.2.1 and 6.2.1.1. The place of a
// character is its septet; 0x1B leads to the extension table, whose characters cost two septets.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmEscape = 0x1b
)

// Most units of one text message, and of each of several that are joined: 3GPP TS 23.040 clause 9.2.3.24.1.
const (
	oneGSM, joinedGSM   = 160, 153
	oneUCS2, joinedUCS2 = 70, 67
)

// gsmCode gives the septet of a character, plus 0x80 where it stands in the extension table.
var gsmCode = func() map[rune]byte {
	m := map[rune]byte{
		'\f': 0x8a, '^': 0x94, '{': 0xa8, '}': 0xa9, '\\': 0xaf, '[': 0xbc, '~': 0xbd, ']': 0xbe, '|': 0xc0, '€': 0xe5,
	}
	code := byte(0)
	for _, r := range gsmBasic {
		if code != gsmEscape {
			m[r] = code
		}
		code++
	}
	return m
}()

// asciiWidth is the number of septets of each ASCII character; 0 where GSM 7-bit lacks it.
var asciiWidth = func() (w [utf8.RuneSelf]uint8) {
	for r := range w {
		if code, ok := gsmCode[rune(r)]; ok {
			w[r] = 1 + code>>7
		}
	}
	return w
}()

func septets(r rune) int {
	if r < utf8.RuneSelf {
		return int(asciiWidth[r])
	}
	code, ok := gsmCode[r]
	if !ok {
		return 0
	}
	return 1 + int(code>>7)
}

// Length is what a text costs as a text message.
type Length struct {
	GSM      bool // every character is in GSM 7-bit
	Units    int  // septets when GSM, else UTF-16 units
	Segments int  // messages that it is sent as; 1 for the empty text
}

// Count measures a text as a phone network would: GSM 7-bit where that holds every character, else UCS-2. No segment
// ends inside an escape pair or a surrogate pair, so that one may end a unit short.
func Count(text string) Length {
	n := 0
	for _, r := range text {
		w := septets(r)
		if w == 0 {
			return countUCS2(text)
		}
		n += w
	}
	if n <= oneGSM {
		return Length{GSM: true, Units: n, Segments: 1}
	}
	segments, used := 1, 0
	for _, r := range text {
		w := septets(r)
		if used+w > joinedGSM {
			segments, used = segments+1, 0
		}
		used += w
	}
	return Length{GSM: true, Units: n, Segments: segments}
}

func countUCS2(text string) Length {
	n := units16(text)
	if n <= oneUCS2 {
		return Length{Units: n, Segments: 1}
	}
	segments, used := 1, 0
	for _, r := range text {
		w := width16(r)
		if used+w > joinedUCS2 {
			segments, used = segments+1, 0
		}
		used += w
	}
	return Length{Units: n, Segments: segments}
}

func width16(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}

func units16(text string) int {
	n := 0
	for _, r := range text {
		n += width16(r)
	}
	return n
}

// EncodeGSM gives the septets of a text, one a byte and not packed; ok is false where GSM 7-bit lacks a character.
func EncodeGSM(text string) (codes []byte, ok bool) {
	codes = make([]byte, 0, len(text))
	for _, r := range text {
		code, ok := gsmCode[r]
		if !ok {
			return nil, false
		}
		if code >= 0x80 {
			codes = append(codes, gsmEscape, code&0x7f)
		} else {
			codes = append(codes, code)
		}
	}
	return codes, true
}

// DecodeGSM reads unpacked septets. As TS 23.038 asks, an escape before a code that the extension table lacks gives the
// basic character of that code, and an escape at the end a space. Bytes above 0x7F give U+FFFD.
func DecodeGSM(codes []byte) string {
	var b strings.Builder
	for i := 0; i < len(codes); i++ {
		c := codes[i]
		if c == gsmEscape {
			i++
			switch {
			case i == len(codes) || codes[i] == gsmEscape:
				b.WriteByte(' ')
				continue
			case gsmExtended[codes[i]&0x7f] != 0 && codes[i] < 0x80:
				b.WriteRune(gsmExtended[codes[i]])
				continue
			}
			c = codes[i]
		}
		if c >= 0x80 {
			b.WriteRune(utf8.RuneError)
			continue
		}
		b.WriteRune(gsmPlain[c])
	}
	return b.String()
}

var gsmPlain, gsmExtended = func() (plain, extended [0x80]rune) {
	for r, code := range gsmCode {
		if code >= 0x80 {
			extended[code&0x7f] = r
		} else {
			plain[code] = r
		}
	}
	return plain, extended
}()

// twins are the GSM 7-bit stand-ins for characters that typesetting brings in. Letters are never replaced: "año" is not
// "ano".
var twins = map[rune]string{
	'‘': "'", '’': "'", '‚': "'", '‛': "'", 'ʼ': "'", '′': "'", '`': "'", '´': "'",
	'“': "\"", '”': "\"", '„': "\"", '‟': "\"", '«': "\"", '»': "\"", '″': "\"",
	'‐': "-", '‑': "-", '‒': "-", '–': "-", '—': "-", '―': "-", '−': "-", '•': "-", '·': ".",
	'…': "...", '×': "x", '‹': "<", '›': ">", '⁄': "/", '½': "1/2", '¼': "1/4", '¾': "3/4",
	'\u00a0': " ", '\u2002': " ", '\u2003': " ", '\u2007': " ", '\u2009': " ", '\u200a': " ", '\u202f': " ", '\u2028': "\n", '\u2029': "\n", '\t': " ",
	'\u00ad': "", '\u200b': "", '\u2060': "", '\ufeff': "", 'ﬁ': "fi", 'ﬂ': "fl",
}

// Twin is the GSM 7-bit stand-in for a typographic character; ok is false where there is none.
func Twin(r rune) (twin string, ok bool) {
	twin, ok = twins[r]
	return twin, ok
}

// Thrifty replaces typographic characters by their GSM 7-bit twins when that makes the whole text GSM 7-bit, which more
// than doubles what fits in a segment; otherwise it returns the text as it is.
func Thrifty(text string) string {
	strange := false
	for _, r := range text {
		if septets(r) > 0 {
			continue
		}
		if _, ok := twins[r]; !ok {
			return text
		}
		strange = true
	}
	if !strange {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range text {
		if twin, ok := twins[r]; ok && septets(r) == 0 {
			b.WriteString(twin)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
