package exchange

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

// replaced is a database that is cut off and has been replaced: it can be read, knows nobody, and takes nothing.
type replaced struct {
	store.Store
	away bool
}

func (r *replaced) Find(ctx context.Context, a store.AddressKey) (store.Resident, bool, error) {
	if r.away {
		return store.Resident{}, false, nil
	}
	return r.Store.Find(ctx, a)
}

func (r *replaced) Hold(ctx context.Context, duty string, node [16]byte, term time.Duration) (bool, error) {
	if r.away {
		return false, errors.New("no standby has it")
	}
	return r.Store.Hold(ctx, duty, node, term)
}

// TestNothingIsPutAsideByADatabaseThatWasReplaced, for it knows too little of who was there.
func TestNothingIsPutAsideByADatabaseThatWasReplaced(t *testing.T) {
	for _, later := range []channels.Turn{{Number: 2, Base: []byte("sixteen bytes of")}, {Number: 1, Base: []byte("sixteen bytes of")}} {
		w := settle(t)
		old := &replaced{Store: w.store, away: true}
		w.x.store = old
		later.Channel, later.From = "kiosk", channels.Address{Kind: "kiosk", ID: "visit"}
		aside := 0
		adopt := func() (channels.Verdict, error) {
			return w.x.Adopt(t.Context(), later, func(string) error { aside++; return nil })
		}
		if v, err := adopt(); err == nil || v != 0 || aside != 0 {
			t.Fatalf("%d, %v, %d put aside", v, err, aside)
		}
		old.away = false // it comes by another way now, and there is no turn before it there either
		if v, err := adopt(); err != nil || v != channels.Refused || aside != 1 {
			t.Fatalf("%d, %v, %d put aside", v, err, aside)
		}
	}
}
