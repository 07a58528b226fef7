package telegram

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
)

// Deliver sends one page. The receipt is the message's number in the chat. A page of the question whose button was pressed just now
// takes the place of the one with that button, as it does with each of several choices. Telegram has no key that would make a
// message go out once only, and no list of what was sent: after a lost answer nobody knows.
func (t *Telegram) Deliver(ctx context.Context, to channels.Address, p render.Page, _ string) (string, error) {
	chat, err := strconv.ParseInt(to.ID, 10, 64)
	if to.Kind != Kind || err != nil || chat <= 0 {
		return "", channels.Gone(errors.New("telegram: only a chat can be written to"), "address")
	}
	text := plain(p.Text)
	switch {
	case strings.TrimSpace(text) == "":
		return "", channels.Gone(errors.New("telegram: there is nothing to send"), "empty")
	case len(utf16.Encode([]rune(text))) > t.Traits().Limit: // pages are laid out for it
		return "", channels.Gone(errors.New("telegram: the page is too long"), "long")
	}
	keys := t.buttons(&p)
	if message := t.chats.inPlace(chat, p.Mark, t.now()); message != 0 {
		if done, err := t.change(ctx, chat, message, text, keys); done {
			if err == nil {
				t.shown(chat, message, &p, len(keys.InlineKeyboard) > 0)
			}
			return strconv.Itoa(message), err
		}
	}
	message := 0
	w, err := t.api.call(ctx, func(ctx context.Context, b *bot.Bot) error {
		m, err := b.SendMessage(ctx, &bot.SendMessageParams{
			ChatID: chat, Text: text, LinkPreviewOptions: &models.LinkPreviewOptions{IsDisabled: bot.True()}, ReplyMarkup: t.keyboard(&p, keys),
		})
		if m != nil {
			message = m.ID
		}
		return err
	})
	if err != nil {
		return "", w.failed("send", err)
	}
	buttons := len(keys.InlineKeyboard) > 0
	t.shown(chat, message, &p, buttons)
	if t.chats.below(chat, shares(&p), buttons) {
		t.side.do(func(ctx context.Context) { t.unshare(ctx, chat) })
	}
	return strconv.Itoa(message), nil
}

// unshare takes the key away that shares a place or a number. Only a message can do that: a silent one, which goes again at once.
func (t *Telegram) unshare(ctx context.Context, chat int64) {
	message := 0
	w, err := t.api.call(ctx, func(ctx context.Context, b *bot.Bot) error {
		m, err := b.SendMessage(ctx, &bot.SendMessageParams{
			ChatID: chat, Text: "…", DisableNotification: true, ReplyMarkup: &models.ReplyKeyboardRemove{RemoveKeyboard: true},
		})
		if m != nil {
			message = m.ID
		}
		return err
	})
	if t.beside(ctx, "take a key away", w, err); err != nil {
		return
	}
	w, err = t.api.call(ctx, func(ctx context.Context, b *bot.Bot) error {
		_, err := b.DeleteMessage(ctx, &bot.DeleteMessageParams{ChatID: chat, MessageID: message})
		return err
	})
	t.beside(ctx, "take a message away", w, err)
}

// change puts a page in the place of another; done is false where it has to be sent anew. To change it twice does no harm, so there is
// no doubt about it.
func (t *Telegram) change(ctx context.Context, chat int64, message int, text string, keys models.InlineKeyboardMarkup) (done bool, err error) {
	params := &bot.EditMessageTextParams{
		ChatID: chat, MessageID: message, Text: text, LinkPreviewOptions: &models.LinkPreviewOptions{IsDisabled: bot.True()},
	}
	if len(keys.InlineKeyboard) > 0 {
		params.ReplyMarkup = keys
	}
	w, err := t.api.call(ctx, func(ctx context.Context, b *bot.Bot) error {
		_, err := b.EditMessageText(ctx, params)
		return err
	})
	switch {
	case err == nil, w.code == http.StatusBadRequest && w.says("message is not modified"):
		return true, nil
	case w.code == http.StatusBadRequest:
		return false, nil
	}
	if err = w.failed("change a message", err); channels.InDoubt(err) {
		err = channels.Retry(err, 0)
	}
	return true, err
}

// shown notes a page, and takes the buttons away that were answered.
func (t *Telegram) shown(chat int64, message int, p *render.Page, buttons bool) {
	for _, old := range t.chats.sent(chat, message, p.Mark, buttons) {
		t.side.do(func(ctx context.Context) {
			w, err := t.api.call(ctx, func(ctx context.Context, b *bot.Bot) error {
				_, err := b.EditMessageReplyMarkup(ctx, &bot.EditMessageReplyMarkupParams{ChatID: chat, MessageID: old})
				return err
			})
			t.beside(ctx, "take buttons away", w, err)
		})
	}
}

// tongue is the town's language that suits a tag best.
func (t *Telegram) tongue(tag string) string {
	for tag = strings.ToLower(tag); tag != ""; tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)] {
		if slices.ContainsFunc(t.cfg.Languages, func(l string) bool { return strings.EqualFold(l, tag) }) {
			return tag
		}
	}
	return t.cfg.Languages[0]
}

// plain is text without what can't be shown.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
