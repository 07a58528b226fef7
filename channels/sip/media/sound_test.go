package media

import (
	"testing"
	"time"

	"github.com/townline/townline/channels/wav"
)

// TestSoundOfAnyRate: what is made of other rates is as long and as loud.
func TestSoundOfAnyRate(t *testing.T) {
	for _, rate := range []int{8000, 11025, 16000, 22050, 24000, 44100, 48000} {
		pcm := speech(rate, 1000)
		s := SoundOf(rate, pcm)
		if len(s.At8) != 8000 || len(s.At16) != 16000 || s.Length() != time.Second {
			t.Errorf("%d: %d and %d samples, %v", rate, len(s.At8), len(s.At16), s.Length())
		}
		for _, q := range []struct {
			rate int
			pcm  []int16
		}{{8000, s.At8}, {16000, s.At16}} {
			if q.rate > rate {
				continue
			}
			back := resampled(q.pcm, q.rate, rate)
			n := min(len(back), len(pcm))
			ratio, _ := noiseRatio(pcm[:n-2000], back[:n-2000], 0)
			if ratio < 25 && !(q.rate == 8000 && rate > 8000) { // the hiss above 4 kHz can't be there
				t.Errorf("%d by %d: %.1f dB", rate, q.rate, ratio)
			}
		}
		read, err := ReadWAV(wav.Write(rate, pcm))
		if err != nil || len(read.At8) != 8000 {
			t.Errorf("%d as WAV: %v", rate, err)
		}
	}
	for _, b := range [][]byte{nil, []byte("RIFF"), wav.Write(1, nil), []byte("RIFF0000WAVEfmt \xff\xff\xff\xff")} {
		if _, err := ReadWAV(b); err == nil {
			t.Errorf("%q is no WAV", b)
		}
	}
}
