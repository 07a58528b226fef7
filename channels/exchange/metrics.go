package exchange

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/store"
)

// Outcomes of a turn, as metrics name them.
const (
	outcomeApplied   = "applied"
	outcomeDuplicate = "duplicate"
	outcomeFailed    = "failed"
	outcomeConflict  = "conflict" // only within: the turn is stepped again
	outcomeRefused   = "refused"  // an outpost's turn that was put aside
	outcomeBusy      = "busy"     // turned away, as more came in than could be held
)

// metrics count what happens. No label ever names a resident, an address or a word that was said.
type metrics struct {
	turns     map[string]*lineMetrics // by channel: looked up without building labels
	conflicts prometheus.Counter
	kept      *prometheus.CounterVec
	rung      *prometheus.CounterVec
	messages  *prometheus.CounterVec
	handoffs  prometheus.Counter
	fetched   *prometheus.CounterVec
	callbacks *prometheus.CounterVec
	held      *prometheus.CounterVec
	stopped   *prometheus.CounterVec
	flow      *flow
}

type lineMetrics struct {
	applied, duplicate, failed, refused, busy prometheus.Counter
	took                                      prometheus.Observer
}

func newMetrics(reg prometheus.Registerer, s store.Store, names []string) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "townline", Name: name, Help: help}, labels)
	}
	turns := counter("turns_total", "Turns held with residents.", "channel", "outcome")
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "townline", Name: "turn_seconds", Help: "Time from the event to the reply, on disk.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	}, []string{"channel"})
	conflicts := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "townline", Name: "conflicts_total", Help: "Turns that were stepped again because something else was committed first."})
	m := &metrics{
		turns: make(map[string]*lineMetrics), conflicts: conflicts,
		kept:      counter("records_total", "Records made.", "kind"),
		rung:      counter("timers_total", "Timers that rang.", "outcome"),
		messages:  counter("messages_total", "What became of messages that were pushed.", "channel", "outcome"),
		fetched:   counter("fetches_total", "Recordings and pictures that providers keep, and what became of them.", "channel", "outcome"),
		callbacks: counter("callbacks_total", "Calls that were missed, and what became of them.", "outcome"),
		held:      counter("held_total", "Messages that were about to leave and may not yet, or not at all.", "channel", "why"),
		stopped:   counter("budget_stops_total", "Times that a budget was used up, for what can wait or for all.", "budget"),
		handoffs:  prometheus.NewCounter(prometheus.CounterOpts{Namespace: "townline", Name: "handoffs_total", Help: "Residents who were passed on to a person."}),
	}
	for _, n := range names {
		m.turns[n] = &lineMetrics{
			applied: turns.WithLabelValues(n, outcomeApplied), duplicate: turns.WithLabelValues(n, outcomeDuplicate),
			failed: turns.WithLabelValues(n, outcomeFailed), refused: turns.WithLabelValues(n, outcomeRefused),
			busy: turns.WithLabelValues(n, outcomeBusy), took: took.WithLabelValues(n),
		}
	}
	m.flow = newFlow(names)
	m.zero(names)
	if reg == nil {
		return m, nil
	}
	var errs []error
	for _, c := range m.flow.all {
		errs = append(errs, reg.Register(c))
	}
	for _, c := range []prometheus.Collector{turns, took, conflicts, m.kept, m.rung, m.messages, m.handoffs, m.fetched, m.callbacks, m.held, m.stopped, newStock(s)} {
		errs = append(errs, reg.Register(c))
	}
	return m, errors.Join(errs...)
}

// zero shows the figures that alarms are made of from the start: of one that only appears with the first failure no rise is seen.
func (m *metrics) zero(names []string) {
	for _, kind := range []string{"response", "ballot", "media", "request", "joined"} {
		m.kept.WithLabelValues(kind)
	}
	for _, outcome := range []string{outcomeApplied, outcomeFailed} {
		m.rung.WithLabelValues(outcome)
	}
	for _, why := range []string{callQueued, callTwice, callOff, callWithheld, callNowhere, callStopped, callRecent, callWaits, callSpent} {
		m.callbacks.WithLabelValues(why)
	}
	for _, n := range names {
		for _, outcome := range []string{"queued", "retried", "unsure", "sent", "delivered", "dead"} {
			m.messages.WithLabelValues(n, outcome)
		}
		for _, why := range []string{heldNight, heldContact, heldBudget, heldPace, heldThrottled, heldNumber} {
			m.held.WithLabelValues(n, why)
		}
		for _, outcome := range []string{fetchKept, fetchRetried, fetchRefused, fetchGone, fetchDropped, fetchGaveUp} {
			m.fetched.WithLabelValues(n, outcome)
		}
	}
}

func (m *metrics) turn(channel, outcome string, took time.Duration) {
	l := m.turns[channel]
	switch outcome {
	case outcomeApplied:
		l.applied.Inc()
	case outcomeDuplicate:
		l.duplicate.Inc()
	case outcomeRefused:
		l.refused.Inc()
	default:
		l.failed.Inc()
	}
	l.took.Observe(took.Seconds())
}

// records counts what a change that was applied has left.
func (m *metrics) records(c *store.Change) {
	if n := len(c.Responses); n > 0 {
		m.kept.WithLabelValues("response").Add(float64(n))
	}
	if n := len(c.Ballots); n > 0 {
		m.kept.WithLabelValues("ballot").Add(float64(n))
	}
	if n := len(c.Media); n > 0 {
		m.kept.WithLabelValues("media").Add(float64(n))
	}
	for i := range c.Requests {
		switch c.Requests[i].Kind {
		case store.Opened:
			m.kept.WithLabelValues("request").Inc()
		case "joined":
			m.kept.WithLabelValues("joined").Inc()
		case "handoff":
			m.handoffs.Inc()
		}
	}
	for i := range c.Outbox {
		m.messages.WithLabelValues(c.Outbox[i].Channel, "queued").Inc()
	}
}

// What became of what a provider kept.
const (
	fetchKept    = "kept"
	fetchRetried = "retried"
	fetchRefused = "refused" // no recording or picture that can be kept
	fetchGone    = "gone"    // the provider has it no more
	fetchDropped = "dropped" // deleted at the provider
	fetchGaveUp  = "gave-up"
)

func (m *metrics) fetch(channel, outcome string) { m.fetched.WithLabelValues(channel, outcome).Inc() }

func (m *metrics) settled(channel string, s store.MessageState) {
	m.messages.WithLabelValues(channel, stateName(s)).Inc()
}

func stateName(s store.MessageState) string {
	switch s {
	case store.Queued:
		return "retried"
	case store.Unsure:
		return "unsure"
	case store.Sent:
		return "sent"
	case store.Delivered:
		return "delivered"
	}
	return "dead"
}

// stock tells how much is in the store at the moment it is asked.
type stock struct {
	store store.Store
	descs map[string]*prometheus.Desc
}

func newStock(s store.Store) *stock {
	d := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("townline_"+name, help, nil, nil)
	}
	return &stock{s, map[string]*prometheus.Desc{
		"conversations": d("conversations", "Conversations kept."),
		"queued":        d("outbox_queued", "Messages that wait to be sent."),
		"unsure":        d("outbox_unsure", "Messages that may or may not have been sent."),
		"dead":          d("outbox_dead", "Messages that were given up."),
		"timers":        d("timers", "Timers that are set."),
		"media":         d("media", "Recordings and pictures kept."),
		"media_bytes":   d("media_bytes", "Bytes of the recordings and pictures kept."),
		"wal":           d("store_wal_bytes", "Bytes of the store's log that are not checkpointed yet."),
	}}
}

func (k *stock) Describe(to chan<- *prometheus.Desc) {
	for _, d := range k.descs {
		to <- d
	}
}

// watchBudgets tells how much of each budget is used up, as far as this server knows.
func (m *metrics) watchBudgets(reg prometheus.Registerer, all []*purse) error {
	if reg == nil {
		return nil
	}
	var errs []error
	for _, p := range all {
		m.stopped.WithLabelValues(p.Name)
		period := "day"
		if p.Monthly {
			period = "month"
		}
		errs = append(errs, reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "townline", Name: "budget_spent", Help: "What is used up of a budget, in its unit.",
			ConstLabels: prometheus.Labels{"budget": p.Name, "unit": p.Unit, "period": period},
		}, func() float64 { return float64(p.spent.Load()+p.owed.Load()) / million })))
	}
	return errors.Join(errs...)
}

// Collect leaves the figures out when the store can't be asked: a stale figure would look like a live one.
func (k *stock) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s, err := k.store.Stats(ctx)
	if err != nil {
		return
	}
	for name, v := range map[string]int64{
		"conversations": s.Conversations, "queued": s.Queued, "unsure": s.Unsure, "dead": s.Dead, "timers": s.Timers, "wal": s.WAL, "media": s.Media, "media_bytes": s.MediaBytes,
	} {
		to <- prometheus.MustNewConstMetric(k.descs[name], prometheus.GaugeValue, float64(v))
	}
}
