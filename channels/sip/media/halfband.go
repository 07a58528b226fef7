package media

import "math"

// halfTaps let through what is below 3.6 kHz of a sound of 16,000 samples a second: a sinc under a Blackman window, of
// which every other weight but the middle one is zero.
var halfTaps = func() (w [12]float32) { // the weights 1, 3, 5, … beside the middle, which is a half
	sum := 0.0
	var exact [12]float64
	for i := range exact {
		at := float64(2*i + 1)
		exact[i] = sinc(at/2) / 2 * blackman(at/24)
		sum += 2 * exact[i]
	}
	for i := range w {
		w[i] = float32(exact[i] / sum / 2) // together as much as the middle
	}
	return w
}()

const halfReach = 23 // samples on each side

// halver makes 8,000 samples a second out of 16,000, doubler the other way, packet after packet.
type halver struct {
	past [2*halfReach + 2*maxBody]float32
	out  [maxBody]int16
}

// halve takes an even number of samples. What it returns is good until the next call.
func (h *halver) halve(pcm []int16) []int16 {
	for i, x := range pcm {
		h.past[2*halfReach+i] = float32(x)
	}
	for i := range len(pcm) / 2 {
		at := h.past[2*i : 2*i+2*halfReach+1]
		y := at[halfReach] / 2
		for k, w := range halfTaps {
			y += w * (at[halfReach-1-2*k] + at[halfReach+1+2*k])
		}
		h.out[i] = rounded(y)
	}
	copy(h.past[:2*halfReach], h.past[len(pcm):len(pcm)+2*halfReach])
	return h.out[:len(pcm)/2]
}

type doubler struct {
	past [halfReach + maxBody]float32
}

func (d *doubler) double(out, pcm []int16) []int16 {
	for i, x := range pcm {
		d.past[halfReach+i] = float32(x)
	}
	for i := range pcm {
		at := d.past[i : i+halfReach+1]
		y := float32(0)
		for k, w := range halfTaps {
			y += w * (at[11-k] + at[12+k])
		}
		out[2*i], out[2*i+1] = rounded(at[11]), rounded(2*y)
	}
	copy(d.past[:halfReach], d.past[len(pcm):len(pcm)+halfReach])
	return out[:2*len(pcm)]
}

func rounded(y float32) int16 {
	if y < 0 {
		return int16(max(-32768, y-0.5))
	}
	return int16(min(32767, y+0.5))
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
