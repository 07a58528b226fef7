package dialogtest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

// ways are how an answer can be given on a channel.
func ways(t render.Traits) []Way {
	if WayOf(t) == ByLabel {
		return []Way{ByDigit, ByLabel}
	}
	return []Way{ByDigit}
}

// proved is one answer to be given.
type proved struct {
	values []string
	option string // the option that it is about; "": an answer without options
	media  string // "recording", "photo": sent instead of words
}

// meant is the answer as the town asks about it where it could be another as well.
func (a *proved) meant() string {
	if a.option == "" {
		return a.values[0]
	}
	return a.option
}

// answers are all that must be possible: each option, the bounds of numbers and days, something in own words.
func (p *proof) answers(st *dialogs.Step, t render.Traits) []proved {
	var out []proved
	y, m, day := p.now.Date()
	today := time.Date(y, m, day, 0, 0, 0, 0, time.UTC)
	each := func(values func(i int) []string) {
		for i := range st.Options {
			out = append(out, proved{values: values(i), option: st.Options[i].ID})
		}
	}
	id := func(i int) string { return st.Options[i].ID }
	switch st.Type {
	case dialogs.Choice, dialogs.Scale, dialogs.Choices:
		each(func(i int) []string { return []string{id(i)} })
	case dialogs.Rank:
		each(func(first int) []string {
			ids := []string{id(first)}
			for i := range st.Options {
				if i != first {
					ids = append(ids, id(i))
				}
			}
			return ids
		})
	case dialogs.Budget:
		each(func(all int) []string {
			amounts := make([]string, len(st.Options))
			for i := range amounts {
				amounts[i] = "0"
			}
			amounts[all] = strconv.Itoa(st.Total)
			return amounts
		})
	case dialogs.YesNo, dialogs.Consent:
		out = append(out, proved{values: []string{"yes"}, option: "yes"}, proved{values: []string{"no"}, option: "no"})
	case dialogs.Similar:
		out = append(out, proved{values: []string{"none"}, option: "none"})
		for i := range 3 {
			ref := fmt.Sprintf("%d88-888-8", i)
			out = append(out, proved{values: []string{ref}, option: ref})
		}
	case dialogs.Review:
		out = append(out, proved{values: []string{"ok"}, option: "ok"})
	case dialogs.Number:
		least, most := 0.0, 9.0
		if st.HasMin {
			least, most = math.Ceil(st.Min), math.Ceil(st.Min)+1
		}
		if st.HasMax {
			most = math.Floor(st.Max)
		}
		if !st.HasMin && most < least {
			least = most
		}
		for _, n := range []float64{least, most} {
			if n < 0 && st.Optional && t.Form == engine.Speech { // no key says so, and they may leave it out
				continue
			}
			out = append(out, proved{values: []string{strconv.FormatFloat(n, 'f', -1, 64)}})
		}
	case dialogs.Date:
		days := []time.Time{today.AddDate(0, 0, 20)}
		if st.Earliest.Set {
			days[0] = st.Earliest.On(today)
		}
		if st.Latest.Set {
			days = append(days, st.Latest.On(today))
			if !st.Earliest.Set {
				days = days[1:]
			}
		}
		for _, on := range days {
			out = append(out, proved{values: []string{on.Format(time.DateOnly)}})
		}
	case dialogs.Words, dialogs.Place:
		if t.Form == engine.Speech {
			return []proved{{values: []string{"a voice"}, media: "audio/wav"}}
		}
		out = append(out, proved{values: []string{"By the old mill"}})
		if st.Type == dialogs.Place {
			for i := range st.Options {
				out = append(out, proved{values: []string{flat(st.Options[i].Text.Text)}, option: id(i)})
			}
		}
	case dialogs.Contact:
		out = append(out, proved{values: []string{"+12025550147"}})
	case dialogs.Code:
		out = append(out, proved{values: []string{proofCode}})
	case dialogs.Status:
		out = append(out, proved{values: []string{proofRef}})
	case dialogs.Photo:
		out = append(out, proved{values: []string{"hole.jpg"}, media: "image/jpeg"})
	}
	return out
}

// try gives one answer in one way, and looks at what the town took down.
func (p *proof) try(open *Resident, step int, lang string, a proved, way Way) {
	st := &p.d.Steps[step]
	r := open.Fork()
	r.Mute = false
	var err error
	switch {
	case a.media != "":
		r.readsOn()
		r.Sends(a.media, a.values[0])
	case st.Type == dialogs.Date && r.Traits.Form == engine.Speech:
		r.Says(p.keys(a.values[0]))
	default:
		err = r.Gives(&r.Dialog().Steps[step], a.values, way)
	}
	p.pages(r, step, lang)
	got, ok := p.took(r, step, a)
	if key := unkeyed(r); err == nil && key != "" {
		err = fmt.Errorf("no key says %q", key)
	}
	if err == nil && ok {
		return
	}
	if err != nil {
		got = err.Error()
	}
	l := lapse{step: step, key: st.ID, lang: lang}
	if i := optionOf(st, a.option); i >= 0 && st.Options[i].Key != "" {
		l.key = st.Options[i].Key
	}
	switch {
	case a.option == "":
		l.code, l.hint = "answer-unreachable", "ask for something that can be given on every channel"
		l.message = fmt.Sprintf("nobody can answer %q to %q on %%s in %s: %s", a.values[0], st.ID, lang, got)
	case way == ByLabel:
		l.code, l.hint = "words-mislead", "word it so that it is neither a command nor like another option"
		l.message = fmt.Sprintf("who answers %q of %q in the words that are shown on %%s in %s is not understood so: %s", a.option, st.ID, lang, got)
	default:
		l.code, l.hint = "option-unreachable", "ask in two questions, or with fewer options"
		l.message = fmt.Sprintf("nobody can choose %q of %q on %%s in %s: %s", a.option, st.ID, lang, got)
	}
	p.note(l, r.Traits.Name)
}

// types gives one option by its digit, typed where there are buttons.
func (p *proof) types(open *Resident, step int, lang string, a proved) {
	st := &p.d.Steps[step]
	switch st.Type {
	case dialogs.Choice, dialogs.Scale, dialogs.YesNo, dialogs.Consent, dialogs.Similar, dialogs.Review:
	default:
		return
	}
	r := open.Fork()
	digit, ok := r.find(a.option)
	got := "it is not on offer"
	if ok {
		r.Says(digit)
		got, ok = p.took(r, step, a)
	}
	if !ok {
		p.note(lapse{step: step, key: st.ID, lang: lang, code: "option-unreachable", hint: "ask in two questions, or with fewer options",
			message: fmt.Sprintf("nobody can choose %q of %q by typing its digit on %%s in %s: %s", a.option, st.ID, lang, got)}, r.Traits.Name)
	}
}

// keys are those that a day is keyed in with on a call: two digits for the day, two for the month, and the year where it
// isn't the next such day.
func (p *proof) keys(iso string) string {
	day, err := time.Parse(time.DateOnly, iso)
	if err != nil {
		return iso
	}
	y, m, d := p.now.Date()
	if today := time.Date(y, m, d, 0, 0, 0, 0, time.UTC); day.Before(today) || !day.Before(today.AddDate(1, 0, 0)) {
		return day.Format("02012006")
	}
	return day.Format("0201")
}

// unkeyed is something that a caller was taken to say and that has no keys; "" when there is nothing.
func unkeyed(r *Resident) string {
	for i := range r.Log {
		l := &r.Log[i]
		if l.Page == nil && l.On.Form == engine.Speech && (l.Who == "you" || l.Who == "press") && strings.Trim(l.Words, "0123456789*#") != "" {
			return l.Words
		}
	}
	return ""
}

// says answers with each wording of an option by itself, as somebody does who heard of it elsewhere.
func (p *proof) says(open *Resident, step int, lang string, o *dialogs.Option) {
	st := &p.d.Steps[step]
	if st.Type == dialogs.Budget || st.Type == dialogs.Rank || o.Key == "" {
		return
	}
	t, _ := p.d.Text(lang, o.Key)
	a := proved{values: []string{o.ID}, option: o.ID}
	if st.Type == dialogs.Place {
		a.values[0] = flat(o.Text.Text)
	}
	for _, words := range append([]string{t.Text, t.Short}, t.Also...) {
		if words == "" || strings.Contains(words, "${") {
			continue
		}
		r := open.Fork()
		if st.Type == dialogs.Place {
			r.readsOn()
		}
		r.Says(words)
		if st.Type == dialogs.Choices && r.Asked() != nil && r.Asked().ID == st.ID {
			_ = r.finishes(&r.Dialog().Steps[step])
		}
		if got, ok := p.took(r, step, a); !ok {
			p.note(lapse{step: step, key: o.Key, lang: lang, code: "words-mislead", hint: "word it so that it is neither a command nor like another option",
				message: fmt.Sprintf("who answers %q to %q on %%s in %s does not choose %q: %s", words, st.ID, lang, o.ID, got)}, r.Traits.Name)
		}
	}
}

// took says whether the town took down the answer that was given, and what it took it for else. Asked which of two was
// meant, or whether it was heard right, residents say so.
func (p *proof) took(r *Resident, step int, a proved) (got string, ok bool) {
	if s := r.memory.Now; s != nil && r.memory.Hall == nil && s.Mode == engine.Which && slices.Contains(s.Among, a.meant()) {
		if err := r.Picks(a.meant()); err != nil {
			return err.Error(), false
		}
	}
	if err := r.Confirms(); err != nil {
		return err.Error(), false
	}
	s := r.memory.Now
	switch {
	case r.err != nil:
		return r.err.Error(), false
	case s == nil && r.End == "refused" && p.d.Steps[step].Type == dialogs.Consent:
		return "", a.option == "no"
	case s == nil:
		return "it ends the conversation", false
	case r.memory.Hall != nil:
		return "it leads to the menu", false
	case s.Pin != p.d.Pin:
		return "it begins " + s.Pin.ID, false
	}
	if s.Step == step+1 && s.Mode == engine.Asking {
		given, there := s.Answer(step)
		switch {
		case p.d.Steps[step].Type == dialogs.Review, p.d.Steps[step].Type == dialogs.Code, p.d.Steps[step].Type == dialogs.Status:
			return "", true
		case !there || given.Skip != engine.Answered:
			return "it leaves the question out", false
		case a.media != "":
			return "nothing is kept of it", len(given.Media) > 0
		}
		return fmt.Sprintf("it is taken for %q", strings.Join(given.Values, ", ")), slices.Equal(given.Values, a.values)
	}
	switch s.Mode {
	case engine.Asking, engine.Stuck:
		return "it is not understood", false
	case engine.Helping:
		return "it calls for help", false
	case engine.Which:
		return "it could mean " + strings.Join(s.Among, " or "), false
	}
	return "it is taken for a command", false
}

// movedOn says whether the question of a step is behind somebody.
func (p *proof) movedOn(r *Resident, step int) bool {
	s := r.memory.Now
	return r.err == nil && r.memory.Hall == nil && (s == nil && r.End != "" || s != nil && s.Step == step+1)
}

// strays does what people do who don't answer, for the sake of the pages that come of it.
func (p *proof) strays(open *Resident, step int, lang string) {
	rubbish := func(r *Resident) { r.Says("zzz zzz") }
	for _, does := range [][]func(*Resident){
		{rubbish, rubbish, rubbish, rubbish},
		{func(r *Resident) { r.Says("0") }, func(r *Resident) { r.Says("9") }},
		{(*Resident).GoesBack},
		{(*Resident).Silent, (*Resident).Silent},
	} {
		r := open.Fork()
		r.Mute = false
		for _, do := range does {
			if s := r.memory.Now; s != nil && s.Step == step { // in own words, anything may be an answer
				do(r)
			}
		}
		p.pages(r, step, lang)
		if r.err != nil {
			p.unfit(step, lang, r.Traits, r.err.Error())
		}
	}
}

// looks checks the pages of the question itself.
func (p *proof) looks(step int, lang string, open *Resident) {
	for i := range open.Pages {
		if fault := Fault(&open.Pages[i], open.Traits); fault != "" {
			p.unfit(step, lang, open.Traits, fault)
		}
	}
	ahead := open.Fork()
	ahead.Mute = false
	ahead.readsOn()
	p.pages(ahead, step, lang)
}

// pages checks all that was shown while the question of a step was open.
func (p *proof) pages(r *Resident, step int, lang string) {
	n := len(r.Log)
	if s := r.memory.Now; s != nil && s.Step == step+1 { // what is asked then is made up, and has no words
		for n > 0 && r.Log[n-1].Page != nil {
			n--
		}
	}
	for i := range n {
		l := &r.Log[i]
		if l.Page == nil {
			continue
		}
		if fault := Fault(l.Page, l.On); fault != "" {
			p.unfit(step, lang, l.On, fault)
		}
	}
}

func (p *proof) unfit(step int, lang string, t render.Traits, fault string) {
	st := &p.d.Steps[step]
	p.note(lapse{step: step, key: st.ID, lang: lang, code: "page-unfit", hint: "shorten it, or give it a `short` variant",
		message: fmt.Sprintf("a page at %q on %%s in %s can't be shown: %s", st.ID, lang, fault)}, t.Name)
}
