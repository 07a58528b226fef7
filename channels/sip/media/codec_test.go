package media

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func rawBytes(pcm []int16) (b []byte) {
	for _, x := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(x))
	}
	return b
}

func samplesOf(b []byte) []int16 {
	pcm := make([]int16, len(b)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return pcm
}

// speech is something like a voice: a buzz of harmonics whose pitch and vowel change, with hissing sounds between.
func speech(rate, milliseconds int) []int16 {
	pcm := make([]int16, rate*milliseconds/1000)
	noise := uint32(1)
	phase := 0.0
	for i := range pcm {
		at := float64(i) / float64(rate)
		pitch := 120 + 30*math.Sin(2*math.Pi*0.7*at)
		phase += 2 * math.Pi * pitch / float64(rate)
		vowel := 700 + 400*math.Sin(2*math.Pi*1.3*at)
		x := 0.0
		for h := 1; float64(h)*pitch < 3600; h++ {
			f := float64(h) * pitch
			x += math.Sin(float64(h)*phase) / (1 + math.Pow((f-vowel)/250, 2))
		}
		noise = noise*1664525 + 1013904223
		hiss := float64(int32(noise)) / (1 << 31)
		loud := 0.55 + 0.45*math.Sin(2*math.Pi*3.1*at)
		pcm[i] = int16(4000*loud*x + 150*(1-loud)*hiss)
	}
	return pcm
}

// noiseRatio is how much louder than what was changed the sound is, in decibels, at the delay where they match best.
func noiseRatio(want, got []int16, most int) (best float64, delay int) {
	best = math.Inf(-1)
	for d := 0; d <= most; d++ {
		var signal, noise float64
		for i := 2000; i+d < len(got) && i < len(want); i++ {
			e := float64(got[i+d]) - float64(want[i])
			signal += float64(want[i]) * float64(want[i])
			noise += e * e
		}
		if r := 10 * math.Log10(signal/noise); r > best {
			best, delay = r, d
		}
	}
	return best, delay
}

func TestG722KeepsSpeech(t *testing.T) {
	pcm := speech(16000, 3000)
	coded := make([]byte, len(pcm)/2)
	newG722().encode(coded, pcm)
	back := make([]int16, len(pcm))
	newG722().decode(back, coded)
	ratio, delay := noiseRatio(pcm, back, 40)
	t.Logf("%.1f dB at a delay of %d samples", ratio, delay)
	if ratio < 20 || delay != 22 {
		t.Errorf("%.1f dB at a delay of %d samples, want 20 dB or more at 22", ratio, delay)
	}
	// However it is cut into packets, it is the same.
	coder, again := newG722(), make([]byte, len(coded))
	for at := 0; at < len(pcm); at += 2 * 37 {
		end := min(at+2*37, len(pcm))
		coder.encode(again[at/2:end/2], pcm[at:end])
	}
	if string(again) != string(coded) {
		t.Error("pieces are encoded otherwise than the whole")
	}
}

// TestG722IsG722: ffmpeg's codec makes the same bytes and the same samples, which was seen once (and is seen again in
// TestG722WithFFmpeg, where it is installed).
func TestG722IsG722(t *testing.T) {
	pcm := make([]int16, 16000)
	noise := uint32(7)
	for i := range pcm {
		noise = noise*1664525 + 1013904223
		pcm[i] = int16(i%73*200-7000) + int16(i%(50+i/400)*90) + int16(noise>>24)*int16(i>>11)
	}
	coded, back := make([]byte, len(pcm)/2), make([]int16, len(pcm))
	newG722().encode(coded, pcm)
	newG722().decode(back, coded)
	got := fmt.Sprintf("%x %x", sha256.Sum256(coded), sha256.Sum256(rawBytes(back)))
	if want := "3e1170194aa5fec1a6cf7ea33ac8b3e38a3ab2bdf5ca5ab6f143de8922d1884e " +
		"8f6f664d9381748693a4758644720e2d7419dbadcd63b40c470b6056f7a84cfc"; got != want {
		t.Error(got)
	}
}

// TestG722WithFFmpeg speaks with another maker's codec, both ways.
func TestG722WithFFmpeg(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatal("install the package ffmpeg: it is another maker's G.722")
	}
	pcm := speech(16000, 3000)
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command("ffmpeg", append([]string{"-hide_banner", "-loglevel", "error", "-nostdin", "-y"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg: %v\n%s", err, out)
		}
	}
	ours := make([]byte, len(pcm)/2)
	newG722().encode(ours, pcm)
	for name, b := range map[string][]byte{"in.raw": rawBytes(pcm), "ours.g722": ours} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run("-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "in.raw", "-c:a", "g722", "-f", "g722", "theirs.g722")
	run("-f", "g722", "-i", "ours.g722", "-f", "s16le", "ours.raw")

	theirs, err := os.ReadFile(filepath.Join(dir, "theirs.g722"))
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for i := range min(len(ours), len(theirs)) {
		if ours[i] == theirs[i] {
			same++
		}
	}
	t.Logf("%d of %d bytes are the same as ffmpeg's", same, len(ours))
	back := make([]int16, 2*len(theirs))
	newG722().decode(back, theirs)
	if ratio, _ := noiseRatio(pcm, back, 60); ratio < 20 {
		t.Errorf("what ffmpeg encodes comes out with %.1f dB", ratio)
	}
	heard, err := os.ReadFile(filepath.Join(dir, "ours.raw"))
	if err != nil {
		t.Fatal(err)
	}
	if ratio, _ := noiseRatio(pcm, samplesOf(heard), 60); ratio < 20 {
		t.Errorf("ffmpeg hears what we encode with %.1f dB", ratio)
	}
	decoded := make([]int16, len(pcm))
	newG722().decode(decoded, ours)
	differ := 0
	for i, x := range samplesOf(heard) {
		if i < len(decoded) && x != decoded[i] {
			differ++
		}
	}
	t.Logf("%d of %d samples are decoded otherwise than by ffmpeg", differ, len(decoded))
}

func BenchmarkG722Encode(b *testing.B) {
	pcm, out, g := speech(16000, 20), make([]byte, 160), newG722()
	b.ReportAllocs()
	for b.Loop() {
		g.encode(out, pcm)
	}
}

func BenchmarkG722Decode(b *testing.B) {
	pcm, in, g := speech(16000, 20), make([]byte, 160), newG722()
	newG722().encode(in, pcm)
	b.ReportAllocs()
	for b.Loop() {
		g.decode(pcm, in)
	}
}

func BenchmarkG711(b *testing.B) {
	pcm, out := speech(8000, 20), make([]byte, 160)
	w := newWriter(pcmu)
	b.ReportAllocs()
	for b.Loop() {
		w.write(out, pcm)
	}
}
