package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/cost"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
)

const costLegend = `What each dialog takes on the shortest and on the longest way through it. Whoever answers is new, their language is known,
they read or hear every page to its end and make no mistake.`

const textLegend = `By text message. "paid" is what the town pays for: phone companies count a long message as several. "sent" is how many
messages that is, "own" how many the resident sends, and pays for unless the number is free. A longer answer in own words
costs the resident more.%s`

const menuLegend = `By USSD menu. "screens" and "keys" are the dialog's; "menu" is screens before it. "time" is from dialling to the last screen:
the words at 150 a minute, %g s a key and to send, %g s until the next screen. "slow" is the most seconds that one answer
takes: some networks wait %g. "dials" is how often to dial, when a menu lasts %g s: whoever dials again goes on.`

const callLegend = `On the phone (minutes:seconds). "speech" is the town's words at 150 a minute. "whole" is with what lies between them:
silences, %g s to press a key, %g s of silence after it, %g s for each answer in the caller's own voice ("own") and as much
when it is played back. "menu" comes before that: from the first word of the call until the dialog begins.`

const pagesLegend = `At the kiosk and by chat: pages that are shown, messages that the town sends.`

// costCards makes the cost cards of a folder's dialogs that were asked for; briefly, where that is enough for a line.
func costCards(c *config.Config, f folder, phrases *locales.Catalogue, briefly bool) []cost.Card {
	cards := cost.Of
	if briefly {
		cards = cost.Brief
	}
	set, _ := f.load(c, phrases, time.Time{})
	town := callTown(c, phrases, set.All())
	var out []cost.Card
	for _, d := range set.All() {
		if f.names(d.File, d.ID, set) {
			out = append(out, cards(town, d, menuScreens(c))...)
		}
	}
	return out
}

// menuScreens are the screens of the town's own USSD menus: the smallest, where there are several.
func menuScreens(c *config.Config) render.Traits {
	screens := render.USSD
	first := true
	for _, t := range checked(c) {
		if t.Form == engine.Text && t.Live && (first || t.Limit16 < screens.Limit16 || t.Limit16 == screens.Limit16 && t.Limit < screens.Limit) {
			screens, first = t, false
		}
	}
	return screens
}

// callTown is the town that conversations are held with to see what they are like: its own settings, and these dialogs.
func callTown(c *config.Config, phrases *locales.Catalogue, all []*dialogs.Dialog) *talk.Town {
	return &talk.Town{
		Name: c.Town.Name, Languages: c.Town.Languages, Zone: c.Town.Zone, Emergency: c.Town.Emergency,
		Country: channels.CallingCode(c.Town.Country), Locales: phrases, Dialogs: dialogtest.NewShelf(all),
	}
}

// costLines say what matters of each dialog, over all of its languages, in one line.
func costLines(cards []cost.Card, price textPrice) []string {
	var out []string
	for len(cards) > 0 {
		n := 1
		for n < len(cards) && cards[n].Dialog == cards[0].Dialog {
			n++
		}
		if line := costLine(cards[:n], price); line != "" {
			out = append(out, cards[0].Dialog+": "+line)
		}
		cards = cards[n:]
	}
	return out
}

func costLine(cards []cost.Card, price textPrice) string {
	var texts, screens, calls extent
	cut := false
	for i := range cards {
		c := &cards[i]
		if c.Text != nil {
			texts.take(c.Text.Shortest.Segments, c.Text.Longest.Segments)
			cut = cut || c.Text.Cut
		}
		if c.Menu != nil {
			screens.take(c.Menu.Shortest.Menu+c.Menu.Shortest.Shown, c.Menu.Longest.Menu+c.Menu.Longest.Shown)
			cut = cut || c.Menu.Cut
		}
		if c.Call != nil {
			short, long := &c.Call.Shortest, &c.Call.Longest
			calls.take(seconds(short.Menu+short.Whole()), seconds(long.Menu+long.Whole()))
			cut = cut || c.Call.Cut
		}
	}
	var parts []string
	if texts.any {
		parts = append(parts, "by text "+fromTo(texts.least, texts.most)+" "+plural(texts.most, "message", "messages")+price.about(texts.least, texts.most))
	}
	if screens.any {
		parts = append(parts, "by USSD "+fromTo(screens.least, screens.most)+" "+plural(screens.most, "screen", "screens"))
	}
	if calls.any {
		least, most := clockTime(time.Duration(calls.least)*time.Second), clockTime(time.Duration(calls.most)*time.Second)
		if least != most {
			least += " to " + most
		}
		parts = append(parts, least+" on the phone")
	}
	if cut {
		parts = append(parts, "there are more ways than could be tried")
	}
	return strings.Join(parts, "; ")
}

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// extent is the least and the most of something.
type extent struct {
	least, most int
	any         bool
}

func (r *extent) take(least, most int) {
	if !r.any || least < r.least {
		r.least = least
	}
	r.most, r.any = max(r.most, most), true
}

// tellCost prints cost cards.
func tellCost(out io.Writer, cards []cost.Card, price textPrice) error {
	fmt.Fprintf(out, "%s\n\n", costLegend)
	cut := false
	named := func(c *cost.Card, stopped bool) []string {
		if stopped {
			cut = true
			return []string{c.Dialog, c.Lang + "*"}
		}
		return []string{c.Dialog, c.Lang}
	}
	in, texts := "", costTable{names: []string{"dialog", "lang", "paid", "sent", "own"}, once: 2}
	if price.unit != "" {
		in = fmt.Sprintf(" A message costs %g %s here (limits.price).", float64(price.millionths)/1e6, price.unit)
		texts.names = append(texts.names, price.unit)
	}
	menus := costTable{names: []string{"dialog", "lang", "menu", "screens", "keys", "time", "slow", "dials"}, once: 3}
	calls := costTable{names: []string{"dialog", "lang", "menu", "speech", "whole", "turns", "keys", "own"}, once: 3}
	pages := costTable{names: []string{"dialog", "lang", "kiosk", "WhatsApp", "Telegram"}, once: 2}
	for i := range cards {
		c := &cards[i]
		if s := c.Text; s != nil {
			texts.row(named(c, s.Cut), textColumns(&s.Shortest, price), textColumns(&s.Longest, price))
		}
		if s := c.Menu; s != nil {
			menus.row(append(named(c, s.Cut), fmt.Sprint(s.Shortest.Menu)), menuColumns(&s.Shortest), menuColumns(&s.Longest))
		}
		if s := c.Call; s != nil {
			calls.row(append(named(c, s.Cut), clockTime(s.Shortest.Menu)), callColumns(&s.Shortest), callColumns(&s.Longest))
		}
		short, long := []string{"-", "-", "-"}, []string{"-", "-", "-"}
		stopped := false
		if s := c.Kiosk; s != nil {
			short[0], long[0], stopped = fmt.Sprint(s.Shortest.Shown), fmt.Sprint(s.Longest.Shown), s.Cut
		}
		if s := c.WhatsApp; s != nil {
			short[1], long[1], stopped = fmt.Sprint(s.Shortest.Messages), fmt.Sprint(s.Longest.Messages), stopped || s.Cut
		}
		if s := c.Telegram; s != nil {
			short[2], long[2], stopped = fmt.Sprint(s.Shortest.Messages), fmt.Sprint(s.Longest.Messages), stopped || s.Cut
		}
		pages.row(named(c, stopped), short, long)
	}
	for _, part := range []struct {
		legend string
		table  *costTable
	}{
		{fmt.Sprintf(textLegend, in), &texts},
		{fmt.Sprintf(menuLegend, cost.Typing.Seconds(), cost.NextScreen.Seconds(), cost.MenuWaits.Seconds(), cost.MenuLasts.Seconds()), &menus},
		{fmt.Sprintf(callLegend, cost.KeyTime.Seconds(), cost.AfterKey.Seconds(), cost.Recording.Seconds()), &calls},
		{pagesLegend, &pages},
	} {
		if len(part.table.rows) == 0 {
			continue
		}
		fmt.Fprintf(out, "%s\n\n", part.legend)
		part.table.print(out)
		fmt.Fprintln(out)
	}
	if cut {
		fmt.Fprintln(out, "* has more ways through it than could be tried: there may be a longer or a shorter one.")
	}
	_, err := fmt.Fprintln(out)
	return err
}

func textColumns(w *cost.Texts, price textPrice) []string {
	out := []string{fmt.Sprint(w.Segments), fmt.Sprint(w.Messages), fmt.Sprint(w.Paid)}
	if price.unit != "" {
		out = append(out, price.of(w.Segments))
	}
	return out
}

func menuColumns(w *cost.Screens) []string {
	return []string{fmt.Sprint(w.Shown), fmt.Sprint(w.Keys), clockTime(w.Time), fmt.Sprint(seconds(w.Slowest)), fmt.Sprint(w.Dials())}
}

func callColumns(w *cost.Call) []string {
	return []string{clockTime(w.Speech), clockTime(w.Whole()), fmt.Sprint(w.Turns), fmt.Sprint(w.Keys), fmt.Sprint(w.Records)}
}

func seconds(d time.Duration) int { return int(d.Round(time.Second) / time.Second) }

// clockTime is "3:05".
func clockTime(d time.Duration) string {
	s := seconds(d)
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
