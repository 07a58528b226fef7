package exchange

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/engine"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/store"
)

// What becomes of a pushed message once it was tried.

const (
	firstBackOff = 10 * time.Second
	lastBackOff  = time.Hour
	maxAttempts  = 12              // then a message is dead: with the back-off above, after about six hours
	mostRings    = 3               // calls that nobody answers
	lookAgain    = 5 * time.Minute // between look-ups of a doubtful message
	firstLook    = time.Minute     // providers list a message a little after they took it
)

// Codes of messages that the exchange gives up; providers' codes stand beside them.
const (
	codeUnreadable = "unreadable"  // the page can't be read
	codeTired      = "gave-up"     // too many attempts
	codeUnknown    = "not-known"   // nobody can tell whether it was sent
	codeNoChannel  = "no-delivery" // the channel refused it without saying why
)

// judge says what is to become of a message after an attempt.
func (x *Exchange) judge(l *line, m *store.Message, receipt string, err error) store.Settled {
	if err == nil {
		return store.Settled{State: store.Sent, Receipt: receipt}
	}
	if code, ok := channels.IsGone(err); ok {
		if code == "" {
			code = codeNoChannel
		}
		return store.Settled{State: store.Dead, Receipt: receipt, Code: code}
	}
	if after, ok := channels.Retrying(err); ok {
		if errors.Is(err, channels.ErrThrottled) {
			return x.held(l, m, after)
		}
		if l.rings() && !errors.Is(err, channels.ErrNotRung) {
			if m.Attempts >= mostRings {
				return store.Settled{State: store.Dead, Code: codeTired}
			}
			after = max(after, x.callbacks.Apart)
		}
		return x.again(m, after)
	}
	// In doubt, or an error of which the adapter says nothing: the same.
	return x.doubt(l, m, receipt)
}

// again queues a message for another attempt, or gives it up after too many.
func (x *Exchange) again(m *store.Message, after time.Duration) store.Settled {
	if m.Attempts >= maxAttempts {
		return store.Settled{State: store.Dead, Code: codeTired}
	}
	return store.Settled{State: store.Queued, Retry: x.clock.Now().Add(max(after, x.backOff(m.Attempts)))}
}

// doubt settles a message that may or may not have been sent: it is looked up where the provider can be asked, sent
// again where the town chose so, and held for a person everywhere else.
func (x *Exchange) doubt(l *line, m *store.Message, receipt string) store.Settled {
	if asks(l) {
		return store.Settled{State: store.Unsure, Receipt: receipt, Retry: x.clock.Now().Add(firstLook)}
	}
	if l.resend {
		return x.anew(l, m)
	}
	return store.Settled{State: store.Unsure, Receipt: receipt, Code: codeUnknown}
}

// anew sends a message again that may have been sent; nobody is rung again at once.
func (x *Exchange) anew(l *line, m *store.Message) store.Settled {
	if l.rings() {
		return x.again(m, x.callbacks.Apart)
	}
	return x.again(m, 0)
}

// rings says whether what is delivered there makes a telephone ring.
func (l *line) rings() bool { return l.traits.Form == engine.Speech }

func asks(l *line) bool {
	switch l.Channel.(type) {
	case channels.Settler, channels.Finder:
		return true
	}
	return false
}

// look asks the provider what became of a doubtful message.
func (x *Exchange) look(ctx context.Context, l *line, m *store.Message, page *render.Page) store.Settled {
	key := hex.EncodeToString(m.ID[:])
	receipt, sent := m.Receipt, false
	var err error
	settler, settles := l.Channel.(channels.Settler)
	finder, finds := l.Channel.(channels.Finder)
	switch {
	case settles && (receipt != "" || !finds):
		sent, err = settler.Look(ctx, key, receipt)
	case finds:
		// Due stays what it was when the message was queued: it was not tried before.
		receipt, sent, err = finder.Find(ctx, reached(m), *page, key, m.Due)
	default:
		return store.Settled{State: store.Unsure, Receipt: receipt, Code: codeUnknown}
	}
	switch {
	case err == nil && sent:
		return store.Settled{State: store.Sent, Receipt: receipt}
	case err == nil:
		return x.again(m, 0)
	case m.Attempts >= maxAttempts:
		return store.Settled{State: store.Unsure, Receipt: receipt, Code: codeUnknown}
	}
	return store.Settled{State: store.Unsure, Receipt: receipt, Retry: x.clock.Now().Add(lookAgain), Forgive: -1}
}

// backOff doubles with each attempt, and lies somewhere in the upper half of that, so that what failed together doesn't
// come back together.
func (x *Exchange) backOff(attempts int) time.Duration {
	d := lastBackOff
	if n := max(attempts, 1) - 1; n < 10 {
		d = min(firstBackOff<<n, lastBackOff)
	}
	var b [8]byte
	if err := x.random(b[:]); err != nil {
		return d
	}
	return d/2 + time.Duration(binary.BigEndian.Uint64(b[:])%uint64(d/2))
}
