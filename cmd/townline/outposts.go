package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/channels/kiosk"
	"github.com/townline/townline/channels/outpost"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
)

// newCentre takes what the town's kiosk machines forward; nil where there are none.
func newCentre(c *config.Config, h *house, keys *store.Keys, clock exchange.Clock, log *slog.Logger, metrics prometheus.Registerer, lines []channels.Channel) (*outpost.Centre, error) {
	if len(c.Kiosk.Outposts) == 0 {
		return nil, nil
	}
	secrets := make(map[string]string, len(c.Kiosk.Outposts))
	for name, s := range c.Kiosk.Outposts {
		secrets[name] = s.Reveal()
	}
	facts := outpost.Town{
		Name: c.Town.Name, Languages: c.Town.Languages, Zone: c.Town.Zone.String(), Emergency: c.Town.Emergency,
		Country: channels.CallingCode(c.Town.Country), Hours: c.Town.DeskHours, Number: textNumber(c), PublicURL: c.PublicURL,
		Texts: slices.ContainsFunc(lines, func(l channels.Channel) bool { return l.Traits().Texts }),
	}
	return outpost.NewCentre(outpost.CentreSettings{
		Books: h.exchange, Outposts: secrets, Seed: keys.Outposts(), Aside: asideFile(c), Town: func() outpost.Town { return facts },
		Dialogs: h.catalogue.Current, Clock: clock, Log: log, Metrics: metrics,
	})
}

// farScreens is the channel of kiosk machines elsewhere, for a server that shows no kiosk pages itself.
type farScreens struct{ channels.Channel }

// withFarScreens adds the channel that outposts' turns come by, where no page of ours is it.
func withFarScreens(c *config.Config, phrases *locales.Catalogue, lines []channels.Channel) []channels.Channel {
	if len(c.Kiosk.Outposts) == 0 || slices.ContainsFunc(lines, func(l channels.Channel) bool { return l.Name() == kiosk.Name }) {
		return lines
	}
	return append(lines, farScreens{kiosk.New(kiosk.Settings{Town: c.Town.Name, Phrases: phrases})})
}

func newOutposts() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "outposts",
		Short: "Show what kiosk machines forwarded and could not be entered",
		Long: `Show what kiosk machines forwarded and could not be entered: a person has to look at it. Nothing is dropped by
itself. "outposts show" tells more of one, "outposts settle" takes it from the list when it has been seen to.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			all, err := outpost.ReadAside(asideFile(c))
			if err != nil {
				return err
			}
			listAside(cmd.OutOrStdout(), c, all)
			return nil
		},
	}
	show := &cobra.Command{
		Use: "show ID", Short: "Tell what is in one that was put aside", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return showAside(cmd, args[0]) },
	}
	settle := &cobra.Command{
		Use: "settle ID", Short: "Take one from the list: it has been seen to", Args: cobra.ExactArgs(1),
		Long: `Take one from the list: it has been seen to, and is destroyed. "townline serve" must not run meanwhile.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			a, err := outpost.OpenAside(asideFile(c))
			if err != nil {
				return err
			}
			p, err := oneAside(a.All(), args[0])
			if err == nil {
				err = a.Settle(p.ID)
			}
			return errors.Join(err, a.Close())
		},
	}
	for _, sub := range []*cobra.Command{show, settle} {
		sub.Args = usageArgs(sub.Args)
		cmd.AddCommand(sub)
	}
	return cmd
}

// reasons are why a turn was put aside, in words.
var reasons = map[string]string{
	"code":      "a vote with a code that is on no letter",
	"dialog":    "of a dialog that was never published here",
	"gap":       "a turn of the same visit before it is missing",
	"moved":     "the conversation had gone on elsewhere",
	"reference": "its reference number is another request's",
	"malformed": "it can't be read",
	"sealed":    "it was sealed for another town's keys",
	"failing":   "entering it failed again and again",
}

func listAside(out io.Writer, c *config.Config, all []outpost.Put) {
	if len(all) == 0 {
		fmt.Fprintln(out, "Nothing was put aside.")
		return
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "id\tmachine\tanswered\twhy")
	for _, p := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", asideID(p), p.Outpost, heldAt(c, p), reasons[p.Why])
	}
	_ = table.Flush()
}

func asideID(p outpost.Put) string { return hex.EncodeToString(p.ID[:4]) }

func heldAt(c *config.Config, p outpost.Put) string {
	return time.UnixMilli(p.At).In(c.Town.Zone).Format("2006-01-02 15:04")
}

func oneAside(all []outpost.Put, id string) (outpost.Put, error) {
	for _, p := range all {
		if asideID(p) == strings.ToLower(id) {
			return p, nil
		}
	}
	return outpost.Put{}, fmt.Errorf("nothing called %q was put aside", id)
}

// showAside tells what is in a turn that was put aside. What somebody chose in a vote isn't told: the code beside it may be one
// digit off somebody's.
func showAside(cmd *cobra.Command, id string) error {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	all, err := outpost.ReadAside(asideFile(c))
	if err != nil {
		return err
	}
	p, err := oneAside(all, id)
	if err != nil {
		return err
	}
	keys, err := keysOf(c, false)
	if err != nil {
		return err
	}
	turn, err := p.Open(keys.Outposts())
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s, answered at %s on %s: %s.\n", asideID(p), p.Outpost, heldAt(c, p), reasons[p.Why])
	set, err := townDialogs(cmd, c, nil, func(*dialogs.Dialog) dialogs.Problems { return nil })
	if err != nil {
		return err
	}
	for i := range turn.Done {
		tellDone(out, set, &turn.Done[i])
	}
	return nil
}

func tellDone(out io.Writer, set *dialogs.Set, done *channels.Done) {
	r := done.Effect.Record
	if done.Effect.Kind != engine.Keep || r == nil {
		return
	}
	title := r.Dialog
	d := set.Get(r.Dialog)
	if d != nil {
		title = d.Title.Text
	}
	fmt.Fprintf(out, "%s (%s version %d), with the number %s\n", title, r.Dialog, r.Version, done.Reference)
	if done.Effect.Contact != "" {
		fmt.Fprintf(out, "  to be reached at: %s\n", done.Effect.Contact)
	}
	if d == nil || d.Purpose == dialogs.Consultation && d.Secrecy != dialogs.Public {
		if len(done.Effect.Values) > 0 {
			fmt.Fprintf(out, "  the code that was typed: %s\n", strings.Join(done.Effect.Values, " "))
		}
		fmt.Fprintln(out, "  What was chosen is not shown: it belongs to nobody.")
		return
	}
	for _, a := range r.Answers {
		fmt.Fprintf(out, "  %s: %s\n", a.Step, strings.Join(a.Values, ", "))
	}
}
