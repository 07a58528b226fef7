package locales

import (
	"slices"
	"strings"
	"time"
)

type dateReading struct {
	l      *Language
	today  time.Time
	tokens []dateToken
	found  []time.Time
}

func (r *dateReading) push(t dateToken) bool {
	if t.kind == nothing {
		return true
	}
	if len(r.tokens) == 10 {
		return false
	}
	if t.kind == unitTwice {
		r.tokens = append(r.tokens, dateToken{kind: numberOf, n: 2})
		t.kind = unitName
	}
	r.tokens = append(r.tokens, t)
	return true
}

func (r *dateReading) lex(s string) bool {
	for s != "" {
		t, size := r.longestToken(s)
		if size == 0 || !r.push(t) {
			return false
		}
		s = strings.TrimPrefix(s[size:], " ")
	}
	return len(r.tokens) > 0
}

// longestToken takes the longest that s begins with: a word of dates, an ordinal, a number.
func (r *dateReading) longestToken(s string) (t dateToken, size int) {
	if r.l.unspaced {
		return r.longestUnspaced(s)
	}
	figures := false
	if digit(s[0]) {
		word, _, _ := strings.Cut(s, " ")
		if n, ok := smallNumber(word); ok {
			t, size = dateToken{kind: numberOf, n: n, text: word}, len(word)
		} else if strings.Trim(word, "0123456789./-") == "" {
			t, size = dateToken{kind: inFigures, text: word}, len(word)
		}
		figures = true
	}
	end := 0
	for count := 1; count <= 8; count++ {
		if next := strings.IndexByte(s[end:], ' '); next < 0 {
			end = len(s)
		} else {
			end += next
		}
		head := s[:end]
		if w, ok := r.l.dates.lexicon[head]; ok && count <= r.l.dates.longest {
			t, size = w, end
		} else if place, ok := r.l.ordinal(head); ok && place > 0 && (!figures || count == 1) {
			t, size = dateToken{kind: placeOf, n: place}, end
		} else if !figures {
			if v, ok := r.l.numbers.inWords(head); ok && v >= 1 && v < 10000 && v == float64(int(v)) {
				t, size = dateToken{kind: numberOf, n: int(v)}, end
			}
		}
		if end == len(s) {
			break
		}
		end++
	}
	return t, size
}

func (r *dateReading) longestUnspaced(s string) (t dateToken, size int) {
	for end := min(len(s), r.l.dates.longest); end > 0; end-- {
		if w, ok := r.l.dates.lexicon[s[:end]]; ok {
			return w, end
		}
	}
	if digit(s[0]) {
		end := 1
		for end < len(s) && (digit(s[end]) || s[end] == '/' || s[end] == '-' || s[end] == '.') {
			end++
		}
		if n, ok := smallNumber(s[:end]); ok {
			return dateToken{kind: numberOf, n: n, text: s[:end]}, end
		}
		return dateToken{kind: inFigures, text: s[:end]}, end
	}
	end := len(s)
	for i, c := range s {
		if _, ok := r.l.numbers.characters[c]; !ok {
			end = i
			break
		}
	}
	if end == 0 {
		return t, 0
	}
	v, ok := r.l.numbers.composeCharacters(s[:end])
	if !ok { // a year digit by digit without a zero: 一九九八
		plain, fits := r.l.numbers.plainCharacters(s[:end])
		if !fits || len(plain) != 4 {
			return t, 0
		}
		v, _ = parseFloat(plain)
	}
	if v < 1 || v >= 10000 || v != float64(int(v)) {
		return t, 0
	}
	return dateToken{kind: numberOf, n: int(v)}, end
}

func smallNumber(s string) (int, bool) {
	if len(s) > 8 || !allDigits(s) {
		return 0, false
	}
	n := 0
	for i := 0; i < len(s); i++ {
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

func (r *dateReading) pattern() string {
	kinds := make([]byte, len(r.tokens))
	for i, t := range r.tokens {
		kinds[i] = t.kind
	}
	return string(kinds)
}

// without drops the tokens of a kind.
func (r *dateReading) without(kind byte) {
	r.tokens = slices.DeleteFunc(r.tokens, func(t dateToken) bool { return t.kind == kind })
}

func (r *dateReading) read() {
	// A weekday beside a date must fit it.
	weekday := -1
	if p := r.pattern(); strings.Count(p, "W") == 1 && strings.Trim(p, "WXTH") != "" {
		i := strings.IndexByte(p, dayName)
		weekday = r.tokens[i].n
		r.tokens = slices.Delete(r.tokens, i, i+1)
	}
	// "يوم 15", "día 15": the word for day in front of a date says no more than "the".
	if p := r.pattern(); len(p) > 1 && p[0] == unitName && r.tokens[0].n == unitDay && strings.IndexByte("NOD", p[1]) >= 0 && !strings.HasSuffix(p, "L") {
		r.tokens[0].kind = theWord
	}
	switch r.pattern() { // 十日后, 一年后: the mark of a date is the unit
	case "NJL":
		r.in(r.tokens[0].n, unitDay)
	case "NYL":
		r.in(r.tokens[0].n, unitYear)
	}
	if p := r.pattern(); p != "HN" && p != "HNJ" {
		r.without(theWord)
	}
	if p := r.pattern(); p != "NJ" {
		r.without(dayMark)
		r.without(yearMark)
	}
	t := func(i int) int { return r.tokens[i].n }
	switch p := r.pattern(); p {
	case "R":
		r.in(t(0), unitDay)
	case "W":
		r.weekday(t(0))
	case "TW", "WT":
		r.thisWeekday(t(strings.IndexByte(p, dayName)))
	case "XW", "WX":
		r.nextWeekday(t(strings.IndexByte(p, dayName)))
	case "NM", "OM":
		r.dayMonth(t(0), t(1))
	case "MN", "MO":
		r.dayMonth(t(1), t(0))
	case "NMN", "OMN":
		if t(0) > 31 {
			r.add(r.year(t(0)), t(1), t(2))
		} else {
			r.add(r.year(t(2)), t(1), t(0))
		}
	case "MNN", "MON":
		r.add(r.year(t(2)), t(0), t(1))
	case "NMV", "OMV":
		r.add(r.today.Year()+t(2), t(1), t(0))
	case "MNV", "MOV":
		r.add(r.today.Year()+t(2), t(0), t(1))
	case "VMN":
		r.add(r.today.Year()+t(0), t(1), t(2))
	case "O", "HN", "NJ":
		r.dayOfMonth(t(len(p)-1-strings.Count(p, "J")), weekday)
	case "INU", "NUL", "INUL":
		i := strings.IndexByte(p, numberOf)
		r.in(t(i), t(i+1))
	case "IAU", "AUL", "IU", "UL":
		r.in(1, t(strings.IndexByte(p, unitName)))
	case "D":
		r.figures(strings.FieldsFunc(r.tokens[0].text, func(c rune) bool { return c == '/' || c == '-' || c == '.' }))
	case "N":
		if text := r.tokens[0].text; weekday >= 0 {
			r.dayOfMonth(t(0), weekday)
		} else if len(text) == 4 {
			r.figures([]string{text[:2], text[2:]})
		} else if len(text) == 8 {
			r.figures([]string{text[:2], text[2:4], text[4:]})
			r.figures([]string{text[:4], text[4:6], text[6:]})
		}
	case "NN", "NNN":
		var parts []string
		for _, token := range r.tokens {
			if token.text == "" {
				return
			}
			parts = append(parts, token.text)
		}
		r.figures(parts)
	}
	if weekday >= 0 {
		r.found = slices.DeleteFunc(r.found, func(day time.Time) bool { return weekdayOf(day) != weekday })
	}
}

// weekdayOf counts from Monday, 0.
func weekdayOf(day time.Time) int { return (int(day.Weekday()) + 6) % 7 }

// add keeps a day that exists.
func (r *dateReading) add(year, month, day int) bool {
	if year < 1900 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31 {
		return false
	}
	on := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if on.Day() != day {
		return false
	}
	if !slices.Contains(r.found, on) {
		r.found = append(r.found, on)
	}
	return true
}

func (r *dateReading) addDay(day time.Time) { r.add(day.Year(), int(day.Month()), day.Day()) }

// year reads "27" as 2027.
func (r *dateReading) year(n int) int {
	if n >= 0 && n < 100 {
		return 2000 + n
	}
	return n
}

func (r *dateReading) in(n, unit int) {
	if n < 0 || n > 1000 {
		return
	}
	switch unit {
	case unitDay:
		r.addDay(r.today.AddDate(0, 0, n))
	case unitWeek:
		r.addDay(r.today.AddDate(0, 0, 7*n))
	case unitMonth, unitYear:
		months := n
		if unit == unitYear {
			months = 12 * n
		}
		// The 31st in a month without one: its last day.
		first := time.Date(r.today.Year(), r.today.Month()+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		r.addDay(first.AddDate(0, 0, min(r.today.Day(), last)-1))
	}
}

func (r *dateReading) coming(weekday int) time.Time {
	return r.today.AddDate(0, 0, (weekday-weekdayOf(r.today)+7)%7)
}

func (r *dateReading) ofNextWeek(weekday int) time.Time {
	return r.today.AddDate(0, 0, 7-weekdayOf(r.today)+weekday)
}

// weekday: said on a Friday, "Friday" is today or in a week.
func (r *dateReading) weekday(weekday int) {
	day := r.coming(weekday)
	r.addDay(day)
	if day.Equal(r.today) {
		r.addDay(day.AddDate(0, 0, 7))
	}
}

func (r *dateReading) thisWeekday(weekday int) {
	if day := r.coming(weekday); !r.l.dates.nextIsWeek || day.Before(r.ofNextWeek(0)) {
		r.addDay(day)
	}
}

// nextWeekday: "next Friday" is the coming one to some and next week's to others.
func (r *dateReading) nextWeekday(weekday int) {
	if day := r.coming(weekday); !r.l.dates.nextIsWeek && !day.Equal(r.today) {
		r.addDay(day)
	}
	r.addDay(r.ofNextWeek(weekday))
}

// dayMonth finds the next such day; 29 February may be eight years away.
func (r *dateReading) dayMonth(day, month int) {
	for year := r.today.Year(); year <= r.today.Year()+8; year++ {
		if on := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC); !on.Before(r.today) && r.add(year, month, day) {
			return
		}
	}
}

func (r *dateReading) dayOfMonth(day, weekday int) {
	for month := range 12 {
		first := time.Date(r.today.Year(), r.today.Month()+time.Month(month), 1, 0, 0, 0, 0, time.UTC)
		on := first.AddDate(0, 0, day-1)
		if on.Before(r.today) || on.Month() != first.Month() || weekday >= 0 && weekdayOf(on) != weekday {
			continue
		}
		r.addDay(on)
		return
	}
}

// figures reads two or three numbers in the orders that the language allows; in another one only where none of those
// makes a day.
func (r *dateReading) figures(parts []string) {
	if len(parts) != 2 && len(parts) != 3 {
		return
	}
	var n [3]int
	for i, part := range parts {
		var ok bool
		if n[i], ok = smallNumber(part); !ok || len(part) > 4 || len(part) == 3 {
			return
		}
	}
	before := len(r.found)
	if len(parts) == 3 && len(parts[0]) == 4 {
		r.add(n[0], n[1], n[2])
		return
	}
	if slices.ContainsFunc(parts[:2], func(part string) bool { return len(part) > 2 }) {
		return
	}
	try := func(order string) {
		var day, month, year int
		i := 0
		for _, c := range order {
			if c == 'y' && len(parts) == 2 {
				continue
			}
			switch c {
			case 'd':
				day = n[i]
			case 'm':
				month = n[i]
			case 'y':
				if i == 0 && len(parts[2]) == 4 {
					return
				}
				year = r.year(n[i])
			}
			i++
		}
		if len(parts) == 2 {
			r.dayMonth(day, month)
		} else {
			r.add(year, month, day)
		}
	}
	for _, order := range r.l.dates.orders {
		try(order)
	}
	for _, order := range []string{"dmy", "mdy"} {
		if len(r.found) == before {
			try(order)
		}
	}
}
