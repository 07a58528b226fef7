package dialogs

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	longSentence    = 20 // words: advice (Electoral Commission: 15 to 20)
	longestSentence = 25 // words: a problem
	longChinese     = 25 // characters a sentence, where words are not parted by spaces
	hardestLIX      = 40 // above, a text reads like an official report
	leastWords      = 60 // fewer say nothing about how hard a text is
)

// words checks how every text of the dialog and of its translations reads.
func (c *checker) words() {
	var all []string
	for _, key := range c.d.keys {
		if c.d.foreign[key] != "" {
			continue
		}
		t := c.d.texts[key]
		all = append(all, t.Text)
		c.reads(c.f, c.f.spots[key], c.d.Language, key, &t)
	}
	p := c.f.at["language"]
	c.hard(c.f, p, c.d.Language, all)
	for _, lang := range sorted(c.d.files) {
		f := c.d.files[lang]
		all = all[:0]
		for i := range f.list {
			e := &f.list[i]
			if _, ok := c.d.texts[e.key]; !ok || e.text.IsZero() {
				continue
			}
			all = append(all, e.text.Text)
			s := f.spots[e.key]
			c.reads(f.draft, s, lang, e.key, &e.text)
		}
		c.hard(f.draft, f.textsAt, lang, all)
	}
}

// reads checks one text.
func (c *checker) reads(f *draft, s spots, lang, key string, t *Text) {
	label := c.isOption(key)
	for _, v := range []struct {
		text string
		at   Position
	}{{t.Text, s.text}, {t.Short, s.short}, {t.Speech, s.speech}} {
		for _, sentence := range sentences(v.text) {
			if unspaced(lang) {
				if n := utf8.RuneCountInString(sentence); n > longChinese && !strings.Contains(sentence, "${") {
					f.Advise(v.at.Line, v.at.Column, "long-sentence", fmt.Sprintf("a sentence has %d characters: %q", n, clip(sentence)), fmt.Sprintf("use at most %d, or make two of it", longChinese))
				}
				continue
			}
			switch n := len(strings.Fields(sentence)); {
			case n > longestSentence:
				f.Add(v.at.Line, v.at.Column, "long-sentence", fmt.Sprintf("a sentence has %d words: %q", n, clip(sentence)), fmt.Sprintf("make two of it: %d words are the most, 15 are good", longestSentence))
			case n > longSentence:
				f.Advise(v.at.Line, v.at.Column, "long-sentence", fmt.Sprintf("a sentence has %d words: %q", n, clip(sentence)), "make two of it: 15 words are good")
			}
		}
	}
	spoken, at := t.Text, s.text
	if t.Speech != "" {
		spoken, at = t.Speech, s.speech
	}
	if word := screenWord(lang, spoken); word != "" && !label {
		f.Advise(at.Line, at.Column, "click", fmt.Sprintf("%q means nothing on a phone call", word), "word it without, or give it a `speech` variant")
	}
}

func (c *checker) isOption(key string) bool {
	id, option, ok := cutLast(key)
	if !ok {
		return false
	}
	i := c.d.Index(id)
	if i < 0 {
		return false
	}
	for _, o := range c.d.Steps[i].Options {
		if o.ID == option {
			return true
		}
	}
	return false
}

func cutLast(key string) (before, after string, ok bool) {
	i := strings.LastIndexByte(key, '.')
	if i < 0 {
		return key, "", false
	}
	return key[:i], key[i+1:], true
}

// sentences splits a text where a sentence ends: . ! ? and their like, followed by a space, or the end of a line.
func sentences(text string) []string {
	var all []string
	start := 0
	add := func(end int) {
		if s := strings.TrimSpace(text[start:end]); s != "" {
			all = append(all, s)
		}
		start = end
	}
	for i, r := range text {
		size := utf8.RuneLen(r)
		switch r {
		case '\n', '。', '！', '？':
			add(i + size)
		case '.', '!', '?', '؟', ':', ';':
			if i+size == len(text) || text[i+size] == ' ' || text[i+size] == '\n' {
				add(i + size)
			}
		}
	}
	add(len(text))
	return all
}

// unspaced says whether a language does not part words by spaces.
func unspaced(lang string) bool {
	l, _, _ := strings.Cut(lang, "-")
	return l == "zh" || l == "ja" || l == "th" || l == "km" || l == "lo" || l == "my"
}

// measured says whether LIX means something in a language: where words are not built of many endings.
func measured(lang string) bool {
	l, _, _ := strings.Cut(lang, "-")
	switch l {
	case "en", "es", "fr", "de", "nl", "sv", "da", "no", "nb", "pt", "it", "ca":
		return true
	}
	return false
}

// hard advises where all texts together are hard to read by LIX (Björnsson 1968): words a sentence, and the share of
// words of more than six letters.
func (c *checker) hard(f *draft, at Position, lang string, texts []string) {
	if !measured(lang) {
		return
	}
	words, long, parts := 0, 0, 0
	for _, t := range texts {
		for _, s := range sentences(t) {
			parts++
			for _, w := range strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r) }) {
				words++
				if utf8.RuneCountInString(w) > 6 {
					long++
				}
			}
		}
	}
	if words < leastWords {
		return
	}
	if lix := float64(words)/float64(parts) + 100*float64(long)/float64(words); lix > hardestLIX {
		f.Advise(at.Line, at.Column, "hard-words", fmt.Sprintf("the wording is hard to read: %.0f on the LIX scale, where 30 is plain and %d an official report", lix, hardestLIX),
			fmt.Sprintf("use shorter words: %d of %d have more than six letters", long, words))
	}
}

// screenWord returns a word that only makes sense on a screen.
func screenWord(lang, text string) string {
	var words []string
	switch l, _, _ := strings.Cut(lang, "-"); l {
	case "en":
		words = []string{"click", "tap", "swipe", "scroll", "see below", "the link", "this link", "below", "above"}
	case "es":
		words = []string{"haga clic", "clic", "pulse aquí", "toque", "deslice", "el enlace", "este enlace", "más abajo"}
	case "fr":
		words = []string{"cliquez", "appuyez ici", "le lien", "ce lien", "ci-dessous", "faites défiler"}
	}
	padded := " " + strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || r == '-' {
			return unicode.ToLower(r)
		}
		return ' '
	}, text) + " "
	for strings.Contains(padded, "  ") {
		padded = strings.ReplaceAll(padded, "  ", " ")
	}
	for _, w := range words {
		if strings.Contains(padded, " "+w+" ") {
			return w
		}
	}
	for _, w := range []string{"https://", "http://", "www."} {
		if strings.Contains(text, w) {
			return w
		}
	}
	return ""
}
