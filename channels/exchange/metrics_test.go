package exchange

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
)

func TestMetrics(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	w := settle(t, func(_ *town, s *Settings) { s.Metrics = reg })
	e := w.text(ann, "OPENV")
	w.hear(e)
	w.hear(e)
	w.says(ann, "2", "yes")
	w.says(ann, "MEND", "2", "Main and Elm", "person")
	w.says(ben, "PARK")
	w.clock.pass(25 * time.Hour)
	w.x.Tick(t.Context())
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	figures := map[string]float64{}
	for _, f := range all {
		if !strings.HasPrefix(f.GetName(), "townline_") {
			t.Error(f.GetName())
		}
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				if !slices.Contains([]string{"channel", "outcome", "kind", "why", "class"}, l.GetName()) {
					t.Errorf("%s has a label %s=%q", f.GetName(), l.GetName(), l.GetValue())
				}
				name += " " + l.GetValue()
			}
			figures[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"townline_turns_total sms applied":   8,
		"townline_turns_total sms duplicate": 1,
		"townline_turns_total sms failed":    0,
		"townline_turn_seconds sms":          9,
		"townline_handoffs_total":            1,
		"townline_messages_total sms queued": 1,
		"townline_messages_total sms sent":   1,
		"townline_outbox_queued":             0,
		"townline_records_total request":     2,
		"townline_records_total response":    1,
		"townline_timers_total applied":      1,
		"townline_conversations":             2,
	} {
		if got, ok := figures[name]; !ok || got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestTwoExchangesCantShareARegistry(t *testing.T) {
	reg := prometheus.NewRegistry()
	w := settle(t, func(_ *town, s *Settings) { s.Metrics = reg })
	if _, err := New(Settings{Store: w.store, Keys: seals{}, Town: w.x.town, Entropy: chance(1), Metrics: reg}); err == nil {
		t.Fatal("figures of two exchanges under one name")
	}
}

// Whatever goes wrong, no log line holds an address or a word that was said.
func TestLogsHoldNothingPersonal(t *testing.T) {
	var log bytes.Buffer
	s := &twice{}
	w := settle(t, onTwice(s), func(_ *town, s *Settings) {
		s.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	w.says(ann, "MEND", "2")
	s.conflicts = attempts
	if _, err := w.x.Receive(t.Context(), w.text(ann, "Secret Lane 7")); err == nil {
		t.Fatal("no failure")
	}
	w.says(ann, "PARK", "erase")
	s.failErase = errAway
	w.says(ann, "1")
	w.says(ben, "PARK")
	w.sms.fail = func(string, int) error { return channels.Gone(errAway, "21211") }
	w.clock.pass(25 * time.Hour)
	w.x.Tick(t.Context())
	if err := w.x.Report(t.Context(), "sms", "R-1", channels.Delivery{}); err != nil {
		t.Fatal(err)
	}
	got := log.String()
	for _, want := range []string{"turn not held", "erasing is put off", "waits for a person", "unknown message"} {
		if !strings.Contains(got, want) {
			t.Errorf("no line about %q in:\n%s", want, got)
		}
	}
	for _, never := range []string{ann, ann[1:], ben[1:], "Secret Lane", "MEND"} {
		if strings.Contains(got, never) {
			t.Errorf("%q is in the log:\n%s", never, got)
		}
	}
}

func TestSettingsThatCantBe(t *testing.T) {
	w := settle(t)
	good := Settings{Store: w.store, Keys: seals{}, Town: w.x.town, Entropy: chance(1)}
	for name, change := range map[string]func(*Settings){
		"no store":             func(s *Settings) { s.Store = nil },
		"no keys":              func(s *Settings) { s.Keys = nil },
		"no town":              func(s *Settings) { s.Town = nil },
		"no randomness":        func(s *Settings) { s.Entropy = nil },
		"a channel twice":      func(s *Settings) { s.Channels = []channels.Channel{w.sms, w.sms} },
		"a channel of no name": func(s *Settings) { s.Channels = []channels.Channel{&post{}} },
		"resend on nothing":    func(s *Settings) { s.Resend = []string{"sms"} },
	} {
		s := good
		change(&s)
		if _, err := New(s); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
}
