package locales

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold makes words comparable; it is the one folding used for reading everywhere. What is left are lower-case letters
// without Latin diacritics, Arabic without vowel signs and with its alefs, yas and ta marbutas made one, ASCII digits in
// place of any script's, and single spaces. Apostrophes go ("I'm" → "im"); other punctuation becomes a space, except
// what matters inside a number or a date: . , / : and - between digits, and a minus before one.
//
// Fold(Fold(s)) == Fold(s). Text that is folded already is returned as it is, without allocation.
func Fold(s string) string {
	if folded(s) {
		return s
	}
	if ascii(s) {
		return foldASCII(s)
	}
	return foldRunes(s)
}

// folded is true only for lower-case ASCII letters and digits with single spaces between.
func folded(s string) bool {
	space := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			space = false
		case c == ' ' && !space:
			space = true
		default:
			return false
		}
	}
	return len(s) == 0 || !space
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func foldASCII(s string) string {
	out := make([]byte, 0, len(s))
	gap := false // a space is due before the next letter
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case 'a' <= c && c <= 'z' || digit(c):
		case c == '\'' || c == '`':
			if i > 0 && letter(s[i-1]) && i+1 < len(s) && letter(s[i+1]) {
				continue
			}
			gap = true
			continue
		case keptInNumber(c, !gap && len(out) > 0 && digit(out[len(out)-1]), gap || len(out) == 0, i+1 < len(s) && digit(s[i+1])):
		default:
			gap = true
			continue
		}
		if gap && len(out) > 0 {
			out = append(out, ' ')
		}
		gap = false
		out = append(out, c)
	}
	return string(out)
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// keptInNumber says whether c stays: after is whether a digit comes right before it, start whether a word would begin
// with it, next whether a digit follows.
func keptInNumber(c byte, after, start, next bool) bool {
	switch c {
	case '.', ',', '/', ':':
		return after && next
	case '-':
		return (after || start) && next
	}
	return false
}

func foldRunes(s string) string {
	s = strings.ToValidUTF8(s, " ")                                     // norm passes over what follows a broken byte
	s = strings.ReplaceAll(strings.ReplaceAll(s, ".º", "º"), ".ª", "ª") // Spanish "1.º" is one word
	clean := appendClean(make([]rune, 0, len(s)), norm.NFKD.String(s))
	out := make([]rune, 0, len(clean))
	gap := false
	for i, r := range clean {
		next := rune(0)
		if i+1 < len(clean) {
			next = clean[i+1]
		}
		switch {
		case unicode.IsLetter(r) || unicode.IsMark(r) || '0' <= r && r <= '9' || unicode.IsNumber(r):
		case r == '\'':
			if i > 0 && unicode.IsLetter(clean[i-1]) && unicode.IsLetter(next) {
				continue
			}
			gap = true
			continue
		case r < utf8.RuneSelf && keptInNumber(byte(r), !gap && len(out) > 0 && asciiDigit(out[len(out)-1]), gap || len(out) == 0, asciiDigit(next)):
		default:
			gap = true
			continue
		}
		if gap && len(out) > 0 {
			out = append(out, ' ')
		}
		gap = false
		out = append(out, r)
	}
	return norm.NFC.String(string(out))
}

func asciiDigit(r rune) bool { return '0' <= r && r <= '9' }

// appendClean folds letters and digits one by one and drops what carries no meaning for reading.
func appendClean(out []rune, s string) []rune {
	latin := true // marks are dropped: after Latin letters, and where there is no letter to stand on
	for _, r := range s {
		if r < utf8.RuneSelf {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			if r == '`' {
				r = '\''
			}
			latin = true
			out = append(out, r)
			continue
		}
		switch {
		case r == 0x0640 || 0x064B <= r && r <= 0x065F || r == 0x0670 || 0x06D6 <= r && r <= 0x06DC || 0x06DF <= r && r <= 0x06E8 || 0x06EA <= r && r <= 0x06ED:
			continue // Arabic tatweel and signs; NFKD has taken the hamzas off their letters
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Me, r) || 0xFE00 <= r && r <= 0xFE0F:
			continue // joiners, direction marks, the frame of a keycap emoji
		case unicode.Is(unicode.Mn, r):
			if !latin {
				out = append(out, r)
			}
			continue
		}
		latin = unicode.Is(unicode.Latin, r) || !unicode.IsLetter(r) && !unicode.IsMark(r)
		if to, ok := plainer(r); ok {
			for _, c := range to {
				out = append(out, c)
			}
			continue
		}
		if unicode.IsDigit(r) {
			out = append(out, '0'+digitValue(r))
			continue
		}
		out = append(out, unicode.ToLower(r))
	}
	return out
}

// plainer writes a letter or a sign the way that most people type it.
func plainer(r rune) (string, bool) {
	switch r {
	case 'ß', 'ẞ':
		return "ss", true
	case 'æ', 'Æ':
		return "ae", true
	case 'œ', 'Œ':
		return "oe", true
	case 'ø', 'Ø':
		return "o", true
	case 'ł', 'Ł':
		return "l", true
	case 'đ', 'Đ', 'ð', 'Ð':
		return "d", true
	case 'þ', 'Þ':
		return "th", true
	case 'ħ', 'Ħ':
		return "h", true
	case 'ı':
		return "i", true
	case 'ς':
		return "σ", true
	case '’', '‘', 'ʼ', 'ʻ', '´', '′', 'ʹ':
		return "'", true
	case '‐', '‑', '‒', '–', '—', '−':
		return "-", true
	case '⁄', '∕':
		return "/", true
	case '٫':
		return ".", true
	case '٬', '،':
		return ",", true
	case 'ٱ', 'ٲ', 'ٳ':
		return "ا", true
	case 'ى', 'ی':
		return "ي", true
	case 'ة':
		return "ه", true
	case 'ک':
		return "ك", true
	}
	return "", false
}

// digitValue is what a decimal digit of any script is worth. The decimal digits of Unicode come in runs of ten.
func digitValue(r rune) rune {
	for _, run := range unicode.Nd.R16 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return (r - rune(run.Lo)) % 10
		}
	}
	for _, run := range unicode.Nd.R32 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return (r - rune(run.Lo)) % 10
		}
	}
	return 0
}
