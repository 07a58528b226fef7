package exchange

import (
	"context"
	"time"

	"github.com/townline/townline/channels"
)

// Who opens a page and goes away without a word has told the town nothing. The row that the opening made is erased once their
// browser has forgotten the visit too, which is a day after it was opened (kiosk).

const (
	unansweredTimer = "unanswered"
	unansweredFor   = 25 * time.Hour
)

// opens looks after a page that somebody opened who was never here, until something is done on it.
func (t *turn) opens(unknown bool) {
	switch {
	case t.event.Kind == channels.Dialed && t.onPage() && (unknown || t.unanswered):
		t.unanswered = true
		t.setTimer(unansweredTimer, t.now.Add(unansweredFor))
	case t.unanswered && t.event.Kind != channels.HungUp:
		t.unanswered = false
		t.stopTimer(unansweredTimer)
	}
}

// unmet erases who opened a page and never answered, when their timer rings.
func (t *turn) unmet(ctx context.Context) (channels.Reply, string, error) {
	t.change.Untimers = append(t.change.Untimers, t.timer)
	if t.unanswered {
		t.erase = true
		t.setTimer(eraseTimer, t.now)
	}
	return t.rung(ctx, nil)
}
