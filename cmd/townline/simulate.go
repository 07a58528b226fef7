package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/sqlite"
)

const simulateHelp = `Hold a conversation in the terminal, on the same code that residents talk to, with a store that is
thrown away afterwards. Write what the resident would write, or the keys they would press. Besides:

  /wait 1 day      time goes by; reminders come when they are due
  /switch voice    go on by another channel: sms, whatsapp, voice, ussd, telegram, kiosk
  /call, /hangup   a call or session begins, or ends in the middle
  /quiet           say nothing for as long as the channel waits
  /photo           send a picture
  /record          show what the town keeps
  /quit            stop`

func newSimulate() *cobra.Command {
	var channel, lang, forward, at string
	cmd := &cobra.Command{
		Use:   "simulate DIALOG",
		Short: "Hold a dialog in the terminal, on any channel",
		Long:  simulateHelp + "\n\nDIALOG is a dialog's id or its file. What is piped in is taken line by line.",
		Example: `  townline simulate main-street
  townline simulate dialogs/main-street.yaml --channel voice --lang es`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			traits, ok := traitsOf(channel)
			if !ok {
				return usage{fmt.Errorf("there is no channel %q; there are %s", channel, strings.Join(channelNames(), ", "))}
			}
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			s, err := newSimulation(cmd, c, args[0], traits)
			if err != nil {
				return err
			}
			defer s.close()
			if err := s.setClock(at, forward); err != nil {
				return usage{err}
			}
			return s.talk(lang)
		},
		ValidArgsFunction: dialogNames,
	}
	cmd.Flags().StringVar(&channel, "channel", "sms", "channel to talk on: "+strings.Join(channelNames(), ", "))
	cmd.Flags().StringVar(&lang, "lang", "", "language that the resident asks for first, such as es")
	cmd.Flags().StringVar(&forward, "forward", "", `how far to move the clock before it begins, such as "2 days"`)
	cmd.Flags().StringVar(&at, "at", "", "when it begins, such as 2027-01-31 18:00 (now, or when the dialog opens)")
	config.AddFlags(cmd.Flags(), "dialogs")
	_ = cmd.RegisterFlagCompletionFunc("channel", cobra.FixedCompletions(channelNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func traitsOf(name string) (render.Traits, bool) {
	for _, t := range render.Channels() {
		if t.Name == name {
			return t, true
		}
	}
	return render.Traits{}, false
}

func channelNames() []string {
	var out []string
	for _, t := range render.Channels() {
		out = append(out, t.Name)
	}
	return out
}

// simulation is one conversation in a terminal.
type simulation struct {
	ctx     context.Context
	in      *bufio.Scanner
	out     io.Writer
	typed   bool // a person types: what they write is on the screen already
	dir     string
	disk    *sqlite.Store
	watch   *watch
	clock   *stillClock
	house   *house
	dialog  *dialogs.Dialog
	zone    *time.Location
	traits  render.Traits
	options []render.Shown // on show, for a kiosk's cards and a chat's buttons
	number  int            // of the next message
	rings   bool           // the town calls, and nobody has answered yet
}

// simulated is who talks. One number holds them together over all channels that have one.
const simulated = "+12025550101"

func newSimulation(cmd *cobra.Command, c *config.Config, name string, traits render.Traits) (s *simulation, err error) {
	phrases, err := locales.Load()
	if err != nil {
		return nil, err
	}
	set, d, err := findDialog(c, phrases, name)
	if err != nil {
		return nil, err
	}
	s = &simulation{
		ctx: cmd.Context(), in: bufio.NewScanner(cmd.InOrStdin()), out: cmd.OutOrStdout(), dialog: d, zone: c.Town.Zone,
		traits: traits, clock: &stillClock{now: time.Now().In(c.Town.Zone)},
	}
	if f, ok := cmd.InOrStdin().(*os.File); ok {
		info, err := f.Stat()
		s.typed = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	if s.dir, err = os.MkdirTemp("", "townline"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	keys, err := store.LoadKeys(filepath.Join(s.dir, "town.key"), "")
	if err != nil {
		return nil, err
	}
	if s.disk, err = sqlite.Open(filepath.Join(s.dir, "town.db"), keys); err != nil {
		return nil, err
	}
	s.watch = watching(s.disk, keys, simulated)
	s.watch.find[keys.Address("telegram", simulated)] = simulated
	s.watch.find[keys.Address("kiosk", simulated)] = simulated
	var lines []channels.Channel
	for _, t := range render.Channels() {
		lines = append(lines, &pretended{t, s})
	}
	var refused dialogs.Problems
	s.house, refused, err = openTown(s.ctx, c, s.watch, keys, s.clock, slog.New(slog.DiscardHandler), nil, set, phrases, true, lines...)
	if err == nil && len(refused) > 0 {
		err = errors.New(refused.String())
	}
	return s, err
}

// findDialog finds a dialog by its id among the town's, or by its file.
func findDialog(c *config.Config, phrases *locales.Catalogue, name string) (*dialogs.Set, *dialogs.Dialog, error) {
	var paths []string
	if strings.HasSuffix(name, ".yaml") || strings.ContainsRune(name, filepath.Separator) {
		paths = []string{name}
	}
	all, err := folders(c, paths)
	if err != nil {
		return nil, nil, err
	}
	set, problems := all[0].load(c, phrases, time.Time{})
	id := name
	if paths != nil {
		for _, d := range set.All() {
			if d.File == all[0].dialogFiles()[0] {
				id = d.ID
			}
		}
	}
	if d := set.Get(id); d != nil {
		return set, d, nil
	}
	if problems.Errors() {
		return nil, nil, fmt.Errorf("%s can't be held yet:\n\n%s", name, problems)
	}
	var ids []string
	for _, d := range set.All() {
		ids = append(ids, d.ID)
	}
	message := fmt.Sprintf("there is no dialog %q; there are %s", name, strings.Join(ids, ", "))
	if near := dialogs.Nearest(name, ids); near != "" {
		message = fmt.Sprintf("there is no dialog %q; did you mean %q?", name, near)
	}
	return nil, nil, errors.New(message)
}

func (s *simulation) close() {
	if s.disk != nil {
		_ = s.disk.Close()
	}
	_ = os.RemoveAll(s.dir)
}

// setClock begins now, or when the dialog opens, unless told otherwise.
func (s *simulation) setClock(at, forward string) error {
	if d := s.dialog; at == "" {
		switch now := s.clock.Now(); {
		case !d.Opens.IsZero() && now.Before(d.Opens):
			s.clock.now = d.Opens.In(s.zone)
			s.note("the clock begins when the dialog opens")
		case !d.Closes.IsZero() && !now.Before(d.Closes):
			s.note("this dialog is closed; see --at")
		}
	} else {
		t, err := time.ParseInLocation("2006-01-02 15:04", at, s.zone)
		if err != nil {
			if t, err = time.ParseInLocation(time.DateOnly, at, s.zone); err != nil {
				return fmt.Errorf("%q is not a time; write it like 2027-01-31 18:00", at)
			}
		}
		s.clock.now = t
	}
	if forward == "" {
		return nil
	}
	d, err := stretch(forward)
	if err != nil {
		return err
	}
	s.clock.forward(d)
	return nil
}

func (s *simulation) note(format string, args ...any) {
	fmt.Fprintf(s.out, "· "+format+"\n", args...)
}

// talk begins the dialog and takes lines until there are no more.
func (s *simulation) talk(lang string) error {
	s.note("%s, by %s, on %s", s.dialog.Title.Text, s.traits.Name, s.clock.Now().Format("Mon 2 Jan 2006 at 15:04"))
	if s.typed {
		s.note("/help lists what else can be done")
	}
	if lang != "" {
		e := s.event(channels.Event{Kind: channels.Message, Words: s.house.phrases.Language(lang).Name})
		if _, err := s.house.exchange.Receive(s.ctx, e); err != nil { // the answer is the menu, which isn't asked for here
			return err
		}
	}
	begin := s.dialog.Start
	if begin == "" {
		begin = s.dialog.Title.Text
	}
	if err := s.hear(channels.Event{Kind: channels.Message, Words: begin}); err != nil {
		return err
	}
	for {
		if s.typed {
			fmt.Fprint(s.out, "> ")
		}
		if !s.in.Scan() {
			return s.in.Err()
		}
		words := strings.TrimSpace(s.in.Text())
		if words == "/quit" {
			return nil
		}
		if !s.typed && words != "" {
			fmt.Fprintln(s.out, ">", words)
		}
		if err := s.take(words); err != nil {
			return err
		}
	}
}

// take carries out one line.
func (s *simulation) take(words string) error {
	command, rest, _ := strings.Cut(words, " ")
	rest = strings.TrimSpace(rest)
	switch command {
	case "":
		return nil
	case "/help":
		fmt.Fprintln(s.out, simulateHelp)
	case "/wait":
		d, err := stretch(rest)
		if err != nil {
			s.note("%v", err)
			return nil
		}
		s.clock.forward(d)
		s.note("it is %s", s.clock.Now().Format("Mon 2 Jan 2006, 15:04"))
		s.house.exchange.Tick(s.ctx)
	case "/switch":
		t, ok := traitsOf(rest)
		if !ok {
			s.note("there is no channel %q; there are %s", rest, strings.Join(channelNames(), ", "))
			return nil
		}
		if person(t) != person(s.traits) {
			s.note("on this channel the town does not know who it is until they say so")
		}
		s.traits, s.options = t, nil
		s.note("now by %s", t.Name)
		if t.Live {
			return s.hear(channels.Event{Kind: channels.Dialed})
		}
	case "/call":
		out := s.rings && s.traits.Form == engine.Speech
		s.rings = false
		return s.hear(channels.Event{Kind: channels.Dialed, Out: out})
	case "/hangup":
		return s.hear(channels.Event{Kind: channels.HungUp})
	case "/quiet":
		return s.hear(channels.Event{Kind: channels.Quiet})
	case "/photo":
		if !s.traits.Photo {
			s.note("no picture can be sent by %s", s.traits.Name)
			return nil
		}
		return s.hear(channels.Event{Kind: channels.Message, Media: picture()})
	case "/record":
		s.showRecord()
	default:
		if strings.HasPrefix(command, "/") {
			s.note("there is no %s; /help lists what there is", command)
			return nil
		}
		e := channels.Event{Kind: channels.Message, Words: words}
		for _, o := range s.options {
			if (s.traits.Form == formScreen || s.traits.Buttons > 0) && o.Digit == words {
				e.Words, e.Choice = "", words // a card or a button that is touched
			}
		}
		return s.hear(e)
	}
	return nil
}

// event fills in who says it, where and when.
func (s *simulation) event(e channels.Event) channels.Event {
	s.number++
	e.Channel, e.ID, e.At, e.From = s.traits.Name, fmt.Sprint(s.number), s.clock.Now(), person(s.traits)
	return e
}

// hear passes one event on, and shows the reply.
func (s *simulation) hear(e channels.Event) error {
	reply, err := s.house.exchange.Receive(s.ctx, s.event(e))
	if err != nil {
		return err
	}
	for _, p := range reply.Pages {
		s.show(s.traits, p)
	}
	if reply.Over && s.traits.Live {
		s.note("%s ends", s.traits.Name)
	}
	s.house.exchange.Tick(s.ctx)
	return nil
}

// person is who talks on a channel.
func person(t render.Traits) channels.Address {
	switch {
	case t.Address:
		return channels.Address{Kind: "tel", ID: simulated}
	case t.Form == formScreen:
		return channels.Address{Kind: "kiosk", ID: simulated}
	}
	return channels.Address{Kind: t.Name, ID: simulated}
}

func (s *simulation) showRecord() {
	all := s.watch.of(simulated)
	if len(all) == 0 {
		s.note("the town keeps no record yet")
	}
	for _, l := range all {
		title, note, lines := l.lines(s.house.catalogue)
		s.note("%s", title)
		for _, one := range lines {
			fmt.Fprintf(s.out, "    %s: %s\n", one.Question, one.Answer)
		}
		s.note("%s", note)
	}
}

// pretended is a channel whose other end is the terminal.
type pretended struct {
	traits render.Traits
	s      *simulation
}

var _ channels.Channel = (*pretended)(nil)

func (p *pretended) Name() string          { return p.traits.Name }
func (p *pretended) Traits() render.Traits { return p.traits }

// Deliver shows what the town sends of its own accord.
func (p *pretended) Deliver(_ context.Context, _ channels.Address, page render.Page, key string) (string, error) {
	if p.traits.Form == engine.Speech && len(page.Spoken) == 0 {
		p.s.rings = true
		p.s.note("the town calls; /call answers")
		return key, nil
	}
	p.s.note("a message comes by %s:", p.traits.Name)
	p.s.show(p.traits, page)
	return key, nil
}
