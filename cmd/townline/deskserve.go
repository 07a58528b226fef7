package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	clerks "github.com/townline/townline/channels/desk"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/config"
	"github.com/townline/townline/locales"
)

// guestClerk is the name under which whoever tries the town out answers as a clerk.
const guestClerk = "Alex"

// clerkHashes says which of "Anna=HASH, Bert=HASH" is no hash.
func clerkHashes(text string) error {
	var bad []error
	for _, entry := range strings.Split(text, ",") {
		if name, hash, ok := strings.Cut(entry, "="); ok && hash != "" {
			if err := clerks.CheckHash(strings.TrimSpace(hash)); err != nil {
				bad = append(bad, fmt.Errorf("%s: %w", strings.TrimSpace(name), err))
			}
		}
	}
	return errors.Join(bad...)
}

// newClerksPage makes the page where clerks talk with residents. Without clerks it is for who tries the town out on this machine.
func newClerksPage(c *config.Config, h *house, tried bool, from func(*http.Request) string, clock exchange.Clock, log *slog.Logger) (*clerks.Desk, error) {
	s := clerks.Settings{
		Town: c.Town.Name, Zone: c.Town.Zone, Cases: h.exchange, Media: h.exchange, Hosts: hostNames(c), Now: clock.Now, From: from, Log: log,
		Secure: strings.HasPrefix(c.PublicURL, "https://"), Tongue: tongueName(h.phrases), Clerks: map[string]string{},
	}
	for name, hash := range c.Desk.Clerks {
		s.Clerks[name] = hash.Reveal()
	}
	if tried && len(s.Clerks) == 0 && c.Preview != config.On {
		s.Guest = guestClerk
	}
	return clerks.New(s)
}

// tongueName says what a language is called, for clerks.
func tongueName(phrases *locales.Catalogue) func(string) string {
	return func(tag string) string {
		if phrases.Has(tag) {
			return phrases.Language(tag).Name
		}
		return tag
	}
}

// deskSocket is where the running town takes what clerks do at a terminal of its machine: beside the store, for whoever may read that.
func deskSocket(c *config.Config) string { return c.Store.Path + ".desk" }

// deskDials is how long it may take to find out whether another town has the socket.
const deskDials = time.Second

// serveDesk takes what clerks do at a terminal, until ctx ends. A town without it works as well: what is wrong is only told.
func serveDesk(ctx context.Context, c *config.Config, d *clerks.Desk, log *slog.Logger) (closed func()) {
	path := deskSocket(c)
	if line, err := net.DialTimeout("unix", path, deskDials); err == nil {
		line.Close()
		log.Warn("another townline serves this store's desk at the terminal", "socket", path)
		return func() {}
	} else if errors.Is(err, syscall.ECONNREFUSED) { // left by one that was killed
		_ = os.Remove(path)
	}
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		log.Warn("\"townline desk\" can't be used: there is no socket for it", "error", err)
		if l != nil {
			l.Close()
		}
		return func() {}
	}
	h := &http.Server{
		Handler: d.Local(), ReadHeaderTimeout: headerTime, ReadTimeout: requestTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		MaxHeaderBytes: mostHeader, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := h.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			log.Warn("the desk at the terminal ended", "error", err)
		}
	}()
	return func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		_ = h.Shutdown(end)
		<-done
	}
}
