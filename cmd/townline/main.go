// Command townline lets a town ask and be asked: it holds one dialog with residents over every channel.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	_ "time/tzdata" // a server without zone files must know the town's clock all the same

	"github.com/spf13/cobra"

	"github.com/townline/townline/config"
	"github.com/townline/townline/store"
)

func main() {
	os.Exit(run(context.Background(), openStore, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// opener opens the store that serve works on.
type opener func(c *config.Config, mayMake bool) (store.Store, *store.Keys, error)

// failed is an error that was told already: only the exit status is left to say.
type failed int

func (f failed) Error() string { return "failed" }

// run carries out one command line and returns the exit status: 0, 1 when what was asked for failed, 2 when the command
// line can't be understood.
func run(ctx context.Context, open opener, args []string, in io.Reader, out, errs io.Writer) int {
	root := newRoot(open)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	var told failed
	var use usage
	switch {
	case err == nil:
		return 0
	case errors.As(err, &told):
		return int(told)
	case errors.As(err, &use):
		fmt.Fprintf(errs, "townline: %v\nSee \"townline help\".\n", err)
		return 2
	}
	fmt.Fprintf(errs, "townline: %v\n", err)
	return 1
}

// usage is a mistake on the command line.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

// The groups that help lists commands in.
const (
	groupWrite = "write"
	groupRead  = "read"
	groupRun   = "run"
)

func newRoot(open opener) *cobra.Command {
	root := &cobra.Command{
		Use:   "townline",
		Short: "Townline lets a town ask and be asked",
		Long: `Townline lets a town ask and be asked. A dialog is written once, in a plain file, and held with
residents by text message, phone call, USSD menu, chat or kiosk.

To look at it:  townline serve      then open http://127.0.0.1:8080/preview
To begin:       townline init mytown`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			message := fmt.Sprintf("there is no command %q", args[0])
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				message += fmt.Sprintf("; did you mean %q?", near[0])
			}
			return usage{errors.New(message)}
		},
	}
	root.SuggestionsMinimumDistance = 2
	root.PersistentFlags().String("config", "", "settings file (townline.yaml in this folder, if there is one)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage{err} })
	root.AddGroup(
		&cobra.Group{ID: groupWrite, Title: "Writing dialogs:"},
		&cobra.Group{ID: groupRead, Title: "Reading what came in:"},
		&cobra.Group{ID: groupRun, Title: "Running the town:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			c.Args = usageArgs(c.Args)
			root.AddCommand(c)
		}
	}
	add(groupWrite, newInit(), newCheck(), newTest(), newSimulate(), newAudio(), newCard(), newSchema())
	add(groupRead, newResults(), newRequests(), newMedia(), newCodes(), newOutposts(), newPIN(), newUnread(), newDesk())
	add(groupRun, newServe(open), newOutbox(open), newTell(open), newCall(open), newKiosk(), newAccessibility(), newConfig(), newBackup(), newRestore(), newMove(), newKeys(), newVersion())
	add(groupRun, newDoctor(open), newWatch())
	return root
}

// usageArgs marks what an Args function finds as a mistake on the command line.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(cmd, args); err != nil {
			return usage{err}
		}
		return nil
	}
}
