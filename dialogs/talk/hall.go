package talk

import (
	"slices"
	"strings"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// loop is after how many messages in a row that mean nothing here we fall silent, so that two machines that answer each
// other stop.
const loop = 4

// menu opens the list of what the town offers; note is a phrase to lead with.
func (x *hearing) menu(note string) {
	var ids []string
	for _, d := range x.t.Dialogs.Current() {
		if !d.Hidden && !(!d.Opens.IsZero() && x.h.At.Before(d.Opens)) && (d.Closes.IsZero() || x.h.At.Before(d.Closes)) {
			ids = append(ids, d.ID)
		}
	}
	x.m.Hall = &Hall{Kind: MenuHall, IDs: ids, Note: note}
}

// lobby opens the offer to go on with the open conversation; where there is none, the menu.
func (x *hearing) lobby(note string) {
	if x.m.Now == nil {
		x.menu(note)
		return
	}
	was := x.m.Hall
	x.m.Hall = &Hall{Kind: OfferHall, IDs: []string{x.m.Now.Pin.ID}, Note: note, Here: x.here && (was == nil || was.Kind != OfferHall || was.Here)}
}

// current finds the newest version of a dialog.
func (x *hearing) current(id string) *dialogs.Dialog {
	for _, d := range x.t.Dialogs.Current() {
		if d.ID == id {
			return d
		}
	}
	return nil
}

// hall shows the hall.
func (x *hearing) hall() error {
	lang := x.lang()
	x.show(x.words(nil, lang), x.hallPrompts(lang), x.m.Hall.Page, false)
	return nil
}

// title is what a dialog is called, and the language of that where it isn't lang.
func (x *hearing) title(id, lang string) (title, other string) {
	d := x.current(id)
	if x.m.Now != nil && x.m.Now.Pin.ID == id {
		if pinned := x.now(); pinned != nil {
			d = pinned
		}
	}
	if d == nil {
		return id, ""
	}
	text, found := d.Text(lang, "title")
	if lang != found && !strings.HasPrefix(lang, found+"-") {
		other = found
	}
	if x.h.Traits.Short && text.Short != "" {
		return text.Short, other
	}
	return text.Text, other
}

// titled finds the dialog on the menu whose whole title was said, and the language of the town that it was said in.
func (x *hearing) titled() (id, tag string) {
	said := locales.Fold(x.h.Words)
	if said == "" || len(x.h.Words) > 200 {
		return "", ""
	}
	for _, id := range x.m.Hall.IDs {
		d := x.current(id)
		for _, tag := range x.tongues() {
			if d == nil { // withdrawn this moment
				break
			}
			if t, _ := d.Text(tag, "title"); said == locales.Fold(t.Text) || said == locales.Fold(t.Short) {
				return id, tag
			}
		}
	}
	return "", ""
}

func (x *hearing) hallPrompts(lang string) []engine.Prompt {
	h := x.m.Hall
	var out []engine.Prompt
	if h.Note != "" {
		out = append(out, engine.Prompt{Key: h.Note, Step: -1, Args: []engine.Arg{{Name: "hours", Value: h.Shut}}})
	}
	if h.Note == "@hall.help" && x.h.Traits.Address {
		out = append(out, engine.Prompt{Key: "@pin.hint", Step: -1})
	}
	if h.Note == "@hall.help" && x.links() {
		out = append(out, engine.Prompt{Key: "@link.hint", Step: -1})
	}
	p := engine.Prompt{Asks: engine.Pick, Step: -1}
	if h.ofPIN() {
		return append(out, x.onPIN(p))
	}
	if h.ofLink() {
		return append(out, x.onLink(p))
	}
	switch h.Kind {
	case FirstHall, HelpHall, EarHall, KeepHall, HoldHall, StuckHall, ReachHall, CodeHall:
		return append(out, x.onCall(p)...)
	case OfferHall:
		p.Key = "@offer.title"
		title, _ := x.title(h.IDs[0], lang)
		p.Args = []engine.Arg{{Name: "title", Value: title}}
		p.Options = []engine.Option{{ID: "on", Key: "@offer.on"}, {ID: "other", Key: "@offer.other", Place: 1}}
		if x.dials() {
			p.Options[1].Key = "@offer.again"
		}
	case TongueHall:
		p.Key, p.Options = engine.PhraseTongue, x.tongueOptions()
	case EraseHall:
		p.Key = engine.PhraseErase
		p.Options = []engine.Option{{ID: "yes", Key: "@erase.yes"}, {ID: "no", Key: "@erase.no", Place: 1}}
	default:
		if len(h.IDs) == 0 {
			return append(out, engine.Prompt{Key: "@menu.empty", Step: -1})
		}
		if h.Note == "" {
			out = append(out, engine.Prompt{Key: "@welcome", Step: -1})
		}
		p.Key = "@menu.title"
		for i, id := range h.IDs {
			title, other := x.title(id, lang)
			p.Options = append(p.Options, engine.Option{ID: id, Words: title, Lang: other, Place: i})
		}
	}
	return append(out, p)
}

func (x *hearing) tongueOptions() []engine.Option {
	out := make([]engine.Option, len(x.t.Languages))
	for i, tag := range x.t.Languages {
		out[i] = engine.Option{ID: tag, Tongue: true, Place: i}
	}
	return out
}

// inHall takes what a resident says between conversations.
func (x *hearing) inHall() error {
	lang := x.lang()
	fresh, note := x.m.Hall == nil || x.m.Hall.Kind == ExpiredHall, "@unknown.word"
	if fresh {
		if x.m.Hall != nil {
			note = x.m.Hall.Note
		}
		x.menu("")
		if id, tag := x.titled(); id != "" {
			if x.m.Lang == "" && tag != lang {
				x.effect(engine.Effect{Kind: engine.SetLanguage, Lang: tag}, nil)
			}
			return x.chosen(id)
		}
	}
	h := x.m.Hall
	if h.ofPIN() {
		note = h.unread()
	}
	heard := render.Heard{Words: x.h.Words, Choice: x.h.Choice, Media: x.h.Media, Quiet: x.h.Kind == Quiet}
	in := render.Read(x.words(nil, lang), x.hallPrompts(lang), h.Page, x.h.Traits, heard)
	if in.Kind != engine.Turned { // the pages of what is on show stay as they are while they are turned
		h.Note, h.Page = "", 0
	}
	switch in.Kind {
	case engine.Said:
		if len(in.Values) == 1 && !fresh { // a digit before any menu was shown means nothing yet
			h.Tries, h.Silent = 0, 0
			return x.chosen(in.Values[0])
		}
	case engine.Turned:
		if h.Kind == HoldHall {
			return x.onward()
		}
		h.Page = max(in.Page, 0)
		return x.hall()
	case engine.Told:
		h.Tries, h.Silent = 0, 0
		if h.Kind == HoldHall {
			return x.onward()
		}
		return x.toldInHall(in)
	}
	switch {
	case h.Kind == HoldHall:
		return x.onward()
	case x.passes(in, nil, fresh):
		h.Note = "@desk.passed"
		if fresh { // nothing else is on show
			x.m.Hall = nil
			x.say(engine.Prompt{Key: "@desk.passed", Step: -1})
			return nil
		}
		return x.hall()
	case x.calls():
		return x.lost(in.Kind == engine.Silence, fresh, note)
	case in.Kind == engine.Silence:
		note = engine.PhraseSilent + "1"
	}
	h.Tries = min(h.Tries+1, loop)
	switch {
	case h.Tries < loop:
		h.Note = note
		return x.hall()
	case x.h.Traits.Live:
		x.show(x.words(nil, lang), []engine.Prompt{{Key: engine.PhraseLater, Step: -1}}, 0, true)
	}
	return nil
}

// chosen takes a choice from what the hall shows.
func (x *hearing) chosen(id string) error {
	h := x.m.Hall
	if h.ofPIN() {
		return x.chosenPIN(id)
	}
	if h.ofLink() {
		return x.chosenLink(id)
	}
	switch h.Kind {
	case OfferHall:
		if id == "on" && x.m.Now != nil {
			if d := x.now(); d != nil {
				return x.goOnHere(d)
			}
		}
		x.setAside()
		x.menu("")
		if x.dials() {
			x.m.Hall.Anew = h.IDs[0]
		}
		return x.hall()
	case TongueHall, FirstHall:
		return x.tongue(id)
	case HelpHall, EarHall, KeepHall, StuckHall, ReachHall, CodeHall:
		return x.chosenOnCall(id)
	case EraseHall:
		if id != "yes" {
			x.m.Wipe = 0
			return x.onwardWith(engine.PhraseErasedNot)
		}
		return x.wipe()
	}
	d := x.current(id)
	if d == nil {
		x.menu(engine.PhraseWithdrawn)
		return x.hall()
	}
	if h.Kind == MenuHall && h.Anew == id {
		x.forgetsAside(id)
	}
	return x.begin(d)
}

func (x *hearing) tongue(tag string) error {
	x.effect(engine.Effect{Kind: engine.SetLanguage, Lang: tag}, nil)
	x.lobby(engine.PhraseTongueSet)
	return x.hall()
}

func (x *hearing) toldInHall(in engine.Input) error {
	if in.Lang != "" && slices.Contains(x.t.Languages, in.Lang) {
		x.m.Lang = in.Lang
	}
	if done, err := x.aboutOthers(in.Command); done {
		return err
	}
	switch in.Command {
	case locales.Carry:
		return x.carry(in)
	case locales.PIN:
		return x.pin()
	case locales.Lock:
		return x.lockPIN()
	case locales.Stop:
		phrase := engine.PhraseStopped
		if x.claimed() && x.h.Texted {
			phrase = "@speech.stop"
		}
		x.effect(engine.Effect{Kind: engine.OptOut}, nil)
		x.bye(phrase)
		return nil
	case locales.Start:
		if x.startsByText() {
			x.lobby("@speech.start")
			break
		}
		x.effect(engine.Effect{Kind: engine.OptIn}, nil)
		x.lobby(engine.PhraseStarted)
	case locales.Tongue:
		if len(in.Values) == 1 && slices.Contains(x.t.Languages, in.Values[0]) {
			return x.tongue(in.Values[0])
		}
		x.m.Hall = &Hall{Kind: TongueHall}
	case locales.Erase:
		x.m.Hall = &Hall{Kind: EraseHall}
	case locales.Help:
		if x.calls() || x.dials() {
			x.m.Hall = &Hall{Kind: HelpHall}
			break
		}
		x.lobby("@hall.help")
	case locales.Menu:
		x.setAside()
		x.menu("")
	case locales.Person:
		out, err := x.ask(Effect{Effect: engine.Effect{Kind: engine.PassOn, Waits: true}})
		if err != nil {
			return err
		}
		x.waitsFor(out.Result)
		x.m.Hall.Note, x.m.Hall.Shut = engine.PersonPhrase(out.Result), ""
		if out.Result["open"] == "yes" && x.pass("") {
			x.m.Hall.Note = ""
			x.show(x.words(nil, x.lang()), []engine.Prompt{{Key: engine.PhrasePerson, Step: -1}}, 0, true)
			return nil
		}
		if out.Result["open"] != "yes" {
			x.m.Hall.Shut = out.Result["hours"]
		}
	case locales.Back:
		if x.m.Hall.ofPIN() {
			return x.withoutPIN()
		}
		if x.m.Hall.ofLink() {
			return x.goesOn("")
		}
		switch x.m.Hall.Kind {
		case EraseHall:
			return x.onward()
		case TongueHall:
			x.lobby("")
		case HelpHall, EarHall, KeepHall, StuckHall, ReachHall, CodeHall:
			return x.onward()
		}
	}
	return x.hall()
}
