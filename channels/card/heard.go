package card

import (
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
)

// question is what is heard of a step: its words, how it is answered, its options with their keys. ok is false for what
// no call asks.
func (s *Settings) question(w *render.Words, d *dialogs.Dialog, step int) (q Question, ok bool) {
	st := &d.Steps[step]
	switch st.Type {
	case dialogs.Photo, dialogs.Contact, dialogs.Similar:
		return q, false
	case dialogs.Words, dialogs.Place:
		if !d.Recordable() { // nobody can type there, and no voice may be kept
			return q, false
		}
	}
	if !st.Type.Asks() {
		return q, false
	}
	state := engine.State{Version: engine.Version, Pin: d.Pin, Step: step, From: step, Lang: w.Tag}
	if st.Type == dialogs.Review { // with something to change
		state.Answers = sample(d, step)
	}
	pages := render.Render(w, engine.Show(d, &state, render.Voice.Can, s.Now), render.Voice)
	if len(pages) == 0 {
		return q, false
	}
	l := s.lang(w.Tag)
	if st.When != nil {
		q.Some = l.Phrase("@card.some", locales.Full)
	}
	for i := range pages {
		p := &pages[i]
		for _, o := range keysOf(*p, l.Phrase("@card.key.more", locales.Full)) {
			q.Keys = append(q.Keys, o.Key)
		}
		for _, u := range p.Spoken {
			switch {
			case u.Key == st.ID, q.Words == "" && !optional(u, *p):
				q.Words = u.Words
			case q.Words == "" || optional(u, *p) || st.Type == dialogs.Review:
			default:
				q.How = append(q.How, u.Words)
			}
		}
	}
	if len(d.Insertions(st.ID)) > 0 { // what is put in is known in the call
		if t, _ := d.Text(w.Tag, st.ID); t.Text != "" {
			q.Words = blank(t.Text)
		}
	}
	return q, q.Words != ""
}

// sample is one answer before step.
func sample(d *dialogs.Dialog, step int) []engine.Answer {
	for i := range step {
		if st := &d.Steps[i]; (st.Type == dialogs.Choice || st.Type == dialogs.Scale || st.Type == dialogs.Choices) && len(st.Options) > 0 {
			return []engine.Answer{{Step: i, Values: []string{st.Options[0].ID}}}
		}
	}
	return nil
}

// blank shows what is put in during the call as dots.
func blank(text string) string {
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			return text
		}
		_, after, _ := strings.Cut(rest, "}")
		text = before + "…" + after
	}
}

// optional says whether an utterance names an option and its key, or keys that always work: the card shows these as keys.
func optional(u render.Spoken, p render.Page) bool {
	switch u.Key {
	case "@speech.keys", "@speech.star", "@speech.star.keep", "@speech.more":
		return true
	}
	if strings.HasPrefix(u.Key, "@speech.to.") {
		return true
	}
	return u.Key == "" && slices.ContainsFunc(p.Options, func(o render.Shown) bool {
		return o.Label != "" && strings.Contains(u.Words, o.Label)
	})
}

// offered is an option that is on a key.
type offered struct {
	Key
	id string
}

// keysOf are the keys of a page's options. The one for more choices leads on to the next page, and stands at the end of
// each but the last.
func keysOf(p render.Page, more string) []offered {
	var out []offered
	for _, o := range p.Options {
		switch {
		case o.ID == "" && p.Number < p.Of:
			out = append(out, offered{Key{Key: o.Digit, Does: more}, ""})
		case o.ID == "", o.Digit == "":
		default:
			out = append(out, offered{Key{Key: o.Digit, Does: o.Label}, o.ID})
		}
	}
	return out
}

// longestMenu is how many pages of the town's menu are turned.
const longestMenu = 12

// menu is what a caller hears first: all pages of the town's menu. Where the caller's language is not known, it is of
// languages.
func (s *Settings) menu(tag string) []render.Page {
	town := *s.Talk
	ask := func(talk.Effect) (engine.Input, error) { return engine.Input{Kind: engine.Outcome}, nil }
	heard := talk.Heard{At: s.Now, Traits: render.Voice, Kind: talk.Came}
	if town.Zone != nil {
		heard.At = heard.At.In(town.Zone)
	}
	memory := talk.Memory{Version: talk.Version, Lang: tag, On: render.Voice.Name}
	var out []render.Page
	for range longestMenu {
		said, err := town.Hear(memory, heard, ask)
		if err != nil || len(said.Pages) == 0 {
			return out
		}
		p := said.Pages[len(said.Pages)-1]
		if len(out) > 0 && p.Number <= out[len(out)-1].Number {
			return out
		}
		out = append(out, p)
		if p.Number >= p.Of {
			return out
		}
		memory, heard.Kind, heard.Words = said.Memory, talk.Words, "8"
		heard.At = heard.At.Add(time.Second)
	}
	return out
}

// keysTo are the keys that lead from the first page of a menu to an option; none where it isn't on it.
func keysTo(menu []render.Page, id string) []string {
	var keys []string
	for _, p := range menu {
		for _, o := range p.Options {
			if o.ID == id {
				return append(keys, o.Digit)
			}
		}
		keys = append(keys, "8")
	}
	return nil
}
