package media

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line puts real-time text together: what was taken back is gone, and a new line ends one.
type Line struct {
	begun []byte
}

const mostLine = 2000 // bytes; more is cut into lines of this length

// Add takes what came in, and returns the lines that it ends, without spaces around them. Empty ones are left out.
func (l *Line) Add(text string) (lines []string) {
	for _, r := range text {
		switch {
		case r == '\b':
			l.back()
		case r == '\n' || len(l.begun)+utf8.UTFMax > mostLine:
			if line := l.Rest(); line != "" {
				lines = append(lines, line)
			}
			if r != '\n' {
				l.begun = utf8.AppendRune(l.begun, r)
			}
		default:
			l.begun = utf8.AppendRune(l.begun, r)
		}
	}
	return lines
}

// back takes away the last sign, with the marks that stand on it.
func (l *Line) back() {
	for len(l.begun) > 0 {
		r, width := utf8.DecodeLastRune(l.begun)
		l.begun = l.begun[:len(l.begun)-width]
		if !unicode.Is(unicode.M, r) {
			return
		}
	}
}

// Begun says whether something stands in a line that hasn't ended.
func (l *Line) Begun() bool { return len(l.begun) > 0 }

// Rest ends the line without a sign for it: somebody has stopped typing.
func (l *Line) Rest() string {
	line := strings.TrimSpace(string(l.begun))
	l.begun = l.begun[:0]
	return line
}
