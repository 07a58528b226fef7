package outpost

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
)

var verdictNames = map[channels.Verdict]string{
	channels.Entered: "entered", channels.Twice: "twice", channels.Before: "before", channels.NotCounted: "not_counted", channels.Refused: "refused",
}

// centreMetrics are what the centre knows of its outposts.
type centreMetrics struct {
	clock    Clock
	turns    *prometheus.CounterVec
	age      *prometheus.Desc
	waiting  *prometheus.Desc
	silence  *prometheus.Desc
	putAside *prometheus.Desc
	aside    *Aside

	mu   sync.Mutex
	seen map[string]*sighting
}

// sighting is what an outpost last told.
type sighting struct {
	at      time.Time // zero: never seen
	waiting int
	since   time.Time // from when the oldest turn is that waits; zero: none does
}

func newCentreMetrics(reg prometheus.Registerer, c *Centre, names []string) (*centreMetrics, error) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("townline_outpost_"+name, help, labels, nil)
	}
	m := &centreMetrics{
		clock: c.clock, aside: c.aside, seen: map[string]*sighting{},
		turns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "townline", Subsystem: "outpost", Name: "turns_total", Help: "Turns that outposts forwarded, by what became of them.",
		}, []string{"outpost", "verdict"}),
		age:      desc("queue_age_seconds", "For how long the oldest turn has waited at an outpost, as far as it has told.", "outpost"),
		waiting:  desc("queue_turns", "Turns that wait at an outpost, as far as it has told.", "outpost"),
		silence:  desc("silence_seconds", "Since an outpost was last heard of; absent until it is for the first time.", "outpost"),
		putAside: desc("aside", "Turns that were put aside for a person to look at."),
	}
	for _, n := range names {
		m.seen[n] = &sighting{}
		for _, v := range verdictNames {
			m.turns.WithLabelValues(n, v)
		}
	}
	if reg == nil {
		return m, nil
	}
	return m, errors.Join(reg.Register(m.turns), reg.Register(m))
}

func (m *centreMetrics) verdict(name string, v channels.Verdict) {
	m.turns.WithLabelValues(name, verdictNames[v]).Inc()
}

// report notes what an outpost told; empty: nothing is left there.
func (m *centreMetrics) report(name string, now time.Time, waiting int, oldest time.Duration, empty bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &sighting{at: now, waiting: waiting}
	if !empty {
		s.since = now.Add(-oldest)
	}
	m.seen[name] = s
}

// Describe: see prometheus.Collector.
func (m *centreMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.age, m.waiting, m.silence, m.putAside} {
		to <- d
	}
}

// Collect: see prometheus.Collector. What waited when an outpost was last heard of has grown older since.
func (m *centreMetrics) Collect(to chan<- prometheus.Metric) {
	now := m.clock.Now()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(m.putAside, float64(m.aside.Len()))
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, s := range m.seen {
		if s.at.IsZero() {
			continue
		}
		age := 0.0
		if !s.since.IsZero() {
			age = now.Sub(s.since).Seconds()
		}
		gauge(m.age, age, name)
		gauge(m.waiting, float64(s.waiting), name)
		gauge(m.silence, now.Sub(s.at).Seconds(), name)
	}
}
