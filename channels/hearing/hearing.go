// Package hearing tells speech from the noise of a telephone line, for whoever records and for whoever asks afterwards whether
// anything was said: were they of two minds, a soft voice would be recorded and then taken for silence.
package hearing

import "math"

// Voice listens to one recording, 20 ms at a time. What is 9 dB louder than the quietest there was lately is speech, whatever the
// level. The zero value is ready.
type Voice struct {
	floor float64 // power
	loud  int     // frames in a row
}

const (
	softest = 32768 * 32768 * 1e-5 * 0.5 // power of a sine at -50 dBFS: nothing below is speech. Soft voices on long lines are at -45
	above   = 8                          // times the power of the noise
)

// In takes the next 20 ms and says whether somebody speaks in them.
func (v *Voice) In(pcm []int16) bool {
	if len(pcm) == 0 {
		return false
	}
	power := 0.0
	for _, x := range pcm {
		power += float64(x) * float64(x)
	}
	power /= float64(len(pcm))
	if v.floor == 0 {
		v.floor = softest
	}
	speech := power > softest && power > above*v.floor
	if power < v.floor {
		v.floor = math.Max(power, softest/100)
	} else {
		v.floor *= 1.01 // 2 dB a second: a noise that stays is no speech
	}
	if !speech {
		v.loud = 0
		return false
	}
	v.loud++
	return v.loud >= 2 // one alone is a click
}
