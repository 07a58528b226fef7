package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/townline/townline/store"
)

// How often PINs were given and chosen on a number stands in a row of the number's own, found by a keyed hash, which is nobody's:
// it is the same on all channels and all servers, and outlives whoever is erased. A PIN counts before it is looked at. A right one
// takes back itself and nothing else: whoever has a PIN of their own could try all others if it took back more.
//
// Any call can show any number. What is given on one counts apart, so that who forges calls locks nothing but calls.

const (
	gateKind     = "pin"      // of the address under which the row is found. It never finds a resident
	callGateKind = "pin.call" // of calls that came in
	gateTimer    = "tried"    // nothing in it counts any more

	mostTries  = 5 // wrong PINs; from the last one on only the desk opens the number again
	triesPause = 24 * time.Hour
	mostChosen = 5 // PINs chosen
	chosePause = 48 * time.Hour
)

// gate is a number's own row.
type gate struct {
	_        struct{} `cbor:",toarray"`
	Tries    int      // wrong PINs that weren't forgiven yet
	TriesAt  int64    // from when the next one is forgiven a triesPause later, in Unix milliseconds
	Chosen   int
	ChosenAt int64
	Over     bool // the row is about to be erased
}

// gateRow begins it, so that it is never taken for a resident's row or a number's of calls.
const gateRow = 0x21

func (g *gate) encode() []byte {
	b, err := cbor.Marshal(g)
	if err != nil {
		panic(err) // numbers always encode
	}
	return append([]byte{gateRow}, b...)
}

func decodeGate(b []byte) (g gate, err error) {
	if len(b) == 0 {
		return g, nil
	}
	if b[0] != gateRow {
		return g, errRow
	}
	if err := cbor.Unmarshal(b[1:], &g); err != nil {
		return g, fmt.Errorf("exchange: read how often PINs were tried: %w", err)
	}
	return g, nil
}

func (g *gate) locked() bool { return g.Tries >= mostTries }

// forgive takes off what is long ago. What is locked stays so.
func (g *gate) forgive(now time.Time) {
	if !g.locked() {
		g.Tries, g.TriesAt = forgiven(g.Tries, g.TriesAt, now, triesPause)
	}
	g.Chosen, g.ChosenAt = forgiven(g.Chosen, g.ChosenAt, now, chosePause)
}

func forgiven(n int, at int64, now time.Time, pause time.Duration) (int, int64) {
	if since := now.UnixMilli() - at; since > 0 {
		days := since / pause.Milliseconds()
		n, at = n-int(min(days, int64(max(n, 0)))), at+days*pause.Milliseconds()
	}
	if n <= 0 {
		return 0, now.UnixMilli()
	}
	return n, at
}

// try counts a PIN that is given; false where none is looked at.
func (g *gate) try() bool {
	if g.locked() {
		return false
	}
	g.Tries++
	return true
}

// right takes back a PIN that was counted and is right.
func (g *gate) right() bool {
	g.Tries = max(g.Tries-1, 0)
	return true
}

func (g *gate) choose() bool {
	if g.locked() || g.Chosen >= mostChosen {
		return false
	}
	g.Chosen++
	return true
}

// free is when nothing counts any more; zero: not by itself.
func (g *gate) free() time.Time {
	if g.locked() {
		return time.Time{}
	}
	at := max(g.TriesAt+int64(g.Tries)*triesPause.Milliseconds(), g.ChosenAt+int64(g.Chosen)*chosePause.Milliseconds())
	return time.UnixMilli(at)
}

// gateKind is of the row that what is given in this turn counts in.
func (t *turn) gateKind() string {
	if t.line.rings() && !t.event.Out {
		return callGateKind
	}
	return gateKind
}

// numberGate is a number's own row as it was read.
type numberGate struct {
	gate
	kind     string
	key      store.AddressKey
	resident store.Resident
	kept     store.Conversation
}

// readGate finds a number's own row, or an empty one.
func readGate(ctx context.Context, s store.Store, k Keys, kind, number string) (g numberGate, err error) {
	g.kind, g.key = kind, k.Address(kind, number)
	known := false
	if g.resident, known, err = s.Find(ctx, g.key); err != nil {
		return g, wrapped("find how often PINs were tried", err)
	}
	if !known {
		g.resident = store.Resident(g.key) // nobody's: as much is looked up as where there is one
	}
	if g.kept, err = s.Load(ctx, g.resident); err != nil {
		return g, wrapped("load how often PINs were tried", err)
	}
	if !known {
		g.kept = store.Conversation{}
	}
	g.gate, err = decodeGate(g.kept.State)
	if err == nil && g.Over {
		err = errGateOver
	}
	return g, err
}

var errGateOver = errors.New("the row of a number is just being erased")

func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("exchange: %s: %w", what, err)
}

// change is what writes the row. The number itself isn't kept in it.
func (g *numberGate) change(in store.Inbound, now time.Time) *store.Change {
	c := &store.Change{Resident: g.resident, Read: g.kept.Version, At: now, State: g.encode(), Inbound: in}
	if at := g.free(); at.IsZero() {
		c.Untimers = []string{gateTimer}
	} else {
		// Not just when a PIN that was unlocked is given.
		c.Timers = []store.Timer{{Resident: g.resident, Name: gateTimer, At: later(at, now.Add(time.Hour))}}
	}
	if g.kept.Version == 0 {
		c.Link = []store.Address{{Key: g.key, Kind: g.kind}}
	}
	return c
}

// counted has something of a number's PINs counted, once for a message, before anything comes of it. locked says that it mayn't be.
// It is written in any case: what another process wrote meanwhile, as the desk does, is seen by that.
func (x *Exchange) counted(ctx context.Context, kind, number string, in store.Inbound, count func(*gate) bool) (locked bool, err error) {
	for range attempts {
		g, err := readGate(ctx, x.store, x.keys, kind, number)
		if err != nil {
			return false, err
		}
		if in != (store.Inbound{}) && slices.Contains(g.kept.Answered, in) {
			b, _, err := x.store.Reply(ctx, g.resident, in)
			return len(b) > 0, wrapped("look whether a PIN was counted", err)
		}
		if g.kept.Version == 0 {
			if err := x.random(g.resident[:]); err != nil {
				return false, err
			}
		}
		now := x.clock.Now()
		g.forgive(now)
		locked := !count(&g.gate)
		c := g.change(in, now)
		if locked {
			c.Reply = []byte{1}
		}
		done, err := x.store.Commit(ctx, c)
		if err != nil {
			return false, wrapped("count a PIN", err)
		}
		if done.Kind == store.Applied {
			for i := range c.Timers {
				x.timers.by(now, c.Timers[i].At)
			}
			return locked, nil
		}
		x.metrics.conflicts.Inc()
	}
	return false, errContested
}

// gateOver destroys a number's own row once nothing in it counts. That it goes is on disk before, so that nothing is counted in it
// meanwhile.
func (x *Exchange) gateOver(ctx context.Context, timer store.Timer) error {
	kept, err := x.store.Load(ctx, timer.Resident)
	if err != nil {
		return wrapped("load how often PINs were tried", err)
	}
	g := numberGate{resident: timer.Resident, kept: kept}
	if g.gate, err = decodeGate(kept.State); err != nil {
		return err
	}
	now := x.clock.Now()
	if !g.Over && kept.Version > 0 {
		g.forgive(now)
		g.Over = g.Tries+g.Chosen == 0
		c := g.change(store.Inbound{}, now)
		if g.Over {
			c.Timers = nil // it rings again until the row is gone
		}
		done, err := x.store.Commit(ctx, c)
		if err != nil || done.Kind != store.Applied || !g.Over {
			return wrapped("forget how often PINs were tried", err)
		}
	}
	return wrapped("forget how often PINs were tried", x.store.Erase(ctx, timer.Resident, now))
}
