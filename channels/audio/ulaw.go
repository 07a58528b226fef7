package audio

import (
	"encoding/binary"

	"github.com/townline/townline/channels/g711"
)

// ulawWAV is sound of 8 kHz as a WAV file of G.711 µ-law: half the size of samples, and no worse for a telephone.
func ulawWAV(samples []int16) []byte {
	pad := len(samples) % 2
	b := make([]byte, 0, 58+len(samples)+pad)
	le := binary.LittleEndian
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, uint32(50+len(samples)+pad))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 18)
	b = le.AppendUint16(b, 7)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint32(b, 8000)
	b = le.AppendUint32(b, 8000)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint16(b, 8)
	b = le.AppendUint16(b, 0)
	b = append(b, "fact"...)
	b = le.AppendUint32(b, 4)
	b = le.AppendUint32(b, uint32(len(samples)))
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(len(samples)))
	for _, x := range samples {
		b = append(b, g711.ToMu(x))
	}
	return b[:len(b)+pad]
}
