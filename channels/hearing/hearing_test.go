package hearing

import (
	"math"
	"math/rand/v2"
	"testing"
)

// frames are seconds of a tone that comes and goes four times a second, as syllables do, on a line with noise; in dBFS.
func frames(seconds, speech, noise float64) [][]int16 {
	const rate = 8000
	amplitude := func(db float64) float64 { return 32767 * math.Pow(10, db/20) }
	luck := rand.New(rand.NewPCG(1, 2))
	var out [][]int16
	for i := 0; i < int(seconds*50); i++ {
		frame := make([]int16, rate/50)
		for j := range frame {
			at := float64(i*len(frame)+j) / rate
			x := amplitude(noise) * (luck.Float64()*2 - 1)
			if math.Mod(at, 0.25) < 0.17 {
				x += amplitude(speech) * math.Sin(2*math.Pi*300*at)
			}
			frame[j] = int16(x)
		}
		out = append(out, frame)
	}
	return out
}

func TestVoice(t *testing.T) {
	for _, c := range []struct {
		name          string
		speech, noise float64
		heard         bool
	}{
		{"a voice", -20, -70, true},
		{"a soft voice on a long line", -45, -70, true},
		{"a voice on a noisy line", -20, -40, true},
		{"a line that hums", -100, -35, false},
		{"the next room", -56, -80, false},
		{"nothing", -100, -90, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var v Voice
			n := 0
			for i, f := range frames(4, c.speech, c.noise) {
				if v.In(f) && i > 100 { // a noise is known for one after two seconds
					n++
				}
			}
			if heard := n > 20; heard != c.heard {
				t.Errorf("speech in %d of 100 frames", n)
			}
		})
	}
	var v Voice
	loud := frames(1, -10, -80)[:2]
	if v.In(loud[0]) || !v.In(loud[1]) || v.In(nil) {
		t.Error("a click alone is speech, or speech is none")
	}
}
