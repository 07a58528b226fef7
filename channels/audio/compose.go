package audio

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Silences within a sentence that is put together.
const (
	betweenWords   = 30 * time.Millisecond
	afterComma     = 200 * time.Millisecond
	afterSentence  = 400 * time.Millisecond
	mostComposed   = 300 // characters
	deepestCompose = 4
)

// joint is one recorded piece of a sentence, and the silence after it.
type joint struct {
	piece entry
	pause time.Duration
}

// composing puts one utterance together.
type composing struct {
	shelf *Shelf
	l     Line
	looks int // recordings that were looked for: strange words don't take for ever
}

const mostLooks = 3000

// joints are the pieces of a line that people recorded; none where something is missing.
func (s *Shelf) joints(l Line) []joint {
	if s.folder == nil || !s.folder.recorded(l.Lang) || utf8.RuneCountInString(l.Words) > mostComposed {
		return nil
	}
	c := composing{shelf: s, l: l}
	if joints, ok := c.say(tidy(l.Words), 0); ok {
		return joints
	}
	return nil
}

// compose puts the sound of a line together of what people recorded; nil where something is missing.
func (s *Shelf) compose(ctx context.Context, l Line) *PCM {
	joints := s.joints(l)
	if len(joints) == 0 {
		return nil
	}
	var wide []int16
	for i := range joints {
		p, err := s.recorded(ctx, &joints[i].piece)
		if err != nil || p == nil {
			return nil
		}
		tight := (&sound{wideRate, p.Wide}).cut(10*time.Millisecond, 30*time.Millisecond)
		wide = append(wide, tight.samples...)
		if i+1 < len(joints) {
			wide = append(wide, make([]int16, samplesOf(joints[i].pause, wideRate))...)
		}
	}
	wide = append(wide, make([]int16, samplesOf(tailTime-30*time.Millisecond, wideRate))...)
	out := newPCM(wide, phonePeak)
	out.Recorded = true
	return out
}

// find finds the recording of words.
func (c *composing) find(words string) (entry, bool) {
	if c.looks++; c.looks > mostLooks {
		return entry{}, false
	}
	l := c.l
	l.Words = words
	return c.shelf.folder.recording(l)
}

// say finds the pieces of words: recorded as they are, numbers and dates, something with words put in, or one after the other.
func (c *composing) say(words string, depth int) ([]joint, bool) {
	bare := strings.TrimFunc(words, unspoken)
	pause := pauseAfter(words)
	if bare == "" {
		return nil, true
	}
	for _, w := range []string{words, strings.TrimSpace(words), bare} {
		if e, ok := c.find(w); ok {
			return []joint{{e, pause}}, true
		}
	}
	if depth >= deepestCompose {
		return nil, false
	}
	if out, ok := c.tokens(words); ok {
		return out, true
	}
	for _, f := range c.shelf.frames[c.l.Lang] {
		values := fit(words, f)
		if values == nil {
			continue
		}
		if out, ok := c.framed(f, values, depth); ok {
			return out, true
		}
	}
	for _, marks := range []string{".?!。？！؟", ":;；：", ",、，،"} {
		if parts := split(words, marks); len(parts) > 1 {
			if out, ok := c.all(parts, depth+1); ok {
				return out, true
			}
		}
	}
	return nil, false
}

func (c *composing) all(parts []string, depth int) ([]joint, bool) {
	var out []joint
	for _, p := range parts {
		more, ok := c.say(p, depth)
		if !ok {
			return nil, false
		}
		out = append(out, more...)
	}
	return out, true
}

// framed says what stands around the insertions, and the insertions.
func (c *composing) framed(f, values []string, depth int) ([]joint, bool) {
	var out []joint
	for i, around := range f {
		if words := strings.TrimFunc(around, unspoken); words != "" {
			e, ok := c.find(words)
			if !ok {
				return nil, false
			}
			out = append(out, joint{e, pauseAfter(around)})
		}
		if i == len(f)-1 {
			break
		}
		more, ok := c.say(values[i], depth+1)
		if !ok {
			return nil, false
		}
		if n := len(more); n > 0 {
			more[n-1].pause = max(betweenWords, pauseBefore(f[i+1]))
		}
		out = append(out, more...)
	}
	return out, true
}

// tokens reads words as numbers and single recorded words, one after the other: a date, a reference, a sum.
func (c *composing) tokens(words string) ([]joint, bool) {
	words = spoken(c.shelf.phrases.Language(c.l.Lang), words)
	g := grammarOf(c.l.Lang)
	var out []joint
	alone := false
	for words != "" {
		if r, size := utf8.DecodeRuneInString(words); unspoken(r) {
			if n := len(out); n > 0 {
				out[n-1].pause = max(out[n-1].pause, pauseAfter(words[:size]))
				if next := strings.TrimLeft(words[size:], " "); alone && single(next) { // figures to write down
					slow := afterComma
					if r == ',' {
						slow = afterSentence
					}
					out[n-1].pause = max(out[n-1].pause, slow)
				}
			}
			words = words[size:]
			continue
		}
		size := len(words) - len(strings.TrimLeft(words, "0123456789"))
		rest := words[size:]
		if size > 0 && len(rest) > 1 && (rest[0] == '.' || rest[0] == ',') && rest[1] >= '0' && rest[1] <= '9' {
			return nil, false // parts of one
		}
		alone = single(words)
		if e, size := c.word(words); size > 0 {
			out = append(out, joint{e, betweenWords})
			words = words[size:]
			continue
		}
		if size == 0 {
			return nil, false
		}
		for _, w := range numeral(g, words[:size], strings.HasPrefix(rest, "年")) {
			e, ok := c.find(w)
			if !ok {
				return nil, false
			}
			out = append(out, joint{e, betweenWords})
		}
		words = rest
	}
	return out, len(out) > 0
}

// single says whether text begins with a figure that stands alone.
func single(text string) bool {
	if text == "" || text[0] < '0' || text[0] > '9' {
		return false
	}
	next, _ := utf8.DecodeRuneInString(text[1:])
	return text[1:] == "" || unspoken(next)
}

// numeral is a number as pieces: by the language's grammar, else figure by figure. A year in Chinese is said by its figures.
func numeral(g *grammar, figures string, year bool) []string {
	n, err := strconv.Atoi(figures)
	if g == nil || err != nil || n > mostNumber || year && len(figures) == 4 || len(figures) > 1 && figures[0] == '0' {
		if g == nil && len(figures) > 1 {
			return []string{""} // nobody knows how
		}
		return strings.Split(figures, "")
	}
	return g.say(n)
}

// word is the longest recorded run of a few whole words that text begins with.
func (c *composing) word(text string) (e entry, size int) {
	ends := 0
	try := func(end int) {
		if found, ok := c.find(text[:end]); ok {
			e, size = found, end
		}
		ends++
	}
	for i, r := range text {
		switch {
		case unspoken(r):
			if try(i); r != ' ' {
				return e, size
			}
		case unicode.Is(unicode.Han, r):
			try(i + utf8.RuneLen(r))
		}
		if ends == 6 {
			return e, size
		}
	}
	try(len(text))
	return e, size
}

// fit finds what was put into a frame to make words of it; nil where it doesn't fit.
func fit(words string, f []string) []string {
	rest, ok := strings.CutPrefix(words, f[0])
	if !ok {
		return nil
	}
	last := f[len(f)-1]
	if rest, ok = strings.CutSuffix(rest, last); !ok {
		return nil
	}
	var values []string
	for _, around := range f[1 : len(f)-1] {
		if around == "" {
			return nil
		}
		value, after, ok := strings.Cut(rest, around)
		if !ok || value == "" {
			return nil
		}
		values, rest = append(values, value), after
	}
	if rest == "" {
		return nil
	}
	return append(values, rest)
}

// split parts words after each of the marks that ends a word.
func split(words, marks string) []string {
	var out []string
	from := 0
	for i, r := range words {
		if !strings.ContainsRune(marks, r) {
			continue
		}
		next := i + utf8.RuneLen(r)
		if next < len(words) && r < 0x80 && words[next] != ' ' { // 4.5, 9:00
			continue
		}
		out = append(out, words[from:next])
		from = next
	}
	if from < len(words) {
		out = append(out, words[from:])
	}
	return out
}

// pauseAfter is the silence after words, by the mark at their end.
func pauseAfter(words string) time.Duration {
	words = strings.TrimRight(words, " ”\"»)")
	r, _ := utf8.DecodeLastRuneInString(words)
	switch {
	case strings.ContainsRune(".?!。？！؟", r):
		return afterSentence
	case strings.ContainsRune(",:;、，：；،", r):
		return afterComma
	}
	return betweenWords
}

// pauseBefore is the silence that words begin with: ", press" begins with a comma.
func pauseBefore(words string) time.Duration {
	words = strings.TrimLeft(words, " ”\"»)")
	_, size := utf8.DecodeRuneInString(words)
	return pauseAfter(words[:size])
}
