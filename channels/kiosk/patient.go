package kiosk

import (
	"context"
	"time"

	"github.com/townline/townline/channels"
)

// turnTime is how long the town may take over a form, or a page: then who sent it is told to wait, and has it before them still. A
// server gives an answer up after 40 s, and a browser shows a page of its own then.
const turnTime = 12 * time.Second

// patient is an inbox that isn't waited for without end.
type patient struct{ channels.Inbox }

func (p patient) Receive(ctx context.Context, e channels.Event) (channels.Reply, error) {
	ctx, done := context.WithTimeout(ctx, turnTime)
	defer done()
	return p.Inbox.Receive(ctx, e)
}
