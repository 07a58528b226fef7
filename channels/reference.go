package channels

import (
	"fmt"
	"io"
	"strings"

	"github.com/townline/townline/locales"
)

// A reference is what a resident notes down and says or keys on a phone later: digits only, in groups of three, and a
// last one that catches every wrong digit and every two neighbours swapped: "482-173-5".

// Digits of a reference before its check digit. An outpost, which can't ask whether a reference is taken, makes longer ones:
// with a thousand requests made away from the centre, one pair in 1,800 towns would be the same, and the centre notices.
const (
	ReferenceDigits        = 6
	OutpostReferenceDigits = 9
)

// damm is the quasigroup of order 10 of H. M. Damm, "Total anti-symmetrische Quasigruppen" (Marburg 2004), p. 111: it
// finds all single wrong digits and all swaps of neighbours.
var damm = [10][10]byte{
	{0, 3, 1, 7, 5, 9, 8, 6, 4, 2},
	{7, 0, 9, 2, 1, 5, 4, 8, 6, 3},
	{4, 2, 0, 6, 8, 7, 1, 3, 5, 9},
	{1, 7, 5, 0, 9, 8, 3, 4, 2, 6},
	{6, 1, 2, 3, 0, 4, 5, 9, 7, 8},
	{3, 6, 7, 4, 2, 0, 9, 5, 8, 1},
	{5, 8, 6, 9, 7, 2, 0, 1, 3, 4},
	{8, 9, 4, 5, 3, 6, 2, 0, 1, 7},
	{9, 4, 3, 8, 6, 1, 7, 2, 0, 5},
	{2, 5, 8, 1, 4, 3, 6, 7, 9, 0},
}

func checkDigit(digits string) byte {
	var c byte
	for i := 0; i < len(digits); i++ {
		c = damm[c][digits[i]-'0']
	}
	return '0' + c
}

// NewReference makes a reference of n digits, a multiple of three, and the check digit.
func NewReference(entropy io.Reader, n int) (string, error) {
	digits := make([]byte, 0, n)
	var b [16]byte
	for len(digits) < n {
		if _, err := io.ReadFull(entropy, b[:]); err != nil {
			return "", fmt.Errorf("channels: randomness for a reference: %w", err)
		}
		for _, v := range b {
			// 250 is the largest multiple of ten in a byte: no digit is likelier than another. The first is no zero,
			// which some would leave out.
			if v >= 250 || len(digits) == n || len(digits) == 0 && v%10 == 0 {
				continue
			}
			digits = append(digits, '0'+v%10)
		}
	}
	return grouped(string(digits)), nil
}

func grouped(digits string) string {
	var s strings.Builder
	for i := 0; i < len(digits); i += 3 {
		s.WriteString(digits[i:min(i+3, len(digits))])
		s.WriteByte('-')
	}
	s.WriteByte(checkDigit(digits))
	return s.String()
}

// ParseReference reads a reference the way people write and key them: spaces, dashes, dots and letters around the
// digits don't matter, digits of any script count. It says false when the check digit doesn't fit.
func ParseReference(s string) (string, bool) {
	digits := make([]byte, 0, 16)
	for _, r := range locales.Fold(s) {
		if r >= '0' && r <= '9' {
			digits = append(digits, byte(r))
		}
	}
	n := len(digits) - 1
	if n < ReferenceDigits || n > 4*ReferenceDigits || n%3 != 0 || checkDigit(string(digits[:n])) != digits[n] {
		return "", false
	}
	return grouped(string(digits[:n])), true
}
