package telegram

import (
	"context"
	"strings"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// menuCommand is one of the chat's command menu. Names can be Latin letters only, so they are the same in every language.
type menuCommand struct {
	name   string
	about  string // phrase
	choice string // what it stands for, in render.Heard's terms; "": the word itself
}

// menuCommands are in the order of the menu.
var menuCommands = [...]menuCommand{
	{"menu", "help.menu", render.PressMenu},
	{"help", "screen.help", "0"},
	{"again", "chat.again", "9"},
	{"back", "help.back", "*"},
	{"skip", "help.skip", render.PressSkip},
	{"language", "help.language", render.PressTongue},
	{"person", "help.person", render.PressPerson},
	{"erase", "help.erase", render.PressErase},
	{"stop", "help.stop", ""},
}

// command reads "/start 482173629", "/help" and "/word". The start button is how a chat is opened: what a link says comes with it,
// in letters that a link can hold.
func command(e *channels.Event) {
	rest, ok := strings.CutPrefix(e.Words, "/")
	if !ok {
		return
	}
	name, of, _ := strings.Cut(rest, " ")
	name, _, _ = strings.Cut(name, "@")
	name = strings.ToLower(name)
	if name == "start" {
		e.Kind = channels.Dialed
		e.Words = strings.TrimSpace(strings.ReplaceAll(of, "_", " "))
		return
	}
	e.Words = strings.TrimSpace(name + " " + of)
	for _, c := range menuCommands {
		if c.name == name && strings.TrimSpace(of) == "" {
			e.Choice = c.choice
		}
	}
}

// introduce gives Telegram the command menu, in each language of the town.
func (t *Telegram) introduce(ctx context.Context) error {
	tags := append([]string{""}, t.cfg.Languages...) // the town's first for all others
	for _, tag := range tags {
		lang := tag
		if tag == "" {
			lang = t.cfg.Languages[0]
		}
		base, _, _ := strings.Cut(tag, "-")
		if tag != "" && len(base) != 2 {
			continue
		}
		params := &bot.SetMyCommandsParams{Scope: &models.BotCommandScopeAllPrivateChats{}, LanguageCode: base}
		l := t.cfg.Phrases.Language(lang)
		for _, c := range menuCommands {
			if c.name == "language" && len(t.cfg.Languages) < 2 {
				continue
			}
			params.Commands = append(params.Commands, models.BotCommand{Command: c.name, Description: l.Phrase(c.about, locales.Full)})
		}
		w, err := t.api.call(ctx, func(ctx context.Context, b *bot.Bot) error {
			_, err := b.SetMyCommands(ctx, params)
			return err
		})
		if err != nil {
			return w.failed("name the commands", err)
		}
	}
	return nil
}
