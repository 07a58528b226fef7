package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/locales"
)

func newTest() *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Hold the conversations that *.test.yaml files describe",
		Long: `Hold the conversations that *.test.yaml files describe, on every channel they name, and say where the
town did not answer as it should. What gives answers is then held on all channels and in all languages of the dialog:
each must leave the same record, byte for byte. Nothing is sent and nothing is kept. Without a path, the town's own dialogs.`,
		Example: "  townline test dialogs\n  townline test dialogs/main-street.test.yaml",
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
			var sum testSum
			for _, f := range all {
				if err := testFolder(cmd, f, &sum, quiet, func() (*dialogs.Set, dialogs.Problems) { return f.load(c, phrases, time.Time{}) }, phrases); err != nil {
					return err
				}
			}
			out := cmd.OutOrStdout()
			switch {
			case sum.problems > 0:
				fmt.Fprintf(out, "\n%s held, %s failed. Some files have problems: see above.\n", many(sum.held, "conversation", "conversations"), many(sum.failed, "test", "tests"))
			case sum.failed > 0:
				fmt.Fprintf(out, "\n%d of %s failed.\n", sum.failed, many(sum.tests, "test", "tests"))
			case sum.tests == 0:
				fmt.Fprintln(out, "There are no tests here. A test is a file such as main-street.test.yaml beside main-street.yaml.")
				return failed(1)
			default:
				fmt.Fprintf(out, "\nAll %s hold.\n", many(sum.tests, "test", "tests"))
				return nil
			}
			return failed(1)
		},
		ValidArgsFunction: yamlFiles,
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "list only what fails")
	return cmd
}

// testSum adds up what was tested.
type testSum struct{ tests, held, failed, problems int }

func testFolder(cmd *cobra.Command, f folder, sum *testSum, quiet bool, load func() (*dialogs.Set, dialogs.Problems), phrases *locales.Catalogue) error {
	out := cmd.OutOrStdout()
	set, problems := load()
	tests, more := dialogtest.All(f.fsys, set)
	if len(f.paths) > 0 {
		tests = slices.DeleteFunc(tests, func(t dialogtest.Test) bool { return !f.names(t.Pos.File, t.Dialog, set) })
		more = slices.DeleteFunc(more, func(p dialogs.Problem) bool { return !f.names(p.File, "", set) })
	}
	problems = slices.DeleteFunc(append(problems, f.show(more)...), func(p dialogs.Problem) bool { return p.Warning })
	if len(problems) > 0 {
		sum.problems += len(problems)
		fmt.Fprintln(out, problems.String())
	}
	town := dialogtest.NewTown(phrases, set.All())
	for _, t := range tests {
		sum.tests++
		r := dialogtest.Run(town, set.Get(t.Dialog), t)
		if r.OK() {
			sum.held++
			if !quiet {
				fmt.Fprintf(out, "ok    %s: %s (%s)\n", t.Dialog, t.Name, many(r.Turns, "message", "messages"))
			}
			continue
		}
		sum.failed++
		fmt.Fprintf(out, "FAIL  %s: %s\n", t.Dialog, t.Name)
		for _, failure := range r.Failures {
			failure.Pos.File = f.shown(failure.Pos.File)
			fmt.Fprintf(out, "%s\n\n", failure)
		}
	}
	return nil
}

// names says whether a test file, or the dialog that it tests, is among the paths that were asked for.
func (f folder) names(file, dialog string, set *dialogs.Set) bool {
	if len(f.paths) == 0 || slices.Contains(f.paths, file) {
		return true
	}
	d := set.Get(dialog)
	return d != nil && slices.Contains(f.paths, d.File)
}

// many is "1 test", "2 tests".
func many(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// yamlFiles completes paths.
func yamlFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yaml"}, cobra.ShellCompDirectiveFilterFileExt
}
