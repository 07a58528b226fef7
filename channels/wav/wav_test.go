package wav

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	want := []int16{0, 1, -1, 32767, -32768}
	f, err := Read(Write(16000, want))
	if err != nil || f.Kind != PCM || f.Channels != 1 || f.Rate != 16000 || f.Bits != 16 {
		t.Fatalf("%+v, %v", f, err)
	}
	if got, ok := f.Samples(); !ok || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, ok)
	}
	for _, octets := range [][]byte{{}, {1}, {1, 2}, {1, 2, 3}} {
		b := WriteMuLaw(octets)
		f, err := Read(b)
		if err != nil || f.Kind != MuLaw || f.Channels != 1 || f.Rate != 8000 || f.Bits != 8 || !bytes.Equal(f.Data, octets) || len(b)%2 != 0 {
			t.Errorf("%d octets: %+v, %v, %d long", len(octets), f, err, len(b))
		}
		if _, ok := f.Samples(); ok {
			t.Error("octets of a telephone are taken for samples")
		}
	}
}

func TestTheFirstOfSeveralChannels(t *testing.T) {
	f := File{Kind: PCM, Channels: 2, Rate: 8000, Bits: 16, Data: []byte{1, 0, 9, 9, 2, 0, 9, 9, 3, 0}}
	if got, ok := f.Samples(); !ok || !slices.Equal(got, []int16{1, 2}) {
		t.Errorf("%v, %v", got, ok)
	}
}

// Other programs put other things before the sound, and don't always know how long it is.
func TestWhatOthersWrite(t *testing.T) {
	b := Write(8000, []int16{5})
	odd := slices.Concat(b[:12], []byte("LIST\x03\x00\x00\x00abc\x00"), b[12:])
	pipe := slices.Clone(b)
	copy(pipe[40:], "\x00\xf0\xff\x7f")
	for name, b := range map[string][]byte{"a chunk before": odd, "a length that a pipe can't know": pipe} {
		f, err := Read(b)
		if got, ok := f.Samples(); err != nil || !ok || !slices.Equal(got, []int16{5}) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "its first letters": []byte("RIFF"), "no sound": b[:36], "too slow": Write(1, nil), "too fast": Write(200000, nil),
		"no format": slices.Concat(b[:12], b[36:]), "a short format": []byte("RIFF0000WAVEfmt \x02\x00\x00\x00\x01\x00"),
	} {
		if f, err := Read(b); !errors.Is(err, ErrNotWAV) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(Write(8000, []int16{1, 2}))
	f.Add(WriteMuLaw([]byte{1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Read(b)
		if err != nil {
			return
		}
		if samples, ok := file.Samples(); ok {
			again, err := Read(Write(file.Rate, samples))
			if got, ok := again.Samples(); err != nil || !ok || !slices.Equal(got, samples) {
				t.Errorf("%v became %v (%v)", samples, got, err)
			}
		}
	})
}
