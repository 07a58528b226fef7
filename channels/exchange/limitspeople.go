package exchange

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/store"
)

// reminderKeeps is how long a reminder is worth sending: later it reminds of something that is over, or of itself.
const reminderKeeps = 48 * time.Hour

// Codes of messages that are given up since the resident has had enough, or can't be reached.
const (
	codeContact   = "enough"     // they would get it too late, having had as many as they may get
	codeBadNumber = "bad-number" // nothing can be delivered there, as was seen before
)

// Dropped says whether a message was given up for its resident's sake: nobody at the town hall has to look at it.
func Dropped(code string) bool {
	return slices.Contains([]string{store.CodeOptedOut, store.CodeNoAddress, store.CodeLate, store.CodeOvertaken, codeContact, codeBadNumber, codeUnwanted, codeBehind}, code)
}

// Why messages are held that were about to leave, as metrics name it.
const (
	heldNight     = "night"
	heldContact   = "contact"
	heldBudget    = "budget"
	heldPace      = "pace" // of one resident
	heldThrottled = "throttled"
	heldNumber    = "number"
)

// mayLeave says whether a claimed message leaves now: it has counted what it takes of paces and budgets then. Else it says what
// is to become of it. Replies wait for nothing but a pace and a budget.
func (x *Exchange) mayLeave(ctx context.Context, l *line, m *store.Message, now time.Time) (instead store.Settled, err error) {
	if m.Class > classReply {
		if x.quiet != nil {
			if day := x.quiet(NumberOf(m), x.calendar.local(now)); day.After(now) {
				return x.wait(m, day, heldNight), nil
			}
		}
		bad, err := x.isBad(ctx, l, m)
		if err != nil {
			return instead, err
		}
		if bad {
			x.metrics.held.WithLabelValues(m.Channel, heldNumber).Inc()
			return store.Settled{State: store.Dead, Code: codeBadNumber}, nil
		}
		free, err := x.enough(ctx, m, now)
		if err != nil {
			return instead, err
		}
		if free.After(now) {
			return x.wait(m, free, heldContact), nil
		}
	}
	until, ok, err := x.afford(ctx, l, m, now)
	if err != nil {
		return instead, err
	}
	if !ok {
		// It keeps its place: who raises the budget and begins anew need not wait for the next day.
		l.stopped[1] = until
		if m.Class == classReply {
			l.stopped[0] = until
		}
		x.metrics.held.WithLabelValues(m.Channel, heldBudget).Inc()
		return store.Settled{State: store.Queued, Retry: m.Due, Forgive: 1}, nil
	}
	free, ok, known := l.askEach(ctx, now, m.Resident, m.Weight)
	if ok {
		free, ok = x.limits.take(l, now, m.Resident, m.Weight, known)
	}
	if !ok {
		x.unspent(l, m)
		return x.wait(m, free, heldPace), nil
	}
	return instead, nil
}

// wait puts a message back until a time, or gives it up if it is of no use then.
func (x *Exchange) wait(m *store.Message, until time.Time, why string) store.Settled {
	x.metrics.held.WithLabelValues(m.Channel, why).Inc()
	if !m.Until.IsZero() && !until.Before(m.Until) {
		code := store.CodeLate
		if why == heldContact {
			code = codeContact
		}
		return store.Settled{State: store.Dead, Code: code}
	}
	return store.Settled{State: store.Queued, Retry: until, Forgive: 1}
}

// enough is when a resident may get this message, having had others. Those on their way count as got.
func (x *Exchange) enough(ctx context.Context, m *store.Message, now time.Time) (time.Time, error) {
	c := x.limits.contact
	if c.Most <= 0 {
		return now, nil
	}
	had, err := x.store.Contacts(ctx, m.Resident, now.Add(-c.Within))
	if err != nil {
		return now, err
	}
	had = slices.DeleteFunc(had, func(h store.Contact) bool { return h.Due.Equal(m.Due) }) // other pages of it, and itself
	if len(had) < c.Most {
		return now, nil
	}
	first := had[len(had)-c.Most].At
	if first.IsZero() { // on its way: nobody knows yet
		return now.Add(firstBackOff), nil
	}
	return first.Add(c.Within), nil
}

// isBad says whether nothing can be delivered at the address of a message.
func (x *Exchange) isBad(ctx context.Context, l *line, m *store.Message) (bool, error) {
	if l.rings() {
		return false, nil
	}
	kept, err := x.store.Load(ctx, m.Resident)
	if err != nil {
		return false, err
	}
	r, err := decodeRow(kept.State)
	if err != nil {
		return false, err
	}
	return r.more.Pushed.bad(m.Kind), nil
}

// held settles a message that a provider takes no more of for now: neither this one nor any other.
func (x *Exchange) held(l *line, m *store.Message, after time.Duration) store.Settled {
	now := x.clock.Now()
	until := x.limits.throttled(l, now, after)
	x.metrics.held.WithLabelValues(m.Channel, heldThrottled).Inc()
	if now.Sub(m.Due) > patienceOfThrottled {
		return x.again(m, until.Sub(now))
	}
	return store.Settled{State: store.Queued, Retry: until, Forgive: 1}
}

// noted draws from what came of a message what it says of its line and of its address.
func (x *Exchange) noted(ctx context.Context, l *line, m *store.Message, err error) {
	now := x.clock.Now()
	code, gone := channels.IsGone(err)
	_, again := channels.Retrying(err)
	if again || gone {
		x.unspent(l, m) // nothing was sent
	}
	switch {
	case err == nil:
		x.limits.went(l)
	case errors.Is(err, channels.ErrThrottled), errors.Is(err, channels.ErrOptedOut), l.rings():
	case gone:
		bad := errors.Is(err, channels.ErrBadNumber)
		if err := x.unreached(context.WithoutCancel(ctx), m, code, bad); err != nil {
			x.log.LogAttrs(ctx, slog.LevelWarn, "that a number can't be reached was not kept", slog.String("channel", m.Channel), slog.Any("error", err))
		}
		if !bad && x.limits.refused(l, now, m.ID, code) {
			x.log.LogAttrs(ctx, slog.LevelError, "the provider refuses everything: what can wait does, until somebody has looked", slog.String("channel", m.Channel), slog.String("code", code))
		}
	default:
		if x.limits.fell(l, now, m.ID) {
			x.log.LogAttrs(ctx, slog.LevelError, "nothing gets through to the provider: it is tried now and then", slog.String("channel", m.Channel), slog.Any("error", err))
		}
	}
}

// pushed is what a row remembers of what was sent to a resident unasked.
type pushed struct {
	Waits   bool   `cbor:"1,keyasint,omitempty"` // something may be in the outbox that is of no use once they are heard
	Told    []byte `cbor:"2,keyasint,omitempty"` // hashes of what they were told, eight bytes each, the newest last
	Kind    string `cbor:"3,keyasint,omitempty"` // of the address at which a message was refused for good,
	Refused string `cbor:"4,keyasint,omitempty"` // with which code,
	Bad     bool   `cbor:"5,keyasint,omitempty"` // and nothing is to be tried there again before they are heard from it
}

func (p *pushed) bad(kind string) bool { return p != nil && p.Bad && p.Kind == kind }

// whole is p, or nil where nothing is in it.
func (p *pushed) whole() *pushed {
	if p == nil || !p.Waits && len(p.Told) == 0 && p.Kind == "" {
		return nil
	}
	return p
}

// changed is a copy of p, to be changed.
func (p *pushed) changed() *pushed {
	if p == nil {
		return &pushed{}
	}
	c := *p
	return &c
}

// heardFrom notes in the row that the resident is here: what waits for them is not needed, and they can be reached.
func (t *turn) heardFrom() {
	p := t.more.Pushed
	if p == nil {
		return
	}
	p = p.changed()
	t.change.Heard, p.Waits = p.Waits, false
	if p.Kind == t.kindHere() && !t.line.rings() {
		p.Kind, p.Refused, p.Bad = "", "", false
	}
	t.more.Pushed = p.whole()
}

// unreached keeps that a message to a resident was refused for good. After a second one, or when the provider says that the
// number itself is why, nothing is tried there unasked.
func (x *Exchange) unreached(ctx context.Context, m *store.Message, code string, bad bool) error {
	if m.Kind == callKind || m.Kind == "" {
		return nil
	}
	if l := x.channels[m.Channel]; l == nil || l.rings() {
		return nil
	}
	if err := x.residents.take(ctx, m.Resident); err != nil {
		return err
	}
	defer x.residents.give(m.Resident)
	for range attempts {
		kept, err := x.store.Load(ctx, m.Resident)
		if err != nil {
			return err
		}
		r, err := decodeRow(kept.State)
		if err != nil || kept.Version == 0 || r.gone || r.more.Pushed.bad(m.Kind) {
			return err
		}
		p := r.more.Pushed.changed()
		p.Bad = bad || p.Kind == m.Kind
		p.Kind, p.Refused = m.Kind, code
		r.more.Pushed = p
		out, err := x.store.Commit(ctx, &store.Change{Resident: m.Resident, Read: kept.Version, At: x.clock.Now(), State: r.encode()})
		if err != nil || out.Kind == store.Applied {
			return err
		}
	}
	return errContested
}
