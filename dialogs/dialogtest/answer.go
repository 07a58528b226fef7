package dialogtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
)

// Way is how a resident gives an answer on a channel that leaves the choice.
type Way uint8

const (
	ByDigit Way = iota // keys; buttons and cards where there are some
	ByLabel            // the words shown
	ByID               // the option's id, as authors write it
)

// WayOf is the channel's own way: text messages are answered in words, everything else by keys, buttons and cards.
func WayOf(t render.Traits) Way {
	if t.Form == engine.Text && !t.Live && t.Buttons == 0 {
		return ByLabel
	}
	return ByDigit
}

// canonical turns an answer as a test writes it into the values of a record; skip is true where it is left out. The error
// is for the author of the test.
func canonical(st *dialogs.Step, g Given) (values []string, skip bool, err error) {
	if len(g.Values) == 1 && g.Values[0] == "skip" && !g.List {
		return nil, true, nil
	}
	if len(g.Values) == 0 {
		return nil, false, fmt.Errorf("there is no answer to %q", st.ID)
	}
	one := g.Values[0]
	switch st.Type {
	case dialogs.Choice, dialogs.Scale:
		if len(g.Values) != 1 {
			return nil, false, fmt.Errorf("%q takes one answer", st.ID)
		}
		return g.Values, false, known(st, g.Values)
	case dialogs.Choices:
		out := slices.Clone(g.Values)
		slices.SortFunc(out, func(a, b string) int { return optionOf(st, a) - optionOf(st, b) })
		return out, false, known(st, out)
	case dialogs.Rank:
		if err := known(st, g.Values); err != nil {
			return nil, false, err
		}
		if len(g.Values) != len(st.Options) {
			return nil, false, fmt.Errorf("%q orders %d options; the test names %d", st.ID, len(st.Options), len(g.Values))
		}
		return g.Values, false, nil
	case dialogs.Budget:
		v, err := shares(st, g.Values)
		return v, false, err
	case dialogs.YesNo, dialogs.Consent:
		switch one {
		case "yes", "true":
			return []string{"yes"}, false, nil
		case "no", "false":
			return []string{"no"}, false, nil
		}
		return nil, false, fmt.Errorf("%q is answered yes or no", st.ID)
	case dialogs.Place:
		if i := optionOf(st, one); i >= 0 && len(g.Values) == 1 { // a landmark by its id, as authors write it
			return []string{flat(st.Options[i].Text.Text)}, false, nil
		}
	case dialogs.Review:
		if one != "ok" {
			return nil, false, fmt.Errorf("%q is answered ok; to change an answer write a talk", st.ID)
		}
	case dialogs.Number:
		f, err := strconv.ParseFloat(one, 64)
		if err != nil {
			return nil, false, fmt.Errorf("%q is answered with a number", st.ID)
		}
		return []string{strconv.FormatFloat(f, 'f', -1, 64)}, false, nil
	case dialogs.Date:
		if _, err := time.Parse(time.DateOnly, one); err != nil {
			return nil, false, fmt.Errorf("%q is answered with a day, like 2027-03-15", st.ID)
		}
	}
	if len(g.Values) != 1 {
		return nil, false, fmt.Errorf("%q takes one answer", st.ID)
	}
	return g.Values, false, nil
}

func optionOf(st *dialogs.Step, id string) int {
	return slices.IndexFunc(st.Options, func(o dialogs.Option) bool { return o.ID == id })
}

// known refuses ids that are no options of the step, and those named twice.
func known(st *dialogs.Step, ids []string) error {
	var all []string
	for _, o := range st.Options {
		all = append(all, o.ID)
	}
	for i, id := range ids {
		if optionOf(st, id) < 0 {
			return fmt.Errorf("%q is not an answer to %q; %s", id, st.ID, meant(id, all))
		}
		if slices.Contains(ids[:i], id) {
			return fmt.Errorf("%q is named twice", id)
		}
	}
	return nil
}

func meant(word string, all []string) string {
	if near := dialogs.Nearest(word, all); near != "" {
		return "did you mean " + strconv.Quote(near) + "?"
	}
	return "it knows " + strings.Join(all, ", ")
}

// shares reads the amounts of a budget: one for each option, or by name with the others left at nothing.
func shares(st *dialogs.Step, given []string) ([]string, error) {
	out := make([]string, len(st.Options))
	named := strings.Contains(given[0], "=")
	if !named && len(given) != len(out) {
		return nil, fmt.Errorf("%q has %d options; the test gives %d amounts", st.ID, len(out), len(given))
	}
	sum := 0
	for i, g := range given {
		if named {
			id, amount, _ := strings.Cut(g, "=")
			if err := known(st, []string{id}); err != nil {
				return nil, err
			}
			i, g = optionOf(st, id), amount
		}
		n, err := strconv.Atoi(g)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%q is not an amount", g)
		}
		sum += n
		out[i] = strconv.Itoa(n)
	}
	for i := range out {
		if out[i] == "" {
			out[i] = "0"
		}
	}
	if sum != st.Total {
		return nil, fmt.Errorf("%q shares %d; the test shares %d", st.ID, st.Total, sum)
	}
	return out, nil
}

// Gives answers the open question of step st with canonical values, in the way asked for. It stops as soon as the town
// asks something else. What was given of the answer before must be the beginning of it.
func (r *Resident) Gives(st *dialogs.Step, values []string, way Way) error {
	if st.Type == dialogs.Place {
		if done, err := r.places(st, values[0], way); done {
			return err
		}
	}
	switch st.Type {
	case dialogs.Choice, dialogs.Scale, dialogs.YesNo, dialogs.Consent, dialogs.Similar, dialogs.Review, dialogs.Choices, dialogs.Rank:
	default: // digits may be the answer once the question is on show, and turn pages before; a screen has the field on each page
		if r.Traits.Form != engine.Screen {
			r.readsOn()
		}
	}
	if n := len(r.memory.Now.Part); n > 0 {
		switch st.Type {
		case dialogs.Rank, dialogs.Budget:
			return r.goesOn(st, values[min(n, len(values)):], way)
		case dialogs.Choices:
			values = slices.DeleteFunc(slices.Clone(values), func(id string) bool { return slices.Contains(r.memory.Now.Part, id) })
			if len(values) == 0 {
				return r.finishes(st)
			}
		}
	}
	switch st.Type {
	case dialogs.Choice, dialogs.Scale, dialogs.YesNo, dialogs.Consent, dialogs.Similar, dialogs.Review:
		return r.picks(values[0], way)
	case dialogs.Choices:
		return r.ticks(st, values, way)
	case dialogs.Rank:
		return r.orders(st, values, way)
	case dialogs.Budget:
		return r.spreads(st, values, way)
	case dialogs.Date:
		r.Says(r.day(values[0]))
	case dialogs.Photo:
		r.Sends("image/jpeg", values[0])
	default:
		r.Says(r.keys(st, values[0]))
	}
	return nil
}

// keys are what a number, a code or a reference is keyed in with on a call: digits, and a star for the point.
func (r *Resident) keys(st *dialogs.Step, words string) string {
	if r.Traits.Form != engine.Speech {
		return words
	}
	switch st.Type {
	case dialogs.Number:
		return strings.ReplaceAll(words, ".", "*")
	case dialogs.Status, dialogs.Code:
		return strings.ReplaceAll(words, "-", "")
	case dialogs.Contact:
		return strings.TrimPrefix(words, "+")
	}
	return words
}

// places gives a landmark: by its card where there is one, else by what it is called in the conversation's language. It
// leaves own words to the caller.
func (r *Resident) places(st *dialogs.Step, words string, way Way) (done bool, err error) {
	i := slices.IndexFunc(st.Options, func(o dialogs.Option) bool { return flat(o.Text.Text) == words })
	if i < 0 {
		return false, nil
	}
	if r.Traits.Form == engine.Screen && way == ByDigit {
		return true, r.picks(st.Options[i].ID, way)
	}
	if r.Traits.Form != engine.Screen {
		r.readsOn()
	}
	if d := r.Dialog(); d != nil && way != ByID {
		t, _ := d.Text(r.lang(), st.Options[i].Key)
		words = t.Text
	}
	r.Says(words)
	return true, nil
}

// GoesBack goes to the question before.
func (r *Resident) GoesBack() {
	if r.Traits.Form == engine.Screen { // there is a button for it
		r.hear("press", "*", talk.Heard{Choice: "*"})
		return
	}
	r.Says("back")
}

// Skips leaves the open question out.
func (r *Resident) Skips() {
	if r.Traits.Form == engine.Screen { // there is a button for it
		r.hear("press", "skip", talk.Heard{Choice: render.PressSkip})
		return
	}
	if st := r.Asked(); r.Traits.Form == engine.Speech && st != nil { // nobody can say a word
		r.skipsByKey(st)
		return
	}
	r.Says(r.Town.Locales.Language(r.lang()).Phrase("skip", locales.Full))
}

// skipsByKey leaves the open question out on a call: by 8 once all was heard, or by help where digits are the answer.
func (r *Resident) skipsByKey(st *dialogs.Step) {
	switch st.Type {
	case dialogs.Number, dialogs.Date, dialogs.Budget, dialogs.Contact, dialogs.Code, dialogs.Status:
		r.Presses("*")
		if _, ok := r.find("skip"); !ok && r.memory.Now != nil && r.memory.Now.Mode == engine.Asking { // a part was given: star takes it back
			r.Presses("*")
		}
		for _, id := range []string{"skip", "keep"} {
			if digit, ok := r.find(id); ok {
				r.Presses(digit)
				return
			}
		}
	default:
		r.readsOn()
		r.Presses("8")
	}
}

// picks gives one option.
func (r *Resident) picks(id string, way Way) error {
	digit, ok := r.find(id)
	if !ok {
		return fmt.Errorf("%q is not on offer", id)
	}
	switch way {
	case ByLabel:
		label, _ := r.label(id)
		r.Says(label)
	case ByID:
		r.Says(id)
	default:
		r.Presses(digit)
	}
	return nil
}

// ticks gives several options: all at once where they are on one page, else page by page.
func (r *Resident) ticks(st *dialogs.Step, ids []string, way Way) error {
	if way == ByLabel {
		var labels []string
		for _, id := range ids {
			label, ok := r.label(id)
			if !ok {
				return fmt.Errorf("%q is not on offer", id)
			}
			labels = append(labels, label)
		}
		r.Says(strings.Join(labels, ", "))
		return nil
	}
	if way == ByID {
		r.Says(strings.Join(ids, ", "))
		return nil
	}
	if r.Traits.Form == engine.Speech { // one key after the other
		for _, id := range ids {
			if err := r.picks(id, way); err != nil {
				return err
			}
			if asked := r.Asked(); asked == nil || asked.ID != st.ID {
				return nil
			}
		}
		return r.finishes(st)
	}
	left, again := slices.Clone(ids), false
	for range 30 {
		var digits []string
		more := false
		for _, o := range r.options() {
			more = more || o.Digit == "8"
			if i := slices.Index(left, o.ID); i >= 0 {
				digits = append(digits, o.Digit)
				left = slices.Delete(left, i, i+1)
			}
		}
		switch {
		case len(digits) > 0:
			r.Says(strings.Join(digits, " "))
		case more && len(left) > 0:
			r.Says("8")
		case len(left) > 0 && !again: // it was on a page that is gone by
			again = true
			r.Says("9")
		default:
			return fmt.Errorf("%q is not on offer", left)
		}
		if asked := r.Asked(); asked == nil || asked.ID != st.ID {
			return nil
		}
		if len(left) == 0 { // all are given, and more are on offer
			return r.finishes(st)
		}
	}
	return fmt.Errorf("%q could not be given", left)
}

// finishes says that no more options are wanted.
func (r *Resident) finishes(st *dialogs.Step) error {
	for range 30 {
		asked := r.Asked()
		if asked == nil || asked.ID != st.ID {
			return nil
		}
		r.Skips() // what was given so far is kept
	}
	return fmt.Errorf("the answer to %q never ends", st.ID)
}

// orders gives a rank, at once or one after the other.
func (r *Resident) orders(st *dialogs.Step, ids []string, way Way) error {
	if r.Traits.Piecewise {
		return r.goesOn(st, ids, way)
	}
	var said []string
	for _, id := range ids {
		word, ok := r.find(id)
		if !ok {
			return fmt.Errorf("%q is not on offer", id)
		}
		switch way {
		case ByLabel:
			word, _ = r.label(id)
		case ByID:
			word = id
		}
		said = append(said, word)
	}
	if way == ByDigit {
		r.Says(strings.Join(said, " "))
	} else {
		r.Says(strings.Join(said, ", "))
	}
	return nil
}

// goesOn gives the rest of a rank or a budget one after the other.
func (r *Resident) goesOn(st *dialogs.Step, rest []string, way Way) error {
	for _, v := range rest {
		if asked := r.Asked(); asked == nil || asked.ID != st.ID {
			return nil
		}
		if st.Type == dialogs.Budget {
			r.readsOn()
			r.Says(v)
		} else if err := r.picks(v, way); err != nil {
			return err
		}
	}
	return nil
}

// spreads gives the amounts of a budget, at once or one after the other.
func (r *Resident) spreads(st *dialogs.Step, amounts []string, way Way) error {
	switch {
	case r.Traits.Piecewise:
		return r.goesOn(st, amounts, way)
	case way == ByLabel:
		var said []string
		for i, a := range amounts {
			label, ok := r.label(st.Options[i].ID)
			if !ok {
				return fmt.Errorf("%q is not on offer", st.Options[i].ID)
			}
			said = append(said, a+" "+label)
		}
		r.Says(strings.Join(said, ", "))
	default:
		r.Says(strings.Join(amounts, " "))
	}
	return nil
}

// day says a date: on keys as two digits for the day and two for the month where that is the next such day, else in full.
func (r *Resident) day(iso string) string {
	day, err := time.Parse(time.DateOnly, iso)
	if err != nil || r.Traits.Form != engine.Speech {
		return iso
	}
	y, m, d := r.Now.Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	if day.Before(today) || !day.Before(today.AddDate(1, 0, 0)) || day.Day() <= 12 {
		return iso
	}
	return day.Format("0201")
}
