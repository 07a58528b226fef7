package main

import (
	"crypto/rand"
	"encoding/csv"
	"fmt"
	"math/big"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
)

// codeDigits are those of one code: all digits, so that it can be keyed on any phone, and enough that of 100,000 codes one
// guess in ten million hits any.
const codeDigits = 12

func newCodes() *cobra.Command {
	var count int
	cmd := &cobra.Command{
		Use:   "codes DIALOG --new COUNT",
		Short: "Make the codes for the letters of a vote (who: roll)",
		Long: `Make the codes for the letters of a vote with "who: roll", and put them on its roll. They are printed once, as a
table with one code a line, in no order. The town keeps only marks by which it knows a code again: print the
letters, then delete the table. The dialog must have been published: "townline serve" does that.`,
		Example: "  townline codes library-hours --new 5000 > letters.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if count < 1 || count > 10_000_000 {
				return usage{fmt.Errorf("say how many codes to make: --new 5000")}
			}
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			s, keys, err := openStore(c, false)
			if err != nil {
				return err
			}
			defer s.Close()
			versions, err := published(cmd.Context(), s, args[0])
			if err != nil {
				return err
			}
			if versions[0].Who != dialogs.Roll {
				return fmt.Errorf("%q asks for no code: its \"who\" is %q, not \"roll\"", args[0], versions[0].Who)
			}
			codes, voters := make([]string, count), make([][16]byte, count)
			seen := make(map[string]bool, count)
			for i := range codes {
				for codes[i] == "" || seen[codes[i]] {
					if codes[i], err = newCode(); err != nil {
						return err
					}
				}
				seen[codes[i]] = true
				voters[i] = exchange.CodeVoter(keys, args[0], codes[i])
			}
			if err := s.Reserve(cmd.Context(), args[0], voters); err != nil {
				return err
			}
			out := csv.NewWriter(cmd.OutOrStdout())
			_ = out.Write([]string{"code"}) // an error stays, and Error tells it
			for _, code := range codes {
				_ = out.Write([]string{code[:4] + " " + code[4:8] + " " + code[8:]})
			}
			out.Flush()
			return out.Error()
		},
		ValidArgsFunction: dialogNames,
	}
	cmd.Flags().IntVar(&count, "new", 0, "how many codes to make")
	config.AddFlags(cmd.Flags(), "store.url", "store.key_file")
	return cmd
}

func newCode() (string, error) {
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(codeDigits), nil)
	n, err := rand.Int(rand.Reader, most)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%0*d", codeDigits, n), nil
}
