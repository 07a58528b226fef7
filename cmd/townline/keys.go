package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/townline/townline/config"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/postgres"
	"github.com/townline/townline/store/sqlite"
)

func newKeys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Tell the town's keys apart, and change them",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	show := &cobra.Command{
		Use:   "show",
		Short: "Say which keys are in use, without showing them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			keys, err := keysOf(c, false)
			if err != nil {
				return err
			}
			from := keyFile(c)
			if c.Store.Keys.IsSet() {
				from = "the environment"
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s, from %s\n", keys.Fingerprint(), from)
			return err
		},
	}
	var finish bool
	rotate := &cobra.Command{
		Use:   "rotate",
		Short: "Put new keys in place of the town's keys",
		Long: `Put new keys in place of the town's keys: when somebody may have seen the key file, who had it has left, or it is
time. End every "townline serve" first. Everything that is stored under the keys is written anew; nobody has to be asked
for anything, and open polls and conversations go on. What was cut short goes on when the command is given again.

The earlier keys stay in FILE.old, for copies from before: "townline restore" takes them too. Copy the new key file away,
apart from the database. With --finish the earlier keys are destroyed; copies from before can't be read any more then.

Whoever has the earlier keys and the database of today can read nothing in it. What they had of the database before
they can read as before.

Each node beside PostgreSQL gets the new key file. Delete FILE.stops beside the settings of the others: it is written anew.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			if c.Store.Keys.IsSet() {
				return fmt.Errorf("the town's keys are in the environment: put them into a file, unset %s, and name the file with --store-key-file. Its new content is for the environment again", config.EnvName("store.keys"))
			}
			if finish {
				return finishKeys(c, cmd.OutOrStdout())
			}
			return rotateKeys(cmd.Context(), c, cmd.OutOrStdout())
		},
	}
	rotate.Flags().BoolVar(&finish, "finish", false, "destroy the earlier keys")
	for _, sub := range []*cobra.Command{show, rotate} {
		sub.Args = usageArgs(sub.Args)
		config.AddFlags(sub.Flags(), "store.url", "store.key_file")
		cmd.AddCommand(sub)
	}
	return cmd
}

// nextKeys and oldKeys are the files beside the key file while keys are changed, and until that is finished.
func nextKeys(c *config.Config) string { return keyFile(c) + ".next" }
func oldKeys(c *config.Config) string  { return keyFile(c) + ".old" }

// rotateKeys changes the keys: new ones are made, then what is stored is written anew, then the files are changed. Each step is
// whole or not at all, and each can be told to be done.
func rotateKeys(ctx context.Context, c *config.Config, out io.Writer) error {
	keys, err := keysOf(c, false)
	if err != nil {
		return err
	}
	switch _, err := os.Stat(nextKeys(c)); {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(oldKeys(c)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the keys were changed before, and the earlier ones are still in %s: give \"townline keys rotate --finish\" first, when no copy from before is needed", oldKeys(c))
		}
		if err := keys.MakeNext(nextKeys(c)); err != nil {
			return fmt.Errorf("make new keys: %w", err)
		}
	case err != nil:
		return err
	}
	next, err := store.LoadKeys(nextKeys(c), "")
	if err != nil {
		return err
	}
	if c.Store.Postgres.IsSet() {
		err = postgres.Rotate(ctx, c.Store.Postgres.Reveal(), keys, next, c.Store.Path)
	} else {
		err = sqlite.Rotate(c.Store.Path, keys, next)
	}
	if err != nil {
		return err
	}
	if err := os.Link(keyFile(c), oldKeys(c)); err != nil && !errors.Is(err, fs.ErrExist) { // there: it was cut short here
		return err
	}
	if err := syncFolder(keyFile(c)); err != nil { // the earlier keys have a name of their own before theirs goes
		return err
	}
	if err := os.Rename(nextKeys(c), keyFile(c)); err != nil {
		return err
	}
	if err := syncFolder(keyFile(c)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "The keys are %s now, in place of %s. Copy %s away, apart from the database.\nThe earlier ones are in %s, for copies from before. \"townline keys rotate --finish\" destroys them.\n",
		next.Fingerprint(), keys.Fingerprint(), keyFile(c), oldKeys(c))
	return err
}

// finishKeys destroys the earlier keys.
func finishKeys(c *config.Config, out io.Writer) error {
	if _, err := os.Stat(nextKeys(c)); !errors.Is(err, fs.ErrNotExist) {
		return errors.New(changeCut)
	}
	info, err := os.Lstat(oldKeys(c))
	if errors.Is(err, fs.ErrNotExist) {
		_, err := fmt.Fprintln(out, "There are no earlier keys.")
		return err
	}
	if err != nil {
		return err
	}
	if now, err := os.Stat(keyFile(c)); err != nil || os.SameFile(now, info) || !info.Mode().IsRegular() {
		return fmt.Errorf("%s isn't a file of earlier keys alone: nothing was destroyed", oldKeys(c))
	}
	f, err := os.OpenFile(oldKeys(c), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, info.Size()))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := errors.Join(os.Remove(oldKeys(c)), syncFolder(keyFile(c))); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "The earlier keys are destroyed here. Destroy your copies of them, and of the database from before, as well.")
	return err
}

func syncFolder(file string) error {
	d, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

const changeCut = `a change of the keys was cut short: give "townline keys rotate" again, and it goes on`

// aboutKeys says more where the store has other keys because a change of them was cut short.
func aboutKeys(c *config.Config, err error) error {
	if !errors.Is(err, store.ErrKeys) {
		return err
	}
	if _, e := os.Stat(nextKeys(c)); e == nil {
		return fmt.Errorf("%w: %s", store.ErrKeys, changeCut)
	}
	return err
}

// earlierKeys are those that the town had before, while they are kept.
func earlierKeys(c *config.Config) ([]*store.Keys, error) {
	if _, err := os.Stat(oldKeys(c)); c.Store.Keys.IsSet() || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	k, err := store.LoadKeys(oldKeys(c), "")
	if err != nil {
		return nil, err
	}
	return []*store.Keys{k}, nil
}
