package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/townline/townline/config"
	"github.com/townline/townline/store/postgres"
	"github.com/townline/townline/store/sqlite"
)

func newBackup() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy everything that is kept to a new file, while the town is running",
		Long: `Copy everything that is kept to a new file, while the town is running. The residents' own keys go to
FILE.keys beside it, so that what a resident had erased can be erased from copies too: keep only the newest
FILE.keys. What kiosk machines forwarded and somebody has to look at goes to FILE.aside, if there is any: keep only the
newest of these as well. The town's key file is in neither: without it no copy can be read. Keep it apart.`,
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
			aside, err := copyAside(asideFile(c), args[0]+asideEnding)
			if err != nil {
				return fmt.Errorf("what was put aside is not copied: %w", err)
			}
			if aside {
				fmt.Fprintf(cmd.OutOrStdout(), "What was put aside is in %s.\n", args[0]+asideEnding)
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
			earlier, err := earlierKeys(c)
			if err != nil {
				return err
			}
			if c.Store.Postgres.IsSet() {
				err = postgres.Restore(cmd.Context(), args[0], c.Store.Postgres.Reveal(), keys, append(noting(c, false), postgres.After(earlier...))...)
			} else {
				err = sqlite.Restore(args[0], c.Store.Path, keys, earlier...)
			}
			if err != nil {
				return err
			}
			if _, err := copyAside(args[0]+asideEnding, asideFile(c)); err != nil && !errors.Is(err, fs.ErrExist) { // there: it is newer
				return fmt.Errorf("%s is in place, but what was put aside is not: %w", args[0], err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is in place as %s. \"townline serve\" goes on from there.\n", args[0], c.Store.Place())
			return nil
		},
	}
	config.AddFlags(cmd.Flags(), "store.url", "store.key_file")
	return cmd
}

// copyAside copies the file of what was put aside, if anything was. It writes over nothing.
func copyAside(from, to string) (bool, error) {
	b, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(b) == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if info, err := os.Stat(to); err == nil && info.Size() == 0 { // of a server that nothing was put aside at
		if err := os.Remove(to); err != nil {
			return false, err
		}
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false, err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(to)
	}
	return err == nil, err
}
