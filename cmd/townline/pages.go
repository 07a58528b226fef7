package main

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/channels/kiosk"
	"github.com/townline/townline/config"
	"github.com/townline/townline/locales"
)

// townPages makes the pages that are on: the kiosk's, and those for residents' own screens, read aloud from shelf. lines are the other channels.
func townPages(c *config.Config, phrases *locales.Catalogue, shelf *audio.Shelf, log *slog.Logger, lines []channels.Channel) []*kiosk.Kiosk {
	if !c.Pages.Kiosk && !c.Pages.Web {
		return nil
	}
	s := kiosk.Settings{
		Town: c.Town.Name, Languages: c.Town.Languages, Phrases: phrases, Sound: shelf, PublicURL: c.PublicURL, Log: log,
		Texts:  slices.ContainsFunc(lines, func(l channels.Channel) bool { return l.Traits().Texts }),
		Number: textNumber(c), Microphone: c.Pages.Microphone,
	}
	if c.Telegram.On() {
		s.Bot = c.Telegram.Name
	}
	var out []*kiosk.Kiosk
	if c.Pages.Kiosk {
		out = append(out, kiosk.New(s))
	}
	if c.Pages.Web {
		out = append(out, kiosk.NewWeb(s))
	}
	return out
}

// textNumber is the number that residents text; "" where there is none that a phone can be told.
func textNumber(c *config.Config) string {
	n := cmp.Or(c.SMS.Twilio.From, c.SMS.Gateway.From, c.SMS.Kannel.From)
	if strings.Trim(n, "+0123456789") != "" {
		return ""
	}
	return n
}
