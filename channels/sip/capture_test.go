package sip

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorder writes the captures that sipp plays: one a key, whose packets go on where those of the last one ended.
type recorder struct {
	t     testing.TB
	dir   string
	seq   uint16
	stamp uint32
	n     int
}

func newRecorder(t testing.TB) *recorder {
	return &recorder{t: t, dir: t.TempDir(), seq: 100, stamp: 8000}
}

// rtp is one packet of 20 ms.
func (r *recorder) rtp(format byte, marker bool, stamp uint32, payload []byte) []byte {
	b := []byte{0x80, format}
	if marker {
		b[1] |= 0x80
	}
	b = binary.BigEndian.AppendUint16(b, r.seq)
	b = binary.BigEndian.AppendUint32(b, stamp)
	b = binary.BigEndian.AppendUint32(b, 0x1234)
	r.seq++
	return append(b, payload...)
}

// event is a key held for so many milliseconds, as RFC 4733 has it; its first packet says that it has lasted for first.
func (r *recorder) event(format, key byte, ms int, first uint16) string {
	code := byte(strings.IndexByte("0123456789*#ABCD", key))
	var packets [][]byte
	begin := r.stamp
	for at := 0; at < ms; at += 20 {
		lasted := first + uint16(8*at)
		packets = append(packets, r.rtp(format, at == 0, begin, append([]byte{code, 10}, byte(lasted>>8), byte(lasted))))
	}
	for range 3 {
		lasted := uint16(8 * ms)
		packets = append(packets, r.rtp(format, false, begin, append([]byte{code, 0x80 | 10}, byte(lasted>>8), byte(lasted))))
	}
	r.stamp += uint32(8*ms) + 1600
	return r.save(packets)
}

// tone is a key as it sounds, in PCMU, with silence around it.
func (r *recorder) tone(key byte, ms int) string {
	at := strings.IndexByte("123A456B789C*0#D", key)
	low, high := []float64{697, 770, 852, 941}[at/4], []float64{1209, 1336, 1477, 1633}[at%4]
	var packets [][]byte
	for from := -100; from < ms+100; from += 20 {
		payload := make([]byte, 160)
		for i := range payload {
			x := 0.0
			if t := float64(from)/1000 + float64(i)/8000; t >= 0 && t < float64(ms)/1000 {
				x = 6000 * (math.Sin(2*math.Pi*low*t) + math.Sin(2*math.Pi*high*t))
			}
			payload[i] = muLaw(int16(x))
		}
		packets = append(packets, r.rtp(0, from == -100, r.stamp, payload))
		r.stamp += 160
	}
	return r.save(packets)
}

// muLaw is G.711, written down once more: the tests of the line don't trust the line.
func muLaw(x int16) byte {
	sign, v := byte(0), int(x)
	if v < 0 {
		sign, v = 0x80, -v
	}
	v = min(v, 32635) + 132
	exponent := 7
	for mask := 0x4000; v&mask == 0 && exponent > 0; mask >>= 1 {
		exponent--
	}
	return ^(sign | byte(exponent<<4) | byte(v>>(exponent+3)&0x0F))
}

func (r *recorder) save(packets [][]byte) string {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b2c3d4)
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 4)
	for _, x := range []uint32{0, 0, 65535, 1} {
		b = le.AppendUint32(b, x)
	}
	for i, p := range packets {
		us := uint32(i) * 20000
		frame := append(make([]byte, 12), 0x08, 0x00)
		frame = append(frame, 0x45, 0)
		frame = binary.BigEndian.AppendUint16(frame, uint16(28+len(p)))
		frame = append(frame, 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1)
		frame = binary.BigEndian.AppendUint16(frame, 20000)
		frame = binary.BigEndian.AppendUint16(frame, 30000)
		frame = binary.BigEndian.AppendUint16(frame, uint16(8+len(p)))
		frame = append(append(frame, 0, 0), p...)
		for _, x := range []uint32{us / 1000000, us % 1000000, uint32(len(frame)), uint32(len(frame))} {
			b = le.AppendUint32(b, x)
		}
		b = append(b, frame...)
	}
	r.n++
	name := filepath.Join(r.dir, "key"+string(rune('a'+r.n))+".pcap")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		r.t.Fatal(err)
	}
	return name
}
