// Package cost reckons what a dialog asks of whoever answers it, and what it costs the town, on the shortest way through it and
// on the longest: text messages, screens of a USSD menu, how long a call is, pages at the kiosk. Nothing is estimated: the
// conversations are held, and what was shown, heard, sent and pressed in them is added up.
package cost

import (
	"sync"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
)

// Card says what one dialog costs in one language, by each way to answer it; nil where it can't be finished that way.
type Card struct {
	Dialog   string
	Lang     string
	Text     *Span[Texts]
	Menu     *Span[Screens]
	Call     *Span[Call]
	Kiosk    *Span[Pages]
	WhatsApp *Span[Chat]
	Telegram *Span[Chat]
}

// Span is the two ways through a dialog that take the least and the most.
type Span[W any] struct {
	Shortest W
	Longest  W
	Cut      bool // there were too many ways to try all of them
}

// Walk is what conversations have on all channels. They are those of somebody who was never here, whose language is known,
// who reads or hears every page whole and makes no mistake.
type Walk struct {
	Turns int      // of the dialog
	Asked []string // the steps, in order
}

// Of makes the cards of a dialog, one a language. town must have the dialog on offer; menus is how much its USSD menus show.
func Of(town *talk.Town, d *dialogs.Dialog, menus render.Traits) []Card {
	return cards(town, d, menus, mostWalks, true)
}

// Brief makes cards of text messages, menus and calls only, and tries fewer ways where there are very many.
func Brief(town *talk.Town, d *dialogs.Dialog, menus render.Traits) []Card {
	return cards(town, d, menus, briefWalks, false)
}

func cards(town *talk.Town, d *dialogs.Dialog, menus render.Traits, most int, whole bool) []Card {
	out := make([]Card, len(d.AllLanguages()))
	var all sync.WaitGroup
	for i, lang := range d.AllLanguages() {
		c := &out[i]
		c.Dialog, c.Lang = d.ID, lang
		all.Go(func() { c.Text = find(town, d, lang, byText(), most) })
		all.Go(func() { c.Menu = find(town, d, lang, byMenu(menus), most) })
		all.Go(func() { c.Call = find(town, d, lang, byCall(), most) })
		if whole {
			all.Go(func() { c.Kiosk = find(town, d, lang, byKiosk(), most) })
			all.Go(func() { c.WhatsApp = find(town, d, lang, byWhatsApp(), most) })
			all.Go(func() { c.Telegram = find(town, d, lang, byTelegram(), most) })
		}
	}
	all.Wait()
	return out
}

// OfCall is what a dialog takes by telephone in one language; nil where it can't be finished that way.
func OfCall(town *talk.Town, d *dialogs.Dialog, lang string) *Span[Call] {
	return find(town, d, lang, byCall(), mostWalks)
}

// manner is one way to answer: its channel, what own words are tried there, and how a conversation is added up and weighed.
type manner[W any] struct {
	traits render.Traits
	words  []string
	add    func(t told) W
	weight func(w *W) int64
}

// told is a conversation that is over. begun is the place in its log where the dialog begins.
type told struct {
	log   []dialogtest.Remark
	begun int
	asked []string
}

// turns counts what the resident did from a place in the log on.
func (t *told) turns(from int) int {
	n := 0
	for i := range t.log[from:] {
		if t.log[from+i].Page == nil {
			n++
		}
	}
	return n
}
