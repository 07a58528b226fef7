package main

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels/kiosk"
)

func newAccessibility() *cobra.Command {
	var markdown, html, open bool
	cmd := &cobra.Command{
		Use:   "accessibility",
		Short: "Print what accessibility standards ask of the kiosk and the web page, and how we know that it is met",
		Long: `Print every clause of WCAG 2.2, and those of EN 301 549, Section 508 and the voting guidelines that are about a
machine in a public place, each with what there is to show for it: the tests that prove it, what somebody has to look
at or listen to, what the machine and its place must have, or why it is not met.

Residents have a statement in their language at /web/accessibility and /kiosk/accessibility. The sheet to put a machine
up by is on its set-up page, /kiosk/setup.`,
		Example: "  townline accessibility --open\n  townline accessibility --markdown > accessibility.md",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, format := kiosk.Conformance(), kiosk.Text
			switch {
			case markdown && html:
				return usage{errors.New("--markdown or --html, not both")}
			case markdown:
				format = kiosk.Markdown
			case html:
				format = kiosk.HTML
			}
			if open {
				list = slices.DeleteFunc(list, func(c kiosk.Clause) bool { return c.Verdict == kiosk.Proved || c.Verdict == kiosk.DoesNotApply })
			}
			return kiosk.WriteConformance(cmd.OutOrStdout(), format, list)
		},
	}
	cmd.Flags().BoolVar(&markdown, "markdown", false, "as Markdown")
	cmd.Flags().BoolVar(&html, "html", false, "as a web page")
	cmd.Flags().BoolVar(&open, "open", false, "only what no test proves: what is left to look at, to buy, or to mend")
	return cmd
}
