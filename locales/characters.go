package locales

import (
	"strconv"
	"strings"
)

// inCharacters reads numbers written by digit and place: 二十一, 三万五, 2千. Digits alone are one number only where a
// zero is among them (二〇二七): 一二 may be a list.
func (l *Language) inCharacters(folded string) (float64, bool) {
	n := &l.numbers
	rest, negative := l.cutBefore(folded, l.numbers.minus)
	for _, c := range n.counters {
		if cut, ok := strings.CutSuffix(rest, c); ok && cut != "" {
			rest = cut
			break
		}
	}
	whole, fraction := rest, ""
	for word, w := range n.words {
		if w.kind == point {
			if before, after, ok := strings.Cut(rest, word); ok {
				whole, fraction = before, after
			}
		}
	}
	v, ok := n.composeCharacters(whole)
	if !ok {
		return 0, false
	}
	if fraction != "" || whole != rest {
		decimals, ok := n.plainCharacters(fraction)
		if !ok || v != float64(int64(v)) {
			return 0, false
		}
		if v, ok = parseFloat(strconv.FormatInt(int64(v), 10) + "." + decimals); !ok {
			return 0, false
		}
	}
	if negative && v != 0 {
		v = -v
	}
	return v, v < mostNumeral
}

// plainCharacters reads digits one by one: 〇二 is "02".
func (n *numbers) plainCharacters(s string) (string, bool) {
	var b strings.Builder
	for _, r := range s {
		if asciiDigit(r) {
			b.WriteRune(r)
		} else if worth, ok := n.characters[r]; ok && worth < 10 {
			b.WriteByte(byte('0' + worth))
		} else {
			return "", false
		}
	}
	return b.String(), b.Len() > 0 && b.Len() < 10
}

func (n *numbers) composeCharacters(s string) (float64, bool) {
	if plain, ok := n.plainCharacters(s); ok {
		zero := false
		for _, r := range s {
			zero = zero || r == '0' || !asciiDigit(r) && n.characters[r] == 0
		}
		if len(plain) == 1 || zero || allDigits(s) {
			return parseFloat(plain)
		}
		return 0, false
	}
	var total, section, pending float64
	const none = 1e18
	unit, myriad := none, none // the next place must be below these
	digits, zero, written := false, false, false
	for rest := s; rest != ""; {
		if digit(rest[0]) {
			end := 1
			for end < len(rest) && (digit(rest[end]) || rest[end] == '.' || rest[end] == ',') {
				end++
			}
			v, ok := n.inDigits(rest[:end])
			if !ok || digits {
				return 0, false
			}
			pending, digits, written = v, true, true
			rest = rest[end:]
			continue
		}
		r := []rune(rest)[0]
		rest = rest[len(string(r)):]
		worth, ok := n.characters[r]
		switch {
		case !ok:
			return 0, false
		case worth == 0:
			if digits || zero || unit == none && myriad == none {
				return 0, false
			}
			zero = true
		case worth < 10:
			if digits {
				return 0, false
			}
			pending, digits, written = float64(worth), true, false
		case worth < 10000:
			if float64(worth) >= unit {
				return 0, false
			}
			if !digits {
				if worth != 10 {
					return 0, false
				}
				pending = 1
			}
			section += pending * float64(worth)
			unit, digits, zero = float64(worth), false, false
		default:
			if digits {
				section += pending
			}
			if section == 0 || float64(worth) >= myriad {
				return 0, false
			}
			total += section * float64(worth)
			section, digits, zero = 0, false, false
			unit, myriad = none, float64(worth)
		}
	}
	if digits {
		place := unit
		if place == none {
			place = myriad
		}
		switch {
		case place == none || place == 10 || zero:
			section += pending
		case written: // 3万5: nobody can tell
			return 0, false
		default: // 一百五 is 150, 三万五 is 35,000
			section += pending * place / 10
		}
	} else if zero {
		return 0, false
	}
	return total + section, true
}
