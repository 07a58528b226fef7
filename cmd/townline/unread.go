package main

import (
	"encoding/hex"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels/smpp"
)

func newUnread() *cobra.Command {
	var show bool
	cmd := &cobra.Command{
		Use:   "unread",
		Short: "Show what a phone company sent that could not be read",
		Long: `Show what phone companies sent over SMPP that could not be read. It is kept, sealed, in the folder
smpp.dir for a person to look at. With --show its octets are printed: a resident's number and words may be in them.
Who is done with one deletes its file.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			keys, err := keysOf(c, false)
			if err != nil {
				return err
			}
			all, names, err := smpp.ReadUnread(c.SMPP.Dir, keptSecret(keys, "smpp"))
			if err != nil {
				return err
			}
			if len(all) == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "All that came could be read.")
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			for i, u := range all {
				fmt.Fprintf(w, "%s\t%s\t%d octets\t%s\t%s\n", u.At.In(c.Town.Zone).Format("2006-01-02 15:04:05"), u.Operator, len(u.PDU), u.Reason, names[i])
				if show {
					fmt.Fprint(w, hex.Dump(u.PDU))
				}
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&show, "show", false, "print the octets too")
	return cmd
}
