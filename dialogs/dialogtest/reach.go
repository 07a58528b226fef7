package dialogtest

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
)

// Reach proves that every answer to every question of d can be given, in each of its languages, on each channel, in every
// way that residents have there: by keys, by buttons and cards, in the words that are shown. It gives each of them to the
// town itself, with the question open, and looks at what the town took down; on the way it looks at every page, those that
// help and those that ask again included. Without channels, those of render.Channels are meant. Problems stop publishing:
//
//	option-unreachable  an option that no key, button or card leads to
//	words-mislead       words that are shown for an option, and that mean something else or nothing
//	answer-unreachable  an answer without options that can't be given: the least number, the last day
//	skip-unreachable    an optional question that can't be left out
//	page-unfit          a page that is too long, or that lacks words
//	words-missing       a language that a question has no words in
func Reach(town *talk.Town, d *dialogs.Dialog, now time.Time, channels ...render.Traits) dialogs.Problems {
	if len(channels) == 0 {
		channels = render.Channels()
	}
	p := proof{town: town, d: d, now: now}
	for i := range d.Steps {
		if !d.Steps[i].Type.Asks() {
			continue
		}
		for _, lang := range d.AllLanguages() {
			p.worded(i, lang)
			for _, t := range channels {
				p.step(i, lang, t)
			}
		}
	}
	return p.problems()
}

// proof is one Reach under way.
type proof struct {
	town  *talk.Town
	d     *dialogs.Dialog
	now   time.Time
	found []lapse
}

// lapse is one thing that can't be done, on the channels where it can't.
type lapse struct {
	step     int
	key      string // of the text that it is about
	lang     string
	code     string
	message  string // with %s for the channels
	hint     string
	channels []string
}

func (p *proof) note(l lapse, channel string) {
	for i := range p.found {
		f := &p.found[i]
		if f.step == l.step && f.key == l.key && f.lang == l.lang && f.code == l.code && f.message == l.message {
			if !slices.Contains(f.channels, channel) {
				f.channels = append(f.channels, channel)
			}
			return
		}
	}
	l.channels = []string{channel}
	p.found = append(p.found, l)
}

// problems puts each lapse where its words were written.
func (p *proof) problems() dialogs.Problems {
	var out dialogs.Problems
	for _, l := range p.found {
		x := dialogs.Problem{File: p.d.File, Line: 1, Column: 1, Code: l.code, Hint: l.hint, Message: strings.ReplaceAll(l.message, "%s", strings.Join(l.channels, ", "))}
		if at := p.d.Steps[l.step].Pos; at.Line > 0 {
			x.File, x.Line, x.Column = at.File, at.Line, at.Column
		}
		t, _ := p.d.Text(l.lang, l.key)
		if first, _ := utf8.DecodeRuneInString(t.Text); t.Text != "" {
			if spots := p.d.Where(l.lang, l.key, false, first); len(spots) > 0 {
				x.File, x.Line, x.Column, x.Excerpt = spots[0].File, spots[0].Line, spots[0].Column, spots[0].Excerpt
			}
		}
		out = append(out, x)
	}
	return out
}

// worded looks for words of a question that a language lacks.
func (p *proof) worded(step int, lang string) {
	st := &p.d.Steps[step]
	keys := []string{st.ID}
	for i := range st.Options {
		if key := st.Options[i].Key; key != "" {
			keys = append(keys, key)
		}
	}
	for i := range st.Retry {
		keys = append(keys, fmt.Sprintf("%s.retry.%d", st.ID, i+1))
	}
	for _, key := range append(keys, st.ID+".refuse") {
		source, _ := p.d.Text(p.d.Language, key)
		t, in := p.d.Text(lang, key)
		if source.Text != "" && (t.Text == "" || in != lang) && st.Type != dialogs.Place { // a landmark keeps its name
			p.note(lapse{step: step, key: key, lang: lang, code: "words-missing", message: fmt.Sprintf("%q has no words in %s: residents would read and hear another language on %%s", key, lang),
				hint: "translate it, or take " + lang + " out of `languages`"}, "every channel")
		}
	}
}

// step gives every answer to one question, in one language, on one channel.
func (p *proof) step(step int, lang string, t render.Traits) {
	st := &p.d.Steps[step]
	if !carries(p.d, st, t) || st.Type == dialogs.Contact && t.Address {
		return
	}
	open, err := p.opened(step, lang, t)
	if err != nil {
		p.unfit(step, lang, t, err.Error())
		return
	}
	p.looks(step, lang, open)
	for _, way := range ways(t) {
		for _, a := range p.answers(st, t) {
			p.try(open, step, lang, a, way)
		}
	}
	if t.Buttons > 0 { // a digit may be typed as well
		for _, a := range p.answers(st, t) {
			p.types(open, step, lang, a)
		}
	}
	if t.Form == engine.Text && !t.Live {
		for i := range st.Options {
			p.says(open, step, lang, &st.Options[i])
		}
	}
	if st.Optional && st.Type != dialogs.Consent { // who refuses has left it out
		r := open.Fork()
		if r.Skips(); !p.movedOn(r, step) {
			p.note(lapse{step: step, key: st.ID, lang: lang, code: "skip-unreachable", message: fmt.Sprintf("nobody can leave %q out on %%s in %s", st.ID, lang), hint: "shorten it so that it fits on one page"}, t.Name)
		}
	}
	p.strays(open, step, lang)
}

// opened is somebody who is asked the question of a step: all conditions are taken to hold, and all that came before was
// answered at length. What would come next is not reached.
func (p *proof) opened(step int, lang string, t render.Traits) (*Resident, error) {
	d := *p.d
	d.Opens, d.Closes = time.Time{}, time.Time{}
	after := dialogs.Step{ID: d.Steps[step].ID + ".", Type: dialogs.YesNo}
	d.Steps = slices.Insert(slices.Clone(d.Steps), step+1, after)
	for i := range d.Steps {
		d.Steps[i].When = nil
		if i < step && !d.Steps[i].Type.Asks() { // nothing ends it before
			d.Steps[i].Type = dialogs.Say
		}
	}
	town := *p.town
	all := slices.Clone(town.Dialogs.Current())
	all = slices.DeleteFunc(all, func(x *dialogs.Dialog) bool { return x.ID == d.ID })
	town.Dialogs = NewShelf(append(all, &d))
	y, m, day := p.now.Date()
	words := render.Words{
		Dialog: &d, Catalogue: town.Locales, Languages: town.Languages, Town: town.Name, Country: town.Country,
		Lang: town.Locales.Language(lang), Tag: lang, Today: time.Date(y, m, day, 0, 0, 0, 0, time.UTC),
	}
	s := render.Standing(&words, step)
	s.Began, s.Last = p.now.Unix(), p.now.Unix()
	s.Answers = settled(&d, &s, step)
	r := NewResident(&town, t, p.now)
	r.Meets(Test{Roll: []string{proofCode}, Found: []Known{{Found: engine.Found{Ref: proofRef, What: "A broken lamp", State: "open", Due: "2027-03-15"}}}})
	r.remember(talk.Memory{Lang: lang, On: t.Name, Now: &s, Before: true})
	r.turn(talk.Heard{Kind: talk.Shown})
	if r.err != nil {
		return nil, r.err
	}
	return r, nil
}

// settled are the answers of s to every question before a step: to those that have none, that they weren't asked.
func settled(d *dialogs.Dialog, s *engine.State, step int) []engine.Answer {
	var out []engine.Answer
	for i := range step {
		st := &d.Steps[i]
		a, ok := s.Answer(i)
		switch {
		case ok:
			out = append(out, *a)
		case st.Type == dialogs.Code:
			out = append(out, engine.Answer{Step: i, Values: []string{proofCode}})
		case st.Type == dialogs.Review:
			out = append(out, engine.Answer{Step: i, Values: []string{"ok"}})
		case st.Type.Asks():
			out = append(out, engine.Answer{Step: i, Skip: engine.NotAsked})
		}
	}
	return out
}

const (
	proofCode = "482715"
	proofRef  = "482-173-5"
)
