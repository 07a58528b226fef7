package render

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// part is a stretch of a text. Space says that it was parted from the one before by white space, which is put back where
// both come to stand on one page.
type part struct {
	words string
	space bool
}

// grain is how finely a text may be parted. Coarser comes first.
type grain uint8

const (
	bySentence grain = iota
	byWord
	byChunk   // where a line may break inside a word that is too long: after a hyphen, between Chinese characters
	byCluster // what a reader takes for one character
	byRune
)

// split parts text at a grain; joined again with their spaces, the parts give the text.
func split(text string, g grain) []part {
	switch g {
	case bySentence:
		return splitSentences(text)
	case byWord:
		return splitWords(text)
	case byChunk:
		return splitWith(text, func(s string, state int) (string, string, int) {
			seg, rest, _, st := uniseg.FirstLineSegmentInString(s, state)
			return seg, rest, st
		})
	case byCluster:
		return splitWith(text, func(s string, state int) (string, string, int) {
			seg, rest, _, st := uniseg.FirstGraphemeClusterInString(s, state)
			return seg, rest, st
		})
	}
	var out []part
	for _, r := range text {
		out = append(out, part{words: string(r)})
	}
	return out
}

func splitWith(text string, next func(string, int) (string, string, int)) []part {
	var out []part
	state := -1
	for text != "" {
		var seg string
		seg, text, state = next(text, state)
		out = append(out, part{words: seg})
	}
	return out
}

func splitWords(text string) []part {
	fields := strings.Fields(text)
	out := make([]part, len(fields))
	for i, f := range fields {
		out[i] = part{words: f, space: i > 0}
	}
	return out
}

// splitSentences parts after . ! ? and their kin. A full stop needs white space after it, and no small letter or digit
// behind that: "No. 5" and "e.g. this" stay whole.
func splitSentences(text string) []part {
	var out []part
	start, space := 0, false
	add := func(end, next int) {
		if s := strings.TrimSpace(text[start:end]); s != "" {
			out = append(out, part{words: s, space: space && len(out) > 0})
		}
		space = next > end
		start = next
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		if !ends(r) {
			continue
		}
		for i < len(text) { // marks and closing quotes that belong to the sentence
			q, m := utf8.DecodeRuneInString(text[i:])
			if !ends(q) && !strings.ContainsRune("\"'’”»)）」』", q) {
				break
			}
			i += m
		}
		next := i
		for next < len(text) {
			q, m := utf8.DecodeRuneInString(text[next:])
			if !unicode.IsSpace(q) {
				break
			}
			next += m
		}
		q, _ := utf8.DecodeRuneInString(text[next:])
		wide := r == '。' || r == '！' || r == '？' || r == '；'
		if next == i && !wide || unicode.IsLower(q) || unicode.IsDigit(q) {
			continue
		}
		add(i, next)
		i = next
	}
	add(len(text), len(text))
	return out
}

func ends(r rune) bool {
	switch r {
	case '.', '!', '?', '…', '。', '！', '？', '；', '؟', '؛', '\n':
		return true
	}
	return false
}

// shorten cuts text to at most n characters as a reader counts them, at a word where there is one in reach, with "…".
func shorten(text string, n int) string {
	if len(text) <= n || uniseg.GraphemeClusterCount(text) <= n {
		return text
	}
	return strings.TrimSpace(atWord(text, head(text, n-1))) + "…"
}

// cutLabel cuts text to at most n characters as chat firms count them (UTF-16 units), between those a reader sees, with "…".
func cutLabel(text string, n int) string {
	if n <= 0 || len(text) <= n || units16(text) <= n {
		return text
	}
	end, used, state := 0, 0, -1
	for rest := text; rest != ""; {
		var seg string
		seg, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used += units16(seg); used > n-1 {
			break
		}
		end += len(seg)
	}
	return strings.TrimSpace(text[:end]) + "…"
}

// head is the length in bytes of the first n characters.
func head(text string, n int) int {
	end, state := 0, -1
	for rest := text; rest != "" && n > 0; n-- {
		var seg string
		seg, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		end += len(seg)
	}
	return end
}

// atWord goes back from end to the last white space, unless that loses more than half.
func atWord(text string, end int) string {
	if end >= len(text) || text[end] == ' ' {
		return text[:min(end, len(text))]
	}
	if i := strings.LastIndexFunc(text[:end], unicode.IsSpace); i > end/2 {
		return text[:i]
	}
	return text[:end]
}
