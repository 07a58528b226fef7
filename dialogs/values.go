package dialogs

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// word reads one line that is no wording.
func (f *draft) word(n *yaml.Node, what string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		f.bad(n, "wrong-kind", "here stands a list or a block, but "+what+" is one line", "write it on the line of its key")
		return "", false
	}
	w := strings.TrimSpace(n.Value)
	if w == "" || n.Style == 0 && w == "~" {
		f.bad(n, "empty", "here "+what+" is missing", "write it after the colon")
		return "", false
	}
	if utf8.RuneCountInString(w) > maxCondition {
		f.bad(n, "too-long", what+" is never that long", fmt.Sprintf("use at most %d characters", maxCondition))
		return "", false
	}
	return w, true
}

func (f *draft) oneOf(n *yaml.Node, key string, allowed ...string) string {
	w, ok := f.word(n, "`"+key+"`")
	if !ok {
		return ""
	}
	for _, a := range allowed {
		if w == a {
			return w
		}
	}
	message := fmt.Sprintf("`%s` can't be %q", key, clip(w))
	if near := Nearest(w, allowed); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	f.bad(n, "not-allowed", message, "write "+either(allowed))
	return ""
}

// yes reads true or false; yes and no are the same.
func (f *draft) yes(n *yaml.Node) bool {
	if n.Kind == yaml.ScalarNode {
		switch strings.ToLower(n.Value) {
		case "true", "yes":
			return true
		case "false", "no":
			return false
		}
	}
	f.bad(n, "not-yes-no", "here must stand `true` or `false`", "write true or false, without quotes")
	return false
}

func (f *draft) number(n *yaml.Node) (float64, bool) {
	if n.Kind == yaml.ScalarNode && decimal(n.Value) {
		v, err := strconv.ParseFloat(n.Value, 64)
		if err == nil && math.Abs(v) <= 1e12 {
			return v, true
		}
	}
	f.bad(n, "not-a-number", "here must stand a number", "write it in digits, for example 12 or 2.5")
	return 0, false
}

// decimal says whether w is a plain number: digits, perhaps a sign and a point; no exponent, no leading zero, no _.
func decimal(w string) bool {
	w = strings.TrimPrefix(w, "-")
	whole, fraction, point := strings.Cut(w, ".")
	if !digits(whole) || point && !digits(fraction) || len(w) > 20 {
		return false
	}
	return len(whole) == 1 || whole[0] != '0'
}

func digits(w string) bool {
	for i := range len(w) {
		if w[i] < '0' || w[i] > '9' {
			return false
		}
	}
	return w != ""
}

func (f *draft) count(n *yaml.Node, least, most int) int {
	if n.Kind == yaml.ScalarNode && digits(n.Value) && decimal(n.Value) && len(n.Value) < 10 {
		v, _ := strconv.Atoi(n.Value)
		if v >= least && v <= most {
			return v
		}
	}
	f.bad(n, "not-a-number", fmt.Sprintf("here must stand a whole number from %d to %d", least, most), "write it in digits, for example "+strconv.Itoa(max(least, min(10, most))))
	return least
}

// duration reads "1 day", "36 hours", "2 weeks".
func (f *draft) duration(n *yaml.Node) time.Duration {
	if n.Kind == yaml.ScalarNode {
		if amount, unit, ok := strings.Cut(strings.TrimSpace(n.Value), " "); ok && digits(amount) && len(amount) < 5 {
			v, _ := strconv.Atoi(amount)
			var each time.Duration
			switch strings.TrimSuffix(strings.TrimSpace(unit), "s") {
			case "minute":
				each = time.Minute
			case "hour":
				each = time.Hour
			case "day":
				each = 24 * time.Hour
			case "week":
				each = 7 * 24 * time.Hour
			case "month":
				each = 30 * 24 * time.Hour
			case "year":
				each = 365 * 24 * time.Hour
			}
			if d := time.Duration(v) * each; d > 0 && v <= 3660 && d <= 100*365*24*time.Hour {
				return d
			}
		}
	}
	f.bad(n, "not-a-duration", "here must stand a length of time", "write a number and minutes, hours, days, weeks, months (of 30 days) or years, for example `2 days`")
	return 0
}

// metres reads "100 m" or "2 km".
func (f *draft) metres(n *yaml.Node) int {
	if n.Kind == yaml.ScalarNode {
		w := strings.TrimSpace(n.Value)
		times := 1
		amount, ok := strings.CutSuffix(w, "km")
		if ok {
			times = 1000
		} else {
			amount, ok = strings.CutSuffix(w, "m")
		}
		amount = strings.TrimSpace(amount)
		if ok && digits(amount) && len(amount) < 6 {
			if v, _ := strconv.Atoi(amount); v*times >= 1 && v*times <= 50_000 {
				return v * times
			}
		}
	}
	f.bad(n, "not-a-distance", "here must stand a distance", "write metres or kilometres, for example `100 m`")
	return 0
}

// day reads a bound of a date step: 2027-03-15, today, tomorrow, "10 days", "2 weeks".
func (f *draft) day(n *yaml.Node) Day {
	if n.Kind == yaml.ScalarNode {
		w := strings.TrimSpace(n.Value)
		switch w {
		case "today":
			return Day{Set: true}
		case "tomorrow":
			return Day{Set: true, After: 1}
		}
		if t, err := time.Parse(time.DateOnly, w); err == nil {
			return Day{Set: true, Fixed: t}
		}
		if amount, unit, ok := strings.Cut(w, " "); ok && digits(strings.TrimPrefix(amount, "-")) && len(amount) < 6 {
			v, _ := strconv.Atoi(amount)
			switch strings.TrimSuffix(strings.TrimSpace(unit), "s") {
			case "day":
				return Day{Set: true, After: v}
			case "week":
				return Day{Set: true, After: 7 * v}
			}
		}
	}
	f.bad(n, "not-a-day", "here must stand a day", "write for example 2027-03-15, today, tomorrow, `10 days` or `2 weeks` (from today)")
	return Day{}
}

// moment reads "2026-11-01" or "2026-11-01 20:00" in the town's zone. A day alone begins at midnight, or, where it is
// the last one, ends at the following midnight.
func (f *draft) moment(n *yaml.Node, zone *time.Location, last bool) time.Time {
	if n.Kind == yaml.ScalarNode {
		w := strings.TrimSpace(n.Value)
		if t, err := time.ParseInLocation("2006-01-02 15:04", w, zone); err == nil {
			return t
		}
		if t, err := time.ParseInLocation(time.DateOnly, w, zone); err == nil {
			if last {
				return t.AddDate(0, 0, 1)
			}
			return t
		}
	}
	f.bad(n, "not-a-day", "here must stand a day, or a day and an hour", "write for example 2026-11-01 or 2026-11-01 20:00")
	return time.Time{}
}

// list reads a list of at most so many.
func (f *draft) list(n *yaml.Node, most int) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		f.bad(n, "wrong-kind", "here must stand a list", "write it as [one, two], or one a line with `- ` before each")
		return nil
	}
	if len(n.Content) > most {
		f.bad(n.Content[most], "too-many", fmt.Sprintf("there are more than %d in this list", most), "shorten it")
		return n.Content[:most]
	}
	return n.Content
}

func (f *draft) language(n *yaml.Node) string {
	w, ok := f.word(n, "a language")
	if !ok {
		return ""
	}
	if !languageTag(w) {
		f.bad(n, "bad-language", fmt.Sprintf("%q is not the code of a language", clip(w)), "write its code, for example en, es, fr, so, zh or es-MX")
		return ""
	}
	return w
}

// languageTag says whether w looks like a language code: "es", "es-MX", "zh-Hant".
func languageTag(w string) bool {
	for i, part := range strings.Split(w, "-") {
		if i > 2 || len(part) < 2 || len(part) > 8 || i == 0 && len(part) > 3 {
			return false
		}
		for _, r := range part {
			if !(r >= 'a' && r <= 'z' || i > 0 && (r >= 'A' && r <= 'Z' || r >= '0' && r <= '9')) {
				return false
			}
		}
	}
	return true
}

// name says whether w can be the id of a step or an option.
func name(w string) bool {
	if len(w) > 40 {
		return false
	}
	for i := range len(w) {
		c := w[i]
		if !(c >= 'a' && c <= 'z' || i > 0 && (c >= '0' && c <= '9' || c == '_' || c == '-' && i+1 < len(w))) {
			return false
		}
	}
	return w != ""
}

func dialogID(w string) bool {
	if len(w) > 80 {
		return false
	}
	for part := range strings.SplitSeq(w, "/") {
		if !name(part) {
			return false
		}
	}
	return true
}
