package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/store"
)

func newRequests() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "requests",
		Short: "List what residents asked for, and show one request whole",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRequestsList(), newRequestsShow())
	config.AddFlags(cmd.PersistentFlags(), "store.url", "store.key_file")
	return cmd
}

// listed is a request as --json gives it: without anything personal.
type listed struct {
	Reference  string    `json:"reference"`
	Status     string    `json:"status"`
	What       string    `json:"what"`
	Service    string    `json:"service"`
	Department string    `json:"department"`
	Dialog     string    `json:"dialog"`
	Due        string    `json:"due,omitempty"`
	Opened     time.Time `json:"opened"`
	Updated    time.Time `json:"updated"`
	Channel    string    `json:"channel"`
	Joined     int       `json:"joined"`
	Late       bool      `json:"late"`
}

func list(r store.Request, today string) listed {
	return listed{
		r.Reference, r.Status, r.Label, r.Service, r.Department, r.Dialog, r.Due, r.Opened, r.Updated, r.Channel, r.Joined,
		r.Due != "" && r.Due < today && r.Status != "closed",
	}
}

func newRequestsList() *cobra.Command {
	var q store.RequestQuery
	var since string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List requests, the newest first",
		Example: "  townline requests list --status open\n  townline requests list --department public-works --since 2027-03-01",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			if since != "" {
				if q.Since, err = time.ParseInLocation(time.DateOnly, since, c.Town.Zone); err != nil {
					return usage{fmt.Errorf("%q is not a day; write it like 2027-03-15", since)}
				}
			}
			s, _, err := openStore(c, false)
			if err != nil {
				return err
			}
			defer s.Close()
			all, err := s.Requests(cmd.Context(), q)
			if err != nil {
				return err
			}
			today := time.Now().In(c.Town.Zone).Format(time.DateOnly)
			out := cmd.OutOrStdout()
			if asJSON {
				rows := []listed{}
				for _, r := range all {
					rows = append(rows, list(r, today))
				}
				e := json.NewEncoder(out)
				e.SetIndent("", "  ")
				return e.Encode(rows)
			}
			return printList(out, all, today, c.Town.Zone)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Status, "status", "", "only these: open, closed, …")
	f.StringVar(&q.Department, "department", "", "only of this department")
	f.StringVar(&q.Service, "service", "", "only of this service")
	f.StringVar(&q.Dialog, "dialog", "", "only from this dialog")
	f.StringVar(&since, "since", "", "only since this day, such as 2027-03-15")
	f.IntVar(&q.Limit, "most", 100, "how many at most")
	f.BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func printList(out io.Writer, all []store.Request, today string, zone *time.Location) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "There are no such requests.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NUMBER\tSTATUS\tREPLY BY\tOPENED\tDEPARTMENT\tWHAT")
	for _, r := range all {
		l := list(r, today)
		due := l.Due
		if l.Late {
			due += " late"
		}
		what := l.What
		if l.Joined > 0 {
			what += fmt.Sprintf(" (and %d more)", l.Joined)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Reference, l.Status, due, l.Opened.In(zone).Format("2 Jan 15:04"), l.Department, what)
	}
	return w.Flush()
}

func newRequestsShow() *cobra.Command {
	var personal bool
	cmd := &cobra.Command{
		Use:   "show NUMBER",
		Short: "Show one request with its history",
		Long: `Show one request with its history. How to reach the resident is shown with --personal only: it is for
whoever works on the request. A recording or a picture is named, like media:0123…: "townline media" writes it to a file.`,
		Example: "  townline requests show 482-173-5",
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
			defer s.Close()
			r, err := s.Request(cmd.Context(), args[0])
			if errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("there is no request %q; \"townline requests list\" lists them", args[0])
			} else if err != nil {
				return err
			}
			return printRequest(cmd.Context(), cmd.OutOrStdout(), s, r, c.Town.Zone, personal)
		},
	}
	cmd.Flags().BoolVar(&personal, "personal", false, "show how to reach the resident")
	return cmd
}

func printRequest(ctx context.Context, out io.Writer, s store.Store, r store.Request, zone *time.Location, personal bool) error {
	l := list(r, time.Now().In(zone).Format(time.DateOnly))
	fmt.Fprintf(out, "%s  %s\n", l.Reference, l.What)
	fmt.Fprintf(out, "%s, opened %s by %s", l.Status, l.Opened.In(zone).Format("Mon 2 Jan 2006 15:04"), l.Channel)
	if l.Due != "" {
		fmt.Fprintf(out, ", reply promised by %s", l.Due)
	}
	if l.Late {
		fmt.Fprint(out, " (late)")
	}
	fmt.Fprintln(out)
	if l.Joined > 0 {
		fmt.Fprintf(out, "%s joined it.\n", many(l.Joined, "more resident", "more residents"))
	}
	fmt.Fprintln(out)
	d := requestDialog(ctx, s, r)
	lang := ""
	if d != nil {
		lang = d.Language
	}
	if len(r.Record) > 0 {
		lines, err := recordLines(d, lang, r.Record)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, one := range lines {
			fmt.Fprintf(w, "%s\t%s\n", one.Question, one.Answer)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	if personal {
		words, err := reach(r)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n\n", words)
	}
	for _, e := range r.History {
		fmt.Fprintf(out, "%s  %s by %s", e.At.In(zone).Format("2006-01-02 15:04"), e.Kind, e.By)
		if e.Status != "" {
			fmt.Fprintf(out, ", now %s", e.Status)
		}
		if e.Text != "" {
			fmt.Fprintf(out, ": %s", e.Text)
		}
		if e.Kind == store.Joined {
			for _, name := range mediaOf(e.Record) {
				fmt.Fprintf(out, ", with %s", name)
			}
		}
		fmt.Fprintln(out)
	}
	return nil
}

// sharedPhone is what a clerk must know of a request that was made behind a PIN.
const sharedPhone = "their phone is used by others too: don't speak of this to whoever answers there, and send nothing."

// reach says how the resident can be reached.
func reach(r store.Request) (string, error) {
	p, err := exchange.ParsePersonal(r.Personal)
	switch {
	case err != nil:
		return "", err
	case p.Kind == exchange.BehindPIN && p.Contact != "" && p.Contact != p.Address:
		return fmt.Sprintf("Reach them at %s; %s", p.Contact, sharedPhone), nil
	case p.Kind == exchange.BehindPIN:
		return fmt.Sprintf("They wrote from %s; %s", p.Address, sharedPhone), nil
	case p.Contact != "" && p.Address != "" && p.Contact != p.Address:
		return fmt.Sprintf("Reach them at %s; they wrote from %s (%s).", p.Contact, p.Address, p.Kind), nil
	case p.Contact != "":
		return fmt.Sprintf("Reach them at %s.", p.Contact), nil
	case p.Address != "":
		return fmt.Sprintf("Reach them at %s (%s).", p.Address, p.Kind), nil
	}
	return "No address is kept: none was given, or the resident had it erased.", nil
}

// requestDialog is the newest version of the dialog that a request came from; nil when it is not to be had. Requests
// name their questions by id, which stays when the wording changes.
func requestDialog(ctx context.Context, s store.Store, r store.Request) *dialogs.Dialog {
	versions, err := published(ctx, s, r.Dialog)
	if err != nil {
		return nil
	}
	return versions[0]
}
