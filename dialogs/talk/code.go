package talk

import (
	"time"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// Code lets whoever has it go on with a conversation on another device: eight digits and a check digit, in groups of three.
type Code struct {
	Digits string `cbor:"1,keyasint,omitempty"` // "482 173 629"
	Until  int64  `cbor:"2,keyasint,omitempty"` // unix seconds
	To     []byte `cbor:"3,keyasint,omitempty"` // who takes it: the conversation is about to be theirs; nil: nobody yet
	At     int64  `cbor:"4,keyasint,omitempty"` // since when, unix seconds
	ID     string `cbor:"5,keyasint,omitempty"` // of the dialog of the one conversation that it is for
	Began  int64  `cbor:"6,keyasint,omitempty"` // when that conversation began: engine.State.Began
	Back   bool   `cbor:"7,keyasint,omitempty"` // whoever had it goes on with it, as nothing came of its being taken; To alone may still claim it, by Retake
}

// fits says whether s is the conversation that the code is for.
func (c *Code) fits(s *engine.State) bool { return s.Pin.ID == c.ID && s.Began == c.Began }

// LinkLasts is how long a code to put another phone or chat together with this one holds.
const LinkLasts = 10 * time.Minute

// CodeDigits is how many digits a code has, with its check digit. References have seven, ten, …, so neither is taken for the
// other.
const CodeDigits = 9

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

// CheckDigit is the last digit of a reference or a code whose others these are.
func CheckDigit(digits string) byte {
	var c byte
	for i := 0; i < len(digits); i++ {
		c = damm[c][digits[i]-'0']
	}
	return '0' + c
}

// ParseCode reads a code and nothing else, however its digits are parted: "482173629", "482-173-629". It gives the bare
// digits, and false when the check digit doesn't fit.
func ParseCode(words string) (string, bool) {
	if len(words) > 60 {
		return "", false
	}
	digits := make([]byte, 0, CodeDigits)
	for _, r := range locales.Fold(words) {
		switch {
		case r >= '0' && r <= '9':
			if len(digits) == CodeDigits {
				return "", false
			}
			digits = append(digits, byte(r))
		case r != ' ' && r != '-' && r != '.' && r != '#':
			return "", false
		}
	}
	if len(digits) != CodeDigits || CheckDigit(string(digits[:CodeDigits-1])) != digits[CodeDigits-1] {
		return "", false
	}
	return string(digits), true
}

// GroupCode puts the bare digits of a code in groups of three, to be read and said.
func GroupCode(digits string) string {
	if len(digits) != CodeDigits {
		return digits
	}
	return digits[:3] + " " + digits[3:6] + " " + digits[6:]
}
