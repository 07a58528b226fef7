package main

import (
	"errors"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/config"
	"github.com/townline/townline/store/redis"
)

// joinNodes joins the other nodes of the town, where there are any. A command without metrics is no node.
func joinNodes(c *config.Config, log *slog.Logger, metrics prometheus.Registerer) (*redis.Nodes, error) {
	if !c.Redis.IsSet() || metrics == nil {
		return nil, nil
	}
	n, err := redis.Open(c.Redis.Reveal(), "town", log)
	if err != nil {
		return nil, err
	}
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
