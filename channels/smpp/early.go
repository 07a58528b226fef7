package smpp

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/townline/townline/channels"
)

// early keeps receipts that come while something is being sent: one may be about a message of which the exchange doesn't know
// the number yet, as its submit_sm_resp is behind the receipt, or other parts of it still wait to be sent. The zero value is
// ready.
type early struct {
	mu       sync.Mutex
	sending  int
	turned   time.Time
	now, old map[string]channels.Delivery
}

const (
	earlySpan = time.Minute // at least as long as a text may take
	mostEarly = 10_000      // in that time
)

// begin says that a text is being sent.
func (e *early) begin() {
	e.mu.Lock()
	e.sending++
	e.mu.Unlock()
}

// end says that it was, and returns the receipt that came before; id is "" where it wasn't taken.
func (e *early) end(id string) (d channels.Delivery, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if d, ok = e.now[id]; !ok {
		d, ok = e.old[id]
	}
	delete(e.now, id)
	delete(e.old, id)
	if e.sending--; e.sending == 0 {
		e.now, e.old = nil, nil
	}
	return d, ok
}

// came keeps a receipt as long as it may be early.
func (e *early) came(id string, d channels.Delivery) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sending == 0 {
		return
	}
	if e.now == nil || d.At.Sub(e.turned) >= earlySpan {
		e.now, e.old, e.turned = map[string]channels.Delivery{}, e.now, d.At
	}
	if len(e.now) < mostEarly {
		e.now[id] = d
	}
}

// reportAgain hands a receipt in that came before the exchange could know what it is about.
func (l *line) reportAgain(id string, d channels.Delivery) {
	l.mu.Lock()
	in := l.in
	l.mu.Unlock()
	l.overdue.Go(func() {
		t := time.NewTimer(reportPause)
		<-t.C
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := in.Report(ctx, l.name(), id, d); err != nil {
			l.cfg.Log.LogAttrs(ctx, slog.LevelError, "delivery report not accepted", slog.String("channel", l.name()), slog.Any("error", err))
		}
	})
}
