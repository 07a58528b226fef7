package kiosk

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// A draft is what was filled in and not sent yet. The keys on the screen and the buttons beside a field change it without a
// turn; where there is a script, the script does the same in the page.

// edit carries out a button that changes the draft; false when do is none.
func (f *form) edit(p *render.Page, lang string, today time.Time) bool {
	what, name, _ := strings.Cut(f.do, ".")
	switch what {
	case "key":
		if layout, ok := strings.CutPrefix(name, "layout."); ok {
			f.pad = layout
		} else {
			f.press(name, p.Asks, lang)
		}
	case "less":
		f.step(name, -1, p, today)
	case "more":
		if name == "" { // the next group of options
			return false
		}
		f.step(name, 1, p, today)
	default:
		return false
	}
	return true
}

// press types one key, as a page does without a script: at the end of the field, or into the next of several.
func (f *form) press(key string, asks dialogs.Type, lang string) {
	if key == "space" {
		key = " "
	}
	if key != "del" && utf8.RuneCountInString(key) != 1 || len(f.text) > mostText-8 && key != "del" {
		return
	}
	if f.at == "" && asks == dialogs.Date {
		f.pressDay(key)
		return
	}
	if f.at == "" && asks == dialogs.Budget {
		return // amounts are stepped
	}
	if f.at == "carry" {
		f.phone = typed(f.phone, key)
		return
	}
	f.text = typed(f.text, key)
	if key != "del" && strings.HasSuffix(f.pad, capsPad) { // one capital, then small letters
		f.pad = lang
	}
}

func typed(s, key string) string {
	if key != "del" {
		return s + key
	}
	_, size := utf8.DecodeLastRuneInString(s)
	return s[:len(s)-size]
}

// pressDay types into day, month and year one after the other.
func (f *form) pressDay(key string) {
	if key == "del" {
		for _, field := range []*string{&f.year, &f.month, &f.day} {
			if *field != "" {
				*field = typed(*field, key)
				return
			}
		}
		return
	}
	if key < "0" || key > "9" {
		return
	}
	switch {
	case !full(f.day, 31):
		f.day += key
	case !full(f.month, 12):
		f.month += key
	case len(f.year) < 4:
		f.year += key
	}
}

// full says whether no further digit fits: two are there, or one that stands alone.
func full(s string, most int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && (len(s) >= 2 || n*10 > most)
}

// step adds by to the field called name, within what can be answered. An empty field begins where the answers do.
func (f *form) step(name string, by int, p *render.Page, today time.Time) {
	e := p.Entry
	if e == nil {
		return
	}
	if e.From != "" {
		if t, err := time.Parse(time.DateOnly, e.From); err == nil {
			today = t
		}
	}
	switch {
	case name == "t" && p.Asks == dialogs.Number:
		least, most := -1e15, 1e15
		begin := 0.0
		if e.HasMax {
			most, begin = e.Max, min(begin, e.Max)
		}
		if e.HasMin {
			least, begin = e.Min, e.Min
		}
		f.text = plus(f.text, by, begin, least, most)
	case name == "day":
		f.day = plus(f.day, by, float64(today.Day()), 1, 31)
	case name == "month":
		f.month = plus(f.month, by, float64(today.Month()), 1, 12)
	case name == "year":
		f.year = plus(f.year, by, float64(today.Year()), 1900, 2200)
	case p.Asks == dialogs.Budget && strings.HasPrefix(name, "v"):
		i, err := strconv.Atoi(name[1:])
		if err != nil || i < 0 || i >= len(p.Options) {
			return
		}
		for len(f.shares) <= i {
			f.shares = append(f.shares, "0")
		}
		left := e.Total - total(f.shares)
		if by > 0 && left <= 0 {
			return
		}
		f.shares[i] = plus(f.shares[i], by, float64(max(by, 0)), 0, float64(e.Total))
	}
}

// plus is s and by, at least and at most; begin where s is no number.
func plus(s string, by int, begin, least, most float64) string {
	x, ok := amount(s)
	if ok {
		x += float64(by)
	} else {
		x = begin
	}
	return strconv.FormatFloat(min(max(x, least), most), 'f', -1, 64)
}

// amount reads a number in the digits of any script.
func amount(s string) (float64, bool) {
	x, err := strconv.ParseFloat(locales.Fold(s), 64)
	return x, err == nil && x > -1e15 && x < 1e15
}

// total is what the shares come to; what is no number counts nothing.
func total(shares []string) int {
	sum := 0
	for _, s := range shares {
		if x, ok := amount(s); ok && x > 0 && x < 1e9 {
			sum += int(x)
		}
	}
	return sum
}

// filled is the draft of a page that nothing was filled in on yet: what was answered before.
func filled(p *render.Page) *form {
	f := &form{}
	for _, o := range p.Options {
		if o.Chosen {
			f.options = append(f.options, o.Digit)
		}
	}
	e := p.Entry
	if e == nil {
		return f
	}
	switch {
	case p.Asks == dialogs.Budget:
		f.shares = make([]string, len(p.Options))
		for i := range f.shares {
			f.shares[i] = "0"
			if i < len(e.Values) && e.Values[i] != "" {
				f.shares[i] = e.Values[i]
			}
		}
	case p.Asks == dialogs.Date && len(e.Values) > 0:
		if t, err := time.Parse(time.DateOnly, e.Values[0]); err == nil {
			f.day, f.month, f.year = strconv.Itoa(t.Day()), strconv.Itoa(int(t.Month())), strconv.Itoa(t.Year())
		}
	case p.Asks == dialogs.Date:
		if len(e.From) > 4 && len(e.To) > 4 && e.From[:4] == e.To[:4] {
			f.year = e.From[:4]
		}
	case len(e.Values) > 0:
		f.text = e.Values[0]
	}
	return f
}

// date reads day, month and year; ok is false when there is no such day.
func (f *form) date() (iso string, ok bool) {
	var n [3]int
	for i, s := range [...]string{f.year, f.month, f.day} {
		x, err := strconv.Atoi(locales.Fold(s))
		if err != nil || x < 1 || x > 9999 {
			return "", false
		}
		n[i] = x
	}
	if n[0] < 100 {
		n[0] += 2000
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], 0, 0, 0, 0, time.UTC)
	return t.Format(time.DateOnly), t.Day() == n[2] && t.Month() == time.Month(n[1])
}
