package exchange

import (
	"fmt"
	"time"

	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// classes of messages in the outbox: replies go before reminders, and those before what is told to many.
const (
	classReply     uint8 = 0
	classReminder  uint8 = 1
	classBroadcast uint8 = 2
)

// push puts pages in the outbox, for a channel that is still there.
func (t *turn) push(pages []render.Page, w way, class uint8) error {
	l := t.x.channels[w.channel]
	if l == nil {
		return nil
	}
	var until time.Time
	switch {
	case class == classReminder:
		if t.unreachable(w) {
			return nil
		}
		until = t.now.Add(reminderKeeps)
	case w.kind == pinKind: // somebody else may have the phone later
		until = t.now.Add(pinTexts)
	}
	for i := range pages {
		body, err := engine.Encode(&pages[i])
		if err != nil {
			return fmt.Errorf("encode a page: %w", err)
		}
		t.change.Outbox = append(t.change.Outbox, store.Message{
			ID: t.id("message"), Resident: t.resident, Channel: w.channel, Kind: w.kind, Due: t.now, Body: body, Class: class,
			Weight: l.weight(&pages[i]), Until: until,
		})
	}
	return nil
}

// unreachable says whether nothing can be delivered on a way, as far as is known.
func (t *turn) unreachable(w way) bool {
	l := t.x.channels[w.channel]
	return l == nil || w.kind == pinKind || !l.rings() && t.more.Pushed.bad(w.kind)
}
