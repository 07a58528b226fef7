package media

import (
	"errors"
	"time"

	"github.com/townline/townline/channels/resample"
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
	return Sound{At8: resampled(samples, rate, 8000), At16: resampled(samples, rate, 16000)}
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
		return resampled(s.At8, 8000, 16000)
	case rate == 16000:
		return s.At16
	case s.At8 == nil:
		return resampled(s.At16, 16000, 8000)
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

// resampled is the same sound at another rate.
func resampled(in []int16, from, to int) []int16 {
	if from == to || len(in) == 0 || from <= 0 {
		return in
	}
	return resample.Whole(resample.New(from, to).Run(resample.Floats(in)))
}
