package talk

import (
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// hearing is one Hear under way.
type hearing struct {
	t    *Town
	m    Memory
	h    Heard
	ask  Ask
	said Said
	new  bool // the open conversation was begun by this message
	here bool // the last thing was heard, or shown, on the same channel
	lead *int // where the words start that lead up to what is shown, when one message took several steps

	unheard bool // what was said is somebody else's: nothing of it stays

	worded *render.Words // made last
}

// Hear takes one thing that came in and says what comes of it. It is pure but for ask; an error is one of ask's, and
// nothing has happened then. It does not change what m points to.
func (t *Town) Hear(m Memory, h Heard, ask Ask) (Said, error) {
	x := hearing{t: t, m: m, h: h, ask: ask}
	if m.Hall != nil {
		hall := *m.Hall
		x.m.Hall = &hall
	}
	if m.Desk != nil {
		desk := *m.Desk
		x.m.Desk = &desk
	}
	if m.Code != nil {
		code := *m.Code
		x.m.Code = &code
	}
	if x.m.Lang == "" && h.Lang != "" {
		x.m.Lang = x.tongueOf(h.Lang)
	}
	if s := x.m.Carried(); s != nil {
		if id := s.Pin.ID; x.m.Release() {
			x.untime(id)
		}
	}
	if h.Kind == Clerked {
		err := x.clerked()
		x.said.Memory = x.m
		return x.said, err
	}
	aloud, due, held := x.m.Aloud, x.m.Due, x.m.Late
	if h.Kind != Rang && h.Kind != Looked {
		x.m.Due, x.m.Late = false, nil
	}
	moved := x.m.On != h.Traits.Name && h.Kind != Rang && h.Kind != Left // who leaves one channel may be on another by then
	x.here = !moved
	if moved {
		x.elsewhere()
	}
	if h.Kind == Left {
		x.keepHeld()
	}
	x.meets(moved)
	if x.reads() {
		x.said.Memory = x.m
		return x.said, nil
	}
	var err error
	switch h.Kind {
	case Rang:
		err = x.rang()
		x.rungUp(&m)
	case Left:
		x.hungUp()
	case Returned:
		err = x.returned()
	case Opened:
		err = x.opened()
	case Came:
		err = x.came(due)
	case Looked:
		err = x.looked()
	case Shown:
		err = x.shown()
	default:
		if x.late(held, moved) {
			err = x.lateKey(held)
			break
		}
		err = x.heard(aloud)
	}
	if err != nil {
		return Said{}, err
	}
	if x.m.Now == nil {
		x.m.Late = nil
	}
	x.brings()
	x.keepsRest()
	x.said.Memory = x.m
	if x.unheard {
		x.said.Memory = m
	}
	return x.said, nil
}

// elsewhere notes that the resident is on another channel now: page numbers of the last one mean nothing here.
func (x *hearing) elsewhere() {
	x.m.On = x.h.Traits.Name
	if x.m.Now != nil {
		now := *x.m.Now
		now.Page = 0
		x.m.Now = &now
	}
	if x.m.Hall != nil {
		x.m.Hall.Page = 0
	}
}

// lang is the resident's language, or the town's first.
func (x *hearing) lang() string {
	if x.m.Lang != "" {
		return x.m.Lang
	}
	if len(x.t.Languages) > 0 {
		return x.t.Languages[0]
	}
	return "en"
}

// words is what render needs to word prompts of d; d is nil in the hall. The caller must not change it.
func (x *hearing) words(d *dialogs.Dialog, lang string) *render.Words {
	if w := x.worded; w != nil && w.Dialog == d && w.Tag == lang {
		return w
	}
	y, m, day := x.h.At.Date()
	x.worded = &render.Words{
		Dialog: d, Lang: x.t.Locales.Language(lang), Tag: lang, Catalogue: x.t.Locales, Languages: x.t.Languages, Town: x.t.Name,
		Country: x.t.Country, Emergency: x.t.Emergency, Texting: x.t.Texting, Today: time.Date(y, m, day, 0, 0, 0, 0, time.UTC),
	}
	return x.worded
}

// now is the dialog of the open conversation; nil when there is none, or its content is not to be had any more.
func (x *hearing) now() *dialogs.Dialog {
	if x.m.Now == nil {
		return nil
	}
	return x.t.Dialogs.Pinned(x.m.Now.Pin)
}

func (x *hearing) came(due bool) error {
	if x.h.Kind == Came && !x.h.Traits.Live {
		return x.greets()
	}
	note := ""
	if x.m.Hall != nil && x.m.Hall.Kind == ExpiredHall {
		note = x.m.Hall.Note
	}
	if !x.withdrawn() {
		if went, err := x.reminded(due); went {
			return err
		}
		x.lobby(note)
		if x.wipes() || x.linksNow() {
			return x.hall()
		}
	}
	if x.calls() && x.m.Lang == "" && x.m.Now == nil && len(x.m.Aside) == 0 && len(x.t.Languages) > 1 {
		x.m.Hall = &Hall{Kind: FirstHall, Note: note}
	}
	if x.h.Words != "" && x.dials() {
		return x.dialled()
	}
	return x.hall()
}

// looked shows what is on show.
func (x *hearing) looked() error {
	if x.m.Hall != nil && x.m.Hall.Kind != ExpiredHall {
		return x.hall()
	}
	if d := x.now(); d != nil {
		s := x.m.Now
		x.show(x.words(d, s.Lang), engine.Show(d, s, x.h.Traits.Can, x.h.At), s.Page, false)
	}
	return nil
}

// again shows what is on show, to somebody who brought only what can't be kept.
func (x *hearing) again() error {
	if err := x.looked(); err != nil || len(x.said.Pages) > 0 {
		return err
	}
	return x.came(false)
}

// tongueOf is the town's language that suits a tag best: es for es-MX; "" when there is none.
func (x *hearing) tongueOf(tag string) string {
	for ; tag != ""; tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)] {
		if slices.Contains(x.t.Languages, tag) {
			return tag
		}
	}
	return ""
}

// withdrawn lets go of a conversation whose content is not to be had any more; it says whether there was one.
func (x *hearing) withdrawn() bool {
	if x.m.Now == nil || x.now() != nil {
		return false
	}
	x.untime(x.m.Now.Pin.ID)
	x.m.Now = nil
	x.menu(engine.PhraseWithdrawn)
	return true
}

// resume goes on with the open conversation, in the language that the resident speaks by now.
func (x *hearing) resume(d *dialogs.Dialog) error {
	x.m.Hall = nil
	return x.step(d, engine.Input{Kind: engine.Resume, Lang: x.m.Lang})
}

// heard takes words, keys, a button, media, or a silence.
func (x *hearing) heard(aloud bool) error {
	if x.m.Stopped && !x.h.Traits.Live {
		return x.stopped()
	}
	if h := &x.h; h.Refused != "" && !x.talks() && h.Words == "" && h.Choice == "" && len(h.Media) == 0 {
		return x.again()
	}
	if done, err := x.aboutPIN(); done || err != nil {
		return err
	}
	if done, err := x.aboutLink(); done || err != nil {
		return err
	}
	if done, err := x.atDesk(); done || err != nil {
		return err
	}
	if done, err := x.brought(); done || err != nil {
		return err
	}
	if d, rest := x.starts(); d != nil {
		if err := x.begin(d); err != nil {
			return err
		}
		return x.more(rest)
	}
	if x.withdrawn() {
		return x.hall()
	}
	if aloud && !x.calls() {
		return x.afterCall()
	}
	if x.m.Hall != nil || x.m.Now == nil {
		return x.inHall()
	}
	d, s := x.now(), x.m.Now
	in := x.read(d, s, x.h.Words)
	if in.Kind == engine.Told && in.Command == locales.Carry {
		return x.carry(in)
	}
	if in.Kind == engine.Told {
		if done, err := x.aboutOthers(in.Command); done {
			return err
		}
	}
	if in.Kind == engine.Told && in.Command == locales.PIN {
		return x.pin()
	}
	if in.Kind == engine.Told && in.Command == locales.Lock {
		return x.lockPIN()
	}
	if in.Kind == engine.Told && in.Command == locales.Start && x.startsByText() {
		x.lobby("@speech.start")
		return x.hall()
	}
	if in.Kind == engine.Unclear || in.Kind == engine.Unsure {
		if parts := x.split(d, *s); parts != nil {
			return x.several(parts)
		}
	}
	if x.passes(in, d, false) {
		now := *s
		now.Note = "@desk.passed"
		x.m.Now = &now
		return x.looked()
	}
	return x.step(d, in)
}

func (x *hearing) mark(stage string) {
	if x.h.Mark != nil {
		x.h.Mark(stage)
	}
}

// read understands words as an answer to what is on show.
func (x *hearing) read(d *dialogs.Dialog, s *engine.State, words string) engine.Input {
	show := engine.Show(d, s, x.h.Traits.Can, x.h.At)
	heard := render.Heard{Words: words, Choice: x.h.Choice, Media: x.h.Media, Quiet: x.h.Kind == Quiet}
	x.mark("read")
	return render.Read(x.words(d, s.Lang), show, s.Page, x.h.Traits, heard)
}

// stopped hears a resident who said STOP: only START, a call for help, and the wish to be erased are answered.
func (x *hearing) stopped() error {
	w := x.words(nil, x.lang())
	if h := x.m.Hall; h != nil && (h.Kind == EraseHall || h.Kind == PartHall) {
		heard := render.Heard{Words: x.h.Words, Choice: x.h.Choice}
		if in := render.Read(w, x.hallPrompts(x.lang()), 0, x.h.Traits, heard); in.Kind == engine.Said && len(in.Values) == 1 {
			not := engine.PhraseErasedNot
			switch {
			case in.Values[0] == "yes":
				return x.chosen("yes")
			case in.Values[0] == "@parting.yes":
				return x.parted()
			case h.Kind == PartHall:
				not = "@link.not"
			}
			x.m.Hall = nil
			x.show(w, []engine.Prompt{{Key: not, Step: -1}}, 0, true)
			return nil
		}
	}
	for _, tag := range x.tongues() {
		l := x.t.Locales.Language(tag)
		if l.StartWord(x.h.Words) {
			x.m.Stopped = false
			x.m.Lang = tag
			if d := x.now(); d != nil {
				x.m.Hall = nil
				return x.step(d, engine.Input{Kind: engine.Told, Command: locales.Start})
			}
			x.effect(engine.Effect{Kind: engine.OptIn}, nil)
			x.menu(engine.PhraseStarted)
			return x.hall()
		}
		switch c, _ := l.Command(x.h.Words); c {
		case locales.Help:
			said := *w
			said.Lang = l
			x.show(&said, []engine.Prompt{{Key: "@stop.help", Step: -1}}, 0, true)
			return nil
		case locales.Erase:
			x.m.Hall = &Hall{Kind: EraseHall}
			return x.hall()
		case locales.Part: // another phone may have said STOP, so that this one can't leave it
			if x.m.Linking != nil && x.m.Linking.Both {
				return x.part()
			}
		}
	}
	return nil
}

// tongues are the languages to understand command words in, the resident's first.
func (x *hearing) tongues() []string {
	out := []string{x.lang()}
	for _, l := range x.t.Languages {
		if l != out[0] {
			out = append(out, l)
		}
	}
	return out
}

// begin starts a dialog, or goes on with it where it was left.
func (x *hearing) begin(d *dialogs.Dialog) error {
	if x.m.Now != nil && x.m.Now.Pin.ID == d.ID {
		if pinned := x.now(); pinned != nil {
			return x.resume(pinned)
		}
		x.m.Now = nil // its content is not to be had any more
	}
	for i := range x.m.Aside {
		if x.m.Aside[i].Pin.ID != d.ID {
			continue
		}
		x.takeUp(i)
		if pinned := x.now(); pinned != nil {
			return x.resume(pinned)
		}
		x.m.Now = nil
		break
	}
	x.setAside()
	x.m.Hall = nil
	x.m.Now = &engine.State{}
	in := engine.Input{Kind: engine.Begin, Seed: x.h.Seed, Lang: x.lang(), New: !x.m.Before}
	x.m.Before, x.new = true, true
	return x.step(d, in)
}

// pageOf is the page that shows an option: with what was given so far in front, pages break elsewhere than before.
func pageOf(pages []render.Page, option string) int {
	return max(slices.IndexFunc(pages, func(p render.Page) bool {
		return slices.ContainsFunc(p.Options, func(o render.Shown) bool { return o.ID == option })
	}), 0)
}

// order is the order in which rotated options were shown, for the record's envelope.
func (x *hearing) order(d *dialogs.Dialog, s *engine.State, kind engine.EffectKind) []byte {
	if kind != engine.Keep {
		return nil
	}
	var shown [][]string
	for i := range d.Steps {
		if d.Steps[i].Rotate {
			shown = append(shown, append([]string{d.Steps[i].ID}, engine.Order(d, s, i)...))
		}
	}
	if shown == nil {
		return nil
	}
	b, err := engine.Encode(shown)
	if err != nil { // strings always encode
		return nil
	}
	return b
}

// show renders what is to be shown. At the end of a conversation all pages go out, else the one that is asked for.
func (x *hearing) show(w *render.Words, prompts []engine.Prompt, page int, over bool) {
	if x.h.Refused != "" { // once
		prompts = append([]engine.Prompt{{Key: x.h.Refused, Step: -1}}, prompts...)
		x.h.Refused = ""
	}
	if x.calls() && x.m.Lang != "" && len(x.t.Languages) > 1 { // they were asked
		prompts = slices.DeleteFunc(prompts, func(p engine.Prompt) bool { return p.Key == engine.PhraseTongues })
	}
	if x.h.Kind == Returned && x.m.Desk != nil {
		prompts = x.m.Desk.waitsOn(prompts)
	}
	x.mark("render")
	pages := render.Render(w, prompts, x.h.Traits)
	if len(pages) > 0 && x.h.Kind != Looked {
		x.m.Aloud = x.calls()
	}
	if x.calls() {
		x.attune(pages)
	}
	switch {
	case len(pages) == 0:
	case over:
		for i := range pages {
			pages[i].Over = true
		}
		x.said.Pages = append(x.said.Pages, pages...)
	default:
		x.said.Pages = append(x.said.Pages, pages[page%len(pages)])
	}
	x.said.Over = over && !x.said.Pass
}
