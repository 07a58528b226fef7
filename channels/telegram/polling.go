package telegram

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/townline/townline/channels"
)

const (
	askFor    = 50 * time.Second // how long Telegram waits for something to come in
	atOnce    = 16               // chats whose updates are taken at the same time
	mostAhead = 5_000            // updates that are done before an earlier one

	// mostOpen is how many updates of a chat may be done and not confirmed yet. The store knows the last 16 of a resident again, so
	// that none counts twice when the process dies before it could confirm them.
	mostOpen = 12
)

// poll asks for updates until ctx ends. An update is confirmed, by asking for those after it, once it and all before it are on disk;
// what is done ahead of one that failed is remembered until then. Those of one chat are taken one after the other.
func (t *Telegram) poll(ctx context.Context, in channels.Inbox) {
	var offset int64
	done := map[int64]bool{}
	for tries := 0; ctx.Err() == nil; {
		all, w, err := t.api.updates(ctx, offset, askFor)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			tries++
			t.log.LogAttrs(ctx, slog.LevelError, "no updates can be asked for", slog.String("channel", Name), slog.Any("error", err))
			if !t.rest(ctx, max(t.pause(tries), min(w.after, time.Hour))) {
				return
			}
			continue
		}
		// What was handed over is brought to its end, whatever ends.
		whole := t.round(context.WithoutCancel(ctx), in, all, done)
		if begins := first(all); begins != 0 && begins < offset { // after a quiet week Telegram counts anew, from anywhere
			offset = 0
		}
		for _, raw := range all {
			id := updateID(raw)
			if id == 0 {
				continue
			}
			if !done[id] {
				break
			}
			offset = max(offset, id+1)
		}
		for id := range done {
			if id < offset || len(done) > mostAhead {
				delete(done, id)
			}
		}
		if whole {
			tries = 0
			continue
		}
		tries++
		if !t.rest(ctx, t.pause(tries)) {
			return
		}
	}
}

// first is the number of the first update that has one; 0: none has.
func first(all []json.RawMessage) int64 {
	for _, raw := range all {
		if id := updateID(raw); id != 0 {
			return id
		}
	}
	return 0
}

// round takes the updates that aren't done, and notes which are; it says whether all are.
func (t *Telegram) round(ctx context.Context, in channels.Inbox, all []json.RawMessage, done map[int64]bool) bool {
	chats := map[uint64][]json.RawMessage{}
	open := map[uint64]int{}
	var order []uint64
	for _, raw := range all {
		chat := chatOf(raw)
		if open[chat]++; done[updateID(raw)] || open[chat] > mostOpen {
			continue
		}
		if chats[chat] == nil {
			order = append(order, chat)
		}
		chats[chat] = append(chats[chat], raw)
	}
	var mu sync.Mutex
	var taking sync.WaitGroup
	whole := true
	slots := make(chan struct{}, atOnce)
	for _, chat := range order {
		slots <- struct{}{}
		taking.Go(func() {
			defer func() { <-slots }()
			for _, raw := range chats[chat] {
				err := t.take(ctx, in, raw)
				mu.Lock()
				if err == nil {
					done[updateID(raw)] = true
				} else {
					whole = false
				}
				mu.Unlock()
				if err != nil { // those after it come after it
					t.log.LogAttrs(ctx, slog.LevelError, "update not accepted", slog.String("channel", Name), slog.Int64("update", updateID(raw)), slog.Any("error", err))
					return
				}
			}
		})
	}
	taking.Wait()
	return whole
}
