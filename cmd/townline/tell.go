package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
)

func newTell(open opener) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "tell DIALOG FILE|TEXT",
		Short: "Tell everybody who answered a public consultation what came of it",
		Long: `Tell everybody who answered a public consultation what came of it, in their language and on the channel that they last
wrote on (or by a call, where they asked for that). FILE is YAML with the words by language (en: ..., es: ...); TEXT alone is
in the dialog's own. Nobody is told the same twice, and nobody who said STOP. It leaves after replies and reminders, by day, and
not to anybody who had "limits.contact" messages lately: they get it later.

First the price is shown: nothing is sent without --yes. Of a confidential or secret consultation the town doesn't know who answered.`,
		Example: "  townline tell oak-park results.yaml\n  townline tell oak-park \"You chose the playground. Work begins in May.\" --yes",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withOutbox(cmd, open, func(b *outbox) error {
				versions, err := published(cmd.Context(), b.store, args[0])
				if err != nil {
					return err
				}
				d := versions[0]
				if err := mayShow(d, time.Now(), false); err != nil {
					return err
				}
				words, err := wordsOf(args[1], d.Language)
				if err != nil {
					return err
				}
				return b.tell(cmd, d, words, yes)
			})
		},
		ValidArgsFunction: dialogNames,
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "send it")
	config.AddFlags(cmd.Flags(), "store.url", "store.key_file")
	return cmd
}

// wordsOf reads the words by language from a file, or takes text as being in lang.
func wordsOf(text, lang string) (map[string]string, error) {
	if ext := filepath.Ext(text); ext != ".yaml" && ext != ".yml" && ext != ".txt" || strings.ContainsAny(text, "\n") {
		return map[string]string{lang: text}, nil
	}
	b, err := os.ReadFile(text)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no file %s", text)
	}
	if err != nil {
		return nil, err
	}
	if filepath.Ext(text) == ".txt" {
		return map[string]string{lang: strings.TrimSpace(string(b))}, nil
	}
	words := map[string]string{}
	if err := yaml.Unmarshal(b, &words); err != nil {
		return nil, fmt.Errorf("%s: write one text for each language, such as\n  en: \"The park gets new trees.\"\n(%w)", text, err)
	}
	for lang, w := range words {
		words[lang] = strings.TrimSpace(w)
	}
	return words, nil
}

func (b *outbox) tell(cmd *cobra.Command, d *dialogs.Dialog, words map[string]string, yes bool) error {
	told, err := b.exchange.Tell(cmd.Context(), d, words, false)
	if errors.Is(err, exchange.ErrLinked) {
		return fmt.Errorf("%q is %s: %w", d.ID, d.Secrecy, err)
	}
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	count := 0
	for _, l := range told.Lines {
		count += l.Messages
		price := bill{unpriced: l.Unpriced, byUnit: map[string]int64{}}
		for unit, n := range l.Price {
			price.byUnit[unit] = int64(n)
		}
		fmt.Fprintf(out, "%s: %s, %s", l.Channel, many(l.Messages, "message", "messages"), many(l.Weight, "segment", "segments"))
		if cost := price.String(); cost != "" {
			fmt.Fprintf(out, ", %s", cost)
		} else {
			fmt.Fprint(out, ", no price is set (limits.price)")
		}
		fmt.Fprintf(out, "; through by %s\n", b.through(l.Channel, 2, int64(l.Weight)))
	}
	for _, left := range []struct {
		n   int
		why string
	}{{told.Before, "told before"}, {told.Stopped, "opted out"}, {told.Nowhere, "can't be written to"}} {
		if left.n > 0 {
			fmt.Fprintf(out, "Left out: %d, %s.\n", left.n, left.why)
		}
	}
	for _, lang := range slices.Sorted(maps.Keys(told.Other)) {
		fmt.Fprintf(out, "No words in %q: %s it in %q.\n", lang, many(told.Other[lang], "resident gets", "residents get"), d.Language)
	}
	switch {
	case count == 0:
		fmt.Fprintln(out, "There is nobody to be told.")
		return nil
	case !yes:
		fmt.Fprintln(out, "Nothing was sent: add --yes to send it.")
		return nil
	}
	if told, err = b.exchange.Tell(cmd.Context(), d, words, true); err != nil {
		return err
	}
	sent := 0
	for _, l := range told.Lines {
		sent += l.Messages
	}
	_, err = fmt.Fprintf(out, "%s in the outbox; \"townline outbox\" shows how far it is.\n", many(sent, "message is", "messages are"))
	return err
}
