package dialogs

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// draft is a dialog as read from its file, before `use` is copied in and conditions are bound.
type draft struct {
	*Source
	d     *Dialog
	steps []draftStep
	spots map[string]spots    // where the variants of each text are written
	at    map[string]Position // where the keys of the dialog are written; "" is the dialog's id
	part  bool                // for `use` only
	torn  bool                // steps or conditions are missing: the way through can't be judged
}

// draftStep is a step as written.
type draftStep struct {
	Step
	when      *yaml.Node
	use       string
	usePos    Position
	broken    bool // something is wrong with its keys: more would only follow from that
	fields    map[string]Position
	compareAt []Position
}

// spots are where the variants of a text are written; zero where they are not.
type spots struct {
	text, short, speech Position
	also                []Position
}

// fieldAt is where a problem with a key's value is shown: at the value where it is one line, else at the key.
func fieldAt(key, n *yaml.Node) Position {
	if n.Kind == yaml.ScalarNode && n.Value != "" || n.Style&yaml.FlowStyle != 0 {
		return at(n)
	}
	return at(key)
}

func at(n *yaml.Node) Position { return Position{Line: n.Line, Column: n.Column} }

// bad and advise note a problem at a node.
func (f *draft) bad(n *yaml.Node, code, message, hint string) {
	f.Add(n.Line, n.Column, code, message, hint)
}

var dialogKeys = []string{"dialog", "version", "title", "purpose", "service", "language", "languages", "start", "menu", "opens", "closes", "who", "secrecy", "decides", "remind_after", "expire_after", "steps"}

// keysOf are the keys that a step of this type may have.
func keysOf(t Type) []string {
	asks := []string{"id", "type", "say", "when", "optional", "retry", "why", "keep"}
	switch t {
	case Say, End:
		return []string{"id", "type", "say", "when"}
	case Choice:
		return append(asks, "options", "rotate")
	case Choices:
		return append(asks, "options", "rotate", "limit")
	case Rank:
		return append(asks, "options", "rotate")
	case Budget:
		return append(asks, "options", "rotate", "total")
	case Number:
		return append(asks, "min", "max", "decimals")
	case Scale:
		return append(asks, "labels", "min")
	case Date:
		return append(asks, "from", "to")
	case Words:
		return append(asks, "voice", "limit")
	case Place:
		return append(asks, "from")
	case YesNo, Photo, Contact:
		return asks
	case Similar:
		return []string{"id", "type", "say", "when", "retry", "why", "compare", "within", "days"}
	case Review:
		return []string{"id", "type", "say", "when", "retry"}
	case Status:
		return []string{"id", "type", "say", "when", "optional", "retry", "why"}
	case Consent:
		return append(asks, "refuse")
	case Submit:
		return []string{"id", "type", "when"}
	case Handoff:
		return []string{"id", "type", "say", "when", "to", "closed"}
	case Use:
		return []string{"id", "type", "when", "dialog"}
	}
	return nil
}

// Types are the types that a step can have, as an author writes them.
func Types() []Type {
	return []Type{Say, Choice, Choices, Rank, Budget, YesNo, Number, Scale, Date, Words, Place, Photo, Contact, Similar, Review, Consent, Submit, Status, Handoff, Use, End}
}

func typeNames() []string {
	var names []string
	for _, t := range Types() {
		names = append(names, string(t))
	}
	return names
}

// readDialog reads a dialog's file; nil when there is nothing to read on with.
func readDialog(s *Source, zone *time.Location) *draft {
	top := s.Parse()
	if top == nil {
		return nil
	}
	f := &draft{Source: s, d: &Dialog{File: s.File}, spots: map[string]spots{}, at: map[string]Position{}, torn: len(s.problems) > 0}
	if top.Kind != yaml.MappingNode {
		f.bad(top, "no-dialog", "this is no dialog", "begin with `dialog:` and the dialog's name")
		return nil
	}
	d := f.d
	var steps *yaml.Node
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, n := top.Content[i], top.Content[i+1]
		f.at[key.Value] = fieldAt(key, n)
		switch key.Value {
		case "dialog":
			if w, ok := f.word(n, "a dialog's name"); ok {
				d.ID = w
				if !dialogID(w) {
					f.bad(n, "bad-id", fmt.Sprintf("%q can't be the name of a dialog", clip(w)), "use small letters a–z, digits and hyphens, for example street-problem")
				}
			}
		case "version":
			d.Version = f.count(n, 1, 1_000_000)
		case "title":
			d.Title = f.text(n, "title")
		case "purpose":
			d.Purpose = Purpose(f.oneOf(n, "purpose", string(Consultation), string(Request), string(Information)))
		case "service":
			f.service(n)
		case "language":
			d.Language = f.language(n)
		case "languages":
			for _, l := range f.list(n, 40) {
				if w := f.language(l); w != "" {
					d.Languages = append(d.Languages, w)
					f.at["languages."+w] = at(l)
				}
			}
		case "start":
			if w, ok := f.word(n, "a start word"); ok {
				d.Start = strings.ToUpper(w)
			}
		case "menu":
			d.Hidden = !f.yes(n)
		case "opens":
			d.Opens = f.moment(n, zone, false)
		case "closes":
			d.Closes = f.moment(n, zone, true)
		case "who":
			d.Who = Who(f.oneOf(n, "who", string(Anyone), string(OneNumber), string(Roll)))
		case "secrecy":
			d.Secrecy = Secrecy(f.oneOf(n, "secrecy", string(Public), string(Confidential), string(Secret)))
		case "decides":
			d.Decides = f.text(n, "decides")
		case "remind_after":
			d.RemindAfter = f.duration(n)
		case "expire_after":
			d.ExpireAfter = f.duration(n)
		case "steps":
			steps = n
		default:
			f.unknown(key, dialogKeys, "a dialog")
		}
	}
	f.part = d.Purpose == "" && f.at["purpose"] == (Position{}) && f.at["title"] == (Position{}) && f.at["start"] == (Position{})
	need := func(key, why, hint string) {
		if _, ok := f.at[key]; !ok {
			f.Add(top.Line, top.Column, "missing", why, hint)
		}
	}
	need("dialog", "the dialog has no name", "begin with `dialog:` and its name, the same as the file's")
	need("version", "the dialog has no version", "write `version: 1`; raise it whenever a published dialog changes")
	need("language", "the dialog does not say which language its wording is in", "write for example `language: en`")
	need("steps", "the dialog has no steps", "write `steps:` and below it the steps, each with `- id:`")
	if !f.part {
		need("title", "the dialog has no title", "write `title:` and what the menu should say")
		need("purpose", "the dialog does not say what it is for", "write `purpose: consultation`, `purpose: request` or `purpose: information`")
	}
	if steps != nil {
		f.readSteps(steps)
	}
	return f
}

func (f *draft) service(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		f.bad(n, "wrong-kind", "`service` is a block", "write `code:`, `department:` and `days:` below it, two spaces further in")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		f.at["service."+key.Value] = at(v)
		switch key.Value {
		case "code":
			f.d.Service.Code, _ = f.word(v, "a service code")
		case "department":
			f.d.Service.Department, _ = f.word(v, "a department's name")
		case "days":
			f.d.Service.Days = f.count(v, 1, 365)
		default:
			f.unknown(key, []string{"code", "department", "days"}, "a service")
		}
	}
}

func (f *draft) readSteps(n *yaml.Node) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		f.bad(n, "wrong-kind", "`steps` is a list", "begin each step with `- id:`, two spaces further in")
		return
	}
	const most = 500
	seen := map[string]Position{}
	for i, step := range n.Content {
		if i == most {
			f.bad(step, "too-many", fmt.Sprintf("there are more than %d steps", most), "nobody answers that many: split the dialog")
			return
		}
		if step.Kind != yaml.MappingNode {
			f.bad(step, "wrong-kind", "this is no step", "a step begins with `- id:` and has a `type:`")
			continue
		}
		before := len(f.problems)
		s := f.readStep(step)
		s.broken = len(f.problems) > before
		if s.ID == "" {
			s.ID = "step" + strconv.Itoa(i+1)
			continue
		}
		if first, ok := seen[s.ID]; ok {
			f.Add(s.Pos.Line, s.Pos.Column, "duplicate-id", fmt.Sprintf("there are two steps called %q; the first is in line %d", s.ID, first.Line), "give one of them another id")
			continue
		}
		seen[s.ID] = s.Pos
		if s.Type == "" {
			f.torn = true
			continue
		}
		f.steps = append(f.steps, s)
	}
}

// reserved words can't be the id of a step: conditions, insertions and translations need them.
func reserved(id string) bool {
	switch id {
	case "is", "not", "in", "has", "and", "or", "answered", "title", "decides", "reference", "due", "town", "retry", "why", "closed", "refuse", "roll_code":
		return true
	}
	return false
}

func (f *draft) readStep(n *yaml.Node) draftStep {
	s := draftStep{fields: map[string]Position{}}
	s.Pos = Position{f.File, n.Line, n.Column}
	var typed *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		switch key.Value {
		case "id":
			if w, ok := f.word(v, "an id"); ok {
				s.Pos = Position{f.File, v.Line, v.Column}
				s.ID = w
				if !name(w) {
					f.bad(v, "bad-id", fmt.Sprintf("%q can't be the id of a step", clip(w)), "use small letters a–z, digits and _, beginning with a letter; residents never see it")
				} else if reserved(w) {
					f.bad(v, "reserved-id", fmt.Sprintf("%q has a meaning of its own in dialogs", w), "give the step another id")
				}
			}
		case "type":
			typed = v
		}
	}
	if s.ID == "" {
		f.bad(n, "missing", "this step has no id", "write `id:` and a short name; residents never see it")
	}
	if typed == nil {
		f.bad(n, "missing", "this step has no type", "write `type:` and one of: "+either(typeNames()[:12]))
		return s
	}
	if w, ok := f.word(typed, "a type"); ok {
		s.Type = Type(w)
	}
	keys := keysOf(s.Type)
	if keys == nil {
		hint := "the types are: " + strings.Join(typeNames(), ", ")
		message := fmt.Sprintf("there is no step type %q", clip(string(s.Type)))
		if near := Nearest(string(s.Type), typeNames()); near != "" {
			message += fmt.Sprintf("; did you mean %q?", near)
		}
		f.bad(typed, "unknown-type", message, hint)
		s.Type = ""
		return s
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		known := false
		for _, k := range keys {
			known = known || k == key.Value
		}
		if !known {
			f.unknown(key, keys, "a step of type `"+string(s.Type)+"`")
			continue
		}
		s.fields[key.Value] = fieldAt(key, v)
		f.field(&s, key, v)
	}
	f.complete(&s, n)
	return s
}

func (f *draft) field(s *draftStep, key, v *yaml.Node) {
	switch key.Value {
	case "say":
		s.Say = f.text(v, s.ID)
	case "when":
		if w, ok := f.word(v, "a condition"); ok && w != "" {
			s.when = v
		}
	case "optional":
		s.Optional = f.yes(v)
	case "retry":
		s.Retry = f.retries(v, s.ID)
	case "why":
		s.Why = f.text(v, s.ID+".why")
	case "keep":
		s.Keep = f.duration(v)
	case "options":
		s.Options = f.options(v, s.ID)
	case "labels":
		s.Options = f.labels(v, s.ID)
	case "rotate":
		s.Rotate = f.yes(v)
	case "total":
		s.Total = f.count(v, 2, 100_000)
	case "min":
		s.Min, s.HasMin = f.number(v)
	case "max":
		s.Max, s.HasMax = f.number(v)
	case "decimals":
		s.Whole = !f.yes(v)
	case "limit":
		most := 5000
		if s.Type == Choices {
			most = 100
		}
		s.Limit = f.count(v, 1, most)
	case "voice":
		s.Voice = f.yes(v)
	case "from":
		if s.Type == Date {
			s.Earliest = f.day(v)
		} else {
			s.From, _ = f.word(v, "the name of a list of landmarks")
		}
	case "to":
		if s.Type == Date {
			s.Latest = f.day(v)
		} else {
			s.To, _ = f.word(v, "the name of a desk")
		}
	case "compare":
		for _, c := range f.list(v, 20) {
			if w, ok := f.word(c, "the id of a step"); ok {
				s.Compare = append(s.Compare, w)
				s.compareAt = append(s.compareAt, at(c))
			}
		}
	case "within":
		s.Within = f.metres(v)
	case "days":
		s.Days = f.count(v, 1, 3650)
	case "closed":
		s.Closed = f.text(v, s.ID+".closed")
	case "refuse":
		s.Refuse = f.text(v, s.ID+".refuse")
	case "dialog":
		s.use, _ = f.word(v, "the name of a dialog")
		s.usePos = at(v)
	}
}

// complete sets what a step did not say and refuses what it must say.
func (f *draft) complete(s *draftStep, n *yaml.Node) {
	need := func(key, hint string) {
		if _, ok := s.fields[key]; !ok {
			f.bad(n, "missing", fmt.Sprintf("the step %q needs `%s`", clip(s.ID), key), hint)
		}
	}
	switch s.Type {
	case Review, Submit, Status, Use:
	default:
		need("say", "write `say:` and what the resident reads or hears")
	}
	switch s.Type {
	case Choice, Choices, Rank, Budget:
		need("options", "write `options:` and below it two or more, for example `buses: More frequent buses`")
	}
	switch s.Type {
	case Number:
		if _, ok := s.fields["decimals"]; !ok {
			s.Whole = true
		}
		if s.HasMin && s.HasMax && s.Min > s.Max {
			f.Add(s.fields["min"].Line, s.fields["min"].Column, "range", "`min` is greater than `max`", "swap the two")
		}
	case Scale:
		s.Whole = true
		need("labels", "write `labels:` and below it 2 to 7 labels, from one end to the other")
		if !s.HasMin {
			s.Min = 1
		}
		s.HasMin, s.HasMax = true, true
		if s.Min != math.Trunc(s.Min) || math.Abs(s.Min) > 1000 {
			p := s.fields["min"]
			f.Add(p.Line, p.Column, "range", "a scale counts in whole numbers", "write for example `min: 1`")
			s.Min = 1
		}
		s.Max = s.Min + float64(max(len(s.Options)-1, 0))
		for i := range s.Options {
			id := strconv.Itoa(int(s.Min) + i)
			if at, ok := f.spots[s.ID+".#"+strconv.Itoa(i)]; ok {
				f.spots[s.ID+"."+id] = at
				delete(f.spots, s.ID+".#"+strconv.Itoa(i))
			}
			s.Options[i].ID = id
		}
	case Date:
		if s.Earliest.Set && s.Latest.Set && s.Earliest.Fixed.IsZero() == s.Latest.Fixed.IsZero() &&
			(s.Earliest.Fixed.After(s.Latest.Fixed) || s.Earliest.After > s.Latest.After) {
			p := s.fields["from"]
			f.Add(p.Line, p.Column, "range", "`from` is after `to`", "swap the two")
		}
	case Budget:
		need("total", "say how much there is to share, for example `total: 10`")
	case Words:
		if s.Limit == 0 {
			s.Limit = 1000
		}
	case Similar:
		need("compare", "name the steps whose answers must be alike, for example `compare: [what, place.where]`")
		if s.Within == 0 {
			s.Within = 100
		}
		if s.Days == 0 {
			s.Days = 30
		}
	case Handoff:
		need("to", "name the desk that takes over")
		need("closed", "say what to do when nobody is at the desk: a number to call, an hour to come back")
	case Use:
		need("dialog", "name the dialog whose steps are copied in")
	}
	if s.Type == Choices && s.Limit > len(s.Options) {
		p := s.fields["limit"]
		f.Add(p.Line, p.Column, "range", fmt.Sprintf("`limit` is %d, but there are %d options", s.Limit, len(s.Options)), "lower it, or leave it out")
	}
}

// unknown notes a key that does not belong here.
func (f *draft) unknown(key *yaml.Node, known []string, where string) {
	if f.full {
		return
	}
	message := fmt.Sprintf("%s has no key `%s`", where, clip(key.Value))
	if near := Nearest(key.Value, known); near != "" {
		message += fmt.Sprintf("; did you mean `%s`?", near)
	}
	f.bad(key, "unknown-key", message, "the keys are: "+strings.Join(known, ", "))
}
