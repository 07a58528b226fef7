package audio

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Speech says how a machine's voice is to speak. The zero value is what is usual.
type Speech struct {
	Rate    int               // words a minute on pages; 0: 122, within the 120 to 125 of VVSG 2.0, 7.1-K
	Call    int               // words a minute on the telephone; 0: 150, which old and young find most comfortable there (Sutton et al., 1995)
	Voices  map[string]string // language → espeak-ng's voice, where another than the usual one is wanted
	Jobs    int               // most clips made at once; 0: as many as the machine has cores
	Timeout time.Duration     // for one clip; 0: 20 s
}

const (
	usualRate    = 122
	usualCall    = 150
	usualTimeout = 20 * time.Second

	// maxSpoken is the most characters of one clip: some seven minutes.
	maxSpoken = 6000
	// maxSound is the most bytes that a program may give back: ten minutes of speech before it is made small.
	maxSound = 32 << 20
)

// usualVoices are espeak-ng's voices where its own choice for the language is not what residents of a North American town
// expect. Its voice for zh reads every character as the name of its sound in English ("nin two" for 您): only the Pinyin one
// speaks.
func usualVoice(lang string) string {
	switch lang {
	case "en":
		return "en-us"
	case "es":
		return "es-419"
	case "fr":
		return "fr-fr"
	case "zh":
		return "cmn-latn-pinyin"
	}
	return lang
}

// rate is how fast clips of a format are spoken.
func (s *Speech) rate(f Format) int {
	switch {
	case f == Wide && s.Call == 0:
		return usualCall
	case f == Wide:
		return s.Call
	case s.Rate == 0:
		return usualRate
	}
	return s.Rate
}

// voice is the voice that is wanted for a language, whether this machine has it or not, so that clips made on one machine
// are found on another.
func (s *Speech) voice(lang string) string {
	lang = strings.ToLower(lang)
	for l := lang; l != ""; l = parent(l) {
		if name, ok := s.Voices[l]; ok {
			return name
		}
	}
	if base, _, _ := strings.Cut(lang, "-"); base != "" {
		return usualVoice(base)
	}
	return ""
}

func parent(lang string) string { return lang[:max(0, strings.LastIndexByte(lang, '-'))] }

// Voice is espeak-ng, lame and opusenc on this machine, run as processes: nothing of them is linked. It is safe for any
// number of goroutines. A nil Voice is mute.
type Voice struct {
	speech   Speech
	has      map[string]bool   // espeak-ng's voices
	programs map[string]string // name → path
	jobs     chan struct{}
}

var (
	// ErrNoVoice is in the error of FindVoice when the machine lacks a program, and of Say when it lacks a language.
	ErrNoVoice = errors.New("this machine has no voice for it")
	// ErrNothingHeard is in the error of Say when there is nothing to be heard of the words: a row of dashes, a picture.
	ErrNothingHeard = errors.New("nothing of it can be heard")
	// ErrTooLong is in the error of Say when the words are more than a clip may hold.
	ErrTooLong = errors.New("it is too long to be read aloud")
)

// FindVoice asks the machine which programs and languages it has. It takes about 20 ms; do it once, at the start. Where a
// program is missing, the voice is mute, and the error is ErrNoVoice and names the program: tell it, and go on.
func FindVoice(ctx context.Context, s Speech) (*Voice, error) {
	if s.Jobs <= 0 {
		s.Jobs = runtime.NumCPU()
	}
	if s.Timeout <= 0 {
		s.Timeout = usualTimeout
	}
	v := &Voice{speech: s, programs: map[string]string{}, has: map[string]bool{}, jobs: make(chan struct{}, s.Jobs)}
	var missing []string
	for _, name := range []string{"espeak-ng", "lame", "opusenc", "opusdec"} {
		path, err := exec.LookPath(name)
		if err != nil {
			missing = append(missing, name)
			continue
		}
		v.programs[name] = path
	}
	if v.programs["espeak-ng"] != "" {
		list, err := v.run(ctx, "espeak-ng", nil, "--voices")
		if err != nil {
			return v, fmt.Errorf("%w: %w", ErrNoVoice, err)
		}
		v.has = readVoices(string(list))
	}
	if len(missing) > 0 {
		v.has = nil
		return v, fmt.Errorf("%w: %s is not installed", ErrNoVoice, strings.Join(missing, ", "))
	}
	return v, nil
}

// readVoices reads the table that espeak-ng prints: priority, language, age and gender, name, file, other languages.
func readVoices(table string) map[string]bool {
	has := map[string]bool{}
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) >= 5 && f[0] != "Pty" {
			has[strings.ToLower(f[1])] = true
		}
	}
	return has
}

// Speaks says whether there is a voice for a language (es-MX is spoken by the voice for es).
func (v *Voice) Speaks(lang string) bool {
	if v == nil {
		return false
	}
	name, _, _ := strings.Cut(v.speech.voice(lang), "+") // en-us+f3: a variant
	return v.has[name]
}

// wanted is the speech that keys are made of.
func (v *Voice) wanted() *Speech {
	if v == nil {
		return &Speech{}
	}
	return &v.speech
}

// Say makes the sound of words in each of the formats. It waits its turn: no more than Speech.Jobs are made at once. The
// words go to the programs by a pipe, never by the command line, which everyone on the machine can read; and they are in no
// error.
func (v *Voice) Say(ctx context.Context, lang, words string, formats ...Format) (map[Format][]byte, error) {
	if !v.Speaks(lang) {
		return nil, fmt.Errorf("%w: %s", ErrNoVoice, lang)
	}
	if utf8.RuneCountInString(words) > maxSpoken {
		return nil, ErrTooLong
	}
	return v.work(ctx, func(ctx context.Context) (map[Format][]byte, error) {
		out := make(map[Format][]byte, len(formats))
		for len(formats) > 0 {
			rate, same := v.speech.rate(formats[0]), 1 // formats spoken at one rate are made of one sound
			for same < len(formats) && v.speech.rate(formats[same]) == rate {
				same++
			}
			said := words
			if formats[0] == Wide {
				said = toWriteDown(words)
			}
			wav, err := v.utter(ctx, lang, said, rate)
			if err != nil {
				return nil, err
			}
			if len(wav) == 0 {
				return nil, ErrNothingHeard
			}
			if err := v.encode(ctx, wav, formats[:same], out); err != nil {
				return nil, err
			}
			formats = formats[same:]
		}
		return out, nil
	})
}

// pace is espeak-ng's own number for a rate in words a minute. It has an idea of its own of what a word is: told 100, it says
// so many words of a town's texts in a minute, without the silence at their ends, as measured over the sample town's.
// Characters of Chinese are counted three for four; a word of Arabic, which has its article and its prepositions
// within it, as one and a third.
func pace(lang string, rate int) int {
	said := 100
	switch base, _, _ := strings.Cut(strings.ToLower(lang), "-"); base {
	case "en":
		said = 117
	case "es":
		said = 95
	case "fr":
		said = 120
	case "zh":
		said = 97
	case "ar":
		said = 93
	}
	return min(max(rate*100/said, 80), 450)
}

// Convert makes the sound of a recording (WAV, MP3, or Opus in Ogg) in each of the formats, as loud as the voice and
// without silence at its ends.
func (v *Voice) Convert(ctx context.Context, recording []byte, formats ...Format) (map[Format][]byte, error) {
	if v == nil || v.programs["lame"] == "" || v.programs["opusenc"] == "" || v.programs["opusdec"] == "" {
		return nil, fmt.Errorf("%w: lame and opus-tools are needed", ErrNoVoice)
	}
	return v.work(ctx, func(ctx context.Context) (map[Format][]byte, error) {
		wav, err := v.decode(ctx, recording)
		if err != nil {
			return nil, err
		}
		out := make(map[Format][]byte, len(formats))
		return out, v.encode(ctx, wav, formats, out)
	})
}

// work runs make when it is its turn, for no longer than a clip may take.
func (v *Voice) work(ctx context.Context, make func(context.Context) (map[Format][]byte, error)) (map[Format][]byte, error) {
	select {
	case v.jobs <- struct{}{}:
		defer func() { <-v.jobs }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ctx, done := context.WithTimeout(ctx, v.speech.Timeout)
	defer done()
	return make(ctx)
}

// encode levels a sound and writes it down in each of the formats.
func (v *Voice) encode(ctx context.Context, wav []byte, formats []Format, out map[Format][]byte) error {
	s, err := readWAV(wav)
	if err != nil {
		return err
	}
	s = s.trimmed().eased()
	if len(s.samples) == 0 {
		return ErrNothingHeard
	}
	if slices.Contains(formats, Wide) {
		out[Wide] = s.wide().wav()
	}
	s.level()
	wav = s.wav()
	for _, f := range formats {
		switch f {
		case Wide:
		case MP3: // no header of lame's own: it can't be filled in on a pipe
			out[f], err = v.run(ctx, "lame", wav, "--quiet", "-t", "-m", "m", "-b", "32", "--resample", "22.05", "-", "-")
		case Opus:
			out[f], err = v.run(ctx, "opusenc", wav, "--quiet", "--speech", "--bitrate", "16", "--comp", "5", "--serial", "1", "-", "-")
		default:
			err = fmt.Errorf("audio: %q is not a format", f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// decode makes a WAV of a recording.
func (v *Voice) decode(ctx context.Context, recording []byte) ([]byte, error) {
	switch {
	case hasPrefix(recording, "RIFF"):
		return recording, nil
	case hasPrefix(recording, "OggS"):
		return v.run(ctx, "opusdec", recording, "--quiet", "--force-wav", "-", "-")
	case hasPrefix(recording, "ID3"), len(recording) > 1 && recording[0] == 0xff && recording[1]&0xe0 == 0xe0:
		return v.run(ctx, "lame", recording, "--quiet", "--decode", "--mp3input", "-", "-")
	}
	return nil, errors.New("this is neither WAV, MP3 nor Ogg with Opus")
}

func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }
