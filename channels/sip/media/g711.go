package media

import "github.com/townline/townline/channels/g711"

// What is received is looked up.
var (
	muTable = table(g711.FromMu)
	aTable  = table(g711.FromA)
)

func table(one func(byte) int16) *[256]int16 {
	t := new([256]int16)
	for i := range t {
		t[i] = one(byte(i))
	}
	return t
}
