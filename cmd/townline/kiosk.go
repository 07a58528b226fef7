package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/channels/kiosk"
	"github.com/townline/townline/channels/outpost"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

func newKiosk() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kiosk",
		Short: "Run a kiosk machine that goes on when it is cut off",
		Long: `Run a kiosk machine that goes on when it is cut off. It holds conversations by itself with the dialogs that the
town's server has published, keeps every answer sealed in kiosk.dir before the next page is shown, and forwards all of it to
the server, in order. kiosk.centre, kiosk.name and the secret (TOWNLINE_KIOSK_SECRET) say where to; the server has the
same name and secret in kiosk.outposts.

With kiosk.browser it opens Chromium over the whole screen, a new one for each visitor. It ends on Ctrl-C or SIGTERM.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second signal ends the process at once
			return runKiosk(ctx, cmd)
		},
	}
	config.AddFlags(cmd.Flags(), "kiosk.centre", "kiosk.name", "kiosk.dir", "kiosk.listen", "kiosk.browser", "kiosk.printer", "kiosk.scale", "audio.dir", "log.level", "log.format")
	return cmd
}

// machine is a kiosk machine at work.
type machine struct {
	c       *config.Config
	log     *slog.Logger
	phrases *locales.Catalogue
	outpost *outpost.Outpost
	browser *outpost.Browser // nil: somebody else opens one
	pages   atomic.Pointer[http.ServeMux]
	ended   atomic.Pointer[string] // the visit that ended last

	ends sync.WaitGroup
}

func runKiosk(ctx context.Context, cmd *cobra.Command) (err error) {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	k := c.Kiosk
	if k.Centre == "" || k.Name == "" || !k.Secret.IsSet() {
		return errors.New("kiosk.centre, kiosk.name and kiosk.secret say where answers go: set them in townline.yaml, the secret as TOWNLINE_KIOSK_SECRET")
	}
	m := &machine{c: c, log: logger(cmd, c.Log)}
	for _, n := range c.Notes {
		m.log.Warn(n)
	}
	if m.phrases, err = locales.Load(); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", k.Listen)
	if err != nil {
		return cantListen("kiosk.listen", k.Listen, err)
	}
	defer listener.Close()
	if a, err := netip.ParseAddrPort(listener.Addr().String()); err == nil && !a.Addr().IsLoopback() {
		m.log.Warn("anybody in the network can reach this kiosk's pages: kiosk.listen should begin with 127.0.0.1")
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.outpost, err = outpost.Open(outpost.Settings{
		Name: k.Name, Secret: k.Secret.Reveal(), Centre: k.Centre, Dir: k.Dir, Channel: kiosk.Name, Traits: render.Kiosk, Locales: m.phrases,
		Due: m.due, Entropy: rand.Reader, Log: m.log, Metrics: metrics,
	})
	if err != nil {
		return err
	}
	defer func() { m.ends.Wait(); err = errors.Join(err, m.outpost.Close()) }()

	web := newServer(m.log, metrics, m.ready)
	web.takes("/"+kiosk.Name, kiosk.MostBytes)
	web.mux.HandleFunc("/", m.serve)
	address := "http://" + listener.Addr().String()
	if k.Browser != "" {
		m.browser = &outpost.Browser{Path: k.Browser, Name: k.Name, URL: address + "/", Scale: k.Scale, Mic: c.Pages.Microphone, Log: m.log}
	}
	work, end := context.WithCancelCause(ctx) // whoever watches over us starts us anew
	defer end(nil)
	var workers sync.WaitGroup
	workers.Go(func() { m.outpost.Run(work) })
	workers.Go(func() { m.dress(work) })
	if m.browser != nil {
		workers.Go(func() {
			if err := m.browser.Run(work); err != nil {
				m.log.Error("no browser", "error", err)
				end(errors.New("the browser could not be opened"))
			}
		})
	}
	workers.Go(func() {
		select {
		case <-m.outpost.Failed():
			end(fmt.Errorf("nothing that is answered can be kept: %w", m.outpost.Ready(work)))
		case <-work.Done():
		}
	})
	waiting, _ := m.outpost.Waiting()
	fmt.Fprintf(cmd.OutOrStdout(), "The kiosk %q is open at %s/kiosk. What is answered goes to %s and waits in %s until it is there.\nCtrl-C closes it.\n\n", k.Name, address, k.Centre, k.Dir)
	m.log.Info("ready", "listen", listener.Addr().String(), "waiting", waiting)
	served := web.serve(work, listener)
	end(nil)
	workers.Wait()
	waiting, _ = m.outpost.Waiting()
	m.log.Info("closed", "waiting", waiting)
	if ctx.Err() == nil && served == nil {
		return context.Cause(work)
	}
	return served
}

// ready says why nobody can be served; nil when somebody can.
func (m *machine) ready(ctx context.Context) error {
	if err := m.outpost.Ready(ctx); err != nil {
		return err
	}
	if m.pages.Load() == nil {
		return errors.New("the pages are being made")
	}
	return nil
}

// due is the day that a request is promised for, as the centre counts days.
func (m *machine) due(now time.Time, days int) string {
	c := exchange.Calendar{Zone: now.Location()}
	return c.Due(now, days)
}

// dress makes the pages anew whenever the town is another: its name, its languages, its dialogs.
func (m *machine) dress(ctx context.Context) {
	var sound *shelves
	for {
		select {
		case <-m.outpost.Arrived():
		case <-ctx.Done():
			return
		}
		town, facts, ok := m.outpost.Town()
		if !ok {
			continue
		}
		c := *m.c
		c.Town.Name, c.Town.Languages = facts.Name, facts.Languages
		shelf, err := newShelf(ctx, &c, m.phrases, town.Dialogs.Current(), nil, m.log)
		if err != nil {
			m.log.Error("pages are not read aloud", "error", err)
		}
		k := c.Kiosk
		s := kiosk.Settings{
			Town: facts.Name, Languages: facts.Languages, Phrases: m.phrases, Texts: facts.Texts, Number: facts.Number, PublicURL: facts.PublicURL,
			Idle: k.Idle, Warn: k.Warn, Scan: k.Scan, Move: k.Move, Choose: k.Choose, Phones: k.Headphones, Sink: k.Sound, Microphone: c.Pages.Microphone,
			Over: m.over, Log: m.log,
			Line: func(context.Context) kiosk.Line {
				waiting, oldest := m.outpost.Waiting()
				return kiosk.Line{Centre: k.Centre, Up: m.outpost.Up(), Waiting: waiting, Oldest: oldest}
			},
		}
		if shelf != nil {
			sound = sound.after(shelf)
			s.Sound = sound
		}
		if k.Printer != "" {
			s.Print = m.print
		}
		mux := http.NewServeMux()
		kiosk.New(s).Mount(mux, m.outpost)
		m.pages.Store(mux)
	}
}

// serve shows the pages, or, before the centre was reached for the first time, that there are none yet.
func (m *machine) serve(w http.ResponseWriter, r *http.Request) {
	pages := m.pages.Load()
	if pages == nil {
		w.Header().Set("Refresh", "3") // nobody is in the middle of anything
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "…", http.StatusServiceUnavailable)
		return
	}
	if r.URL.Path == "/" {
		if m.browser != nil {
			m.browser.Shown(r.URL.Query().Get("screen"))
		}
		http.Redirect(w, r, "/"+kiosk.Name, http.StatusSeeOther)
		return
	}
	pages.ServeHTTP(w, r)
}

// over ends a visit: its browser goes, and nothing on disk can be opened by anybody here any more. It may be told twice.
func (m *machine) over(visit string) {
	if last := m.ended.Swap(&visit); last != nil && *last == visit {
		return
	}
	if m.browser != nil {
		m.browser.Fresh()
	}
	m.ends.Go(func() { m.outpost.Over(visit) })
}

func (m *machine) print(ctx context.Context, r kiosk.Receipt) error {
	p := outpost.Printer{Queue: m.c.Kiosk.Printer, Name: m.c.Kiosk.Name}
	if m.c.Kiosk.Browser != "" {
		p.Browser = &outpost.Browser{Path: m.c.Kiosk.Browser, Name: m.c.Kiosk.Name}
	}
	day := r.At
	if town, _, ok := m.outpost.Town(); ok {
		day = day.In(town.Zone)
	}
	return p.Print(ctx, outpost.Slip{
		Town: r.Town, Lang: r.Lang, RTL: r.RTL, Title: r.Title, Reference: r.Reference, Lines: r.Lines,
		At: m.phrases.Language(r.Lang).FormatDate(day, locales.Full),
	})
}

// asideEnding ends the name of the file of turns that a person has to look at.
const asideEnding = ".aside"

// asideFile is where turns lie that a person has to look at: beside the database.
func asideFile(c *config.Config) string {
	return c.Store.Path[:len(c.Store.Path)-len(filepath.Ext(c.Store.Path))] + asideEnding
}
