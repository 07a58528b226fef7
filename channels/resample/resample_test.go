package resample

import (
	"math"
	"testing"
)

func tone(hertz float64, rate int) []float32 {
	out := make([]float32, rate)
	for i := range out {
		out[i] = float32(0.5 * math.Sin(2*math.Pi*hertz*float64(i)/float64(rate)))
	}
	return out
}

// level is how loud the middle of a sound is, in dB below a tone of 0.5.
func level(x []float32) float64 {
	sum := 0.0
	middle := x[len(x)/10 : len(x)*9/10]
	for _, v := range middle {
		sum += float64(v) * float64(v)
	}
	return 10 * math.Log10(sum/float64(len(middle))/0.125)
}

// What the lower rate can carry is as loud as before, and the rest is gone. channels/audio measures more closely.
func TestTones(t *testing.T) {
	for _, c := range []struct {
		from, to int
		hertz    float64
		carried  bool
	}{
		{16000, 8000, 1000, true}, {16000, 8000, 3300, true}, {16000, 8000, 5000, false}, {44100, 16000, 1000, true}, {44100, 16000, 12000, false},
		{8000, 16000, 1000, true}, {8000, 8000, 3900, true},
	} {
		out := New(c.from, c.to).Run(tone(c.hertz, c.from))
		if len(out) != c.to {
			t.Errorf("%d to %d: %d samples", c.from, c.to, len(out))
		}
		if got := level(out); c.carried && math.Abs(got) > 0.3 || !c.carried && got > -60 {
			t.Errorf("%d to %d: %.0f Hz are at %.1f dB", c.from, c.to, c.hertz, got)
		}
	}
}

func TestSamples(t *testing.T) {
	in := []int16{0, 1, -1, 12345, 32767, -32767}
	for i, x := range Whole(Floats(in)) {
		if d := int(x) - int(in[i]); d < -1 || d > 1 {
			t.Errorf("%d became %d", in[i], x)
		}
	}
	for x, want := range map[float64]int16{2: 32767, -2: -32767, 0.5: 16384, math.Inf(1): 32767} {
		if got := Clamp(x); got != want {
			t.Errorf("%v is %d", x, got)
		}
	}
	if got := Clamp(math.NaN()); got != 0 {
		t.Errorf("no number is %d", got)
	}
}
