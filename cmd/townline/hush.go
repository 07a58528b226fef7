package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// The same message again and again (forged requests, a store that is away) says little that its first hundred don't, and would cost
// more than what it is about: a disk that is full of lines holds no turns.
const (
	hushAfter  = 100
	hushSpan   = 10 * time.Second
	mostLately = 1000 // different messages
)

// hush is a log that writes the same message only so often, and how often it left it out.
type hush struct {
	slog.Handler
	lately *lately
}

type lately struct {
	mu  sync.Mutex
	all map[string]*again
}

type again struct {
	since   time.Time
	written int
	left    int // out
}

func newHush(h slog.Handler) hush { return hush{h, &lately{all: map[string]*again{}}} }

func (h hush) Handle(ctx context.Context, r slog.Record) error {
	left, writes := h.lately.again(r.Message, r.Time)
	if !writes {
		return nil
	}
	if left > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("left_out_before", left))
	}
	return h.Handler.Handle(ctx, r)
}

func (h hush) WithAttrs(a []slog.Attr) slog.Handler { return hush{h.Handler.WithAttrs(a), h.lately} }
func (h hush) WithGroup(n string) slog.Handler      { return hush{h.Handler.WithGroup(n), h.lately} }

// again says whether a message is written, and how many like it were not since the last one that was.
func (h *lately) again(message string, now time.Time) (left int, writes bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.all[message]
	if a == nil {
		if len(h.all) >= mostLately { // somebody puts what changes into messages
			clear(h.all)
		}
		a = &again{since: now}
		h.all[message] = a
	}
	if now.Sub(a.since) >= hushSpan {
		a.since, a.written = now, 0
	}
	if a.written >= hushAfter {
		a.left++
		return 0, false
	}
	a.written++
	left, a.left = a.left, 0
	return left, true
}
