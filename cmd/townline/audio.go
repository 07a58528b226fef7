package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/channels/kiosk"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/locales"
)

// audioWork is what the command is asked for.
type audioWork struct {
	dir                  string
	list, missing, check bool
	prune                bool
	languages, accept    []string
	dialogs              []string
}

func newAudio() *cobra.Command {
	var w audioWork
	cmd := &cobra.Command{
		Use:   "audio [DIALOG...]",
		Short: "Make what kiosks and phones read aloud, and say what is missing",
		Long: `Make the sound of every text of the dialogs, and of the town's own phrases, in every language: once, so that
nobody waits for it. What people recorded is used before the machine's voice. A second run makes only what is new.
What holds a resident's answer or a number of the day can't be made before: the server makes it when it is on show,
and keeps it nowhere.

A recording lies in the folder as recordings/LANGUAGE/DIALOG/TEXT.wav (or .mp3, or .ogg with Opus); --list shows
the names. When its text is changed later, it is not used any more until it is recorded again, or accepted.

With the names of dialogs only these are looked at; "town" is the town's own phrases.

Without a folder nothing is kept: each clip is made when somebody asks for it, and --list and --missing say what can't be.

With --check nothing is made, and the exit status is 1 when something is missing or was recorded for other words.`,
		Example: "  townline audio --missing\n  townline audio --dir audio\n  townline audio --dir audio --missing --lang so\n  townline audio --dir audio --check --lang en,es",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			w.dialogs = args
			return w.run(ctx, cmd)
		},
		ValidArgsFunction: dialogNames,
	}
	cmd.Flags().StringVar(&w.dir, "dir", "", "folder with recordings and made sound (audio.dir in the settings)")
	cmd.Flags().BoolVar(&w.list, "list", false, "list every text, how it is heard, and the name to record it under; make nothing")
	cmd.Flags().BoolVar(&w.missing, "missing", false, "list only what can't be heard or was recorded for other words; make nothing")
	cmd.Flags().BoolVar(&w.check, "check", false, "make nothing; fail when something is missing")
	cmd.Flags().StringSliceVar(&w.languages, "lang", nil, "only these languages, such as en,es")
	cmd.Flags().StringSliceVar(&w.accept, "accept", nil, "a recording that still says what stands there, though the words have changed")
	cmd.Flags().BoolVar(&w.prune, "prune", false, "remove made sound that nothing says any more")
	cmd.AddCommand(newAudioCall(), newAudioRecord())
	return cmd
}

func (w *audioWork) run(ctx context.Context, cmd *cobra.Command) error {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	if w.dir != "" {
		c.Audio.Dir = w.dir
	}
	makes := !w.list && !w.missing && !w.check
	if c.Audio.Dir == "" && makes {
		return usage{errors.New("say where to keep the sound: --dir audio, or audio.dir in the settings")}
	}
	phrases, err := locales.Load()
	if err != nil {
		return err
	}
	if err := speaks(phrases, w.languages); err != nil {
		return usage{err}
	}
	set, err := townDialogs(cmd, c, phrases, func(*dialogs.Dialog) dialogs.Problems { return nil })
	if err != nil {
		return err
	}
	voice, err := audio.FindVoice(ctx, speech(c))
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "%v. What people recorded is all that can be heard.\n", err)
	}
	shelf, err := audio.NewShelf(stock(c, voice, phrases, set.All()))
	if err != nil {
		return err
	}
	stock, err := shelf.Inventory(w.accept...)
	if err != nil {
		return err
	}
	for _, name := range w.dialogs {
		if name != audio.TownPlace && !slices.ContainsFunc(set.All(), func(d *dialogs.Dialog) bool { return d.ID == name }) {
			return fmt.Errorf("there is no dialog %q", name)
		}
	}
	stock.Only(w.languages, w.dialogs)
	if makes {
		if err := w.make(ctx, cmd, shelf, stock); err != nil {
			return err
		}
	}
	return w.tell(cmd, phrases, stock)
}

// make makes what is missing, and tells what could not be made.
func (w *audioWork) make(ctx context.Context, cmd *cobra.Command, shelf *audio.Shelf, stock *audio.Inventory) error {
	errs := cmd.ErrOrStderr()
	troubles, err := shelf.Make(ctx, stock, func(made, of int) {
		if made%100 == 0 || made == of {
			fmt.Fprintf(errs, "%d of %s made\n", made, many(of, "clip", "clips"))
		}
	})
	for _, t := range troubles {
		fmt.Fprintf(errs, "%s: %v\n", t.Record, t.Err)
	}
	if err != nil || !w.prune {
		return err
	}
	removed, err := stock.Prune()
	stock.Unused = nil
	fmt.Fprintf(cmd.OutOrStdout(), "%s removed that nothing says any more.\n", many(removed, "file", "files"))
	return err
}

// tell prints the inventory, and fails where it was asked to check and something is wanting.
func (w *audioWork) tell(cmd *cobra.Command, phrases *locales.Catalogue, stock *audio.Inventory) error {
	out := cmd.OutOrStdout()
	wanting := stock.Wanting()
	switch {
	case w.missing:
		listItems(out, wanting)
	case w.list:
		listItems(out, stock.Items)
	}
	silent := sumUp(out, phrases, stock)
	for _, file := range stock.New {
		fmt.Fprintf(out, "New recording: %s\n", file)
	}
	stale := map[string]bool{}
	for _, i := range wanting {
		if i.Stale != "" && !stale[i.Stale] {
			stale[i.Stale] = true
			fmt.Fprintf(out, "%s was recorded for other words than those of today, and is not used.\n  Record it again; or, if it is still right: --accept %s\n", i.Stale, i.Stale)
		}
	}
	for _, file := range stock.Strange {
		fmt.Fprintf(out, "%s is named after no text; --list shows the names\n", file)
	}
	for _, lang := range silent {
		name, _ := phrases.Language(locales.Source).Called(lang)
		fmt.Fprintf(out, "There is no voice for %s here. Until people record it, pages in %s say so. --missing --lang %s shows what to record;\n  begin with recordings/%s/town/audio.gap, which is said where a part can't be read aloud.\n", name, name, lang, lang)
	}
	if n := len(stock.Unused); n > 0 {
		fmt.Fprintf(out, "%s nothing says any more; --prune removes %s.\n", many(n, "made file is there that", "made files are there that"), map[bool]string{true: "it", false: "them"}[n == 1])
	}
	if len(wanting) == 0 && len(stock.Strange) == 0 {
		fmt.Fprintln(out, "Everything can be heard.")
		return nil
	}
	if w.check {
		return failed(1)
	}
	return nil
}

// sumUp prints a line for each language and returns those with texts that can't be heard for want of a voice.
func sumUp(out io.Writer, phrases *locales.Catalogue, stock *audio.Inventory) (silent []string) {
	type sums struct{ all, recorded, made, missing, silent, onDemand int }
	count := map[string]*sums{}
	var order []string
	onDemand := false
	for _, i := range stock.Items {
		if i.State == audio.Piece {
			continue
		}
		n := count[i.Lang]
		if n == nil {
			n = &sums{}
			count[i.Lang] = n
			order = append(order, i.Lang)
		}
		n.all++
		switch i.State {
		case audio.Recorded:
			n.recorded++
		case audio.Made:
			n.made++
		case audio.Missing:
			n.missing++
		case audio.Silent:
			n.silent++
		case audio.OnDemand:
			n.onDemand++
			onDemand = true
		}
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	last := ""
	if onDemand {
		last = "\twhen asked for"
	}
	fmt.Fprintln(table, "language\ttexts\trecorded\tby machine\tto make\tno voice"+last)
	for _, lang := range order {
		n := count[lang]
		name, _ := phrases.Language(locales.Source).Called(lang)
		if onDemand {
			last = fmt.Sprintf("\t%d", n.onDemand)
		}
		fmt.Fprintf(table, "%s (%s)\t%d\t%d\t%d\t%d\t%d%s\n", name, lang, n.all, n.recorded, n.made, n.missing, n.silent, last)
		if n.silent > 0 {
			silent = append(silent, lang)
		}
	}
	_ = table.Flush()
	return silent
}

// listItems prints texts one a line: its number, how each is heard, the name to record it under, and its words.
func listItems(out io.Writer, items []audio.Item) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, i := range items {
		state := map[audio.State]string{audio.Missing: "to make", audio.Made: "by machine", audio.Recorded: "recorded", audio.Silent: "no voice", audio.OnDemand: "when asked for", audio.Piece: "a part"}[i.State]
		if i.Stale != "" {
			state = "other words"
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", i.Number, state, i.Record, i.Words)
	}
	_ = table.Flush()
	fmt.Fprintln(out)
}

// speech is how the town wants to be read aloud.
func speech(c *config.Config) audio.Speech {
	return audio.Speech{Rate: c.Audio.Rate, Voices: c.Audio.Voices}
}

// stock is what a shelf is made of, with all that the town's dialogs, its phrases and the keys of its pages say.
func stock(c *config.Config, voice *audio.Voice, phrases *locales.Catalogue, all []*dialogs.Dialog) audio.Stock {
	script := audio.Script(phrases, c.Town.Languages, all)
	for _, lang := range c.Town.Languages {
		script = append(script, audio.Spelled(lang, kiosk.Letters(lang))...)
	}
	script = append(script, callLines(c, phrases, all, script, time.Now())...)
	frames := audio.Frames(phrases, c.Town.Languages, all)
	script = append(script, audio.Pieces(phrases, c.Town.Languages, frames)...)
	return audio.Stock{Dir: c.Audio.Dir, Voice: voice, Phrases: phrases, Script: script, Frames: frames}
}

// newShelf is the shelf of a town at work: it speaks without any step before, where the machine has a voice. secret is the
// town's, for the names of clips; nil: one of this process.
func newShelf(ctx context.Context, c *config.Config, phrases *locales.Catalogue, all []*dialogs.Dialog, secret []byte, log *slog.Logger) (*audio.Shelf, error) {
	voice, err := audio.FindVoice(ctx, speech(c))
	if err != nil {
		log.Warn("pages are not read aloud, but for what lies in audio.dir", "why", err)
	}
	var mute []string
	for _, lang := range c.Town.Languages {
		if !voice.Speaks(lang) {
			mute = append(mute, lang)
		}
	}
	if err == nil && len(mute) > 0 {
		log.Info("there is no voice for some languages; pages say so", "languages", strings.Join(mute, ", "))
	}
	kept := stock(c, voice, phrases, all)
	kept.Log, kept.Secret = log, secret
	return audio.NewShelf(kept)
}

// countGaps counts among the town's figures how often somebody wanted to hear what can't be read aloud; the log names each
// such text once.
func countGaps(metrics prometheus.Registerer, shelf *audio.Shelf) {
	metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "townline_audio_gaps_total", Help: "How often a text was to be read aloud and could not be; the log names the texts.",
	}, func() float64 {
		times := 0
		for _, gap := range shelf.Gaps() {
			times += gap.Times
		}
		return float64(times)
	}))
}
