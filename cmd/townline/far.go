package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/channels/preview"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
)

// farLine is a telephone line that another process holds.
type farLine string

func (l farLine) Name() string          { return string(l) }
func (l farLine) Traits() render.Traits { return render.Voice }

func (l farLine) Deliver(context.Context, channels.Address, render.Page, string) (string, error) {
	return "", fmt.Errorf("the line %q is held by the server", string(l))
}

// farTexts is the preview page's phone, which another process shows.
type farTexts struct{ farLine }

func (farTexts) Traits() render.Traits { return render.SMS }

// farTown is the town as a command beside the running server sees it: it can put into the outbox what the server sends.
func farTown(c *config.Config, s store.Store, keys *store.Keys, phrases *locales.Catalogue) (*exchange.Exchange, exchange.Limits, error) {
	log := slog.New(slog.DiscardHandler)
	lines, err := openWays(&parts{config: c, phrases: phrases, log: log, keys: keys, metrics: prometheus.NewRegistry()}, true)
	if err != nil {
		return nil, exchange.Limits{}, err
	}
	for _, name := range phoneNames(c) {
		lines = append(lines, farLine(name))
	}
	lines = append(lines, farTexts{preview.Name})
	limits := limitsOf(c, lines)
	x, err := exchange.New(exchange.Settings{
		Store: s, Keys: keys, Calendar: exchange.Calendar{Zone: c.Town.Zone}, Channels: lines, Quiet: nightsOf(c).Day, Limits: limits,
		Town:      &talk.Town{Name: c.Town.Name, Zone: c.Town.Zone, Languages: c.Town.Languages, Locales: phrases, Dialogs: exchange.NewCatalogue(s, exchange.SystemClock{})},
		Callbacks: callbacks(c), Entropy: rand.Reader,
	})
	return x, limits, err
}
