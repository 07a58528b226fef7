package exchange

import (
	"context"
	"fmt"
	"slices"

	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// ledger writes a line for each of the resident's addresses: STOP on one channel counts on all, and so does START. A
// number that somebody merely gave as a contact gets none: nothing is sent to it, it may be another's, and what STOP said
// of it START could not take back.
func (t *turn) ledger(ctx context.Context, out bool) error {
	keys := make([]store.AddressKey, 0, 4)
	if t.event != nil {
		keys = append(keys, t.key)
	}
	if t.version > 0 {
		all, err := t.x.store.Addresses(ctx, t.resident)
		if err != nil {
			return fmt.Errorf("find the resident's addresses: %w", err)
		}
		for _, a := range all {
			if a.Kind == pinKind { // the number that others use as well
				a.Key = t.x.keys.Address("tel", a.Address)
			}
			if !slices.Contains(keys, a.Key) && proved(a.Kind) {
				keys = append(keys, a.Key)
			}
		}
	}
	word := "START"
	if out {
		word = "STOP"
	}
	for _, k := range keys {
		t.change.OptOuts = append(t.change.OptOuts, store.OptOut{Address: k, Out: out, At: t.now, Channel: t.name, Word: word})
	}
	return nil
}

// optedOut keeps a provider's word that a resident wants no more messages, as if they had said STOP here.
func (x *Exchange) optedOut(ctx context.Context, r store.Resident, channel string) error {
	if err := x.residents.take(ctx, r); err != nil {
		return err
	}
	defer x.residents.give(r)
	for range attempts {
		kept, err := x.store.Load(ctx, r)
		if err != nil {
			return err
		}
		before, err := decodeRow(kept.State)
		if err != nil {
			return err
		}
		if kept.Version == 0 || before.gone {
			return nil // erased meanwhile
		}
		t := turn{x: x, name: channel, resident: r, now: x.calendar.local(x.clock.Now())}
		t.version = kept.Version
		if t.memory, err = talk.Decode(before.memory); err != nil {
			return err
		}
		if t.memory.Stopped {
			return nil
		}
		t.memory.Stopped = true
		if err := t.ledger(ctx, true); err != nil {
			return err
		}
		if before.memory, err = talk.Encode(&t.memory); err != nil {
			return err
		}
		c := &t.change
		c.Resident, c.Read, c.At, c.State = r, kept.Version, t.now, before.encode()
		out, err := x.store.Commit(ctx, c)
		if err != nil {
			return err
		}
		if out.Kind == store.Applied {
			return nil
		}
	}
	return errContested
}
