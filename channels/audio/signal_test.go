package audio

import (
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/townline/townline/channels/resample"
)

func sine(hertz, level float64, rate int, d time.Duration) []int16 {
	out := make([]int16, samplesOf(d, rate))
	for i := range out {
		out[i] = resample.Clamp(amplitude(level) * math.Sqrt2 * math.Sin(2*math.Pi*hertz*float64(i)/float64(rate)))
	}
	return out
}

// strength is the power of one frequency in dBFS, by a window that keeps others out.
func strength(samples []int16, rate int, hertz float64) float64 {
	var re, im, sum float64
	for i, x := range samples {
		at := 2 * math.Pi * float64(i) / float64(len(samples))
		w := 0.35875 - 0.48829*math.Cos(at) + 0.14128*math.Cos(2*at) - 0.01168*math.Cos(3*at) // Blackman-Harris
		p := 2 * math.Pi * hertz * float64(i) / float64(rate)
		re += w * float64(x) / 32768 * math.Cos(p)
		im += w * float64(x) / 32768 * math.Sin(p)
		sum += w
	}
	return 10 * math.Log10(2*(re*re+im*im)/(sum*sum))
}

// pitch is the frequency of a tone, by where it passes zero upwards.
func pitch(samples []int16, rate int) float64 {
	var first, last float64
	times := -1
	for i := 1; i < len(samples); i++ {
		if a, b := float64(samples[i-1]), float64(samples[i]); a < 0 && b >= 0 {
			last = float64(i) - b/(b-a)
			if times++; times == 0 {
				first = last
			}
		}
	}
	return float64(times) * float64(rate) / (last - first)
}

// A tone comes out at its own pitch and level; what the lower rate can't carry comes out as nothing, 50 dB down at least.
func TestResampling(t *testing.T) {
	for _, c := range []struct {
		from, to int
		hertz    float64
		carried  bool
	}{
		{16000, 8000, 300, true}, {16000, 8000, 1000, true}, {16000, 8000, 3400, true}, {16000, 8000, 4100, false}, {16000, 8000, 5000, false}, {16000, 8000, 7900, false},
		{22050, 16000, 300, true}, {22050, 16000, 6800, true}, {22050, 16000, 8200, false}, {22050, 16000, 10000, false},
		{44100, 16000, 1000, true}, {44100, 16000, 12000, false}, {48000, 8000, 3000, true}, {48000, 8000, 4200, false}, {48000, 8000, 20000, false},
		{8000, 16000, 1000, true}, {8000, 16000, 3300, true}, {11026, 16000, 1000, true},
	} {
		in := sine(c.hertz, -12, c.from, time.Second)
		out := resample.Whole(resample.New(c.from, c.to).Run(resample.Floats(in)))
		if want := len(in) * c.to / c.from; len(out) != want {
			t.Errorf("%d to %d: %d samples, want %d", c.from, c.to, len(out), want)
		}
		middle := out[len(out)/10 : len(out)*9/10]
		all, _ := power16(middle)
		if !c.carried {
			if all > -12-50 {
				t.Errorf("%d to %d: of %.0f Hz %.1f dB are left", c.from, c.to, c.hertz, all)
			}
			continue
		}
		got := strength(middle, c.to, c.hertz)
		if !near(got, -12, 0.3) {
			t.Errorf("%d to %d: %.0f Hz has %.1f dB, want -12", c.from, c.to, c.hertz, got)
		}
		if image := strength(middle, c.to, float64(c.from)-c.hertz); c.to > c.from && image > -62 {
			t.Errorf("%d to %d: %.0f Hz has an image of %.1f dB", c.from, c.to, c.hertz, image)
		}
		if hertz := pitch(middle, c.to); !near(hertz, c.hertz, 1) {
			t.Errorf("%d to %d: %.0f Hz became %.1f", c.from, c.to, c.hertz, hertz)
		}
	}
}

// power16 is the level of all samples, in dBFS.
func power16(samples []int16) (rms, top float64) {
	sum := 0.0
	for _, x := range samples {
		sum += float64(x) / 32768 * float64(x) / 32768
	}
	return 10 * math.Log10(sum/float64(len(samples))), peak(samples)
}

// Slower or faster, a tone keeps its pitch and its level, and the time is what was asked for.
func TestStretchKeepsThePitch(t *testing.T) {
	for _, hertz := range []float64{80, 150, 440, 1000, 3000} {
		in := sine(hertz, -20, wideRate, 2*time.Second)
		for _, pace := range []int{70, 80, 85, 95, 110, 130} {
			out := stretch(in, pace)
			if want := len(in) * 100 / pace; len(out) != want {
				t.Errorf("pace %d: %d samples, want %d", pace, len(out), want)
			}
			middle := out[wideRate/4 : len(out)-wideRate/4]
			if got := pitch(middle, wideRate); !near(got, hertz, hertz/100) {
				t.Errorf("pace %d: %.0f Hz became %.0f", pace, hertz, got)
			}
			if level, _ := power16(middle); !near(level, -20, 1) {
				t.Errorf("pace %d: %.0f Hz has %.1f dB, want -20", pace, hertz, level)
			}
		}
	}
	short := sine(440, -20, wideRate, 20*time.Millisecond)
	if len(stretch(short, 70)) != len(short) || len(stretch(nil, 70)) != 0 {
		t.Error("a click stays as it is")
	}
}

// Louder by up to 12 dB, speech stays below the ceiling without being cut: a cut shows as samples that lie at the top side
// by side.
func TestLouderDoesNotClip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	speechlike := make([]float32, 2*wideRate) // syllables: loud peaks at 20 times the mean
	for i := range speechlike {
		syllable := math.Pow(math.Max(0, math.Sin(2*math.Pi*4*float64(i)/wideRate)), 4)
		voice := math.Pow(math.Max(0, math.Cos(2*math.Pi*120*float64(i)/wideRate)), 20)
		speechlike[i] = float32(0.4 * syllable * (voice + 0.1*rng.NormFloat64()))
	}
	for _, gain := range []float64{0, 3, 6, 12} {
		out := append([]float32(nil), speechlike...)
		louder(out, gain, phonePeak, wideRate)
		samples := resample.Whole(out)
		if _, top := power16(samples); top > phonePeak+0.01 {
			t.Errorf("gain %.0f: the peak is %.2f dB", gain, top)
		}
		flat, longest := 0, 0
		for _, x := range samples {
			if flat++; math.Abs(float64(x)) < 0.999*32768*amplitude(phonePeak) {
				flat = 0
			}
			longest = max(longest, flat)
		}
		if longest > 3 {
			t.Errorf("gain %.0f: %d samples in a row are cut", gain, longest)
		}
		before, _ := power16(resample.Whole(speechlike))
		if after, _ := power16(samples); gain <= 3 && !near(after, before+gain, 0.5) || after < before+gain*2/3-0.5 {
			t.Errorf("gain %.0f: from %.1f to %.1f dB", gain, before, after)
		}
	}
	quiet := resample.Floats(sine(440, -30, wideRate, time.Second))
	louder(quiet, 12, phonePeak, wideRate)
	if level, _ := power16(resample.Whole(quiet)); !near(level, -18, 0.01) {
		t.Errorf("a quiet tone becomes %.2f dB, want -18", level)
	}
}

// Files of both laws, as sox writes them, are read.
func TestFilesOfG711(t *testing.T) {
	sox, err := exec.LookPath("sox")
	if err != nil {
		t.Fatal("install the package sox: it writes what is read here")
	}
	s := &sound{rate: 8000}
	for x := -32768; x <= 32767; x += 7 {
		s.samples = append(s.samples, int16(x))
	}
	dir := t.TempDir()
	in := filepath.Join(dir, "in.wav")
	if err := os.WriteFile(in, s.wav(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, law := range []string{"mu-law", "a-law"} {
		out := filepath.Join(dir, law+".wav")
		if b, err := exec.Command(sox, "-D", in, "-e", law, out).CombinedOutput(); err != nil {
			t.Fatal(err, string(b))
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		back, err := readWAV(b)
		if err != nil {
			t.Fatal(law, err)
		}
		for i, x := range back.samples {
			want := math.Max(-32124, math.Min(float64(s.samples[i]), 32124))
			if math.Abs(float64(x)-want) > 16+math.Abs(want)/30 {
				t.Fatalf("%s: %d is read as %d", law, s.samples[i], x)
			}
		}
	}
}

// What a hand, a lorry or the mains puts under a voice does not count for its loudness, and is not heard.
func TestRumbleGoes(t *testing.T) {
	hum, voice := sine(30, -14, 22050, time.Second), sine(300, -30, 22050, time.Second)
	for i := range hum {
		hum[i] += voice[i]
	}
	out := (&sound{22050, hum}).wide().samples[wideRate/4:]
	if low, high := strength(out, wideRate, 30), strength(out, wideRate, 300); high-low < 3 || !near(high, speechLevel, 2) {
		t.Errorf("the hum has %.1f dB, the voice %.1f", low, high)
	}
}

func TestTones(t *testing.T) {
	b := Beep()
	if b.Length() != 250*time.Millisecond || len(b.Wide) != 4000 {
		t.Errorf("the beep is %v", b.Length())
	}
	for rate, samples := range map[int][]int16{wideRate: b.Wide, narrowRate: b.Narrow} {
		middle := samples[len(samples)/4 : len(samples)*3/4]
		if level, _ := power16(middle); !near(level, -12, 0.1) {
			t.Errorf("the beep has %.1f dB", level)
		}
		if hertz := pitch(middle, rate); !near(hertz, 1000, 1) {
			t.Errorf("the beep has %.0f Hz", hertz)
		}
		if first, last := samples[0], samples[len(samples)-1]; first != 0 || last > 100 || last < -100 {
			t.Errorf("the beep clicks: %d, %d", first, last)
		}
	}
	if s := Silence(500 * time.Millisecond); len(s.Wide) != 8000 || len(s.Narrow) != 4000 {
		t.Error("half a second is not half a second")
	}
}

func BenchmarkStretch(b *testing.B) {
	in := sine(150, -20, wideRate, time.Second)
	b.ReportAllocs()
	for b.Loop() {
		stretch(in, 85)
	}
}

func BenchmarkResample(b *testing.B) {
	in := resample.Floats(sine(150, -20, 22050, time.Second))
	b.ReportAllocs()
	for b.Loop() {
		resample.New(22050, wideRate).Run(in)
	}
}

func BenchmarkHalve(b *testing.B) {
	in := resample.Floats(sine(150, -20, wideRate, time.Second))
	r := halve()
	b.ReportAllocs()
	for b.Loop() {
		r.Run(in)
	}
}

func BenchmarkLouder(b *testing.B) {
	in := resample.Floats(sine(150, -8, wideRate, time.Second))
	work := make([]float32, len(in))
	b.ReportAllocs()
	for b.Loop() {
		copy(work, in)
		louder(work, 12, phonePeak, wideRate)
	}
}
