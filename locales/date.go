package locales

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// dates is how a language's days are read and written.
type dates struct {
	lexicon     map[string]dateToken
	longest     int      // most words in one entry; where words are not parted, most bytes
	orders      []string // of digits: "dmy", "mdy", "ymd"; more than one: either may be meant
	nextIsWeek  bool     // "next Friday" is always Friday of next week
	months      []string
	weekdays    []string // Monday first
	first       string
	full, brief template
	spoken      template
}

// A word's part in a date. The letters make patterns: "in two weeks" is "INU".
const (
	dayName   = 'W'
	monthName = 'M'
	nearDay   = 'R' // today, tomorrow: n days from today
	unitName  = 'U'
	unitTwice = 'P' // "two days" in one word
	inWord    = 'I'
	laterWord = 'L'
	nextWord  = 'X'
	thisWord  = 'T'
	theWord   = 'H'
	aWord     = 'A'
	yearWord  = 'V' // this year, next year: n years from now
	yearMark  = 'Y'
	dayMark   = 'J'
	nothing   = '_'
	numberOf  = 'N'
	placeOf   = 'O' // an ordinal
	inFigures = 'D' // 15/3
)

const (
	unitDay = iota
	unitWeek
	unitMonth
	unitYear
)

type dateToken struct {
	kind byte
	n    int
	text string // as written, of numbers in digits
}

func (d *dates) learn(f *file, l *Language) error {
	w := &f.Dates
	if len(w.Months) != 12 || len(w.Weekdays) != 7 {
		return fmt.Errorf("dates: 12 months and 7 weekdays are needed")
	}
	for _, order := range w.Order {
		if order != "dmy" && order != "mdy" && order != "ymd" {
			return fmt.Errorf("dates: order %q; use dmy, mdy or ymd", order)
		}
	}
	d.orders, d.nextIsWeek, d.first = w.Order, w.NextWeek, w.First
	d.lexicon = make(map[string]dateToken)
	var clash error
	add := func(kind byte, n int, words ...string) {
		for _, word := range words {
			folded := Fold(word)
			as := dateToken{kind: kind, n: n}
			if had, ok := d.lexicon[folded]; ok && had != as {
				clash = fmt.Errorf("dates: %q means two things", word)
			}
			d.lexicon[folded] = as
			if l.unspaced {
				d.longest = max(d.longest, len(folded))
			} else {
				d.longest = max(d.longest, 1+strings.Count(folded, " "))
			}
		}
	}
	for i, names := range w.Months {
		if len(names) == 0 {
			return fmt.Errorf("dates: month %d has no name", i+1)
		}
		d.months = append(d.months, names[0])
		add(monthName, i+1, names...)
	}
	for i, names := range w.Weekdays {
		if len(names) == 0 {
			return fmt.Errorf("dates: weekday %d has no name", i+1)
		}
		d.weekdays = append(d.weekdays, names[0])
		add(dayName, i, names...)
	}
	for word, n := range w.Relative {
		add(nearDay, n, word)
	}
	for word, n := range w.Years {
		add(yearWord, n, word)
	}
	for i, words := range [][]string{w.Units.Day, w.Units.Week, w.Units.Month, w.Units.Year} {
		add(unitName, i, words...)
	}
	for i, words := range [][]string{w.UnitsTwice.Day, w.UnitsTwice.Week, w.UnitsTwice.Month, w.UnitsTwice.Year} {
		add(unitTwice, i, words...)
	}
	add(inWord, 0, w.In...)
	add(laterWord, 0, w.Later...)
	add(nextWord, 0, w.Next...)
	add(thisWord, 0, w.This...)
	add(theWord, 0, w.The...)
	add(aWord, 1, f.Numbers.A...)
	add(yearMark, 0, w.YearMark...)
	add(dayMark, 0, w.DayMark...)
	add(nothing, 0, w.Drop...)
	if clash != nil {
		return clash
	}
	for _, form := range []struct {
		to    *template
		words string
	}{{&d.full, w.Full}, {&d.brief, w.Short}, {&d.spoken, w.Spoken}} {
		var err error
		if *form.to, err = parseTemplate(form.words); err != nil {
			return fmt.Errorf("dates: %w", err)
		}
		for _, name := range []string{"${day}", "${month}"} {
			if !strings.Contains(form.words, name) {
				return fmt.Errorf("dates: %q lacks %s", form.words, name)
			}
		}
	}
	return nil
}

// FormatDate writes a day: Full "Monday 15 March 2027", Short "15 March", Spoken with the pauses of speech. Date reads
// them back.
func (l *Language) FormatDate(day time.Time, f Form) string {
	t := &l.dates.full
	switch f {
	case Short:
		t = &l.dates.brief
	case Spoken:
		t = &l.dates.spoken
	}
	var b strings.Builder
	for _, piece := range t.parts {
		switch {
		case !piece.gap:
			b.WriteString(piece.words)
		case piece.words == "day" && day.Day() == 1 && l.dates.first != "":
			b.WriteString(l.dates.first)
		case piece.words == "day":
			fmt.Fprint(&b, day.Day())
		case piece.words == "month":
			b.WriteString(l.dates.months[day.Month()-1])
		case piece.words == "weekday":
			b.WriteString(l.dates.weekdays[(int(day.Weekday())+6)%7])
		case piece.words == "year":
			fmt.Fprint(&b, day.Year())
		}
	}
	return b.String()
}

// Month is the name of a month.
func (l *Language) Month(m time.Month) string { return l.dates.months[m-1] }

// Date reads a day and returns all that the words can mean, the nearest to today first, at midnight UTC: "tomorrow",
// "Friday", "15 March", "15/3", "2027-03-15", "in two weeks", and keys pressed ("1503", "15032027"). A day without its
// year is the next such day, today included. "3/4" is two days unless the language always writes them in one order. A
// weekday that does not fit the date with it, like anything else that fits nothing, gives none.
func (l *Language) Date(words string, today time.Time) []time.Time {
	y, m, d := today.Date()
	r := dateReading{l: l, today: time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
	folded := Fold(words)
	if len(folded) > 200 {
		return nil
	}
	if !r.lex(folded) {
		r.tokens = r.tokens[:0]
		if bare := l.bare(folded); bare == folded || !r.lex(bare) {
			return nil
		}
	}
	r.read()
	slices.SortStableFunc(r.found, func(a, b time.Time) int {
		return cmp.Compare(a.Sub(r.today).Abs(), b.Sub(r.today).Abs())
	})
	return slices.Compact(r.found)
}
