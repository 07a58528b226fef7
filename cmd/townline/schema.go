package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/townline/townline/dialogs"
)

func newSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema [dialog|places|translation|tests]",
		Short: "Print the JSON Schema of dialogs, lists of places, translations or tests, for editors",
		Long: `Print the JSON Schema (draft-07) of dialogs, lists of places, translations or tests. An editor that knows it
completes keys and explains them. "townline check" finds more than a schema can.`,
		Example:   "  townline schema > dialog.schema.json",
		ValidArgs: []string{"dialog", "places", "translation", "tests"},
		Args:      cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var text []byte
			switch strings.Join(args, "") {
			case "", "dialog":
				text = dialogs.Schema()
			case "places":
				text = dialogs.PlacesSchema()
			case "translation":
				text = dialogs.TranslationSchema()
			case "tests":
				text = dialogs.TestFileSchema()
			default:
				return usage{fmt.Errorf("there is no schema of %q; there is one of a dialog, of a list of places, of a translation, and of tests", args[0])}
			}
			_, err := cmd.OutOrStdout().Write(text)
			return err
		},
	}
}
