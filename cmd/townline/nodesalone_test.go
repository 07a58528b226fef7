package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels/exchange"
	"github.com/townline/townline/config"
)

// Several servers on PostgreSQL without Redis send more than limits.rate says: whoever starts one is told so. Where there can be one
// only, or there is no rate, there is nothing to tell.
func TestRatesOfServersWithoutRedisAreTold(t *testing.T) {
	rates := exchange.Limits{Rates: []exchange.Rate{{Channels: []string{"sms"}, PerSecond: 1}}}
	for name, c := range map[string]struct {
		address string
		limits  exchange.Limits
		told    bool
	}{
		"postgres":          {"postgres://town@db.example.org/town", rates, true},
		"postgres, no rate": {"postgres://town@db.example.org/town", exchange.Limits{}, false},
		"a file":            {"", rates, false},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			settings := exchange.Settings{Limits: c.limits}
			n, err := joinNodes(&config.Config{Store: config.Store{Postgres: config.NewSecret(c.address)}}, nil, slog.New(slog.NewTextHandler(&out, nil)), prometheus.NewRegistry(), nil, &settings)
			if n != nil || err != nil {
				t.Fatal(n, err)
			}
			if told := strings.Contains(out.String(), "redis.url"); told != c.told {
				t.Errorf("told: %v; %s", told, out.String())
			}
		})
	}
}
