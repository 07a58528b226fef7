package dialogs

import (
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/townline/townline/locales"
)

// check notes what is wrong with one dialog beyond its words and names: f as written, d as compiled.
func (l *loader) check(f *draft, d *Dialog) {
	c := &checker{l: l, f: f, d: d, sources: map[string]*draft{}}
	for _, o := range l.order {
		c.sources[o.File] = o
	}
	c.own()
	if !f.part {
		c.header()
		c.course()
	}
	c.words()
	if d.Purpose == Consultation {
		c.neutral()
	}
}

// checker is one dialog under check.
type checker struct {
	l       *loader
	f       *draft
	d       *Dialog
	sources map[string]*draft // by file
}

// at notes a problem at a key of the dialog.
func (c *checker) at(key, code, message, hint string, warning bool) {
	p := c.f.at[key]
	c.f.note(p.Line, p.Column, code, message, hint, warning)
}

// onStep notes a problem at a step, in the file that it comes from.
func (c *checker) onStep(i int, code, message, hint string, warning bool) {
	p := c.d.Steps[i].Pos
	if f := c.sources[p.File]; f != nil {
		f.note(p.Line, p.Column, code, message, hint, warning)
	}
}

// field notes a problem at a field of one of the dialog's own steps.
func (c *checker) field(s *draftStep, name, code, message, hint string, warning bool) {
	p, ok := s.fields[name]
	if !ok {
		p = s.Pos
	}
	c.f.note(p.Line, p.Column, code, message, hint, warning)
}

// header checks what stands above the steps.
func (c *checker) header() {
	d, f := c.d, c.f
	o := c.l.options
	switch d.Purpose {
	case Consultation:
		if d.Decides.IsZero() {
			c.at("purpose", "no-decides", "the consultation does not say who decides, whether it is bound by this, and when the answer comes", "write `decides:` with these three in one or two sentences", false)
		}
		if d.Secrecy == Secret {
			c.at("secrecy", "secret-carried", "by text, chat and phone this is not secret: residents are told that the company that carries it can see it", "nothing to mend; offer a kiosk or paper where it matters", true)
		}
		for i := range d.Steps {
			if d.Secrecy == Secret && d.Steps[i].Type == Contact {
				c.onStep(i, "secret-contact", "a secret answer and a phone number in one dialog can be tied together", "ask for the number in a dialog of its own, or take it out", false)
			}
		}
	case Request, Information:
		for _, key := range []string{"who", "secrecy", "decides"} {
			if _, ok := f.at[key]; ok {
				c.at(key, "consultation-only", fmt.Sprintf("`%s` has a meaning in consultations only", key), "take it out, or write `purpose: consultation`", false)
			}
		}
	}
	if _, ok := f.at["service"]; ok && d.Purpose != Request && d.Purpose != "" {
		c.at("service", "request-only", "`service` has a meaning in requests only", "take it out, or write `purpose: request`", false)
	}
	if d.Purpose == Request && d.Service.Code == "" {
		key := "service"
		if _, ok := f.at[key]; !ok {
			key = "purpose"
		}
		c.at(key, "no-service", "the request does not say which service it goes to", "write `service:` and below it `code:`, `department:` and `days:`", false)
	}
	if d.Service.Days == 0 && d.Purpose == Request {
		for i := range d.Steps {
			d.eachText(i, func(key string, _ *Text) {
				if contains(d.inserted[key], "due") {
					c.onStep(i, "no-days", "${due} is said, but the service has no `days`", "write below `service:` in how many working days you reply, for example `days: 5`", false)
				}
			})
		}
	}
	if !d.Opens.IsZero() && !d.Closes.IsZero() && !d.Opens.Before(d.Closes) {
		c.at("closes", "closes-first", "it closes before it opens", "correct one of the two days", false)
	} else if !o.Now.IsZero() && !d.Closes.IsZero() && d.Closes.Before(o.Now) {
		c.at("closes", "over", "it is closed already: residents are told so", "set a later day, or take the dialog away", true)
	}
	if d.Purpose == Consultation && d.Secrecy == Confidential && d.Closes.IsZero() {
		c.at("secrecy", "never-closes", "residents are told that the link to their answer is destroyed when this closes, and it never closes", "write `closes:` with a day, or `secrecy: public` or `secret`", true)
	}
	expire := d.ExpireAfter
	if expire == 0 {
		expire = DefaultExpire
	}
	if d.RemindAfter > 0 && d.RemindAfter >= expire {
		c.at("remind_after", "remind-late", "the reminder would come after everything is dropped", "let `remind_after` be shorter than `expire_after`", false)
	}
	if d.Start != "" {
		c.startWord()
	}
	seen := map[string]bool{}
	for _, lang := range d.Languages {
		if seen[lang] {
			c.at("languages."+lang, "duplicate-id", fmt.Sprintf("%s is listed twice", lang), "keep one", false)
		}
		seen[lang] = true
	}
	for _, lang := range d.AllLanguages() {
		if o.Locales != nil && lang != "" && !o.Locales.Has(lang) {
			key := "languages." + lang
			if lang == d.Language {
				key = "language"
			}
			c.at(key, "no-phrases", fmt.Sprintf("the town's own phrases are not to be had in %s: help and mistakes are worded in English", lang), "add the file locales/"+lang+".yaml", true)
		}
	}
}

// startWord checks the word that begins the dialog.
func (c *checker) startWord() {
	word := c.d.Start
	letters := false
	for _, r := range word {
		letters = letters || unicode.IsLetter(r)
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r) {
			c.at("start", "start-word", fmt.Sprintf("the start word %q is more than one plain word", clip(word)), "use letters and digits only", false)
			return
		}
	}
	if !letters || utf8.RuneCountInString(word) > 15 {
		c.at("start", "start-word", fmt.Sprintf("%q can't be a start word", clip(word)), "use one word of at most 15 letters that can be read out on the phone", false)
		return
	}
	if tag, command := c.command(word); command != "" {
		c.at("start", "start-command", fmt.Sprintf("%q means %s everywhere (in the language %s), so it can't begin a dialog", word, command, tag), "choose another word", false)
	} else if takenWord(word) {
		c.at("start", "start-command", fmt.Sprintf("phone companies keep %q for themselves", word), "choose another word", false)
	}
}

// command says which command a word is, in any language of the town's phrases.
func (c *checker) command(word string) (tag string, command locales.Command) {
	all := c.l.options.Locales
	if all == nil {
		return "", ""
	}
	for _, tag := range all.Tags() {
		if command, ok := all.Language(tag).Command(word); ok {
			return tag, command
		}
	}
	return "", ""
}

// course checks the way through the steps.
func (c *checker) course() {
	d := c.d
	n := len(d.Steps)
	if n == 0 || c.f.torn {
		return
	}
	ends := func(i int) bool { return d.Steps[i].Type == End || d.Steps[i].Type == Handoff }
	stop := n // the first step that always ends
	for i := range d.Steps {
		if ends(i) && d.Steps[i].When == nil {
			stop = i
			break
		}
	}
	switch {
	case stop < n-1:
		c.onStep(stop+1, "after-end", fmt.Sprintf("nobody gets here: the step %q ends the dialog for everybody", d.Steps[stop].ID), "give that step a `when`, or take the steps below it out", false)
	case stop == n:
		why := "the last step is no `end`"
		if ends(n - 1) {
			why = "the last `" + string(d.Steps[n-1].Type) + "` has a `when`, so some residents get no last words"
		}
		c.onStep(n-1, "no-end", why, "add a step of type end at the bottom, without `when`", false)
	}
	submit := -1
	for i := range d.Steps {
		if d.Steps[i].Type == Submit && submit < 0 {
			submit = i
		}
	}
	switch {
	case submit < 0 && d.Purpose == Request:
		c.at("purpose", "no-submit", "the request is never made: there is no step of type submit", "add `- id: saved` with `type: submit` behind the questions", false)
	case submit < 0 && d.Purpose == Consultation:
		c.at("purpose", "no-submit", "the answers are never kept: there is no step of type submit", "add `- id: saved` with `type: submit` behind the consent", false)
	case submit >= 0 && d.Purpose == Information:
		c.onStep(submit, "submit-nothing", "an information dialog keeps nothing, so there is nothing to submit", "take the step out, or write `purpose: request`", false)
	}
	for i := range d.Steps {
		if d.Steps[i].Type == Similar && d.Purpose != Request && d.Purpose != "" {
			c.onStep(i, "request-only", "`similar` looks for open requests; this dialog makes none", "take the step out, or write `purpose: request`", false)
		}
	}
	p := walk(d)
	if p.noConsent > 0 && d.Purpose == Consultation {
		c.onStep(p.noConsent-1, "no-consent", "answers are kept that nobody agreed to have kept", "put a step of type consent before this one, on every way to it", false)
	}
	if p.twice > 0 {
		c.onStep(p.twice-1, "submit-twice", "some residents would submit twice", "keep one step of type submit", false)
	}
	if p.early > 0 && d.Steps[p.early-1].Type != Submit && submit >= 0 && submit < p.early-1 {
		c.onStep(p.early-1, "insertion", "some residents hear this without a reference, because they never pass the step of type submit", "give this step a `when`, or submit for everybody", false)
	}
	for _, pair := range p.unsaid {
		c.onStep(pair[0], "maybe-unanswered", fmt.Sprintf("the answer to %q is inserted here, but not everybody has given one", d.Steps[pair[1]].ID), "give this step `when: "+d.Steps[pair[1]].ID+" is answered`, or word it without the answer", true)
	}
	if !p.whole {
		return
	}
	for i := 0; i < n && i <= stop; i++ {
		if !p.reached[i] {
			c.onStep(i, "unreachable", fmt.Sprintf("nobody ever gets to the step %q: its `when` can't be true here", d.Steps[i].ID), "look at the steps above that end the dialog, and at what they leave over", false)
		}
	}
}

// own checks the dialog's own steps one by one.
func (c *checker) own() {
	for i := range c.f.steps {
		s := &c.f.steps[i]
		switch s.Type {
		case Photo:
			if !s.Optional && !s.broken {
				c.f.Add(s.Pos.Line, s.Pos.Column, "photo-required", fmt.Sprintf("%q must be answered, but on a phone call and at a USSD menu nobody can send a picture", s.ID), "add `optional: true`")
			}
		case Number:
			if s.HasMin && s.Min < 0 && !s.Optional && !s.broken {
				c.field(s, "min", "below-zero", fmt.Sprintf("%q must be answered, but on a phone call nobody can key in a number below 0", s.ID), "ask in a step before whether it is below 0 and write `min: 0` here, or add `optional: true`", false)
			}
		case Handoff:
			if desks := c.l.options.Desks; desks != nil && s.To != "" && !contains(desks, s.To) {
				c.named(s, "to", "unknown-desk", "desk", s.To, desks)
			}
		case Place:
			c.listed(s)
		case Consent:
			if s.Optional && !s.Refuse.IsZero() {
				c.field(s, "refuse", "refuse-unsaid", "these words are never said: who refuses an optional consent simply goes on", "take out `optional` or `refuse`", true)
			}
		}
		c.asked(s)
	}
}

func (c *checker) named(s *draftStep, field, code, what, given string, known []string) {
	message := fmt.Sprintf("the town has no %s called %q", what, clip(given))
	if near := Nearest(given, known); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	c.field(s, field, code, message, "the names are: "+either(known), false)
}

// checkSet notes what is wrong between dialogs.
func (l *loader) checkSet(all []*Dialog) {
	begins := map[string]*Dialog{}
	for _, d := range all {
		if d.Start == "" {
			continue
		}
		key := locales.Fold(d.Start)
		if first := begins[key]; first != nil {
			if f := l.drafts[d.ID]; f != nil {
				p := f.at["start"]
				f.Add(p.Line, p.Column, "start-clash", fmt.Sprintf("the start word %q begins %q already", d.Start, first.ID), "choose another word for one of the two")
			}
			continue
		}
		begins[key] = d
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
