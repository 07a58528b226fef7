package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/config"
	"github.com/townline/townline/store"
)

func newDoctor(open opener) *cobra.Command {
	var far, asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is wrong with the town on this machine, and what to do",
		Long: `Look at the settings, the keys, the store, the disks, the clock, the channels, what waits to be sent, who waits for a
person, the backups and the running server, and say what is wrong, since when, and what to do. It changes nothing, and may be
run beside a working server. No number and nothing that a resident said is shown.

With --far the phone companies, the public address and whatever else is far away is asked too.

The exit status is 0 when nothing is wrong, and 1 when something is; what will only be wrong soon doesn't count.`,
		Example: "  townline doctor\n  townline doctor --far --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &checkup{cmd: cmd, open: open, now: time.Now(), far: far, client: &http.Client{Timeout: farMost}}
			d.all(cmd.Context())
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				if err := e.Encode(map[string]any{"wrong": d.wrong(), "findings": d.findings, "sound": d.sound}); err != nil {
					return err
				}
			} else {
				d.tell(cmd.OutOrStdout())
			}
			if d.wrong() {
				return failed(1)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&far, "far", false, "ask what is far away too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	config.AddFlags(cmd.Flags(), "listen", "public_url", "dialogs", "store.url", "store.key_file", "audio.dir")
	return cmd
}

// finding is one thing that is not as it should be, in words for who runs the town.
type finding struct {
	About string     `json:"about"` // settings, keys, store, disk, clock, …
	Wrong bool       `json:"wrong"` // false: it will be soon, or it may be meant so
	What  string     `json:"what"`
	Since *time.Time `json:"since,omitempty"`
	Do    string     `json:"do"`
}

// checkup is one look at a town.
type checkup struct {
	cmd      *cobra.Command
	open     opener
	now      time.Time
	far      bool
	client   *http.Client
	c        *config.Config
	running  bool // a server of ours answers here
	findings []finding
	sound    []string // what was looked at and is as it should be
}

const (
	nearMost = 2 * time.Second // for what is on this machine
	farMost  = 5 * time.Second
)

func (d *checkup) add(wrong bool, about, what, do string, since ...time.Time) {
	f := finding{About: about, Wrong: wrong, What: what, Do: do}
	if len(since) > 0 && !since[0].IsZero() {
		f.Since = &since[0]
	}
	d.findings = append(d.findings, f)
}

func (d *checkup) bad(about, what, do string, since ...time.Time) {
	d.add(true, about, what, do, since...)
}
func (d *checkup) soon(about, what, do string, since ...time.Time) {
	d.add(false, about, what, do, since...)
}

func (d *checkup) wrong() bool {
	return slices.ContainsFunc(d.findings, func(f finding) bool { return f.Wrong })
}

// part looks at one thing, and notes that it's sound when nothing was found.
func (d *checkup) part(about string, look func()) {
	before := len(d.findings)
	look()
	if len(d.findings) == before {
		d.sound = append(d.sound, about)
	}
}

// all looks at everything, in the order in which one thing rests on another.
func (d *checkup) all(ctx context.Context) {
	d.part("settings", d.settings)
	if d.c == nil {
		return
	}
	d.part("server", func() { d.server(ctx) })
	d.part("keys", d.keys)
	d.part("disks", d.disks)
	d.part("programs", func() { d.programs(ctx) })
	d.part("certificates", d.certificates)
	d.part("backups", d.backups)
	d.part("redis", func() { d.redis(ctx) })
	d.part("store", func() { d.store(ctx) })
	if d.far {
		d.part("far away", func() { d.reach(ctx) })
	}
}

func (d *checkup) settings() {
	c, err := settings(d.cmd)
	var mistakes config.Mistakes
	switch {
	case errors.As(err, &mistakes):
		for _, m := range mistakes {
			said := slices.DeleteFunc([]string{m.Where, m.Key, m.Message}, func(part string) bool { return part == "" })
			d.bad("settings", strings.TrimSuffix(strings.Join(said, ": "), "."), m.Mend)
		}
		return
	case err != nil:
		d.bad("settings", err.Error(), "Write the file anew, or name another with --config.")
		return
	}
	d.c = c
	for _, n := range c.Notes {
		d.soon("settings", n, "Remove it, if it was meant to be a setting of townline's.")
	}
	for _, o := range c.Overruled {
		d.soon("settings", fmt.Sprintf("%s stands in %s, but what %s says counts.", o.Key, o.In, o.By), "Take out one of the two.")
	}
	if c.PublicURL != "" && c.Preview == config.On {
		d.soon("settings", "The page to try dialogs on is open to all, at /preview.", "Set preview to off once residents use the town.")
	}
}

// server looks whether the town answers where it should.
func (d *checkup) server(ctx context.Context) {
	host, port, err := net.SplitHostPort(d.c.Listen)
	if err != nil {
		return
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	at := net.JoinHostPort(host, port)
	alive, _, err := d.get(ctx, nearMost, "http://"+at+"/healthz")
	switch {
	case err != nil:
		if conn, dial := net.DialTimeout("tcp", at, nearMost); dial == nil {
			conn.Close()
			d.bad("server", "Something has the port "+port+", and doesn't answer as townline does.", "Find it with: ss -ltnp 'sport = :"+port+"'. End it, or set listen to another port.")
			return
		}
		d.bad("server", "The town is not running here: nobody answers at "+at+".", "Start it: townline serve. If it ended by itself, the last lines of its log say why.")
		return
	case strings.TrimSpace(alive) != "alive":
		d.bad("server", "Another program than townline answers at "+at+".", "End it, or set listen to another port.")
		return
	}
	d.running = true
	d.elsewhere()
	d.part("proxies", func() { d.figures(ctx, at) })
	if ready, status, err := d.get(ctx, nearMost, "http://"+at+"/readyz"); err != nil || status != http.StatusOK {
		d.bad("server", "The town runs, but can't take messages now: "+strings.TrimSpace(ready)+".", "What is said about the store below comes first. If there is nothing, wait a minute: it may be closing or opening.")
	}
}

// elsewhere tells of a server that runs here with another store than this command has: what overrules the file for one, as a unit's
// Environment does, doesn't for the other.
func (d *checkup) elsewhere() {
	if d.c.Store.Postgres.IsSet() {
		return
	}
	if _, err := os.Stat(d.c.Store.Path + serveMark); err == nil {
		leave, err := aloneOnFile(d.c)
		if err != nil {
			return // it is the server's
		}
		_ = leave()
	}
	d.soon("settings", "A server runs here, and keeps nothing in "+d.c.Store.Place()+": it has another store.url than this command.",
		"Give commands with the settings of the server: its unit may set store.url in Environment or EnvironmentFile, which counts more than the file. All that is said below of the store is of this one.")
}

// figures looks at what the running server counted; the figures of one that names its readers by other ways are none of ours.
func (d *checkup) figures(ctx context.Context, at string) {
	all, status, err := d.get(ctx, nearMost, "http://"+at+"/metrics")
	if err != nil || status != http.StatusOK {
		return
	}
	for line := range strings.Lines(all) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), unnamedFigure+" "); ok && n != "0" {
			d.soon("proxies", "Requests come by a proxy that nobody named: where they come from can't be told, and nobody who forges is shut out.",
				"Write the proxy's address into proxies. It must write X-Forwarded-For itself, over what callers wrote there.")
		}
	}
}

// get is a short text from an address of our own.
func (d *checkup) get(ctx context.Context, most time.Duration, address string) (text string, status int, err error) {
	ctx, done := context.WithTimeout(ctx, most)
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", 0, err
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return string(b), resp.StatusCode, err
}

func (d *checkup) tell(w io.Writer) {
	slices.SortStableFunc(d.findings, func(a, b finding) int {
		switch {
		case a.Wrong == b.Wrong:
			return 0
		case a.Wrong:
			return -1
		}
		return 1
	})
	for _, f := range d.findings {
		mark := "Wrong"
		if !f.Wrong {
			mark = "Look"
		}
		fmt.Fprintf(w, "%s (%s): %s\n", mark, f.About, f.What)
		if f.Since != nil {
			zone := time.UTC
			if d.c != nil {
				zone = d.c.Town.Zone
			}
			fmt.Fprintf(w, "    Since %s, %s.\n", f.Since.In(zone).Format("Mon 2 Jan 15:04"), lasted(d.now.Sub(*f.Since)))
		}
		if f.Do != "" {
			fmt.Fprintf(w, "    %s\n", f.Do)
		}
	}
	if len(d.sound) > 0 {
		fmt.Fprintf(w, "As it should be: %s.\n", strings.Join(d.sound, ", "))
	}
}

// lasted is a time that has passed, as people say it.
func lasted(t time.Duration) string {
	switch {
	case t < 2*time.Minute:
		return "a moment"
	case t < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(t.Minutes()))
	case t < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(t.Hours()))
	}
	return fmt.Sprintf("%d days", int(t.Hours()/24))
}

// How long something may wait until it is told.
const (
	replyMost = 5 * time.Minute
	otherMost = 4 * time.Hour
	timerMost = 10 * time.Minute
	mostCases = 1000
)

// waiting looks at what is to be sent, by piles.
func (d *checkup) waiting(ctx context.Context, s store.Store) {
	piles, err := s.Piles(ctx)
	if err != nil {
		d.bad("outbox", "What waits to be sent can't be counted: "+err.Error(), "Look at what is said about the store.")
		return
	}
	for _, p := range piles {
		n := many(int(p.Messages), "message", "messages")
		switch {
		case p.State == store.Queued:
			late, most := d.now.Sub(p.First), replyMost
			if p.Class > 0 {
				most = otherMost
			}
			if !p.First.IsZero() && late > most {
				do := "townline outbox says what waits. townline doctor --far asks the provider; a budget or a pace may hold it back on purpose."
				if !d.running {
					do = "Nothing is sent while the server doesn't run: start it."
				}
				d.bad("outbox", fmt.Sprintf("%s on %s (%s) should have left and did not.", n, p.Channel, className(p.Class)), do, p.First)
			}
		case mended(p.State, p.Code, p.First):
			d.soon("outbox", fmt.Sprintf("%s on %s (%s) %s%s: a person has to look.", n, p.Channel, className(p.Class), stateWord(p.State), codeWord(p.Code)), "townline outbox list shows them; retry sends them again, drop gives them up.")
		}
	}
	next, err := s.NextTimer(ctx)
	if err == nil && !next.IsZero() && d.now.Sub(next) > timerMost {
		do := "The log of the server says \"the turn of a timer was not held\", with the cause."
		if !d.running {
			do = "Nothing rings while the server doesn't run: start it."
		}
		d.bad("timers", "Reminders or closings are due and did not happen.", do, next)
	}
}

// desks looks who waits for a person, by the hours of the desk alone.
func (d *checkup) desks(ctx context.Context, s store.Store) {
	hours, err := exchange.ParseHours(d.c.Town.DeskHours)
	if err != nil {
		return
	}
	calendar := exchange.Calendar{Zone: d.c.Town.Zone, Hours: hours}
	all, err := s.Cases(ctx, "", mostCases)
	if err != nil {
		d.bad("desk", "Who waits for a person can't be read: "+err.Error(), "Look at what is said about the store.")
		return
	}
	late, oldest := 0, time.Time{}
	for _, one := range all {
		since := one.Last
		switch {
		case one.State == store.Waiting:
			since = one.Since
		case one.Unread == 0:
			continue
		}
		if calendar.Staffed(one.Desk, since, d.now, d.c.Desk.AnswerWithin) >= d.c.Desk.AnswerWithin {
			late++
			if oldest.IsZero() || since.Before(oldest) {
				oldest = since
			}
		}
	}
	if late > 0 {
		d.bad("desk", fmt.Sprintf("%s for a person, longer than %s of desk hours.", many(late, "resident waits", "residents wait"), lasted(d.c.Desk.AnswerWithin)),
			"townline desk lists them, the longest waiting first.", oldest)
	}
	if len(d.c.Desk.Clerks) == 0 && len(all) > 0 && late == 0 {
		d.soon("desk", "Residents ask for a person, and there is no clerk who could answer at /desk.", "Set desk.clerks; townline desk password makes what is written there. At the terminal townline desk works without.")
	}
}
