package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels/exchange"
)

// setClock says what it was set to, and each look at it takes a while.
type setClock struct {
	exchange.Clock
	at   time.Time
	look time.Duration
}

func (c *setClock) Now() time.Time { c.at = c.at.Add(c.look); return c.at }

// distant is a database whose clock says noon.
type distant struct{ err error }

var noonThere = time.Date(2027, 3, 15, 12, 0, 0, 0, time.UTC)

func (d *distant) Clock(context.Context) (time.Time, error) { return noonThere, d.err }

// compared is the figure that only a server on a database has (TestTwoServers).
func compared(t *testing.T) string {
	metrics := prometheus.NewPedanticRegistry()
	if _, err := newClockWatch(&distant{}, exchange.SystemClock{}, metrics, nil); err != nil {
		t.Fatal(err)
	}
	all, err := metrics.Gather()
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return "# HELP " + all[0].GetName() + " " + all[0].GetHelp() + "\n# TYPE " + all[0].GetName() + " gauge\n" + all[0].GetName() + " 1\n"
}

func TestAServerSaysThatItsClockIsOff(t *testing.T) {
	var log bytes.Buffer
	clock, there := &setClock{at: noonThere}, &distant{}
	metrics := prometheus.NewRegistry()
	w, err := newClockWatch(there, clock, metrics, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if moved, err := newClockWatch(there, &movedClock{}, metrics, nil); moved != nil || err != nil {
		t.Error("a clock that is moved on purpose is watched", err)
	}
	for _, c := range []struct {
		off, took time.Duration
		err       error
		ahead     float64
		says      string
	}{
		{off: 4 * time.Second, ahead: 4},
		{off: 6 * time.Second, ahead: 6, says: "ERROR seconds_ahead_of_the_database=6"},
		{off: 7 * time.Second, ahead: 7}, // it was said
		{off: time.Minute, took: 3 * time.Second, ahead: math.NaN()},
		{off: time.Minute, err: errors.New("away"), ahead: math.NaN()},
		{off: -time.Second, took: time.Second, ahead: -0.5, says: "INFO right again"},
		{off: -20 * time.Second, ahead: -20, says: "ERROR seconds_ahead_of_the_database=-20"},
	} {
		log.Reset()
		clock.at, clock.look, there.err = noonThere.Add(c.off-c.took), c.took, c.err
		w.look(t.Context())
		shown, err := metrics.Gather()
		if err != nil || len(shown) != 1 || shown[0].GetName() != "townline_clock_ahead_seconds" || strconv.FormatFloat(shown[0].GetMetric()[0].GetGauge().GetValue(), 'f', -1, 64) != strconv.FormatFloat(c.ahead, 'f', -1, 64) {
			t.Errorf("%v off: %v, want %v; %v", c.off, shown, c.ahead, err)
		}
		for word := range strings.FieldsSeq(c.says) {
			if !strings.Contains(log.String(), word) {
				t.Errorf("%v off: want %q in %s", c.off, word, log.String())
			}
		}
		if c.says == "" && log.Len() > 0 {
			t.Errorf("%v off: %s", c.off, log.String())
		}
	}
	if w, err := newClockWatch(struct{}{}, clock, nil, nil); w != nil || err != nil {
		t.Error(w, err)
	}
}
