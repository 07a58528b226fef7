package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/channels/preview"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
)

// previewing is the preview page on a running town.
type previewing struct {
	channel   *preview.Preview
	telephone *preview.Telephone
	menus     *preview.USSD
	store     *watch
	house     *house // once the town is open, before anything is served
}

// previewed says whether the preview is served: when it was switched on, or when only this machine can call. A town with a
// public address is called by others through a proxy, which may be on this very machine.
func previewed(c *config.Config, addr net.Addr) bool {
	u, err := url.Parse(c.PublicURL)
	public := c.PublicURL != "" && (err != nil || !config.IsLoopback(u.Host))
	return c.Preview == config.On || c.Preview == config.Usual && config.IsLoopback(addr.String()) && !public
}

// newPreviewing makes the page's channels: texts, calls that shelf says, and menus. Its clock may be moved where clock can be.
func newPreviewing(ctx context.Context, c *config.Config, s store.Store, keys *store.Keys, clock exchange.Clock, shelf *audio.Shelf, phrases *locales.Catalogue, log *slog.Logger) *previewing {
	var numbers []string
	for _, h := range preview.Handsets() {
		numbers = append(numbers, h.Number)
	}
	p := &previewing{store: watching(s, keys, numbers...)}
	zone := c.Town.Zone
	town := preview.Town{
		Name: c.Town.Name, Hosts: hostNames(c), Here: c.Preview != config.On, Closing: ctx.Done(),
		Now:   func() time.Time { return clock.Now().In(zone) },
		Words: func() []preview.StartWord { return startWords(p.house.catalogue.Current(), clock.Now().In(zone)) },
		Kept:  p.kept,
	}
	if moved, ok := clock.(*movedClock); ok {
		town.Forward = func(d time.Duration) time.Time { return moved.Forward(d).In(zone) }
	}
	p.channel = preview.New(town)
	p.telephone = preview.NewTelephone(p.channel, shelf, phrases, c.Town.Languages[0])
	p.menus = preview.NewUSSD(p.channel, c.USSD.Code, phrases, c.Town.Languages[0], log)
	return p
}

// hostNames are the names that a browser may call the page by, besides addresses.
func hostNames(c *config.Config) []string {
	out := []string{"localhost"}
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && host != "" {
		out = append(out, host)
	}
	if u, err := url.Parse(c.PublicURL); err == nil && u.Hostname() != "" {
		out = append(out, u.Hostname())
	}
	return out
}

func (p *previewing) kept(number string) []preview.Kept {
	var out []preview.Kept
	for _, l := range p.store.of(number) {
		title, note, lines := l.lines(p.house.catalogue)
		k := preview.Kept{Title: title, Note: note}
		for _, one := range lines {
			k.Lines = append(k.Lines, preview.Line{Name: one.Question, Value: one.Answer})
		}
		out = append(out, k)
	}
	return out
}

// startWords lists what can be begun by a word.
func startWords(all []*dialogs.Dialog, now time.Time) []preview.StartWord {
	var out []preview.StartWord
	for _, d := range all {
		if d.Start != "" {
			out = append(out, preview.StartWord{Word: d.Start, Title: d.Title.Text, About: aboutDialog(d, now)})
		}
	}
	return out
}

// aboutDialog says in a few words what a dialog is.
func aboutDialog(d *dialogs.Dialog, now time.Time) string {
	var about string
	switch d.Purpose {
	case dialogs.Consultation:
		about = "Consultation"
		switch {
		case !d.Opens.IsZero() && now.Before(d.Opens):
			about += ", opens " + d.Opens.Format("2 January")
		case !d.Closes.IsZero() && !now.Before(d.Closes):
			about += ", closed"
		case !d.Closes.IsZero():
			about += ", until " + d.Closes.Format("2 January")
		}
		if d.Who == dialogs.Roll {
			about += ", with a code from a letter"
		}
	case dialogs.Request:
		about = "Request"
		if d.Service.Days > 0 {
			about += fmt.Sprintf(", reply in %s", many(d.Service.Days, "working day", "working days"))
		}
	default:
		about = "Information"
	}
	if n := len(d.Languages); n > 0 {
		about += " · " + strings.Join(d.AllLanguages(), ", ")
	}
	return about
}
