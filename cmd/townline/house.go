package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/postgres"
	"github.com/townline/townline/store/redis"
	"github.com/townline/townline/store/sqlite"
)

// house is a town at work: what serve and simulate share.
type house struct {
	phrases   *locales.Catalogue
	catalogue *exchange.Catalogue
	exchange  *exchange.Exchange
	nodes     *redis.Nodes      // nil: no others
	single    map[string]string // the lines that one server at a time has, by its duty
	tracing   *tracing          // nil: nothing is followed
}

// keyFile is where the town's keys are: beside the database, unless told otherwise.
func keyFile(c *config.Config) string {
	return cmp.Or(c.Store.KeyFile, strings.TrimSuffix(c.Store.Path, filepath.Ext(c.Store.Path))+".key")
}

// keysOf reads the town's keys. Where mayMake is true, a key file that isn't there is made.
func keysOf(c *config.Config, mayMake bool) (*store.Keys, error) {
	if _, err := os.Stat(keyFile(c)); !mayMake && !c.Store.Keys.IsSet() && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the town's keys are needed to read what it keeps, and there is no %s", keyFile(c))
	}
	keys, err := store.LoadKeys(keyFile(c), c.Store.Keys.Reveal())
	if err != nil {
		return nil, fmt.Errorf("the town's keys: %w", err)
	}
	return keys, nil
}

// openStore opens the town's store. Where mayMake is false, it must be there: a command that only reads makes none.
func openStore(c *config.Config, mayMake bool) (store.Store, *store.Keys, error) {
	if c.Store.Postgres.IsSet() {
		keys, err := keysOf(c, mayMake)
		if err != nil {
			return nil, nil, err
		}
		s, err := postgres.Open(context.Background(), c.Store.Postgres.Reveal(), keys, noting(c, mayMake)...)
		if err != nil {
			return nil, nil, aboutKeys(c, err)
		}
		return s, keys, nil
	}
	if _, err := os.Stat(c.Store.Path); !mayMake && errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("there is no store at %s yet: \"townline serve\" makes it", c.Store.Path)
	}
	keys, err := keysOf(c, mayMake)
	if err != nil {
		return nil, nil, err
	}
	s, err := sqlite.Open(c.Store.Path, keys)
	if err != nil {
		return nil, nil, aboutKeys(c, err)
	}
	return s, keys, nil
}

// noting has erasures and STOPs noted beside the settings too, by whoever serves; other commands go on with such files where they are.
func noting(c *config.Config, mayMake bool) []postgres.Option {
	if _, err := os.Stat(c.Store.Path + ".erased"); !mayMake && err != nil {
		return nil
	}
	return []postgres.Option{postgres.Noting(c.Store.Path)}
}

// openTown loads the dialogs, puts them in service, and joins channels to s. Reminders wait for the morning unless they may be
// sent at night as well: nobody sleeps beside a phone that is only a page.
func openTown(ctx context.Context, c *config.Config, s store.Store, keys *store.Keys, clock exchange.Clock, log *slog.Logger, metrics prometheus.Registerer, set *dialogs.Set, phrases *locales.Catalogue, nights bool, lines ...channels.Channel) (*house, dialogs.Problems, error) {
	hours, err := exchange.ParseHours(c.Town.DeskHours)
	if err != nil {
		return nil, nil, err
	}
	h := &house{phrases: phrases, catalogue: exchange.NewCatalogue(s, clock)}
	refused, err := h.catalogue.Publish(ctx, set)
	if err != nil {
		return nil, nil, err
	}
	town := &talk.Town{
		Name: c.Town.Name, Languages: c.Town.Languages, Zone: c.Town.Zone, Emergency: c.Town.Emergency,
		Country: channels.CallingCode(c.Town.Country), Locales: phrases, Dialogs: h.catalogue,
		Texts: slices.ContainsFunc(lines, func(l channels.Channel) bool { return l.Traits().Texts }), Texting: textingNumber(c),
	}
	for _, name := range strayLimits(c, lines) {
		log.Warn("a limit is set for something that the town is not on", "name", name)
	}
	settings := exchange.Settings{
		Store: s, Keys: keys, Town: town, Calendar: exchange.Calendar{Zone: c.Town.Zone, Hours: hours}, Channels: lines,
		Clock: clock, Entropy: rand.Reader, Log: log, Metrics: metrics, Callbacks: callbacks(c), AnswerWithin: c.Desk.AnswerWithin,
		Limits: limitsOf(c, lines), Resend: resent(lines),
	}
	if metrics != nil { // a command beside the server is not followed
		if h.tracing = newTracing(c, log); h.tracing != nil {
			settings.Tracing = h.tracing
		}
	}
	if h.nodes, err = joinNodes(c, keys, log, metrics, lines, &settings); err != nil {
		return nil, nil, err
	}
	h.single = settings.Nodes.Single
	if nights { // nor does it cost anything to ring there
		settings.Callbacks.On, settings.Callbacks.Reachable = true, nil
		settings.Limits.Contact = exchange.Contact{} // who tries reminders out wants to see them
	} else {
		settings.Quiet = nightsOf(c).Day
	}
	h.exchange, err = exchange.New(settings)
	return h, refused, err
}

// townDialogs loads the town's dialogs, or the sample town's, and tells their problems to whoever starts the program.
// Dialogs with problems are left out, those too whose answers can't all be given on every channel.
func townDialogs(cmd *cobra.Command, c *config.Config, phrases *locales.Catalogue, misfits func(*dialogs.Dialog) dialogs.Problems) (*dialogs.Set, error) {
	all, err := folders(c, nil)
	if err != nil {
		return nil, err
	}
	f := all[0]
	set, problems := f.load(c, phrases, time.Time{})
	if c.Dialogs != "" { // the sample town's are tested with the program
		var sound []string
		for _, d := range set.All() {
			found := f.show(misfits(d))
			if problems = append(problems, found...); !found.Errors() {
				sound = append(sound, d.File)
			}
		}
		if len(sound) > 0 && len(sound) < len(set.All()) {
			f.paths = sound
			set, _ = f.load(c, phrases, time.Time{})
		} else if len(sound) == 0 {
			set = nil
		}
	}
	problems = slices.DeleteFunc(problems, func(p dialogs.Problem) bool { return p.Warning })
	if len(problems) > 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), problems.String())
		fmt.Fprintln(cmd.ErrOrStderr(), "Dialogs with problems are not in service until they are mended.")
	}
	if set == nil || len(set.All()) == 0 {
		return nil, fmt.Errorf("there is no dialog to hold in %q", c.Dialogs)
	}
	return set, nil
}

// logger is what the settings ask for.
func logger(cmd *cobra.Command, l config.Log) *slog.Logger {
	level := map[string]slog.Level{"debug": slog.LevelDebug, "warn": slog.LevelWarn, "error": slog.LevelError}[l.Level]
	o := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(newHush(slog.NewJSONHandler(cmd.ErrOrStderr(), o)))
	}
	return slog.New(newHush(slog.NewTextHandler(cmd.ErrOrStderr(), o)))
}
