package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/cost"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
)

const costLegend = `What a call takes, on the shortest and the longest way through each dialog (minutes:seconds). The caller is new, their
language is known, they hear every page to its end and make no mistake. "speech" is the town's words at 150 a minute.
"whole" is with what lies between them: silences, %g s to press a key, %g s of silence after it, %g s for each answer in
the caller's own voice ("own") and as much when it is played back. "menu" comes before that: from the first word of the
call until the dialog begins.
`

// costCards makes the cost cards of a folder's dialogs that were asked for.
func costCards(c *config.Config, f folder, phrases *locales.Catalogue) []cost.Card {
	set, _ := f.load(c, phrases, time.Time{})
	town := callTown(c, phrases, set.All())
	var out []cost.Card
	for _, d := range set.All() {
		if f.names(d.File, d.ID, set) {
			out = append(out, cost.Of(town, d)...)
		}
	}
	return out
}

// callTown is the town that conversations are held with to see what they are like: its own settings, and these dialogs.
func callTown(c *config.Config, phrases *locales.Catalogue, all []*dialogs.Dialog) *talk.Town {
	return &talk.Town{
		Name: c.Town.Name, Languages: c.Town.Languages, Zone: c.Town.Zone, Emergency: c.Town.Emergency,
		Country: channels.CallingCode(c.Town.Country), Locales: phrases, Dialogs: dialogtest.NewShelf(all),
	}
}

// tellCost prints cost cards.
func tellCost(out io.Writer, cards []cost.Card) error {
	fmt.Fprintf(out, costLegend+"\n", cost.KeyTime.Seconds(), cost.AfterKey.Seconds(), cost.Recording.Seconds())
	wide := len("dialog")
	for _, c := range cards {
		wide = max(wide, len(c.Dialog))
	}
	fmt.Fprintf(out, "%*s  %-35s  %s\n", wide+14, "", "shortest", "longest")
	columns := "%6s %6s %5s %5s %4s"
	row := fmt.Sprintf("%%-%ds %%-5s %%6s  %s    %s\n", wide, columns, columns)
	names := []any{"speech", "whole", "turns", "keys", "own"}
	fmt.Fprintf(out, row, slices.Concat([]any{"dialog", "lang", "menu"}, names, names)...)
	cut := false
	for _, c := range cards {
		lang := c.Lang
		if c.Call.Cut {
			lang, cut = lang+"*", true
		}
		fmt.Fprintf(out, row, slices.Concat([]any{c.Dialog, lang, clockTime(c.Call.Shortest.Menu)}, costColumns(c.Call.Shortest), costColumns(c.Call.Longest))...)
	}
	if cut {
		fmt.Fprintln(out, "* has more ways through it than could be tried: there may be a longer or a shorter one.")
	}
	_, err := fmt.Fprintln(out)
	return err
}

func costColumns(w cost.Walk) []any {
	return []any{clockTime(w.Speech), clockTime(w.Whole()), fmt.Sprint(w.Turns), fmt.Sprint(w.Keys), fmt.Sprint(w.Records)}
}

// clockTime is "3:05".
func clockTime(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// costJSON is a cost card for scripts.
type costJSON struct {
	Dialog string       `json:"dialog"`
	Lang   string       `json:"language"`
	Call   costCallJSON `json:"call"`
}

type costCallJSON struct {
	Shortest costWalkJSON `json:"shortest"`
	Longest  costWalkJSON `json:"longest"`
	Cut      bool         `json:"cut,omitempty"`
}

type costWalkJSON struct {
	Menu    float64  `json:"menu_seconds"`
	Speech  float64  `json:"speech_seconds"`
	Whole   float64  `json:"whole_seconds"`
	Turns   int      `json:"turns"`
	Keys    int      `json:"keys"`
	Records int      `json:"recordings"`
	Asked   []string `json:"asked"`
}

func tellCostJSON(cmd *cobra.Command, cards []cost.Card) error {
	walk := func(w cost.Walk) costWalkJSON {
		return costWalkJSON{w.Menu.Seconds(), w.Speech.Seconds(), w.Whole().Seconds(), w.Turns, w.Keys, w.Records, w.Asked}
	}
	out := make([]costJSON, 0, len(cards))
	for _, c := range cards {
		out = append(out, costJSON{c.Dialog, c.Lang, costCallJSON{walk(c.Call.Shortest), walk(c.Call.Longest), c.Call.Cut}})
	}
	e := json.NewEncoder(cmd.OutOrStdout())
	e.SetIndent("", "  ")
	return e.Encode(out)
}
