package dialogtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
)

// someday is when a test of a dialog that is always open begins: a Monday morning.
var someday = time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)

// longestTalk is after how many answers a conversation is taken to go round in circles.
const longestTalk = 400

// Run holds one test's conversations with town, which must have d among its dialogs. It is pure: the same test always comes
// to the same result.
func Run(town *talk.Town, d *dialogs.Dialog, t Test) Result {
	u := run{town: town, d: d, t: t, result: Result{Test: t}}
	if !u.sound() {
		return u.result
	}
	if t.Talk != nil {
		for _, name := range t.Channels {
			u.talk(name)
		}
		return u.result
	}
	u.answers()
	return u.result
}

// run is one test under way.
type run struct {
	town   *talk.Town
	d      *dialogs.Dialog
	t      Test
	name   string // of the channel
	r      *Resident
	result Result

	lenient bool // the test isn't written for this channel: what it has no answer to is left out; r is nil where that can't be
}

func (u *run) fail(pos dialogs.Position, message, want, got string) {
	f := Failure{Pos: pos, Test: u.t.Name, Channel: u.name, Message: message, Want: want, Got: got}
	if u.name == "" {
		f.Channel = strings.Join(u.t.Channels, ", ")
	}
	if u.r != nil {
		f.Talk = u.r.Log
	}
	u.result.Failures = append(u.result.Failures, f)
}

// sound checks what only the dialog knows: the names of steps, options and endings.
func (u *run) sound() bool {
	var steps, ends []string
	for i := range u.d.Steps {
		st := &u.d.Steps[i]
		switch {
		case st.Type == dialogs.End || st.Type == dialogs.Handoff:
			ends = append(ends, st.ID)
		case st.Type.Asks():
			steps = append(steps, st.ID)
		}
	}
	ends = append(ends, "refused", "voted", "closed", "notopen", "expired", "erased", "handoff")
	if e := u.t.Ends; e != "" && !slices.Contains(ends, e) {
		u.fail(u.t.EndsPos, fmt.Sprintf("the dialog has no end called %q; %s", e, meant(e, ends)), "", "")
	}
	for _, g := range slices.Concat(u.t.Answers, u.t.Keeps.Answers) {
		i := u.d.Index(g.Step)
		if i < 0 || !u.d.Steps[i].Type.Asks() {
			u.fail(g.Pos, fmt.Sprintf("the dialog asks nothing called %q; %s", g.Step, meant(g.Step, steps)), "", "")
			continue
		}
		if _, _, err := canonical(&u.d.Steps[i], g); err != nil {
			u.fail(g.Pos, err.Error(), "", "")
		}
	}
	if l := u.t.Lang; l != "" && !slices.Contains(u.d.AllLanguages(), l) {
		u.fail(u.t.Pos, fmt.Sprintf("the dialog is not to be had in %q; %s", l, meant(l, u.d.AllLanguages())), "", "")
	}
	return u.result.OK()
}

// start is the moment that the test begins at, in the town's zone.
func (u *run) start() time.Time {
	zone := u.town.Zone
	if zone == nil {
		zone = time.UTC
	}
	wall := u.t.At
	switch {
	case !wall.IsZero():
	case !u.d.Opens.IsZero():
		return u.d.Opens.In(zone)
	default:
		wall = someday
	}
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, zone)
}

// meet brings a resident to the channel called name.
func (u *run) meet(name string) {
	traits, _ := Traits(name)
	u.name = name
	r := NewResident(u.town, traits, u.start())
	switch {
	case u.t.Lang != "":
		r.Speaks(u.t.Lang)
	case traits.Form == engine.Speech && len(u.town.Languages) > 0: // a caller who was here before isn't asked again
		r.Speaks(u.town.Languages[0])
	}
	r.Meets(u.t)
	u.r = r
}

// Opens begins the dialog in the channel's own way: by its start word, or from the menu that a call begins with.
func (r *Resident) Opens(d *dialogs.Dialog) error {
	if r.Traits.Live {
		r.Comes(r.Traits)
		if d.Start == "" || !d.Hidden {
			digit, ok := r.find(d.ID)
			if ok {
				r.Presses(digit)
				return r.opened(d)
			}
			if d.Start == "" {
				return fmt.Errorf("the menu does not offer the dialog")
			}
		}
	}
	if d.Start == "" {
		r.Says("menu")
		if err := r.picks(d.ID, ByDigit); err != nil {
			return fmt.Errorf("the menu does not offer the dialog")
		}
		return r.opened(d)
	}
	r.Says(d.Start)
	return r.opened(d)
}

func (r *Resident) opened(d *dialogs.Dialog) error {
	if r.err == nil && r.memory.Now == nil && r.End == "" {
		return fmt.Errorf("the dialog did not begin")
	}
	if r.err == nil && r.memory.Now != nil && r.memory.Now.Pin.ID != d.ID {
		return fmt.Errorf("another dialog began: %s", r.memory.Now.Pin.ID)
	}
	return r.err
}

// answers runs an answers test on each of its channels, then on all others and in all languages, and compares what is on
// record.
func (u *run) answers() {
	var first *held
	used := map[string]bool{}
	for _, name := range u.t.Channels {
		u.meet(name)
		before := len(u.result.Failures)
		u.converse(used)
		u.result.Turns += u.r.Turns
		if len(u.result.Failures) > before {
			continue
		}
		u.outcome()
		if len(u.result.Failures) > before {
			continue
		}
		if first == nil {
			first = u.held()
		} else {
			u.same(first)
		}
	}
	if !u.result.OK() {
		return
	}
	for _, g := range u.t.Answers {
		if !used[g.Step] && !u.passedOver(g) {
			u.r, u.name = nil, ""
			u.fail(g.Pos, fmt.Sprintf("%q is never asked in this test", g.Step), "", "")
		}
	}
	if first != nil && u.result.OK() {
		u.elsewhere(first)
	}
}

// passedOver says whether a question may rightly go unasked: no channel of the test can carry it, or each already answers it.
func (u *run) passedOver(g Given) bool {
	st := &u.d.Steps[u.d.Index(g.Step)]
	switch st.Type {
	case dialogs.Photo, dialogs.Contact, dialogs.Words, dialogs.Place:
		for _, name := range u.t.Channels {
			t, _ := Traits(name)
			if st.Type != dialogs.Contact && carries(u.d, st, t) || st.Type == dialogs.Contact && !t.Address {
				return false
			}
		}
		return true
	case dialogs.Similar:
		return len(u.t.Found) == 0 && len(g.Values) == 1 && (g.Values[0] == "none" || g.Values[0] == "skip")
	}
	return false
}

// carries says whether a channel carries an answer to a step, or it is left out there.
func carries(d *dialogs.Dialog, st *dialogs.Step, t render.Traits) bool {
	switch st.Type {
	case dialogs.Photo:
		return t.Photo
	case dialogs.Words, dialogs.Place:
		return t.Form != engine.Speech || t.Voice && d.Recordable()
	}
	return true
}

// converse gives the answers of the test to whatever is asked, until the conversation ends.
func (u *run) converse(used map[string]bool) {
	r := u.r
	if err := r.Opens(u.d); err != nil {
		u.fail(u.t.Pos, err.Error(), "", r.Said())
		return
	}
	way := WayOf(r.Traits)
	for range longestTalk {
		if r.err != nil {
			u.fail(u.t.Pos, "the conversation broke: "+r.err.Error(), "", "")
			return
		}
		if r.End != "" {
			return
		}
		if err := r.Confirms(); err != nil {
			u.fail(u.t.Pos, err.Error(), "", r.Said())
			return
		}
		if r.End != "" {
			return
		}
		st := r.Asked()
		if st == nil {
			u.fail(u.t.Pos, "the town asks something that this test has no answer to", "", r.Said())
			return
		}
		i := slices.IndexFunc(u.t.Answers, func(g Given) bool { return g.Step == st.ID })
		if i < 0 && u.lenient {
			if !st.Optional {
				u.r = nil
				return
			}
			r.Skips()
			continue
		}
		if i < 0 {
			hint := ""
			if st.Optional {
				hint = fmt.Sprintf("; write `%s: skip` to leave it out", st.ID)
			}
			u.fail(u.t.Pos, fmt.Sprintf("the dialog asks %q, and the test has no answer to it%s", st.ID, hint), "", r.Said())
			return
		}
		g := u.t.Answers[i]
		used[st.ID] = true
		values, skip, err := canonical(st, g)
		turns := r.Turns
		switch {
		case err != nil:
		case skip:
			r.Skips()
		default:
			err = r.Gives(st, values, way)
		}
		if err == nil && r.err == nil && (r.Turns == turns || r.Asked() == st && r.memory.Now.Tries > 0) {
			err = fmt.Errorf("the answer to %q was not understood", st.ID)
		}
		if err == nil && skip && r.Asked() == st {
			err = fmt.Errorf("%q can't be skipped", st.ID)
		}
		if err != nil {
			u.fail(g.Pos, err.Error(), strings.Join(g.Values, " "), r.Said())
			return
		}
	}
	u.fail(u.t.Pos, "the conversation never ends", "", r.Said())
}

// outcome compares how the conversation ended, and what is on record, with what the test expects.
func (u *run) outcome() {
	r, t := u.r, u.t
	if t.Ends != "" {
		switch {
		case r.End == "":
			u.fail(t.EndsPos, "the conversation is not over", t.Ends, r.Said())
		case r.End != t.Ends && !(r.End == "handoff" && r.desk.step == t.Ends):
			u.fail(t.EndsPos, "it ends otherwise", t.Ends, r.End)
		}
	}
	if t.Passes != "" && !slices.Contains(r.desk.passed, t.Passes) {
		u.fail(t.Pos, "it is not passed to the desk", t.Passes, strings.Join(r.desk.passed, ", "))
	}
	if !t.Keeps.Look {
		return
	}
	kept := r.Kept()
	switch {
	case t.Keeps.Nothing:
		if len(kept) > 0 {
			u.fail(t.Keeps.Pos, "something is kept", "nothing", worded(kept[0]))
		}
		return
	case len(kept) == 0:
		u.fail(t.Keeps.Pos, "nothing is kept", "a record", "")
		return
	case len(kept) > 1:
		u.fail(t.Keeps.Pos, fmt.Sprintf("%d records are kept", len(kept)), "one record", "")
		return
	}
	if t.Keeps.Only {
		u.record(kept[0])
	}
}

// record compares a record with the answers that the test lists: no more, no less.
func (u *run) record(rec *engine.Record) {
	for _, g := range u.t.Keeps.Answers {
		st := &u.d.Steps[u.d.Index(g.Step)]
		want, skip, _ := canonical(st, g)
		traits, _ := Traits(u.name)
		skip = skip || !carries(u.d, st, traits)
		got, there := rec.Answer(g.Step)
		if st.Type == dialogs.Similar {
			got, there = engine.Recorded{Values: []string{rec.Joins}}, rec.Joins != ""
		}
		for _, m := range got.Media {
			got.Values = append(slices.Clone(got.Values), m.Ref)
		}
		switch {
		case skip && there:
			u.fail(g.Pos, fmt.Sprintf("there is an answer to %q on record", g.Step), "none", strings.Join(got.Values, " "))
		case !skip && !there:
			u.fail(g.Pos, fmt.Sprintf("the answer to %q is not on record", g.Step), strings.Join(want, " "), worded(rec))
		case !skip && !slices.Equal(want, got.Values):
			u.fail(g.Pos, fmt.Sprintf("another answer to %q is on record", g.Step), strings.Join(want, " "), strings.Join(got.Values, " "))
		}
	}
	for _, a := range rec.Answers {
		if !slices.ContainsFunc(u.t.Keeps.Answers, func(g Given) bool { return g.Step == a.Step }) {
			u.fail(u.t.Keeps.Pos, fmt.Sprintf("the answer to %q is on record, and the test does not list it", a.Step), "", strings.Join(a.Values, " "))
		}
	}
}

// worded is a record on one line.
func worded(rec *engine.Record) string {
	var parts []string
	for _, a := range rec.Answers {
		s := a.Step + ": " + strings.Join(a.Values, " ")
		for _, m := range a.Media {
			s += " [" + m.Ref + "]"
		}
		parts = append(parts, s)
	}
	if rec.Joins != "" {
		parts = append(parts, "joins "+rec.Joins)
	}
	return strings.Join(parts, ", ")
}

// talk holds a talk line by line.
func (u *run) talk(name string) {
	u.meet(name)
	r := u.r
	for _, l := range u.t.Talk {
		switch l.Kind {
		case You:
			r.Says(l.Text)
		case Press:
			r.Presses(l.Text)
		case Wait:
			r.Waits(l.For)
		case Switch, Comes:
			traits, _ := Traits(l.Text)
			if l.Kind == Comes {
				r.Comes(traits)
			} else {
				r.Switches(traits)
			}
		case Leaves:
			r.Leaves()
		case Quiet:
			r.Silent()
		case Photo:
			r.Sends("image/jpeg", l.Text)
		case Recording:
			r.Sends("audio/ogg", l.Text)
		case Pin:
			r.Says("geo:" + strings.TrimPrefix(l.Text, "geo:"))
		case Bot, Not:
			said := r.Said()
			if there := strings.Contains(said, flat(l.Text)); there != (l.Kind == Bot) {
				message := "the town does not say this"
				if there {
					message = "the town says what it must not say"
				}
				if said == "" {
					said = "(nothing)"
				}
				u.fail(l.Pos, message, flat(l.Text), said)
				u.result.Turns += r.Turns
				return
			}
		}
		if r.err != nil {
			u.fail(l.Pos, "the conversation broke: "+r.err.Error(), "", "")
			return
		}
	}
	u.result.Turns += r.Turns
	u.outcome()
}
