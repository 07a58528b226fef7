package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/config"
	"github.com/townline/townline/store"
	"github.com/townline/townline/store/redis"
)

const (
	// nodesPoll is how long a server doesn't look at what others have written for it, where the bell doesn't tell it.
	nodesPoll = 2 * time.Second
	// lineTerm is how long a line of a server that died stays closed, and how long one that can't reach the store keeps its calls: a
	// database that fails over in less ends none.
	lineTerm = 15 * time.Second
)

// joinNodes tells the exchange what there is of other servers of the town, where there may be any. A command without metrics is no
// server.
func joinNodes(c *config.Config, keys *store.Keys, log *slog.Logger, metrics prometheus.Registerer, lines []channels.Channel, s *exchange.Settings) (*redis.Nodes, error) {
	if metrics == nil {
		return nil, nil
	}
	if c.Store.Postgres.IsSet() {
		s.Nodes.Poll, s.Nodes.Single = nodesPoll, singleLines(c, lines)
	}
	if err := wantDuties(metrics, s.Nodes.Single); err != nil {
		return nil, err
	}
	if !c.Redis.IsSet() {
		if c.Store.Postgres.IsSet() && len(s.Limits.Rates) > 0 {
			log.Warn("this server keeps limits.rate by itself: with another server of the town beside it, all together may send more. Set redis.url where there are several")
		}
		return nil, nil
	}
	n, err := redis.Open(c.Redis.Reveal(), townMark(keys), log)
	if err != nil {
		return nil, err
	}
	if c.Store.Postgres.IsSet() { // there each server has said that it lives
		n.CountBy(context.Background(), s.Store.Nodes)
	}
	s.Leases, s.Nodes.Bell, s.Nodes.Each, s.Nodes.Count = n, n, n.Each, n.Count
	s.Nodes.Pace = func(name string, perSecond float64) exchange.Pace { return n.Pace(name, perSecond) }
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "townline", Name: name, Help: help}, value)
	}
	return n, errors.Join(
		metrics.Register(gauge("nodes", "Servers of the town, as known last.", func() float64 { return float64(n.Count()) })),
		metrics.Register(gauge("redis_away", "1 while Redis doesn't answer and each server goes on by itself.", func() float64 {
			if n.Away() {
				return 1
			}
			return 0
		})),
	)
}

// wantDuties shows what one server of the town has to do at any time, for an alarm when none does.
func wantDuties(metrics prometheus.Registerer, single map[string]string) error {
	wanted := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "townline", Name: "duty_wanted", Help: "1 for each thing that one server of the town does at a time."}, []string{"duty"})
	wanted.WithLabelValues("timers").Set(1)
	for _, duty := range single {
		wanted.WithLabelValues(duty).Set(1)
	}
	return metrics.Register(wanted)
}

// townMark is what a town is called on a Redis: all its servers know it, and no other town has it.
func townMark(keys *store.Keys) string {
	mark := keys.Voter(store.TownsOwn, "redis")
	return hex.EncodeToString(mark[:8])
}

// singleLines are the lines that one server at a time has, by the duty that it holds then: those with connections of their own, which
// phone companies and Telegram give to one.
func singleLines(c *config.Config, lines []channels.Channel) map[string]string {
	single := map[string]string{}
	for _, l := range lines {
		_, holds := l.(channels.Listener)
		called := l.Name() == "telegram" && c.Telegram.Webhook // it holds nothing
		if holds && !called && !c.Nodes.Everywhere(l.Name()) {
			single[l.Name()] = "line " + strings.TrimPrefix(l.Name(), "ussd.") // menus and texts of a phone company are one line
		}
	}
	return single
}

// listening keeps the lines open that hold connections of their own, until ctx ends and their calls are over. One that is in single is
// open while this server has that duty.
func listening(ctx context.Context, lines []channels.Channel, single map[string]string, x *exchange.Exchange, log *slog.Logger) *sync.WaitGroup {
	var open sync.WaitGroup
	duties := map[string][]channels.Channel{}
	for _, l := range lines {
		if _, ok := l.(channels.Listener); !ok {
			continue
		}
		if duty := single[l.Name()]; duty != "" {
			duties[duty] = append(duties[duty], l)
			continue
		}
		open.Go(func() { listen(ctx, l, x, log) })
	}
	for duty, of := range duties {
		open.Go(func() {
			x.While(ctx, duty, lineTerm, func(ctx context.Context) {
				var held sync.WaitGroup
				for _, l := range of {
					held.Go(func() { listen(ctx, l, x, log) })
				}
				held.Wait()
			})
		})
	}
	return &open
}

// listen keeps one line open until ctx ends.
func listen(ctx context.Context, l channels.Channel, in channels.Inbox, log *slog.Logger) {
	for pause := shortPause; ; pause = min(2*pause, longPause) {
		begun := time.Now()
		err := l.(channels.Listener).Listen(ctx, in)
		if ctx.Err() != nil {
			if err != nil {
				log.Error("a line did not close well", "channel", l.Name(), "error", err)
			}
			return
		}
		if time.Since(begun) > longPause {
			pause = shortPause
		}
		log.Error("a line broke and is opened again", "channel", l.Name(), "in", pause, "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// serveMark ends the name of the file that a server holds as long as it has a store.
const serveMark = ".serve"

// aloneOnFile sees to it that one server alone has a town in one file: two would each do what one is to do, and know nothing of each
// other. Commands may work beside it.
func aloneOnFile(c *config.Config) (leave func() error, err error) {
	if c.Store.Postgres.IsSet() {
		return func() error { return nil }, nil
	}
	f, err := os.OpenFile(c.Store.Path+serveMark, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("can't see whether another server has %s: %w", c.Store.Path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("another \"townline serve\" has %s: one server alone works on a file. Several need PostgreSQL (store.url)", c.Store.Path)
		}
		return nil, fmt.Errorf("can't see whether another server has %s: %w", c.Store.Path, err)
	}
	return f.Close, nil
}
