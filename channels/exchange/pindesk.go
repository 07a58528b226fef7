package exchange

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/townline/townline/dialogs/talk"
	"github.com/townline/townline/store"
)

// What the desk does for a phone that several use. It is never told whether anybody is behind a PIN.

// PINs is what the desk may know of a number.
type PINs struct {
	Tried
	Calls Tried // on calls that came in: anybody's who showed the number
}

// Tried is how often PINs were given and chosen.
type Tried struct {
	Tries  int // wrong PINs that count
	Most   int // from so many on none can be used
	Chosen int // PINs chosen lately
	Locked bool
	Full   bool // no more can be chosen for now
}

// LookPINs says how often PINs were tried on a number.
func LookPINs(ctx context.Context, s store.Store, k Keys, number string, now time.Time) (p PINs, err error) {
	if p.Tried, err = lookGate(ctx, s, k, gateKind, number, now); err == nil {
		p.Calls, err = lookGate(ctx, s, k, callGateKind, number, now)
	}
	return p, err
}

func lookGate(ctx context.Context, s store.Store, k Keys, kind, number string, now time.Time) (Tried, error) {
	g, err := readGate(ctx, s, k, kind, number)
	if err != nil {
		return Tried{}, err
	}
	g.forgive(now)
	return Tried{g.Tries, mostTries, g.Chosen, g.locked(), g.Chosen >= mostChosen}, nil
}

// UnlockPINs lets PINs be used on a number again.
func UnlockPINs(ctx context.Context, s store.Store, k Keys, number string, now time.Time) error {
	if err := unlockGate(ctx, s, k, gateKind, number, now); err != nil {
		return err
	}
	return unlockGate(ctx, s, k, callGateKind, number, now)
}

func unlockGate(ctx context.Context, s store.Store, k Keys, kind, number string, now time.Time) error {
	for range attempts {
		g, err := readGate(ctx, s, k, kind, number)
		if err != nil || g.kept.Version == 0 {
			return err
		}
		g.gate = gate{TriesAt: now.UnixMilli(), ChosenAt: now.UnixMilli()}
		done, err := s.Commit(ctx, g.change(store.Inbound{}, now))
		if err != nil || done.Kind == store.Applied {
			return wrapped("unlock PINs", err)
		}
	}
	return errContested
}

// onceFor is how long a PIN that the desk gives finds its resident.
const onceFor = 72 * time.Hour

// ErrNoPIN says that a request wasn't made behind a PIN of that number.
var ErrNoPIN = errors.New("this request was not made behind a PIN of this number")

// GivePIN gives whoever made a request behind a PIN of this number another one, to be used once: they choose their own with it. The
// one that they forgot finds nobody any more, and the number is unlocked.
func GivePIN(ctx context.Context, s store.Store, k Keys, number, reference string, now time.Time, chance io.Reader) (string, error) {
	r, err := s.Request(ctx, reference)
	if err != nil {
		return "", wrapped("find the request", err)
	}
	for range attempts {
		pin, err := freshPIN(ctx, s, k, number, chance)
		if err != nil {
			return "", err
		}
		done, err := givePIN(ctx, s, k, r.Resident, store.Address{Key: pinAddress(k, number, pin), Kind: pinKind, Address: number}, now)
		if err != nil {
			return "", err
		}
		if done {
			return pin, UnlockPINs(ctx, s, k, number, now)
		}
	}
	return "", errContested
}

func givePIN(ctx context.Context, s store.Store, k Keys, r store.Resident, link store.Address, now time.Time) (bool, error) {
	all, err := s.Addresses(ctx, r)
	if err != nil {
		return false, wrapped("find the resident's addresses", err)
	}
	if !slices.ContainsFunc(all, func(a store.Address) bool { return a.Kind == pinKind && a.Address == link.Address }) {
		return false, ErrNoPIN
	}
	kept, err := s.Load(ctx, r)
	if err != nil {
		return false, wrapped("load a conversation", err)
	}
	before, err := decodeRow(kept.State)
	if err != nil {
		return false, err
	}
	if before.more.Behind == nil || before.gone {
		return false, ErrNoPIN
	}
	c := store.Change{Resident: r, Read: kept.Version, At: now, Link: []store.Address{link}, Unlink: []store.AddressKey{k.Today(store.AddressKey(before.more.Behind.Key))}}
	key := k.Lasting(link.Key)
	before.more.Behind = &behind{Key: key[:], Once: now.Add(onceFor).UnixMilli()}
	c.State = before.encode()
	done, err := s.Commit(ctx, &c)
	return done.Kind == store.Applied, wrapped("give a PIN", err)
}

// freshPIN is one that finds nobody on this number.
func freshPIN(ctx context.Context, s store.Store, k Keys, number string, chance io.Reader) (string, error) {
	for range attempts {
		var b [8]byte
		if _, err := io.ReadFull(chance, b[:]); err != nil {
			return "", wrapped("randomness", err)
		}
		pin := fmt.Sprintf("%06d", binary.BigEndian.Uint64(b[:])%1_000_000)
		_, taken, err := s.Find(ctx, pinAddress(k, number, pin))
		if err != nil {
			return "", wrapped("find who is behind a PIN", err)
		}
		if !taken && !talk.EasyPIN(pin) {
			return pin, nil
		}
	}
	return "", errContested
}
