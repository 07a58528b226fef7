package main

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/menu"
	"github.com/townline/townline/channels/ussd"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
)

// menuLines makes the gateways that menus come by, for a town that has these other lines. The list is whole: a new one goes
// here.
func menuLines(c *config.Config, lines []channels.Channel, keys *store.Keys, phrases *locales.Catalogue, log *slog.Logger) ([]channels.Channel, error) {
	texts := slices.ContainsFunc(lines, func(l channels.Channel) bool { return l.Traits().Texts })
	var menus []channels.Channel
	for i := range c.USSD.Gateways {
		g := gateway(c, &c.USSD.Gateways[i])
		g.Phrases, g.Texts, g.Log, g.Dir, g.Sealing = phrases, texts, log, c.USSD.Dir, keptSecret(keys, "ussd")
		line, err := ussd.New(g)
		if err != nil {
			return nil, fmt.Errorf("ussd.gateways: %w", err)
		}
		menus = append(menus, line)
	}
	return menus, nil
}

// gateway is one of the settings in the adapter's terms.
func gateway(c *config.Config, m *config.Menus) ussd.Config {
	return ussd.Config{
		Dialect: m.Dialect, Code: m.Code, Allow: m.Allow, Proxies: ownProxies(c), Secret: m.Secret.Reveal(),
		Septets: m.Septets, UCS2: m.UCS2, Star: m.Star, Country: c.Town.Country, Lang: c.Town.Languages[0],
	}
}

// checked are the channels that dialogs must fit on: one of each kind, and each size of screen that menus of this town have.
func checked(c *config.Config) []render.Traits {
	all := render.Channels()
	own := operatorMenus(c)
	if !c.USSD.On() && len(own) == 0 {
		return all
	}
	all = slices.DeleteFunc(all, func(t render.Traits) bool { return t.Name == render.USSD.Name })
	for i := range c.USSD.Gateways {
		t := gateway(c, &c.USSD.Gateways[i]).Traits()
		if slices.ContainsFunc(all, func(o render.Traits) bool { return o.Live && o.Limit == t.Limit && o.Limit16 == t.Limit16 }) {
			continue
		}
		t.Name = ussd.Prefix + c.USSD.Gateways[i].Dialect
		all = append(all, t)
	}
	for _, t := range own {
		if !slices.ContainsFunc(all, func(o render.Traits) bool { return o.Live && o.Limit == t.Limit && o.Limit16 == t.Limit16 }) {
			all = append(all, t)
		}
	}
	return all
}

// counted is a line of menus.
type counted interface{ Counts() *menu.Counts }

// countMenus counts among the town's figures what menus could not do in time, and screens that had to be cut.
func countMenus(metrics prometheus.Registerer, lines []channels.Channel) {
	for _, l := range lines {
		m, ok := l.(counted)
		if !ok {
			continue
		}
		for _, one := range []struct {
			name, help string
			count      func() uint64
		}{
			{"townline_menu_late_total", "Turns that took longer than a gateway waits; they went on by themselves.", m.Counts().Late},
			{"townline_menu_failed_total", "Turns that were not taken: who dialled was asked to dial again.", m.Counts().Failed},
			{"townline_menu_lost_total", "Texts that were promised and could not be sent.", m.Counts().Lost},
			{"townline_menu_cut_total", "Screens that were longer than they may be, and were cut. There should be none.", m.Counts().Cut},
		} {
			metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
				Name: one.name, Help: one.help, ConstLabels: prometheus.Labels{"channel": l.Name()},
			}, func() float64 { return float64(one.count()) }))
		}
	}
}
