package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels/preview"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/tally"
	"github.com/townline/townline/store"
)

func newResults() *cobra.Command {
	var asCSV, asJSON, staff bool
	var lang string
	var without []string
	cmd := &cobra.Command{
		Use:   "results DIALOG",
		Short: "Count what a consultation brought: by question, and by channel",
		Long: `Count what a consultation brought: how often each answer was given, who came by which channel, and how
many skipped a question. Orders are counted by first places and by points (the last place 0, each place above it
one more), budgets by sum and mean, scales and numbers by mean and median.

While a vote is open its results would sway those who have not voted yet: they are shown only with --staff, and
must not be passed on. The command works while the town is running.`,
		Example: "  townline results main-street\n  townline results main-street --csv > main-street.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if asCSV && asJSON {
				return usage{errors.New("choose one of --csv and --json")}
			}
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			s, _, err := openStore(c, false)
			if err != nil {
				return err
			}
			defer s.Close()
			versions, err := published(cmd.Context(), s, args[0])
			if err != nil {
				return err
			}
			d := versions[0]
			if err := mayShow(d, time.Now(), staff); err != nil {
				return err
			}
			t, err := count(cmd.Context(), s, versions, lang, without)
			if err != nil {
				return err
			}
			switch out := cmd.OutOrStdout(); {
			case asJSON:
				e := json.NewEncoder(out)
				e.SetIndent("", "  ")
				return e.Encode(t)
			case asCSV:
				return writeCSV(out, t)
			default:
				writeResults(out, t, d, time.Now().In(c.Town.Zone))
				return nil
			}
		},
		ValidArgsFunction: dialogNames,
	}
	f := cmd.Flags()
	f.BoolVar(&asCSV, "csv", false, "as a table for a spreadsheet")
	f.BoolVar(&asJSON, "json", false, "as JSON")
	f.BoolVar(&staff, "staff", false, "show a vote that is still open; not to be passed on")
	f.StringVar(&lang, "lang", "", "language of the wording (the dialog's own)")
	f.StringSliceVar(&without, "without", nil, "leave out a channel, such as preview")
	config.AddFlags(f, "store.url", "store.key_file")
	return cmd
}

// published compiles all published versions of a dialog, the newest first.
func published(ctx context.Context, s store.Store, id string) ([]*dialogs.Dialog, error) {
	all, err := s.Dialogs(ctx)
	if err != nil {
		return nil, err
	}
	var out []*dialogs.Dialog
	var known []string
	for _, p := range all {
		if p.ID != id {
			if !slices.Contains(known, p.ID) {
				known = append(known, p.ID)
			}
			continue
		}
		whole, err := s.Dialog(ctx, p.ID, p.Version, p.Hash)
		if err != nil {
			return nil, err
		}
		d, err := dialogs.Compile(whole.Source)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	if len(out) == 0 {
		if near := dialogs.Nearest(id, known); near != "" {
			return nil, fmt.Errorf("no dialog %q was ever published; did you mean %q?", id, near)
		}
		return nil, fmt.Errorf("no dialog %q was ever published; there are %s", id, strings.Join(known, ", "))
	}
	slices.SortFunc(out, func(a, b *dialogs.Dialog) int { return cmp.Compare(b.Version, a.Version) })
	return out, nil
}

// mayShow refuses the results of a vote that is open. A vote is a consultation that counts each person once.
func mayShow(d *dialogs.Dialog, now time.Time, staff bool) error {
	switch {
	case d.Purpose != dialogs.Consultation:
		return fmt.Errorf("%q is not a consultation: there is nothing to count; see \"townline requests list\"", d.ID)
	case staff || d.Who != dialogs.OneNumber && d.Who != dialogs.Roll:
		return nil
	case d.Closes.IsZero():
		return fmt.Errorf("%q is a vote without an end: its results are shown to staff only (--staff)", d.ID)
	case now.Before(d.Closes):
		return fmt.Errorf("%q is a vote that is open until %s: results shown now would sway those who have not voted\nyet. With --staff they are shown; they must not be passed on", d.ID, d.Closes.Format("2 January 2006 15:04"))
	}
	return nil
}

// count adds up a poll's responses and ballots.
func count(ctx context.Context, s store.Store, versions []*dialogs.Dialog, lang string, without []string) (tally.Tally, error) {
	d := versions[0]
	c := tally.New(d, cmp.Or(lang, d.Language), versions[1:]...)
	add := func(v tally.Vote, record []byte) {
		if slices.ContainsFunc(without, func(w string) bool { return v.Channel == w || strings.HasPrefix(v.Channel, w+".") }) {
			return
		}
		if engine.Decode(record, &v.Record) != nil {
			c.Unread()
			return
		}
		c.Add(v)
	}
	err := s.Responses(ctx, d.ID, func(r store.Response) error {
		add(tally.Vote{Channel: r.Channel, Lang: r.Lang}, r.Record)
		return nil
	})
	if err != nil {
		return tally.Tally{}, err
	}
	limited := d.Who == dialogs.OneNumber || d.Who == dialogs.Roll
	err = s.Ballots(ctx, d.ID, func(b store.Ballot) error {
		add(tally.Vote{Channel: b.Channel, Unlinked: limited && b.Apart}, b.Record)
		return nil
	})
	return c.Tally(), err
}

// writeResults prints a tally for people.
func writeResults(w io.Writer, t tally.Tally, d *dialogs.Dialog, now time.Time) {
	fmt.Fprintf(w, "%s (%s, version %d)\n", t.Title, t.Dialog, t.Version)
	switch {
	case !d.Closes.IsZero() && now.Before(d.Closes):
		fmt.Fprintf(w, "Open until %s.\n", d.Closes.In(now.Location()).Format("2 January 2006 15:04"))
	case !d.Closes.IsZero():
		fmt.Fprintf(w, "Closed on %s.\n", d.Closes.In(now.Location()).Format("2 January 2006 15:04"))
	}
	fmt.Fprintf(w, "\n%s", many(t.Total, "answer", "answers"))
	if len(t.Channels) > 0 {
		fmt.Fprintf(w, ": %s", listCounts(t.Channels))
	}
	fmt.Fprintln(w)
	if len(t.Languages) > 1 {
		fmt.Fprintf(w, "Languages, where they are kept: %s\n", listCounts(t.Languages))
	}
	if len(t.Versions) > 1 {
		fmt.Fprintf(w, "Versions of the dialog: %s\n", listCounts(t.Versions))
	}
	if t.Unlinked > 0 {
		fmt.Fprintf(w, "%s given without a number or code and counted here too.\n", many(t.Unlinked, "answer was", "answers were"))
	}
	if t.Unread > 0 {
		fmt.Fprintf(w, "%s can't be read and not counted.\n", many(t.Unread, "record", "records"))
	}
	if slices.ContainsFunc(t.Channels, func(c tally.Count) bool { return c.ID == preview.Name || strings.HasPrefix(c.ID, preview.Name+".") }) {
		fmt.Fprintln(w, "Answers from the preview page are among them; --without preview leaves them out.")
	}
	for _, q := range t.Questions {
		writeQuestion(w, q)
	}
}

func writeQuestion(w io.Writer, q tally.Question) {
	words := q.Words
	if q.Type == "" {
		words += " (a question of another version)"
	}
	fmt.Fprintf(w, "\n%s\n  %d answered", words, q.Answered)
	if q.Skipped > 0 {
		fmt.Fprintf(w, ", %d did not", q.Skipped)
	}
	fmt.Fprintln(w)
	if q.Type == dialogs.Number || q.Type == dialogs.Scale {
		if q.Answered > 0 {
			fmt.Fprintf(w, "  mean %s, middle %s, from %s to %s\n", figure(q.Mean), figure(q.Median), figure(q.Least), figure(q.Most))
		}
	}
	width := 0
	for _, c := range q.Counts {
		width = max(width, len([]rune(c.Label)))
	}
	for _, c := range q.Counts {
		label := c.Label + strings.Repeat(" ", width-len([]rune(c.Label)))
		switch q.Type {
		case dialogs.Rank:
			fmt.Fprintf(w, "  %s  %5d first  %6s points\n", label, c.First, figure(c.Sum))
		case dialogs.Budget:
			fmt.Fprintf(w, "  %s  %8s in all  %7s on average\n", label, figure(c.Sum), figure(c.Mean))
		default:
			share := ""
			if q.Answered > 0 {
				share = fmt.Sprintf("%5.1f %%", 100*float64(c.N)/float64(q.Answered))
			}
			fmt.Fprintf(w, "  %s  %6d  %s\n", label, c.N, share)
		}
	}
	for _, said := range q.Said {
		fmt.Fprintf(w, "  - %s\n", strings.ReplaceAll(said, "\n", " "))
	}
	if q.Media > 0 {
		fmt.Fprintf(w, "  %s\n", many(q.Media, "recording or picture", "recordings or pictures"))
		for _, name := range q.Recorded {
			fmt.Fprintf(w, "  - %s\n", name)
		}
	}
}

func figure(n float64) string {
	if n == float64(int64(n)) {
		return strconv.FormatInt(int64(n), 10)
	}
	return strconv.FormatFloat(n, 'f', 2, 64)
}

func listCounts(counts []tally.Count) string {
	var out []string
	for _, c := range counts {
		out = append(out, fmt.Sprintf("%s %d", c.Label, c.N))
	}
	return strings.Join(out, ", ")
}

// writeCSV prints one line a figure. Own words are left out: they are read before they are published.
func writeCSV(w io.Writer, t tally.Tally) error {
	out := csv.NewWriter(w)
	row := func(cells ...string) { _ = out.Write(cells) } // an error stays, and Error tells it
	row("question", "step", "answer", "id", "count", "first", "sum", "mean")
	for _, part := range []struct {
		name   string
		counts []tally.Count
	}{{"channel", t.Channels}, {"language", t.Languages}, {"version", t.Versions}} {
		for _, c := range part.counts {
			row("("+part.name+")", "", safe(c.Label), safe(c.ID), strconv.Itoa(c.N), "", "", "")
		}
	}
	for _, q := range t.Questions {
		row(safe(q.Words), q.Step, "(answered)", "", strconv.Itoa(q.Answered), "", "", "")
		row(safe(q.Words), q.Step, "(not answered)", "", strconv.Itoa(q.Skipped), "", "", "")
		if q.Type == dialogs.Number || q.Type == dialogs.Scale {
			row(safe(q.Words), q.Step, "(mean)", "", "", "", "", figure(q.Mean))
			row(safe(q.Words), q.Step, "(median)", "", "", "", "", figure(q.Median))
		}
		for _, c := range q.Counts {
			first, sum, mean := "", "", ""
			switch q.Type {
			case dialogs.Rank:
				first, sum = strconv.Itoa(c.First), figure(c.Sum)
			case dialogs.Budget:
				sum, mean = figure(c.Sum), figure(c.Mean)
			}
			row(safe(q.Words), q.Step, safe(c.Label), safe(c.ID), strconv.Itoa(c.N), first, sum, mean)
		}
	}
	out.Flush()
	return out.Error()
}

// safe keeps a spreadsheet from taking a text for a formula.
func safe(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
