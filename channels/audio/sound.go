package audio

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/townline/townline/channels/g711"
	"github.com/townline/townline/channels/resample"
	"github.com/townline/townline/channels/wav"
)

// sound is speech as it was recorded or made: one channel, 16 bits.
type sound struct {
	rate    int // samples a second
	samples []int16
}

const (
	speechLevel = -20.0 // dBFS, RMS of the parts with speech, so that recordings and machine are equally loud
	peakLevel   = -1.0  // dBFS
	silentLevel = -55.0 // dBFS: a sound with no frame above it is silence
	quietBelow  = 35.0  // dB: and so is a frame that is this much below the loudest one
	frameTime   = 20 * time.Millisecond
	leadTime    = 40 * time.Millisecond  // silence left before the first sound
	tailTime    = 160 * time.Millisecond // and after the last
)

// readWAV reads PCM of 8, 16, 24 or 32 bits, floats of 32 and what telephones record, and mixes the channels down to one.
func readWAV(b []byte) (*sound, error) {
	f, err := wav.Read(b)
	if err != nil {
		return nil, err
	}
	s := &sound{rate: f.Rate}
	return s, s.mix(&f)
}

// mix puts the samples of a file into s.
func (s *sound) mix(f *wav.File) error {
	data, kind, channels, bits := f.Data, f.Kind, f.Channels, f.Bits
	float := kind == wav.Float && bits == 32
	law := (kind == wav.ALaw || kind == wav.MuLaw) && bits == 8
	whole := kind == wav.PCM && (bits == 8 || bits == 16 || bits == 24 || bits == 32)
	if !float && !law && !whole {
		return wav.ErrNotWAV
	}
	width := bits / 8
	s.samples = make([]int16, len(data)/(width*channels))
	for i := range s.samples {
		sum := 0.0
		for range channels {
			switch {
			case law && kind == wav.ALaw:
				sum += float64(g711.FromA(data[0])) / (1 << 15)
			case law:
				sum += float64(g711.FromMu(data[0])) / (1 << 15)
			case float:
				sum += float64(math.Float32frombits(binary.LittleEndian.Uint32(data)))
			case bits == 8:
				sum += (float64(data[0]) - 128) / 128
			case bits == 16:
				sum += float64(int16(binary.LittleEndian.Uint16(data))) / (1 << 15)
			case bits == 24:
				sum += float64(int32(uint32(data[0])<<8|uint32(data[1])<<16|uint32(data[2])<<24)) / (1 << 31)
			default:
				sum += float64(int32(binary.LittleEndian.Uint32(data))) / (1 << 31)
			}
			data = data[width:]
		}
		s.samples[i] = resample.Clamp(sum / float64(channels))
	}
	return nil
}

// wav is s as a WAV file.
func (s *sound) wav() []byte { return wav.Write(s.rate, s.samples) }

// frames calls yield with the place and the mean power of each frame, 1 being full scale.
func (s *sound) frames(yield func(at, end int, power float64)) {
	size := max(s.count(frameTime), 1)
	for at := 0; at < len(s.samples); at += size {
		end := min(at+size, len(s.samples))
		sum := 0.0
		for _, x := range s.samples[at:end] {
			f := float64(x) / 32768
			sum += f * f
		}
		yield(at, end, sum/float64(end-at))
	}
}

func (s *sound) length() time.Duration {
	return time.Duration(float64(len(s.samples)) / float64(s.rate) * float64(time.Second))
}

func (s *sound) count(d time.Duration) int { return int(d.Seconds() * float64(s.rate)) }

// quiet is the power below which a frame of s is silence.
func (s *sound) quiet() float64 {
	loudest := 0.0
	s.frames(func(_, _ int, power float64) { loudest = max(loudest, power) })
	return max(power(silentLevel), loudest*power(-quietBelow))
}

// loudness is the RMS of the frames with speech, in dBFS, and the share of such frames; -inf and 0 for silence.
func (s *sound) loudness() (level, share float64) {
	quiet, sum, loud, all := s.quiet(), 0.0, 0, 0
	s.frames(func(_, _ int, power float64) {
		all++
		if power > quiet {
			loud++
			sum += power
		}
	})
	if loud == 0 {
		return math.Inf(-1), 0
	}
	return 10 * math.Log10(sum/float64(loud)), float64(loud) / float64(all)
}

func power(decibels float64) float64 { return math.Pow(10, decibels/10) }

// trimmed is s without the silence at both ends, but for a breath. Of silence alone nothing is left.
func (s *sound) trimmed() *sound { return s.cut(leadTime, tailTime) }

// cut is s without the silence at both ends, but for so much of it.
func (s *sound) cut(lead, tail time.Duration) *sound {
	quiet, first, last := s.quiet(), -1, 0
	s.frames(func(at, end int, power float64) {
		if power > quiet {
			if first < 0 {
				first = at
			}
			last = end
		}
	})
	if first < 0 {
		return &sound{rate: s.rate}
	}
	first = max(0, first-s.count(lead))
	last = min(len(s.samples), last+s.count(tail))
	return &sound{rate: s.rate, samples: s.samples[first:last]}
}

// easeTime is how long a sound takes to begin and to end: a machine begins a vowel at full swing, which clicks.
const easeTime = 4 * time.Millisecond

// eased is s with a soft beginning and end.
func (s *sound) eased() *sound {
	out := &sound{rate: s.rate, samples: slices.Clone(s.samples)}
	n := min(s.count(easeTime), len(out.samples)/2)
	for i := range n {
		gain := (1 - math.Cos(math.Pi*float64(i)/float64(n))) / 2
		for _, at := range [...]int{i, len(out.samples) - 1 - i} {
			out.samples[at] = int16(float64(out.samples[at]) * gain)
		}
	}
	return out
}

// level makes s as loud as all speech is here, or less where it would be cut off at its peaks.
func (s *sound) level() {
	level, _ := s.loudness()
	peak := 0.0
	for _, x := range s.samples {
		peak = max(peak, math.Abs(float64(x))/32768)
	}
	if peak == 0 {
		return
	}
	gain := min(math.Sqrt(power(speechLevel-level)), math.Sqrt(power(peakLevel))/peak)
	for i, x := range s.samples {
		s.samples[i] = resample.Clamp(float64(x) / 32768 * gain)
	}
}

const wideRate, narrowRate = 16000, 8000

// wide is s as the telephone needs it: at 16 kHz, as loud as all speech, without rumble, its peaks tamed rather than the
// whole made quiet for the sake of one.
func (s *sound) wide() *sound {
	samples := resample.Floats(s.samples)
	rumbleFree(samples, s.rate)
	samples = resample.New(s.rate, wideRate).Run(samples)
	out := &sound{rate: wideRate, samples: resample.Whole(samples)}
	level, share := out.loudness()
	if share == 0 {
		return out
	}
	louder(samples, min(speechLevel-level, mostGain), phonePeak, wideRate)
	out.samples = resample.Whole(samples)
	return out
}

// mostGain is how much a recording is made louder at most: more would make a room's noise a waterfall.
const mostGain = 36.0
