package smpp

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
)

// metrics count what goes over a line. No label names a resident or a word that was said.
type metrics struct {
	sends    *prometheus.CounterVec // by outcome
	heardAll *prometheus.CounterVec // by outcome
	parts    prometheus.Counter
	unread   prometheus.Counter
	late     prometheus.Counter
	receipts prometheus.Counter
	screens  *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, l *line) (*metrics, error) {
	labels := prometheus.Labels{"operator": l.cfg.Operator}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "townline", Subsystem: "smpp", Name: name, Help: help, ConstLabels: labels})
	}
	vector := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "townline", Subsystem: "smpp", Name: name, Help: help, ConstLabels: labels}, []string{"outcome"})
	}
	m := &metrics{
		sends:    vector("sent_total", "Messages that were to be sent, by what became of them."),
		heardAll: vector("received_total", "Messages that came in, by what was answered."),
		parts:    counter("parts_total", "Parts of messages that were sent."),
		unread:   counter("unread_total", "PDUs that could not be read and are kept for a person."),
		late:     counter("late_total", "Answers that came when nobody waited for them any more."),
		receipts: counter("receipts_total", "Delivery receipts."),
		screens:  vector("screens_total", "Screens of menus, by what became of them."),
	}
	for _, o := range []string{"taken", "refused", "doubt", "later"} { // from the start, so that the first one is seen as a rise
		m.sends.WithLabelValues(o)
		m.screens.WithLabelValues(o)
	}
	for _, o := range []string{"taken", "later"} {
		m.heardAll.WithLabelValues(o)
	}
	if reg == nil {
		return m, nil
	}
	up := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "townline", Subsystem: "smpp", Name: "binds", Help: "Binds that stand.", ConstLabels: labels,
	}, func() float64 { return float64(l.up()) })
	var errs []error
	for _, c := range []prometheus.Collector{m.sends, m.heardAll, m.parts, m.unread, m.late, m.receipts, m.screens, up} {
		errs = append(errs, reg.Register(c))
	}
	return m, errors.Join(errs...)
}

func (m *metrics) sent(parts int, err error) {
	m.sends.WithLabelValues(outcome(err)).Inc()
	if err == nil {
		m.parts.Add(float64(parts))
	}
}

func outcome(err error) string {
	if err == nil {
		return "taken"
	}
	if _, gone := channels.IsGone(err); gone {
		return "refused"
	}
	if channels.InDoubt(err) {
		return "doubt"
	}
	return "later"
}

func (m *metrics) heard(s status) {
	switch s {
	case statusOK:
		m.heardAll.WithLabelValues("taken").Inc()
	default:
		m.heardAll.WithLabelValues("later").Inc()
	}
}
