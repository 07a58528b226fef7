package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/channels/kiosk"
	"github.com/townline/townline/channels/preview"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
)

// previewing is the preview page on a running town.
type previewing struct {
	channel   *preview.Preview
	telephone *preview.Telephone
	menus     *preview.USSD
	chat      *preview.Chat
	machine   *preview.Machine
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

// newPreviewing makes the page's channels: texts, calls that shelf says, menus, a chat and a kiosk. Its clock may be moved where
// clock can be.
func newPreviewing(ctx context.Context, c *config.Config, s store.Store, keys *store.Keys, clock exchange.Clock, shelf *audio.Shelf, phrases *locales.Catalogue, log *slog.Logger) *previewing {
	var numbers []string
	for _, h := range preview.Handsets() {
		numbers = append(numbers, h.Number)
	}
	p := &previewing{store: watching(s, keys, numbers...)}
	for _, n := range numbers {
		chat := preview.ChatOf(n)
		p.store.find[keys.Address(chat.Kind, chat.ID)] = n
	}
	zone := c.Town.Zone
	town := preview.Town{
		Name: c.Town.Name, Hosts: hostNames(c), Here: c.Preview != config.On, Closing: ctx.Done(),
		Now:   func() time.Time { return clock.Now().In(zone) },
		Words: func() []preview.StartWord { return startWords(p.house.catalogue.Current(), clock.Now().In(zone)) },
		Kept:  p.kept,
		Saw:   func(a channels.Address, number string) { p.store.sees(keys.Address(a.Kind, a.ID), number) },
	}
	if moved, ok := clock.(*movedClock); ok {
		town.Forward = func(d time.Duration) time.Time { return moved.Forward(d).In(zone) }
	}
	p.channel = preview.New(town)
	p.telephone = preview.NewTelephone(p.channel, shelf, phrases, c.Town.Languages[0])
	p.menus = preview.NewUSSD(p.channel, c.USSD.Code, phrases, c.Town.Languages[0], log)
	p.chat = preview.NewChat(p.channel, shelf, phrases, c.Town.Languages[0])
	p.machine = preview.NewMachine(p.channel, func(name, base string) preview.Framed {
		return kiosk.NewFramed(name, base, kiosk.Settings{
			Town: c.Town.Name, Languages: c.Town.Languages, Phrases: phrases, Sound: shelf, Microphone: true, Log: log, Hosts: hostNames(c),
			Idle: machineIdle, Clock: town.Now,
		})
	})
	return p
}

// machineIdle is how long nobody touches the page's machine before it asks whether somebody is there: whoever tries the page has
// four other things in hand.
const machineIdle = time.Hour

// lines are the page's channels.
func (p *previewing) lines() []channels.Channel {
	return []channels.Channel{p.channel, p.telephone, p.menus, p.chat, p.machine}
}

// takes lets in what is larger than words.
func (p *previewing) takes(web *server) {
	web.takes(preview.RecordingPath, preview.MostBytes)
	web.takes(preview.ChatPath, preview.MostChat)
	for n := range preview.Handsets() {
		web.takes(preview.MachinePath(n), kiosk.MostBytes)
	}
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
		k := preview.Kept{Title: title, Note: note, Plain: plainRecord(l.Record), Mark: recordMark(l.Record)}
		for _, one := range lines {
			k.Lines = append(k.Lines, preview.Line{Name: one.Question, Value: one.Answer})
		}
		out = append(out, k)
	}
	return out
}

// plainRecord is a record as JSON, an answer a line, for whoever wants to see what stands on disk.
func plainRecord(record []byte) string {
	var r engine.Record
	if engine.Decode(record, &r) != nil {
		return ""
	}
	asJSON := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // texts and lists of them
		}
		return string(b)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "{\n  \"dialog\": %s, \"version\": %d,\n  \"answers\": {", asJSON(r.Dialog), r.Version)
	for i, a := range r.Answers {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n    %s: %s", asJSON(a.Step), asJSON(append(slices.Clone(a.Values), mediaRefs(a.Media)...)))
	}
	b.WriteString("\n  }")
	if r.Joins != "" {
		fmt.Fprintf(&b, ",\n  \"joins\": %s", asJSON(r.Joins))
	}
	b.WriteString("\n}")
	return b.String()
}

func mediaRefs(all []engine.Media) (refs []string) {
	for _, m := range all {
		refs = append(refs, m.Ref)
	}
	return refs
}

// recordMark is short enough to be compared by eye: two records with it are the same, byte for byte.
func recordMark(record []byte) string {
	sum := sha256.Sum256(record)
	return hex.EncodeToString(sum[:2]) + " " + hex.EncodeToString(sum[2:4])
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
