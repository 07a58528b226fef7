package exchange

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// What was spent is a row of the town's own for each budget, so that it holds for all servers, and after a crash. A server takes
// a part of the budget at a time, so that not every message costs a commit: what it has not used is given back when it shuts
// down, and counts as spent if it can't. So no more is ever spent than the budget, but for replies that are part of a
// provider's own response: those are always given, and entered afterwards.

// Budget is the most that may be spent on some channels in a day or a month of the town's calendar.
type Budget struct {
	Name     string
	Channels []string
	Most     int64  // millionths of Unit
	Unit     string // "segments", or that of prices
	Monthly  bool   // else daily
}

// Segments is the unit of a budget that counts segments, whatever they cost.
const Segments = "segments"

const million = 1_000_000

// purse is a budget as one server has it.
type purse struct {
	Budget
	reserve int64         // only for replies
	busy    chan struct{} // holds a token while it is looked into

	period string       // "2027-03-15" or "2027-03"
	ours   int64        // taken from the budget and not spent yet
	empty  [2]bool      // for replies, and for what can wait: it was told
	owed   atomic.Int64 // spent by replies and not entered yet
	spent  atomic.Int64 // of the budget, by all, as the store last said
}

// expense is a budget's row.
type expense struct {
	_      struct{} `cbor:",toarray"`
	Period string
	Spent  int64
}

const expenseRow = 0x21

// part is how much of a budget a server takes at a time: a hundredth.
func (p *purse) part() int64 { return max(p.Most/100, 1) }

// periodAt is the day or the month of a moment, and the moment from which on it is the next.
func (x *Exchange) periodAt(b *Budget, now time.Time) (period string, next time.Time) {
	t := x.calendar.local(now)
	if b.Monthly {
		return t.Format("2006-01"), time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, t.Location())
	}
	return t.Format(time.DateOnly), time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, t.Location())
}

// cost is what so many segments to a number take out of a budget.
func (x *Exchange) cost(b *Budget, channel, number string, weight int) int64 {
	if b.Unit == Segments {
		return int64(weight) * million
	}
	if x.limits.price == nil {
		return 0
	}
	each, unit, ok := x.limits.price(channel, number)
	if !ok || unit != b.Unit {
		return 0
	}
	return int64(weight) * each
}

// afford takes what a message costs out of the budgets of its channel. Where one of them is used up it says until when, and
// takes nothing.
func (x *Exchange) afford(ctx context.Context, l *line, m *store.Message, now time.Time) (until time.Time, ok bool, err error) {
	for i, p := range l.purses {
		until, ok, err := x.payFrom(ctx, p, x.cost(&p.Budget, m.Channel, NumberOf(m), m.Weight), m.Class > classReply, now)
		if err != nil || !ok {
			for _, before := range l.purses[:i] {
				x.putBack(before, x.cost(&before.Budget, m.Channel, NumberOf(m), m.Weight))
			}
			return until, false, err
		}
	}
	return now, true, nil
}

// unspent gives back what a message would have cost that was not taken.
func (x *Exchange) unspent(l *line, m *store.Message) {
	for _, p := range l.purses {
		x.putBack(p, x.cost(&p.Budget, m.Channel, NumberOf(m), m.Weight))
	}
}

// NumberOf is the telephone number that a message goes to, "" where it goes to none.
func NumberOf(m *store.Message) string { return number(reached(m)) }

func (x *Exchange) putBack(p *purse, cost int64) {
	p.busy <- struct{}{}
	p.ours += cost
	<-p.busy
}

// payFrom takes an amount out of a budget. What can wait leaves a part of it for replies.
func (x *Exchange) payFrom(ctx context.Context, p *purse, cost int64, canWait bool, now time.Time) (until time.Time, ok bool, err error) {
	if cost == 0 {
		return now, true, nil
	}
	select {
	case p.busy <- struct{}{}:
	case <-ctx.Done():
		return now, false, ctx.Err()
	}
	defer func() { <-p.busy }()
	next := x.turnOver(p, now)
	if p.ours < cost {
		most := p.Most
		if canWait {
			most -= p.reserve
		}
		if err := x.draw(ctx, p, cost, most, now); err != nil {
			return now, false, err
		}
	}
	if p.ours >= cost {
		p.ours -= cost
		return now, true, nil
	}
	which := 0
	if canWait {
		which = 1
	}
	if !p.empty[which] {
		p.empty[which] = true
		x.metrics.stopped.WithLabelValues(p.Name).Inc()
		said := "the budget is used up: nothing is sent that is not part of a response"
		if canWait {
			said = "the budget is used up but for replies: what can wait does"
		}
		x.log.LogAttrs(ctx, slog.LevelError, said, slog.String("budget", p.Name), slog.Time("until", next))
	}
	return next, false, nil
}

// draw takes a part of the budget, at least what is missing of a cost if there is so much left of it.
func (x *Exchange) draw(ctx context.Context, p *purse, cost, most int64, now time.Time) error {
	return x.enter(ctx, p, now, func(spent int64) int64 {
		least := cost - p.ours
		if more := min(max(least, p.part()), most-spent); more >= least {
			return more
		}
		return 0
	})
}

// enter rewrites a budget's row: what replies have cost goes in, and what take wants for this server, which may be less than 0.
func (x *Exchange) enter(ctx context.Context, p *purse, now time.Time, take func(spent int64) int64) error {
	row := "budget:" + p.Name + ":" + p.Unit
	if p.Monthly {
		row += ":month"
	}
	town := store.Resident(x.keys.Voter(ownRows, row))
	for range attempts {
		kept, err := x.store.Load(ctx, town)
		if err != nil {
			return fmt.Errorf("load what was spent: %w", err)
		}
		e, err := decodeExpense(kept.State)
		if err != nil {
			return err
		}
		switch {
		case e.Period == p.period:
		case e.Period == x.following(&p.Budget, now): // another server's clock is ahead
			p.begin(e.Period)
		default:
			e = expense{Period: p.period}
		}
		owed := p.owed.Load()
		more := take(e.Spent + owed)
		e.Spent += owed + more
		if owed != 0 || more != 0 {
			b, err := cbor.Marshal(e)
			if err != nil {
				return err
			}
			// After an error it may have been entered all the same, and counts twice then: that costs the town nothing.
			done, err := x.store.Commit(ctx, &store.Change{Resident: town, Read: kept.Version, At: now, State: append([]byte{expenseRow}, b...)})
			if err != nil {
				return fmt.Errorf("keep what was spent: %w", err)
			}
			if done.Kind != store.Applied {
				continue
			}
		}
		p.owed.Add(-owed)
		p.ours += more
		p.spent.Store(e.Spent)
		return nil
	}
	return errContested
}

func decodeExpense(b []byte) (e expense, err error) {
	if len(b) == 0 {
		return e, nil
	}
	if b[0] != expenseRow {
		return e, errRow
	}
	if err := cbor.Unmarshal(b[1:], &e); err != nil {
		return e, fmt.Errorf("exchange: read what was spent: %w", err)
	}
	return e, nil
}

// replied counts what replies cost that went back in a provider's response. It waits for nothing.
func (x *Exchange) replied(l *line, to string, pages []render.Page) {
	for _, p := range l.purses {
		for i := range pages {
			p.owed.Add(x.cost(&p.Budget, l.Name(), to, l.weight(&pages[i])))
		}
	}
}

// enterOwed enters what replies have cost; all is true when the town closes, and what is left is given back.
func (x *Exchange) enterOwed(ctx context.Context, all bool) {
	now := x.clock.Now()
	for _, p := range x.limits.purses {
		p.busy <- struct{}{}
		x.turnOver(p, now) // a reply just before midnight may count for the day after
		if p.owed.Load() > 0 || all && p.ours > 0 {
			if err := x.enter(ctx, p, now, func(int64) int64 {
				if all {
					return -p.ours
				}
				return 0
			}); err != nil {
				x.log.LogAttrs(ctx, slog.LevelWarn, "what was spent was not entered yet", slog.String("budget", p.Name), slog.Any("error", err))
			}
		}
		<-p.busy
	}
}

// turnOver begins a new day or month, and returns when the next one begins. One that has begun isn't taken back where a clock is
// set back, or another server's is ahead: the budget of the day before would be there anew each time.
func (x *Exchange) turnOver(p *purse, now time.Time) time.Time {
	period, next := x.periodAt(&p.Budget, now)
	if p.period != period && p.period != x.following(&p.Budget, now) {
		p.begin(period)
	}
	return next
}

// following is the period after that of now.
func (x *Exchange) following(b *Budget, now time.Time) string {
	_, next := x.periodAt(b, now)
	period, _ := x.periodAt(b, next)
	return period
}

// begin begins a period. What was left of the one before stays there.
func (p *purse) begin(period string) { p.period, p.ours, p.empty = period, 0, [2]bool{} }

// Spent is how much of a budget is used up, in millionths of its unit, on all servers together; what they have taken and not
// used yet is in it.
func (x *Exchange) Spent(ctx context.Context, b Budget) (int64, error) {
	p := purse{Budget: b}
	now := x.clock.Now()
	p.period, _ = x.periodAt(&b, now)
	err := x.enter(ctx, &p, now, func(int64) int64 { return 0 })
	return p.spent.Load(), err
}
