package audio

import (
	"github.com/townline/townline/channels/g711"
	"github.com/townline/townline/channels/wav"
)

// ulawWAV is sound of 8 kHz as a WAV file of G.711 µ-law.
func ulawWAV(samples []int16) []byte {
	octets := make([]byte, len(samples))
	for i, x := range samples {
		octets[i] = g711.ToMu(x)
	}
	return wav.WriteMuLaw(octets)
}
