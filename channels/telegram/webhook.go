package telegram

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-telegram/bot"

	"github.com/townline/townline/channels"
)

const (
	secretHeader = "X-Telegram-Bot-Api-Secret-Token"

	// mostUpdate is the largest update that is read. A message has 4,096 characters, and as much again of what it replies to.
	mostUpdate = 512 << 10

	// connections is how many updates Telegram may hand over at once: those of one chat come one after the other all the same.
	connections = 20
)

// Mount serves the address that Telegram calls, where it does.
func (t *Telegram) Mount(mux *http.ServeMux, in channels.Inbox) {
	if !t.cfg.Webhook {
		return
	}
	mux.HandleFunc("POST "+t.Path(), func(w http.ResponseWriter, r *http.Request) {
		if !same(r.Header.Get(secretHeader), t.cfg.Secret) {
			t.forged(r)
			http.Error(w, "the secret is wrong", http.StatusForbidden)
			return
		}
		channels.Trust(w)
		if channels.Full(in, Name) {
			later(w)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostUpdate))
		if err != nil {
			http.Error(w, "too large, or broken off", http.StatusRequestEntityTooLarge)
			return
		}
		id := updateID(body)
		if id == 0 {
			http.Error(w, "an update is expected", http.StatusBadRequest)
			return
		}
		gate := &t.order[chatOf(body)%uint64(len(t.order))]
		gate.Lock()
		defer gate.Unlock()
		if err := t.take(r.Context(), in, body); err != nil {
			t.log.LogAttrs(r.Context(), channels.Level(err), "update not accepted", slog.String("channel", Name), slog.Int64("update", id), slog.Any("error", err))
			later(w)
		}
	})
}

// later has Telegram hand the update over again.
func later(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "2")
	http.Error(w, "not now, please try again", http.StatusServiceUnavailable)
}

// same compares without telling how much of a secret is right. Nothing is the same as no secret.
func same(given, secret string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(secret))
	return secret != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// forged logs a call that isn't Telegram's, once a minute at most.
func (t *Telegram) forged(r *http.Request) {
	now := t.now().Unix()
	if last := t.hushed.Load(); now-last < 60 || !t.hushed.CompareAndSwap(last, now) {
		return
	}
	t.log.LogAttrs(r.Context(), slog.LevelWarn, "a call without Telegram's secret: was telegram.secret changed, and another server is still known to Telegram?",
		slog.String("channel", Name), slog.Bool("secret", r.Header.Get(secretHeader) != ""))
}

// chatOf is whose update it is, as far as that matters for order; 0: nobody's.
func chatOf(raw []byte) uint64 {
	u, err := readUpdate(raw)
	if err != nil {
		return 0
	}
	switch {
	case u.Message != nil:
		return uint64(u.Message.Chat.ID)
	case u.Edited != nil:
		return uint64(u.Edited.Chat.ID)
	case u.Press != nil && u.Press.From != nil:
		return uint64(u.Press.From.ID)
	case u.MyMember != nil:
		return uint64(u.MyMember.Chat.ID)
	}
	return 0
}

// called has Telegram call us.
func (t *Telegram) called(ctx context.Context) error {
	w, err := t.api.call(ctx, func(ctx context.Context, b *bot.Bot) error {
		_, err := b.SetWebhook(ctx, &bot.SetWebhookParams{
			URL: strings.TrimRight(t.cfg.PublicURL, "/") + t.Path(), SecretToken: t.cfg.Secret, AllowedUpdates: wanted(), MaxConnections: connections,
		})
		return err
	})
	if err != nil {
		return w.failed("name the address to call", err)
	}
	return nil
}

// uncalled has Telegram call nobody: it hands updates over only one way at a time.
func (t *Telegram) uncalled(ctx context.Context) error {
	w, err := t.api.call(ctx, func(ctx context.Context, b *bot.Bot) error {
		_, err := b.DeleteWebhook(ctx, &bot.DeleteWebhookParams{})
		return err
	})
	if err != nil {
		return w.failed("end its calls", err)
	}
	return nil
}

// Listen makes the bot known to Telegram, and asks for updates where Telegram doesn't call. It returns when ctx ends and what came
// in is on disk.
func (t *Telegram) Listen(ctx context.Context, in channels.Inbox) error {
	begin := t.uncalled
	if t.cfg.Webhook {
		begin = t.called
	}
	if !t.until(ctx, "the bot is not known to Telegram yet", begin) {
		return nil
	}
	if t.cfg.Webhook {
		t.until(ctx, "the commands are not known to Telegram yet", t.introduce)
		<-ctx.Done()
		return nil
	}
	naming, stop := context.WithCancel(ctx)
	named := make(chan struct{})
	go func() {
		defer close(named)
		t.until(naming, "the commands are not known to Telegram yet", t.introduce)
	}()
	t.poll(ctx, in)
	stop()
	<-named
	return nil
}

// until tries until it works; false: ctx ended before.
func (t *Telegram) until(ctx context.Context, why string, do func(context.Context) error) bool {
	for tries := 1; ; tries++ {
		try, cancel := context.WithTimeout(ctx, besidePatience)
		err := do(try)
		cancel()
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		after, _ := channels.Retrying(err)
		t.log.LogAttrs(ctx, slog.LevelError, why, slog.String("channel", Name), slog.Any("error", err))
		if !t.rest(ctx, max(t.pause(tries), min(after, time.Minute))) {
			return false
		}
	}
}

// rest waits; false: ctx ended.
func (t *Telegram) rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
