package locales

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// numbers is how a language's numbers are read.
type numbers struct {
	decimal   string // separators that may stand before decimals
	group     string // separators that may part thousands
	words     map[string]numeral
	longest   int // most words in one entry of words
	vigesimal []int
	// unitsFirst: "one and twenty" is 21.
	unitsFirst bool
	articles   bool   // "a thousand", never a bare "thousand" after millions
	andPrefix  string // "and" where it is written together with the next word
	characters map[rune]int64
	counters   []string
	ordinals   map[string]int
	ordBefore  []string
	ordAfter   []string
	ordDrop    [2]affixes // in front, behind
	minus      affixes
}

type numeralKind uint8

const (
	value      numeralKind = iota // worth what it says
	multiplier                    // hundred, thousand, million
	article                       // "a" hundred
	and
	point
	minus
)

type numeral struct {
	kind   numeralKind
	worth  float64
	digits bool // written in digits
}

func (n *numbers) learn(f *file) error {
	w := &f.Numbers
	n.decimal, n.group = strings.Join(w.Decimal, ""), strings.Join(w.Group, "")
	if strings.Trim(n.decimal, ".,") != "" || n.decimal == "" || strings.Trim(n.group, "., ") != "" || n.group == "" {
		return fmt.Errorf("numbers: decimal is made of . and , and group of . , and space")
	}
	n.words = make(map[string]numeral)
	add := func(word string, as numeral) error {
		folded := Fold(word)
		if had, ok := n.words[folded]; ok && had != as {
			return fmt.Errorf("numbers: %q means two things", word)
		}
		n.words[folded] = as
		n.longest = max(n.longest, 1+strings.Count(folded, " "))
		return nil
	}
	for word, worth := range w.Words {
		if err := add(word, numeral{worth: float64(worth)}); err != nil {
			return err
		}
	}
	for _, group := range []struct {
		words []string
		as    numeral
	}{
		{w.Hundred, numeral{kind: multiplier, worth: 100}},
		{w.Thousand, numeral{kind: multiplier, worth: 1000}},
		{w.Million, numeral{kind: multiplier, worth: 1_000_000}},
		{w.A, numeral{kind: article}},
		{w.And, numeral{kind: and}},
		{w.Point, numeral{kind: point}},
		{w.Minus, numeral{kind: minus}},
	} {
		for _, word := range group.words {
			if err := add(word, group.as); err != nil {
				return err
			}
		}
	}
	n.vigesimal, n.unitsFirst, n.andPrefix, n.articles = w.Vigesimal, w.UnitsFirst, w.AndPrefix, len(w.A) > 0
	if len(w.Characters) > 0 {
		n.characters = make(map[rune]int64)
		for character, worth := range w.Characters {
			runes := []rune(character)
			if len(runes) != 1 {
				return fmt.Errorf("numbers: %q is not one character", character)
			}
			n.characters[runes[0]] = worth
		}
	}
	n.counters = foldedList(w.Counters)
	n.ordinals = make(map[string]int)
	for word, place := range w.Ordinals {
		n.ordinals[Fold(word)] = place
	}
	n.ordBefore, n.ordAfter = foldedList(w.OrdinalFirst), foldedList(w.OrdinalAfter)
	drop := foldedList(w.OrdinalDrop)
	n.ordDrop = [2]affixes{leading(drop), trailing(drop)}
	n.minus = leading(foldedList(w.Minus))
	return nil
}

// mostNumeral bounds what is read: nothing that a resident is asked for is larger, and float64 is exact below it.
const mostNumeral = 1e12

// Number reads a number, in digits of any script or in words; the whole of words must be that number. One that the
// language could mean in two ways is not read: "1.200" may be 1200 or 1.2. Where thousands are parted by spaces
// (fr, es), "1 200" is one number: split a list of amounts before asking.
func (l *Language) Number(words string) (float64, bool) {
	return l.number(l.bare(Fold(words)))
}

func (l *Language) number(folded string) (float64, bool) {
	if folded == "" || len(folded) > 200 {
		return 0, false
	}
	if v, ok := l.numbers.inDigits(folded); ok {
		return v, true
	}
	if l.numbers.characters != nil {
		return l.inCharacters(folded)
	}
	return l.numbers.inWords(folded)
}

// inDigits reads folded digits with separators.
func (n *numbers) inDigits(s string) (float64, bool) {
	plain, negative := strings.CutPrefix(s, "-")
	dots, commas, spaces := 0, 0, 0
	for i := 0; i < len(plain); i++ {
		switch c := plain[i]; {
		case digit(c):
		case c == '.':
			dots++
		case c == ',':
			commas++
		case c == ' ':
			spaces++
		default:
			return 0, false
		}
	}
	if plain == "" || !digit(plain[0]) || !digit(plain[len(plain)-1]) {
		return 0, false
	}
	whole, decimals := plain, ""
	cut := func(separator string) { whole, decimals, _ = strings.Cut(plain, separator) }
	group := ""
	switch {
	case dots+commas+spaces == 0:
	case dots > 0 && commas > 0: // the last kind parts the decimals, whichever language
		if spaces > 0 {
			return 0, false
		}
		if strings.LastIndexByte(plain, '.') > strings.LastIndexByte(plain, ',') {
			group = ","
			cut(".")
		} else {
			group = "."
			cut(",")
		}
	case spaces > 0:
		if !strings.Contains(n.group, " ") {
			return 0, false
		}
		group = " "
		if dots == 1 {
			cut(".")
		} else if commas == 1 {
			cut(",")
		}
	case dots > 1:
		group = "."
	case commas > 1:
		group = ","
	default: // one separator
		separator := ","
		if dots == 1 {
			separator = "."
		}
		before, after, _ := strings.Cut(plain, separator)
		switch likeThousands := len(after) == 3 && len(before) <= 3 && before[0] != '0'; {
		case likeThousands && strings.Contains(n.group, separator) && !strings.Contains(n.decimal, separator):
			group = separator
		case likeThousands || !strings.Contains(n.decimal, separator):
			return 0, false
		default:
			whole, decimals = before, after
		}
	}
	if group != "" {
		parts := strings.Split(whole, group)
		for i, p := range parts {
			if i == 0 && (len(p) == 0 || len(p) > 3) || i > 0 && len(p) != 3 {
				return 0, false
			}
		}
		whole = strings.Join(parts, "")
	}
	if !allDigits(whole) || decimals != "" && !allDigits(decimals) || len(whole) > 12 || len(decimals) > 9 {
		return 0, false
	}
	if decimals != "" {
		whole += "." + decimals
	}
	v, err := strconv.ParseFloat(whole, 64)
	if err != nil {
		return 0, false
	}
	if negative && v != 0 {
		v = -v
	}
	return v, true
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if !digit(s[i]) {
			return false
		}
	}
	return s != ""
}

// inWords reads number words: "twenty-one", "quatre-vingt-dix", "2 million".
func (n *numbers) inWords(folded string) (float64, bool) {
	var held [24]numeral
	list, ok := n.lex(held[:0], folded)
	if !ok || len(list) == 0 {
		return 0, false
	}
	negative := list[0].kind == minus
	if negative {
		list = list[1:]
	}
	whole, fraction := list, []numeral(nil)
	for i := range list {
		if list[i].kind == point {
			whole, fraction = list[:i], list[i+1:]
			if len(fraction) == 0 {
				return 0, false
			}
			break
		}
	}
	if len(whole) == 0 && fraction == nil {
		return 0, false
	}
	v, ok := n.compose(whole) // "point five" has no whole part
	if !ok {
		return 0, false
	}
	if fraction != nil {
		decimals, ok := fractionDigits(fraction)
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

func parseFloat(s string) (float64, bool) {
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

// lex cuts folded words into numerals, the longest entry first.
func (n *numbers) lex(list []numeral, folded string) ([]numeral, bool) {
	for folded != "" {
		if len(list) == 24 {
			return nil, false
		}
		if digit(folded[0]) {
			word, rest, _ := strings.Cut(folded, " ")
			v, ok := n.inDigits(word)
			if !ok {
				return nil, false
			}
			list = append(list, numeral{worth: v, digits: true})
			folded = rest
			continue
		}
		if found, size := n.longestWord(folded); size > 0 {
			list = append(list, found)
			folded = strings.TrimPrefix(folded[size:], " ")
			continue
		}
		rest, ok := strings.CutPrefix(folded, n.andPrefix)
		if !ok || n.andPrefix == "" || rest == "" || rest[0] == ' ' {
			return nil, false
		}
		list = append(list, numeral{kind: and})
		folded = rest
	}
	return list, true
}

// longestWord finds the longest entry that folded begins with, and its length in bytes.
func (n *numbers) longestWord(folded string) (found numeral, size int) {
	end := 0
	for range n.longest {
		if next := strings.IndexByte(folded[end:], ' '); next < 0 {
			end = len(folded)
		} else {
			end += next
		}
		if w, ok := n.words[folded[:end]]; ok {
			found, size = w, end
		}
		if end == len(folded) {
			break
		}
		end++
	}
	return found, size
}

// compose adds numerals up, from millions down to units. Whatever does not go downwards is not one number ("two five").
func (n *numbers) compose(list []numeral) (float64, bool) {
	if len(list) == 1 && list[0].kind == value {
		return list[0].worth, true
	}
	var total, group float64
	scale := 1e9      // the next multiplier must be below it
	room := 1000.0    // the next numeral of this group must be below it
	before := 1000.0  // room before the last numeral
	last := numeral{} // of this group
	filled, joined := false, false
	for i, t := range list {
		final := i == len(list)-1
		switch t.kind {
		case and:
			if joined || final || !filled && total == 0 {
				return 0, false
			}
			joined = true
			continue
		case article:
			if filled || final || list[i+1].kind != multiplier {
				return 0, false
			}
			group, room, filled = 1, 1, true
		case value:
			switch {
			case t.digits:
				if filled || t.worth >= scale {
					return 0, false
				}
				group, before, room, filled = t.worth, room, 1, true
			case t.worth == 0:
				return 0, false
			case t.worth >= 1000: // "two thousand" in one word
				if filled || t.worth >= scale {
					return 0, false
				}
				total += t.worth
				scale = 1000
				if t.worth >= 1e6 {
					scale = 1e6
				}
			case t.worth < room:
				group, before, filled = group+t.worth, room, true
				room = n.roomAfter(t.worth)
			case n.unitsFirst && joined && last.worth > 0 && last.worth < 10 && before >= 100 && t.worth < 100 && int(t.worth)%10 == 0:
				group, room = group+t.worth, 1
			default:
				return 0, false
			}
		case multiplier:
			if t.worth == 100 {
				switch {
				case !filled && (total == 0 || !n.articles):
					group = 100
				case !filled:
					return 0, false
				case joined || last.kind == multiplier || group >= 100 || group >= 10 && total > 0:
					return 0, false
				default:
					group *= 100
				}
				before, room, filled = room, 100, true
				break
			}
			if t.worth >= scale || joined && filled || !filled && total > 0 && n.articles {
				return 0, false
			}
			if !filled {
				group = 1
			}
			total += group * t.worth
			scale, group, room, before, filled = t.worth, 0, 1000, 1000, false
		default:
			return 0, false
		}
		last, joined = t, false
	}
	return total + group, !joined
}

// roomAfter is what may still follow a numeral within a group: tens after hundreds, units after tens.
func (n *numbers) roomAfter(worth float64) float64 {
	w := int(worth)
	switch {
	case w%100 == 0:
		return 100
	case slices.Contains(n.vigesimal, w):
		return 20
	case w >= 20 && w%10 == 0:
		return 10
	}
	return 1
}

// fractionDigits reads what comes after the point: digit by digit, or as one number.
func fractionDigits(list []numeral) (string, bool) {
	var b strings.Builder
	for i, t := range list {
		if t.kind != value || t.worth != float64(int(t.worth)) || t.worth > 999 || t.worth > 9 && (i > 0 || len(list) > 1 && t.worth < 20) {
			return "", false
		}
		if i == 1 && list[0].worth > 9 { // "twenty five"
			if len(list) != 2 || int(list[0].worth)%10 != 0 || t.worth == 0 {
				return "", false
			}
			return strconv.Itoa(int(list[0].worth + t.worth)), true
		}
		b.WriteString(strconv.Itoa(int(t.worth)))
	}
	return b.String(), b.Len() > 0 && b.Len() < 9
}

// Ordinal reads a place in a row: "first", "the second one", "3rd" → 1, 2, 3; "last" → -1.
func (l *Language) Ordinal(words string) (int, bool) {
	rest := l.bare(Fold(words))
	for rest != "" {
		if place, ok := l.ordinal(rest); ok {
			return place, true
		}
		cut, front := l.cutBefore(rest, l.numbers.ordDrop[0])
		if !front {
			cut, front = l.cutAfter(rest, l.numbers.ordDrop[1])
		}
		if !front {
			return 0, false
		}
		rest = cut
	}
	return 0, false
}

// ordinal reads folded words that are an ordinal and nothing else.
func (l *Language) ordinal(folded string) (int, bool) {
	if place, ok := l.numbers.ordinals[folded]; ok {
		return place, true
	}
	whole := func(s string) (int, bool) {
		v, ok := l.number(strings.TrimSpace(s))
		return int(v), ok && v >= 1 && v <= 1000 && v == float64(int(v))
	}
	for _, lead := range l.numbers.ordBefore {
		if rest, ok := strings.CutPrefix(folded, lead); ok {
			return whole(rest)
		}
	}
	for _, trail := range l.numbers.ordAfter {
		if rest, ok := strings.CutSuffix(folded, trail); ok && allDigits(rest) {
			return whole(rest)
		}
	}
	return 0, false
}
