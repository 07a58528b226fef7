package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/dialogtest"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
)

// audioCall is one call that nobody makes, written down as sound.
type audioCall struct {
	dir, lang, out string
	pace, gain     int
	wide           bool
}

func newAudioCall() *cobra.Command {
	var w audioCall
	cmd := &cobra.Command{
		Use:   "call DIALOG",
		Short: "Write a whole call down as one file of sound, to listen to",
		Long: `Hold a dialog as a caller would who takes the first answer each time, and write all that the line says into one
WAV file: from the first word of the call to the last, with the silences between, the keys that were pressed, and the
tone before a recording. What people recorded is heard in it where the folder has it. The words are printed beside the
time at which they begin.`,
		Example: "  townline audio call street-problem --lang es --out call.wav\n  townline audio call main-street --pace 70 --gain 12",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return w.run(ctx, cmd, args[0])
		},
		ValidArgsFunction: dialogNames,
	}
	cmd.Flags().StringVar(&w.dir, "dir", "", "folder with recordings and made sound (audio.dir in the settings)")
	cmd.Flags().StringVar(&w.lang, "lang", "", "the caller's language; the dialog's own where none is given")
	cmd.Flags().StringVar(&w.out, "out", "call.wav", "the file to write")
	cmd.Flags().IntVar(&w.pace, "pace", 0, "how fast it is said, in percent of the usual: 70 to 130")
	cmd.Flags().IntVar(&w.gain, "gain", 0, "how much louder it is said, in decibels: up to 12")
	cmd.Flags().BoolVar(&w.wide, "wide", false, "as a wideband telephone plays it (16 kHz), not as the usual one (8 kHz)")
	return cmd
}

func (w *audioCall) run(ctx context.Context, cmd *cobra.Command, name string) error {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	if w.dir != "" {
		c.Audio.Dir = w.dir
	}
	phrases, err := locales.Load()
	if err != nil {
		return err
	}
	set, err := townDialogs(cmd, c, phrases, func(*dialogs.Dialog) dialogs.Problems { return nil })
	if err != nil {
		return err
	}
	d := set.Get(name)
	if d == nil {
		return fmt.Errorf("there is no dialog %q", name)
	}
	if w.lang == "" {
		w.lang = d.Language
	} else if !slices.Contains(d.AllLanguages(), w.lang) {
		return usage{fmt.Errorf("%q is not to be had in %q; it is in %s", name, w.lang, strings.Join(d.AllLanguages(), ", "))}
	}
	voice, err := audio.FindVoice(ctx, speech(c))
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "%v. What people recorded is all that can be heard.\n", err)
	}
	shelf, err := audio.NewShelf(stock(c, voice, phrases, set.All()))
	if err != nil {
		return err
	}
	log, err := holdCall(callTown(c, phrases, set.All()), d, w.lang)
	if err != nil {
		return err
	}
	rate := 8000
	if w.wide {
		rate = 16000
	}
	tape := tape{shelf: shelf, dialog: d.ID, wide: w.wide, rate: rate, out: cmd.OutOrStdout()}
	if err := tape.record(ctx, log, w.pace, w.gain); err != nil {
		return err
	}
	if err := os.WriteFile(w.out, audio.File(tape.samples, rate), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(tape.out, "\n%s: %s of sound", w.out, clockTime(tape.at()))
	if tape.missing > 0 {
		fmt.Fprintf(tape.out, "; %s can't be said in this language here", many(tape.missing, "text", "texts"))
	}
	_, err = fmt.Fprintln(tape.out, ".")
	return err
}

// holdCall is a call by somebody who takes the first answer each time.
func holdCall(town *talk.Town, d *dialogs.Dialog, lang string) ([]dialogtest.Remark, error) {
	at := time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)
	if !d.Opens.IsZero() {
		at = d.Opens
	}
	r := dialogtest.NewResident(town, render.Voice, at)
	r.Speaks(lang)
	r.Meets(dialogtest.Test{Roll: []string{"482715"}, Found: []dialogtest.Known{{Found: engine.Found{Ref: "311-204-7", What: "12 Oak Street", State: "open", Due: "2027-03-15"}, Mine: true}}})
	if err := r.Opens(d); err != nil {
		return nil, fmt.Errorf("%s: %w", d.ID, err)
	}
	given := map[string]bool{}
	for range 300 {
		if r.Err() != nil || r.End != "" {
			return r.Log, r.Err()
		}
		turns := r.Turns
		if err := takeFirst(r, given); err != nil {
			return nil, fmt.Errorf("%s: %w", d.ID, err)
		}
		if r.Turns == turns {
			break
		}
	}
	return r.Log, errors.New("the call never ends")
}

// takeFirst gives the first answer that there is to what is open. given are the questions that have some of their answers.
func takeFirst(r *dialogtest.Resident, given map[string]bool) error {
	page := &r.Pages[len(r.Pages)-1]
	st := r.Asked()
	switch {
	case page.Listen != nil && page.Listen.Record > 0:
		r.Sends("audio/wav", "own words")
		if st == nil || r.Asked() != st { // a recording will do
			return nil
		}
	case st != nil && st.Type == dialogs.Choices && given[st.ID]: // one, and no more
		r.Presses("8")
		return nil
	case st == nil, page.Listen != nil && page.Listen.Keys == 1 && len(page.Options) > 0:
		if len(page.Options) == 0 {
			return errors.New("nothing is on offer")
		}
		if st != nil {
			given[st.ID] = true
		}
		r.Presses(page.Options[0].Digit)
		return nil
	}
	return r.Gives(st, firstAnswer(r, st), dialogtest.ByDigit)
}

func firstAnswer(r *dialogtest.Resident, st *dialogs.Step) []string {
	var ids []string
	for i := range st.Options {
		ids = append(ids, st.Options[i].ID)
	}
	switch st.Type {
	case dialogs.Choice, dialogs.Scale, dialogs.Choices:
		return ids[:1]
	case dialogs.Rank:
		return ids
	case dialogs.Budget:
		shares := make([]string, len(ids))
		for i := range shares {
			shares[i] = "0"
		}
		shares[0] = fmt.Sprint(st.Total)
		return shares
	case dialogs.YesNo, dialogs.Consent:
		return []string{"yes"}
	case dialogs.Number:
		n := 3.0
		if st.HasMin {
			n = max(n, st.Min)
		}
		if st.HasMax {
			n = min(n, st.Max)
		}
		return []string{fmt.Sprint(n)}
	case dialogs.Date:
		day := r.Now.AddDate(0, 0, 7)
		if from, err := time.Parse(time.DateOnly, st.From); err == nil && day.Before(from) {
			day = from
		}
		return []string{day.Format(time.DateOnly)}
	case dialogs.Contact:
		return []string{"+12025550143"}
	case dialogs.Code:
		return []string{"482715"}
	case dialogs.Status:
		return []string{"311-204-7"}
	case dialogs.Similar:
		return []string{"none"}
	case dialogs.Review:
		return []string{"ok"}
	}
	return []string{"12 Oak Street"}
}

// tape takes down what a line plays.
type tape struct {
	shelf   *audio.Shelf
	dialog  string
	wide    bool
	rate    int
	out     io.Writer
	samples []int16
	missing int
}

func (t *tape) at() time.Duration {
	return time.Duration(len(t.samples)) * time.Second / time.Duration(t.rate)
}

func (t *tape) add(p *audio.PCM) {
	if t.wide {
		t.samples = append(t.samples, p.Wide...)
	} else {
		t.samples = append(t.samples, p.Narrow...)
	}
}

func (t *tape) tell(words string) {
	at := t.at()
	fmt.Fprintf(t.out, "%3d:%04.1f  %s\n", int(at.Minutes()), at.Seconds()-60*float64(int(at.Minutes())), words)
}

// own stands for the caller's words where they are played back.
const own = 2 * time.Second

func (t *tape) record(ctx context.Context, log []dialogtest.Remark, pace, gain int) error {
	pressed := false
	for i := range log {
		l := &log[i]
		if l.Page == nil {
			pressed = t.answer(l)
			continue
		}
		for _, part := range call.Parts(l.Page, pressed) {
			if err := t.say(ctx, part, pace, gain); err != nil {
				return err
			}
		}
		pressed = false
	}
	return nil
}

// answer takes down what the caller does, after a second of thought.
func (t *tape) answer(l *dialogtest.Remark) (pressed bool) {
	if l.Who == "comes" {
		t.tell("(the call begins)")
		return false
	}
	t.add(audio.Silence(time.Second))
	if l.Who == "send" {
		t.tell("(tone; the caller speaks)")
		t.add(audio.Beep())
		t.add(audio.Silence(own))
		return false
	}
	t.tell("(the caller presses " + l.Words + ")")
	for _, key := range []byte(l.Words) {
		t.add(audio.Key(key))
	}
	return true
}

func (t *tape) say(ctx context.Context, part call.Part, pace, gain int) error {
	switch {
	case part.Silence > 0:
		t.add(audio.Silence(part.Silence))
		return nil
	case part.Tone:
		t.add(audio.Beep())
		return nil
	case part.Media != "":
		t.tell("(the caller's own words)")
		t.add(audio.Silence(own))
		return nil
	}
	u := audio.Utterance{Lang: part.Lang, Key: part.Key, Words: part.Words, Pace: pace, Gain: gain}
	if !strings.HasPrefix(part.Key, "@") && part.Key != "" {
		u.Dialog = t.dialog
	}
	p, err := t.shelf.Speak(ctx, u)
	var gap *audio.Gap
	switch {
	case errors.As(err, &gap) && ctx.Err() == nil:
		p = t.shelf.SpeakSorry(ctx, part.Lang, pace, gain)
		t.missing++
	case err != nil:
		return err
	}
	by := ""
	if p.Recorded {
		by = "(recorded) "
	}
	t.tell(by + part.Words)
	t.add(p)
	return nil
}
