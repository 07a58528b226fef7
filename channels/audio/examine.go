package audio

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
)

const (
	tooQuiet = -45.0 // dBFS
	tooNear  = 12.0  // dB between speech and what is between its words: less is noise
	topRun   = 3     // samples in a row at the top are a peak that was cut off
	topRuns  = 10    // so many of them are heard
)

// examine trims a recording of words and makes it as loud as all speech here, or says in a sentence what is wrong with it.
func examine(recording []byte, words string) (wav []byte, wrong string) {
	if len(recording) == 0 {
		return nil, "I heard nothing."
	}
	s, err := readWAV(recording)
	if err != nil {
		return nil, "I could not take that down."
	}
	level, _ := s.loudness()
	cut := s.trimmed()
	switch {
	case len(cut.samples) == 0:
		return nil, "I heard nothing."
	case s.cutOff() >= topRuns:
		return nil, "That was too loud. Please hold the telephone a little farther away."
	case level < tooQuiet:
		return nil, "That was very quiet. Please hold the telephone closer to your mouth."
	case level-s.between() < tooNear:
		return nil, "There is a lot of noise where you are. Please find a quiet place."
	}
	want := expected(words)
	switch length := cut.length(); {
	case length < want*3/10:
		return nil, "That was shorter than the text."
	case length > want*3+3*time.Second:
		return nil, "That was longer than the text."
	}
	cut.level()
	return cut.wav(), ""
}

// cutOff counts the peaks that the telephone cut off.
func (s *sound) cutOff() (times int) {
	const top = 31700 // what is left of the highest sample after µ-law or A-law
	run := 0
	for _, x := range s.samples {
		if run++; x < top && x > -top {
			run = 0
		}
		if run == topRun {
			times++
		}
	}
	return times
}

// between is how loud it is where least is said, in dBFS: a twentieth of the frames is quieter.
func (s *sound) between() float64 {
	var powers []float64
	s.frames(func(_, _ int, power float64) { powers = append(powers, power) })
	if len(powers) == 0 {
		return math.Inf(-1)
	}
	slices.Sort(powers)
	return 10 * math.Log10(powers[len(powers)/20]+1e-12)
}

// expected is how long words take at 150 a minute.
func expected(words string) time.Duration {
	n := 0.0
	for w := range strings.FieldsSeq(words) {
		together := 0
		for _, r := range w {
			if unicode.In(r, unicode.Han) {
				together++
			}
			if r >= '0' && r <= '9' {
				n += 0.5
			}
		}
		n += max(1, float64(together)/1.6)
	}
	return time.Duration(n * float64(time.Minute) / usualCall)
}
