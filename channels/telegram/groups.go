package telegram

import (
	"context"
	"sync"
	"time"

	"github.com/go-telegram/bot"

	"github.com/townline/townline/locales"
)

// declined are the groups that were declined lately: being brought in comes as two updates, and messages may follow.
type declined struct {
	mu   sync.Mutex
	when map[int64]time.Time
}

const (
	declineOnce  = time.Hour
	mostDeclines = 200 // groups within that time; who brings the bot into more gets no words
)

func (d *declined) first(group int64, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for g, at := range d.when {
		if now.Sub(at) > declineOnce {
			delete(d.when, g)
		}
	}
	if _, was := d.when[group]; was || len(d.when) >= mostDeclines {
		return false
	}
	if d.when == nil {
		d.when = map[int64]time.Time{}
	}
	d.when[group] = now
	return true
}

// decline tells a group, in the language of whoever brought the bot there, that it talks with one person at a time, and leaves: what
// people say to one another is none of the town's business.
func (t *Telegram) decline(group int64, lang string) {
	if !t.groups.first(group, t.now()) {
		return
	}
	t.side.do(func(ctx context.Context) {
		l := t.cfg.Phrases.Language(t.tongue(lang))
		w, err := t.api.call(ctx, func(ctx context.Context, b *bot.Bot) error {
			_, err := b.SendMessage(ctx, &bot.SendMessageParams{ChatID: group, Text: l.Phrase("chat.group", locales.Full)})
			return err
		})
		t.beside(ctx, "decline a group", w, err)
		w, err = t.api.call(ctx, func(ctx context.Context, b *bot.Bot) error {
			_, err := b.LeaveChat(ctx, &bot.LeaveChatParams{ChatID: group})
			return err
		})
		t.beside(ctx, "leave a group", w, err)
	})
}
