package main

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/kiosk"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/locales"
)

// townPages makes the pages that are on: the kiosk's, and those for residents' own screens. lines are the other channels.
func townPages(ctx context.Context, c *config.Config, phrases *locales.Catalogue, set *dialogs.Set, log *slog.Logger, metrics prometheus.Registerer, lines []channels.Channel) ([]*kiosk.Kiosk, error) {
	if !c.Pages.Kiosk && !c.Pages.Web {
		return nil, nil
	}
	shelf, err := newShelf(ctx, c, phrases, set.All(), log)
	if err != nil {
		return nil, err
	}
	countGaps(metrics, shelf)
	s := kiosk.Settings{
		Town: c.Town.Name, Languages: c.Town.Languages, Phrases: phrases, Sound: shelf, PublicURL: c.PublicURL, Log: log,
		Texts:  slices.ContainsFunc(lines, func(l channels.Channel) bool { return l.Traits().Texts }),
		Number: textNumber(c), Microphone: c.Pages.Microphone,
	}
	var out []*kiosk.Kiosk
	if c.Pages.Kiosk {
		out = append(out, kiosk.New(s))
	}
	if c.Pages.Web {
		out = append(out, kiosk.NewWeb(s))
	}
	return out, nil
}

// textNumber is the number that residents text; "" where there is none that a phone can be told.
func textNumber(c *config.Config) string {
	n := cmp.Or(c.SMS.Twilio.From, c.SMS.Gateway.From, c.SMS.Kannel.From)
	if strings.Trim(n, "+0123456789") != "" {
		return ""
	}
	return n
}
