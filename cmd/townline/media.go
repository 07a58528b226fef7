package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/config"
	"github.com/townline/townline/store"
)

func newMedia() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "media NAME FILE",
		Short: "Write a recording or a picture that came with an answer to a file",
		Long: `Write a recording or a picture that came with an answer to a file. "townline requests show" and "townline results"
name it, like media:0123…. The file is for whoever works on the request: delete it when that is done, since nothing else
does, not even when the resident has everything erased.`,
		Example: "  townline media media:5d41402abc4b2a76b9719d911017c592 voice.ogg",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			id, ok := channels.MediaID(args[0])
			if !ok {
				return usage{fmt.Errorf("%q is not the name of a recording or a picture; those look like media:5d41402abc4b2a76b9719d911017c592", args[0])}
			}
			s, _, err := openStore(c, false)
			if err != nil {
				return err
			}
			defer s.Close()
			m, err := s.Media(cmd.Context(), id)
			if errors.Is(err, store.ErrNotFound) || err == nil && !m.Until.IsZero() && !time.Now().Before(m.Until) {
				return fmt.Errorf("%s is not kept any more: its time was over, or the resident took it back", args[0])
			} else if err != nil {
				return err
			}
			if err := writeMedia(args[1], m.Bytes); err != nil {
				return err
			}
			kept := ""
			if !m.Until.IsZero() {
				kept = fmt.Sprintf(", kept until %s", m.Until.In(c.Town.Zone).Format("2 Jan 2006"))
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s of %s, %s%s\n", args[1], strings.TrimPrefix(kindOf(m.Type), "a "),
				m.At.In(c.Town.Zone).Format("Mon 2 Jan 2006 15:04"), cmp.Or(m.Type, "of no known kind"), kept)
			return err
		},
	}
	config.AddFlags(cmd.Flags(), "store.url", "store.key_file")
	return cmd
}

// writeMedia makes a file that only its owner may read. It never writes over one.
func writeMedia(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: name another file", name)
	} else if err != nil {
		return err
	}
	_, err = f.Write(b)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(name)
	}
	return err
}
