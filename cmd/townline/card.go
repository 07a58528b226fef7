package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels/card"
	"github.com/townline/townline/channels/outpost"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/cost"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
)

// cardTime is how long a browser may take to make the pages of all cards.
const cardTime = 2 * time.Minute

// cardWork is what the command is asked for.
type cardWork struct {
	languages     []string
	paper, out    string
	number, texts string
	browser       string
	callBack      bool
	dialogs       []string // names
	settings      card.Settings
	phrases       *locales.Catalogue
}

func newCard() *cobra.Command {
	var w cardWork
	cmd := &cobra.Command{
		Use:   "card [DIALOG...]",
		Short: "Print what a call will ask, in large type",
		Long: `Print what a call will ask, in large type: the number to call, the questions with their keys, the keys that always
work, what it costs and who decides. One sheet of paper for each dialog and language, and one for the town; older people find
their way through a call best with such a card beside the telephone.

The questions are taken from the pages that a call says. With the names of dialogs only these are printed; "town" is the
town's own sheet. Chromium makes the PDF; without it, or with --out card.html, the card is a page for any browser to print.`,
		Example: "  townline card --number \"555 0100\" --out cards.pdf\n  townline card main-street --lang es --paper letter --number \"555 0100\" --out card.pdf",
		RunE: func(cmd *cobra.Command, args []string) error {
			w.dialogs = args
			return w.run(cmd.Context(), cmd)
		},
		ValidArgsFunction: dialogNames,
	}
	cmd.Flags().StringSliceVar(&w.languages, "lang", nil, "only these languages, such as es,ar (all of each dialog)")
	cmd.Flags().StringVar(&w.paper, "paper", string(card.A4), "a4 or letter")
	cmd.Flags().StringVarP(&w.out, "out", "o", "card.pdf", "file to write, .pdf or .html")
	cmd.Flags().StringVar(&w.number, "number", "", "number to call, as it is to be printed (voice.number in the settings)")
	cmd.Flags().StringVar(&w.texts, "text-number", "", "number to text (the number that texts come to in the settings)")
	cmd.Flags().BoolVar(&w.callBack, "callback", false, "say that who lets it ring once is called back (voice.callback.on in the settings)")
	cmd.Flags().StringVar(&w.browser, "browser", "", "Chromium, which makes the PDF (kiosk.browser in the settings, or the one that is installed)")
	return cmd
}

func (w *cardWork) run(ctx context.Context, cmd *cobra.Command) error {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	if w.phrases, err = locales.Load(); err != nil {
		return err
	}
	if err := speaks(w.phrases, w.languages); err != nil {
		return usage{err}
	}
	paper, ending := card.Paper(strings.ToLower(w.paper)), strings.ToLower(filepath.Ext(w.out))
	if paper != card.A4 && paper != card.Letter {
		return usage{fmt.Errorf("there is no paper %q; there are a4 and letter", w.paper)}
	}
	if ending != ".pdf" && ending != ".html" {
		return usage{fmt.Errorf("%s is neither .pdf nor .html", w.out)}
	}
	sheets, err := w.sheets(cmd, c)
	if err != nil {
		return err
	}
	if len(sheets) == 0 {
		return errors.New("there is nothing to print in that language")
	}
	page, err := card.HTML(paper, sheets)
	if err != nil {
		return err
	}
	if ending == ".html" {
		return w.written(cmd, w.out, page, sheets)
	}
	pdf, err := cardPDF(ctx, w.chromium(c), page)
	if err != nil {
		html := strings.TrimSuffix(w.out, filepath.Ext(w.out)) + ".html"
		fmt.Fprintf(cmd.ErrOrStderr(), "No PDF: %v. Open %s in a browser and print it there.\n", err, html)
		return w.written(cmd, html, page, sheets)
	}
	if most := card.MostPages * len(sheets); card.Pages(pdf) > most {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s are printed on %d pages: some are longer than a sheet with two sides. Shorten the options' labels, or print that dialog alone to see.\n",
			many(len(sheets), "card", "cards"), card.Pages(pdf))
	}
	return w.written(cmd, w.out, pdf, sheets)
}

// written writes the card and says so.
func (w *cardWork) written(cmd *cobra.Command, file string, content []byte, sheets []card.Sheet) error {
	if err := os.WriteFile(file, content, 0o644); err != nil {
		return err
	}
	if w.settings.Number == "" {
		fmt.Fprintln(cmd.ErrOrStderr(), "The cards name no number to call: give it with --number, or voice.number in the settings.")
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s written to %s.\n", many(len(sheets), "card", "cards"), file)
	return err
}

// sheets makes what was asked for.
func (w *cardWork) sheets(cmd *cobra.Command, c *config.Config) ([]card.Sheet, error) {
	set, err := townDialogs(cmd, c, w.phrases, func(*dialogs.Dialog) dialogs.Problems { return nil })
	if err != nil {
		return nil, err
	}
	town := callTown(c, w.phrases, set.All())
	w.settings = card.Settings{Talk: town, Number: cmp.Or(w.number, c.Voice.Number), Texts: cmp.Or(w.texts, textNumber(c)), CallBack: w.callBack || c.Voice.Callback.On, Now: time.Now()}
	named := func(name string) bool { return len(w.dialogs) == 0 || slices.Contains(w.dialogs, name) }
	for _, name := range w.dialogs {
		if name != cardOfTown && set.Get(name) == nil {
			return nil, fmt.Errorf("there is no dialog %q", name)
		}
	}
	spoken := func(lang string) bool { return len(w.languages) == 0 || slices.Contains(w.languages, lang) }
	var out []card.Sheet
	if named(cardOfTown) {
		for _, lang := range town.Languages {
			if spoken(lang) {
				out = append(out, card.OfTown(w.settings, lang))
			}
		}
	}
	for _, d := range set.All() {
		if !named(d.ID) {
			continue
		}
		for _, lang := range d.AllLanguages() {
			if spoken(lang) {
				from, to := w.minutes(town, d, lang)
				out = append(out, card.Of(w.settings, d, lang, from, to))
			}
		}
	}
	return out, nil
}

// cardOfTown names the town's own sheet.
const cardOfTown = "town"

// minutes is how long a call takes on the shortest and the longest way.
func (w *cardWork) minutes(town *talk.Town, d *dialogs.Dialog, lang string) (from, to int) {
	span := cost.OfCall(town, d, lang)
	if span == nil {
		return 0, 0
	}
	from = max(1, int(span.Shortest.Whole().Minutes()))
	return from, max(from+1, int(math.Ceil(span.Longest.Whole().Minutes())))
}

// chromium is the browser that makes the PDF; "" where there is none.
func (w *cardWork) chromium(c *config.Config) string {
	for _, name := range []string{w.browser, c.Kiosk.Browser, "chromium", "chromium-browser", "google-chrome"} {
		if name == "" {
			continue
		}
		if file, err := exec.LookPath(name); err == nil {
			return file
		}
	}
	return ""
}

// cardPDF has a browser print the page.
func cardPDF(ctx context.Context, browser string, page []byte) ([]byte, error) {
	if browser == "" {
		return nil, errors.New("it is made by Chromium, which is not installed here")
	}
	ctx, cancel := context.WithTimeout(ctx, cardTime)
	defer cancel()
	dir, err := os.MkdirTemp("", "townline-card-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	html, pdf := filepath.Join(dir, "card.html"), filepath.Join(dir, "card.pdf")
	if err := os.WriteFile(html, page, 0o600); err != nil {
		return nil, err
	}
	b := outpost.Browser{Path: browser}
	if os.Geteuid() == 0 { // Chromium doesn't run as root otherwise; the page is our own, has no script and reaches no network
		b.Flags = []string{"--no-sandbox"}
	}
	if err := b.PDF(ctx, html, pdf); err != nil {
		return nil, fmt.Errorf("print by Chromium: %w", err)
	}
	return os.ReadFile(pdf)
}
