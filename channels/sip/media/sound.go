package media

import (
	"errors"
	"math"
	"time"

	"github.com/townline/townline/channels/wav"
)

// Sound is speech to be played, in both qualities a telephone knows: one channel, 16 bits, at 8,000 and at 16,000 samples
// a second. Both are equally long. A Sound isn't changed once it is made, so that many calls can play the same.
type Sound struct {
	At8  []int16
	At16 []int16
}

// ErrNotWAV says that bytes aren't a WAV file of 16 bits.
var ErrNotWAV = errors.New("media: this is not a WAV file of 16 bits")

// SoundOf makes both qualities out of samples at any rate. What is there at the right rate is taken as it is.
func SoundOf(rate int, samples []int16) Sound {
	return Sound{At8: resample(samples, rate, 8000), At16: resample(samples, rate, 16000)}
}

// ReadWAV reads PCM of 16 bits, one channel or the first of several.
func ReadWAV(b []byte) (Sound, error) {
	rate, samples, err := readWAV(b)
	if err != nil {
		return Sound{}, err
	}
	return SoundOf(rate, samples), nil
}

// Length is how long it takes to say it.
func (s Sound) Length() time.Duration {
	if len(s.At8) == 0 {
		return time.Duration(len(s.At16)) * time.Second / 16000
	}
	return time.Duration(len(s.At8)) * time.Second / 8000
}

// at is the sound in one quality.
func (s Sound) at(rate int) []int16 {
	switch {
	case rate == 16000 && s.At16 == nil:
		return resample(s.At8, 8000, 16000)
	case rate == 16000:
		return s.At16
	case s.At8 == nil:
		return resample(s.At16, 16000, 8000)
	}
	return s.At8
}

func readWAV(b []byte) (rate int, samples []int16, err error) {
	f, err := wav.Read(b)
	if err != nil {
		return 0, nil, ErrNotWAV
	}
	samples, ok := f.Samples()
	if !ok {
		return 0, nil, ErrNotWAV
	}
	return f.Rate, samples, nil
}

// resample changes the rate by a windowed sinc that lets through what the slower of both rates can carry.
func resample(in []int16, from, to int) []int16 {
	if from == to || len(in) == 0 || from <= 0 {
		return in
	}
	const lobes = 16
	cut := min(1, float64(to)/float64(from)) * 0.94 // a little below half the slower rate, for the slope of the filter
	reach := lobes / cut
	out := make([]int16, int(int64(len(in))*int64(to)/int64(from)))
	// The same few phases come again and again: 2 for a doubled rate, 320 of 44,100 to 16,000.
	step := gcd(from, to)
	phases := make([][]float64, to/step)
	for i := range out {
		num := int64(i) * int64(from)
		middle, phase := int(num/int64(to)), int(num%int64(to))/step
		weights := phases[phase]
		first := -int(reach)
		if weights == nil {
			weights = make([]float64, 2*int(reach)+2)
			sum := 0.0
			for k := range weights {
				x := float64(first+k) - float64(phase*step)/float64(to)
				weights[k] = sinc(x*cut) * blackman(x/(reach+1))
				sum += weights[k]
			}
			for k := range weights {
				weights[k] /= sum
			}
			phases[phase] = weights
		}
		y := 0.0
		for k, w := range weights {
			if at := middle + first + k; at >= 0 && at < len(in) {
				y += w * float64(in[at])
			}
		}
		out[i] = int16(math.Round(max(-32768, min(y, 32767))))
	}
	return out
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// blackman is the window from -1 to 1.
func blackman(x float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return 0.42 + 0.5*math.Cos(math.Pi*x) + 0.08*math.Cos(2*math.Pi*x)
}
