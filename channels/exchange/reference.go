package exchange

import "github.com/townline/townline/channels"

// newReference makes one; tries is how many were taken already: after every third, three more digits are added, so a town
// never runs out.
func (x *Exchange) newReference(tries int) (string, error) {
	return channels.NewReference(chanceOf{x}, channels.ReferenceDigits+tries/3*3)
}

// chanceOf is an exchange's randomness as a reader.
type chanceOf struct{ x *Exchange }

func (c chanceOf) Read(b []byte) (int, error) {
	if err := c.x.random(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// ParseReference reads a reference the way people write and key them; see channels.ParseReference.
func ParseReference(s string) (string, bool) { return channels.ParseReference(s) }
