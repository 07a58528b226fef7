package exchange

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
)

// notes is a Tracing that writes down what it is told.
type notes struct {
	mu   sync.Mutex
	all  []string
	none bool // it follows nothing
}

type note struct {
	to   *notes
	line string
}

func (n *notes) Begin(_ context.Context, kind, channel string) Trace {
	if n.none {
		return nil
	}
	return &note{n, strings.TrimSpace(kind + " " + channel)}
}

func (n *note) Stage(name string) { n.line += ", " + name }

func (n *note) End(outcome string) {
	n.to.mu.Lock()
	defer n.to.mu.Unlock()
	n.to.all = append(n.to.all, n.line+": "+outcome)
}

func (n *notes) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.all
	n.all = nil
	return all
}

func TestATurnIsFollowedThroughItsStages(t *testing.T) {
	n := &notes{}
	s := &twice{}
	w := settle(t, onTwice(s), func(_ *town, s *Settings) { s.Tracing = n })
	expect := func(want ...string) {
		t.Helper()
		if got := n.take(); !slices.Equal(got, want) {
			t.Errorf("followed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	w.says(ann, "MEND", "2")
	n.take()
	w.says(ann, "Main and Elm")
	expect("turn sms, wait, load, wait, load, read, step, ask, step, ask, step, render, write, commit, reply: applied")

	w.says(ben, "PARK")
	n.take()
	e := w.text(ben, "1")
	s.conflicts = 1
	w.hear(e)
	expect("turn sms, wait, load, wait, load, read, step, render, write, commit, load, wait, load, read, step, render, write, commit, reply: applied")
	w.hear(e)
	expect("turn sms, wait, load, wait, load, reply: duplicate")

	s.conflicts = attempts
	if _, err := w.x.Receive(t.Context(), w.text(ann, "Secret Lane 7")); err == nil {
		t.Fatal("no failure")
	}
	if got := n.take(); len(got) != 1 || !strings.HasSuffix(got[0], "commit, reply: failed") {
		t.Errorf("followed %q", got)
	}

	n.take()
	w.clock.pass(25 * time.Hour)
	w.x.Tick(t.Context())
	if got := n.take(); !slices.ContainsFunc(got, func(l string) bool { return strings.HasPrefix(l, "timer, ") && strings.HasSuffix(l, "commit: applied") }) ||
		!slices.Contains(got, "push sms, may leave, deliver, settle: sent") {
		t.Errorf("followed %q", got)
	}

	n.none = true
	w.says(ben, "repeat")
	expect()
}

func TestWhoIsNotFollowedCostsNothing(t *testing.T) {
	x := &Exchange{}
	if n := testing.AllocsPerRun(100, func() {
		way := x.follow(t.Context(), "turn", "sms")
		way.stage(stageWait)
		if way.mark() != nil {
			t.Error("talk is asked to tell")
		}
		way.stage(stageReply)
		way.end(outcomeApplied)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// figures reads what a registry shows, by name and labels.
func figures(t *testing.T, reg prometheus.Gatherer) map[string]float64 {
	t.Helper()
	all, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range all {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return got
}

func TestWhatGoesWrongIsCountedByKind(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	s := &twice{}
	w := settle(t, onTwice(s), func(_ *town, s *Settings) { s.Metrics = reg })
	w.says(ann, "PARK")
	s.conflicts = attempts
	if _, err := w.x.Receive(t.Context(), w.text(ann, "2")); err == nil {
		t.Fatal("no failure")
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	w.x.addresses.take(t.Context(), w.x.keys.Address("tel", ben))
	if _, err := w.x.Receive(gone, w.text(ben, "PARK")); err == nil {
		t.Fatal("no failure")
	}
	w.x.addresses.give(w.x.keys.Address("tel", ben))
	for _, failed := range []error{
		channels.Gone(errAway, "21211"), channels.Gone(fmt.Errorf("%w", channels.ErrOptedOut), "21610"), channels.Retry(channels.ErrThrottled, 0), channels.Retry(errAway, 0), errAway, nil,
	} {
		w.x.metrics.flow.sent("sms", time.Second, failed)
	}
	got := figures(t, reg)
	for name, want := range map[string]float64{
		"townline_turn_failures_total sms contested": 1,
		"townline_turn_failures_total sms left":      1,
		"townline_turn_failures_total sms commit":    0,
		"townline_send_failures_total sms refused":   1,
		"townline_send_failures_total sms opted-out": 1,
		"townline_send_failures_total sms throttled": 1,
		"townline_send_failures_total sms retried":   1,
		"townline_send_failures_total sms doubt":     1,
		"townline_send_seconds sms":                  6,
		"townline_messages_total sms dead":           0,
		"townline_store_up":                          1,
	} {
		if n, ok := got[name]; !ok || n != want {
			t.Errorf("%s: %v, want %v", name, n, want)
		}
	}
}

func TestWhatIsLateIsAFigure(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	w := settle(t, func(_ *town, s *Settings) { s.Metrics = reg })
	w.says(ben, "PARK")
	if got := figures(t, reg); got["townline_timers_late_seconds"] != 0 || got["townline_outbox_oldest_seconds sms reply"] != 0 {
		t.Errorf("late before anything is due: %v", got)
	}
	w.clock.pass(25 * time.Hour)
	if got := figures(t, reg)["townline_timers_late_seconds"]; got < 3600 {
		t.Errorf("a reminder that does not ring is %v s late", got)
	}
	w.sms.fail = func(string, int) error { return channels.Retry(errAway, 0) }
	w.x.Tick(t.Context())
	w.clock.pass(2 * time.Hour)
	got := figures(t, reg)
	if n := got["townline_outbox_oldest_seconds sms any"]; n < 3600 {
		t.Errorf("a reminder that does not leave is %v s late", n)
	}
	if n, ok := got["townline_outbox_oldest_seconds sms reply"]; !ok || n != 0 {
		t.Errorf("a reminder is taken for a reply, %v s late", n)
	}
}

// With the store away the other figures must still be seen.
func TestFiguresWithTheStoreAway(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	s := &twice{}
	w := settle(t, onTwice(s), func(_ *town, s *Settings) { s.Metrics = reg })
	w.says(ann, "PARK")
	s.away = true
	got := figures(t, reg)
	if up, ok := got["townline_store_up"]; !ok || up != 0 {
		t.Errorf("townline_store_up: %v", up)
	}
	if got["townline_turns_total sms applied"] != 1 {
		t.Error("the turns are not shown")
	}
	for name := range got {
		if strings.HasPrefix(name, "townline_desk") || strings.HasPrefix(name, "townline_outbox") {
			t.Errorf("%s is shown, though nobody knows it", name)
		}
	}
}
