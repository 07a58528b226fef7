package exchange

import (
	"context"
	"log/slog"

	"github.com/townline/townline/store"
)

// mostLeftOver is how many messages are looked for that a server had claimed when it died: as many as all its lines can have, and more.
const mostLeftOver = 4096

// giveBack gives back what a server had claimed when it died, as doubtful, so that it and what is behind it needn't wait until the claim is
// over. Where there are several servers nobody can tell whose a claim is, and a call goes on at the provider's: those wait.
func (x *Exchange) giveBack(ctx context.Context) {
	if x.nodes.poll > 0 {
		return
	}
	claimed, err := x.store.Messages(ctx, store.Claimed, mostLeftOver)
	if err != nil {
		if ctx.Err() == nil {
			x.log.LogAttrs(ctx, slog.LevelError, "what was being sent when the server ended can't be read: it waits until its claim is over", slog.Any("error", err))
		}
		return
	}
	now := x.clock.Now()
	var back []store.Settled
	for i := range claimed {
		l := x.channels[claimed[i].Channel]
		if l == nil || l.rings() || len(l.flight) > 0 {
			continue
		}
		s := store.Settled{ID: claimed[i].ID, From: store.Claimed, State: store.Unsure, Retry: now}
		if asks(l) {
			s.Retry = now.Add(firstLook)
		}
		back = append(back, s)
	}
	if len(back) == 0 {
		return
	}
	if err := x.store.Settle(ctx, now, back); err != nil {
		x.log.LogAttrs(ctx, slog.LevelError, "what was being sent when the server ended isn't given back: it waits until its claim is over", slog.Any("error", err))
		return
	}
	x.log.LogAttrs(ctx, slog.LevelInfo, "what was being sent when the server ended is doubtful", slog.Int("messages", len(back)))
}
