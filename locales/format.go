package locales

import (
	"strconv"
	"strings"
)

// FormatNumber writes a number as the language does, with thousands parted.
// Short and Spoken do not part them. At most two decimals are written. Number reads all of it back.
func (l *Language) FormatNumber(n float64, f Form) string {
	s := strconv.FormatFloat(n, 'f', -1, 64)
	if dot := strings.IndexByte(s, '.'); dot >= 0 && len(s)-dot > 3 {
		s = strings.TrimRight(strings.TrimRight(strconv.FormatFloat(n, 'f', 2, 64), "0"), ".")
	}
	whole, decimals, _ := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	if sign != "" && strings.Trim(whole+decimals, "0") == "" {
		sign = ""
	}
	if (f == Full || f == Screen) && len(whole) > 3 {
		group := l.numbers.writtenGroup()
		for i := len(whole) - 3; i > 0; i -= 3 {
			whole = whole[:i] + group + whole[i:]
		}
	}
	if decimals == "" {
		return sign + whole
	}
	return sign + whole + l.numbers.decimal[:1] + decimals
}

// writtenGroup is the first separator of thousands.
func (n *numbers) writtenGroup() string { return n.group[:1] }

// List joins items: "a, b and c".
func (l *Language) List(items []string) string {
	switch len(items) {
	case 0:
		return ""
	case 1:
		return items[0]
	}
	last := items[len(items)-1]
	joint := l.and
	if l.andBeforeI != "" {
		// Spanish: "y" before an i-sound is "e"; not before ia, ie, io ("nieve y hielo").
		sound := strings.TrimPrefix(Fold(last), "h")
		if strings.HasPrefix(sound, "i") && (len(sound) < 2 || !strings.ContainsRune("aeo", rune(sound[1]))) {
			joint = l.andBeforeI
		}
	}
	return strings.Join(items[:len(items)-1], l.comma) + joint + last
}

// Spell writes a reference so that it is read aloud sign by sign, with a pause after each letter and each group:
// "SR-4821-7" → "S, R, 4 8 2 1, 7".
func (l *Language) Spell(ref string) string {
	var b strings.Builder
	afterDigit, paused := false, true
	for _, r := range strings.ToUpper(ref) {
		switch {
		case r >= '0' && r <= '9':
			if afterDigit {
				b.WriteByte(' ')
			} else if !paused {
				b.WriteString(", ")
			}
			b.WriteRune(r)
			afterDigit, paused = true, false
		case r == '-' || r == ' ' || r == '/' || r == '.' || r == '_':
			afterDigit = false
		default:
			if !paused {
				b.WriteString(", ")
			}
			b.WriteRune(r)
			afterDigit, paused = false, false
		}
	}
	return b.String()
}
