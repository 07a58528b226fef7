package exchange

import (
	"context"
	"errors"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/locales"
)

// Who wants to be let alone, to be forgotten, or help comes through however many others there are: most providers never come again with
// a STOP that was turned away.

const (
	mostUrgent  = 64  // turns that are held for that, and for which there is no room
	longCommand = 100 // bytes; none is longer, however politely it is said
)

// comesIn waits until the turn of an event may begin, as admission.enter does. What is urgent may where others are turned away.
func (x *Exchange) comesIn(ctx context.Context, e *channels.Event) (leave func(), err error) {
	leave, err = x.admission.enter(ctx, e.Channel)
	return x.unlessUrgent(leave, err, func() bool { return x.isUrgent(e) })
}

// reportComesIn is the same for a provider's word on a message.
func (x *Exchange) reportComesIn(ctx context.Context, channel string, d *channels.Delivery) (leave func(), err error) {
	leave, err = x.admission.enter(ctx, channel)
	return x.unlessUrgent(leave, err, func() bool { return d.OptedOut })
}

// unlessUrgent turns away who was turned away, unless it is urgent: a flood of STOPs, as after a broadcast, has an end too.
func (x *Exchange) unlessUrgent(leave func(), err error, urgent func() bool) (func(), error) {
	if !errors.Is(err, channels.ErrBusy) || !urgent() {
		return leave, err
	}
	select {
	case x.urgent <- struct{}{}:
		return func() { <-x.urgent }, nil
	default:
		return nil, err
	}
}

func (x *Exchange) isUrgent(e *channels.Event) bool {
	said := e.Words
	if said == "" {
		said = e.Choice
	}
	if said == "" || len(said) > longCommand {
		return false
	}
	c, _, ok := x.town.Locales.Command(said, e.Lang)
	return ok && (c == locales.Stop || c == locales.Start || c == locales.Erase || c == locales.Help)
}
