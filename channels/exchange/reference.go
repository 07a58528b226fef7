package exchange

import "github.com/townline/townline/channels"

// newReference makes one; tries is how many were taken already: after every third, three more digits are added, so a town
// never runs out.
func (x *Exchange) newReference(tries int) (string, error) {
	return channels.NewReference(chanceOf{x}, channels.ReferenceDigits+tries/3*3)
}

// reference makes one for a record of this turn, or is the one that an outpost made and the resident has.
func (t *turn) reference(tries int) (string, error) {
	if t.done != nil && t.done.Reference != "" && (t.done.Effect.Record == nil || t.done.Effect.Record.Joins == "") {
		return t.done.Reference, nil
	}
	return t.x.newReference(tries)
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
