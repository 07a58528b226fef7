package audio

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/locales"
)

// latin is a run of words in Latin letters.
var latin = regexp.MustCompile(`[A-Za-zÀ-ÿ](?:[A-Za-zÀ-ÿ0-9'’.& -]*[A-Za-zÀ-ÿ0-9])?`)

// tongue is a stretch of words that one of the machine's voices says.
type tongue struct{ lang, words string }

// tongues parts Chinese words from names in Latin letters ("Main Street"), which the Chinese voice would read as if they were
// Pinyin. Voices of other scripts change over by themselves.
func tongues(lang, words string) []tongue {
	base, _, _ := strings.Cut(strings.ToLower(lang), "-")
	if base != "zh" {
		return []tongue{{lang, words}}
	}
	var out []tongue
	from := 0
	add := func(lang, words string) {
		rest := strings.TrimLeftFunc(words, unspoken)
		if n := len(out); n > 0 {
			out[n-1].words += words[:len(words)-len(rest)] // marks make a pause after what they end
		}
		if rest != "" {
			out = append(out, tongue{lang, rest})
		}
	}
	for _, at := range latin.FindAllStringIndex(words, -1) {
		add(lang, words[from:at[0]])
		add(locales.Source, words[at[0]:at[1]])
		from = at[1]
	}
	add(lang, words[from:])
	if len(out) == 0 {
		return []tongue{{lang, words}}
	}
	return out
}

// utter has espeak-ng say words at a rate, each stretch in the voice of its language.
func (v *Voice) utter(ctx context.Context, lang, words string, rate int) ([]byte, error) {
	say := func(t tongue) ([]byte, error) {
		return v.run(ctx, "espeak-ng", []byte(t.words), "--stdin", "-b", "1", "-v", v.speech.voice(t.lang), "-s", strconv.Itoa(pace(t.lang, rate)), "--stdout")
	}
	parts := tongues(lang, words)
	if len(parts) == 1 || !v.Speaks(locales.Source) {
		return say(tongue{lang, words})
	}
	var all sound
	for _, t := range parts {
		wav, err := say(t)
		if err != nil {
			return nil, err
		}
		s, err := readWAV(wav)
		if err != nil || all.rate != 0 && s.rate != all.rate {
			return say(tongue{lang, words}) // nothing is heard of a part, or voices don't go together
		}
		all.rate = s.rate
		all.samples = append(all.samples, s.cut(10*time.Millisecond, 30*time.Millisecond).samples...)
		all.samples = append(all.samples, make([]int16, all.count(pauseAfter(t.words)))...)
	}
	return all.wav(), nil
}
