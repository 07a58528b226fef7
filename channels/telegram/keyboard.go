package telegram

import (
	"strings"

	"github.com/go-telegram/bot/models"
	"golang.org/x/text/width"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// A row of a phone in a narrow hand shows about so many letters; what doesn't fit is cut by the phone.
const rowWidth = 26

// buttons are a page's options, in its order, as many in a row as can be read, and what else can be pressed in answer. None: the page
// has no mark, so nobody could tell what a press means.
func (t *Telegram) buttons(p *render.Page) (keys models.InlineKeyboardMarkup) {
	if p.Mark == "" || p.Over || shares(p) {
		return keys
	}
	l := t.cfg.Phrases.Language(p.Lang)
	var all []models.InlineKeyboardButton
	for _, o := range p.Options {
		if o.Digit == "" { // answered by an amount
			continue
		}
		label := o.Digit + " " + o.Label
		if o.Chosen {
			label = "✓ " + label
		}
		all = append(all, models.InlineKeyboardButton{Text: plain(label), CallbackData: channels.Button(o.Digit, p.Mark)})
	}
	keys.InlineKeyboard = rows(all)
	alone := func(phrase, choice string) {
		keys.InlineKeyboard = append(keys.InlineKeyboard, []models.InlineKeyboardButton{
			{Text: l.Phrase(phrase, locales.Full), CallbackData: channels.Button(choice, p.Mark)},
		})
	}
	switch {
	case p.Given && p.Skip:
		alone("screen.done", render.PressDone)
	case p.Skip:
		alone("screen.skip", render.PressSkip)
	}
	return keys
}

// rows sets short buttons side by side.
func rows(all []models.InlineKeyboardButton) (out [][]models.InlineKeyboardButton) {
	widest := 0
	for _, b := range all {
		widest = max(widest, wide(b.Text)+4)
	}
	if widest == 0 {
		return nil
	}
	per := min(max(rowWidth/widest, 1), 4)
	if len(all)%per == 1 && per > 2 { // none is left by itself where that can be
		per--
	}
	for len(all) > 0 {
		n := min(per, len(all))
		out, all = append(out, all[:n:n]), all[n:]
	}
	return out
}

// wide is how many letters wide a text is: Chinese takes two for one.
func wide(s string) (n int) {
	for _, r := range s {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// shares says whether a page asks for what a phone can share by itself.
func shares(p *render.Page) bool {
	return !p.Over && len(p.Options) == 0 && (p.Asks == dialogs.Place || p.Asks == dialogs.Contact)
}

// keyboard is what stands below a page: its buttons, a key that shares a place or a number where one is asked for, or nothing.
func (t *Telegram) keyboard(p *render.Page, keys models.InlineKeyboardMarkup) models.ReplyMarkup {
	l := t.cfg.Phrases.Language(p.Lang)
	if shares(p) {
		share := models.KeyboardButton{Text: l.Phrase("chat.place", locales.Full), RequestLocation: true}
		if p.Asks == dialogs.Contact {
			share = models.KeyboardButton{Text: l.Phrase("chat.number", locales.Full), RequestContact: true}
		}
		rows := [][]models.KeyboardButton{{share}}
		if word := skipWord(l); p.Skip && word != "" { // such a key sends its own words
			rows = append(rows, []models.KeyboardButton{{Text: word}})
		}
		return &models.ReplyKeyboardMarkup{Keyboard: rows, ResizeKeyboard: true, OneTimeKeyboard: true}
	}
	if len(keys.InlineKeyboard) > 0 {
		return keys
	}
	return &models.ReplyKeyboardRemove{RemoveKeyboard: true}
}

// skipWord is what a key says that leaves a question out: the word that the town asks for elsewhere.
func skipWord(l *locales.Language) (best string) {
	hint := locales.Fold(l.Phrase("skip.hint", locales.Full))
	for word, c := range l.CommandWords() {
		if c == locales.Skip && strings.Contains(hint, word) && (len(word) > len(best) || len(word) == len(best) && word < best) {
			best = word
		}
	}
	return best
}
