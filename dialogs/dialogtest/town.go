package dialogtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
)

// desk stands for the town behind a conversation: it answers what waits, with numbers that are made up but always the
// same, and remembers what it was given to keep.
type desk struct {
	zone   *time.Location
	now    time.Time
	roll   []string
	used   []string
	voted  bool
	shut   bool
	found  []Known
	kept   []*engine.Record
	passed []string // the desks, or "" where the resident asked for a person
	step   string   // the handoff step that was passed last
}

// ask answers an effect that waits.
func (k *desk) ask(e talk.Effect) (engine.Input, error) {
	out := engine.Input{Kind: engine.Outcome, At: k.now, Result: map[string]string{}}
	switch e.Kind {
	case engine.Keep:
		k.keep(e, out.Result)
	case engine.CheckVoted:
		out.Result["voted"] = "no"
		if k.voted {
			out.Result["voted"] = "yes"
		}
	case engine.CheckCode:
		out.Result["code"] = k.code(e.Values)
	case engine.FindSimilar:
		for _, f := range k.found {
			if f.State == "open" {
				out.Found = append(out.Found, f.Found)
			}
		}
	case engine.FindStatus:
		for _, f := range k.found {
			if len(e.Values) == 0 && f.Mine || len(e.Values) == 1 && alike(e.Values[0], f.Ref) {
				out.Found = append(out.Found, f.Found)
			}
		}
	case engine.PassOn:
		k.passed, k.step = append(k.passed, e.To), e.Step
		out.Result["open"] = "yes"
		if k.shut {
			out.Result["open"], out.Result["hours"] = "no", "9:00"
		}
	case engine.Carry:
		digits := "48217362"
		out.Result["code"] = talk.GroupCode(digits + string(talk.CheckDigit(digits)))
		out.Result["until"] = k.now.AddDate(0, 0, 7).Format(time.DateOnly)
	}
	return out, nil
}

func (k *desk) keep(e talk.Effect, result map[string]string) {
	d := e.Dialog
	if d.Who == dialogs.OneNumber && k.voted || d.Who == dialogs.Roll && k.code(e.Values) != "good" {
		result["counted"] = "before"
		return
	}
	if d.Purpose == dialogs.Consultation {
		k.voted = k.voted || d.Who == dialogs.OneNumber
		if d.Who == dialogs.Roll {
			k.used = append(k.used, e.Values...)
		}
	}
	k.kept = append(k.kept, e.Record)
	result["reference"] = fmt.Sprintf("482-173-%d", 4+len(k.kept))
	if e.Record.Joins != "" {
		result["reference"] = e.Record.Joins
	}
	if d.Service.Days > 0 {
		result["due"] = workingDays(k.now, d.Service.Days).Format(time.DateOnly)
	}
}

func (k *desk) code(values []string) string {
	if len(values) != 1 {
		return "unknown"
	}
	same := func(c string) bool { return alike(c, values[0]) }
	switch {
	case slices.ContainsFunc(k.used, same):
		return "used"
	case slices.ContainsFunc(k.roll, same):
		return "good"
	}
	return "unknown"
}

// alike compares two numbers or codes by their letters and digits.
func alike(a, b string) bool { return bare(a) == bare(b) }

func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, locales.Fold(s))
}

func workingDays(from time.Time, days int) time.Time {
	for days > 0 {
		from = from.AddDate(0, 0, 1)
		if w := from.Weekday(); w != time.Saturday && w != time.Sunday {
			days--
		}
	}
	return from
}
