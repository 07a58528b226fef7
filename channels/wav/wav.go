// Package wav reads and writes WAV files: what they hold, and not what it means.
package wav

import (
	"encoding/binary"
	"errors"
)

// Kinds of sound.
const (
	PCM   = 1
	Float = 3
	ALaw  = 6
	MuLaw = 7
)

// File is what a WAV file holds.
type File struct {
	Kind     int
	Channels int // 1 to 8
	Rate     int // samples a second, 4,000 to 192,000
	Bits     int
	Data     []byte
}

// ErrNotWAV says that bytes aren't a WAV file.
var ErrNotWAV = errors.New("this is not a WAV file that can be read")

// Read finds the sound in b. A length that can't be right, as programs write on a pipe, means up to the end.
func Read(b []byte) (f File, err error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return f, ErrNotWAV
	}
	le := binary.LittleEndian
	for b = b[12:]; len(b) >= 8; {
		id, size := string(b[:4]), int(le.Uint32(b[4:]))
		b = b[8:]
		size = min(size, len(b))
		chunk := b[:size]
		b = b[min(size+size%2, len(b)):]
		switch id {
		case "fmt ":
			if len(chunk) < 16 {
				return f, ErrNotWAV
			}
			f.Kind, f.Channels = int(le.Uint16(chunk)), int(le.Uint16(chunk[2:]))
			f.Rate, f.Bits = int(le.Uint32(chunk[4:])), int(le.Uint16(chunk[14:]))
			if f.Kind == 0xfffe && len(chunk) >= 26 { // extensible: the kind is where the long name begins
				f.Kind = int(le.Uint16(chunk[24:]))
			}
		case "data":
			if f.Channels < 1 || f.Channels > 8 || f.Rate < 4000 || f.Rate > 192000 {
				return f, ErrNotWAV
			}
			f.Data = chunk
			return f, nil
		}
	}
	return f, ErrNotWAV
}

// Samples are those of the first channel; ok says that they are PCM of 16 bits.
func (f *File) Samples() (samples []int16, ok bool) {
	if f.Kind != PCM || f.Bits != 16 || f.Channels < 1 {
		return nil, false
	}
	samples = make([]int16, len(f.Data)/(2*f.Channels))
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(f.Data[2*f.Channels*i:]))
	}
	return samples, true
}

// Write makes a file of one channel of 16 bits.
func Write(rate int, samples []int16) []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, 44+2*len(samples))
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, uint32(36+2*len(samples)))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, PCM)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(2*rate))
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(2*len(samples)))
	for _, x := range samples {
		b = le.AppendUint16(b, uint16(x))
	}
	return b
}

// WriteMuLaw makes a file of what telephones say: G.711 µ-law, 8,000 octets a second. It is half the size of samples, and no worse
// for a telephone.
func WriteMuLaw(octets []byte) []byte {
	const rate = 8000
	le := binary.LittleEndian
	n, pad := len(octets), len(octets)%2
	b := make([]byte, 0, 58+n+pad)
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, uint32(50+n+pad))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 18)
	b = le.AppendUint16(b, MuLaw)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint32(b, rate)
	b = le.AppendUint32(b, rate)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint16(b, 8)
	b = le.AppendUint16(b, 0)
	b = append(b, "fact"...)
	b = le.AppendUint32(b, 4)
	b = le.AppendUint32(b, uint32(n))
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(n))
	b = append(b, octets...)
	return b[:len(b)+pad]
}
