package dialogs

import (
	"fmt"
	"strings"
)

// maxUse is how deep dialogs may use one another.
const maxUse = 5

// laid is a step at its place in the compiled list, with the file that it comes from.
type laid struct {
	from   *draft
	step   *draftStep
	prefix string
	outer  []outer // conditions of the `use` steps around it
}

// outer is the condition of a `use` step.
type outer struct {
	from   *draft
	step   *draftStep
	prefix string
	before int // index of the first step that it brought
}

// lay copies the steps of f, and of the dialogs that it uses, into one list.
func (l *loader) lay(f *draft, prefix string, around []outer, stack []string, into []laid) []laid {
	for i := range f.steps {
		s := &f.steps[i]
		if s.Type != Use {
			into = append(into, laid{f, s, prefix, around})
			continue
		}
		if s.use == "" {
			continue
		}
		part := l.part(f, s.use)
		if part == nil {
			message := fmt.Sprintf("there is no dialog %q to use", clip(s.use))
			if near := Nearest(s.use, l.names()); near != "" {
				message += fmt.Sprintf("; did you mean %q?", near)
			}
			f.torn = true
			f.Add(s.usePos.Line, s.usePos.Column, "unknown-dialog", message, "its file is "+clip(s.use)+".yaml, in the same folder or below it")
			continue
		}
		if len(stack) >= maxUse {
			f.torn = true
			f.Add(s.usePos.Line, s.usePos.Column, "use-deep", fmt.Sprintf("more than %d dialogs use one another in a row", maxUse), "let one file hold the shared steps")
			continue
		}
		again := part.d.ID == f.d.ID
		for _, id := range stack {
			again = again || id == part.d.ID
		}
		if again {
			f.torn = true
			f.Add(s.usePos.Line, s.usePos.Column, "use-circle", fmt.Sprintf("%q comes back to itself by `use`", clip(s.use)), "a dialog can't hold its own steps: take one `use` out")
			continue
		}
		if !part.part {
			f.torn = true
			f.Add(s.usePos.Line, s.usePos.Column, "use-whole", fmt.Sprintf("%q is a dialog of its own, with a title and a purpose", clip(s.use)), "put the shared steps in a file without `title` and `purpose`, and let both use it")
			continue
		}
		inner := append(append([]outer(nil), around...), outer{f, s, prefix, len(into)})
		into = l.lay(part, prefix+s.ID+".", inner, append(stack[:len(stack):len(stack)], f.d.ID), into)
	}
	return into
}

// compile makes the dialog that runs: steps in one list, conditions bound, texts indexed, translations attached.
func (l *loader) compile(f *draft) *Dialog {
	d := *f.d
	plan := l.lay(f, "", nil, nil, nil)
	if d.Purpose == Consultation {
		if d.Who == "" {
			d.Who = Anyone
		}
		if d.Secrecy == "" {
			d.Secrecy = Confidential
		}
	}
	d.foreign = map[string]string{}
	d.Steps = make([]Step, 0, len(plan)+1)
	front := 0
	if d.Who == Roll && len(plan) > 0 {
		d.Steps = append(d.Steps, Step{ID: "roll_code", Type: Code, Pos: Position{f.File, 1, 1}})
		front = 1
	}
	for _, p := range plan {
		s := p.step.Step
		s.Options = append([]Option(nil), s.Options...)
		if p.prefix != "" {
			s = renamed(s, p.prefix)
		}
		s.Pos.File = p.from.File
		d.Steps = append(d.Steps, s)
		if list := l.listOf(p); list != nil {
			l.fillPlace(&d, len(d.Steps)-1, list)
		}
	}
	for i, p := range plan {
		place := front + i
		var when *Condition
		for _, o := range p.outer {
			when = both(when, l.bind(o.from, o.step, d.Steps, front+o.before, o.prefix), d.Steps)
		}
		d.Steps[place].When = both(when, l.bind(p.from, p.step, d.Steps, place, p.prefix), d.Steps)
	}
	d.finish()
	for i, p := range plan {
		if p.prefix != "" {
			d.eachText(front+i, func(key string, _ *Text) { d.foreign[key] = p.from.d.ID })
		}
		if list := l.listOf(p); list != nil {
			for _, o := range d.Steps[front+i].Options {
				d.foreign[o.Key] = list.key()
			}
		}
	}
	l.compares(&d, plan, front)
	l.inserts(&d, f, plan, front)
	l.attach(&d, f, plan, front)
	l.locate(&d, f, plan, front)
	return &d
}

// listOf is the list of landmarks that a step names; nil for none.
func (l *loader) listOf(p laid) *places {
	if p.step.Type != Place || p.step.From == "" {
		return nil
	}
	return l.list(p.from, p.step.From)
}

// bind parses the condition of a step.
func (l *loader) bind(f *draft, s *draftStep, steps []Step, before int, prefix string) *Condition {
	if s.when == nil {
		return nil
	}
	c, err := ParseCondition(strings.TrimSpace(s.when.Value), steps, before, prefix)
	if err != nil {
		line, column := s.when.Line, s.when.Column
		if !strings.Contains(s.when.Value, "\n") && s.when.Line <= len(f.lines) {
			if s.when.Style != 0 {
				column++ // the quote
			}
			if strings.Contains(f.lines[line-1], s.when.Value) {
				column += err.Column - 1
			}
		}
		f.Add(line, column, err.Code, err.Error(), err.Hint)
		f.torn = true
		return nil
	}
	return c
}

// renamed is a step that came by `use`: its id, and the names in its texts, have the prefix.
func renamed(s Step, prefix string) Step {
	s.ID = prefix + s.ID
	own := func(t *Text) { t.variants(func(v *string) { *v = rename(*v, prefix) }) }
	own(&s.Say)
	own(&s.Why)
	own(&s.Closed)
	own(&s.Refuse)
	s.Retry = append([]Text(nil), s.Retry...)
	for i := range s.Retry {
		own(&s.Retry[i])
	}
	for i := range s.Options {
		own(&s.Options[i].Text)
	}
	s.Compare = append([]string(nil), s.Compare...)
	for i := range s.Compare {
		s.Compare[i] = prefix + s.Compare[i]
	}
	return s
}

// rename puts prefix before the names of steps in `${…}`.
func rename(text, prefix string) string {
	if prefix == "" || !strings.Contains(text, "${") {
		return text
	}
	var b strings.Builder
	last := 0
	insertions(text, func(name string, from, to int) {
		if to < 0 || globalName(name) {
			return
		}
		b.WriteString(text[last:from])
		b.WriteString("${" + prefix + name + "}")
		last = to
	})
	b.WriteString(text[last:])
	return b.String()
}

// globalName says whether `${name}` is filled in by the town, not by an answer.
func globalName(name string) bool {
	return name == "reference" || name == "due" || name == "title" || name == "town"
}

// eachText calls yield for each text of the step at place, in the order of keys.
func (d *Dialog) eachText(place int, yield func(key string, t *Text)) {
	s := &d.Steps[place]
	if !s.Say.IsZero() {
		yield(s.ID, &s.Say)
	}
	for i := range s.Options {
		yield(s.ID+"."+s.Options[i].ID, &s.Options[i].Text)
	}
	for i := range s.Retry {
		yield(retryKey(s.ID, i), &s.Retry[i])
	}
	for _, t := range []struct {
		name string
		text *Text
	}{{"why", &s.Why}, {"closed", &s.Closed}, {"refuse", &s.Refuse}} {
		if !t.text.IsZero() {
			yield(s.ID+"."+t.name, t.text)
		}
	}
}

// finish fills in what is looked up often: steps by id, texts by key, insertions by key.
func (d *Dialog) finish() {
	d.index = make(map[string]int, len(d.Steps))
	d.texts = map[string]Text{}
	d.inserted = map[string][]string{}
	d.keys = nil
	add := func(key string, t *Text) {
		if t.IsZero() {
			return
		}
		if _, ok := d.texts[key]; !ok {
			d.keys = append(d.keys, key)
		}
		d.texts[key] = *t
		if names := Insertions(t.Text + "\n" + t.Short + "\n" + t.Speech); names != nil {
			d.inserted[key] = names
		}
	}
	add("title", &d.Title)
	add("decides", &d.Decides)
	for i := range d.Steps {
		if _, ok := d.index[d.Steps[i].ID]; !ok {
			d.index[d.Steps[i].ID] = i
		}
		d.eachText(i, add)
		for j := range d.Steps[i].Options {
			d.Steps[i].Options[j].Key = d.Steps[i].ID + "." + d.Steps[i].Options[j].ID
		}
	}
}

// compares checks the steps that `similar` compares.
func (l *loader) compares(d *Dialog, plan []laid, front int) {
	for i, p := range plan {
		if p.step.Type != Similar {
			continue
		}
		places := 0
		for j, id := range d.Steps[front+i].Compare {
			at := p.step.compareAt[j]
			k := d.Index(id)
			short := strings.TrimPrefix(id, p.prefix)
			switch {
			case k < 0:
				var known []string
				for _, s := range d.Steps[:front+i] {
					if s.Type.Asks() {
						known = append(known, strings.TrimPrefix(s.ID, p.prefix))
					}
				}
				message := fmt.Sprintf("there is no step %q", clip(short))
				if near := Nearest(short, known); near != "" {
					message += fmt.Sprintf("; did you mean %q?", near)
				}
				p.from.Add(at.Line, at.Column, "unknown-step", message, "the questions before this step are: "+either(known))
			case k >= front+i:
				p.from.Add(at.Line, at.Column, "later-step", fmt.Sprintf("%q is asked later", short), "compare answers that are already there")
			case !d.Steps[k].Type.Asks():
				p.from.Add(at.Line, at.Column, "not-a-question", fmt.Sprintf("%q asks nothing", short), "name a step that asks something")
			default:
				if d.Steps[k].Type == Place {
					places++
				}
			}
		}
		if places == 0 && len(p.step.Compare) > 0 {
			at := p.step.fields["compare"]
			p.from.Advise(at.Line, at.Column, "no-place", "nothing in `compare` says where: requests from the whole town would look alike", "add a step of type place")
		}
	}
}

// inserts checks every `${name}`: it must be known where the text is said.
func (l *loader) inserts(d *Dialog, f *draft, plan []laid, front int) {
	submitted := false
	check := func(from *draft, key, prefix string, place int, t *Text) {
		if from.full || l.lists[d.foreign[key]] != nil {
			return
		}
		s := from.spots[strings.TrimPrefix(key, prefix)]
		for _, v := range []struct {
			text string
			at   Position
		}{{t.Text, s.text}, {t.Short, s.short}, {t.Speech, s.speech}} {
			insertions(v.text, func(name string, _, to int) {
				short := strings.TrimPrefix(name, prefix)
				switch {
				case to < 0:
					from.Add(v.at.Line, v.at.Column, "insertion", "`${` is never closed", "write ${name}")
				case name == "title" || name == "town":
				case name == "reference" || name == "due":
					if !submitted {
						from.Add(v.at.Line, v.at.Column, "insertion", "${"+name+"} is known only after a step of type submit", "move this text below it")
					}
				default:
					k := d.Index(name)
					if place < 0 {
						k = -1
					}
					switch {
					case k < 0:
						var known []string
						for j := 0; j < place && j < len(d.Steps) && !from.full; j++ {
							if d.Steps[j].Type.Asks() {
								known = append(known, strings.TrimPrefix(d.Steps[j].ID, prefix))
							}
						}
						message := fmt.Sprintf("nothing is called %q", clip(short))
						if near := Nearest(short, append(known, "reference", "due", "title", "town")); near != "" {
							message += fmt.Sprintf("; did you mean ${%s}?", near)
						}
						from.Add(v.at.Line, v.at.Column, "insertion", message, "names are: "+either(append(known, "title", "town")))
					case k >= place:
						from.Add(v.at.Line, v.at.Column, "insertion", fmt.Sprintf("%q is not answered before this is said", short), "insert answers that are already there")
					case !d.Steps[k].Type.Asks():
						from.Add(v.at.Line, v.at.Column, "insertion", fmt.Sprintf("%q asks nothing, so there is no answer to insert", short), "name a step that asks something")
					}
				}
			})
			if i := strings.Index(v.text, "{"); i >= 0 && !strings.Contains(v.text, "${") {
				if end := strings.IndexByte(v.text[i:], '}'); end > 1 {
					word := v.text[i+1 : i+end]
					if globalName(word) || d.Index(prefix+word) >= 0 {
						from.Advise(v.at.Line, v.at.Column, "insertion", fmt.Sprintf("{%s} is said as it stands", word), "to insert the answer write ${"+word+"}")
					}
				}
			}
		}
	}
	check(f, "title", "", -1, &d.Title)
	check(f, "decides", "", -1, &d.Decides)
	for i, p := range plan {
		d.eachText(front+i, func(key string, t *Text) { check(p.from, key, p.prefix, front+i, t) })
		submitted = submitted || p.step.Type == Submit
	}
}

// attach puts translations in: the dialog's own, then those beside the parts that it uses.
func (l *loader) attach(d *Dialog, f *draft, plan []laid, front int) {
	d.Translations = map[string]map[string]Text{}
	d.files = l.translations[d.ID]
	wanted := func(lang string) (listed, attached bool) {
		for _, w := range d.Languages {
			listed = listed || w == lang
			attached = attached || w == lang || strings.HasPrefix(w, lang+"-") || strings.HasPrefix(lang, w+"-")
		}
		return listed, attached
	}
	for _, lang := range sorted(d.files) {
		file := d.files[lang]
		listed, attached := wanted(lang)
		file.check(d, listed)
		if lang == d.Language {
			file.Add(1, 1, "bad-language", "the dialog itself is written in "+lang, "a translation is in another language")
			continue
		}
		if !attached {
			if !f.part {
				file.Advise(file.dialogAt.Line, file.dialogAt.Column, "translation-unlisted", "this translation is not offered yet", "when it is complete, add "+lang+" to `languages` in "+base(f.File))
			}
			continue
		}
		file.translate(d, "", func(t string) string { return t })
	}
	parts := map[string]*draft{} // by prefix
	var order []string
	for _, p := range plan {
		if p.prefix != "" && parts[p.prefix] == nil {
			parts[p.prefix] = p.from
			order = append(order, p.prefix)
		}
	}
	for _, prefix := range order {
		part := parts[prefix]
		for _, lang := range sorted(l.translations[part.d.ID]) {
			if _, attached := wanted(lang); attached {
				l.translations[part.d.ID][lang].translate(d, prefix, func(t string) string { return rename(t, prefix) })
			}
		}
	}
	if f.part {
		return
	}
	for i, p := range plan {
		if list := l.listOf(p); list != nil {
			l.translatePlace(d, f, front+i, p, list)
		}
	}
	for _, lang := range d.Languages {
		at := f.at["languages."+lang]
		if lang == d.Language {
			f.Add(at.Line, at.Column, "bad-language", "the dialog itself is written in "+lang, "list further languages only")
			continue
		}
		if d.files[lang] == nil && d.files[parent(lang)] == nil {
			f.Add(at.Line, at.Column, "translation-missing", "there is no translation into "+lang, "make "+strings.TrimSuffix(base(f.File), ".yaml")+"."+lang+".yaml, or take "+lang+" out of `languages`")
			continue
		}
		lost := map[string][]string{}
		for _, key := range d.keys {
			if id := d.foreign[key]; id != "" && l.lists[id] == nil && !strings.HasSuffix(key, ".why") {
				if _, found := d.Text(lang, key); found == d.Language {
					lost[id] = append(lost[id], key)
				}
			}
		}
		for _, id := range sorted(lost) {
			f.Add(at.Line, at.Column, "translation-missing", fmt.Sprintf("the steps of %s are not translated into %s: %s", id, lang, all(lost[id])), "translate them in "+id+"."+lang+".yaml")
		}
	}
}
