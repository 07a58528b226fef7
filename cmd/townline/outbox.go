package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/config"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
)

func newOutbox(open opener) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "outbox",
		Short: "Show what waits to be sent, what it costs, and what a person has to look at",
		Long: `Show what waits to be sent: how much, at what price, when it will be through at the set pace, and what is left of
the budgets; and what nobody could send, for a person to look at. The command works while the town is running.

Replies leave at once, reminders by day, and what is told to many after them.`,
		Example: "  townline outbox\n  townline outbox list\n  townline outbox retry --code 30032 --yes\n  townline outbox drop --waiting --class 2 --yes",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withOutbox(cmd, open, func(b *outbox) error { return b.show(cmd.Context(), cmd.OutOrStdout()) })
		},
	}
	cmd.AddCommand(newOutboxList(open), newOutboxMend(open, true), newOutboxMend(open, false))
	config.AddFlags(cmd.PersistentFlags(), "store.url", "store.key_file")
	return cmd
}

// outbox is the town's outbox, looked at from beside the running server.
type outbox struct {
	config   *config.Config
	store    store.Store
	exchange *exchange.Exchange
	limits   exchange.Limits
	now      time.Time
}

func withOutbox(cmd *cobra.Command, open opener, do func(*outbox) error) error {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	phrases, err := locales.Load()
	if err != nil {
		return err
	}
	s, keys, err := open(c, false)
	if err != nil {
		return err
	}
	defer s.Close()
	x, limits, err := farTown(c, s, keys, phrases)
	if err != nil {
		return err
	}
	return do(&outbox{c, s, x, limits, time.Now().In(c.Town.Zone)})
}

// mostListed is how many messages are read at once.
const mostListed = 1_000_000

// className is what a class of messages is called.
func className(class uint8) string {
	return [...]string{"replies", "reminders", "told to many"}[min(class, 2)]
}

// bill is what some messages cost.
type bill struct {
	byUnit   map[string]int64 // millionths
	unpriced int
}

func (b *bill) add(l *config.Limits, channel, number string, weight int) {
	each, unit, ok := l.Price(channel, number)
	if !ok {
		b.unpriced++
		return
	}
	if b.byUnit == nil {
		b.byUnit = map[string]int64{}
	}
	b.byUnit[unit] += each * int64(weight)
}

// String is the price, "" where nothing is known of it.
func (b *bill) String() string {
	var parts []string
	for unit, n := range b.byUnit {
		parts = append(parts, money(n, unit))
	}
	slices.Sort(parts)
	if b.unpriced > 0 && len(parts) > 0 {
		parts = append(parts, fmt.Sprintf("and %d without a price", b.unpriced))
	}
	return strings.Join(parts, ", ")
}

// money is an amount in millionths for people: a cent more rather than less.
func money(millionths int64, unit string) string {
	if unit == exchange.Segments {
		return many(int(millionths/1e6), "segment", "segments")
	}
	return fmt.Sprintf("%.2f %s", math.Ceil(float64(millionths)/1e4)/100, unit)
}

// perSecond is the pace of a channel; 0: none is set.
func perSecond(l *exchange.Limits, channel string) (least float64) {
	for _, r := range l.Rates {
		if !r.Each && r.PerSecond > 0 && slices.Contains(r.Channels, channel) && (least == 0 || r.PerSecond < least) {
			least = r.PerSecond
		}
	}
	return least
}

// through says when so much will have left, in words.
func (b *outbox) through(channel string, class uint8, weight int64) string {
	pace := perSecond(&b.limits, channel)
	if pace == 0 {
		return "as fast as it goes"
	}
	takes := time.Duration(float64(weight) / pace * float64(time.Second))
	at := b.now.Add(takes)
	if class > 0 {
		at = nightsOf(b.config).Through(b.now, takes)
	}
	return hourOf(b.now, at.In(b.config.Town.Zone))
}

// hourOf is a time as people say it, seen from now.
func hourOf(now, at time.Time) string {
	switch {
	case at.Sub(now) < time.Minute:
		return "within a minute"
	case at.YearDay() == now.YearDay() && at.Year() == now.Year():
		return at.Format("15:04")
	}
	return at.Format("Mon 2 Jan 15:04")
}

func (b *outbox) show(ctx context.Context, w io.Writer) error {
	piles, err := b.store.Piles(ctx)
	if err != nil {
		return err
	}
	waiting, err := b.store.Messages(ctx, store.Queued, mostListed)
	if err != nil {
		return err
	}
	bills := map[string]*bill{}
	for i := range waiting {
		m := &waiting[i]
		key := m.Channel + className(m.Class)
		if bills[key] == nil {
			bills[key] = &bill{}
		}
		bills[key].add(&b.config.Limits, m.Channel, exchange.NumberOf(m), m.Weight)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	ahead := map[string]int64{}
	any := false
	for _, p := range piles {
		if p.State != store.Queued {
			continue
		}
		if !any {
			fmt.Fprintln(table, "What waits\tmessages\tsegments\tprice\tthrough by")
			any = true
		}
		ahead[p.Channel] += p.Weight
		price := ""
		if one := bills[p.Channel+className(p.Class)]; one != nil {
			price = one.String()
		}
		fmt.Fprintf(table, "  %s, %s\t%d\t%d\t%s\t%s\n", p.Channel, className(p.Class), p.Messages, p.Weight, cmp.Or(price, "-"), b.through(p.Channel, p.Class, ahead[p.Channel]))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if !any {
		fmt.Fprintln(w, "Nothing waits.")
	}
	timers, err := b.store.Timers(ctx, b.now.Add(24*time.Hour), mostListed)
	if err != nil {
		return err
	}
	if n := reminding(timers); n > 0 {
		fmt.Fprintf(w, "Up to %s in the next 24 hours, unless those residents go on by themselves.\n", many(n, "reminder falls due", "reminders fall due"))
	}
	if err := b.budgets(ctx, w); err != nil {
		return err
	}
	b.forPersons(w, piles)
	return nil
}

func reminding(timers []store.Timer) (n int) {
	for i := range timers {
		if strings.HasPrefix(timers[i].Name, exchange.RemindTimer) {
			n++
		}
	}
	return n
}

func (b *outbox) budgets(ctx context.Context, w io.Writer) error {
	for _, one := range b.limits.Budgets {
		spent, err := b.exchange.Spent(ctx, one)
		if err != nil {
			return err
		}
		period := "today"
		if one.Monthly {
			period = "this month"
		}
		fmt.Fprintf(w, "Budget %s: %s of %s used up %s", one.Name, money(spent, one.Unit), money(one.Most, one.Unit), period)
		switch reserve := int64(float64(one.Most) * b.limits.Reserve); {
		case spent >= one.Most:
			fmt.Fprint(w, ": nothing is sent but replies within a provider's own response")
		case spent >= one.Most-reserve:
			fmt.Fprint(w, ": what is left is kept for replies")
		}
		fmt.Fprintln(w, ".")
	}
	return nil
}

func (b *outbox) forPersons(w io.Writer, piles []store.Pile) {
	said := false
	for _, p := range piles {
		if !mended(p.State, p.Code, p.First) {
			continue
		}
		if !said {
			fmt.Fprintln(w, "For a person to look at (townline outbox list; retry or drop them):")
			said = true
		}
		fmt.Fprintf(w, "  %s, %s: %s %s%s\n", p.Channel, className(p.Class), many(int(p.Messages), "message", "messages"), stateWord(p.State), codeWord(p.Code))
	}
}

// mended says whether a person has to mend messages in a state: the town gave them up for no reason of the resident's.
func mended(state store.MessageState, code string, next time.Time) bool {
	if state == store.Unsure {
		return next.IsZero()
	}
	return state == store.Dead && !exchange.Dropped(code) && code != codeDropped
}

func stateWord(s store.MessageState) string {
	if s == store.Unsure {
		return "that may have been sent, or not"
	}
	return "not sent"
}

func codeWord(code string) string {
	if code == "" {
		return ""
	}
	return " (" + code + ")"
}

// codeDropped is the code of messages that a person gave up.
const codeDropped = "dropped"

func newOutboxList(open opener) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the messages that a person has to look at, without numbers and words",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withOutbox(cmd, open, func(b *outbox) error {
				all, err := b.choose(cmd.Context(), &choice{})
				if err != nil {
					return err
				}
				table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				for _, m := range all {
					state := store.Dead
					if m.Unsure {
						state = store.Unsure
					}
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s%s\n", hex.EncodeToString(m.ID[:4]), m.Due.In(b.config.Town.Zone).Format("2 Jan 15:04"), m.Channel, className(m.Class), stateWord(state), codeWord(m.Code))
				}
				return table.Flush()
			})
		},
	}
}

// choice says which messages are meant.
type choice struct {
	ids     []string
	channel string
	code    string
	class   int // -1: any
	waiting bool
	any     bool // was anything said
}

// choose returns the messages that a person has to look at, or those that wait, as far as they are chosen.
func (b *outbox) choose(ctx context.Context, c *choice) (chosen []store.Message, err error) {
	states := []store.MessageState{store.Unsure, store.Dead}
	if c.waiting {
		states = []store.MessageState{store.Queued}
	}
	for _, state := range states {
		all, err := b.store.Messages(ctx, state, mostListed)
		if err != nil {
			return nil, err
		}
		for _, m := range all {
			switch {
			case !c.waiting && m.Code != c.code && state == store.Dead && !mended(state, m.Code, time.Time{}),
				c.channel != "" && m.Channel != c.channel, c.code != "" && m.Code != c.code, c.any && c.class >= 0 && int(m.Class) != c.class:
				continue
			case len(c.ids) > 0 && !slices.ContainsFunc(c.ids, func(id string) bool { return strings.HasPrefix(hex.EncodeToString(m.ID[:]), id) }):
				continue
			}
			chosen = append(chosen, m)
		}
	}
	return chosen, nil
}

func newOutboxMend(open opener, again bool) *cobra.Command {
	var yes, all bool
	c := choice{class: -1}
	name, about := "drop", "Give up messages for good"
	long := `Give up messages that a person has to look at, or that wait (--waiting). They are chosen by the beginnings of their ids
("townline outbox list"), by code, channel or class (0 replies, 1 reminders, 2 told to many), or all of them. Without --yes it is only said what would be given up.`
	if again {
		name, about = "retry", "Send messages again that nobody could send"
		long = `Send messages again that nobody could send, or of which nobody knows whether they were sent: those may come twice. They are
chosen by the beginnings of their ids ("townline outbox list"), by code, channel or class, or all of them. The price is shown; nothing is sent
without --yes.`
	}
	cmd := &cobra.Command{
		Use: name + " [ID...]", Short: about, Long: long, Args: usageArgs(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, ids []string) error {
			c.ids = ids
			c.any = true
			if len(ids) == 0 && c.channel == "" && c.code == "" && c.class < 0 && !all {
				return usage{errors.New("say which: ids, --code, --channel, --class, or --all")}
			}
			return withOutbox(cmd, open, func(b *outbox) error { return b.mend(cmd, &c, again, yes) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.code, "code", "", "those with this code")
	f.StringVar(&c.channel, "channel", "", "those of this channel")
	f.IntVar(&c.class, "class", -1, "0 replies, 1 reminders, 2 told to many")
	f.BoolVar(&all, "all", false, "all of them")
	f.BoolVar(&yes, "yes", false, "do it")
	if !again {
		f.BoolVar(&c.waiting, "waiting", false, "of those that wait to be sent")
	}
	return cmd
}

func (b *outbox) mend(cmd *cobra.Command, c *choice, again, yes bool) error {
	chosen, err := b.choose(cmd.Context(), c)
	if err != nil {
		return err
	}
	var settled []store.Settled
	var price bill
	weight, bare := 0, 0
	for i := range chosen {
		m := &chosen[i]
		s := store.Settled{ID: m.ID, State: store.Dead, Code: codeDropped, From: store.Dead}
		if again {
			if len(m.Body) == 0 { // a ballot was cast since, and its words are gone
				bare++
				continue
			}
			s = store.Settled{ID: m.ID, State: store.Queued, Retry: b.now, Forgive: math.MaxInt32, From: store.Dead}
			price.add(&b.config.Limits, m.Channel, exchange.NumberOf(m), m.Weight)
		}
		switch {
		case m.Unsure:
			s.From = store.Unsure
		case c.waiting:
			s.From = store.Queued
		}
		weight += m.Weight
		settled = append(settled, s)
	}
	out := cmd.OutOrStdout()
	what := "given up"
	if again {
		what = "sent again"
	}
	done := "would be "
	if yes {
		done = ""
	}
	fmt.Fprintf(out, "%s, %s, %s%s", many(len(settled), "message", "messages"), many(weight, "segment", "segments"), done, what)
	if cost := price.String(); again && cost != "" {
		fmt.Fprintf(out, ", for %s", cost)
	}
	fmt.Fprintln(out, ".")
	if bare > 0 {
		fmt.Fprintf(out, "%s no words left and can't be sent.\n", many(bare, "other has", "others have"))
	}
	if !yes {
		if len(settled) > 0 {
			fmt.Fprintln(out, "Nothing was done: add --yes to do it.")
		}
		return nil
	}
	for part := range slices.Chunk(settled, 256) {
		if err := b.store.Settle(cmd.Context(), b.now, part); err != nil {
			return err
		}
	}
	return nil
}
