package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/audio"
	"github.com/townline/townline/channels/kiosk"
	"github.com/townline/townline/channels/outpost"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs"
	"github.com/townline/townline/locales"
)

func newServe(open opener) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the town: take messages, answer them, keep what is said",
		Long: `Run the town: take messages, answer them, keep what is said. Without any settings this is the sample
town on 127.0.0.1:8080, kept in townline.db; open http://127.0.0.1:8080/preview to talk with it.

It ends on Ctrl-C or SIGTERM, when everything that was accepted is on disk.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			begun := time.Now()
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second signal ends the process at once
			return serve(ctx, cmd, open, begun)
		},
	}
	config.AddFlags(cmd.Flags(), "listen", "public_url", "dialogs", "store.url", "store.key_file", "preview", "pages.kiosk", "pages.web", "log.level", "log.format")
	return cmd
}

func serve(ctx context.Context, cmd *cobra.Command, open opener, begun time.Time) (err error) {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	log := logger(cmd, c.Log)
	for _, n := range c.Notes {
		log.Warn(n)
	}
	tellSources(c, log)
	phrases, err := locales.Load()
	if err != nil {
		return err
	}
	set, err := townDialogs(cmd, c, phrases, func(d *dialogs.Dialog) dialogs.Problems { return fits(c, phrases, d, begun) })
	if err != nil {
		return err
	}
	// What says nothing is hung up on after idleTime; asking the kernel to look after each line as well takes calls at each.
	listener, err := (&net.ListenConfig{KeepAlive: -1}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return cantListen("listen", c.Listen, err)
	}
	defer listener.Close()

	leaveFile, err := aloneOnFile(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leaveFile()) }()
	disk, keys, err := open(c, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disk.Close()) }()

	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	withPreview := previewed(c, listener.Addr())
	if err := watchSurroundings(metrics, c, disk); err != nil {
		return err
	}
	var shelf *audio.Shelf // of all who say something aloud
	if withPreview || phoned(c) || c.Pages.Kiosk || c.Pages.Web {
		if shelf, err = newShelf(ctx, c, phrases, set.All(), clipSecret(keys), log); err != nil {
			return err
		}
		countGaps(metrics, shelf)
	}
	lines, err := openWays(&parts{config: c, phrases: phrases, log: log, keys: keys, metrics: metrics, disk: disk, shelf: shelf}, false)
	if err != nil {
		return err
	}
	countMenus(metrics, lines)
	nights := len(lines) == 0
	var shown *previewing
	s := disk
	clock := clockOf(ctx)
	if withPreview {
		if len(lines) == 0 { // nobody but who looks at the page
			clock = &movedClock{}
		}
		shown = newPreviewing(ctx, c, disk, keys, clock, shelf, phrases, log)
		s = shown.store
		lines = append(lines, shown.lines()...)
	}
	clocks, err := newClockWatch(disk, clock, metrics, log)
	if err != nil {
		return err
	}
	pages := townPages(c, phrases, shelf, log, lines)
	for _, p := range pages {
		lines = append(lines, p)
	}
	lines = withFarScreens(c, phrases, lines)
	h, refused, err := openTown(ctx, c, s, keys, clock, log, metrics, set, phrases, nights, lines...)
	if err != nil {
		return err
	}
	if h.nodes != nil {
		defer func() { err = errors.Join(err, h.nodes.Close()) }()
	}
	if len(refused) > 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), refused.String())
	}
	if shown != nil {
		shown.house = h
	}

	web := newServer(log, metrics, s.Ping)
	web.sources.proxies, web.public, web.readers = ownProxies(c), c.PublicURL, c.Watch.Readers
	if h.tracing != nil {
		web.follow = h.tracing.requests
		defer func() {
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesMost)
			defer cancel()
			err = errors.Join(err, h.tracing.close(last))
		}()
	}
	for _, l := range lines {
		if m, ok := l.(channels.Mounter); ok {
			m.Mount(web.mux, h.exchange)
		}
	}
	if phoned(c) {
		web.mux.Handle("GET "+soundPath+"{clip}", shelf)
	}
	for _, p := range pages {
		web.takes("/"+p.Name(), kiosk.MostBytes)
	}
	if shown != nil {
		shown.takes(web)
	}
	centre, err := newCentre(c, h, keys, clock, log, metrics, lines)
	if err != nil {
		return err
	}
	if centre != nil {
		defer func() { err = errors.Join(err, centre.Close()) }()
		centre.Mount(web.mux, nil)
		for name := range c.Kiosk.Outposts {
			web.takes(outpost.SyncPath(name), outpost.MostReport)
		}
	}
	clerks, err := newClerksPage(c, h, shown != nil, web.sources.name, clock, log)
	if err != nil {
		return err
	}
	clerks.Mount(web.mux, h.exchange)
	var workers sync.WaitGroup
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	workers.Go(func() { h.exchange.Run(work) })
	if clocks != nil {
		workers.Go(func() { clocks.run(work) })
	}

	calls, endCalls := context.WithCancel(ctx)
	defer endCalls()
	held := listening(calls, lines, h.single, h.exchange, log)

	closeDesk := serveDesk(ctx, c, clerks, log)
	tellOpen(cmd, c, listener.Addr(), shown != nil, clerks.Served(), pages, h)
	log.Info("ready", "listen", listener.Addr().String(), "dialogs", len(h.catalogue.Current()), "channels", names(lines), "ms", time.Since(begun).Milliseconds())
	context.AfterFunc(ctx, h.exchange.Leave) // what one server does at a time, another does from now on
	web.leave = c.Nodes.Leave
	served := web.serve(ctx, listener)
	log.Info("shutting down")
	closeDesk()
	endCalls()
	held.Wait() // what callers say last is still taken
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	settle(end, lines)
	drained := h.exchange.Drain(end)
	stopWork()
	workers.Wait()
	log.Info("closed")
	return errors.Join(served, drained)
}

// tellOpen says where to look, to a person at a terminal.
func tellOpen(cmd *cobra.Command, c *config.Config, addr net.Addr, preview, clerks bool, pages []*kiosk.Kiosk, h *house) {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s is open at http://%s with %s, kept in %s.\n", c.Town.Name, addr, many(len(h.catalogue.Current()), "dialog", "dialogs"), c.Store.Place())
	if preview {
		fmt.Fprintf(out, "Talk with it: http://%s/preview\n", addr)
	}
	for _, p := range pages {
		about := "Answer on a screen of your own"
		if p.Name() == kiosk.Name {
			about = "The kiosk, large and read aloud"
		}
		fmt.Fprintf(out, "%s: http://%s/%s\n", about, addr, p.Name())
	}
	if clerks {
		fmt.Fprintf(out, "Answer who asks for a person: http://%s/desk\n", addr)
	}
	if phoned(c) && c.Voice.Number != "" {
		fmt.Fprintf(out, "Call it: %s\n", c.Voice.Number)
	}
	if c.USSD.On() && c.USSD.Code != "" {
		fmt.Fprintf(out, "Dial it: %s\n", c.USSD.Code)
	}
	fmt.Fprintln(out, "Ctrl-C closes it.")
	fmt.Fprintln(out)
}

func names(lines []channels.Channel) []string {
	var out []string
	for _, l := range lines {
		out = append(out, l.Name())
	}
	return out
}
