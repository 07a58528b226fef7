package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/townline/townline/dialogs"
)

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [dialog|translation]",
		Short: "Print the JSON Schema of dialogs or translations, for editors",
		Long: `Print the JSON Schema (draft-07) of dialogs or translations. An editor that knows it completes keys and
explains them. "townline check" finds more than a schema can.`,
		Example:   "  townline schema > dialog.schema.json",
		ValidArgs: []string{"dialog", "translation"},
		Args:      cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := dialogs.Schema()
			if len(args) == 1 && args[0] == "translation" {
				text = dialogs.TranslationSchema()
			} else if len(args) == 1 && args[0] != "dialog" {
				return usage{fmt.Errorf("there is no schema of %q; there is one of a dialog, and one of a translation", args[0])}
			}
			_, err := cmd.OutOrStdout().Write(text)
			return err
		},
	}
}
