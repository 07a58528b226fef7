package audio

import (
	"math"
	"time"
)

// phonePeak is the highest that a telephone's samples go, in dBFS: there is room for the µ-law, which is coarsest at its
// top, for what filters on the way add, and for exchanges that cut at 0 dBm0 (-3.1 dBFS).
const phonePeak = -3.0

// loudPeak is the ceiling for callers who asked for more: they need every decibel.
const loudPeak = -1.0

const (
	lookAhead = 3 * time.Millisecond
	recovery  = 20 * time.Millisecond // within a syllable: soft sounds after a loud one are what is hard to hear
	rounded   = 4.0                   // dB that the tips of peaks may be rounded off by, where sound is made louder
)

// louder makes sound as many decibels louder, and takes back no more than the peaks that would go over the ceiling: not by
// cutting them, but by going down before them and coming up again after, and by rounding off the tips.
func louder(samples []float32, decibels, ceiling float64, rate int) {
	gain, top := float32(amplitude(decibels)), float32(amplitude(ceiling))
	peak := float32(0)
	for i := range samples {
		samples[i] *= gain
		peak = max(peak, samples[i], -samples[i])
	}
	if peak <= top {
		return
	}
	if over := min(rounded, decibels/2); over > 0 {
		lower(samples, top*float32(amplitude(over)), rate)
		round(samples, top*float32(amplitude(over)), top)
		return
	}
	lower(samples, top, rate)
}

// round bends what is above half of top so that peak becomes top: no corner, no flat.
func round(samples []float32, peak, top float32) {
	knee := top / 2
	// The curve knee + r(1-1/(1+x/r)) goes on from the straight line at its slope; r is chosen so that peak becomes top.
	x, y := peak-knee, top-knee
	r := x * y / (x - y)
	for i, v := range samples {
		switch {
		case v > knee:
			samples[i] = knee + r*(1-1/(1+(v-knee)/r))
		case v < -knee:
			samples[i] = -knee - r*(1-1/(1+(-v-knee)/r))
		}
	}
}

// lower brings each peak down to top.
func lower(samples []float32, top float32, rate int) {
	width := max(int(lookAhead.Seconds()*float64(rate)), 1)
	need := make([]float32, len(samples)+2*width) // how much each sample must be lowered; padded at both ends
	for i := range need {
		need[i] = 1
	}
	for i, x := range samples {
		if x = max(x, -x); x > top {
			need[i+width] = top / x
		}
	}
	need = lowest(need, width)
	back := float32(1 - math.Exp(-1/(recovery.Seconds()*float64(rate))))
	for i := 1; i < len(need); i++ {
		need[i] = min(need[i], need[i-1]+(1-need[i-1])*back)
	}
	// The mean over the same width is smooth, and at a peak no sample of it is above what the peak needs.
	sum := 0.0
	for _, x := range need[:2*width] {
		sum += float64(x)
	}
	for i := range samples {
		sum += float64(need[i+2*width])
		samples[i] *= float32(sum / float64(2*width+1))
		sum -= float64(need[i])
		samples[i] = max(-top, min(samples[i], top)) // rounding
	}
}

// lowest is the least of each sample's neighbours within width.
func lowest(x []float32, width int) []float32 {
	out := make([]float32, len(x))
	queue := make([]int, 0, 2*width+2) // places, their values rising
	for i := range len(x) + width {
		if i < len(x) {
			for len(queue) > 0 && x[queue[len(queue)-1]] >= x[i] {
				queue = queue[:len(queue)-1]
			}
			queue = append(queue, i)
		}
		if at := i - width; at >= 0 {
			for queue[0] < at-width {
				queue = queue[1:]
			}
			out[at] = x[queue[0]]
		}
	}
	return out
}

func amplitude(decibels float64) float64 { return math.Pow(10, decibels/20) }

// rumbleFree takes out what is below speech: traffic, a hand on the microphone, a constant. Butterworth of the second order
// at 100 Hz.
func rumbleFree(samples []float32, rate int) {
	w := 2 * math.Pi * 100 / float64(rate)
	alpha, cos := math.Sin(w)/math.Sqrt2, math.Cos(w)
	a0 := 1 + alpha
	b0, b1 := (1+cos)/2/a0, -(1+cos)/a0
	a1, a2 := -2*cos/a0, (1-alpha)/a0
	var x1, x2, y1, y2 float64
	for i, x := range samples {
		y := b0*float64(x) + b1*x1 + b0*x2 - a1*y1 - a2*y2
		x1, x2, y1, y2 = float64(x), x1, y, y1
		samples[i] = float32(y)
	}
}
