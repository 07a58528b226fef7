package outpost

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
)

// metrics count what happens on the machine. No label names a visitor or a word that was said.
type metrics struct {
	held, repeated, failed prometheus.Counter
	verdicts               map[channels.Verdict]prometheus.Counter
}

func counted(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "townline", Subsystem: "outpost", Name: name, Help: help})
}

func newMetrics(reg prometheus.Registerer, o *Outpost) (*metrics, error) {
	forwarded := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "townline", Subsystem: "outpost", Name: "forwarded_total", Help: "Turns that the centre has, by what became of them.",
	}, []string{"verdict"})
	m := &metrics{
		held: counted("turns_total", "Turns held on this machine."), repeated: counted("repeats_total", "Events that came again and got the same reply."),
		failed: counted("failed_total", "Turns that could not be held."), verdicts: map[channels.Verdict]prometheus.Counter{},
	}
	for v, name := range verdictNames {
		m.verdicts[v] = forwarded.WithLabelValues(name)
	}
	if reg == nil {
		return m, nil
	}
	age := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "townline", Subsystem: "outpost", Name: "queue_age_seconds", Help: "For how long the oldest turn has waited for the centre.",
		ConstLabels: prometheus.Labels{"outpost": o.s.Name},
	}, func() float64 { _, age := o.Waiting(); return age.Seconds() })
	length := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "townline", Subsystem: "outpost", Name: "queue_turns", Help: "Turns that wait for the centre.",
		ConstLabels: prometheus.Labels{"outpost": o.s.Name},
	}, func() float64 { n, _ := o.Waiting(); return float64(n) })
	size := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "townline", Subsystem: "outpost", Name: "journal_bytes", Help: "Size of the file that turns are kept in.",
	}, func() float64 { return float64(o.journal.length()) })
	up := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "townline", Subsystem: "outpost", Name: "up", Help: "1 while the centre is reached.",
	}, func() float64 {
		if o.up.Load() {
			return 1
		}
		return 0
	})
	var errs []error
	for _, c := range []prometheus.Collector{m.held, m.repeated, m.failed, forwarded, age, length, size, up} {
		errs = append(errs, reg.Register(c))
	}
	return m, errors.Join(errs...)
}

func (m *metrics) forwarded(v channels.Verdict) {
	if c := m.verdicts[v]; c != nil {
		c.Inc()
	}
}
