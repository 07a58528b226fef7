package exchange

import (
	"context"
	"fmt"

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
	if len(answered) > 0 {
		b, _, err := x.store.Reply(ctx, kept.Resident, answered[0])
		if err != nil {
			return fmt.Errorf("load the reply given before: %w", err)
		}
		x.erased.remember(answered[0], b)
		answered = answered[1:]
		if m := before.more.Menu; m != nil && len(m.Session) > 0 {
			x.erased.remember(menuID(store.AddressKey{}, m, 'x', 0), b)
		}
	}
	return x.buryVisit(ctx, kept.Resident, answered, before)
}

// eraseNow erases a resident; a late repeat of what they said must not be taken for a new resident's first word.
func (x *Exchange) eraseNow(ctx context.Context, r store.Resident, answered []store.Inbound) error {
	for _, in := range answered {
		x.erased.remember(in, nil)
	}
	if err := x.store.Erase(ctx, r, x.clock.Now()); err != nil {
		return fmt.Errorf("exchange: erase a resident: %w", err)
	}
	return nil
}
