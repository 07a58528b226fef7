package channels

import (
	"fmt"
	"io"
	"strings"

	"github.com/townline/townline/dialogs/talk"
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

// CodeDays is how long a code holds with which a conversation is taken along: over a weekend.
const CodeDays = 3

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
	s.WriteByte(talk.CheckDigit(digits))
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
	if n < ReferenceDigits || n > 4*ReferenceDigits || n%3 != 0 || talk.CheckDigit(string(digits[:n])) != digits[n] {
		return "", false
	}
	return grouped(string(digits[:n])), true
}

// NewCode makes a code to take a conversation along, "482 173 629"; random fills what it is given.
func NewCode(random func([]byte) error) (string, error) {
	digits := make([]byte, 0, talk.CodeDigits)
	var b [16]byte
	for len(digits) < talk.CodeDigits-1 {
		if err := random(b[:]); err != nil {
			return "", err
		}
		for _, v := range b {
			if v < 250 && len(digits) < talk.CodeDigits-1 {
				digits = append(digits, '0'+v%10)
			}
		}
	}
	return talk.GroupCode(string(append(digits, talk.CheckDigit(string(digits))))), nil
}
