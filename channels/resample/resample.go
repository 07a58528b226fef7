// Package resample brings sound from one rate to another.
package resample

import "math"

// Resampler brings sound from one rate to another. Of what the lower rate can't carry nothing comes back as another tone:
// it is 80 dB down.
type Resampler struct {
	up, down int
	taps     int
	bank     [][]float32 // a filter for each place between two samples
}

const (
	stopBand = 80.0 // dB
	mostBank = 512  // places between two samples; odd rates use the nearest
)

// New makes one. It can be used by many at once.
func New(from, to int) *Resampler {
	common := gcd(from, to)
	r := &Resampler{up: to / common, down: from / common}
	low := float64(min(from, to))
	cut := 0.4625 * low / float64(from) // of a sample: half-way between 0.425, which passes, and 0.5, which doesn't
	r.taps = int(math.Ceil((stopBand-8)/(2.285*2*math.Pi*0.075*low/float64(from)))) + 2
	r.taps += r.taps % 2
	beta := 0.1102 * (stopBand - 8.7)
	half := float64(r.taps) / 2
	r.bank = make([][]float32, min(r.up, mostBank))
	for phase := range r.bank {
		taps, sum := make([]float64, r.taps), 0.0
		for i := range taps {
			at := float64(i) - half + 1 - float64(phase)/float64(len(r.bank))
			taps[i] = 2 * cut * sinc(2*cut*at) * kaiser(at/half, beta)
			sum += taps[i]
		}
		r.bank[phase] = make([]float32, r.taps)
		for i, x := range taps {
			r.bank[phase][i] = float32(x / sum)
		}
	}
	return r
}

// Run returns the sound at the other rate. It lasts as long, and is not shifted.
func (r *Resampler) Run(in []float32) []float32 {
	if r.up == r.down {
		return in
	}
	out := make([]float32, len(in)*r.up/r.down)
	ahead := r.taps/2 - 1
	padded := make([]float32, len(in)+2*r.taps)
	copy(padded[r.taps:], in)
	for n := range out {
		at, rest := n*r.down/r.up, n*r.down%r.up
		filter := r.bank[rest*len(r.bank)/r.up]
		from := padded[at-ahead+r.taps:][:len(filter)]
		var a, b, c, d float32
		i := 0
		for ; i+3 < len(filter); i += 4 {
			a += filter[i] * from[i]
			b += filter[i+1] * from[i+1]
			c += filter[i+2] * from[i+2]
			d += filter[i+3] * from[i+3]
		}
		for ; i < len(filter); i++ {
			a += filter[i] * from[i]
		}
		out[n] = a + b + c + d
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

func kaiser(x, beta float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel(beta*math.Sqrt(1-x*x)) / bessel(beta)
}

// bessel is the modified Bessel function of order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

// Floats are samples as numbers between -1 and 1.
func Floats(samples []int16) []float32 {
	out := make([]float32, len(samples))
	for i, x := range samples {
		out[i] = float32(x) / 32768
	}
	return out
}

// Whole makes samples of numbers between -1 and 1.
func Whole(samples []float32) []int16 {
	out := make([]int16, len(samples))
	for i, x := range samples {
		out[i] = Clamp(float64(x))
	}
	return out
}

// Clamp makes a sample of a number between -1 and 1.
func Clamp(x float64) int16 {
	if math.IsNaN(x) {
		return 0
	}
	return int16(math.Round(max(-1, min(x, 1)) * 32767))
}
