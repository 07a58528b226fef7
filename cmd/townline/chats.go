package main

import (
	"log/slog"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/telegram"
	"github.com/townline/townline/config"
	"github.com/townline/townline/locales"
)

// chatLines makes the chats that the town is in. The list is whole: a new one goes here.
func chatLines(c *config.Config, phrases *locales.Catalogue, log *slog.Logger) ([]channels.Channel, error) {
	var lines []channels.Channel
	if t := c.Telegram; t.On() {
		line, err := telegram.New(telegram.Config{
			Token: t.Token.Reveal(), Webhook: t.Webhook, Secret: t.Secret.Reveal(), PublicURL: c.PublicURL, BaseURL: t.API,
			Languages: c.Town.Languages, Phrases: phrases, Log: log,
		})
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// resent are the channels whose doubtful messages are sent again: a chat can't be asked what became of one, and a question that comes
// twice does less harm than one that never comes.
func resent(lines []channels.Channel) (names []string) {
	for _, l := range lines {
		if _, ok := l.(*telegram.Telegram); ok {
			names = append(names, l.Name())
		}
	}
	return names
}
