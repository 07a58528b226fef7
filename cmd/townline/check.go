package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/ussd"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/cost"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

func newCheck() *cobra.Command {
	var asJSON, costs bool
	cmd := &cobra.Command{
		Use:   "check [PATH...]",
		Short: "Find what is wrong with dialogs, and say how to mend it",
		Long: `Find what is wrong with dialogs, translations and tests, with the line it stands in and a way to mend it:
wording that is hard to read or leans to one side, translations that are missing or old, answers that can't be
given on some channel, texts that cost more than they need. Problems keep a dialog from being published; advice
does not. Without a path, the town's own dialogs.

Of each dialog it says what it takes by text message, by USSD menu and on the phone; with --cost by language and by
channel, on the shortest and on the longest way: the conversations are held, and what was sent, shown and heard is
added up. With --cost and --json only that is told.

The exit status is 1 when there is a problem.`,
		Example: "  townline check dialogs\n  townline check dialogs/main-street.yaml --json\n  townline check --cost",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			phrases, err := locales.Load()
			if err != nil {
				return err
			}
			all, err := folders(c, args)
			if err != nil {
				return err
			}
			var problems dialogs.Problems
			var cards []cost.Card
			count := 0
			for _, f := range all {
				if costs || !asJSON {
					cards = append(cards, costCards(c, f, phrases, !costs)...)
				}
				n, found := checkFolder(c, f, phrases, time.Now())
				count += n
				problems = append(problems, found...)
			}
			problems.Sort()
			price := textPriceOf(c)
			switch {
			case costs && asJSON:
				return tellCostJSON(cmd, cards, price)
			case costs && len(cards) > 0:
				if err := tellCost(cmd.OutOrStdout(), cards, price); err != nil {
					return err
				}
			}
			return tell(cmd, problems, count, asJSON, costLines(cards, price)...)
		},
		ValidArgsFunction: yamlFiles,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON, for editors and scripts")
	cmd.Flags().BoolVar(&costs, "cost", false, "say what it takes by language and channel, on the shortest and the longest way")
	return cmd
}

// checkFolder finds all problems of a folder, and counts its dialogs.
func checkFolder(c *config.Config, f folder, phrases *locales.Catalogue, now time.Time) (int, dialogs.Problems) {
	set, problems := f.load(c, phrases, now)
	town := callTown(c, phrases, set.All())
	for _, d := range set.All() {
		problems = append(problems, f.show(fits(c, phrases, d, now))...)
		problems = append(problems, f.show(dialogtest.Reach(town, d, now.In(c.Town.Zone), proved(c)...))...)
	}
	_, more := dialogtest.All(f.fsys, set)
	if len(f.paths) > 0 {
		more = slices.DeleteFunc(more, func(p dialogs.Problem) bool { return !f.names(p.File, "", set) })
	}
	return len(set.All()), append(problems, f.show(more)...)
}

// proved are the channels that every answer must be reached on: those that dialogs must fit on and, for a town without
// menus yet, the smallest screens and the largest that gateways have.
func proved(c *config.Config) []render.Traits {
	all := checked(c)
	if c.USSD.On() || len(operatorMenus(c)) > 0 {
		return all
	}
	for _, most := range []struct {
		name          string
		septets, ucs2 int
	}{{"ussd (the smallest screens)", ussd.LeastSeptets, ussd.LeastUCS2}, {"ussd (the largest screens)", ussd.MostSeptets, ussd.MostUCS2}} {
		t := render.USSD
		t.Name, t.Limit, t.Limit16 = most.name, most.septets, most.ucs2
		all = append(all, t)
	}
	return all
}

// fits plays every question of a dialog on every channel, in this town, and on the screens of its own gateways.
func fits(c *config.Config, phrases *locales.Catalogue, d *dialogs.Dialog, now time.Time) dialogs.Problems {
	y, m, day := now.In(c.Town.Zone).Date()
	return render.Fits(&render.Words{
		Dialog: d, Catalogue: phrases, Languages: c.Town.Languages, Town: c.Town.Name, Country: channels.CallingCode(c.Town.Country),
		Emergency: c.Town.Emergency, Today: time.Date(y, m, day, 0, 0, 0, 0, time.UTC),
	}, checked(c)...)
}

// tell prints problems, then lines on each dialog, and a line that sums them up.
func tell(cmd *cobra.Command, problems dialogs.Problems, count int, asJSON bool, lines ...string) error {
	out := cmd.OutOrStdout()
	if asJSON {
		if _, err := out.Write(problems.JSON()); err != nil {
			return err
		}
	} else {
		wrong := 0
		for _, p := range problems {
			if !p.Warning {
				wrong++
			}
		}
		if len(problems) > 0 {
			fmt.Fprintln(out, problems.String())
		}
		for _, l := range lines {
			fmt.Fprintln(out, l)
		}
		advice := len(problems) - wrong
		switch {
		case wrong > 0:
			fmt.Fprintf(out, "%s to mend", many(wrong, "problem", "problems"))
		case count == 0:
			fmt.Fprint(out, "No dialog was found here")
		default:
			fmt.Fprintf(out, "%s checked, nothing to mend", many(count, "dialog", "dialogs"))
		}
		if advice > 0 {
			fmt.Fprintf(out, "; %s of advice", many(advice, "piece", "pieces"))
		}
		fmt.Fprintln(out, ".")
	}
	if problems.Errors() || count == 0 {
		return failed(1)
	}
	return nil
}
