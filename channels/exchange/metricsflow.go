package exchange

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
)

// flow counts what goes wrong on the way in and out, by kind, and how long providers take. With metrics.turns and metrics.messages it
// is latency, traffic and errors of each channel.
type flow struct {
	failed map[string]map[string]prometheus.Counter // by channel and kind
	unsent map[string]map[string]prometheus.Counter
	took   map[string]prometheus.Observer
	all    []prometheus.Collector
}

// Kinds of turns that were not held. One that failed at the store has the stage's name: load, ask, commit.
const (
	failedCrowded   = "crowded"   // too many of one resident at once
	failedContested = "contested" // something else was committed each time
	failedLate      = "late"      // longer than the provider waits
	failedLeft      = "left"      // the provider gave up
	failedOther     = "other"
)

// Kinds of deliveries that did not come about.
const (
	unsentThrottled = "throttled"
	unsentOptedOut  = "opted-out"
	unsentRefused   = "refused"
	unsentRetried   = "retried"
	unsentDoubt     = "doubt"
)

func newFlow(names []string) *flow {
	counts := func(name, help string, kinds ...string) (*prometheus.CounterVec, map[string]map[string]prometheus.Counter) {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "townline", Name: name, Help: help}, []string{"channel", "kind"})
		all := map[string]map[string]prometheus.Counter{}
		for _, n := range names { // from the start, so that the first one is seen as a rise
			all[n] = map[string]prometheus.Counter{}
			for _, k := range kinds {
				all[n][k] = v.WithLabelValues(n, k)
			}
		}
		return v, all
	}
	failed, byFailed := counts("turn_failures_total", "Turns that were not held, by what went wrong or the stage in which it did.",
		failedCrowded, failedContested, failedLate, failedLeft, failedOther, stageLoad, stageAsk, stageCommit)
	unsent, byUnsent := counts("send_failures_total", "Attempts to push a message that failed, by what the provider made of it.",
		unsentThrottled, unsentOptedOut, unsentRefused, unsentRetried, unsentDoubt)
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "townline", Name: "send_seconds", Help: "Time that a provider took to accept a message, or to refuse it.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	}, []string{"channel"})
	f := &flow{failed: byFailed, unsent: byUnsent, took: map[string]prometheus.Observer{}, all: []prometheus.Collector{failed, unsent, took}}
	for _, n := range names {
		f.took[n] = took.WithLabelValues(n)
	}
	return f
}

// turnFailed counts a turn that was not held; at is the stage that it had come to.
func (f *flow) turnFailed(channel string, err error, at string) {
	kind := failedOther
	switch {
	case errors.Is(err, errCrowded):
		kind = failedCrowded
	case errors.Is(err, errContested):
		kind = failedContested
	case errors.Is(err, context.DeadlineExceeded):
		kind = failedLate
	case errors.Is(err, context.Canceled):
		kind = failedLeft
	case at == stageLoad || at == stageAsk || at == stageCommit:
		kind = at
	}
	if c := f.failed[channel][kind]; c != nil {
		c.Inc()
	}
}

// sent counts one attempt at a message.
func (f *flow) sent(channel string, took time.Duration, err error) {
	if o := f.took[channel]; o != nil {
		o.Observe(took.Seconds())
	}
	if err == nil {
		return
	}
	kind := unsentDoubt
	_, gone := channels.IsGone(err)
	_, again := channels.Retrying(err)
	switch {
	case errors.Is(err, channels.ErrOptedOut):
		kind = unsentOptedOut
	case gone:
		kind = unsentRefused
	case errors.Is(err, channels.ErrThrottled):
		kind = unsentThrottled
	case again:
		kind = unsentRetried
	}
	if c := f.unsent[channel][kind]; c != nil {
		c.Inc()
	}
}

// fullness tells at the moment it is asked how much is under way and for how long what should have gone has waited.
type fullness struct {
	x                                       *Exchange
	turns, sends, most, oldest, late, store *prometheus.Desc
}

// watchFullness reads the store when it is asked: what is oldest is looked up by index, however much waits.
func watchFullness(reg prometheus.Registerer, x *Exchange) error {
	if reg == nil {
		return nil
	}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("townline_"+name, help, labels, nil)
	}
	return reg.Register(&fullness{
		x:      x,
		turns:  desc("under_way", "Turns that are being held and messages that are being sent."),
		sends:  desc("sends_under_way", "Messages that are being sent.", "channel"),
		most:   desc("sends_most", "Messages that can be on their way at the same time.", "channel"),
		oldest: desc("outbox_oldest_seconds", "For how long a message has been due that has not left; class reply: of replies alone. 0: none is late.", "channel", "class"),
		late:   desc("timers_late_seconds", "For how long a timer has been due that has not rung; 0: none is late."),
		store:  desc("store_up", "1 while the store answers."),
	})
}

// Describe: see prometheus.Collector.
func (f *fullness) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{f.turns, f.sends, f.most, f.oldest, f.late, f.store} {
		to <- d
	}
}

// Collect: see prometheus.Collector. What the store doesn't say is left out.
func (f *fullness) Collect(to chan<- prometheus.Metric) {
	ctx, done := context.WithTimeout(context.Background(), 2*time.Second)
	defer done()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	x, now := f.x, f.x.clock.Now()
	x.work.mu.Lock()
	busy := x.work.busy
	x.work.mu.Unlock()
	gauge(f.turns, float64(busy))
	since := func(due time.Time) float64 {
		if due.IsZero() || due.After(now) {
			return 0
		}
		return now.Sub(due).Seconds()
	}
	due, err := x.store.NextTimer(ctx)
	if err == nil {
		gauge(f.late, since(due))
	}
	for _, name := range x.order {
		l := x.channels[name]
		gauge(f.sends, float64(len(l.flight)), name)
		gauge(f.most, float64(cap(l.flight)), name)
		for _, class := range []struct {
			name  string
			least uint8
		}{{"reply", classReply}, {"any", classBroadcast}} {
			if err != nil { // one that hangs is asked once
				break
			}
			if due, err = x.store.NextMessage(ctx, name, class.least); err == nil {
				gauge(f.oldest, since(due), name, class.name)
			}
		}
	}
	up := 1.0
	if err != nil {
		up = 0
	}
	gauge(f.store, up)
}
