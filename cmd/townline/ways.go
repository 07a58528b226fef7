package main

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/config"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
)

// parts are what the ways in are made of. Each takes what it needs.
type parts struct {
	config  *config.Config
	phrases *locales.Catalogue
	log     *slog.Logger
	keys    *store.Keys
	metrics prometheus.Registerer
	disk    store.Store
	shelf   *audio.Shelf       // of all who say something aloud; nil: nobody does
	lines   []channels.Channel // made so far
}

// way is one kind of channel: make makes those of it that are set up, none where none is.
type way struct {
	make func(p *parts) ([]channels.Channel, error)
	here bool // the running server alone has them: no command beside it pushes to them
}

// ways are all, in the order in which they are made. The list is whole: a new one is a line here (channels/README.md, "Add a
// channel in an afternoon").
func ways() []way {
	return []way{
		{make: func(p *parts) ([]channels.Channel, error) { return textLines(p.config, p.log) }},
		{make: func(p *parts) ([]channels.Channel, error) { return chatLines(p.config, p.phrases, p.log) }},
		{make: func(p *parts) ([]channels.Channel, error) {
			return operatorLines(p.config, p.lines, p.keys, p.phrases, p.metrics, p.log)
		}},
		{here: true, make: func(p *parts) ([]channels.Channel, error) {
			return phoneLines(p.config, p.disk, p.shelf, p.phrases, p.log)
		}},
		{here: true, make: func(p *parts) ([]channels.Channel, error) {
			return menuLines(p.config, p.lines, p.keys, p.phrases, p.log)
		}},
	}
}

// openWays makes the channels that are set up; beside: for a command beside the running server.
func openWays(p *parts, beside bool) ([]channels.Channel, error) {
	for _, w := range ways() {
		if w.here && beside {
			continue
		}
		made, err := w.make(p)
		if err != nil {
			return nil, err
		}
		p.lines = append(p.lines, made...)
	}
	return p.lines, nil
}
