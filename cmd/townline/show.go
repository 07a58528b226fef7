package main

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
)

const (
	formSpeech = engine.Speech
	formScreen = engine.Screen
)

// show prints one page as its channel would show or say it.
func (s *simulation) show(t render.Traits, p render.Page) {
	s.options = p.Options
	switch t.Form {
	case formSpeech:
		for _, u := range p.Spoken {
			fmt.Fprintf(s.out, "  ♪ %s\n", u.Words)
		}
	case formScreen:
		for _, b := range p.Blocks {
			words := strings.TrimSpace(b.Words + "  " + b.Answer)
			if b.Kind == "heading" {
				words = "** " + words + " **"
			}
			fmt.Fprintf(s.out, "  | %s\n", words)
		}
		for _, o := range p.Options {
			fmt.Fprintf(s.out, "  | [%s] %s\n", o.Digit, o.Label)
		}
	default:
		for one := range strings.SplitSeq(p.Text, "\n") {
			fmt.Fprintf(s.out, "  %s\n", one)
		}
	}
	fmt.Fprintln(s.out)
}

// picture is the one that the simulator sends.
func picture() []engine.Media {
	return []engine.Media{{Type: "image/jpeg", Ref: "simulated-picture"}}
}

// stretch reads a stretch of time: "1 day", "36 hours", "2 weeks", "90 minutes", "1h30m".
func stretch(text string) (time.Duration, error) {
	if d, err := time.ParseDuration(strings.ReplaceAll(text, " ", "")); err == nil && d > 0 {
		return d, nil
	}
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour, "week": 7 * 24 * time.Hour}
	fields := strings.Fields(text)
	if len(fields) == 2 {
		n, err := strconv.Atoi(fields[0])
		unit, ok := units[strings.TrimSuffix(fields[1], "s")]
		if err == nil && ok && n > 0 && n < 10000 {
			return time.Duration(n) * unit, nil
		}
	}
	return 0, fmt.Errorf("%q is not a stretch of time; write it like 1 day or 36 hours", text)
}

// stillClock stands until it is moved.
type stillClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *stillClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// After never sends: nothing waits on this clock, the simulator calls on what is due by itself.
func (c *stillClock) After(time.Duration) <-chan time.Time { return nil }

// forward moves the clock.
func (c *stillClock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
