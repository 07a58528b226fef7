package telegram

import (
	"context"
	"errors"
	"net/http"
	"regexp"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"github.com/townline/townline/channels"
)

// fileID is how Telegram names a file to this bot: nobody else can get it by that.
var fileID = regexp.MustCompile(`^[A-Za-z0-9_-]{10,200}$`)

// Fetch gets a recording or a picture that came with a message.
func (t *Telegram) Fetch(ctx context.Context, ref string) (channels.Attachment, error) {
	if !fileID.MatchString(ref) {
		return channels.Attachment{}, channels.Gone(errors.New("telegram: not a file of Telegram's"), "ref")
	}
	var f *models.File
	w, err := t.api.call(ctx, func(ctx context.Context, b *bot.Bot) (err error) {
		f, err = b.GetFile(ctx, &bot.GetFileParams{FileID: ref})
		return err
	})
	switch {
	case err == nil:
	case w.code == http.StatusBadRequest && w.says("temporarily"):
		return channels.Attachment{}, channels.Retry(errors.New("telegram: fetch: not there for now"), 0)
	default:
		if err = w.failed("fetch", err); channels.InDoubt(err) { // asking twice does no harm
			err = channels.Retry(err, 0)
		}
		return channels.Attachment{}, err
	}
	b, err := t.api.file(ctx, f, channels.MostBytes)
	return channels.Attachment{Bytes: b}, err // of what kind, its first bytes say
}

// Drop does nothing: what a resident sent stays in their own chat, for them to delete, and the bot can't.
func (t *Telegram) Drop(context.Context, string) error { return nil }
