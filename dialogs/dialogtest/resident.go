package dialogtest

import (
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
)

// Resident is somebody who talks to the town on the real conversation code. What is remembered of them is encoded and
// decoded between every two turns. A Resident is for one goroutine.
type Resident struct {
	Town   *talk.Town
	Traits render.Traits // the channel at hand
	Now    time.Time
	Seed   uint64 // orders rotated options

	Pages []render.Page // what was shown since the resident last said something
	Shown render.Traits // the channel that Pages were made for: a reminder to somebody who called comes as a text
	Over  bool          // nothing is awaited
	Pass  bool          // the call is being passed on to a desk
	End   string        // how the last conversation that ended did: engine.State.End
	Turns int
	Log   []Remark // the whole conversation
	Mute  bool     // don't keep a Log

	desk   desk
	memory talk.Memory
	bytes  []byte
	timers map[string]time.Time
	out    bool // on a call that the town made
	wrote  bool // from the number that they call from
	rung   bool // the town rings them
	err    error
}

// NewResident returns somebody the town has never heard of, on the channel with these traits.
func NewResident(town *talk.Town, traits render.Traits, now time.Time) *Resident {
	return &Resident{Town: town, Traits: traits, Now: now, timers: map[string]time.Time{}, desk: desk{zone: town.Zone}}
}

// Meets sets what the town knows before the conversation, as a test says: codes, requests, whether the desk is open.
func (r *Resident) Meets(t Test) {
	r.desk.roll, r.desk.used = t.Roll, slices.Clone(t.Used)
	r.desk.voted, r.desk.shut, r.desk.found = t.Voted, t.Shut, t.Found
}

// Speaks tells which language the town knows this resident to speak.
func (r *Resident) Speaks(lang string) { r.remember(talk.Memory{Lang: lang, On: r.Traits.Name}) }

// Memory is what the town remembers of this resident.
func (r *Resident) Memory() *talk.Memory { return &r.memory }

// Kept are the records that the town was given to keep, in order.
func (r *Resident) Kept() []*engine.Record { return r.desk.kept }

// Err is the first thing that went wrong in the town itself: a memory that can't be encoded, or not read again.
func (r *Resident) Err() error { return r.err }

// Dialog is the dialog of the open conversation, or nil.
func (r *Resident) Dialog() *dialogs.Dialog {
	if r.memory.Now == nil {
		return nil
	}
	return r.Town.Dialogs.Pinned(r.memory.Now.Pin)
}

// Asked is the step whose own question is open, or nil: the engine asks something else, or nothing is open.
func (r *Resident) Asked() *dialogs.Step {
	d, s := r.Dialog(), r.memory.Now
	if d == nil || r.memory.Hall != nil || s.Mode != engine.Asking || s.Step < 0 || s.Step >= len(d.Steps) {
		return nil
	}
	return &d.Steps[s.Step]
}

// Says sends words, or keys where the channel has nothing else.
func (r *Resident) Says(words string) { r.hear("you", words, talk.Heard{Words: words}) }

// Presses presses a key, or the button or card with that digit where the channel has some.
func (r *Resident) Presses(digit string) {
	h := talk.Heard{Words: digit}
	if r.Traits.Form == engine.Screen || r.Traits.Buttons > 0 {
		if slices.ContainsFunc(r.options(), func(o render.Shown) bool { return o.Digit == digit }) {
			h = talk.Heard{Choice: digit}
		}
	}
	r.hear("press", digit, h)
}

// Sends sends a picture or a recording.
func (r *Resident) Sends(mime, name string) {
	r.hear("send", name, talk.Heard{Media: []engine.Media{{Type: mime, Ref: name}}})
}

// Silent says nothing for as long as the channel waits.
func (r *Resident) Silent() { r.hear("quiet", "…", talk.Heard{Kind: talk.Quiet}) }

// Comes begins a call, a USSD menu or a visit to the kiosk.
func (r *Resident) Comes(traits render.Traits) {
	r.Traits, r.out = traits, false
	r.hear("comes", traits.Name, talk.Heard{Kind: talk.Came})
}

// Returns is a call that was passed on and comes back: nobody answered.
func (r *Resident) Returns() { r.hear("returns", r.Traits.Name, talk.Heard{Kind: talk.Returned}) }

// Confirms says that what was keyed in, chosen or recorded on a call is right, where that is asked.
func (r *Resident) Confirms() error {
	for r.memory.Hall == nil && r.memory.Now != nil && r.memory.Now.Mode == engine.Confirming {
		if err := r.Picks("right"); err != nil {
			return err
		}
	}
	return nil
}

// Leaves hangs up, or walks away.
func (r *Resident) Leaves() { r.hear("leaves", r.Traits.Name, talk.Heard{Kind: talk.Left}) }

// Switches turns to another channel and goes on there, if the town offers it.
func (r *Resident) Switches(traits render.Traits) {
	if !traits.Live {
		r.note("switch", traits.Name)
		r.Traits, r.Pages = traits, nil
		return
	}
	r.Comes(traits)
	if hall := r.memory.Hall; hall != nil && hall.Kind == talk.OfferHall {
		before := r.Pages
		if o, ok := r.find("on"); ok {
			r.Presses(o)
			r.Pages = append(slices.Clone(before), r.Pages...)
		}
	}
}

// Waits lets time go by. Timers ring when they are due; what comes of them is shown on a channel that can be reached.
func (r *Resident) Waits(d time.Duration) {
	r.note("wait", d.String())
	r.Pages = nil
	until := r.Now.Add(d)
	for range 1000 {
		name, at := r.next()
		if name == "" || at.After(until) {
			break
		}
		delete(r.timers, name)
		if at.After(r.Now) {
			r.Now = at
		}
		h := talk.Heard{Kind: talk.Rang, Timer: name}
		if r.memory.Reach == talk.ByCall && strings.HasPrefix(name, "remind:") {
			r.answers(h)
			continue
		}
		if r.Traits.Live { // the call is over by now: it is sent as a text message
			away := r.Traits
			r.Traits = render.SMS
			r.turn(h)
			r.Traits = away
		} else {
			r.turn(h)
		}
	}
	r.Now = until
}

// answers is a call of the town's that comes of a timer, and is taken.
func (r *Resident) answers(h talk.Heard) {
	away := r.Traits
	r.Traits, r.rung = render.Voice, false
	r.turn(h)
	if !r.rung {
		r.Traits = away
		return
	}
	r.out = true
	r.note("rings", r.Traits.Name)
	r.turn(talk.Heard{Kind: talk.Came})
}

// next is the timer that is due first; names decide between two of the same time.
func (r *Resident) next() (name string, at time.Time) {
	for n, t := range r.timers {
		if name == "" || t.Before(at) || t.Equal(at) && n < name {
			name, at = n, t
		}
	}
	return name, at
}

// options are those of the page on show.
func (r *Resident) options() []render.Shown {
	if len(r.Pages) == 0 {
		return nil
	}
	return r.Pages[len(r.Pages)-1].Options
}

// Picks gives the option called id, of whatever is open, by its digit.
func (r *Resident) Picks(id string) error { return r.picks(id, ByDigit) }

// find is the digit of an option, turning pages until it is on show.
func (r *Resident) find(id string) (digit string, ok bool) {
	again := r.Traits.Live && r.Traits.Form != engine.Screen && len(r.Pages) > 0 && r.Pages[len(r.Pages)-1].Number > 1
	for range 30 {
		more := false
		for _, o := range r.options() {
			if o.ID == id {
				return o.Digit, true
			}
			more = more || o.Digit == "8"
		}
		switch {
		case more:
			r.Presses("8")
		case again: // from the beginning
			again = false
			r.Presses("9")
		default:
			return "", false
		}
	}
	return "", false
}

// label is the words of an option, turning pages until it is on show.
func (r *Resident) label(id string) (string, bool) {
	if _, ok := r.find(id); !ok {
		return "", false
	}
	for _, o := range r.options() {
		if o.ID == id {
			return o.Label, true
		}
	}
	return "", false
}

// Remark is one thing that was said or done in a conversation.
type Remark struct {
	Who   string // "you", "press", "bot", …
	Words string
	Page  *render.Page // of the town's
	On    render.Traits
}

func (r *Resident) note(who, words string) {
	if !r.Mute {
		r.Log = append(r.Log, Remark{Who: who, Words: words, On: r.Traits})
	}
}

func (r *Resident) hear(who, words string, h talk.Heard) {
	r.note(who, words)
	r.Pages = nil
	r.turn(h)
}

func (r *Resident) turn(h talk.Heard) {
	if r.err != nil {
		return
	}
	h.At, h.Traits, h.Seed = r.Now, r.Traits, r.Seed
	r.Shown = r.Traits
	r.wrote = r.wrote || h.Kind == talk.Words && r.Traits.Texts
	h.Out, h.Texted = r.out, r.wrote && r.Traits.Form == engine.Speech
	if r.Town.Zone != nil {
		h.At = h.At.In(r.Town.Zone)
	}
	r.desk.now = h.At
	m, err := talk.Decode(r.bytes)
	if err != nil {
		r.err = err
		return
	}
	said, err := r.Town.Hear(m, h, r.desk.ask)
	if err != nil {
		r.err = err
		return
	}
	r.Turns++
	r.remember(said.Memory)
	r.Pages = append(r.Pages, said.Pages...)
	r.Over, r.Pass = said.Over, said.Pass
	if said.End != "" {
		r.End = said.End
	}
	for _, e := range said.Effects {
		switch e.Kind {
		case engine.SetTimer:
			r.timers[e.Timer] = e.At
		case engine.StopTimer:
			delete(r.timers, e.Timer)
		case engine.RingBack:
			r.rung = true
		}
	}
	if !r.Mute {
		for i := range said.Pages {
			p := &said.Pages[i]
			r.Log = append(r.Log, Remark{Who: "bot", Words: words(p, r.Traits.Form), Page: p, On: r.Traits})
		}
	}
}

func (r *Resident) remember(m talk.Memory) {
	r.memory = m
	b, err := talk.Encode(&r.memory)
	if err != nil && r.err == nil {
		r.err = err
	}
	r.bytes = b
}

// words is all that a page says, the way its channel shows it.
func words(p *render.Page, form engine.Form) string {
	var parts []string
	switch form {
	case engine.Speech:
		for i := range p.Spoken {
			parts = append(parts, uttered(&p.Spoken[i]))
		}
	case engine.Screen:
		for _, b := range p.Blocks {
			parts = append(parts, b.Words)
		}
		for _, o := range p.Options {
			parts = append(parts, o.Digit+" "+o.Label)
		}
	default:
		parts = append(parts, p.Text)
	}
	return strings.Join(parts, "\n")
}

// uttered is one utterance as a transcript has it.
func uttered(s *render.Spoken) string {
	switch {
	case s.Media != "":
		return "(the recording " + s.Media + ")"
	case s.Lang != "":
		return "(" + s.Lang + ") " + s.Words
	}
	return s.Words
}

// flat puts text on one line: white space and line breaks are no part of what is said.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// Said is what the town said since the resident last said something, on one line. Where a question goes on over several
// pages, the pages that the resident would turn to are in it.
func (r *Resident) Said() string {
	var parts []string
	for i := range r.Pages {
		parts = append(parts, words(&r.Pages[i], r.Shown.Form))
	}
	if n := len(r.Pages); n > 0 && !r.Over && r.Pages[n-1].Of > 1 {
		ahead := *r // turned by somebody else: nothing of it is remembered
		ahead.Mute, ahead.desk, ahead.timers = true, desk{}, map[string]time.Time{}
		for range r.Pages[n-1].Of - r.Pages[n-1].Number {
			ahead.Pages = nil
			ahead.turn(talk.Heard{Words: "8"})
			for i := range ahead.Pages {
				parts = append(parts, words(&ahead.Pages[i], r.Shown.Form))
			}
		}
	}
	return flat(strings.Join(parts, "\n"))
}

// readsOn turns to the last page of what is on show, where the question is.
func (r *Resident) readsOn() {
	for range 30 {
		n := len(r.Pages)
		if n == 0 || r.Over || r.Pages[n-1].Number >= r.Pages[n-1].Of {
			return
		}
		r.Presses("8")
	}
}

// lang is the language of what is on show.
func (r *Resident) lang() string {
	switch {
	case r.memory.Hall == nil && r.memory.Now != nil:
		return r.memory.Now.Lang
	case r.memory.Lang != "" || len(r.Town.Languages) == 0:
		return r.memory.Lang
	}
	return r.Town.Languages[0]
}
