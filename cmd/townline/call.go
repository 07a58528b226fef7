package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/channels/sip"
	"github.com/townline/townline/channels/voice"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs/talk"
)

func newCall(open opener) *cobra.Command {
	var on string
	cmd := &cobra.Command{
		Use:   "call NUMBER",
		Short: "Have the running town ring a telephone, to try its line out",
		Long: `Have the running town ring a telephone, as if somebody had called it from there and rung off: who answers and
presses 1 talks with the town. The server must be running ("townline serve"); it rings within a minute, by day, and no
number twice in voice.callback.per_number.`,
		Example: "  townline call +12025550142\n  townline call 2025550142 --line sip",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ringOnce(cmd.Context(), cmd, open, args[0], on)
		},
	}
	cmd.Flags().StringVar(&on, "line", "", "voice (Twilio) or sip; the first that is set up")
	config.AddFlags(cmd.Flags(), "store.url", "store.key_file")
	return cmd
}

// notRung tells why nobody is rung, by what exchange.Ring says.
func notRung(outcome string) string {
	switch outcome {
	case "unreachable":
		return "the town may not call that number: see voice.callback.countries"
	case "stopped":
		return "whoever has that number said STOP to the town"
	case "recent":
		return "it was rung a moment ago: see voice.callback.per_number"
	case "waiting":
		return "it is about to be rung as it is"
	case "spent":
		return "the calls of today are used up: see voice.callback.per_day and seconds_per_day"
	}
	return outcome
}

func ringOnce(ctx context.Context, cmd *cobra.Command, open opener, number, on string) error {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	names := phoneNames(c)
	switch {
	case len(names) == 0:
		return errors.New("the town has no telephone line: set voice.twilio.from, or sip.listen and sip.trunks")
	case on == "":
		on = names[0]
	case !slices.Contains(names, on):
		return usage{fmt.Errorf("there is no line %q; there is %s", on, strings.Join(names, " and "))}
	}
	to, ok := channels.Number(number, c.Town.Country)
	if !ok || !strings.HasPrefix(to, "+") {
		return usage{fmt.Errorf("%q is not a telephone number: write it with + and the country, such as +12025550142", number)}
	}
	disk, keys, err := open(c, false)
	if err != nil {
		return err
	}
	defer disk.Close()
	calendar, nights := exchange.Calendar{Zone: c.Town.Zone}, nightsOf(c)
	x, err := exchange.New(exchange.Settings{
		Store: disk, Keys: keys, Town: &talk.Town{Dialogs: exchange.NewCatalogue(disk, exchange.SystemClock{})}, Calendar: calendar,
		Channels: []channels.Channel{farLine(on)}, Quiet: nights.Day, Callbacks: callbacks(c), Entropy: rand.Reader,
	})
	if err != nil {
		return err
	}
	begun := time.Now()
	outcome, err := x.Ring(ctx, on, to)
	if err != nil {
		return err
	}
	if outcome != "queued" {
		return fmt.Errorf("%s is not rung: %s", to, notRung(outcome))
	}
	if at := nights.Day(to, begun.In(c.Town.Zone)); at.After(begun) {
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "It is night in %s. %s is rung from %s on, by the running server.\n", c.Town.Name, to, at.Format("15:04"))
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is rung within a minute, by the running server. Answer it and press 1.\n", to)
	return err
}

// phoneNames are the names of the telephone lines that are set up.
func phoneNames(c *config.Config) (names []string) {
	if c.Voice.Twilio.On() {
		names = append(names, voice.Name)
	}
	if c.SIP.On() {
		names = append(names, sip.Name)
	}
	return names
}
