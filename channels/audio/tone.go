package audio

import (
	"math"
	"time"
)

// Beep is the tone before a recording: 1 kHz, a quarter of a second, -12 dBFS, rising and falling softly.
func Beep() *PCM {
	return play(note{1000, -12, 250 * time.Millisecond})
}

// Moment is what a line plays while the town takes its time: two soft notes, and a breath. Played again and again it says
// that somebody is there.
func Moment() *PCM {
	return play(note{440, -24, 300 * time.Millisecond}, note{0, 0, 100 * time.Millisecond}, note{523.25, -24, 300 * time.Millisecond}, note{0, 0, 900 * time.Millisecond})
}

// sorryTones are played where not even the sentence can be said that something can't be heard.
func sorryTones() *PCM {
	return play(note{392, -24, 250 * time.Millisecond}, note{294, -24, 400 * time.Millisecond}, note{0, 0, 300 * time.Millisecond})
}

// Silence is nothing for a while. It may be told from a line that went dead only by what comes before and after.
func Silence(d time.Duration) *PCM {
	return &PCM{Wide: make([]int16, samplesOf(d, wideRate)), Narrow: make([]int16, samplesOf(d, narrowRate))}
}

// note is a pure tone at a level in dBFS; of no pitch it is silence.
type note struct {
	hertz, level float64
	lasts        time.Duration
}

// ramp is how long a tone takes to come and to go: without it, it clicks.
const ramp = 10 * time.Millisecond

func play(notes ...note) *PCM {
	p := &PCM{}
	for _, n := range notes {
		p.Wide = n.sing(p.Wide, wideRate)
		p.Narrow = n.sing(p.Narrow, narrowRate)
	}
	return p
}

func (n note) sing(out []int16, rate int) []int16 {
	count, rise := samplesOf(n.lasts, rate), samplesOf(ramp, rate)
	top := amplitude(n.level) * math.Sqrt2 // the level is that of its power, as of speech
	if n.hertz == 0 {
		top = 0
	}
	for i := range count {
		x := top * math.Sin(2*math.Pi*n.hertz*float64(i)/float64(rate))
		if edge := min(i, count-1-i); edge < rise {
			x *= 0.5 - 0.5*math.Cos(math.Pi*float64(edge)/float64(rise))
		}
		out = append(out, clamp(x))
	}
	return out
}

func samplesOf(d time.Duration, rate int) int { return int(d * time.Duration(rate) / time.Second) }
