package kiosk

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// mistake is what has to be put right before the page is an answer: a phrase, and the field that it is about.
type mistake struct {
	key   string
	args  []locales.Arg
	field string // id of the field, or of the first card
}

// commands are the buttons that say what they are, whatever is filled in.
var commands = map[string]string{
	"help": "0", "repeat": "9", "back": "*", "more": "8", "skip": render.PressSkip, "done": render.PressDone, "person": render.PressPerson,
	"menu": render.PressMenu, "carry": render.PressCarry, "erase": render.PressErase,
}

// answer makes of what was sent the event that it is, or says what is still wrong with it.
func answer(f *form, p *render.Page, l *locales.Language) (channels.Event, *mistake) {
	var e channels.Event
	leaf := f.do == "more" && p.Asks == dialogs.Choices && p.Number < p.Of && len(f.options) > 0 // what was chosen comes along
	if f.do == "carry" && f.at == "carry" && f.phone == "" {
		return e, &mistake{key: "screen.wrong.number", field: "phone"}
	}
	if press, ok := commands[f.do]; ok && !leaf {
		e.Choice = press
		if f.do == "carry" {
			e.Words = f.phone
		}
		if f.do == "skip" && p.Given { // begun anew: what was said before isn't meant any more
			e.Choice = render.PressClear
		}
		return e, nil
	}
	what, of, _ := strings.Cut(f.do, ".")
	switch {
	case what == "language" && of != "":
		e.Choice = render.PressTongue + " " + of
		return e, nil
	case what == "change" && of != "":
		e.Choice = render.PressChange + " " + of
		return e, nil
	}
	if p.Asks == dialogs.Review {
		if len(p.Options) > 0 {
			e.Choice = p.Options[0].Digit
		}
		return e, nil
	}
	if f.sound != nil && p.Entry != nil && p.Entry.Records {
		e.Attached = append(e.Attached, channels.Attachment{Type: f.sound.kind, Bytes: f.sound.bytes})
		e.Words = strings.TrimSpace(f.text)
		return e, nil
	}
	if f.picture != nil && p.Asks == dialogs.Photo {
		return photographed(f.picture)
	}
	if !f.given() {
		return nothing(p)
	}
	switch p.Asks {
	case dialogs.Budget:
		return budget(f, p)
	case dialogs.Date:
		return date(f, p, l)
	case dialogs.Number:
		return number(f, p, l)
	}
	text := strings.TrimSpace(f.text)
	old := p.Entry != nil && len(p.Entry.Values) > 0 && p.Entry.Values[0] == text
	if text != "" && (len(f.options) == 0 || !old) {
		e.Words = text
		return e, nil
	}
	chosen := slices.DeleteFunc(f.options, func(d string) bool {
		return !slices.ContainsFunc(p.Options, func(o render.Shown) bool { return o.Digit == d && o.ID != "" })
	})
	if len(chosen) == 0 {
		return nothing(p)
	}
	if p.Asks != dialogs.Choices {
		chosen = chosen[:1]
	}
	if m := most(p); m > 0 && len(chosen) > m {
		return e, &mistake{key: "retry.many", args: []locales.Arg{{Name: "most", Count: m, Plural: true}}, field: firstCard}
	}
	e.Choice = strings.Join(chosen, " ")
	return e, nil
}

// firstCard is the id of the first card of a page.
const firstCard = "o1"

// most is how many cards may be chosen; 0: any number.
func most(p *render.Page) int {
	if p.Asks != dialogs.Choices || p.Entry == nil {
		return 0
	}
	return p.Entry.Limit
}

// nothing was given: that may be an answer as well.
func nothing(p *render.Page) (channels.Event, *mistake) {
	var e channels.Event
	had := p.Entry != nil && len(p.Entry.Values) > 0 || slices.ContainsFunc(p.Options, func(o render.Shown) bool { return o.Chosen })
	switch {
	case p.Asks == dialogs.Choices && p.Number < p.Of:
		e.Choice = commands["more"]
	case p.Given:
		e.Choice = render.PressDone
	case had && !p.Skip:
		e.Choice = render.PressClear
	case p.Skip:
		e.Choice = render.PressSkip
	default:
		return e, &mistake{key: "screen.wrong." + wrongOf(p), field: firstField(p)}
	}
	return e, nil
}

// wrongOf is the kind of what is missing on a page.
func wrongOf(p *render.Page) string {
	switch p.Asks {
	case dialogs.Choices:
		return "some"
	case dialogs.Words, dialogs.Place, dialogs.Code, dialogs.Status, dialogs.Contact:
		if p.Entry != nil {
			return "write"
		}
	case dialogs.Number:
		return "number"
	case dialogs.Date:
		return "date"
	case dialogs.Budget:
		return "share"
	case dialogs.Photo:
		return "photo"
	}
	return "choose"
}

func firstField(p *render.Page) string {
	switch {
	case p.Asks == dialogs.Photo:
		return "photo"
	case p.Asks == dialogs.Date:
		return "day"
	case p.Asks == dialogs.Budget:
		return "v0"
	case p.Entry != nil && p.Asks != dialogs.Choices:
		return "t"
	}
	return firstCard
}

func budget(f *form, p *render.Page) (e channels.Event, _ *mistake) {
	amounts := make([]string, len(p.Options))
	for i := range amounts {
		amounts[i] = "0"
		if i >= len(f.shares) || f.shares[i] == "" {
			continue
		}
		x, ok := amount(f.shares[i])
		if !ok || x < 0 || x != float64(int(x)) {
			return e, &mistake{key: "screen.wrong.number", field: "v" + strconv.Itoa(i)}
		}
		amounts[i] = strconv.Itoa(int(x))
	}
	left := p.Entry.Total - total(amounts)
	switch {
	case left > 0:
		return e, &mistake{key: "screen.wrong.left", args: []locales.Arg{{Name: "left", Count: left, Plural: true}}, field: "v0"}
	case left < 0:
		return e, &mistake{key: "screen.wrong.over", args: []locales.Arg{{Name: "over", Count: -left, Plural: true}}, field: "v0"}
	}
	e.Words = strings.Join(amounts, " ")
	return e, nil
}

func date(f *form, p *render.Page, l *locales.Language) (e channels.Event, _ *mistake) {
	iso, ok := f.date()
	if !ok {
		return e, &mistake{key: "screen.wrong.date", field: "day"}
	}
	from, to := p.Entry.From, p.Entry.To
	if from != "" && iso < from || to != "" && iso > to {
		m := &mistake{key: "retry.dates", field: "day"}
		switch {
		case to == "":
			m.key += ".from"
		case from == "":
			m.key += ".to"
		}
		for _, a := range [][2]string{{"from", from}, {"to", to}} {
			if t, err := time.Parse(time.DateOnly, a[1]); err == nil {
				m.args = append(m.args, locales.Arg{Name: a[0], Value: l.FormatDate(t, locales.Full)})
			}
		}
		return e, m
	}
	e.Words = iso
	return e, nil
}

func number(f *form, p *render.Page, l *locales.Language) (e channels.Event, _ *mistake) {
	x, ok := l.Number(f.text)
	if !ok {
		return e, &mistake{key: "screen.wrong.number", field: "t"}
	}
	n := p.Entry
	if n.HasMin && x < n.Min || n.HasMax && x > n.Max {
		m := &mistake{key: "retry.range", field: "t"}
		switch {
		case !n.HasMax:
			m.key = "retry.least"
		case !n.HasMin:
			m.key = "retry.most"
		}
		m.args = []locales.Arg{{Name: "min", Value: l.FormatNumber(n.Min, locales.Full)}, {Name: "max", Value: l.FormatNumber(n.Max, locales.Full)}}
		return e, m
	}
	if n.Whole && x != float64(int64(x)) {
		return e, &mistake{key: "retry.whole", field: "t"}
	}
	e.Words = strconv.FormatFloat(x, 'f', -1, 64)
	if x != float64(int64(x)) {
		e.Words = l.FormatNumber(x, locales.Full) // with the language's own decimal mark
	}
	return e, nil
}
