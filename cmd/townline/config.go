package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/config"
	"github.com/townline/townline/locales"
)

// settings reads what is in force for a command.
func settings(cmd *cobra.Command) (*config.Config, error) {
	file, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	phrases, err := locales.Load()
	if err != nil {
		return nil, err
	}
	return config.Load(config.Source{File: file, Flags: cmd.Flags(), Checks: map[string]func(string) error{
		"desk.clerks":     clerkHashes,
		"town.desk_hours": func(text string) error { _, err := exchange.ParseHours(text); return err },
		"town.languages":  func(text string) error { return speaks(phrases, config.Split(text)) },
	}})
}

// tellSources logs where settings come from: names alone, as values may be secret. What counts more than the file is easily forgotten, such
// as a line in a unit.
func tellSources(c *config.Config, log *slog.Logger) {
	for _, o := range c.Overruled {
		log.Info("a setting stands in the file, and another counts", "setting", o.Key, "in", o.In, "counts", o.By)
	}
	from := map[string][]string{}
	for _, v := range c.Values {
		if v.From != "default" {
			place, _, _ := strings.Cut(v.From, ":")
			if v.From == config.EnvName(v.Key) {
				place = "environment"
			}
			if strings.HasPrefix(v.From, "--") {
				place = "flags"
			}
			from[place] = append(from[place], v.Key)
		}
	}
	for _, place := range slices.Sorted(maps.Keys(from)) {
		log.Debug("settings", "from", place, "settings", strings.Join(from[place], " "))
	}
}

// speaks says which of these languages townline has no phrases in.
func speaks(phrases *locales.Catalogue, tags []string) error {
	var lacking []error
	for _, t := range tags {
		if !phrases.Has(t) {
			lacking = append(lacking, fmt.Errorf("townline does not speak %q yet; it speaks %v", t, phrases.Tags()))
		}
	}
	return errors.Join(lacking...)
}

func newConfig() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the settings that are in force, and where each comes from",
		Long: `Show the settings that are in force, and where each comes from: a flag, the environment
(TOWNLINE_ and the name in capitals, dots as underscores: TOWNLINE_PUBLIC_URL), the file townline.yaml, or
the default. Secrets are not shown.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(c.Values)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for _, v := range c.Values {
				text := v.Text
				if text == "" {
					text = "-"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", v.Key, text, v.From)
			}
			for _, n := range c.Notes {
				fmt.Fprintln(cmd.ErrOrStderr(), "note:", n)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	config.AddFlags(cmd.Flags(), "listen", "public_url", "dialogs", "store.url", "store.key_file", "preview", "pages.kiosk", "pages.web", "log.level", "log.format")
	return cmd
}
