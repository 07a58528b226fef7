package exchange

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/townline/townline/store"
)

// Codes that nobody got are counted in rows that are nobody's: one for each address that tried some, one for all. A code counts before it
// is looked at, and is taken back when it was right. They outlive whoever is erased, and a restart.
//
// Where all have tried too many, codes of six digits aren't looked at for a while, and those that are given are of nine: whoever
// tries on has a hundred million to try, and whoever wants to put two phones together types three digits more.

const (
	linkFrom       = "link.from" // kind of the address under which the row of an address is found
	linkAll        = "link.all"  // and the one for all
	linkTriesTimer = "codes"     // nothing in it counts any more

	mostFrom  = 5 // wrong codes from one address,
	fromPause = 2 * time.Hour
	mostShort = 50 // from all addresses together
	// shortPause after which one is forgiven makes 48 a day: where k codes hold at a time, k in 20,000 is the chance that one of them
	// is hit in a day of trying without a pause.
	shortPause = 30 * time.Minute
	mostLong   = 2000 // of nine digits
	longPause  = time.Minute
)

// linkTries is such a row.
type linkTries struct {
	_       struct{} `cbor:",toarray"`
	Short   int
	ShortAt int64 // from when the next one is forgiven, in Unix milliseconds
	Long    int
	LongAt  int64
	Over    bool // the row is about to be erased
}

// linkTriesRow begins it, so that it is never taken for another row.
const linkTriesRow = 0x22

func (l *linkTries) encode() []byte {
	b, err := cbor.Marshal(l)
	if err != nil {
		panic(err) // numbers always encode
	}
	return append([]byte{linkTriesRow}, b...)
}

func decodeLinkTries(b []byte) (l linkTries, err error) {
	if len(b) == 0 {
		return l, nil
	}
	if b[0] != linkTriesRow {
		return l, errRow
	}
	if err := cbor.Unmarshal(b[1:], &l); err != nil {
		return l, fmt.Errorf("exchange: read how often codes were tried: %w", err)
	}
	return l, nil
}

// pauses after which one of each is forgiven.
type pauses struct{ short, long time.Duration }

func (x *Exchange) linkRow(from store.AddressKey) (store.AddressKey, pauses) {
	if from == (store.AddressKey{}) {
		return x.keys.Address(linkAll, ""), pauses{shortPause, longPause}
	}
	lasting := x.keys.Lasting(from)
	return x.keys.Address(linkFrom, string(lasting[:])), pauses{fromPause, fromPause}
}

func (l *linkTries) forgive(now time.Time, p pauses) {
	l.Short, l.ShortAt = forgiven(l.Short, l.ShortAt, now, p.short)
	l.Long, l.LongAt = forgiven(l.Long, l.LongAt, now, p.long)
}

// tryLink counts a code before it is looked at; why is not "" where it isn't.
func (x *Exchange) tryLink(ctx context.Context, from store.AddressKey, in store.Inbound, long bool) (why string, err error) {
	if !long {
		if busy, err := x.linksLong(ctx); busy || err != nil { // then it counts for nobody
			return "busy", err
		}
	}
	full, err := x.countLink(ctx, from, in, func(l *linkTries) bool {
		if l.Short >= mostFrom {
			return false
		}
		l.Short++
		return true
	})
	if err != nil || full {
		return "locked", err
	}
	n, most := func(l *linkTries) *int { return &l.Short }, mostShort
	if long {
		n, most = func(l *linkTries) *int { return &l.Long }, mostLong
	}
	reached := false
	full, err = x.countLink(ctx, store.AddressKey{}, in, func(l *linkTries) bool {
		if *n(l) >= most {
			return false
		}
		*n(l)++
		reached = *n(l) == most
		return true
	})
	if reached {
		x.log.LogAttrs(ctx, slog.LevelWarn, "many codes that nobody got were tried, to put phones together: short ones are not looked at for a while")
	}
	if err != nil || full {
		return "busy", err
	}
	return "", nil
}

// triedRight takes back a code that was right.
func (x *Exchange) triedRight(ctx context.Context, from store.AddressKey, long bool) error {
	_, err := x.countLink(ctx, from, store.Inbound{}, func(l *linkTries) bool { l.Short = max(l.Short-1, 0); return true })
	if err != nil {
		return err
	}
	_, err = x.countLink(ctx, store.AddressKey{}, store.Inbound{}, func(l *linkTries) bool {
		if long {
			l.Long = max(l.Long-1, 0)
		} else {
			l.Short = max(l.Short-1, 0)
		}
		return true
	})
	return err
}

// linksLong says whether codes are to be long for now.
func (x *Exchange) linksLong(ctx context.Context) (bool, error) {
	key, p := x.linkRow(store.AddressKey{})
	who, known, err := x.store.Find(ctx, key)
	if err != nil || !known {
		return false, wrapped("find how often codes were tried", err)
	}
	kept, err := x.store.Load(ctx, who)
	if err != nil {
		return false, wrapped("load how often codes were tried", err)
	}
	l, err := decodeLinkTries(kept.State)
	l.forgive(x.clock.Now(), p)
	return l.Short >= mostShort, err
}

// countLink has something counted in a row, once for a message; full says that it mayn't be. from is zero for the row of all.
func (x *Exchange) countLink(ctx context.Context, from store.AddressKey, in store.Inbound, count func(*linkTries) bool) (full bool, err error) {
	key, p := x.linkRow(from)
	if err := x.addresses.take(ctx, key); err != nil {
		return false, err
	}
	defer x.addresses.give(key)
	for range attempts {
		who, known, err := x.store.Find(ctx, key)
		if err != nil {
			return false, wrapped("find how often codes were tried", err)
		}
		var kept store.Conversation
		if known {
			kept, err = x.store.Load(ctx, who)
		} else {
			err = x.random(who[:])
		}
		if err != nil {
			return false, wrapped("load how often codes were tried", err)
		}
		if in != (store.Inbound{}) && slices.Contains(kept.Answered, in) {
			b, _, err := x.store.Reply(ctx, who, in)
			return len(b) > 0, wrapped("look whether a code was counted", err)
		}
		l, err := decodeLinkTries(kept.State)
		if err != nil {
			return false, err
		}
		if l.Over { // whoever was about to erase it may have died
			if err := x.store.Erase(ctx, who, x.clock.Now()); err != nil {
				return false, wrapped("forget how often codes were tried", err)
			}
			continue
		}
		now := x.clock.Now()
		l.forgive(now, p)
		full := !count(&l)
		c := l.change(who, kept, now, p)
		c.Inbound = in
		if full {
			c.Reply = []byte{1}
		}
		if kept.Version == 0 {
			kind := linkFrom
			if from == (store.AddressKey{}) {
				kind = linkAll
			}
			c.Link = []store.Address{{Key: key, Kind: kind}}
		}
		done, err := x.store.Commit(ctx, c)
		if err != nil {
			return false, wrapped("count a code", err)
		}
		if done.Kind == store.Applied {
			x.timers.by(now, c.Timers[0].At)
			return full, nil
		}
		x.metrics.conflicts.Inc()
	}
	return false, errContested
}

// change is what writes the row. It goes once nothing in it counts.
func (l *linkTries) change(who store.Resident, kept store.Conversation, now time.Time, p pauses) *store.Change {
	at := time.UnixMilli(max(l.ShortAt+int64(l.Short)*p.short.Milliseconds(), l.LongAt+int64(l.Long)*p.long.Milliseconds()))
	return &store.Change{
		Resident: who, Read: kept.Version, At: now, State: l.encode(),
		Timers: []store.Timer{{Resident: who, Name: linkTriesTimer, At: later(at, now.Add(time.Hour))}},
	}
}

// linkTriesOver destroys a row in which nothing counts any more. That it goes is on disk before, so that nothing is counted in it
// meanwhile.
func (x *Exchange) linkTriesOver(ctx context.Context, timer store.Timer) error {
	kept, err := x.store.Load(ctx, timer.Resident)
	if err != nil {
		return wrapped("load how often codes were tried", err)
	}
	l, err := decodeLinkTries(kept.State)
	if err != nil {
		return err
	}
	now := x.clock.Now()
	if !l.Over && kept.Version > 0 {
		l.forgive(now, pauses{fromPause, longPause}) // the slower of both
		l.Over = l.Short+l.Long == 0
		c := l.change(timer.Resident, kept, now, pauses{fromPause, longPause})
		if l.Over {
			c.Timers = nil // it rings again until the row is gone
		}
		done, err := x.store.Commit(ctx, c)
		if err != nil || done.Kind != store.Applied || !l.Over {
			return wrapped("forget how often codes were tried", err)
		}
	}
	return wrapped("forget how often codes were tried", x.store.Erase(ctx, timer.Resident, now))
}
