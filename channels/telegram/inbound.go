package telegram

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-telegram/bot"

	"github.com/townline/townline/channels"
)

// patience is how long a turn may take before the update is put off.
const patience = 12 * time.Second

// take holds the turn of one update; nil: it is on disk, or there is nothing in it to be held. The same update may be taken again.
func (t *Telegram) take(ctx context.Context, in channels.Inbox, raw []byte) (err error) {
	id := updateID(raw)
	defer func() {
		if p := recover(); p != nil { // what it says may hold what a resident said
			t.log.LogAttrs(ctx, slog.LevelError, "an update broke its turn", slog.String("channel", Name), slog.Int64("update", id), slog.String("panic", fmt.Sprintf("%T", p)), slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("telegram: a turn broke: %T", p)
		}
		if err != nil && !errors.Is(err, channels.ErrBusy) && t.poison.failed(id, t.now()) {
			t.log.LogAttrs(ctx, slog.LevelError, "an update is given up, as others go through: somebody waits for an answer in vain", slog.String("channel", Name), slog.Int64("update", id), slog.Any("error", err))
			err = nil
		}
	}()
	u, err := readUpdate(raw)
	if err != nil { // trying again can't help
		t.log.LogAttrs(ctx, slog.LevelError, "an update can't be read", slog.String("channel", Name), slog.Int64("update", id))
		return nil
	}
	c := t.reads(u)
	switch {
	case c.group != 0:
		t.decline(c.group, c.lang)
		return nil
	case c.event == nil:
		t.confirm(c.press)
		return nil
	}
	now := t.now()
	if c.message != 0 && t.chats.again(c.chat, c.message, c.data, now) {
		t.confirm(c.press)
		return nil
	}
	if ok, tell := t.chats.takes(c.chat, now); !ok && !c.blocked {
		if tell {
			t.log.LogAttrs(ctx, slog.LevelWarn, "a chat writes faster than anybody can; some of it is not taken", slog.String("channel", Name))
		}
		t.confirm(c.press)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	t.chats.heard(c.chat, c.message, c.event.Pressed, now)
	reply, err := in.Receive(ctx, *c.event)
	if err != nil {
		t.chats.untaken(c.chat) // it comes again: it isn't a second one
		return err
	}
	t.poison.passed(id)
	if c.message != 0 {
		t.chats.counts(c.chat, c.message, c.data, now)
	}
	t.confirm(c.press)
	if len(reply.Pages) > 0 && !c.blocked { // the last word to somebody whom the outbox is closed to
		unsent := func(err error) {
			t.log.LogAttrs(ctx, slog.LevelWarn, "a last word was not sent", slog.String("channel", Name), slog.Any("error", err))
		}
		if !t.side.do(func(ctx context.Context) {
			for _, p := range reply.Pages {
				if _, err := t.Deliver(ctx, c.event.From, p, ""); err != nil {
					unsent(err)
					return
				}
			}
		}) {
			unsent(errCrowded)
		}
	}
	return nil
}

// errCrowded is of what was left out since too much waits already.
var errCrowded = errors.New("telegram: too much waits to be sent")

// confirm has the phone stop waiting for what a press does.
func (t *Telegram) confirm(press string) {
	if press == "" {
		return
	}
	t.side.do(func(ctx context.Context) {
		w, err := t.api.call(ctx, func(ctx context.Context, b *bot.Bot) error {
			_, err := b.AnswerCallbackQuery(ctx, &bot.AnswerCallbackQueryParams{CallbackQueryID: press})
			return err
		})
		t.beside(ctx, "confirm a press", w, err)
	})
}

// beside notes what went wrong with something that nobody waits for.
func (t *Telegram) beside(ctx context.Context, what string, w *answer, err error) {
	if err != nil {
		t.log.LogAttrs(ctx, slog.LevelDebug, "beside a turn", slog.String("channel", Name), slog.Any("error", w.failed(what, err)))
	}
}

// poison tells an update that fails by itself from a town that takes nothing: only where others go through meanwhile is one given
// up, so that it stops nobody for ever.
type poison struct {
	mu      sync.Mutex
	through uint64 // updates that went through
	failing map[int64]*failing
}

type failing struct {
	tries   int
	since   time.Time
	through uint64 // as it was at the first failure
}

const (
	mostTries   = 5
	leastTime   = 20 * time.Second
	mostFailing = 10_000
)

// failed counts a failure, and says whether the update is to be given up.
func (p *poison) failed(id int64, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failing == nil || len(p.failing) >= mostFailing {
		p.failing = map[int64]*failing{}
	}
	f := p.failing[id]
	if f == nil {
		f = &failing{since: now, through: p.through}
		p.failing[id] = f
	}
	f.tries++
	if f.tries < mostTries || p.through == f.through || now.Sub(f.since) < leastTime {
		return false
	}
	delete(p.failing, id)
	return true
}

// passed notes that an update went through.
func (p *poison) passed(id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.through++
	delete(p.failing, id)
}
