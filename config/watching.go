package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Watch is how the town is watched: the board and the alarms in config/watch, traces, and backups that must not grow old.
type Watch struct {
	Traces  string   // address of an OpenTelemetry collector, by OTLP/HTTP; "": turns are not followed
	Share   float64  // of what is followed, from 0 to 1
	Headers []Secret // "name=value", that the collector asks for
	Backups string   // folder that backups are put into; "": not told
	Every   time.Duration
	Readers []netip.Prefix // of the figures; nil: this machine and private networks
}

func (r *reading) setWatch(c *Watch, s Setting, text string) {
	switch s.Key {
	case "watch.traces":
		c.Traces = strings.TrimSuffix(text, "/")
		r.checkURL(s.Key, text)
	case "watch.share":
		n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, "%")), 64)
		if err != nil || n < 0 || n > 100 || !strings.HasSuffix(text, "%") {
			r.wrong(s.Key, fmt.Sprintf("%q is no part of all turns", text), "write percent, from 0% to 100%")
		}
		c.Share = n / 100
	case "watch.headers":
		for _, entry := range Split(text) {
			if name, value, ok := strings.Cut(entry, "="); !ok || name == "" || value == "" {
				r.wrong(s.Key, "holds something that is no header", "write NAME=VALUE, with commas between several")
				continue
			}
			c.Headers = append(c.Headers, NewSecret(entry))
		}
	case "watch.readers":
		c.Readers = r.networks(s.Key, text, "those who watch the town")
	case "watch.backups":
		c.Backups = text
	case "watch.backups_every":
		d, err := time.ParseDuration(text)
		if err != nil || d < time.Minute || d > 90*24*time.Hour {
			r.wrong(s.Key, fmt.Sprintf("%q doesn't say how often", text), "write a time such as 26h")
		}
		c.Every = d
	}
}
