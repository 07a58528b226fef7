package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/townline/townline/config"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/moving"
	"github.com/townline/townline/store/postgres"
	"github.com/townline/townline/store/sqlite"
)

func newMove() *cobra.Command {
	var back bool
	cmd := &cobra.Command{
		Use:   "move FROM TO",
		Short: "Move everything that is kept to another store: from a file to PostgreSQL, or back",
		Long: `Move everything that is kept to another store: from a file to PostgreSQL, or back. FROM and TO are written like
store.url: sqlite:FILE or postgres://USER@HOST/DATABASE. A password isn't given here, where others could see it: it comes
from PGPASSWORD or PGPASSFILE, or from store.url in the environment, if FROM or TO is that store.

End every "townline serve" first. TO must be empty. From the beginning of the move on FROM can't be opened any more, and TO
not before everything is there and has been compared, so that nothing is said at two places. Conversations go on where they
are. What was cut short goes on when the same command is given again.

The town's key file stays the same, and where it is. What lies beside a store (FILE.aside, and what came by phone companies'
lines and isn't in the store yet) stays where it is too.

With --back a move that isn't over is taken back, and FROM can be opened again. Leave TO out only where it is lost.`,
		Example: "  townline move sqlite:townline.db 'postgres://town@db.example.org/town?sslmode=verify-full'",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && !back {
				return usage{errors.New("where should it move to? Write: townline move FROM TO")}
			}
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return move(ctx, c, args, back, cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&back, "back", false, "take a move back that isn't over")
	config.AddFlags(cmd.Flags(), "store.key_file")
	return cmd
}

// end is one of the two stores of a move.
type end interface {
	moving.To
	io.Closer
}

func move(ctx context.Context, c *config.Config, args []string, back bool, out io.Writer) (err error) {
	var places []endPlace
	for _, text := range args {
		p, err := endAt(c, text)
		if err != nil {
			return err
		}
		places = append(places, p)
	}
	if len(places) == 2 && places[0] == places[1] {
		return usage{errors.New("FROM and TO are one")}
	}
	keys, err := moveKeys(c, places)
	if err != nil {
		return err
	}
	from, err := places[0].open(ctx, keys, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if len(places) == 1 {
		if err = moving.Back(ctx, from, nil); err == nil {
			fmt.Fprintf(out, "The move is taken back: %s can be opened again.\n", from.Place())
		}
		return err
	}
	to, err := places[1].open(ctx, keys, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if back {
		if err = moving.Back(ctx, from, to); err == nil {
			fmt.Fprintf(out, "The move is taken back: %s can be opened again. What had come to %s by then is of no use: empty it.\n", from.Place(), to.Place())
		}
		return err
	}
	begun := time.Now()
	if err := moving.Move(ctx, from, to, begun, telling(out)); err != nil {
		if ctx.Err() != nil {
			return errors.New("stopped: give the same command again, and the move goes on")
		}
		return err
	}
	_, err = fmt.Fprintf(out, "Everything is in %s, and compared, after %v. Set store.url to it, and start \"townline serve\".\nThe town's keys are the same as before. %s still has all that was kept, the residents' keys too: destroy it within a week, as copies.\n", to.Place(), time.Since(begun).Round(100*time.Millisecond), from.Place())
	return err
}

// endPlace is where a store is.
type endPlace struct{ file, address string }

// endAt reads one of the two places. An address like that of the town's own store, but for the password, is taken for it.
func endAt(c *config.Config, text string) (endPlace, error) {
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		u, err := url.Parse(text)
		if err != nil {
			return endPlace{}, usage{errors.New("an address can't be read: write it like postgres://town@db.example.org/town")}
		}
		if _, has := u.User.Password(); has || u.Query().Has("password") || u.Query().Has("sslpassword") {
			return endPlace{}, usage{errors.New("a password may not stand here, where others can see it: set PGPASSWORD or PGPASSFILE, or " + config.EnvName("store.url"))}
		}
		if c.Store.Postgres.IsSet() && c.Store.Place() == text {
			text = c.Store.Postgres.Reveal()
		}
		return endPlace{address: text}, nil
	}
	file, ok := strings.CutPrefix(text, "sqlite:")
	if !ok && strings.Contains(text, ":") || file == "" {
		return endPlace{}, usage{fmt.Errorf("%q is not a place to keep things: write sqlite:FILE or postgres://USER@HOST/DATABASE", text)}
	}
	return endPlace{file: file}, nil
}

func (p endPlace) open(ctx context.Context, keys *store.Keys, leaves bool) (end, error) {
	if p.address != "" {
		e, err := postgres.OpenEnd(ctx, p.address, keys)
		if err != nil {
			return nil, err
		}
		return e, nil
	}
	e, err := sqlite.OpenEnd(p.file, keys, leaves)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// moveKeys are the town's: those that are set, else those beside the file that is moved.
func moveKeys(c *config.Config, places []endPlace) (*store.Keys, error) {
	beside := *c
	for _, p := range places {
		if p.file != "" {
			beside.Store.Path = p.file
			break
		}
	}
	beside.Store.KeyFile = cmp.Or(c.Store.KeyFile, keyFile(&beside))
	return keysOf(&beside, false)
}

// telling says how far a move is: a line for each table with something in it, and one now and then for a large one.
func telling(out io.Writer) func(moving.Progress) {
	var last time.Time
	return func(p moving.Progress) {
		over := p.Done == p.From
		if p.From == 0 || !over && time.Since(last) < 2*time.Second {
			return
		}
		last = time.Now()
		what := "moved"
		if p.Checking {
			what = "compared"
		}
		if over {
			fmt.Fprintf(out, "%s: %d %s\n", p.Table, p.Done, what)
		} else {
			fmt.Fprintf(out, "%s: %d of %d %s\n", p.Table, p.Done, p.From, what)
		}
	}
}
