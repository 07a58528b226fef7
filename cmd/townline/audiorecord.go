package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/channels/call"
	"github.com/townline/townline/channels/sip"
	"github.com/townline/townline/channels/sip/media"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/locales"
)

// audioRecord is a clerk who is rung to record texts.
type audioRecord struct {
	number, dir, lang string
	dialogs           []string
}

func newAudioRecord() *cobra.Command {
	var w audioRecord
	cmd := &cobra.Command{
		Use:   "record [DIALOG...] --call NUMBER --lang LANGUAGE",
		Short: "Ring a telephone, and take a clerk's recordings of texts one by one",
		Long: `Ring a telephone by the town's SIP trunk and take recordings of all that calls say and nobody has recorded in
today's words. Each text is read out, or named by its number on the list that is printed here; say it after the tone and
press the hash key. You hear yourself: 1 keeps it, 2 tries again, 3 leaves it out, 0 ends. What was kept is not asked for
another day. The server may be running meanwhile.

With the names of dialogs only these are asked for; "town" is the town's own phrases.`,
		Example: "  townline audio record --call +12025550142 --lang so\n  townline audio record main-street --call +12025550142 --lang es --dir audio",
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			w.dialogs = args
			return w.run(ctx, cmd)
		},
		ValidArgsFunction: dialogNames,
	}
	cmd.Flags().StringVar(&w.number, "call", "", "the telephone to ring")
	cmd.Flags().StringVar(&w.lang, "lang", "", "the language to record")
	cmd.Flags().StringVar(&w.dir, "dir", "", "folder with recordings and made sound (audio.dir in the settings)")
	return cmd
}

func (w *audioRecord) run(ctx context.Context, cmd *cobra.Command) error {
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
	switch {
	case w.number == "" || w.lang == "":
		return usage{errors.New("say whom to ring and in which language: --call +12025550142 --lang es")}
	case c.Audio.Dir == "":
		return usage{errors.New("say where to keep the recordings: --dir audio, or audio.dir in the settings")}
	case !c.SIP.On():
		return errors.New("the town has no line of its own to ring by: set sip.listen and sip.trunks")
	}
	if err := speaks(phrases, []string{w.lang}); err != nil {
		return usage{err}
	}
	if _, ok := channels.Number(w.number, c.Town.Country); !ok {
		return usage{fmt.Errorf("%q is not a telephone number: write it with + and the country, such as +12025550142", w.number)}
	}
	set, err := townDialogs(cmd, c, phrases, func(*dialogs.Dialog) dialogs.Problems { return nil })
	if err != nil {
		return err
	}
	voice, err := audio.FindVoice(ctx, speech(c))
	if err != nil {
		return fmt.Errorf("nobody could say what to record: %w", err)
	}
	shelf, err := audio.NewShelf(stock(c, voice, phrases, set.All()))
	if err != nil {
		return err
	}
	stock, err := shelf.Inventory()
	if err != nil {
		return err
	}
	stock.Only([]string{w.lang}, w.dialogs)
	items := stock.Unrecorded()
	out := cmd.OutOrStdout()
	if len(items) == 0 {
		_, err := fmt.Fprintln(out, "Everything is recorded.")
		return err
	}
	listItems(out, items)
	booth := &booth{reading: audio.NewReading(items), stock: stock, shelf: shelf}
	err = booth.ring(ctx, c, phrases, w.number, cmd.ErrOrStderr())
	if booth.reading.Kept > 0 { // list what was kept, and make its clips
		if stock, again := shelf.Inventory(); again == nil {
			_, again = shelf.Make(context.WithoutCancel(ctx), stock, func(int, int) {})
			err = errors.Join(err, again)
		}
	}
	fmt.Fprintf(out, "%s kept; %d to go.\n", many(booth.reading.Kept, "recording", "recordings"), len(items)-booth.reading.Kept)
	return err
}

// booth is where a clerk records: it does on a line what a Reading asks for.
type booth struct {
	reading *audio.Reading
	stock   *audio.Inventory
	shelf   *audio.Shelf

	mu   sync.Mutex
	take []byte // what is played back
}

// ring rings the clerk by the town's trunks, from a port of its own: the server has the usual one.
func (b *booth) ring(ctx context.Context, c *config.Config, phrases *locales.Catalogue, number string, errs io.Writer) error {
	own := *c
	own.SIP.Listen = nil
	for _, listen := range c.SIP.Listen {
		network, _, _ := strings.Cut(listen, ":")
		own.SIP.Listen = append(own.SIP.Listen, network+":0.0.0.0:0")
	}
	own.SIP.Ports = [2]int{}
	own.SIP.Trunks = append([]config.Trunk(nil), c.SIP.Trunks...)
	for i := range own.SIP.Trunks {
		own.SIP.Trunks[i].Registrar = "" // calls to the town still go to the server
	}
	line, err := sipLine(&own, b.heard, phrases, slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	life, close := context.WithCancel(ctx)
	closed := make(chan error, 1)
	go func() { closed <- line.Listen(life, nobody{}) }()
	err = lend(life, line, number, b.hold)
	close()
	if gone := <-closed; err == nil && ctx.Err() == nil {
		err = gone
	}
	return err
}

// lend waits until the line is open.
func lend(ctx context.Context, line *sip.SIP, number string, hold func(context.Context, call.Line) error) error {
	for range 50 {
		err := line.Lend(ctx, number, hold)
		if !errors.Is(err, sip.ErrClosed) {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return sip.ErrClosed
}

// nobody takes no calls.
type nobody struct{}

func (nobody) Receive(context.Context, channels.Event) (channels.Reply, error) {
	return channels.Reply{}, errors.New("this line only rings")
}

func (nobody) Report(context.Context, string, string, channels.Delivery) error { return nil }

// takeRef stands for what the clerk read, among what a line plays.
const takeRef = "take"

// heard is the sound of a part.
func (b *booth) heard(ctx context.Context, p call.Part) (media.Sound, error) {
	if p.Media == takeRef {
		b.mu.Lock()
		take := b.take
		b.mu.Unlock()
		pcm, err := b.shelf.Replay(ctx, take, 0, 0)
		if err != nil {
			return media.Sound{}, err
		}
		return media.Sound{At8: pcm.Narrow, At16: pcm.Wide}, nil
	}
	return heard(ctx, nil, b.shelf, p)
}

const (
	keyWait    = 10 * time.Second
	readerRest = 3 * time.Second // of silence, that end what a clerk reads
)

// hold holds the call until the reading is over, or the clerk has rung off: what they kept is kept.
func (b *booth) hold(ctx context.Context, line call.Line) error {
	ask := b.reading.Begin()
	for {
		if ask.Keep != nil {
			if err := b.stock.Keep(ask.Keep); err != nil {
				return err
			}
		}
		told, err := b.do(ctx, line, ask)
		switch {
		case errors.Is(err, call.ErrGone), err == nil && ask.Over:
			return nil
		case err != nil:
			return err
		}
		ask = b.reading.Next(told)
	}
}

// do does what is asked on the line, and returns what came of it. A key ends what is said.
func (b *booth) do(ctx context.Context, line call.Line, ask audio.Ask) (told audio.Told, err error) {
	if _, err = line.Play(ctx, b.parts(ask)); err != nil || ask.Over {
		return told, err
	}
	if ask.Key {
		p, _, err := line.Key(ctx, keyWait)
		return audio.Told{Key: p.Key}, err
	}
	for { // keys before the tone: to leave the text out, to end, or to begin at once
		p, ok, err := line.Key(ctx, 0)
		if err != nil {
			return told, err
		}
		if ok && (p.Key == '0' || p.Key == '3') {
			return audio.Told{Key: p.Key}, nil
		}
		if ok {
			continue
		}
		whole, err := line.Play(ctx, []call.Part{{Tone: true}})
		if err != nil {
			return told, err
		}
		if whole {
			break
		}
	}
	told.WAV, told.Key, err = line.Record(ctx, ask.Record, readerRest)
	return told, err
}

func (b *booth) parts(ask audio.Ask) []call.Part {
	var out []call.Part
	say := func(all []audio.Utterance) {
		for _, u := range all {
			out = append(out, call.Part{Lang: u.Lang, Key: u.Key, Words: u.Words}, call.Part{Silence: 300 * time.Millisecond})
		}
	}
	say(ask.Say)
	if ask.Play != nil {
		b.mu.Lock()
		b.take = ask.Play
		b.mu.Unlock()
		out = append(out, call.Part{Media: takeRef}, call.Part{Silence: 500 * time.Millisecond})
	}
	say(ask.Then)
	return out
}
