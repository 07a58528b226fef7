package talk

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// Whoever asks for a person waits, and can go on here meanwhile: nobody should sit before a phone that says nothing until the
// desk opens. From a clerk's first words on, what they write is for the clerk, until one of the two ends it. The clerk's first
// words say so, which is why it isn't so from the moment in which a clerk takes them.

// Desk is how a resident's talk with a person at the town's desk stands.
type Desk struct {
	With  string  `cbor:"1,keyasint,omitempty"` // the clerk whose words came last; "": they wait for the first
	Away  bool    `cbor:"2,keyasint,omitempty"` // they went on without a person; PERSON, and the clerk's next words, bring them back
	Told  bool    `cbor:"3,keyasint,omitempty"` // that nobody is at the desk now
	Ref   string  `cbor:"4,keyasint,omitempty"` // of the request that it is about
	By    string  `cbor:"5,keyasint,omitempty"` // how they were told that a person answers: "here", "text", "call", "pin"
	Since int64   `cbor:"6,keyasint,omitempty"` // a person was last asked for; unix seconds
	Held  []Spoke `cbor:"7,keyasint,omitempty"` // what a clerk said to somebody behind a PIN, until they come
	Over  bool    `cbor:"8,keyasint,omitempty"` // it ended, but for Held
}

// Spoke is what a clerk said.
type Spoke struct {
	_     struct{} `cbor:",toarray"`
	Clerk string
	Words string
}

// Letter is what a resident says to the desk.
type Letter struct {
	Words string
	Media []engine.Media
}

// Clerked is the kind of what a clerk does.
const Clerked Kind = 40

// ClerkAct is what a clerk does that the resident sees.
type ClerkAct uint8

const (
	ClerkSays   ClerkAct = iota + 1 // something
	ClerkBack                       // back to the questions, with what stood open
	ClerkCloses                     // the talk is over
)

// waitsLong is how long what isn't understood goes to a desk at which nobody has answered yet.
const waitsLong = 7 * 24 * time.Hour

// waitsFor notes that a person was asked for, and can answer.
func (x *hearing) waitsFor(r map[string]string) {
	by := r["by"]
	if by == "" {
		return
	}
	d := Desk{}
	if x.m.Desk != nil {
		d = *x.m.Desk
	}
	d.By, d.Ref, d.Since, d.Over = by, r["reference"], x.h.At.Unix(), false
	x.m.Desk = &d
}

// talks says whether what the resident writes is for a clerk.
func (d *Desk) talks() bool { return d != nil && d.With != "" && !d.Away && !d.Over }

// WithClerk says whether what the resident writes is for a clerk.
func (m *Memory) WithClerk() bool { return m.Desk.talks() }

// written says whether the resident writes where a clerk's answers come: nobody can answer on a call, a menu, or a screen.
func (x *hearing) written() bool { return x.h.Traits.Form == engine.Text && !x.h.Traits.Live }

func (x *hearing) talks() bool { return x.m.Desk.talks() && x.written() }

// say shows something that asks nothing.
func (x *hearing) say(prompts ...engine.Prompt) { x.show(x.words(nil, x.lang()), prompts, 0, true) }

// ofDesk is a phrase that names the clerk.
func (x *hearing) ofDesk(key string) engine.Prompt {
	return engine.Prompt{Key: key, Step: -1, Args: []engine.Arg{{Name: "clerk", Value: x.m.Desk.With}}}
}

// atDesk takes what is said to a clerk; it says whether it was. The words that always work are the town's own.
func (x *hearing) atDesk() (bool, error) {
	if x.h.Kind != Words || x.m.Desk == nil || !x.written() || x.m.Hall.ofPIN() {
		return false, nil
	}
	c, _ := x.command()
	if d := x.m.Desk; d.Away && d.With != "" && !d.Over && c == locales.Person {
		d.Away = false
		x.m.Hall = nil
		x.writes(x.ofDesk("@desk.again"))
		return true, nil
	}
	if !x.talks() {
		return false, nil
	}
	if done, err := x.settlesHall(); done || err != nil {
		return true, err
	}
	switch c {
	case locales.Stop:
		return true, x.toldInHall(engine.Input{Kind: engine.Told, Command: c})
	case locales.Menu:
		return true, x.leavesDesk()
	case locales.Erase:
		x.m.Hall = &Hall{Kind: EraseHall}
		return true, x.hall()
	case locales.Tongue:
		if len(x.t.Languages) > 1 {
			x.m.Hall = &Hall{Kind: TongueHall}
			return true, x.hall()
		}
	case locales.Link, locales.Part:
		_, err := x.aboutOthers(c)
		return true, err
	case locales.PIN:
		if x.shares() {
			return true, x.pin()
		}
	case locales.Help, locales.Person: // a clerk may be asked for it, and so may we
		x.writes(x.ofDesk("@desk.help"))
		return true, nil
	}
	switch {
	case x.h.Choice != "": // a button under something older
		x.say(x.ofDesk("@desk.help"))
	case x.votes():
		x.say(engine.Prompt{Key: "@desk.ballot", Step: -1})
	default:
		x.writes()
	}
	return true, nil
}

// command is the word that always works which was said, if it was nothing else, and the language that it is of.
func (x *hearing) command() (locales.Command, string) {
	if x.h.Choice != "" || len(x.h.Media) > 0 {
		return "", ""
	}
	for _, tag := range x.tongues() {
		if c, ok := x.t.Locales.Language(tag).Command(x.h.Words); ok {
			return c, tag
		}
	}
	return "", ""
}

// settlesHall takes the answer to what was asked in between: whether all is to be erased, which language, whether a phone is put
// together with this one, or leaves. Anything else is for the clerk. It says whether there was an answer.
func (x *hearing) settlesHall() (bool, error) {
	h := x.m.Hall
	if h == nil || h.Kind != EraseHall && h.Kind != TongueHall && !h.ofLink() {
		x.m.Hall = nil
		return false, nil
	}
	in := render.Read(x.words(nil, x.lang()), x.hallPrompts(x.lang()), h.Page, x.h.Traits, render.Heard{Words: x.h.Words, Choice: x.h.Choice})
	if in.Kind != engine.Said || len(in.Values) != 1 {
		x.m.Hall = nil
		return false, nil
	}
	switch {
	case h.ofLink():
		return true, x.chosenLink(in.Values[0])
	case h.Kind == TongueHall:
		x.m.Hall = nil
		x.effect(engine.Effect{Kind: engine.SetLanguage, Lang: in.Values[0]}, nil)
		x.say(engine.Prompt{Key: engine.PhraseTongueSet, Step: -1}, x.ofDesk("@desk.on"))
	case in.Values[0] == "yes":
		return true, x.wipe()
	default:
		x.m.Hall = nil
		x.say(engine.Prompt{Key: engine.PhraseErasedNot, Step: -1}, x.ofDesk("@desk.on"))
	}
	return true, nil
}

// leavesDesk goes on without a person.
func (x *hearing) leavesDesk() error {
	x.m.Desk.Away = true
	if x.now() == nil {
		x.menu("@desk.left")
		return x.hall()
	}
	now := *x.m.Now
	now.Page, now.Note = 0, "@desk.left"
	if now.Mode == engine.Paused {
		now.Mode = engine.Asking
	}
	x.m.Now = &now
	return x.looked()
}

// writes passes what was said on to the desk. Nothing is replied but these, and when the desk opens, once.
func (x *hearing) writes(reply ...engine.Prompt) {
	if x.h.Full {
		x.say(engine.Prompt{Key: "@desk.full", Step: -1})
		return
	}
	if x.h.Words != "" || len(x.h.Media) > 0 {
		x.said.Letter = &Letter{x.h.Words, x.h.Media}
	}
	if d := x.m.Desk; x.h.Shut != "" && !d.Told {
		d.Told = true
		reply = append(reply, engine.Prompt{Key: "@desk.shut", Step: -1, Args: []engine.Arg{{Name: "hours", Value: x.h.Shut}}})
	}
	if len(reply) > 0 || x.h.Refused != "" {
		x.say(reply...)
	}
}

// votes says whether the words may be an answer to an open question that nobody at the desk may see. Own words can't be told from
// what is for the clerk.
func (x *hearing) votes() bool {
	d := x.now()
	if d == nil || !Private(d) || x.m.Now.Step < 0 {
		return false
	}
	switch d.Steps[x.m.Now.Step].Type {
	case dialogs.Words, dialogs.Place, dialogs.Contact, dialogs.Photo:
		return false
	}
	in := x.read(d, x.m.Now, x.h.Words)
	return in.Kind == engine.Said || in.Kind == engine.Unsure
}

// Private says whether nobody at the desk may see what is answered to a dialog.
func Private(d *dialogs.Dialog) bool {
	return d.Purpose == dialogs.Consultation && (d.Secrecy == dialogs.Secret || d.Secrecy == dialogs.Confidential)
}

// passes passes on what isn't understood while a person is waited for, where it looks as if it was meant for one, and says
// whether it did. d is the dialog whose question is open; alone: nothing is on show that it could have been an answer to.
func (x *hearing) passes(in engine.Input, d *dialogs.Dialog, alone bool) bool {
	k := x.m.Desk
	if k == nil || k.With != "" || k.Over || !x.written() || x.h.Full || x.h.Kind != Words || in.Kind != engine.Unclear || x.h.Choice != "" {
		return false
	}
	if d == nil { // one that rests may still be meant
		d = x.now()
	}
	if x.h.At.Unix() > k.Since+int64(waitsLong/time.Second) || d != nil && Private(d) {
		return false
	}
	if !alone && len(x.h.Media) == 0 && len(strings.Fields(x.h.Words)) < 3 && utf8.RuneCountInString(x.h.Words) < 16 {
		return false
	}
	x.said.Letter = &Letter{x.h.Words, x.h.Media}
	return true
}

// waitsOn tells whoever's call nobody answered that a person will.
func (d *Desk) waitsOn(prompts []engine.Prompt) []engine.Prompt {
	at := slices.IndexFunc(prompts, func(p engine.Prompt) bool { return p.Key == engine.PhraseAbsent })
	if at < 0 || d.By != "call" && d.By != "text" {
		return prompts
	}
	return slices.Insert(slices.Clone(prompts), at+1, engine.Prompt{Key: engine.PhraseAbsent + "." + d.By, Step: -1})
}

// clerked shows the resident what a clerk does. On how, what and when it was pushed decides the exchange.
func (x *hearing) clerked() error {
	d := x.m.Desk
	if d == nil {
		d = &Desk{Since: x.h.At.Unix()}
		x.m.Desk = d
	}
	if x.h.Behind {
		x.holds()
		return nil
	}
	talked := d.talks()
	var says []engine.Prompt
	if x.h.Words != "" {
		says = append(says, spoken(Spoke{Clerk: x.h.Clerk, Words: x.h.Words}))
		d.With, d.Told = x.h.Clerk, false
	}
	if x.h.Act == ClerkSays {
		d.Away, d.Over = false, false
		if !talked {
			says = append(says, x.ofDesk("@desk.on"))
			x.m.Hall = nil
		}
		x.say(says...)
		return nil
	}
	if d.With == "" {
		d.With = x.h.Clerk
	}
	done := x.ofDesk("@desk.done")
	open := x.now()
	x.m.Desk = nil
	switch {
	case x.h.Act == ClerkBack && open != nil:
		if len(says) > 0 {
			x.say(says...)
			for i := range x.said.Pages {
				x.said.Pages[i].Over = false
			}
		}
		if x.m.On != x.h.Traits.Name {
			x.elsewhere()
		}
		if x.m.Aloud {
			x.hungUp()
			x.m.Aloud = false
		}
		x.unveil()
		return x.resume(open)
	case talked || len(says) > 0 || x.h.Act == ClerkCloses: // whoever waits is told that nobody comes any more
		x.say(append(says, done)...)
	}
	return nil
}

func spoken(s Spoke) engine.Prompt {
	return engine.Prompt{Key: "@desk.says", Step: -1, Args: []engine.Arg{{Name: "clerk", Value: s.Clerk}, {Name: "words", Value: s.Words}}}
}

// mostHeld is how much of what a clerk said is held for somebody behind a PIN.
const mostHeld = 8

// holds keeps what a clerk said to somebody behind a PIN until they come: others use the phone.
func (x *hearing) holds() {
	d := x.m.Desk
	if x.h.Words != "" {
		d.Held = append(slices.Clone(d.Held), Spoke{Clerk: x.h.Clerk, Words: x.h.Words})
		d.Held = d.Held[max(0, len(d.Held)-mostHeld):]
		d.Told = false
	}
	d.Over = x.h.Act != ClerkSays
	if d.Over && len(d.Held) == 0 {
		x.m.Desk = nil
	}
}

// brings shows what a clerk said to somebody behind a PIN, now that they are here.
func (x *hearing) brings() {
	d := x.m.Desk
	if d == nil || len(d.Held) == 0 || !x.h.Behind || x.unheard || x.said.Leave || len(x.said.Pages) == 0 {
		return
	}
	switch x.h.Kind {
	case Words, Came, Opened:
	default:
		return
	}
	var prompts []engine.Prompt
	for _, s := range d.Held {
		prompts = append(prompts, spoken(s))
		d.With = s.Clerk
	}
	d.Held, d.Away = nil, false
	if !d.Over {
		prompts = append(prompts, x.ofDesk("@desk.on"))
	} else {
		x.m.Desk = nil
	}
	w := x.words(nil, x.lang())
	var pages []render.Page
	if x.paged() {
		pages = render.Leading(w, prompts, x.h.Traits)
	} else {
		pages = render.Render(w, prompts, x.h.Traits)
	}
	for i := range pages {
		pages[i].Over = false
	}
	x.said.Pages = append(pages, x.said.Pages...)
}
