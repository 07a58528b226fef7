package audio

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/townline/townline/channels/resample"
)

// tone is a sound of a pitch and a loudness (dBFS, RMS), with silence before and after it.
func tone(rate int, pitch, level float64, before, length, after time.Duration) *sound {
	s := &sound{rate: rate}
	s.samples = make([]int16, s.count(before+length+after))
	from := s.count(before)
	for i := from; i < from+s.count(length); i++ {
		s.samples[i] = resample.Clamp(math.Sqrt(2*power(level)) * math.Sin(2*math.Pi*pitch*float64(i)/float64(rate)))
	}
	return s
}

func near(got, want, within float64) bool { return math.Abs(got-want) <= within }

func TestLoudAndQuietRecordingsAreMadeAlike(t *testing.T) {
	for _, level := range []float64{-50, -40, -20, -8, -4} {
		s := tone(44100, 300, level, time.Second, 2*time.Second, time.Second).trimmed()
		if got, want := s.length(), 2*time.Second+leadTime+tailTime; !near(got.Seconds(), want.Seconds(), 0.05) {
			t.Errorf("at %v dB: %v long, want %v", level, got, want)
		}
		s.level()
		if got, _ := s.loudness(); !near(got, speechLevel, 0.5) {
			t.Errorf("at %v dB: made %.1f dB loud, want %v", level, got, speechLevel)
		}
	}
	for name, s := range map[string]*sound{
		"silence": {rate: 8000, samples: make([]int16, 8000)},
		"hiss":    tone(8000, 300, -62, 0, time.Second, 0),
		"nothing": {rate: 8000},
	} {
		if left := s.trimmed(); len(left.samples) > 0 {
			t.Errorf("of %s %v is left", name, left.length())
		}
		s.level() // must not panic
	}
}

// One loud click doesn't let speech be cut off at its peaks.
func TestPeaksAreKept(t *testing.T) {
	s := tone(8000, 200, -40, 0, time.Second, 0)
	s.samples[4000] = 30000
	s.level()
	for _, x := range s.samples {
		if math.Abs(float64(x))/32768 > math.Sqrt(power(peakLevel))+0.001 {
			t.Fatalf("a sample of %d", x)
		}
	}
}

// wavOf writes a WAV as programs do that we don't know: kind, bits, channels, and extra chunks.
func wavOf(kind, channels, rate, bits int, size uint32, data []byte) []byte {
	le := binary.LittleEndian
	b := append([]byte("RIFF\xff\xff\xff\x7fWAVE"), "LIST\x03\x00\x00\x00abc\x00fmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, uint16(kind))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*channels*bits/8))
	b = le.AppendUint16(b, uint16(channels*bits/8))
	b = le.AppendUint16(b, uint16(bits))
	b = append(b, "data"...)
	b = le.AppendUint32(b, size)
	return append(b, data...)
}

func TestReadWAV(t *testing.T) {
	le := binary.LittleEndian
	half := le.AppendUint32(nil, math.Float32bits(0.5))
	for _, test := range []struct {
		name string
		wav  []byte
		want []int16
	}{
		{"8 bits", wavOf(1, 1, 8000, 8, 2, []byte{128, 192}), []int16{0, 16384}},
		{"16 bits", wavOf(1, 1, 8000, 16, 4, []byte{0, 0x40, 0, 0xc0}), []int16{16384, -16384}},
		{"24 bits", wavOf(1, 1, 8000, 24, 3, []byte{0, 0, 0x40}), []int16{16384}},
		{"32 bits", wavOf(1, 1, 8000, 32, 4, []byte{0, 0, 0, 0x40}), []int16{16384}},
		{"floats", wavOf(3, 1, 8000, 32, 4, half), []int16{16384}},
		{"stereo", wavOf(1, 2, 8000, 16, 4, []byte{0, 0x40, 0, 0}), []int16{8192}},
		{"a length that a pipe can't know", wavOf(1, 1, 8000, 16, 0x7ffff000, []byte{0, 0x40}), []int16{16384}},
		{"half a sample", wavOf(1, 1, 8000, 16, 3, []byte{0, 0x40, 1}), []int16{16384}},
		{"compressed", wavOf(2, 1, 8000, 4, 1, []byte{1}), nil},
		{"no channel", wavOf(1, 0, 8000, 16, 2, []byte{1, 1}), nil},
		{"no rate", wavOf(1, 1, 0, 16, 2, []byte{1, 1}), nil},
		{"not a WAV", []byte("ID3"), nil},
		{"cut off", wavOf(1, 1, 8000, 16, 2, nil)[:30], nil},
		{"empty", nil, nil},
	} {
		s, err := readWAV(test.wav)
		if (err != nil) != (test.want == nil) {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		for i, w := range test.want {
			if i >= len(s.samples) || math.Abs(float64(s.samples[i])-float64(w)) > 2 {
				t.Errorf("%s: %v, want %v", test.name, s.samples, test.want)
				break
			}
		}
	}
}

func TestWrittenWAVIsReadBack(t *testing.T) {
	s := tone(22050, 440, -20, 0, time.Second, 0)
	back, err := readWAV(s.wav())
	if err != nil || back.rate != s.rate || len(back.samples) != len(s.samples) {
		t.Fatal(err, back)
	}
	for i := range s.samples {
		if d := int(s.samples[i]) - int(back.samples[i]); d < -1 || d > 1 {
			t.Fatalf("sample %d: %d, was %d", i, back.samples[i], s.samples[i])
		}
	}
}

// A recording may be any file that somebody called .wav.
func FuzzReadWAV(f *testing.F) {
	f.Add(wavOf(1, 1, 8000, 16, 4, []byte{0, 0x40, 0, 0xc0}))
	f.Add(wavOf(3, 2, 48000, 32, 8, make([]byte, 8)))
	f.Add(wavOf(0xfffe, 1, 8000, 16, 4, make([]byte, 4)))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readWAV(bytes.Clone(b))
		if err != nil {
			return
		}
		s = s.trimmed()
		s.level()
		if _, err := readWAV(s.wav()); err != nil {
			t.Error(err)
		}
	})
}

// A voice that begins a vowel at full swing doesn't click, and loses nothing of it.
func TestWordsBeginSoftly(t *testing.T) {
	loud := &sound{rate: 16000, samples: make([]int16, 1600)}
	for i := range loud.samples {
		loud.samples[i] = 10000
	}
	soft := loud.eased()
	if loud.samples[0] != 10000 {
		t.Error("the sound itself was changed")
	}
	last := int16(0)
	for i, x := range soft.samples {
		if step := math.Abs(float64(x) - float64(last)); step > 300 {
			t.Fatalf("a step of %v at %d", step, i)
		}
		if at := min(i, len(soft.samples)-1-i); at >= 64 && x != 10000 {
			t.Fatalf("%d at %d: more than 4 ms are softer", x, i)
		}
		last = x
	}
	if last != 0 || len((&sound{rate: 16000}).eased().samples) != 0 {
		t.Errorf("it ends with %d", last)
	}
}
