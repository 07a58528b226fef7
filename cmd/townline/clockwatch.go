package main

import (
	"context"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels/exchange"
)

const (
	clockEvery = time.Minute     // the clocks are compared
	clockSlow  = 2 * time.Second // an answer that took longer says too little of the time
)

// clockWatch compares the clock of this server with that of the database, which all servers of a town have in common. What must be right
// rests on neither; but reminders, closing times and what is due go by the clocks of the servers.
type clockWatch struct {
	clock exchange.Clock
	there func(context.Context) (time.Time, error) // the time at the database
	ahead prometheus.Gauge
	log   *slog.Logger
	off   bool
}

// newClockWatch is nil where the store is a file, for then there is no other clock, and where who tries dialogs out moves this one.
func newClockWatch(s any, clock exchange.Clock, metrics prometheus.Registerer, log *slog.Logger) (*clockWatch, error) {
	timed, ok := s.(interface {
		Clock(context.Context) (time.Time, error)
	})
	if _, moved := clock.(*movedClock); moved || !ok {
		return nil, nil
	}
	w := &clockWatch{clock: clock, there: timed.Clock, log: log, ahead: prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "townline", Name: "clock_ahead_seconds", Help: "How far the clock of this server is ahead of the database's; below 0: behind it. NaN: not known."})}
	w.ahead.Set(math.NaN())
	return w, metrics.Register(w.ahead)
}

// run compares the clocks until ctx ends.
func (w *clockWatch) run(ctx context.Context) {
	next := time.NewTicker(clockEvery)
	defer next.Stop()
	for {
		w.look(ctx)
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
	}
}

// look compares them once. A database that doesn't answer is somebody else's to tell.
func (w *clockWatch) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, clockSlow)
	defer cancel()
	asked := w.clock.Now()
	there, err := w.there(ctx)
	took := w.clock.Now().Sub(asked)
	if err != nil || took > clockSlow || took < 0 {
		w.ahead.Set(math.NaN())
		return
	}
	ahead := asked.Add(took / 2).Sub(there)
	w.ahead.Set(ahead.Seconds())
	switch off := ahead.Abs() > skewMost; {
	case off && !w.off:
		w.log.LogAttrs(ctx, slog.LevelError, "the clock of this server is off: set it, and the database's, by the network", slog.Float64("seconds_ahead_of_the_database", ahead.Round(time.Millisecond).Seconds()))
		w.off = true
	case !off && w.off:
		w.log.LogAttrs(ctx, slog.LevelInfo, "the clock of this server is right again")
		w.off = false
	}
}
