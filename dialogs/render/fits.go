package render

import (
	"fmt"
	"slices"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
)

// What Fits holds a dialog to, beside the limits of the channels.
const (
	dearSegments = 2  // text messages that one reply should cost at most
	longSpeech   = 30 // seconds that a caller can listen to before the keys
)

// Fits plays every question of w.Dialog on every channel, in each of its languages, with long sample answers, and says
// what doesn't fit: for `townline check`. Without channels, those of Channels are meant. Problems stop publishing:
//
//	option-unreachable  an option that no digit leads to
//	page-too-long       a page over the channel's limit
//
// Advice does not:
//
//	digit-unclear       a digit that could also mean a label
//	many-segments       more than two text messages for one reply, with the cost
//	odd-character       a character that makes a reply cost more messages, or more screens of a USSD menu
//	long-speech         more than 30 seconds to listen to, at 150 words a minute
//	words-left-out      own words that must be given, and are left out on calls, on which no voice may be kept
//	own-words-missing   a language that the town's own phrases lack, so that they would come in English
func Fits(w *Words, channels ...Traits) dialogs.Problems {
	if w.Dialog == nil {
		return nil
	}
	if len(channels) == 0 {
		channels = Channels()
	}
	d := *w.Dialog
	d.Steps = slices.Clone(d.Steps)
	for i := range d.Steps { // every statement may come, so all of them are played
		d.Steps[i].When = nil
	}
	v := *w
	v.Dialog = &d
	f := fitting{w: &v, d: &d}
	for _, lang := range d.AllLanguages() {
		if v.Catalogue != nil {
			v.Lang = v.Catalogue.Language(lang)
			if !v.Catalogue.Has(lang) {
				f.advise(-1, "own-words-missing", fmt.Sprintf("the town's own phrases are not to be had in %s; residents would read them in English", lang),
					fmt.Sprintf("add locales/%s.yaml, or take %s out of `languages`", lang, lang))
			}
		}
		v.Tag = lang
		plain := plainly(&d, lang)
		for i := range d.Steps {
			for _, t := range channels {
				f.play(i, lang, t)
			}
			if s, ok := f.saving(i, lang, plain, channels); ok {
				f.found = append(f.found, s.problem(&d))
			}
		}
	}
	return f.found
}

// fitting is one Fits under way.
type fitting struct {
	w     *Words
	d     *dialogs.Dialog
	found dialogs.Problems
}

func (f *fitting) problem(step int, code, message, hint string) {
	f.add(step, code, message, hint, false)
}

func (f *fitting) advise(step int, code, message, hint string) {
	f.add(step, code, message, hint, true)
}

func (f *fitting) add(step int, code, message, hint string, warning bool) {
	p := dialogs.Problem{File: f.d.File, Line: 1, Column: 1, Code: code, Message: message, Hint: hint, Warning: warning}
	if step >= 0 {
		if at := f.d.Steps[step].Pos; at.Line > 0 {
			p.File, p.Line, p.Column = at.File, at.Line, at.Column
		}
	}
	for _, had := range f.found {
		if had == p {
			return
		}
	}
	f.found = append(f.found, p)
}

// named is a step by its id. The first question comes with what everyone is told before it.
func (f *fitting) named(step int) string {
	for i := range step {
		if f.d.Steps[i].Type.Asks() {
			return fmt.Sprintf("%q", f.d.Steps[step].ID)
		}
	}
	return fmt.Sprintf("%q, with the opening words,", f.d.Steps[step].ID)
}

// play renders a step as it would be shown, and reads every option back.
func (f *fitting) play(step int, lang string, t Traits) {
	st := &f.d.Steps[step]
	if unsaid(f.d, st, t) && !st.Optional {
		f.advise(step, "words-left-out", fmt.Sprintf("%q is left out on calls: nobody can type there, and a voice would tell whose answers these are", st.ID), "make it `optional`, or offer options as well")
	}
	for _, prompts := range f.shows(step, t) {
		if len(prompts) == 0 {
			continue
		}
		pages := Render(f.w, prompts, t)
		segments, over := 0, 0
		for _, p := range pages {
			over = max(over, pageOver(p, t))
			if t.GSM && !t.Live {
				segments = max(segments, Count(p.Text).Segments)
			}
			if t.Form == engine.Speech {
				f.heard(step, lang, p)
			}
		}
		if over > 0 {
			f.problem(step, "page-too-long", fmt.Sprintf("%q of %s does not fit on %s in %s: a page has %s too many", st.ID, f.d.ID, t.Name, lang, many(over, "character", "characters")), "shorten it, or give it a `short` variant")
		}
		if st.Type == dialogs.Review { // as long as the answers are
			continue
		}
		if segments > dearSegments {
			f.advise(step, "many-segments", fmt.Sprintf("%s costs %d text messages in %s", f.named(step), segments, lang), "shorten it, or give it a `short` variant")
		}
		f.reach(step, lang, t, prompts, pages)
	}
}

// unsaid says whether own words can't be given: there is no typing on a call, and a voice may not be kept.
func unsaid(d *dialogs.Dialog, st *dialogs.Step, t Traits) bool {
	return t.Form == engine.Speech && (st.Type == dialogs.Words || st.Type == dialogs.Place) && !(t.Voice && d.Recordable())
}

// shows is what can be on show at a step: a question with what leads up to it, last words, the words for a refusal.
func (f *fitting) shows(step int, t Traits) [][]engine.Prompt {
	st := &f.d.Steps[step]
	last := func(key string) []engine.Prompt {
		return []engine.Prompt{{Key: key, Step: step, Args: f.samples(key)}}
	}
	switch {
	case st.Type == dialogs.End:
		return [][]engine.Prompt{last(st.ID)}
	case st.Type == dialogs.Handoff:
		return [][]engine.Prompt{last(st.ID), last(st.ID + ".closed")}
	case !st.Type.Asks(), st.Type == dialogs.Photo && !t.Photo, st.Type == dialogs.Contact && t.Address, unsaid(f.d, st, t):
		return nil
	}
	s := f.standing(step)
	out := [][]engine.Prompt{engine.Show(f.d, &s, t.Can, f.w.Today.Add(12*time.Hour))}
	if st.Refuse.Text != "" {
		out = append(out, last(st.ID+".refuse"))
	}
	return out
}

// Standing is a conversation in which the question of a step of w.Dialog is open, with long answers to all before it.
func Standing(w *Words, step int) engine.State {
	f := fitting{w: w, d: w.Dialog}
	return f.standing(step)
}

func (f *fitting) standing(step int) engine.State {
	s := engine.State{Version: engine.Version, Pin: f.d.Pin, Step: step, From: step, Lang: f.w.tag(), Hint: true, Ref: sampleRef, Due: sampleDay}
	for s.From > 0 && !f.d.Steps[s.From-1].Type.Asks() {
		s.From--
	}
	if s.From == 0 {
		s.From = -1
	}
	for i := range step {
		if a, ok := f.sample(i); ok {
			s.Answers = append(s.Answers, a)
		}
	}
	if f.d.Steps[step].Type == dialogs.Similar {
		for i := range 3 {
			s.Found = append(s.Found, engine.Found{Ref: fmt.Sprintf("%d%s", i, sampleRef[1:]), What: fmt.Sprintf("%s, %d High Street, by the library", sampleWords[:40], i+1)})
		}
	}
	return s
}

const (
	sampleRef   = "888-888-8"
	sampleDay   = "2028-09-27" // a Wednesday: long in most languages
	sampleWords = "There is a wide hole in the middle of the road, right where the school children cross in the morning, and it fills with water when it rains."
)

// sample is a long answer to a step.
func (f *fitting) sample(step int) (engine.Answer, bool) {
	st := &f.d.Steps[step]
	a := engine.Answer{Step: step}
	longest, most := "", -1
	for i := range st.Options {
		o := &st.Options[i]
		if n := len(f.w.text(optionKey(st, o)).Text); n > most {
			longest, most = o.ID, n
		}
	}
	switch st.Type {
	case dialogs.Choice, dialogs.Scale:
		a.Values = []string{longest}
	case dialogs.Choices, dialogs.Rank:
		for i := range st.Options {
			if st.Type == dialogs.Rank || st.Limit == 0 || i < st.Limit {
				a.Values = append(a.Values, st.Options[i].ID)
			}
		}
	case dialogs.Budget:
		for range st.Options {
			a.Values = append(a.Values, fmt.Sprint(st.Total))
		}
	case dialogs.YesNo, dialogs.Consent:
		a.Values = []string{"yes"}
	case dialogs.Number:
		a.Values = []string{"1000000"}
		if st.HasMax {
			a.Values[0] = fmt.Sprint(st.Max)
		}
	case dialogs.Date:
		a.Values = []string{sampleDay}
	case dialogs.Words, dialogs.Place:
		a.Values = []string{sampleWords}
	case dialogs.Photo:
		a.Media = []engine.Media{{Type: "image/jpeg", Ref: "sample"}}
	case dialogs.Contact:
		a.Values = []string{"+123456789012345"}
	default:
		return a, false
	}
	return a, true
}

// samples are long values for the insertions of a text.
func (f *fitting) samples(key string) []engine.Arg {
	var out []engine.Arg
	for _, name := range f.d.Insertions(key) {
		switch name {
		case "reference":
			out = append(out, engine.Arg{Name: name, Kind: engine.ArgReference, Value: sampleRef})
		case "due":
			out = append(out, engine.Arg{Name: name, Kind: engine.ArgDate, Value: sampleDay})
		case "title", "town":
		default:
			if i := f.d.Index(name); i >= 0 {
				if a, ok := f.sample(i); ok {
					out = append(out, engine.Arg{Name: name, Kind: engine.ArgAnswer, Step: i, Answer: &a})
				}
			}
		}
	}
	return out
}

// reach reads every digit back.
func (f *fitting) reach(step int, lang string, t Traits, prompts []engine.Prompt, pages []Page) {
	q := open(prompts)
	if q == nil || q.Asks == dialogs.Budget {
		return
	}
	for i := range q.Options {
		id, led, unclear := q.Options[i].ID, false, false
		want := id
		if q.Asks == dialogs.Place {
			want = landmark(&f.d.Steps[step].Options[i])
		}
		for n, p := range pages {
			for _, o := range p.Options {
				if o.ID != id || o.Digit == "" {
					continue
				}
				in := Read(f.w, prompts, n, t, pressed(q, o.Digit))
				led = led || slices.Contains(in.Values, want)
				unclear = unclear || in.Kind == engine.Unsure
			}
		}
		switch {
		case !led:
			f.problem(step, "option-unreachable", fmt.Sprintf("nobody can choose %q of %q on %s in %s", id, f.d.Steps[step].ID, t.Name, lang), "ask in two questions, or with fewer options")
		case unclear:
			f.advise(step, "digit-unclear", fmt.Sprintf("the digit of %q of %q could also mean an option that is worded as that number, in %s; residents will be asked which", id, f.d.Steps[step].ID, lang), "ask with `type: number`, or word the options without numbers")
		}
	}
}

// pressed is a key; where digits may be typed as an answer, the card that bears it.
func pressed(q *engine.Prompt, digit string) Heard {
	if ownDigits(q.Asks, q) {
		return Heard{Choice: digit}
	}
	return Heard{Words: digit}
}

// heard times a stretch of a call.
func (f *fitting) heard(step int, lang string, p Page) {
	words, silence := p.Listening()
	seconds := (words + silence).Seconds()
	if f.d.Steps[step].Type != dialogs.Review && seconds > longSpeech {
		f.advise(step, "long-speech", fmt.Sprintf("%s takes %.0f seconds to listen to in %s", f.named(step), seconds, lang), "shorten it, or give it a `speech` variant; say less before the question")
	}
}

// pageOver is how many characters a page has more than fit.
func pageOver(p Page, t Traits) int {
	if t.Form != engine.Text || t.Limit <= 0 {
		return 0
	}
	s := measure(p.Text)
	switch {
	case s.fits(t):
		return 0
	case !t.GSM:
		return s.units - t.Limit
	case s.strange:
		return max(1, s.units-t.Limit16)
	}
	return max(1, s.septets-t.Limit)
}
