package exchange

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/store"
)

// deskCounts tells how many wait for a person, and how long already. It reads the store when it is asked.
type deskCounts struct {
	x               *Exchange
	waiting, oldest *prometheus.Desc
}

func watchDesk(reg prometheus.Registerer, x *Exchange) error {
	if reg == nil {
		return nil
	}
	return reg.Register(&deskCounts{
		x:       x,
		waiting: prometheus.NewDesc("townline_desk_waiting", "Residents who wait for an answer from a person.", nil, nil),
		oldest:  prometheus.NewDesc("townline_desk_oldest_seconds", "How long the one has waited who waits longest; 0: nobody waits.", nil, nil),
	})
}

func (d *deskCounts) Describe(to chan<- *prometheus.Desc) { to <- d.waiting; to <- d.oldest }

func (d *deskCounts) Collect(to chan<- prometheus.Metric) {
	ctx, done := context.WithTimeout(context.Background(), 2*time.Second)
	defer done()
	all, err := d.x.store.Cases(ctx, "", mostCases)
	if err != nil {
		return // with the store away the other figures must still be seen
	}
	n, oldest, now := 0, time.Duration(0), d.x.clock.Now()
	for i := range all {
		since := all[i].Last
		switch {
		case all[i].State == store.Waiting:
			since = all[i].Since
		case all[i].Unread == 0:
			continue
		}
		n++
		oldest = max(oldest, now.Sub(since))
	}
	to <- prometheus.MustNewConstMetric(d.waiting, prometheus.GaugeValue, float64(n))
	to <- prometheus.MustNewConstMetric(d.oldest, prometheus.GaugeValue, oldest.Seconds())
}
