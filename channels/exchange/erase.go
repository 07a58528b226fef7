package exchange

import (
	"context"
	"fmt"
	"slices"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

// eraseTimer is the name of the exchange's own timer: it erases a resident if the process died before it could.
const eraseTimer = "erase"

// eraseKept erases a resident whose last turn said so and whose row is still there.
func (x *Exchange) eraseKept(ctx context.Context, kept store.Conversation) error {
	before, err := decodeRow(kept.State)
	if err != nil {
		return err
	}
	answered := kept.Answered
	var last []store.Parting
	if len(answered) > 0 {
		b, _, err := x.store.Reply(ctx, kept.Resident, answered[0])
		if err != nil {
			return fmt.Errorf("load the reply given before: %w", err)
		}
		last = append(last, store.Parting{Inbound: answered[0], Reply: b})
		answered = answered[1:]
		if m := before.more.Menu; m != nil && len(m.Session) > 0 {
			last = append(last, store.Parting{Inbound: menuID(store.AddressKey{}, m, 'x', 0), Reply: b})
		}
	}
	return x.buryVisit(ctx, kept.Resident, unanswered(last, answered), before)
}

// unanswered adds to partings those messages to which nothing is said when they come again.
func unanswered(last []store.Parting, before []store.Inbound) []store.Parting {
	for _, in := range before {
		last = append(last, store.Parting{Inbound: in})
	}
	return last
}

// eraseNow erases a resident; a late repeat of what they said must not be taken for a new resident's first word, whichever node gets it.
func (x *Exchange) eraseNow(ctx context.Context, r store.Resident, last []store.Parting) error {
	last = slices.DeleteFunc(last, func(p store.Parting) bool { return p.Inbound == store.Inbound{} })
	for _, p := range last {
		x.erased.remember(p.Inbound, p.Reply)
	}
	if err := x.store.Erase(ctx, r, x.clock.Now(), last...); err != nil {
		return fmt.Errorf("exchange: erase a resident: %w", err)
	}
	return nil
}

// erasedBefore is the last reply to somebody who was erased, when a message of theirs comes again, or a request of that session.
func (t *turn) erasedBefore(ctx context.Context) (channels.Reply, bool, error) {
	in := t.inbound
	if s := t.came.Session; s != nil {
		if s.ID == "" && t.came.Kind == channels.Dialed {
			return channels.Reply{}, false, nil
		}
		in = t.erasedSession()
	}
	b, ok := t.x.erased.reply(in)
	if !ok && in != (store.Inbound{}) {
		var err error
		if b, ok, err = t.x.store.Parted(ctx, in); err != nil {
			return channels.Reply{}, true, fmt.Errorf("look whether somebody was erased: %w", err)
		}
	}
	if !ok {
		return channels.Reply{}, false, nil
	}
	r, err := decodeReply(b)
	return r, true, err
}
