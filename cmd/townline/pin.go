package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/config"
	"github.com/townline/townline/store"
)

func newPIN() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pin NUMBER",
		Short: "Look after PINs on a phone that several people use: unlock them, give one who forgot theirs",
		Long: `Several people can use one phone, each behind a PIN of their own that they choose by the word PIN. After five wrong
ones nobody can use a PIN on that number until you unlock it. Any call can show any number, so calls that come in are counted
apart: five wrong ones lock calls, and nothing else. You are never told whether anybody has a PIN there: don't tell anybody that
somebody does.`,
		Example: "  townline pin +12025550142\n  townline pin unlock +12025550142\n  townline pin new +12025550142 --reference 482-173-7",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, args[0], func(d desk) error {
				p, err := exchange.LookPINs(cmd.Context(), d.store, d.keys, d.number, time.Now())
				if err != nil {
					return err
				}
				tellPINs(cmd.OutOrStdout(), &p, d.number)
				return nil
			})
		},
	}
	cmd.AddCommand(newPINUnlock(), newPINNew())
	config.AddFlags(cmd.PersistentFlags(), "store.url", "store.key_file")
	return cmd
}

func tellPINs(out io.Writer, p *exchange.PINs, number string) {
	fmt.Fprintf(out, "Wrong PINs that count: %d of %d. One is forgiven each day.\n", p.Tries, p.Most)
	if p.Calls.Tries > 0 {
		fmt.Fprintf(out, "On calls that came in, which anybody can make: %d of %d.\n", p.Calls.Tries, p.Calls.Most)
	}
	unlock := "townline pin unlock " + number
	switch {
	case p.Locked:
		fmt.Fprintln(out, "PINs are locked on this number. To unlock them:", unlock)
	case p.Calls.Locked:
		fmt.Fprintln(out, "PINs are locked on calls that come in, and nowhere else. To unlock them:", unlock)
	case p.Full:
		fmt.Fprintln(out, "Choosing a PIN was tried too often. To let it be tried again:", unlock)
	case p.Calls.Full:
		fmt.Fprintln(out, "Choosing a PIN was tried too often on calls that came in. To let it be tried again:", unlock)
	}
}

func newPINUnlock() *cobra.Command {
	return &cobra.Command{
		Use:     "unlock NUMBER",
		Short:   "Let PINs be used on a number again",
		Example: "  townline pin unlock +12025550142",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return atDesk(cmd, args[0], func(d desk) error {
				if err := exchange.UnlockPINs(cmd.Context(), d.store, d.keys, d.number, time.Now()); err != nil {
					return err
				}
				fmt.Fprintln(cmd.OutOrStdout(), "PINs can be used on this number.")
				return nil
			})
		},
	}
}

func newPINNew() *cobra.Command {
	var reference string
	cmd := &cobra.Command{
		Use:   "new NUMBER --reference REFERENCE",
		Short: "Give whoever made a request behind a PIN another one, to be used once",
		Long: `Give whoever made a request behind a PIN another one. Be sure first that it is them: ask what the request was about.
The PIN works once, within three days; they choose their own with it. The one that they forgot works no more. Tell it to
them and to nobody else, not by a message to that phone.`,
		Example: "  townline pin new +12025550142 --reference 482-173-7",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, ok := exchange.ParseReference(reference)
			if !ok {
				return usage{errors.New("say which request they made: --reference 482-173-7")}
			}
			return atDesk(cmd, args[0], func(d desk) error {
				pin, err := exchange.GivePIN(cmd.Context(), d.store, d.keys, d.number, ref, time.Now(), rand.Reader)
				switch {
				case errors.Is(err, store.ErrNotFound):
					return fmt.Errorf("there is no request %s", reference)
				case errors.Is(err, exchange.ErrNoPIN):
					return fmt.Errorf("request %s was not made behind a PIN of this number", reference)
				case err != nil:
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s\nIt works once, within three days.\n", pin)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&reference, "reference", "", "the number of the request")
	return cmd
}

// desk is what a clerk looks after a number with.
type desk struct {
	store  store.Store
	keys   *store.Keys
	number string
}

func atDesk(cmd *cobra.Command, number string, do func(desk) error) error {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	to, ok := channels.Number(number, c.Town.Country)
	if !ok || !strings.HasPrefix(to, "+") {
		return usage{fmt.Errorf("%q is not a telephone number: write it with + and the country, such as +12025550142", number)}
	}
	s, keys, err := openStore(c, false)
	if err != nil {
		return err
	}
	defer s.Close()
	return do(desk{s, keys, to})
}
