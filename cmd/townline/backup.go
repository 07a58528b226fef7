package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/townline/townline/config"
	"github.com/townline/townline/store/sqlite"
)

func newBackup() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy everything that is kept to a new file, while the town is running",
		Long: `Copy everything that is kept to a new file, while the town is running. The residents' own keys go to
FILE.keys beside it, so that what a resident had erased can be erased from copies too: keep only the newest
FILE.keys. The town's key file is in neither: without it no copy can be read. Keep it apart.`,
		Example: "  townline backup town-monday.db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			s, _, err := openStore(c, false)
			if err != nil {
				return err
			}
			if _, err := os.Stat(args[0]); !errors.Is(err, fs.ErrNotExist) {
				return errors.Join(fmt.Errorf("%s is there already: a copy goes to a new file", args[0]), s.Close())
			}
			if err := errors.Join(s.Backup(cmd.Context(), args[0]), s.Close()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Copied to %s and %s.keys. The town's own keys (%s) are in neither.\n", args[0], args[0], keyFile(c))
			return err
		},
	}
	config.AddFlags(cmd.Flags(), "store.url", "store.key_file")
	return cmd
}

func newRestore() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a copy made by backup back in place of a store that is lost",
		Long: `Put a copy made by backup back. It is refused while there is a store: move that away first. What
residents had erased since the copy was made is erased again. Messages that may have been sent since are held,
not sent twice.`,
		Example: "  townline restore town-monday.db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			keys, err := keysOf(c, false)
			if err != nil {
				return err
			}
			if err := sqlite.Restore(args[0], c.Store.Path, keys); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is in place as %s. \"townline serve\" goes on from there.\n", args[0], c.Store.Path)
			return nil
		},
	}
	config.AddFlags(cmd.Flags(), "store.url", "store.key_file")
	return cmd
}
