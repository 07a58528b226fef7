package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// callLines are what calls say that is not in script, as no author wrote it as it is said, and that can be known beforehand
// all the same: each option before its key, and the menu that a call begins with. Nothing in it is of a resident: the pages
// are those of somebody who has not answered anything.
func callLines(c *config.Config, phrases *locales.Catalogue, all []*dialogs.Dialog, script []audio.Line, now time.Time) []audio.Line {
	s := callScript{phrases: phrases, seen: map[[2]string]bool{}}
	for i := range script {
		s.seen[[2]string{script[i].Lang, script[i].Words}] = script[i].Use&audio.OnCalls != 0
	}
	for _, lang := range c.Town.Languages {
		s.menu(c, all, lang, now)
	}
	for _, d := range all {
		for _, lang := range d.AllLanguages() {
			if slices.Contains(c.Town.Languages, lang) && phrases.Has(lang) {
				s.questions(c, d, lang)
			}
		}
	}
	return s.lines
}

type callScript struct {
	phrases *locales.Catalogue
	lines   []audio.Line
	seen    map[[2]string]bool // language and words
}

// menu takes down what a caller hears before anything else: of the dialogs that are open now.
func (s *callScript) menu(c *config.Config, all []*dialogs.Dialog, lang string, now time.Time) {
	for _, known := range []bool{true, false} { // who was here before is greeted in their language; others may be asked for it
		r := dialogtest.NewResident(callTown(c, s.phrases, all), render.Voice, now)
		if known {
			r.Speaks(lang)
		}
		r.Mute = true
		r.Comes(render.Voice)
		for range 20 {
			more := false
			for i := range r.Pages {
				s.page(&r.Pages[i], "", "menu", false)
				more = slices.ContainsFunc(r.Pages[i].Options, func(o render.Shown) bool { return o.ID == "" && o.Digit == "8" })
			}
			if !more {
				break
			}
			r.Presses("8")
		}
	}
}

// questions takes down the questions of a dialog, whether one comes to them or not. Options that change their order have no
// key of their own.
func (s *callScript) questions(c *config.Config, d *dialogs.Dialog, lang string) {
	w := &render.Words{Dialog: d, Lang: s.phrases.Language(lang), Tag: lang, Catalogue: s.phrases, Languages: c.Town.Languages,
		Town: c.Town.Name, Country: channels.CallingCode(c.Town.Country), Emergency: c.Town.Emergency}
	for i := range d.Steps {
		st := &d.Steps[i]
		if !st.Type.Asks() || st.Rotate || st.Type == dialogs.Similar {
			continue
		}
		state := engine.State{Version: engine.Version, Pin: d.Pin, Step: i, From: i, Lang: lang}
		for _, p := range render.Render(w, engine.Show(d, &state, render.Voice.Can, time.Time{}), render.Voice) {
			s.page(&p, d.ID, st.ID, st.Type == dialogs.Review) // its other lines are the answers
		}
	}
}

// page takes down the sentences of a page that are not known yet. Those that were put together are named after the option
// that they tell, or by their place.
func (s *callScript) page(p *render.Page, dialog, place string, options bool) {
	for i := range p.Spoken {
		said := &p.Spoken[i]
		l := audio.Line{Lang: p.Lang, Dialog: dialog, Key: said.Key, Words: said.Words, Use: audio.OnCalls}
		if said.Lang != "" {
			l.Lang = said.Lang
		}
		at := slices.IndexFunc(p.Options, func(o render.Shown) bool {
			return o.ID != "" && o.Label != "" && strings.Contains(said.Words, o.Label) && strings.Contains(said.Words, o.Digit)
		})
		switch {
		case said.Words == "", options && at < 0:
			continue
		case strings.HasPrefix(said.Key, "@"):
			l.Dialog = ""
		case said.Key != "":
		case at >= 0:
			l.Key = place + ".said." + p.Options[at].ID
		default:
			l.Key = fmt.Sprintf("%s.said.%d-%d", place, max(p.Number, 1), i+1)
		}
		if dialog == "" && said.Key == "" {
			l.Key = "@" + l.Key
		}
		if of := [2]string{l.Lang, l.Words}; !s.seen[of] {
			s.seen[of] = true
			s.lines = append(s.lines, l)
		}
	}
}
