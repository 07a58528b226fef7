package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels"
	clerks "github.com/townline/townline/channels/desk"
	"github.com/townline/townline/config"
	"github.com/townline/townline/locales"
)

func newDesk() *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "desk",
		Short: "Talk with residents who asked for a person",
		Long: `Talk with residents who asked for a person, on this terminal: on the machine that the town runs on, while "townline
serve" runs. (Everywhere else: the page /desk, with a password that "townline desk password" makes.)

Without anything else it is a talk: "list", "open 1", "say Hello", "back", "close"; "help" says more. Residents read the name
that is given with --as.`,
		Example: "  townline desk --as Anna\n  townline desk list\n  townline desk say 3f2a \"The hole is mended.\" --as Anna",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDesk(cmd, as, func(t *terminal) error { return t.talk(cmd.Context(), cmd.InOrStdin()) })
		},
	}
	cmd.PersistentFlags().StringVar(&as, "as", "", "your name, as residents read it (usually the one that you are logged in by; for root and the like it has to be given)")
	config.AddFlags(cmd.PersistentFlags(), "store.url")
	sub := func(use, short string, args cobra.PositionalArgs, do func(ctx context.Context, t *terminal, args []string) error) {
		cmd.AddCommand(&cobra.Command{Use: use, Short: short, Args: usageArgs(args), RunE: func(cmd *cobra.Command, args []string) error {
			return withDesk(cmd, as, func(t *terminal) error { return do(cmd.Context(), t, args) })
		}})
	}
	sub("list", "List who waits for a person, and whom somebody talks with", cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error { return t.list(ctx) })
	sub("show TALK", "Show a talk whole", cobra.ExactArgs(1), func(ctx context.Context, t *terminal, args []string) error {
		return t.on(ctx, args[0], t.show)
	})
	act := func(kind channels.CaseActKind, done string) func(ctx context.Context, t *terminal, args []string) error {
		return func(ctx context.Context, t *terminal, args []string) error {
			return t.on(ctx, args[0], func(ctx context.Context, id string) error {
				return t.act(ctx, channels.CaseAct{Case: id, Kind: kind, Words: strings.Join(args[1:], " ")}, done)
			})
		}
	}
	sub("take TALK", "Take a talk", cobra.ExactArgs(1), act(channels.CaseTake, doneTake))
	sub("say TALK WORDS", "Say something to the resident", cobra.MinimumNArgs(2), act(channels.CaseSay, doneSay))
	sub("back TALK [WORDS]", "Let the machine go on with its question, after your last words", cobra.MinimumNArgs(1), act(channels.CaseHandBack, doneBack))
	sub("close TALK [WORDS]", "End a talk, after your last words", cobra.MinimumNArgs(1), act(channels.CaseClose, doneClose))
	sub("hand TALK COLLEAGUE", "Hand a talk to a colleague", cobra.ExactArgs(2), func(ctx context.Context, t *terminal, args []string) error {
		return t.on(ctx, args[0], func(ctx context.Context, id string) error {
			return t.act(ctx, channels.CaseAct{Case: id, Kind: channels.CaseHandOver, To: args[1]}, "It is "+args[1]+"'s now.")
		})
	})
	cmd.AddCommand(newDeskPassword())
	return cmd
}

// What is said once something is done.
const (
	doneTake  = "It is yours."
	doneSay   = "It is on its way."
	doneBack  = "It goes on without a person."
	doneClose = "It is closed."
)

func newDeskPassword() *cobra.Command {
	return &cobra.Command{
		Use:   "password",
		Short: "Make what stands for a clerk's password in the settings",
		Long: `Make what stands for a clerk's password in the settings: the password is asked for, and can't be read from what is
printed. Put that under desk.clerks, with the clerk's name as residents read it:

  desk:
    clerks: [Anna=argon2id:…]`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprint(cmd.ErrOrStderr(), "The clerk's password: ")
			echo(cmd.InOrStdin(), false)
			line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
			echo(cmd.InOrStdin(), true)
			fmt.Fprintln(cmd.ErrOrStderr())
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			hash, err := clerks.Hash(strings.TrimRight(line, "\r\n"), rand.Reader)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), hash)
			return err
		},
	}
}

// echo shows what is typed at a terminal, or doesn't, where stty can say so to it.
func echo(in io.Reader, on bool) {
	f, ok := in.(*os.File)
	if !ok {
		return
	}
	if s, err := f.Stat(); err != nil || s.Mode()&os.ModeCharDevice == 0 {
		return
	}
	word := "-echo"
	if on {
		word = "echo"
	}
	stty := exec.Command("stty", word)
	stty.Stdin = f
	_ = stty.Run()
}

// terminal is a clerk's, beside the running town.
type terminal struct {
	client *http.Client
	clerk  string
	zone   *time.Location
	out    io.Writer
	tongue func(string) string
}

func withDesk(cmd *cobra.Command, as string, do func(*terminal) error) error {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	phrases, err := locales.Load()
	if err != nil {
		return err
	}
	path := deskSocket(c)
	line, err := net.DialTimeout("unix", path, deskDials)
	if err != nil {
		return fmt.Errorf("no town is running here that keeps its store in %s: start it with \"townline serve\", or use the page /desk", c.Store.Place())
	}
	line.Close()
	t := &terminal{
		clerk: clerkName(as, os.Getenv("USER")), zone: c.Town.Zone, out: cmd.OutOrStdout(), tongue: tongueName(phrases),
		client: &http.Client{Timeout: requestTime, Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "unix", path)
			},
		}},
	}
	defer t.client.CloseIdleConnections()
	return do(t)
}

// clerkName is the name that residents read; "" where it has to be given: nobody is called root.
func clerkName(as, user string) string {
	switch user {
	case "root", "admin", "administrator", "townline", "ubuntu", "debian", "ec2-user":
		user = ""
	}
	return cmp.Or(strings.TrimSpace(as), user)
}

var errNoName = usage{errors.New("residents read your name: give it with --as, for example: townline desk --as Anna")}

// ask asks the town; what it answers goes to answer.
func (t *terminal) ask(ctx context.Context, method, path string, what, answer any) error {
	var body io.Reader
	if what != nil {
		b, err := json.Marshal(what)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://desk"+path, body)
	if err != nil {
		return err
	}
	resp, err := t.client.Do(r)
	if err != nil {
		return errors.New("the town doesn't answer; it may be closing")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var not clerks.Trouble
		if err := json.NewDecoder(resp.Body).Decode(&not); err != nil || not.Problem == "" {
			return fmt.Errorf("the town answers %s", resp.Status)
		}
		return errors.New(not.Problem)
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

func (t *terminal) cases(ctx context.Context) (all []channels.Case, err error) {
	return all, t.ask(ctx, http.MethodGet, "/cases", nil, &all)
}

// shortID is how much of a talk's name is shown: enough to tell it from all others, nearly always.
const shortID = 6

// on does something about the talk whose name begins so.
func (t *terminal) on(ctx context.Context, name string, do func(ctx context.Context, id string) error) error {
	all, err := t.cases(ctx)
	if err != nil {
		return err
	}
	var found []string
	for _, c := range all {
		if name != "" && strings.HasPrefix(c.ID, strings.ToLower(name)) {
			found = append(found, c.ID)
		}
	}
	switch len(found) {
	case 0:
		return fmt.Errorf("there is no talk %q: \"townline desk list\" lists them", name)
	case 1:
		return do(ctx, found[0])
	}
	return fmt.Errorf("%d talks begin with %q: write more of it", len(found), name)
}

func (t *terminal) list(ctx context.Context) error {
	all, err := t.cases(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		_, err = fmt.Fprintln(t.out, "Nobody waits.")
		return err
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TALK\tSINCE\tNEW\tWHO HAS IT\tBY\tLANGUAGE\tABOUT")
	for _, c := range all {
		since := c.Since.In(t.zone).Format("Mon 15:04")
		if c.Overdue {
			since += " late"
		}
		about := cmp.Or(c.Title, "wants a person")
		if c.Desk != "" {
			about += " (" + c.Desk + ")"
		}
		fmt.Fprintf(w, "%.*s\t%s\t%d\t%s\t%s\t%s\t%s\n", shortID, c.ID, since, c.Unread, cmp.Or(c.Clerk, "nobody"), c.Channel, t.tongue(c.Lang), about)
	}
	return w.Flush()
}

func (t *terminal) whole(ctx context.Context, id string) (w channels.CaseWhole, err error) {
	return w, t.ask(ctx, http.MethodGet, "/case/"+id, nil, &w)
}

func (t *terminal) show(ctx context.Context, id string) error {
	w, err := t.whole(ctx, id)
	if err != nil {
		return err
	}
	o := t.out
	fmt.Fprintf(o, "%.*s  %s, by %s, in %s, since %s\n", shortID, w.ID, cmp.Or(w.Title, "wants a person"), w.Channel, t.tongue(w.Lang), w.Since.In(t.zone).Format("Mon 2 Jan 15:04"))
	fmt.Fprintf(o, "Who has it: %s\n", cmp.Or(w.Clerk, "nobody"))
	fmt.Fprintln(o, reachWords(&w))
	if w.Hidden != "" {
		fmt.Fprintf(o, "They are answering a %s consultation: nobody at the desk sees these answers. Please don't ask for them.\n", w.Hidden)
	}
	for _, a := range w.Answers {
		fmt.Fprintf(o, "  %s %s\n", plainLines(a.Question), plainLines(a.Answer))
	}
	if w.Shown != "" {
		fmt.Fprintf(o, "They see:\n  %s\n", strings.ReplaceAll(plainLines(w.Shown), "\n", "\n  "))
	}
	for _, r := range w.Requests {
		fmt.Fprintf(o, "Request %s: %s, %s\n", r.Reference, plainLines(cmp.Or(r.What, "wants a person")), r.Status)
	}
	fmt.Fprintln(o)
	for _, l := range w.Letters {
		t.letter(l)
	}
	return nil
}

func (t *terminal) letter(l channels.CaseLetter) {
	fmt.Fprintf(t.out, "%s  %s: %s", l.At.In(t.zone).Format("15:04"), cmp.Or(l.By, "resident"), plainLines(l.Words))
	for _, m := range l.Media {
		fmt.Fprintf(t.out, " [%s]", m)
	}
	fmt.Fprintln(t.out)
}

// plainLines leaves nothing in words that would steer a terminal.
func plainLines(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0) {
			return -1
		}
		return r
	}, s)
}

func reachWords(w *channels.CaseWhole) string {
	switch w.Reach {
	case channels.Written:
		return "What you say goes to them as a message."
	case channels.BehindPIN:
		return "Others use their phone: what you say waits until they come back with their PIN."
	case channels.Called:
		return "They can't be written to. Please call them: " + w.Call
	case channels.Unwanted:
		return "They sent STOP: nothing may be sent to them."
	}
	return "They can't be reached. They can come back to us."
}

func (t *terminal) act(ctx context.Context, a channels.CaseAct, done string) error {
	if t.clerk == "" {
		return errNoName
	}
	a.Clerk, a.Token = t.clerk, rand.Text()
	if err := t.ask(ctx, http.MethodPost, "/act", a, &struct{}{}); err != nil {
		return err
	}
	_, err := fmt.Fprintln(t.out, done)
	return err
}
