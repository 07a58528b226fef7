// Package g711 is ITU-T G.711: a logarithm of 8 bits for each sample, in the two tables of the telephone world. Both follow the
// reference software of ITU-T G.191: a negative number is turned by its ones' complement. Calls and clips share it.
package g711

// ToMu is a sample in µ-law.
func ToMu(x int16) byte {
	sign, v := byte(0x80), int(x)
	if v < 0 {
		sign, v = 0, ^v
	}
	v = min(v>>2+33, 0x1fff)
	segment := 1
	for i := v >> 6; i != 0; i >>= 1 {
		segment++
	}
	return sign | byte(8-segment)<<4 | byte(15-v>>segment&15)
}

// FromMu is the sample that a byte of µ-law stands for.
func FromMu(b byte) int16 {
	exponent, mantissa := int(^b>>4&7), int(^b&15)
	v := 0x84<<exponent + mantissa<<(exponent+3) - 0x84
	if b < 0x80 {
		return int16(-v)
	}
	return int16(v)
}

// ToA is a sample in A-law.
func ToA(x int16) byte {
	sign, v := byte(0x80), int(x)>>4
	if x < 0 {
		sign, v = 0, ^int(x)>>4
	}
	if v > 15 {
		exponent := 1
		for ; v > 31; v >>= 1 {
			exponent++
		}
		v += exponent<<4 - 16
	}
	return (byte(v) | sign) ^ 0x55
}

// FromA is the sample that a byte of A-law stands for.
func FromA(b byte) int16 {
	b ^= 0x55
	exponent, v := int(b>>4&7), int(b&15)
	if exponent > 0 {
		v += 16
	}
	v = v<<4 + 8
	if exponent > 1 {
		v <<= exponent - 1
	}
	if b < 0x80 {
		return int16(-v)
	}
	return int16(v)
}
