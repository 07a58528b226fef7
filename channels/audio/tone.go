package audio

import (
	"math"
	"strings"
	"time"

	"github.com/townline/townline/channels/resample"
)

// Beep is the tone before a recording: 1 kHz, a quarter of a second, -12 dBFS, rising and falling softly.
func Beep() *PCM {
	return play(note{1000, -12, 250 * time.Millisecond})
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
		out = append(out, resample.Clamp(x))
	}
	return out
}

func samplesOf(d time.Duration, rate int) int { return int(d * time.Duration(rate) / time.Second) }

// Key is the tone of a telephone's key ('0' to '9', '*', '#'), a tenth of a second and as much silence: for calls that are
// written down. Of anything else it is silence.
func Key(key byte) *PCM {
	low, high := [...]float64{697, 770, 852, 941}, [...]float64{1209, 1336, 1477}
	at := strings.IndexByte("123456789*0#", key)
	if at < 0 {
		return Silence(200 * time.Millisecond)
	}
	a := note{low[at/3], -18, 100 * time.Millisecond}
	b := note{high[at%3], -18, 100 * time.Millisecond}
	p, second := play(a, note{0, 0, 100 * time.Millisecond}), play(b)
	for i, x := range second.Wide {
		p.Wide[i] += x
	}
	for i, x := range second.Narrow {
		p.Narrow[i] += x
	}
	return p
}

// File is samples as a WAV file of 16-bit PCM, one channel.
func File(samples []int16, rate int) []byte { return (&sound{rate, samples}).wav() }
