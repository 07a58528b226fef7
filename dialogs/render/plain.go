package render

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
)

// plain reads answers that are no options: numbers, days, numbers to call, codes, pictures.
func (r *reader) plain() engine.Input {
	if r.said == "" {
		return unclear()
	}
	if in, ok := r.command(); ok {
		return in
	}
	switch r.q.Asks {
	case dialogs.Number:
		return r.number()
	case dialogs.Date:
		return r.date()
	case dialogs.Contact:
		return r.contact()
	case dialogs.Code, dialogs.Status:
		if code := code(r.raw); code != "" {
			return said(code)
		}
	}
	return r.declined()
}

// declined takes a plain no for leaving out what may be left out.
func (r *reader) declined() engine.Input {
	if yes, ok := r.yesNo(false); ok && !yes && r.q.Skip && (r.q.Asks == dialogs.Photo || r.q.Asks == dialogs.Contact) {
		return told(locales.Skip)
	}
	return unclear()
}

// number reads a number in the conversation's language, then in the others. Languages that part thousands and decimals
// the other way round are not asked about digits.
func (r *reader) number() engine.Input {
	if n, ok := r.withPoint(); ok {
		return said(n)
	}
	bare := r.w.Lang.Unwrap(r.raw)
	for i, l := range r.tongues() {
		n, ok := l.Number(r.raw)
		if !ok {
			n, ok = l.Number(bare)
		}
		if ok {
			return said(strconv.FormatFloat(n, 'f', -1, 64))
		}
		if i == 0 && numberish(r.said) {
			if n, ok := r.alone(); ok {
				return said(n)
			}
			return unclear()
		}
	}
	return unclear()
}

// withPoint is a number that was keyed in on a telephone with the star for its point.
func (r *reader) withPoint() (string, bool) {
	whole, part, ok := strings.Cut(r.raw, "*")
	if !ok || r.t.Form != engine.Speech || !numeric(whole) || !numeric(part) {
		return "", false
	}
	n, err := strconv.ParseFloat(whole+"."+part, 64)
	return strconv.FormatFloat(n, 'f', -1, 64), err == nil
}

// alone is the only number in a sentence whose other words change nothing: "I am 72".
func (r *reader) alone() (string, bool) {
	number := ""
	for w := range strings.FieldsSeq(r.said) {
		switch n, ok := r.w.Lang.Number(w); {
		case ok && numberish(w):
			if number != "" {
				return "", false
			}
			number = strconv.FormatFloat(n, 'f', -1, 64)
		case !fillers[w] && !aging[w]:
			return "", false
		}
	}
	return number, number != ""
}

// aging are words that stand beside a number without changing it.
var aging = setOf("am years year old people", "tengo anos ano somos personas", "ai ans an sommes personnes", "岁 人", "عمري سنه سنوات", "sano jir")

// date reads a day. On a telephone's keys it is two digits for the day and two for the month, as the language orders them,
// and four for the year where that is said.
func (r *reader) date() engine.Input {
	words := r.raw
	var days []time.Time
	if n := len(r.said); numeric(r.said) && (n == 4 || n == 8) {
		days = r.w.Lang.Date(r.said[:2]+"/"+r.said[2:4]+slashed(r.said[4:]), r.w.Today)
		if n == 8 {
			for _, d := range r.w.Lang.Date(r.said[:4]+"-"+r.said[4:6]+"-"+r.said[6:], r.w.Today) {
				if y := d.Year() - r.w.Today.Year(); y > -120 && y < 20 {
					days = append(days, d)
				}
			}
		}
	} else {
		for _, l := range r.tongues() {
			if days = l.Date(words, r.w.Today); len(days) > 0 {
				break
			}
		}
	}
	var isos []string
	for _, d := range days {
		if iso := d.Format(time.DateOnly); !slices.Contains(isos, iso) {
			isos = append(isos, iso)
		}
	}
	isos = r.bounded(isos)
	switch len(isos) {
	case 0:
		return unclear()
	case 1:
		return said(isos[0])
	}
	return engine.Input{Kind: engine.Unsure, Values: isos}
}

func slashed(year string) string {
	if year == "" {
		return ""
	}
	return "/" + year
}

// bounded drops readings outside the step's bounds while one inside remains.
func (r *reader) bounded(isos []string) []string {
	st := r.w.step(r.q.Step)
	if st == nil || len(isos) < 2 {
		return isos
	}
	inside := slices.DeleteFunc(slices.Clone(isos), func(iso string) bool {
		return st.Earliest.Set && iso < st.Earliest.On(r.w.Today).Format(time.DateOnly) ||
			st.Latest.Set && iso > st.Latest.On(r.w.Today).Format(time.DateOnly)
	})
	if len(inside) == 0 {
		return isos
	}
	return inside
}

// contact reads a phone number, to E.164, or an e-mail address.
func (r *reader) contact() engine.Input {
	if mail, ok := email(r.raw); ok {
		return said(mail)
	}
	if number, ok := e164(r.raw, r.w.Country); ok {
		return said(number)
	}
	if bare := r.w.Lang.Unwrap(r.raw); !strings.HasPrefix(r.raw, "+") {
		if number, ok := e164(bare, r.w.Country); ok {
			return said(number)
		}
	}
	return r.declined()
}

// e164 reads a phone number as people write it. Without "+" or "00" it is taken for one of the country, whose trunk 0 is
// dropped. ITU-T E.164 clause 6.2.1: at most 15 digits with the country's. Numbers of the North American plan have ten
// digits after the 1.
func e164(s, country string) (string, bool) {
	var digits strings.Builder
	plus := false
	for i, c := range strings.TrimSpace(s) {
		switch {
		case c == '+' || c == '＋':
			if i > 0 {
				return "", false
			}
			plus = true
		case unicode.IsDigit(c):
			d := locales.Fold(string(c))
			if len(d) != 1 {
				return "", false
			}
			digits.WriteString(d)
		case unicode.IsSpace(c) || strings.ContainsRune("()-./‐‑–—\u2060", c):
		default:
			return "", false
		}
	}
	n := digits.String()
	if !plus {
		switch {
		case strings.HasPrefix(n, "00"):
			n = n[2:]
		case country == "1" && strings.HasPrefix(n, "011"):
			n = n[3:]
		case country == "":
			return "", false
		case country == "1":
			if len(n) == 10 {
				n = "1" + n
			}
			if len(n) != 11 || n[0] != '1' {
				return "", false
			}
		case len(n) >= 11 && strings.HasPrefix(n, country): // the country's code without its plus
		default:
			trunk := strings.TrimPrefix(n, "0")
			if len(n) < 6 || len(trunk) < 5 {
				return "", false
			}
			n = country + trunk
		}
	}
	if len(n) < 8 || len(n) > 15 || n[0] == '0' {
		return "", false
	}
	return "+" + n, true
}

// email reads an e-mail address; the part after @ is made lower case.
func email(s string) (string, bool) {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || len(s) > 120 || strings.ContainsFunc(s, unicode.IsSpace) || strings.Count(s, "@") != 1 {
		return "", false
	}
	host := strings.ToLower(s[at+1:])
	dot := strings.LastIndexByte(host, '.')
	if dot < 1 || len(host)-dot < 3 || strings.Contains(host, "..") || strings.ContainsAny(s, ",;:()<>[]\"\\") {
		return "", false
	}
	return s[:at+1] + host, true
}

// geo reads a place shared on a map, "geo:52.1,4.3", which adapters make of a pin (RFC 5870).
func geo(s string) (string, bool) {
	rest, ok := strings.CutPrefix(s, "geo:")
	if !ok {
		return "", false
	}
	rest, _, _ = strings.Cut(rest, ";")
	lat, lon, ok := strings.Cut(rest, ",")
	if !ok {
		return "", false
	}
	y, err1 := strconv.ParseFloat(lat, 64)
	x, err2 := strconv.ParseFloat(lon, 64)
	if err1 != nil || err2 != nil || !(y >= -90 && y <= 90) || !(x >= -180 && x <= 180) {
		return "", false
	}
	return "geo:" + strconv.FormatFloat(y, 'f', -1, 64) + "," + strconv.FormatFloat(x, 'f', -1, 64), true
}

// code folds a code as it was printed: its letters and digits, in upper case.
func code(s string) string {
	folded := strings.ToUpper(strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, locales.Fold(s)))
	if len(folded) > 40 {
		return ""
	}
	return folded
}
